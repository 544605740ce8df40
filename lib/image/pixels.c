/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The table of pixel layouts. */
#include "image/pixels.h"
#include "image/picture.h"
#include "base/error.h"

#include <stdlib.h>

/* Components of a packed layout of full resolution, by word offset. */
#define PACKED(r, g, b, step)                                                  \
  {                                                                            \
    { 0, r, step, false, false }, { 0, g, step, false, false },                \
    {                                                                          \
      0, b, step, false, false                                                 \
    }                                                                          \
  }

#define RGB(name_, r, g, b, step, alpha_)                                      \
  {                                                                            \
    .name = name_, .n_components = 3, .n_planes = 1, .word_bytes = 1,          \
    .depth = 8, .alpha = alpha_, .component = PACKED (r, g, b, step)           \
  }

/* Y in plane 0; U and V by plane, offset and step. */
#define PLANAR(name_, n_planes_, bytes, depth_, low, pu, ou, pv, ov, step,     \
               half_x, half_y)                                                 \
  {                                                                            \
    .name = name_, .n_components = 3, .n_planes = n_planes_,                   \
    .word_bytes = bytes, .depth = depth_, .low_bits = low, .alpha = -1,        \
    .yuv = true, .component = {                                                \
      { 0, 0, 1, false, false },                                               \
      { pu, ou, step, half_x, half_y },                                        \
      { pv, ov, step, half_x, half_y },                                        \
    }                                                                          \
  }

/* Two pixels in four words. */
#define PAIRS(name_, rows_, bytes, depth_, oy, ou, ov)                         \
  {                                                                            \
    .name = name_, .n_components = 3, .n_planes = 1, .word_bytes = bytes,      \
    .depth = depth_, .alpha = -1, .yuv = true, .rows = rows_, .component = {   \
      { 0, oy, 2, false, false },                                              \
      { 0, ou, 4, true, false },                                               \
      { 0, ov, 4, true, false },                                               \
    }                                                                          \
  }

#define GREY(name_, bytes)                                                     \
  {                                                                            \
    .name = name_, .n_components = 1, .n_planes = 1, .word_bytes = bytes,      \
    .depth = 8 * bytes, .alpha = -1, .component = {                            \
      { 0, 0, 1, false, false },                                               \
    }                                                                          \
  }

#define UNPACK(name_, bytes)                                                   \
  {                                                                            \
    .name = name_, .n_components = 3, .n_planes = 1, .word_bytes = bytes,      \
    .depth = 8 * bytes, .alpha = 0, .yuv = true, .rows = DML_ROWS_CALLBACK,    \
    .component = PACKED (1, 2, 3, 4)                                           \
  }

static const DmlPixels table[DML_PIXELS_N_FORMATS] = {
  [DML_PIXELS_GRAY8] = GREY ("GRAY8", 1),
  [DML_PIXELS_GRAY16] = GREY ("GRAY16", 2),
  [DML_PIXELS_RGB] = RGB ("RGB", 0, 1, 2, 3, -1),
  [DML_PIXELS_BGR] = RGB ("BGR", 2, 1, 0, 3, -1),
  [DML_PIXELS_RGBX] = RGB ("RGBX", 0, 1, 2, 4, -1),
  [DML_PIXELS_BGRX] = RGB ("BGRX", 2, 1, 0, 4, -1),
  [DML_PIXELS_XRGB] = RGB ("XRGB", 1, 2, 3, 4, -1),
  [DML_PIXELS_XBGR] = RGB ("XBGR", 3, 2, 1, 4, -1),
  [DML_PIXELS_RGBA] = RGB ("RGBA", 0, 1, 2, 4, 3),
  [DML_PIXELS_BGRA] = RGB ("BGRA", 2, 1, 0, 4, 3),
  [DML_PIXELS_ARGB] = RGB ("ARGB", 1, 2, 3, 4, 0),
  [DML_PIXELS_ABGR] = RGB ("ABGR", 3, 2, 1, 4, 0),
  [DML_PIXELS_I420] = PLANAR ("I420", 3, 1, 8, 0, 1, 0, 2, 0, 1, true, true),
  /* plane[1] is U whatever the order in memory (dml-image.h) */
  [DML_PIXELS_YV12] = PLANAR ("YV12", 3, 1, 8, 0, 1, 0, 2, 0, 1, true, true),
  [DML_PIXELS_NV12] = PLANAR ("NV12", 2, 1, 8, 0, 1, 0, 1, 1, 2, true, true),
  [DML_PIXELS_NV21] = PLANAR ("NV21", 2, 1, 8, 0, 1, 1, 1, 0, 2, true, true),
  [DML_PIXELS_Y42B] = PLANAR ("Y42B", 3, 1, 8, 0, 1, 0, 2, 0, 1, true, false),
  [DML_PIXELS_Y444] = PLANAR ("Y444", 3, 1, 8, 0, 1, 0, 2, 0, 1, false, false),
  [DML_PIXELS_YUY2] = PAIRS ("YUY2", DML_ROWS_DIRECT, 1, 8, 0, 1, 3),
  [DML_PIXELS_UYVY] = PAIRS ("UYVY", DML_ROWS_DIRECT, 1, 8, 1, 0, 2),
  [DML_PIXELS_I420_10] =
    PLANAR ("I420_10", 3, 2, 10, 0, 1, 0, 2, 0, 1, true, true),
  [DML_PIXELS_P010] = PLANAR ("P010", 2, 2, 10, 6, 1, 0, 1, 1, 2, true, true),
  [DML_PIXELS_V210] = PAIRS ("V210", DML_ROWS_V210, 2, 10, 1, 0, 2),
  [DML_PIXELS_UNPACK8] = UNPACK ("UNPACK8", 1),
  [DML_PIXELS_UNPACK16] = UNPACK ("UNPACK16", 2),
};

