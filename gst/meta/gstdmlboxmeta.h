/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Where a region lies in the buffer at hand: a meta of its own, so that it goes
 * when it can no longer be true, while the result stays. */
#pragma once

#include <dml/dml-macros.h>
#include <gst/gst.h>

G_BEGIN_DECLS

/**
 * GstDmlBox:
 * @x: left edge in pixels; may be negative where an element moved it out
 * @y: upper edge
 * @width: in pixels, at least 1
 * @height: in pixels, at least 1
 * @frame_width: width of the frame that this refers to
 * @frame_height: its height
 *
 * A box and the frame size that it refers to.
 */
typedef struct {
  gint x, y, width, height;
  gint frame_width, frame_height;
} GstDmlBox;

/**
 * GstDmlBoxMeta:
 * @meta: parent
 * @region: id of the #GstDmlRegionMeta that it belongs to
 * @box: where it lies in this buffer
 *
 * The place of a region. Tagged video, orientation and size: GStreamer scales
 * it with the picture and drops it where pixels move in a way that it cannot
 * describe (crop, flip and box before 1.28). Read it through
 * gst_dml_region_meta_get_box().
 */
typedef struct {
  GstMeta meta;
  guint64 region;
  GstDmlBox box;
} GstDmlBoxMeta;

DML_API GType gst_dml_box_meta_api_get_type (void);
DML_API const GstMetaInfo *gst_dml_box_meta_get_info (void);

#define GST_DML_BOX_META_API_TYPE (gst_dml_box_meta_api_get_type ())
#define GST_DML_BOX_META_INFO (gst_dml_box_meta_get_info ())

G_END_DECLS
