/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Columns of a convolution, gathered from pictures a few at a time.
 *
 * A column is an output pixel; the pixels of all images of a batch are numbered
 * through, so that small maps fill the tiles too. A row is a tap of a channel,
 * taps outside, channels inside:
 *
 *   row t C + ch of column (image, y, x)  =
 *     source (image, ch, y sy + ty + a step_ty, x sx + tx + b step_tx),
 *     t = a n_tx + b; 0 outside the picture
 *
 * The same form serves forward, where the source is x, and backward to the
 * input, where the source is dy and the columns are the pixels of dx of one
 * residue class of the strides. */
#pragma once

#include "kernels/kernels.h"

typedef struct {
  size_t n, c, h, w;          /* images, channels, size of the source */
  size_t image_stride;        /* floats from image to image */
  size_t gh, gw;              /* pixels of an image: columns */
  size_t sy, sx;              /* steps in the source from pixel to pixel */
  size_t n_ty, n_tx;          /* taps: rows by columns */
  ptrdiff_t ty, tx;           /* where the first tap lies */
  ptrdiff_t step_ty, step_tx; /* from tap to tap */
} DmlColumns;

static inline size_t
dml_columns_count (const DmlColumns *g)
{
  return g->n * g->gh * g->gw;
}

static inline size_t
dml_columns_depth (const DmlColumns *g)
{
  return g->n_ty * g->n_tx * g->c;
}

#define DML_COLUMNS_MOST 48 /* at once: gemm_nr of the widest level */

/* Columns first .. first + n - 1 at one tap of channels ch .. ch + n_ch - 1:
 * channel ch + i goes to row i of y, y_stride floats apart, which is filled up
 * with zeros to `width`. n <= width <= DML_COLUMNS_MOST. */
void dml_columns_gather (const DmlKernels *kern, const DmlColumns *g,
                         const float *x, size_t tap, size_t ch, size_t n_ch,
                         size_t first, size_t n, float *y, size_t y_stride,
                         size_t width);
