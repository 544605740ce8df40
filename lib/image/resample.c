/* SPDX-License-Identifier: LGPL-2.1-or-later
 * A box of an image at another size. */
#include "image/resample.h"
#include "base/error.h"
#include "kernels/kernels.h"

#include <math.h>
#include <string.h>

#define LINE_BITS 15   /* a code of 8 bits takes 7 more after the first pass */
#define ROWS_AT_ONCE 4 /* what the kernel takes */
#define LEAD 16        /* words before a line: room for a pixel outside */
#define MAX_SHIFT_DOWN8 22  /* 255 << 22 fits 31 bits */
#define MAX_SHIFT_DOWN16 15 /* 65535 << 15 does */
#define MAX_SHIFT_ACROSS 16 /* 32767 << 16 does */

static const DmlTaps *
taps_across (const DmlResampler *self, int c)
{
  return &self->across[self->pixels->component[c].subsampled_x];
}

/* The plane's rows follow those of its components; all of them are alike. */
static const DmlTaps *
taps_down (const DmlResampler *self, int plane)
{
  for (int c = 0; c < self->pixels->n_components; c++) {
    if (self->pixels->component[c].plane == plane)
      return &self->down[self->pixels->component[c].subsampled_y];
  }
  g_assert_not_reached ();
}

/* Sizes of the axes: [0] whole, [1] subsampled. */
typedef struct {
  int n_x[2], n_y[2], step[2], n_words;
} Extents;

static Extents
extents_of (const DmlPixels *pixels, int width, int height)
{
  Extents e = { .n_words = 0 };

  for (int half = 0; half < 2; half++) {
    e.n_x[half] = dml_pixels_halve (width, half);
    e.n_y[half] = dml_pixels_halve (height, half);
    e.step[half] = 1;
  }
  for (int c = 0; c < pixels->n_components; c++) {
    const DmlComponent *part = &pixels->component[c];
    const int half = part->subsampled_x;

    e.step[half] = part->step;
    e.n_words = MAX (e.n_words, e.n_x[half] * part->step);
  }
  e.n_words += 24; /* whole groups of packed layouts */
  return e;
}

/* Lays out the arena for an image format and size and an output size; no taps
 * stand afterwards. */
static gboolean
resampler_lay_out (DmlResampler *self, const DmlImage *image, int width,
                   int height, GError **error)
{
  const DmlPixels *pixels = dml_pixels_get (image->format);
  const Extents e = extents_of (pixels, image->width, image->height);
  const size_t words = (size_t) e.n_words;
  const size_t acc_size = dml_mem_round (words * sizeof *self->acc);
  const size_t line_size =
    dml_mem_round ((LEAD + words + LEAD + DML_TAPS_PAD) * sizeof *self->line);
  const size_t outside_size = dml_mem_round (words * pixels->word_bytes);
  const size_t sum_size = dml_mem_round ((size_t) width * sizeof *self->sum[0]);
  const size_t ring_size = dml_rows_ring_size (pixels, e.n_words);
  size_t total = acc_size + line_size + 3 * sum_size + ring_size + outside_size;

  for (int half = 0; half < 2; half++)
    total += dml_taps_size (e.n_x[half], width, e.step[half]) +
             dml_taps_size (e.n_y[half], height, 1);
  self->pixels = NULL; /* nothing stands if the memory is not there */
  if (!dml_arena_reserve (&self->arena, total, error))
    return FALSE;
  dml_arena_reset (&self->arena);
  for (int half = 0; half < 2; half++) {
    dml_taps_place (
      &self->across[half],
      dml_arena_push (&self->arena,
                      dml_taps_size (e.n_x[half], width, e.step[half])),
      e.n_x[half], width, e.step[half]);
    dml_taps_place (
      &self->down[half],
      dml_arena_push (&self->arena, dml_taps_size (e.n_y[half], height, 1)),
      e.n_y[half], height, 1);
  }
  self->acc = dml_arena_push (&self->arena, acc_size);
  self->line = (int16_t *) dml_arena_push (&self->arena, line_size) + LEAD;
  self->outside = dml_arena_push (&self->arena, outside_size);
  for (int c = 0; c < 3; c++) {
    self->sum[c] = c < pixels->n_components
                     ? dml_arena_push (&self->arena, sum_size)
                     : self->sum[0];
  }
  /* Layouts that need a ring have one plane. */
  self->rows[0].ring = dml_arena_push (&self->arena, ring_size);
  self->rows[0].slot_size = ring_size / DML_ROWS_RING;
  self->format = image->format;
  self->in_width = image->width;
  self->in_height = image->height;
  self->width = width;
  self->height = height;
  self->pixels = pixels;
  return TRUE;
}

