/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The inner loops: a table of function pointers a level of instruction sets.
 *
 * Contracts that hold for every kernel:
 *   - n may be 0; nothing is read or written beyond the n elements named, and
 *     elements need no more than their own alignment;
 *   - an output may be the very same array as an input where the comment says
 *     so ("in place"); otherwise arrays do not overlap;
 *   - NaN in gives NaN out, infinities follow IEEE 754, denormals are computed
 *     as such; the rounding mode is to nearest, and no kernel changes it;
 *   - a result depends on the values alone, not on where they lie in memory or
 *     which rows lie beside them.
 * Which rounding each row promises is said in kernels.def; every row is held to
 * it by dml-check (docs/kernels.md). */
#pragma once

#include "base/cpu.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One step of SGD; DmlKernels.sgd_f32. */
typedef struct {
  float rate, momentum, decay; /* learning rate, mu, L2 decay of w */
  float grad_scale;            /* multiplies the gradient first: clipping */
  bool nesterov;
} DmlSgdStep;

/* One step of AdamW; DmlKernels.adamw_f32. */
typedef struct {
  float rate, beta1, beta2, eps, decay;
  float grad_scale;
  float unbias1, unbias2; /* 1 / (1 - beta1^t), 1 / (1 - beta2^t) */
} DmlAdamwStep;

/* Part of a row that gather_rows_f32 composes. */
typedef struct {
  size_t to, n;   /* elements to .. to + n - 1 of the row */
  ptrdiff_t from; /* where the first one comes from */
} DmlStretch;

/* Depthwise convolution of one plane that already carries its border:
 *   y[i][j] = clip (bias + sum over r, s of w[r][s] x[i stride + r][j stride +
 * s]) Reads rows 0 .. (oh - 1) stride + K - 1 of x, and in each of them columns
 * 0 .. (ow - 1) stride + K - 1. Strides are in floats. */
typedef void (*DmlDepthwise) (float *y, size_t y_stride, const float *x,
                              size_t x_stride, size_t oh, size_t ow,
                              const float *w, float bias, float lo, float hi);

/* y, x, n as named; y may be x. */
typedef void (*DmlUnary) (float *y, const float *x, size_t n);

/* Scores of many rows against one query: row i starts at base + i stride. */
typedef void (*DmlScoreRows) (float *score, const float *query,
                              const float *base, size_t stride, size_t n_rows,
                              size_t d);

