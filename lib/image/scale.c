/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Pictures at another size and upon a background. */
#include "image/picture.h"
#include "image/resample.h"
#include "base/error.h"

#include <math.h>

/* A box of a picture, to the first n_components bytes of each pixel of `to`,
 * which are `step` bytes apart. */
static gboolean
scale_box (const DmlImage *image, const DmlBox *box, DmlPicture *to,
           uint8_t *first, int n_components, GError **error)
{
  const int width = to->image.width, height = to->image.height;
  const int step = dml_picture_channels (to);
  DmlResampler resampler = { 0 };

  if (!dml_resampler_set (&resampler, image, box, width, height, error)) {
    dml_resampler_clear (&resampler);
    return FALSE;
  }
  for (int y = 0; y < height; y++) {
    dml_resampler_row (&resampler, y);
    for (int c = 0; c < n_components; c++) {
      uint8_t *out = first + (size_t) y * (size_t) to->image.stride[0] + c;
      const float unit = (float) dml_resampler_unit (&resampler, c);

      for (int x = 0; x < width; x++)
        out[(size_t) x * (size_t) step] =
          (uint8_t) ((float) resampler.sum[c][x] * unit + 0.5f);
    }
  }
  dml_resampler_clear (&resampler);
  return TRUE;
}

/* Colour counts as far as it is opaque: scaled premultiplied, then divided. */
static DmlPicture *
scale_alpha (const DmlPicture *picture, DmlPicture *scaled, GError **error)
{
  const DmlImage *image = &picture->image;
  const DmlBox whole = { 0, 0, image->width, image->height };
  const size_t n = (size_t) image->width * (size_t) image->height;
  const size_t n_out =
    (size_t) scaled->image.width * (size_t) scaled->image.height;
  g_autoptr (DmlMem) premultiplied = dml_mem_alloc (n, 4, error);
  uint8_t *block = premultiplied, *out = scaled->pixels;

  if (block == NULL)
    return NULL;
  for (size_t i = 0; i < n; i++) {
    const unsigned a = picture->pixels[4 * i + 3];

    for (int c = 0; c < 3; c++)
      block[3 * i + c] =
        (uint8_t) ((picture->pixels[4 * i + c] * a + 127) / 255);
    block[3 * n + i] = (uint8_t) a;
  }
  const DmlImage colours = {
    .format = DML_PIXELS_RGB,
    .width = image->width,
    .height = image->height,
    .plane = { block },
    .stride = { 3 * image->width },
  };
  const DmlImage alpha = {
    .format = DML_PIXELS_GRAY8,
    .width = image->width,
    .height = image->height,
    .plane = { block + 3 * n },
    .stride = { image->width },
  };

  if (!scale_box (&colours, &whole, scaled, out, 3, error) ||
      !scale_box (&alpha, &whole, scaled, out + 3, 1, error))
    return NULL;
  for (size_t i = 0; i < n_out; i++, out += 4) {
    const unsigned a = out[3];

    for (int c = 0; c < 3; c++)
      out[c] = a == 0 ? 0 : (uint8_t) MIN (255, (out[c] * 255u + a / 2) / a);
  }
  return dml_picture_ref (scaled);
}

DmlPicture *
dml_picture_scale (const DmlPicture *picture, int width, int height,
                   GError **error)
{
  g_return_val_if_fail (picture != NULL, NULL);
  const int nc = dml_picture_channels (picture);
  const DmlBox whole = { 0, 0, picture->image.width, picture->image.height };
  g_autoptr (DmlPicture) scaled =
    dml_picture_new_rgb (width, height, nc, error);

  if (scaled == NULL)
    return NULL;
  if (nc == 4)
    return scale_alpha (picture, scaled, error);
  if (!scale_box (&picture->image, &whole, scaled, scaled->pixels, 3, error))
    return NULL;
  return g_steal_pointer (&scaled);
}

/* The background at the size of the picture: its centre, scaled to cover. */
static DmlPicture *
cover (const DmlPicture *background, const DmlImage *like, guint32 rgb,
       GError **error)
{
  g_autoptr (DmlPicture) opaque =
    dml_picture_flatten (background, NULL, rgb, error);
  g_autoptr (DmlPicture) covering =
    opaque != NULL ? dml_picture_new_rgb (like->width, like->height, 3, error)
                   : NULL;

  if (covering == NULL)
    return NULL;
  const double w = opaque->image.width, h = opaque->image.height;
  const double scale = MIN (w / like->width, h / like->height);
  const double width = like->width * scale, height = like->height * scale;
  const DmlBox box = { (w - width) / 2, (h - height) / 2, width, height };

  if (!scale_box (&opaque->image, &box, covering, covering->pixels, 3, error))
    return NULL;
  return g_steal_pointer (&covering);
}

DmlPicture *
dml_picture_flatten (const DmlPicture *picture, const DmlPicture *background,
                     guint32 rgb, GError **error)
{
  g_return_val_if_fail (picture != NULL, NULL);
  const DmlImage *image = &picture->image;
  const size_t n = (size_t) image->width * (size_t) image->height;

  if (dml_picture_channels (picture) == 3)
    return dml_picture_ref ((DmlPicture *) picture);
  DmlPicture *flat =
    background != NULL
      ? cover (background, image, rgb, error)
      : dml_picture_new_rgb (image->width, image->height, 3, error);

  if (flat == NULL)
    return NULL;
  for (size_t i = 0; i < n; i++) {
    const uint8_t *in = picture->pixels + 4 * i;
    uint8_t *out = flat->pixels + 3 * i;

    for (int c = 0; c < 3; c++) {
      const unsigned below =
        background != NULL ? out[c] : rgb >> (16 - 8 * c) & 0xff;

      out[c] = (uint8_t) ((in[c] * in[3] + below * (255u - in[3]) + 127) / 255);
    }
  }
  return flat;
}
