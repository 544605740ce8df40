/* SPDX-License-Identifier: LGPL-2.1-or-later
 * One picture of a data set: from a file's bytes to the pixels that are kept.
 */
#include "train/sample.h"
#include "base/error.h"
#include "base/mem.h"
#include "image/preprocess.h"

#include <math.h>
#include <string.h>

#define PACK_QUALITY 95
#define RATIO_MAX 8 /* longer over shorter side that is kept */

void
dml_sample_clear (gpointer data)
{
  DmlSample *sample = data;

  g_free (sample->name);
  dml_mem_free (sample->pixels);
  g_clear_pointer (&sample->packed, g_bytes_unref);
}

/* Two independent 64-bit sums in the manner of FNV-1a over 8 bytes at a time:
 * copies are found by them, nothing is secured by them. */
static void
hash_pixels (DmlSample *sample, size_t n)
{
  uint64_t a = 0xcbf29ce484222325u ^ (uint64_t) sample->width;
  uint64_t b = 0x9E3779B97F4A7C15u ^ (uint64_t) sample->height;

  for (size_t i = 0; i < n; i += 8) {
    uint64_t word = 0;

    memcpy (&word, sample->pixels + i, MIN (8, n - i));
    a = (a ^ word) * 0x100000001b3u;
    b = (b + word) * 0xBF58476D1CE4E5B9u;
    a ^= a >> 29;
    b ^= b >> 31;
  }
  sample->hash[0] = a;
  sample->hash[1] = b;
}

static void
mean_hash (DmlSample *sample)
{
  uint64_t cell[64];
  uint64_t sum = 0;

  for (int c = 0; c < 64; c++) {
    const int x0 = c % 8 * sample->width / 8, y0 = c / 8 * sample->height / 8;
    const int x1 = MAX (x0 + 1, (c % 8 + 1) * sample->width / 8);
    const int y1 = MAX (y0 + 1, (c / 8 + 1) * sample->height / 8);
    uint64_t n = 0, s = 0;

    for (int y = y0; y < y1; y++)
      for (int x = x0; x < x1; x++, n++) {
        const uint8_t *p =
          sample->pixels +
          ((size_t) y * (size_t) sample->width + (size_t) x) * sample->channels;

        s += p[0] + 2u * p[1] + p[2];
      }
    cell[c] = 16 * s / MAX (1, n);
    sum += cell[c];
  }
  for (int c = 0; c < 64; c++)
    sample->mean_hash |= (uint64_t) (64 * cell[c] > sum) << c;
}

/* The part that is kept: what the fit mode shows of the box, as far as there is
 * a picture, or all of it; panoramas are cut at both ends. */
static DmlRegion
kept_region (const DmlRegion *box, DmlFit fit, int width, int height)
{
  DmlRegion r = { 0, 0, (float) width, (float) height };

  if (box != NULL) {
    DmlRegion shown;

    dml_preprocess_box (fit, 1, 1, box, &shown);
    const float x0 = CLAMP (shown.x, 0, r.width - 1);
    const float y0 = CLAMP (shown.y, 0, r.height - 1);

    r =
      (DmlRegion){ x0, y0, CLAMP (shown.x + shown.width - x0, 1, r.width - x0),
                   CLAMP (shown.y + shown.height - y0, 1, r.height - y0) };
  }
  const float longest = RATIO_MAX * MIN (r.width, r.height);

  if (r.width > longest) {
    r.x += (r.width - longest) / 2;
    r.width = longest;
  }
  if (r.height > longest) {
    r.y += (r.height - longest) / 2;
    r.height = longest;
  }
  return r;
}

/* Whole pixels of a part of a picture, or the picture itself where that is all
 * of it. (transfer full) */
