/* SPDX-License-Identifier: LGPL-2.1-or-later
 * What of a frame to enrol: which region, and its pixels. */
#pragma once

#include <gst/dml/gstdml.h>

#include "gstdmlframe.h"

G_BEGIN_DECLS

/* The largest region with an embedding of this very frame, where no other is
 * nearly as large: a wrong picture in a gallery does harm for long. NULL, and
 * the word of docs/metadata.md that says why, where there is none. */
const GstDmlRegionMeta *gst_dml_pick_region (GstBuffer *buffer,
                                             const char **reason);

/* Cuts regions out of frames. Zeroed memory is a valid GstDmlCutter, which cuts
 * nothing until it has been told caps of readable raw video. */
typedef struct {
  GstVideoInfo info;
  gboolean readable; /* info is set and pixels can be mapped */
  GstDmlFrame frame;
} GstDmlCutter;

void gst_dml_cutter_set_caps (GstDmlCutter *self, const GstCaps *caps);
void gst_dml_cutter_clear (GstDmlCutter *self);

/* The region's pixels, its longer side at most @side, or NULL where they cannot
 * be read or may be others. (transfer full) */
DmlPicture *gst_dml_cutter_cut (GstDmlCutter *self, GstBuffer *buffer,
                                const GstDmlRegionMeta *meta, gint side);

G_END_DECLS
