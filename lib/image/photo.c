/* SPDX-License-Identifier: LGPL-2.1-or-later
 * What light, lens and sensor do to a view. */
#include "image/photo.h"
#include "kernels/kernels.h"

#include <math.h>
#include <string.h>

#define MAX_RADIUS 12 /* 3 sigma */

static const float luma[3] = { 0.299f, 0.587f, 0.114f };

static inline float
unit (float v)
{
  v = v > 0 ? v : 0;
  return v < 1 ? v : 1;
}

/* All four are linear in a pixel, so they are one matrix:
 *   p' = c p + (1 - c) mean,  p'' = s p' + (1 - s) luma (p'),  out = g p''
 * and luma (p') = c luma (p) + (1 - c) mean. */
void
dml_photo_light (float *planes, size_t n, const DmlLight *light)
{
  float *r = planes, *g = planes + n, *b = planes + 2 * n;
  const float c = light->contrast, s = light->saturation;
  float gain[3];
  double sum = 0;

  for (int k = 0; k < 3; k++)
    gain[k] = light->brightness * light->cast[k];
  for (size_t i = 0; i < n; i++)
    sum += (double) (luma[0] * r[i] + luma[1] * g[i] + luma[2] * b[i]);
  const float offset = (1 - c) * (float) (sum / (double) n);

  for (size_t i = 0; i < n; i++) {
    const float grey = luma[0] * r[i] + luma[1] * g[i] + luma[2] * b[i];
    const float rest = c * (1 - s) * grey + offset;

    r[i] = unit (gain[0] * (c * s * r[i] + rest));
    g[i] = unit (gain[1] * (c * s * g[i] + rest));
    b[i] = unit (gain[2] * (c * s * b[i] + rest));
  }
}

size_t
dml_photo_blur_scratch (int width, int height)
{
  return (size_t) (width + 2 * MAX_RADIUS) + (size_t) width * (size_t) height;
}

/* Whole rows at a time, across and then down. */
static void
blur_plane (float *plane, int width, int height, const float *weight,
            int radius, float *scratch)
{
  const DmlKernels *kernels = dml_kernels ();
  float *padded = scratch, *across = scratch + width + 2 * MAX_RADIUS;
  const size_t w = (size_t) width;

  for (int y = 0; y < height; y++) {
    float *row = plane + (size_t) y * w, *to = across + (size_t) y * w;

    memcpy (padded + radius, row, w * sizeof *row);
    for (int k = 0; k < radius; k++) {
      padded[k] = row[0];
      padded[radius + width + k] = row[width - 1];
    }
    kernels->scale_f32 (to, padded, weight[0], w);
    for (int k = 1; k <= 2 * radius; k++)
      kernels->axpy_f32 (to, weight[k], padded + k, w);
  }
  for (int y = 0; y < height; y++) {
    float *to = plane + (size_t) y * w;

    memset (to, 0, w * sizeof *to);
    for (int k = 0; k <= 2 * radius; k++) {
      const int from = CLAMP (y + k - radius, 0, height - 1);

      kernels->axpy_f32 (to, weight[k], across + (size_t) from * w, w);
    }
  }
}

void
dml_photo_blur (float *planes, int width, int height, float sigma,
                float *scratch)
{
  const int radius = CLAMP ((int) ceilf (3 * sigma), 1, MAX_RADIUS);
  float weight[2 * MAX_RADIUS + 1], sum = 0;

  for (int k = -radius; k <= radius; k++) {
    const float z = (float) k / sigma;

    weight[k + radius] = expf (-0.5f * z * z);
    sum += weight[k + radius];
  }
  for (int k = 0; k <= 2 * radius; k++)
    weight[k] /= sum;
  for (int c = 0; c < 3; c++)
    blur_plane (planes + (size_t) c * (size_t) width * (size_t) height, width,
                height, weight, radius, scratch);
}

/* Bits for place i: murmur3's finaliser (Appleby 2011) of a counter. */
static inline uint32_t
bits_at (uint32_t key, size_t i)
{
  uint32_t h = key + (uint32_t) i * 0x9E3779B9u;

  h = (h ^ h >> 16) * 0x85EBCA6Bu;
  h = (h ^ h >> 13) * 0xC2B2AE35u;
  return h ^ h >> 16;
}

void
dml_photo_noise (float *planes, size_t n, float sigma, uint32_t key)
{
  /* four uniform values of 0..255: mean 510, variance 4 (256^2 - 1) / 12 */
  const float scale = sigma / 147.8f;

  for (size_t i = 0; i < 3 * n; i++) {
    const uint32_t h = bits_at (key, i);
    const uint32_t pairs = (h & 0x00ff00ff) + (h >> 8 & 0x00ff00ff);
    const int sum = (int) ((pairs & 0xffff) + (pairs >> 16));

    planes[i] = unit (planes[i] + scale * (float) (sum - 510));
  }
}

void
dml_photo_erase (float *planes, int width, int height, int x, int y, int w,
                 int h, const float colour[3], gboolean noisy, uint32_t key)
{
  for (int c = 0; c < 3; c++) {
    float *plane = planes + (size_t) c * (size_t) width * (size_t) height;

    for (int j = y; j < y + h; j++) {
      for (int i = x; i < x + w; i++) {
        const size_t at = (size_t) j * (size_t) width + (size_t) i;

        plane[at] =
          noisy ? (float) (bits_at (key + (uint32_t) c, at) >> 8) * 0x1p-24f
                : colour[c];
      }
    }
  }
}
