/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The resize filter along one axis: which samples make an output sample, and
 * with what weight.
 *
 * The rule is that of Pillow's BILINEAR (docs/images.md). Output i of n covers
 * the box's i-th n-th; with c its centre and s = max (1, box / n) the weight of
 * sample j, whose centre is j + 0.5, is the triangle max (0, 1 - |j + 0.5 - c|
 * / s), over their sum. Samples outside the picture count where the box sticks
 * out; elsewhere they are left out of the sum. What counts outside goes to the
 * edge sample, or with `clear` to sample -1 or n_in, which the caller makes. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#define DML_TAPS_PAD 16 /* weights of an output come in multiples of it */

/* What the weights depend on. */
typedef struct {
  double origin, length; /* the box along this axis, in samples of the plane */
  int n_in;              /* samples of the plane */
  int n_out;
  int step; /* words from one sample to the next: weights are spread that far,
             * zeros between, so that packed layouts need no sorting */
  int max_shift; /* bound on the shift */
  bool clear;
} DmlTapsKey;

typedef struct {
  DmlTapsKey key;   /* n_out == 0: nothing computed yet */
  int first, last;  /* samples touched: first <= j < last */
  int shift;        /* weights of an output sum to exactly 1 << shift */
  int32_t *start;   /* n_out: word of the first sample of each output */
  int32_t *n_words; /* n_out: weights of each, spread, not padded */
  int32_t *offset;  /* n_out + 1: where they begin; multiples of the pad */
  int16_t *weight;  /* zeros up to the pad */
  double *scratch;  /* n_in + 2 */
} DmlTaps;

/* Bytes that dml_taps_place() hands out for any box on such an axis. */
size_t dml_taps_size (int n_in, int n_out, int step);

/* Lays the arrays into memory of that size; nothing is computed yet. */
void dml_taps_place (DmlTaps *taps, uint8_t *memory, int n_in, int n_out,
                     int step);

/* Computes the weights unless they stand for the same key already. */
void dml_taps_compute (DmlTaps *taps, const DmlTapsKey *key);