const DmlPixels *
dml_pixels_get (DmlPixelFormat format)
{
  return (unsigned) format < DML_PIXELS_N_FORMATS ? &table[format] : NULL;
}

/* Bytes that a row of a plane holds. */
static int64_t
row_bytes (const DmlPixels *pixels, int plane, int width)
{
  int64_t words = 0;

  if (pixels->rows == DML_ROWS_V210)
    return ((int64_t) width + 5) / 6 * 16;
  for (int c = 0; c < pixels->n_components; c++) {
    const DmlComponent *part = &pixels->component[c];
    const int64_t n = dml_pixels_halve (width, part->subsampled_x);

    if (part->plane == plane)
      words = MAX (words, n * part->step);
  }
  return words * pixels->word_bytes;
}

gboolean
dml_image_check (const DmlImage *image, GError **error)
{
  const DmlPixels *pixels = dml_pixels_get (image->format);

  if (pixels == NULL)
    return dml_fail (error, INVALID, "image: %d is no pixel format",
                     (int) image->format);
  if (image->width < 1 || image->height < 1 ||
      image->width > DML_PICTURE_MAX_SIDE ||
      image->height > DML_PICTURE_MAX_SIDE)
    return dml_fail (error, INVALID,
                     "image: %d x %d pixels, expected 1 to %d a side",
                     image->width, image->height, DML_PICTURE_MAX_SIDE);
  if ((unsigned) image->matrix > DML_MATRIX_FCC ||
      (unsigned) image->range > DML_RANGE_LIMITED ||
      (unsigned) image->outside > DML_OUTSIDE_CLEAR ||
      (unsigned) image->siting > DML_SITING_LEFT)
    return dml_fail (
      error, INVALID,
      "image: matrix %d, range %d, siting %d, outside %d: one is unknown",
      (int) image->matrix, (int) image->range, (int) image->siting,
      (int) image->outside);
  if (pixels->rows == DML_ROWS_CALLBACK && image->unpack == NULL)
    return dml_fail (error, INVALID, "image: %s without an unpack function",
                     pixels->name);
  if (pixels->rows == DML_ROWS_CALLBACK)
    return TRUE; /* the planes are the callback's affair */
  for (int p = 0; p < pixels->n_planes; p++) {
    const int64_t needed = row_bytes (pixels, p, image->width);
    const int align = pixels->rows == DML_ROWS_V210 ? 4 : pixels->word_bytes;

    if (image->plane[p] == NULL)
      return dml_fail (error, INVALID, "image: %s without plane %d",
                       pixels->name, p);
    if (image->height > 1 && llabs ((long long) image->stride[p]) < needed)
      return dml_fail (error, INVALID,
                       "image: %s of %d pixels a row: stride %d of plane %d is "
                       "below %d bytes",
                       pixels->name, image->width, image->stride[p], p,
                       (int) needed);
    if ((uintptr_t) image->plane[p] % (unsigned) align != 0 ||
        image->stride[p] % align != 0)
      return dml_fail (error, INVALID,
                       "image: %s: plane %d or its stride is not a multiple of "
                       "%d bytes",
                       pixels->name, p, align);
  }
  return TRUE;
}
