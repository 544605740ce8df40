/* SPDX-License-Identifier: LGPL-2.1-or-later
 * A quadrilateral of a picture as a rectangle of floats, sampled once.
 *
 * Crop, flip, rotation and perspective are one projective map. Where it
 * shrinks, the picture is first filtered to a grid of sqrt (2) as many pixels a
 * side as the output has, then sampled bilinearly: two triangles of s / sqrt
 * (2) have the variance of the one of s that dml_preprocessor_run() uses, so
 * training sees the blur that the camera will. */
#pragma once

#include "image/resample.h"

typedef struct {
  double x, y;
} DmlPoint;

/* Working memory; zero is empty. */
typedef struct {
  DmlResampler resampler;
  float *grid;      /* planes of the filtered picture */
  size_t grid_size; /* floats of it */
  uint8_t *apart;   /* a picture with alpha taken apart */
  size_t apart_size;
} DmlWarp;

/* corner: where the output's upper left, upper right, lower right and lower
 * left corners lie in the picture (pixel edges at whole numbers), a convex
 * quadrilateral. out: n_planes x height x width, 0..1: R G B, and for RGBA with
 * n_planes = 4 alpha, R G B then being multiplied by it. GRAY8 fills R, G and B
 * alike. Edge pixels are repeated outside. */
gboolean dml_warp_run (DmlWarp *warp, const DmlImage *image,
                       const DmlPoint corner[4], int width, int height,
                       int n_planes, float *out, GError **error);

/* The same for an upright box, filtered as dml_preprocessor_run() does. */
gboolean dml_warp_box (DmlWarp *warp, const DmlImage *image, const DmlBox *box,
                       int width, int height, int n_planes, float *out,
                       GError **error);

void dml_warp_clear (DmlWarp *warp);
