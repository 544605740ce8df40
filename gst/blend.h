/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Blends overlay rectangles into frames, for elements downstream that cannot.
 */
#pragma once

#include <gst/video/video.h>

G_BEGIN_DECLS

/* Of one thread. Keeps rectangles that come again as they are in the frames'
 * format. */
typedef struct _GstDmlBlender GstDmlBlender;

GstDmlBlender *gst_dml_blender_new (void);
void gst_dml_blender_free (GstDmlBlender *self);

/* As gst_video_overlay_composition_blend(), which unpacks, converts and packs
 * whole lines of the frame for each rectangle. Rectangles (premultiplied, not
 * scaled) may shift by less than a chroma sample to lie on one. The frame is
 * mapped for reading and writing. */
void gst_dml_blender_blend (GstDmlBlender *self,
                            GstVideoOverlayComposition *composition,
                            GstVideoFrame *frame);

G_END_DECLS
