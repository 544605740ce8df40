/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The resize filter along one axis. */
#include "image/taps.h"
#include "base/mem.h"

#include <math.h>
#include <string.h>

/* A box that sticks out by less than this, in samples, does not: it comes of
 * rounding. */
#define TOUCHES 1e-6

/* Any sample, and the two that stand for the outside, is under the triangles of
 * at most two outputs when shrinking, and an output has at most 3 samples when
 * enlarging; ends and pads on top. */
static size_t
taps_max_weights (int n_in, int n_out, int step)
{
  return 2 * ((size_t) n_in + 2) * (size_t) step +
         (size_t) n_out * ((size_t) step * 4 + DML_TAPS_PAD);
}

size_t
dml_taps_size (int n_in, int n_out, int step)
{
  return 3 * dml_mem_round (((size_t) n_out + 1) * sizeof (int32_t)) +
         dml_mem_round (taps_max_weights (n_in, n_out, step) *
                        sizeof (int16_t)) +
         dml_mem_round (((size_t) n_in + 2) * sizeof (double));
}

void
dml_taps_place (DmlTaps *taps, uint8_t *memory, int n_in, int n_out, int step)
{
  const size_t outputs =
    dml_mem_round (((size_t) n_out + 1) * sizeof (int32_t));

  *taps = (DmlTaps){ 0 };
  taps->start = (int32_t *) memory;
  taps->n_words = (int32_t *) (memory + outputs);
  taps->offset = (int32_t *) (memory + 2 * outputs);
  taps->scratch = (double *) (memory + 3 * outputs);
  memory += 3 * outputs + dml_mem_round (((size_t) n_in + 2) * sizeof (double));
  taps->weight = (int16_t *) memory;
}

/* Sum over a <= j < b of 1 - |j + 0.5 - c| / s, all under the triangle: two
 * arithmetic series that meet at c. A box may be a million times the picture,
 * so what lies outside is not summed one by one. */
static double
triangle_sum (double a, double b, double c, double s)
{
  const double middle = CLAMP (ceil (c - 0.5), a, b);
  const double rise = middle - a, fall = b - middle;
  const double under_rise = (middle * middle - a * a) / 2;
  const double under_fall = (b * b - middle * middle) / 2;

  if (b <= a)
    return 0;
  return rise - (rise * c - under_rise) / s + fall -
         (under_fall - fall * c) / s;
}

/* Weights of one output, not normalised: the first sample in *first, their
 * number returned, at least 1. Samples of no weight at the ends are left out,
 * so that nothing is read in vain. */
static int
taps_of_output (const DmlTapsKey *key, int i, double *weight, int *first)
{
  const double scale = key->length / key->n_out;
  const double s = MAX (scale, 1.0);
  const double c = key->origin + (i + 0.5) * scale;
  const double left = MIN (0.0, floor (key->origin + TOUCHES));
  const double right =
    MAX ((double) key->n_in, ceil (key->origin + key->length - TOUCHES));
  const double begin = MAX (left, floor (c - s + 0.5));
  const double end = MIN (right, floor (c + s + 0.5));
  const int low = key->clear ? -1 : 0;
  const int high = key->clear ? key->n_in + 1 : key->n_in;
  const int a = (int) CLAMP (begin, low, high - 1);
  const int b = (int) CLAMP (end, a + 1, high);

  for (int j = a; j < b; j++)
    weight[j - a] =
      j < 0 || j == key->n_in ? 0 : MAX (0.0, 1 - fabs (j + 0.5 - c) / s);
  /* All outside: the sample that stands for it may be under no triangle. */
  if (begin >= key->n_in || end <= 0)
    weight[0] = 1;
  else {
    weight[0] += triangle_sum (begin, MIN (0.0, end), c, s);
    weight[b - 1 - a] += triangle_sum (MAX (key->n_in, begin), end, c, s);
  }
  int skip = 0, n = b - a;

  while (n > 1 && weight[n - 1] <= 0)
    n--;
  while (skip < n - 1 && weight[skip] <= 0)
    skip++;
  memmove (weight, weight + skip, (size_t) (n - skip) * sizeof *weight);
  *first = a + skip;
  return n - skip;
}

/* To integers whose sum is exact: each takes the step of the rounded running
 * sum, so that errors do not gather. */
static void
taps_quantise (const double *weight, int n, int shift, int step, int16_t *out)
{
  double total = 0, so_far = 0;
  int32_t before = 0;

  for (int j = 0; j < n; j++)
    total += weight[j];
  for (int j = 0; j < n; j++) {
    so_far += weight[j];
    const int32_t now =
      j == n - 1 ? 1 << shift
                 : (int32_t) floor (so_far / total * (1 << shift) + 0.5);

    out[(size_t) j * (size_t) step] = (int16_t) (now - before);
    before = now;
  }
}

/* The largest shift at which every weight fits 16 bits. */
static int
taps_shift (DmlTaps *taps, const DmlTapsKey *key)
{
  double largest = 0;
  int first, shift = key->max_shift;

  for (int i = 0; i < key->n_out; i++) {
    const int n = taps_of_output (key, i, taps->scratch, &first);
    double total = 0, top = 0;

    for (int j = 0; j < n; j++) {
      total += taps->scratch[j];
      top = MAX (top, taps->scratch[j]);
    }
    largest = MAX (largest, top / total);
  }
  while (largest * (1 << shift) > 32766) /* a rounding step above fits */
    shift--;
  return shift;
}

static bool
same_key (const DmlTapsKey *a, const DmlTapsKey *b)
{
  return memcmp (&a->origin, &b->origin, sizeof a->origin) == 0 &&
         memcmp (&a->length, &b->length, sizeof a->length) == 0 &&
         a->n_in == b->n_in && a->n_out == b->n_out && a->step == b->step &&
         a->max_shift == b->max_shift && a->clear == b->clear;
}

void
dml_taps_compute (DmlTaps *taps, const DmlTapsKey *key)
{
  int32_t offset = 0;

  if (same_key (&taps->key, key))
    return;
  taps->key = *key;
  taps->first = key->n_in;
  taps->last = 0;
  taps->shift = taps_shift (taps, key);
  for (int i = 0; i < key->n_out; i++) {
    int first;
    const int n = taps_of_output (key, i, taps->scratch, &first);
    const int n_words = (n - 1) * key->step + 1;
    const int padded = (n_words + DML_TAPS_PAD - 1) & ~(DML_TAPS_PAD - 1);
    int16_t *weight = taps->weight + offset;

    memset (weight, 0, (size_t) padded * sizeof *weight);
    taps_quantise (taps->scratch, n, taps->shift, key->step, weight);
    taps->start[i] = first * key->step;
    taps->n_words[i] = n_words;
    taps->offset[i] = offset;
    taps->first = MIN (taps->first, first);
    taps->last = MAX (taps->last, first + n);
    offset += padded;
  }
  taps->offset[key->n_out] = offset;
}
