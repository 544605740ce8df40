/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Pictures to columns, so that a convolution becomes a matrix product. */
#pragma once

#include <stddef.h>

/* One group of one image and the window over it. */
typedef struct {
  size_t c, h, w;                /* channels of the group, size of the input */
  size_t oh, ow;                 /* size of the output */
  size_t kh, kw, sh, sw, dh, dw; /* kernel, strides, dilations */
  size_t top, left; /* padding before; that after follows from the sizes */
} DmlIm2col;

/* cols[(ch kh + r) kw + s][p] = x at tap (r, s) of output pixel first + p, 0
 * outside, for p < n; rows of cols are `stride` floats apart. */
void dml_im2col (const DmlIm2col *g, const float *x, size_t first, size_t n,
                 float *cols, size_t stride);

/* The adjoint: adds each column to where it was taken from. */
void dml_col2im (const DmlIm2col *g, const float *cols, size_t stride,
                 size_t first, size_t n, float *x);
