/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Enumerations of the elements' properties. Nicks are the gst-launch interface:
 * one is never renamed or removed. */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/**
 * GstDmlRegionFlags:
 * @GST_DML_REGIONS_AUTO: regions of interest where there are any on the frame,
 *   otherwise the centre square
 * @GST_DML_REGIONS_FRAME: the whole picture
 * @GST_DML_REGIONS_CENTRE: the centre square, in pixels
 * @GST_DML_REGIONS_ROI: every region of interest and object detection
 * @GST_DML_REGIONS_LIST: the boxes of the property region-list
 *
 * What dmlembed looks at.
 */
typedef enum {
  GST_DML_REGIONS_AUTO = 1 << 0,
  GST_DML_REGIONS_FRAME = 1 << 1,
  GST_DML_REGIONS_CENTRE = 1 << 2,
  GST_DML_REGIONS_ROI = 1 << 3,
  GST_DML_REGIONS_LIST = 1 << 4,
} GstDmlRegionFlags;

#define GST_TYPE_DML_REGION_FLAGS (gst_dml_region_flags_get_type ())
GType gst_dml_region_flags_get_type (void);

/**
 * GstDmlAttachFlags:
 * @GST_DML_ATTACH_ROI: region-of-interest metadata with parameters
 * @GST_DML_ATTACH_ANALYTICS: GstAnalytics metadata, where the GStreamer at hand
 *   has it (1.24 and later)
 *
 * Forms of the result beside GstDmlRegionMeta.
 */
typedef enum {
  GST_DML_ATTACH_ROI = 1 << 0,
  GST_DML_ATTACH_ANALYTICS = 1 << 1,
} GstDmlAttachFlags;

#define GST_TYPE_DML_ATTACH_FLAGS (gst_dml_attach_flags_get_type ())
GType gst_dml_attach_flags_get_type (void);

#define GST_DML_ATTACH_DEFAULT (GST_DML_ATTACH_ROI | GST_DML_ATTACH_ANALYTICS)

/**
 * GstDmlShowFlags:
 * @GST_DML_SHOW_BOX: the region's outline
 * @GST_DML_SHOW_LABEL: label or decision
 * @GST_DML_SHOW_SIMILARITY: similarity behind it
 * @GST_DML_SHOW_UNKNOWN: also what is unknown
 *
 * What dmloverlay draws.
 */
typedef enum {
  GST_DML_SHOW_BOX = 1 << 0,
  GST_DML_SHOW_LABEL = 1 << 1,
  GST_DML_SHOW_SIMILARITY = 1 << 2,
  GST_DML_SHOW_UNKNOWN = 1 << 3,
} GstDmlShowFlags;

#define GST_TYPE_DML_SHOW_FLAGS (gst_dml_show_flags_get_type ())
GType gst_dml_show_flags_get_type (void);

G_END_DECLS
