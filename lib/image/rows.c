/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Rows of samples of any layout. */
#include "image/rows.h"
#include "base/mem.h"
#include "kernels/kernels.h"

#include <string.h>

#define V210_GROUP_WORDS 12 /* six pixels: U Y V Y U Y V Y U Y V Y */
#define V210_GROUP_BYTES 16

static bool
rows_need_ring (const DmlPixels *pixels)
{
  return pixels->rows != DML_ROWS_DIRECT || pixels->alpha >= 0;
}

size_t
dml_rows_ring_size (const DmlPixels *pixels, int n_words)
{
  const size_t words = (size_t) n_words + 2 * V210_GROUP_WORDS;

  if (!rows_need_ring (pixels))
    return 0;
  return DML_ROWS_RING * dml_mem_round (words * pixels->word_bytes);
}

void
dml_rows_align (const DmlPixels *pixels, int *first, int *last)
{
  int before = 1, after = 1;

  if (pixels->rows == DML_ROWS_V210)
    before = after = V210_GROUP_WORDS;
  else if (pixels->rows == DML_ROWS_CALLBACK)
    before = 8, after = 4; /* an even pixel to begin with */
  else if (pixels->alpha >= 0)
    before = after = 4;
  *first -= *first % before;
  *last += after - 1 - (*last + after - 1) % after;
}

void
dml_rows_begin (DmlRowSource *rows)
{
  for (int i = 0; i < DML_ROWS_RING; i++)
    rows->held[i] = -1;
}

/* Three 10-bit fields in each little-endian word of 32 bits. */
static void
unpack_v210 (uint16_t *out, const uint8_t *in, int n_words)
{
  for (int i = 0; i < n_words; i += 3, in += 4) {
    uint32_t word;

    memcpy (&word, in, 4);
    word = GUINT32_FROM_LE (word);
    out[i] = word & 0x3ff;
    out[i + 1] = word >> 10 & 0x3ff;
    out[i + 2] = word >> 20 & 0x3ff;
  }
}

static bool
opaque8 (const uint8_t *in, size_t n, int alpha)
{
  uint32_t all = 0xffffffff;

  for (size_t i = 0; i < n; i++) {
    uint32_t pixel;

    memcpy (&pixel, in + 4 * i, 4);
    all &= pixel;
  }
  return (GUINT32_FROM_LE (all) >> 8 * alpha & 255) == 255;
}

/* (colour x alpha + below x (top - alpha)) / top, rounded, in place; A stands
 * first. */
static void
blend16 (uint16_t *line, size_t n, const uint16_t background[3])
{
  for (size_t i = 0; i < n; i++, line += 4) {
    const uint32_t a = line[0];

    if (a == 65535)
      continue;
    for (int k = 1; k < 4; k++)
      line[k] =
        (uint16_t) ((line[k] * a + background[k - 1] * (65535 - a) + 32767) /
                    65535);
  }
}

static void
blend8 (uint8_t *line, size_t n, const uint16_t background[3])
{
  for (size_t i = 0; i < n; i++, line += 4) {
    const unsigned a = line[0];

    if (a == 255)
      continue;
    for (int k = 1; k < 4; k++)
      line[k] =
        (uint8_t) ((line[k] * a + background[k - 1] * (255 - a) + 127) / 255);
  }
}

static const void *
rows_make (DmlRowSource *rows, int y, void *slot)
{
  const DmlImage *image = rows->image;
  const DmlPixels *pixels = rows->pixels;
  const size_t n_pixels = (size_t) rows->n_words / 4;
  const uint8_t *row;
  uint8_t below[4] = { 0 };

  if (pixels->rows == DML_ROWS_CALLBACK) {
    image->unpack (image, rows->first / 4, y,
                   MIN (rows->n_words / 4, image->width - rows->first / 4),
                   slot);
    if (pixels->word_bytes == 2)
      blend16 (slot, n_pixels, rows->background);
    else
      blend8 (slot, n_pixels, rows->background);
    return slot;
  }
  row = image->plane[rows->plane] + (ptrdiff_t) y * image->stride[rows->plane];
  if (pixels->rows == DML_ROWS_V210) {
    unpack_v210 (slot, row + rows->first / V210_GROUP_WORDS * V210_GROUP_BYTES,
                 rows->n_words);
    return slot;
  }
  row += rows->first;
  if (opaque8 (row, n_pixels, pixels->alpha))
    return row;
  for (int c = 0; c < 3; c++)
    below[pixels->alpha == 0 ? c + 1 : c] = (uint8_t) rows->background[c];
  dml_kernels ()->blend_u8 (slot, row, pixels->alpha, below, n_pixels);
  return slot;
}

const void *
dml_rows_get (DmlRowSource *rows, int y)
{
  const int p = rows->plane, i = y % DML_ROWS_RING;

  if (rows->outside != NULL && (y < 0 || y == rows->image->height))
    return rows->outside;
  if (!rows_need_ring (rows->pixels))
    return rows->image->plane[p] + (ptrdiff_t) y * rows->image->stride[p] +
           (size_t) rows->first * rows->pixels->word_bytes;
  if (rows->held[i] != y) {
    rows->row[i] =
      rows_make (rows, y, rows->ring + (size_t) i * rows->slot_size);
    rows->held[i] = y;
  }
  return rows->row[i];
}