/* Places the box in each plane's own samples. Chroma lies half a luma sample
 * further left with left siting: its sample j is centred on luma 2 j + 0.5. */
static void
resampler_compute_taps (DmlResampler *self, const DmlImage *image,
                        const DmlBox *box)
{
  const Extents e = extents_of (self->pixels, image->width, image->height);
  const int max_down =
    self->pixels->word_bytes == 1 ? MAX_SHIFT_DOWN8 : MAX_SHIFT_DOWN16;
  bool used_x[2] = { false }, used_y[2] = { false };

  for (int c = 0; c < self->pixels->n_components; c++) {
    used_x[self->pixels->component[c].subsampled_x] = true;
    used_y[self->pixels->component[c].subsampled_y] = true;
  }
  for (int half = 0; half < 2; half++) {
    const double f = half ? 0.5 : 1;
    const double shift = half && image->siting == DML_SITING_LEFT ? 0.25 : 0;

    if (used_x[half])
      dml_taps_compute (&self->across[half],
                        &(DmlTapsKey){ box->x * f + shift, box->width * f,
                                       e.n_x[half], self->width, e.step[half],
                                       MAX_SHIFT_ACROSS, self->clear });
    if (used_y[half])
      dml_taps_compute (&self->down[half],
                        &(DmlTapsKey){ box->y * f, box->height * f, e.n_y[half],
                                       self->height, 1, max_down,
                                       self->clear });
  }
}

/* What stands for component c outside, as a word. */
static uint16_t
outside_word (const DmlResampler *self, int c)
{
  return self->pixels->alpha >= 0 ? self->rows[0].background[c] : 0;
}

/* A row of it, for images whose outside is clear; these have one plane. */
static void
resampler_fill_outside (DmlResampler *self)
{
  const DmlPixels *pixels = self->pixels;
  DmlRowSource *rows = &self->rows[0];
  const size_t n = (size_t) rows->n_words;

  memset (self->outside, 0, n * pixels->word_bytes);
  for (int c = 0; pixels->word_bytes == 1 && c < pixels->n_components; c++) {
    const DmlComponent *part = &pixels->component[c];

    for (size_t i = part->offset; i < n; i += part->step)
      self->outside[i] = (uint8_t) outside_word (self, c);
  }
  rows->outside = self->outside;
}

/* The samples [*begin, *end) that the taps reach within the picture; at least
 * one. */
static void
taps_reach (const DmlTaps *taps, int *begin, int *end)
{
  *begin = CLAMP (taps->first, 0, taps->key.n_in - 1);
  *end = CLAMP (taps->last, *begin + 1, taps->key.n_in);
}

/* Which words of each plane's rows the taps reach. */
static void
resampler_point_rows (DmlResampler *self, const DmlImage *image)
{
  const DmlPixels *pixels = self->pixels;

  for (int p = 0; p < pixels->n_planes; p++) {
    DmlRowSource *rows = &self->rows[p];
    int first = G_MAXINT, last = 0;

    for (int c = 0; c < pixels->n_components; c++) {
      const DmlComponent *part = &pixels->component[c];
      const DmlTaps *taps = taps_across (self, c);
      int begin, end;

      if (part->plane != p)
        continue;
      taps_reach (taps, &begin, &end);
      first = MIN (first, begin * part->step + part->offset);
      last = MAX (last, (end - 1) * part->step + part->offset + 1);
    }
    dml_rows_align (pixels, &first, &last);
    rows->image = image;
    rows->pixels = pixels;
    rows->plane = p;
    rows->first = first;
    rows->n_words = last - first;
    rows->outside = NULL;
    for (int c = 0; c < 3; c++)
      rows->background[c] = (uint16_t) floor (
        dml_resampler_grey (image, c) * (1 << (8 * pixels->word_bytes - 8)) +
        0.5);
    dml_rows_begin (rows);
  }
  if (self->clear)
    resampler_fill_outside (self);
}

