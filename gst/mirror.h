/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The other two forms of a result: region-of-interest metadata with parameters
 * and GstAnalytics, for elements and applications that do not know ours. */
#pragma once

#include <gst/dml/gstdml.h>

#include "gstdmltypes.h"
#include "regions.h"

G_BEGIN_DECLS

/* What a region lacks of the forms asked for: a region of interest, an object
 * detection. What somebody else put there is never changed. */
void gst_dml_mirror_add_region (GstBuffer *buffer, GstDmlAttachFlags attach,
                                const GstDmlRegion *region);

/* The answer: parameters `classification` (in DL Streamer's terms) and `dml`
 * on the region of interest, a classification related to the detection.
 * label_id is an index or -1. A second answer replaces the first one. */
void gst_dml_mirror_add_match (GstBuffer *buffer, GstDmlAttachFlags attach,
                               const GstDmlRegionMeta *meta, gint label_id);

/* The ROI type that stands for a region. */
GQuark gst_dml_mirror_roi_type (GstDmlRegionKind kind, GQuark roi_type);

G_END_DECLS
