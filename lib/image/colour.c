/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Colour matrices. */
#include "image/colour.h"

#include <math.h>

/* Kr and Kb of ITU-T H.273, table 4. */
static const struct {
  double kr, kb;
} coefficients[] = {
  [DML_MATRIX_BT601] = { 0.299, 0.114 },
  [DML_MATRIX_BT709] = { 0.2126, 0.0722 },
  [DML_MATRIX_BT2020] = { 0.2627, 0.0593 },
  [DML_MATRIX_SMPTE240M] = { 0.212, 0.087 },
  [DML_MATRIX_FCC] = { 0.30, 0.11 },
};

/* Y', Cb, Cr (0..1, -0.5..0.5) to R, G, B; identity for RGB. */
static void
base_matrix (double m[3][3], const DmlImage *image)
{
  if (image->matrix == DML_MATRIX_RGB) {
    for (int k = 0; k < 3; k++) {
      for (int c = 0; c < 3; c++)
        m[k][c] = k == c;
    }
    return;
  }
  const double kr = coefficients[image->matrix].kr;
  const double kb = coefficients[image->matrix].kb;
  const double kg = 1 - kr - kb;

  for (int k = 0; k < 3; k++)
    m[k][0] = 1;
  m[0][1] = 0;
  m[0][2] = 2 * (1 - kr);
  m[1][1] = -2 * (1 - kb) * kb / kg;
  m[1][2] = -2 * (1 - kr) * kr / kg;
  m[2][1] = 2 * (1 - kb);
  m[2][2] = 0;
}

void
dml_colour_init (DmlColour *colour, const DmlImage *image, int n_channels)
{
  static const double luma[3] = { 0.299, 0.587, 0.114 };
  const DmlPixels *pixels = dml_pixels_get (image->format);
  const bool limited = image->range == DML_RANGE_LIMITED;
  /* White at n bits, in codes of 8 bits: (2^n - 1) / 2^(n - 8). */
  const double top = 256 - ldexp (1, 8 - pixels->depth);
  double m[3][3] = { { 1, 0, 0 }, { 1, 0, 0 }, { 1, 0, 0 } }; /* grey */

  if (pixels->n_components == 3 && pixels->yuv)
    base_matrix (m, image);
  else if (pixels->n_components == 3) {
    const DmlImage rgb = { .matrix = DML_MATRIX_RGB };

    base_matrix (m, &rgb);
  }
  for (int k = 0; k < 3; k++) {
    colour->m[k][3] = 0;
    for (int c = 0; c < 3; c++) {
      const bool chroma =
        c > 0 && pixels->yuv && image->matrix != DML_MATRIX_RGB;
      const double zero = chroma ? 128 : limited ? 16 : 0;
      const double span = !limited ? top : chroma ? 224 : 219;

      colour->m[k][c] = m[k][c] / span;
      colour->m[k][3] -= m[k][c] * zero / span;
    }
  }
  if (n_channels == 3)
    return;
  for (int c = 0; c < 4; c++)
    colour->m[0][c] = luma[0] * colour->m[0][c] + luma[1] * colour->m[1][c] +
                      luma[2] * colour->m[2][c];
}