static DmlPicture *
cut_out (DmlPicture *picture, const DmlRegion *region, GError **error)
{
  const DmlImage *from = dml_picture_get_image (picture);
  const int x = (int) region->x, y = (int) region->y;
  const int width = MIN ((int) ceilf (region->width), from->width - x);
  const int height = MIN ((int) ceilf (region->height), from->height - y);
  const int channels = from->format == DML_PIXELS_RGBA ? 4 : 3;
  DmlPicture *part;
  uint8_t *row;
  int stride;

  if (width == from->width && height == from->height)
    return dml_picture_ref (picture);
  part = dml_picture_new_rgb (width, height, channels, error);
  if (part == NULL)
    return NULL;
  row = dml_picture_get_pixels (part, &stride);
  for (int i = 0; i < height; i++, row += stride)
    memcpy (row,
            from->plane[0] + (ptrdiff_t) (y + i) * from->stride[0] +
              (ptrdiff_t) x * channels,
            (size_t) width * (size_t) channels);
  return part;
}

static gboolean
take_pixels (DmlSample *sample, const DmlPicture *picture, GError **error)
{
  const DmlImage *image = dml_picture_get_image (picture);
  const size_t row = (size_t) image->width * sample->channels;

  sample->width = image->width;
  sample->height = image->height;
  sample->pixels = dml_mem_new (uint8_t, row * (size_t) image->height, error);
  if (sample->pixels == NULL)
    return FALSE;
  for (int y = 0; y < image->height; y++) {
    const uint8_t *in = image->plane[0] + (ptrdiff_t) y * image->stride[0];
    uint8_t *out = sample->pixels + (size_t) y * row;

    if (image->format == DML_PIXELS_RGBA && sample->channels == 3)
      for (int x = 0; x < image->width; x++)
        memcpy (out + 3 * x, in + 4 * x, 3);
    else
      memcpy (out, in, row);
  }
  hash_pixels (sample, row * (size_t) image->height);
  mean_hash (sample);
  return TRUE;
}

static gboolean
check_box (const DmlRegion *box, const DmlPicture *picture, const char *name,
           GError **error)
{
  const int width = dml_picture_get_width (picture);
  const int height = dml_picture_get_height (picture);

  if (box == NULL || (box->x < (float) width && box->y < (float) height &&
                      box->x + box->width > 0 && box->y + box->height > 0))
    return TRUE;
  return dml_fail (error, FORMAT,
                   "%s: the box %g,%g,%g,%g lies outside the picture of %d x "
                   "%d pixels",
                   name, (double) box->x, (double) box->y, (double) box->width,
                   (double) box->height, width, height);
}

gboolean
dml_sample_decode (DmlSample *sample, GBytes *bytes, const char *name,
                   const DmlRegion *box, DmlFit fit, double side_wanted,
                   int *side, GError **error)
{
  g_autoptr (DmlPicture) picture = dml_picture_load_bytes (bytes, name, error);
  g_autoptr (DmlPicture) part = NULL, small = NULL;
  DmlRegion region;
  double shrink;
  int width, height;

  if (picture == NULL || !check_box (box, picture, name, error))
    return FALSE;
  region = kept_region (box, fit, dml_picture_get_width (picture),
                        dml_picture_get_height (picture));
  part = cut_out (picture, &region, error);
  if (part == NULL)
    return FALSE;
  width = dml_picture_get_width (part);
  height = dml_picture_get_height (part);
  *side = MIN (width, height);
  shrink = side_wanted / *side;
  small = shrink < 1
            ? dml_picture_scale (part, MAX (1, (int) lround (width * shrink)),
                                 MAX (1, (int) lround (height * shrink)), error)
            : dml_picture_ref (part);
  if (small == NULL)
    return FALSE;
  sample->channels = dml_picture_has_alpha (small) ? 4 : 3;
  return take_pixels (sample, small, error);
}

gboolean
dml_sample_pack (DmlSample *sample, GError **error)
{
  g_autoptr (DmlPicture) picture =
    dml_picture_new_rgb (sample->width, sample->height, 3, error);
  int stride;
  uint8_t *row;

  if (picture == NULL)
    return FALSE;
  row = dml_picture_get_pixels (picture, &stride);
  for (int y = 0; y < sample->height; y++, row += stride)
    memcpy (row, sample->pixels + (size_t) y * (size_t) sample->width * 3,
            (size_t) sample->width * 3);
  sample->packed = dml_picture_encode_jpeg (picture, 0, PACK_QUALITY, error);
  if (sample->packed == NULL)
    return FALSE;
  dml_mem_free (sample->pixels);
  sample->pixels = NULL;
  return TRUE;
}
