/* SPDX-License-Identifier: LGPL-2.1-or-later
 * A mapped video frame as a DmlImage: no pixel is copied or converted here. */
#pragma once

#include <dml/dml.h>
#include <gst/video/video.h>

G_BEGIN_DECLS

typedef struct {
  GstVideoFrame frame;
  DmlImage
    image;      /* the visible picture: the crop rectangle where there is one */
  gint x, y;    /* of the picture in the frame */
  guint8 *line; /* one unpacked row; NULL until a format needs it */
  gsize line_size;
} GstDmlFrame;

/* Zeroed memory is a valid GstDmlFrame; clear frees what it kept. */
void gst_dml_frame_clear (GstDmlFrame *self);

/* Whether a buffer's GstVideoMeta fits the caps; mapping one that does not is a
 * programming error in GStreamer's eyes. */
gboolean gst_dml_frame_layout_fits (const GstVideoInfo *info,
                                    GstBuffer *buffer);

/* Maps for reading and fills in the view. FALSE where the buffer is too short.
 * The buffer stays writable. */
gboolean gst_dml_frame_map (GstDmlFrame *self, const GstVideoInfo *info,
                            GstBuffer *buffer);
void gst_dml_frame_unmap (GstDmlFrame *self);

/* The visible picture: caps size, or the crop meta's rectangle within it. */
void gst_dml_frame_get_picture (const GstVideoInfo *info, GstBuffer *buffer,
                                GstVideoRectangle *picture);

/* All raw formats that the GStreamer at hand can unpack, in memory that the CPU
 * reads, with and without overlays that ride along. Not GL, VA or NVMM: mapping
 * those gives a download per frame or no pixels at all. * (transfer full) */
GstCaps *gst_dml_frame_caps (void);

/* Whether a format has a DmlImage layout of its own. */
gboolean gst_dml_frame_format_is_direct (GstVideoFormat format);

G_END_DECLS