typedef struct {
  /* --- sums: reduce_tmpl.c --- */

  float (*sum_f32) (const float *x, size_t n);
  float (*sumsq_f32) (const float *x, size_t n);
  float (*dot_f32) (const float *a, const float *b, size_t n);
  /* sum of (a[i] - b[i])^2 */
  float (*sqdist_f32) (const float *a, const float *b, size_t n);
  /* The largest, NaN if there is any, -infinity for n == 0; never -0. */
  float (*max_f32) (const float *x, size_t n);

  /* Statistics of a channel, added to what stands in the sums, in double:
   *   *sum += sum of (x[i] - shift), *sumsq += sum of (x[i] - shift)^2
   * A shift near the mean keeps the variance's digits. */
  void (*moments_f32) (const float *x, size_t n, float shift, double *sum,
                       double *sumsq);
  /* Batch norm backward, in double:
   *   *sum += sum of dy[i], *dot += sum of dy[i] (x[i] - mean) */
  void (*grad_moments_f32) (const float *dy, const float *x, size_t n,
                            float mean, double *sum, double *dot);
  /* Gradient of a PReLU slope: sum of dy[i] x[i] over x[i] < 0. */
  float (*leaky_dslope_f32) (const float *dy, const float *x, size_t n);

  /* --- many rows against one: search_tmpl.c --- */

  DmlScoreRows
    dot_rows_f32; /* score[i] = <query, row i>; the bits of dot_f32 */
  DmlScoreRows sqdist_rows_f32; /* |query - row i|^2; the bits of sqdist_f32 */

  /* --- element by element: eltwise_tmpl.c. y may be any of the inputs. --- */

  void (*add_f32) (float *y, const float *a, const float *b, size_t n);
  void (*sub_f32) (float *y, const float *a, const float *b, size_t n);
  void (*mul_f32) (float *y, const float *a, const float *b, size_t n);
  /* y[i] = a[i] > b[i] ? a[i] : b[i], NaN if either is */
  void (*maximum_f32) (float *y, const float *a, const float *b, size_t n);
  void (*scale_f32) (float *y, const float *x, float s, size_t n);
  void (*add_scalar_f32) (float *y, const float *x, float s, size_t n);
  /* y[i] = a x[i] + b: batch norm, u8 to float, ... */
  void (*affine_f32) (float *y, const float *x, float a, float b, size_t n);
  void (*axpy_f32) (float *y, float a, const float *x, size_t n); /* y += a x */
  void (*axpby_f32) (float *y, float a, const float *x, float b,
                     size_t n); /* y = a x + b y */
  /* y[i] += a u[i] + b v[i] + c: batch norm's dx from dy and x */
  void (*add_affine2_f32) (float *y, float a, const float *u, float b,
                           const float *v, float c, size_t n);
  /* y[i] += u[i] v[i] */
  void (*add_mul_f32) (float *y, const float *u, const float *v, size_t n);

  /* Activations. Clip: x < lo gives lo, else x > hi gives hi, else x; with
   * (0, INFINITY) ReLU, with (-INFINITY, INFINITY) nothing. -0 stays. */
  void (*clip_f32) (float *y, const float *x, float lo, float hi, size_t n);
  DmlUnary relu_f32;
  /* x > 0 ? x : slope x: leaky ReLU, and PReLU a channel */
  void (*leaky_f32) (float *y, const float *x, float slope, size_t n);
  /* clip (a x + b, 0, 1) */
  void (*hardsigmoid_f32) (float *y, const float *x, float a, float b,
                           size_t n);
  DmlUnary hardswish_f32; /* x clip (x / 6 + 0.5, 0, 1) */
  DmlUnary exp_f32;
  DmlUnary log_f32; /* of a negative number NaN, of 0 -infinity */
  DmlUnary tanh_f32;
  DmlUnary sigmoid_f32; /* 1 / (1 + exp (-x)) */
  DmlUnary silu_f32;    /* x sigmoid (x); -0, the limit, at -infinity */
  DmlUnary sqrt_f32;

  /* Ends of a layer. */
  /* y[i] = clip (x[i] + bias) */
  void (*bias_clip_f32) (float *y, const float *x, float bias, float lo,
                         float hi, size_t n);
  /* y[i] = clip (a[i] + b[i]): residual, or a bias along the row */
  void (*add_clip_f32) (float *y, const float *a, const float *b, float lo,
                        float hi, size_t n);
  /* y[i] = clip ((x[i] + bias) + r[i]) */
  void (*bias_add_clip_f32) (float *y, const float *x, float bias,
                             const float *r, float lo, float hi, size_t n);

  /* --- gradients: grad_tmpl.c. All add to dx, which may be no other argument:
   * several nodes may read the same x. --- */

  /* 0 where x <= lo or x >= hi, else dy (a NaN lets dy pass) */
  void (*clip_grad_f32) (float *dx, const float *dy, const float *x, float lo,
                         float hi, size_t n);
  void (*relu_grad_f32) (float *dx, const float *dy, const float *x, size_t n);
  void (*leaky_grad_f32) (float *dx, const float *dy, const float *x,
                          float slope, size_t n);
  void (*hardsigmoid_grad_f32) (float *dx, const float *dy, const float *x,
                                float a, float b, size_t n);
  void (*hardswish_grad_f32) (float *dx, const float *dy, const float *x,
                              size_t n);
  /* from the output: dy y (1 - y) */
  void (*sigmoid_grad_f32) (float *dx, const float *dy, const float *y,
                            size_t n);
  /* from the output: dy (1 - y^2) */
  void (*tanh_grad_f32) (float *dx, const float *dy, const float *y, size_t n);
  /* from the input: dy s (1 + x (1 - s)), s = sigmoid (x) */
  void (*silu_grad_f32) (float *dx, const float *dy, const float *x, size_t n);

  /* --- planes: plane_tmpl.c --- */

  DmlDepthwise dw3s1_f32, dw3s2_f32; /* 3 x 3 taps, stride 1 and 2 */
  DmlDepthwise dw5s1_f32, dw5s2_f32; /* 5 x 5 */
  /* Largest of each kh x kw window of a plane with its border (-infinity) laid
   * on; reads as DmlDepthwise does; NaN if there is one in the window. */
  void (*pool_max_f32) (float *y, size_t y_stride, const float *x,
                        size_t x_stride, size_t oh, size_t ow, size_t kh,
                        size_t kw, size_t sh, size_t sw);
  /* The same for the sum of each window; the border is 0. */
  void (*pool_sum_f32) (float *y, size_t y_stride, const float *x,
                        size_t x_stride, size_t oh, size_t ow, size_t kh,
                        size_t kw, size_t sh, size_t sw);

  /* --- matrix products: gemm_tmpl.c --- */

  /* Product of two packed panels, gemm_mr rows by up to gemm_nr columns:
   *   c[i][j] = (add ? c[i][j] : 0) + sum over l < k of a[l][i] b[l][j]
   * a is k x gemm_mr and b k x gemm_nr, dense, both filled up with anything.
   * Whole vectors are written: of c's rows the first n columns count, the rest
   * up to gemm_nr may be. An element is summed over l in order whatever n, and
   * its bits depend on its row of a and column of b alone. */
  void (*gemm_tile_f32) (float *c, size_t c_stride, const float *a,
                         const float *b, size_t k, size_t n, bool add);
  /* c[i][j] += <row i of a, row j of b>, i < m, j < n, rows of k elements */
  void (*gemm_nt_f32) (float *c, size_t c_stride, const float *a,
                       size_t a_stride, size_t m, const float *b,
                       size_t b_stride, size_t n, size_t k);
  /* Rows of y, width elements each: y[s.to + j] = x[s.from + j step] for the
   * n_s stretches s, which rise, 0 elsewhere; x moves on by x_stride a row.
   * Columns of a convolution, a tap of many channels at a time. */
  void (*gather_rows_f32) (float *y, size_t y_stride, size_t width,
                           const float *x, size_t x_stride, size_t n_rows,
                           const DmlStretch *s, size_t n_s, size_t step);

  /* --- update rules: optim_tmpl.c --- */

  /* g' = grad_scale g + decay w;  m = momentum m + g'
   * w -= rate (nesterov ? g' + momentum m : m)
   * (Sutskever et al. 2013, as PyTorch writes it; dampening 0) */
  void (*sgd_f32) (float *w, float *m, const float *g, size_t n,
                   const DmlSgdStep *step);
  /* Loshchilov & Hutter 2019, arXiv:1711.05101, algorithm 2:
   * w -= rate decay w;  m = beta1 m + (1 - beta1) g;
   * v = beta2 v + (1 - beta2) g^2
   * w -= rate unbias1 m / (sqrt (v unbias2) + eps) */
  void (*adamw_f32) (float *w, float *m, float *v, const float *g, size_t n,
                     const DmlAdamwStep *step);
  /* y += a (x - y) */
  void (*ema_f32) (float *y, const float *x, float a, size_t n);

  /* --- number formats: convert_tmpl.c --- */

  void (*f16_to_f32) (float *y, const uint16_t *x, size_t n);
  /* to nearest, ties to even; too large gives infinity; a NaN keeps its upper
   * bits and becomes quiet */
  void (*f32_to_f16) (uint16_t *y, const float *x, size_t n);
  /* y[i] = a x[i] + b */
  void (*u8_to_f32) (float *y, const uint8_t *x, float a, float b, size_t n);

  /* --- pixels: pixel_c.c, and pixel.orc on top of it --- */

  /* Four taps of a weighted sum of rows, wrapping:
   *   y[i] += w[0] x0[i] + w[1] x1[i] + w[2] x2[i] + w[3] x3[i] */
  void (*mac4_u8_i32) (int32_t *y, const uint8_t *x0, const uint8_t *x1,
                       const uint8_t *x2, const uint8_t *x3, const int16_t w[4],
                       size_t n);
  void (*mac4_u16_i32) (int32_t *y, const uint16_t *x0, const uint16_t *x1,
                        const uint16_t *x2, const uint16_t *x3,
                        const int16_t w[4], size_t n);
  /* y[i] = x[i] / 2^shift, halves up, 2 <= shift <= 31, kept within int16 */
  void (*narrow_i32_i16) (int16_t *y, const int32_t *x, int shift, size_t n);

  /* Pixels of four bytes laid upon a colour; alpha is byte 0 or 3 of each:
   *   y = (x a + below (255 - a)) / 255, rounded; alpha becomes 255 */
  void (*blend_u8) (uint8_t *y, const uint8_t *x, int alpha,
                    const uint8_t below[4], size_t n);

  /* --- what ends a resize: resample_tmpl.c --- */

  /* A row filtered across; output i has the weights offset[i] <= k <
   * offset[i + 1] (n + 1 offsets, multiples of 16):
   *   y[i] = sum over k of w[k] x[first[i] + k - offset[i]]
   * The terms' magnitudes must sum to less than 2^31. */
  void (*dot_taps_i16) (int32_t *y, const int16_t *x, const int16_t *w,
                        const int32_t *first, const int32_t *offset, size_t n);
  /* Colour and normalisation, nothing fused:
   *   v    = ((m[0] a[i] + m[1] b[i]) + m[2] c[i]) + m[3], kept within 0..1
   *   y[i] = v gain + bias */
  void (*colour_f32) (float *y, const int32_t *a, const int32_t *b,
                      const int32_t *c, const float m[4], float gain,
                      float bias, size_t n);

  /* --- sizes --- */

  size_t gemm_mr, gemm_nr; /* of gemm_tile_f32: at most 8 and 48 */
} DmlKernels;

/* The table to use, picked once: the machine's best under DML_CPU, with those
 * of ORC's pixel loops that are faster; none of them under DML_CPU=c. */
const DmlKernels *dml_kernels (void);

/* The table of one level alone, or NULL where it was not built or the machine
 * has it not. Its pixel rows are pixel_c.c's. */
const DmlKernels *dml_kernels_at (DmlCpuLevel level);

/* pixel_c.c's rows replaced by ORC's; false and untouched where ORC was not
 * built in. */
bool dml_kernels_add_orc (DmlKernels *table);
