/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Decoded photographs: life, turning, alpha. */
#include "image/picture.h"
#include "base/error.h"
#include "base/mem.h"

#include <stdbool.h>
#include <string.h>

G_DEFINE_BOXED_TYPE (DmlPicture, dml_picture, dml_picture_ref,
                     dml_picture_unref)

DmlPicture *
dml_picture_new_rgb (int width, int height, int n_channels, GError **error)
{
  g_return_val_if_fail (n_channels == 3 || n_channels == 4, NULL);
  DmlPicture *picture;
  uint8_t *pixels;

  if (width < 1 || height < 1)
    return dml_fail_null (error, INVALID,
                          "a picture of %d x %d pixels: at least 1 x 1 needed",
                          width, height);
  if (width > DML_PICTURE_MAX_SIDE || height > DML_PICTURE_MAX_SIDE ||
      (int64_t) width * height > DML_PICTURE_MAX_PIXELS)
    return dml_fail_null (error, LIMIT,
                          "a picture of %d x %d pixels: at most %d a side and "
                          "%d megapixels",
                          width, height, DML_PICTURE_MAX_SIDE,
                          DML_PICTURE_MAX_PIXELS / 1000000);
  pixels = dml_mem_alloc0 ((size_t) width * (size_t) height,
                           (size_t) n_channels, error);
  if (pixels == NULL)
    return NULL;
  picture = g_new0 (DmlPicture, 1);
  g_atomic_ref_count_init (&picture->n_refs);
  picture->pixels = pixels;
  picture->image = (DmlImage){
    .format = n_channels == 4 ? DML_PIXELS_RGBA : DML_PIXELS_RGB,
    .width = width,
    .height = height,
    .plane = { pixels },
    .stride = { width * n_channels },
    .matrix = DML_MATRIX_RGB,
    .range = DML_RANGE_FULL,
    .outside = n_channels == 4 ? DML_OUTSIDE_CLEAR : DML_OUTSIDE_EDGE,
  };
  return picture;
}

DmlPicture *
dml_picture_ref (DmlPicture *picture)
{
  g_return_val_if_fail (picture != NULL, NULL);
  g_atomic_ref_count_inc (&picture->n_refs);
  return picture;
}

void
dml_picture_unref (DmlPicture *picture)
{
  g_return_if_fail (picture != NULL);
  if (!g_atomic_ref_count_dec (&picture->n_refs))
    return;
  dml_mem_free (picture->pixels);
  g_free (picture);
}

int
dml_picture_get_width (const DmlPicture *picture)
{
  g_return_val_if_fail (picture != NULL, 0);
  return picture->image.width;
}

int
dml_picture_get_height (const DmlPicture *picture)
{
  g_return_val_if_fail (picture != NULL, 0);
  return picture->image.height;
}

const DmlImage *
dml_picture_get_image (const DmlPicture *picture)
{
  g_return_val_if_fail (picture != NULL, NULL);
  return &picture->image;
}

uint8_t *
dml_picture_get_pixels (DmlPicture *picture, int *stride)
{
  g_return_val_if_fail (picture != NULL, NULL);
  if (stride != NULL)
    *stride = picture->image.stride[0];
  return picture->pixels;
}

gboolean
dml_picture_has_alpha (const DmlPicture *picture)
{
  g_return_val_if_fail (picture != NULL, FALSE);
  const size_t n =
    (size_t) picture->image.width * (size_t) picture->image.height;

  if (dml_picture_channels (picture) == 3)
    return FALSE;
  for (size_t i = 0; i < n; i++) {
    if (picture->pixels[4 * i + 3] != 255)
      return TRUE;
  }
  return FALSE;
}

void
dml_picture_drop_opaque_alpha (DmlPicture *picture)
{
  const size_t n =
    (size_t) picture->image.width * (size_t) picture->image.height;

  if (dml_picture_channels (picture) == 3 || dml_picture_has_alpha (picture))
    return;
  for (size_t i = 0; i < n; i++)
    memmove (picture->pixels + 3 * i, picture->pixels + 4 * i, 3);
  picture->image.format = DML_PIXELS_RGB;
  picture->image.outside = DML_OUTSIDE_EDGE;
  picture->image.stride[0] = 3 * picture->image.width;
}

/* Pixel (x, y) of the result is pixel (origin + x across + y down) of the
 * source, all in bytes. In tiles, as one of the two steps is a whole row. */
static void
copy_turned (DmlPicture *to, const uint8_t *origin, ptrdiff_t across,
             ptrdiff_t down)
{
  enum { TILE = 32 };
  const int nc = dml_picture_channels (to);
  const int width = to->image.width, height = to->image.height;

  for (int y0 = 0; y0 < height; y0 += TILE) {
    for (int x0 = 0; x0 < width; x0 += TILE) {
      for (int y = y0; y < MIN (y0 + TILE, height); y++) {
        uint8_t *out = to->pixels + ((size_t) y * width + x0) * nc;

        for (int x = x0; x < MIN (x0 + TILE, width); x++, out += nc)
          memcpy (out, origin + x * across + y * down, (size_t) nc);
      }
    }
  }
}

gboolean
dml_picture_turn (DmlPicture **picture, int orientation, GError **error)
{
  /* TIFF 6.0, tag 274: which corner of the scene row 0, column 0 shows. */
  static const struct {
    bool swap, from_right, from_bottom;
  } turns[9] = {
    [2] = { false, true, false }, [3] = { false, true, true },
    [4] = { false, false, true }, [5] = { true, false, false },
    [6] = { true, false, true },  [7] = { true, true, true },
    [8] = { true, true, false },
  };
  const DmlImage *image = &(*picture)->image;
  const int nc = dml_picture_channels (*picture);
  const ptrdiff_t row = image->stride[0];

  if (orientation < 2 || orientation > 8)
    return TRUE;
  const bool swap = turns[orientation].swap;
  const bool right = turns[orientation].from_right;
  const bool bottom = turns[orientation].from_bottom;
  DmlPicture *turned =
    dml_picture_new_rgb (swap ? image->height : image->width,
                         swap ? image->width : image->height, nc, error);

  if (turned == NULL)
    return FALSE;
  const uint8_t *origin = (*picture)->pixels +
                          (right ? (ptrdiff_t) (image->width - 1) * nc : 0) +
                          (bottom ? (image->height - 1) * row : 0);
  const ptrdiff_t along_x = right ? -nc : nc;
  const ptrdiff_t along_y = bottom ? -row : row;

  copy_turned (turned, origin, swap ? along_y : along_x,
               swap ? along_x : along_y);
  dml_picture_unref (*picture);
  *picture = turned;
  return TRUE;
}
