/* SPDX-License-Identifier: LGPL-2.1-or-later
 * How good a region is to be enrolled: large, sharp and well lit. */
#pragma once

#include <dml/dml.h>

G_BEGIN_DECLS

/* The longer side that a region is cut out with to be judged. */
#define GST_DML_QUALITY_SIDE 128

typedef struct {
  double size;      /* 0..1: shorter side over 96 pixels */
  double sharpness; /* 0..1: detail of the finest scale over all contrast */
  double exposure;  /* 0..1: contrast there is, and what is not clipped */
  double total;     /* their product */
} GstDmlQuality;

/* @picture: the region, at most GST_DML_QUALITY_SIDE pixels a side.
 * @short_side: of the region in the frame, in pixels. */
void gst_dml_quality_measure (DmlPicture *picture, int short_side,
                              GstDmlQuality *quality);

G_END_DECLS
