/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Where boxes come from: the picture, its centre square, regions of interest
 * and object detections on the buffer. */
#pragma once

#include <gst/dml/gstdml.h>
#include <gst/video/video.h>

#include "gstdmltypes.h"

G_BEGIN_DECLS

/* ROI types of the regions that dmlembed itself adds; never looked at again. */
#define GST_DML_ROI_TYPE_FRAME "dml-frame"
#define GST_DML_ROI_TYPE_CENTRE "dml-centre"
#define GST_DML_ROI_TYPE_LIST "dml-list"

typedef struct {
  GstDmlRegionKind kind;
  GQuark roi_type;
  gint roi_id;     /* -1 for none */
  gint64 track_id; /* -1 for none */
  GstDmlBox box;   /* within the visible picture, in frame coordinates */
} GstDmlRegion;

typedef struct {
  GstDmlRegionFlags flags;
  const GArray *types; /* of GQuark; NULL takes all */
  gint min_size;       /* pixels of the shorter side, after clamping */
  guint max_regions;   /* the largest are kept */
  const GArray *list;  /* of GstVideoRectangle, for LIST; NULL is none */
} GstDmlRegionRules;

/* What became of the boxes that were there; sums over frames. */
typedef struct {
  guint64 seen;       /* regions of interest and detections */
  guint64 invalid;    /* no size, or outside the picture */
  guint64 too_small;  /* under min_size */
  guint64 duplicate;  /* a second one of the same place and type */
  guint64 over_limit; /* beyond max_regions */
  guint64 filtered;   /* of a type not asked for */
  guint64 list;       /* of the invalid ones, those of the list */
} GstDmlRegionCounters;

/* Appends the regions of a buffer to @regions (GstDmlRegion) in their order on
 * the buffer and adds to @counters. @seen_types (nullable) collects the types
 * of all boxes. */
void gst_dml_regions_collect (GstBuffer *buffer, const GstVideoInfo *info,
                              const GstDmlRegionRules *rules, GArray *regions,
                              GstDmlRegionCounters *counters,
                              GHashTable *seen_types);

/* The boxes of "x,y,width,height;..." in pixels as a GArray of
 * GstVideoRectangle, NULL for none; those without a size too, which are counted
 * frame by frame like those outside. *wrong: the first piece that is no box, or
 * NULL. (both transfer full) */
GArray *gst_dml_regions_parse_list (const char *text, char **wrong);

/* Intersection over union of two boxes of one frame size, 0..1. */
gdouble gst_dml_regions_iou (const GstDmlBox *a, const GstDmlBox *b);

/* The types of a list such as "face,person" as a GArray of GQuark; NULL for
 * all. (transfer full) */
GArray *gst_dml_regions_parse_types (const char *list);

G_END_DECLS
