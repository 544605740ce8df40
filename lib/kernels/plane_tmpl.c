/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Windows sliding over a plane: depthwise convolution and pooling. Vectors run
 * along the outputs of a row; a stride of 2 loads even and odd columns apart.
 */
#include "kernels/kernels.h"
#include "kernels/vec.h"
#include "kernels/kernels.def"

#include <math.h>

#define DW_ROWS 4 /* rows of outputs at a time */

/* m columns from p, every stride-th one, none beyond the last that counts. */
VEC_INLINE vf
column (const float *p, size_t stride, size_t m)
{
  return stride == 1 ? v_load_n (p, m) : v_load_step2_n (p, m);
}

/* t[s] becomes x[s], x[s + stride], ... m of them, for each of the k taps of a
 * window; none beyond the last that counts is read. */
VEC_INLINE void
load_taps (vf *t, const float *x, size_t k, size_t stride, size_t m)
{
  if (stride == 1) {
    V_UNROLL
    for (size_t s = 0; s < k; s++)
      t[s] = v_load_n (x + s, m);
    return;
  }
  V_UNROLL
  for (size_t s = 0; s + 1 < k; s += 2)
    t[s] = v_load_pair_n (x + s, m, &t[s + 1]);
  if (k % 2 == 1)
    t[k - 1] = v_load_step2_n (x + k - 1, m);
}

typedef struct {
  const float *w;
  vf bias, lo, hi;
} Depthwise;

/* m outputs of one row. Every output adds its taps in the order of w. */
VEC_INLINE void
depthwise_row (float *y, const float *x, size_t x_stride, Depthwise d, size_t k,
               size_t stride, size_t m)
{
  vf acc = d.bias;

  for (size_t r = 0; r < k; r++)
    for (size_t s = 0; s < k; s++)
      acc = v_mla (v_set1 (d.w[r * k + s]),
                   column (x + r * x_stride + s, stride, m), acc);
  v_store_n (y, v_clip (acc, d.lo, d.hi), m);
}

/* The same of DW_ROWS rows: what several of them read is loaded once. */
VEC_INLINE void
depthwise_rows (float *y, size_t y_stride, const float *x, size_t x_stride,
                Depthwise d, size_t k, size_t stride, size_t m)
{
  vf acc[DW_ROWS], t[5];

  V_UNROLL
  for (size_t i = 0; i < DW_ROWS; i++)
    acc[i] = d.bias;
  V_UNROLL
  for (size_t r = 0; r < (DW_ROWS - 1) * stride + k; r++) {
    load_taps (t, x + r * x_stride, k, stride, m);
    V_UNROLL
    for (size_t i = 0; i < DW_ROWS; i++)
      if (r >= i * stride && r < i * stride + k) {
        V_UNROLL
        for (size_t s = 0; s < k; s++)
          acc[i] = v_mla (v_set1 (d.w[(r - i * stride) * k + s]), t[s], acc[i]);
      }
  }
  V_UNROLL
  for (size_t i = 0; i < DW_ROWS; i++)
    v_store_n (y + i * y_stride, v_clip (acc[i], d.lo, d.hi), m);
}

VEC_INLINE void
depthwise (float *y, size_t y_stride, const float *x, size_t x_stride,
           size_t oh, size_t ow, const float *w, float bias, float lo, float hi,
           size_t k, size_t stride)
{
  const Depthwise d = { w, v_set1 (bias), v_set1 (lo), v_set1 (hi) };

  /* In plain C one row is the form that compilers make vectors of. */
  for (; VW > 1 && oh >= DW_ROWS; oh -= DW_ROWS) {
    V_EACH (j, m, ow, {
      depthwise_rows (y + j, y_stride, x + j * stride, x_stride, d, k, stride,
                      m);
    });
    y += DW_ROWS * y_stride;
    x += DW_ROWS * stride * x_stride;
  }
  for (; oh > 0; oh--, y += y_stride, x += stride * x_stride)
    V_EACH (j, m, ow, {
      depthwise_row (y + j, x + j * stride, x_stride, d, k, stride, m);
    });
}

#define DEPTHWISE(name, k, stride)                                             \
  void DML_K (name) (float *y, size_t y_stride, const float *x,                \
                     size_t x_stride, size_t oh, size_t ow, const float *w,    \
                     float bias, float lo, float hi)                           \
  {                                                                            \
    depthwise (y, y_stride, x, x_stride, oh, ow, w, bias, lo, hi, k, stride);  \
  }

DEPTHWISE (dw3s1_f32, 3, 1)
DEPTHWISE (dw3s2_f32, 3, 2)
DEPTHWISE (dw5s1_f32, 5, 1)
DEPTHWISE (dw5s2_f32, 5, 2)

VEC_INLINE vf
pool_join (vf acc, vf v, bool max)
{
  return max ? v_max_nan (acc, v) : v_add (acc, v);
}

VEC_INLINE void
pool_rows (float *y, size_t y_stride, const float *x, size_t x_stride,
           size_t oh, size_t ow, size_t kh, size_t kw, size_t sh, size_t sw,
           bool max)
{
  const vf first = v_set1 (max ? -INFINITY : 0.0f);

  for (size_t i = 0; i < oh; i++, y += y_stride, x += sh * x_stride)
    V_EACH (j, m, ow, {
      vf acc = first;

      for (size_t r = 0; r < kh; r++)
        for (size_t s = 0; s < kw; s++)
          acc =
            pool_join (acc, column (x + r * x_stride + j * sw + s, sw, m), max);
      v_store_n (y + j, acc, m);
    });
}

/* Strides that no vector load knows. */
VEC_INLINE void
pool_any (float *y, size_t y_stride, const float *x, size_t x_stride, size_t oh,
          size_t ow, size_t kh, size_t kw, size_t sh, size_t sw, bool max)
{
  for (size_t i = 0; i < oh; i++)
    for (size_t j = 0; j < ow; j++) {
      float acc = max ? -INFINITY : 0.0f;

      for (size_t r = 0; r < kh; r++)
        for (size_t s = 0; s < kw; s++) {
          const float v = x[(i * sh + r) * x_stride + j * sw + s];

          if (!max)
            acc += v;
          else if (!(acc > v) && acc == acc) /* as v_max_nan */
            acc = v;
        }
      y[i * y_stride + j] = acc;
    }
}

#define POOL(name, max)                                                        \
  void DML_K (name) (float *y, size_t y_stride, const float *x,                \
                     size_t x_stride, size_t oh, size_t ow, size_t kh,         \
                     size_t kw, size_t sh, size_t sw)                          \
  {                                                                            \
    if (sw == 1)                                                               \
      pool_rows (y, y_stride, x, x_stride, oh, ow, kh, kw, sh, 1, max);        \
    else if (sw == 2)                                                          \
      pool_rows (y, y_stride, x, x_stride, oh, ow, kh, kw, sh, 2, max);        \
    else                                                                       \
      pool_any (y, y_stride, x, x_stride, oh, ow, kh, kw, sh, sw, max);        \
  }

POOL (pool_max_f32, true)
POOL (pool_sum_f32, false)
