/* SPDX-License-Identifier: LGPL-2.1-or-later
 * How good a region is to be enrolled.
 *
 * Measured on the luma of the region at the size that is looked at, so that
 * blur counts when the encoder would see it.
 *
 *   size      = min (1, shorter side / 96)
 *   sharpness = min (1, mean |Laplacian| / (0.15 sigma)), sigma the luma's
 *               standard deviation
 *   exposure  = min (1, sigma / 20) min (1, 2 (1 - clipped)), clipped the share
 *               of pixels below 4 or above 251: half may be (a white
 *               background)
 */
#include "quality.h"

#include <math.h>

#define GOOD_SIDE 96.0
#define GOOD_DETAIL 0.15
#define GOOD_SIGMA 20.0

static double *
luma_of (DmlPicture *picture, int w, int h)
{
  int stride;
  const guint8 *pixels = dml_picture_get_pixels (picture, &stride);
  double *luma = g_new (double, (gsize) w *h);

  for (int y = 0; y < h; y++)
    for (int x = 0; x < w; x++) {
      const guint8 *p = pixels + (gsize) y * stride + 3 * (gsize) x;

      luma[(gsize) y * w + x] = 0.299 * p[0] + 0.587 * p[1] + 0.114 * p[2];
    }
  return luma;
}

void
gst_dml_quality_measure (DmlPicture *picture, int short_side,
                         GstDmlQuality *quality)
{
  const int w = dml_picture_get_width (picture);
  const int h = dml_picture_get_height (picture);
  const double n = (double) w * h;
  g_autofree double *luma = luma_of (picture, w, h);
  double sum = 0, square = 0, detail = 0, clipped = 0, sigma;

  for (int i = 0; i < w * h; i++) {
    sum += luma[i];
    square += luma[i] * luma[i];
    clipped += luma[i] < 4 || luma[i] > 251;
  }
  for (int y = 1; y < h - 1; y++)
    for (int x = 1; x < w - 1; x++) {
      const double *l = luma + y * w + x;

      detail += fabs (4 * l[0] - l[-1] - l[1] - l[-w] - l[w]);
    }
  sigma = sqrt (MAX (0, square / n - (sum / n) * (sum / n)));
  detail /= MAX (1, (double) (w - 2) * (h - 2));

  quality->size = MIN (1, short_side / GOOD_SIDE);
  quality->sharpness = sigma > 0 ? MIN (1, detail / (GOOD_DETAIL * sigma)) : 0;
  quality->exposure =
    MIN (1, sigma / GOOD_SIGMA) * MIN (1, 2 * (1 - clipped / n));
  quality->total = quality->size * quality->sharpness * quality->exposure;
}
