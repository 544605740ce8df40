/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Windows sliding over a plane: depthwise convolution and pooling. Vectors run
 * along the outputs of a row; a stride of 2 loads even and odd columns apart.
 */
#include "kernels/kernels.h"
#include "kernels/vec.h"
#include "kernels/kernels.def"

#include <math.h>

/* m columns from p, every stride-th one, none beyond the last that counts. */
VEC_INLINE vf
column (const float *p, size_t stride, size_t m)
{
  return stride == 1 ? v_load_n (p, m) : v_load_step2_n (p, m);
}

VEC_INLINE void
depthwise (float *y, size_t y_stride, const float *x, size_t x_stride,
           size_t oh, size_t ow, const float *w, float bias, float lo, float hi,
           size_t k, size_t stride)
{
  const vf vb = v_set1 (bias), vlo = v_set1 (lo), vhi = v_set1 (hi);

  for (size_t i = 0; i < oh; i++, y += y_stride, x += stride * x_stride)
    V_EACH (j, m, ow, {
      vf acc = vb;

      for (size_t r = 0; r < k; r++)
        for (size_t s = 0; s < k; s++)
          acc =
            v_mla (v_set1 (w[r * k + s]),
                   column (x + r * x_stride + j * stride + s, stride, m), acc);
      v_store_n (y + j, v_clip (acc, vlo, vhi), m);
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
