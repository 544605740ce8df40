/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Noise in every pixel layout. */
#include "image_maker.h"
#include "image/pixels.h"
#include "base/rng.h"

#include <string.h>

/* Bytes of a row of a plane, and rows; spelled out, not from the library. */
static gboolean
plane_size (DmlPixelFormat format, int plane, int width, int height,
            int *n_bytes, int *n_rows)
{
  const int half_w = (width + 1) / 2, half_h = (height + 1) / 2;

  *n_rows = height;
  switch (format) {
  case DML_PIXELS_GRAY8:
    *n_bytes = width;
    return plane < 1;
  case DML_PIXELS_GRAY16:
    *n_bytes = 2 * width;
    return plane < 1;
  case DML_PIXELS_RGB:
  case DML_PIXELS_BGR:
    *n_bytes = 3 * width;
    return plane < 1;
  case DML_PIXELS_I420:
  case DML_PIXELS_YV12:
    *n_bytes = plane == 0 ? width : half_w;
    *n_rows = plane == 0 ? height : half_h;
    return plane < 3;
  case DML_PIXELS_I420_10:
    *n_bytes = 2 * (plane == 0 ? width : half_w);
    *n_rows = plane == 0 ? height : half_h;
    return plane < 3;
  case DML_PIXELS_NV12:
  case DML_PIXELS_NV21:
    *n_bytes = plane == 0 ? width : 2 * half_w;
    *n_rows = plane == 0 ? height : half_h;
    return plane < 2;
  case DML_PIXELS_P010:
    *n_bytes = 2 * (plane == 0 ? width : 2 * half_w);
    *n_rows = plane == 0 ? height : half_h;
    return plane < 2;
  case DML_PIXELS_Y42B:
    *n_bytes = plane == 0 ? width : half_w;
    return plane < 3;
  case DML_PIXELS_Y444:
    *n_bytes = width;
    return plane < 3;
  case DML_PIXELS_YUY2:
  case DML_PIXELS_UYVY:
    *n_bytes = 4 * half_w;
    return plane < 1;
  case DML_PIXELS_V210:
    *n_bytes = (width + 5) / 6 * 16;
    return plane < 1;
  case DML_PIXELS_UNPACK8:
  case DML_PIXELS_UNPACK16:
    return FALSE;
  default:
    *n_bytes = 4 * width;
    return plane < 1;
  }
}

/* A pixel's words depend on nothing but where it is. */
static void
unpack_noise (const DmlImage *image, int x, int y, int width, void *line)
{
  const TestImage *self = image->unpack_data;

  g_assert_cmpint (x % 2, ==, 0);
  g_assert_cmpint (x, >=, 0);
  g_assert_cmpint (y, >=, 0);
  g_assert_cmpint (width, >, 0);
  g_assert_cmpint (x + width, <=, image->width);
  g_assert_cmpint (y, <, image->height);
  for (int i = 0; i < width; i++) {
    DmlRng rng;

    dml_rng_init (&rng, self->seed, (uint64_t) y << 32 | (uint32_t) (x + i));
    for (int k = 0; k < 4; k++) {
      const uint32_t word = dml_rng_u32 (&rng);
      /* a third of the pixels is opaque */
      const uint32_t bits = k == 0 && word % 3 == 0 ? 0xffffffff : word;

      if (image->format == DML_PIXELS_UNPACK16)
        ((uint16_t *) line)[4 * i + k] = (uint16_t) (bits >> 16);
      else
        ((uint8_t *) line)[4 * i + k] = (uint8_t) (bits >> 24);
    }
  }
}

TestImage *
test_image_new (DmlPixelFormat format, int width, int height, uint64_t seed,
                int pad, gboolean upside_down)
{
  const DmlPixels *pixels = dml_pixels_get (format);
  TestImage *self = g_new0 (TestImage, 1);
  DmlRng rng;

  dml_rng_init (&rng, seed, 0);
  self->seed = seed;
  self->image = (DmlImage){ .format = format,
                            .width = width,
                            .height = height,
                            .unpack = unpack_noise,
                            .unpack_data = self };
  if (pixels->yuv) {
    self->image.matrix = DML_MATRIX_BT709;
    self->image.range = DML_RANGE_LIMITED;
    self->image.siting = DML_SITING_LEFT;
  }
  for (int p = 0; p < 4; p++) {
    int n_bytes, n_rows;

    if (!plane_size (format, p, width, height, &n_bytes, &n_rows))
      continue;
    const int stride = n_bytes + pad;
    const size_t size = (size_t) stride * (n_rows - 1) + (size_t) n_bytes;

    self->block[p] = g_malloc (size);
    for (size_t i = 0; i < size; i++)
      self->block[p][i] = (uint8_t) (dml_rng_u32 (&rng) >> 24);
    if (format == DML_PIXELS_I420_10) { /* 10 bits and no more */
      for (size_t i = 1; i < size; i += 2)
        self->block[p][G_BYTE_ORDER == G_LITTLE_ENDIAN ? i : i - 1] &= 3;
    }
    self->image.plane[p] =
      self->block[p] + (upside_down ? (size_t) stride * (n_rows - 1) : 0);
    self->image.stride[p] = upside_down ? -stride : stride;
  }
  return self;
}

void
test_image_free (TestImage *self)
{
  for (int p = 0; p < 4; p++)
    g_free (self->block[p]);
  g_free (self);
}

const char *
test_format_name (DmlPixelFormat format)
{
  return dml_pixels_get (format)->name;
}
