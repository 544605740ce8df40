/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Rows of samples of any layout. */
#include "image/rows.h"
#include "base/mem.h"

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
  uint8_t all = 255;

  for (size_t i = 0; i < n; i++)
    all &= in[4 * i + (size_t) alpha];
  return all == 255;
}

void
dml_rows_blend8 (uint8_t *out, const uint8_t *in, size_t n, int alpha,
                 const uint16_t background[3])
{
  for (size_t i = 0; i < n; i++, in += 4, out += 4) {
    const unsigned a = in[alpha];
    int c = 0;

    for (int k = 0; k < 4; k++) {
      if (k != alpha)
        out[k] =
          (uint8_t) ((in[k] * a + background[c++] * (255 - a) + 127) / 255);
    }
    out[alpha] = 255;
  }
}

/* The same at 16 bits, in place; A stands first there. */
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

static const void *
rows_make (DmlRowSource *rows, int y, void *slot)
{
  const DmlImage *image = rows->image;
  const DmlPixels *pixels = rows->pixels;
  const size_t n_pixels = (size_t) rows->n_words / 4;
  const uint8_t *row;

  if (pixels->rows == DML_ROWS_CALLBACK) {
    image->unpack (image, rows->first / 4, y,
                   MIN (rows->n_words / 4, image->width - rows->first / 4),
                   slot);
    if (pixels->word_bytes == 2)
      blend16 (slot, n_pixels, rows->background);
    else if (!opaque8 (slot, n_pixels, pixels->alpha))
      dml_rows_blend8 (slot, slot, n_pixels, pixels->alpha, rows->background);
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
  dml_rows_blend8 (slot, row, n_pixels, pixels->alpha, rows->background);
  return slot;
}

const void *
dml_rows_get (DmlRowSource *rows, int y)
{
  const int p = rows->plane, i = y % DML_ROWS_RING;

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
