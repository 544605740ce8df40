/* SPDX-License-Identifier: LGPL-2.1-or-later
 * From an image's components to R, G, B or grey. */
#pragma once

#include "image/pixels.h"

/* out[k] = m[k][0] c0 + m[k][1] c1 + m[k][2] c2 + m[k][3], 0..1, where c is a
 * component as a code of 8 bits with fractions. */
typedef struct {
  double m[3][4];
} DmlColour;

/* To full-range R, G, B by the image's own matrix and range (ITU-T H.273;
 * primaries and transfer stay as they are), or for n_channels = 1 to grey, the
 * luma 0.299 R + 0.587 G + 0.114 B of it, in m[0]. */
void dml_colour_init (DmlColour *colour, const DmlImage *image, int n_channels);
