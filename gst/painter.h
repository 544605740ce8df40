/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Draws boxes and labels as a GstVideoOverlayComposition. */
#pragma once

#include <gst/dml/gstdml.h>
#include <gst/video/video.h>

G_BEGIN_DECLS

typedef struct {
  DmlDecision decision;
  GstDmlBox box;
  gboolean has_box; /* else the text goes to the upper left corner */
  char *text;       /* owned; NULL for none */
} GstDmlSign;

typedef struct {
  char *font;         /* a Pango description; a size in it counts in pixels */
  guint line_width;   /* pixels; 0 = by the frame's size */
  guint32 colours[3]; /* 0xAARRGGBB by DmlDecision */
  gboolean draw_box;
} GstDmlStyle;

/* Of the streaming thread: a Pango context serves one thread at a time. */
typedef struct _GstDmlPainter GstDmlPainter;

GstDmlPainter *gst_dml_painter_new (void);
void gst_dml_painter_free (GstDmlPainter *self);

/* Pictures of labels are kept from frame to frame; other styles and sizes throw
 * them away. */
void gst_dml_painter_set_style (GstDmlPainter *self, const GstDmlStyle *style);

/* (transfer full) NULL where there is nothing to draw. */
GstVideoOverlayComposition *gst_dml_painter_paint (GstDmlPainter *self,
                                                   const GArray *signs,
                                                   const GstVideoInfo *info);

void gst_dml_sign_clear (gpointer sign);

G_END_DECLS