gboolean
dml_resampler_set (DmlResampler *self, const DmlImage *image, const DmlBox *box,
                   int width, int height, GError **error)
{
  if ((self->pixels == NULL || self->format != image->format ||
       self->in_width != image->width || self->in_height != image->height ||
       self->width != width || self->height != height) &&
      !resampler_lay_out (self, image, width, height, error))
    return FALSE;
  self->clear = image->outside == DML_OUTSIDE_CLEAR && !self->pixels->yuv;
  resampler_compute_taps (self, image, box);
  resampler_point_rows (self, image);
  return TRUE;
}

/* One row of a plane, filtered down, into self->line. */
static void
filter_down (DmlResampler *self, int plane, int y)
{
  const DmlKernels *kernels = dml_kernels ();
  DmlRowSource *source = &self->rows[plane];
  const DmlTaps *taps = taps_down (self, plane);
  const int16_t *weight = taps->weight + taps->offset[y];
  const DmlPixels *pixels = self->pixels;
  const size_t n = (size_t) source->n_words;
  /* a word of 2^LINE_BITS for the brightest code */
  const int word_bits = pixels->depth + pixels->low_bits;

  memset (self->acc, 0, n * sizeof *self->acc);
  for (int done = 0; done < taps->n_words[y]; done += ROWS_AT_ONCE) {
    const int n_rows = MIN (ROWS_AT_ONCE, taps->n_words[y] - done);
    const int16_t *w = weight + done; /* 0 beyond the last */
    const void *rows[ROWS_AT_ONCE];

    for (int r = 0; r < ROWS_AT_ONCE; r++)
      rows[r] =
        r < n_rows ? dml_rows_get (source, taps->start[y] + done + r) : rows[0];
    if (pixels->word_bytes == 1)
      kernels->mac4_u8_i32 (self->acc, rows[0], rows[1], rows[2], rows[3], w,
                            n);
    else
      kernels->mac4_u16_i32 (self->acc, rows[0], rows[1], rows[2], rows[3], w,
                             n);
  }
  kernels->narrow_i32_i16 (self->line, self->acc,
                           taps->shift + word_bits - LINE_BITS, n);
  memset (self->line - LEAD, 0, LEAD * sizeof *self->line);
  memset (self->line + n, 0, (LEAD + DML_TAPS_PAD) * sizeof *self->line);
  if (!self->clear)
    return;
  for (int c = 0; c < pixels->n_components; c++) {
    const DmlComponent *part = &pixels->component[c];
    const int16_t v = (int16_t) (outside_word (self, c) << (LINE_BITS - 8));
    int begin, end;

    /* a pixel before the first one and one after the last */
    taps_reach (taps_across (self, c), &begin, &end);
    self->line[part->offset - source->first + (begin - 1) * part->step] = v;
    self->line[part->offset - source->first + end * part->step] = v;
  }
}

void
dml_resampler_row (DmlResampler *self, int y)
{
  const DmlKernels *kernels = dml_kernels ();
  const DmlPixels *pixels = self->pixels;

  for (int p = 0; p < pixels->n_planes; p++) {
    filter_down (self, p, y);
    for (int c = 0; c < pixels->n_components; c++) {
      const DmlComponent *part = &pixels->component[c];

      if (part->plane == p) {
        const DmlTaps *taps = taps_across (self, c);

        kernels->dot_taps_i16 (
          self->sum[c], self->line + part->offset - self->rows[p].first,
          taps->weight, taps->start, taps->offset, (size_t) self->width);
      }
    }
  }
}

double
dml_resampler_unit (const DmlResampler *self, int c)
{
  return ldexp (1, -(LINE_BITS - 8) - taps_across (self, c)->shift);
}

double
dml_resampler_grey (const DmlImage *image, int c)
{
  const DmlPixels *pixels = dml_pixels_get (image->format);

  if (c > 0 && pixels->yuv && image->matrix != DML_MATRIX_RGB)
    return 128;
  return image->range == DML_RANGE_LIMITED ? 16 + 219 * 128.0 / 255 : 128;
}

void
dml_resampler_clear (DmlResampler *self)
{
  dml_arena_clear (&self->arena);
  *self = (DmlResampler){ 0 };
}
