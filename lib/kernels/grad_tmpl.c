/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Backward of the activations. All add to dx. */
#include "kernels/kernels.h"
#include "kernels/vec.h"
#include "kernels/kernels.def"

#include <math.h>

void
DML_K (clip_grad_f32) (float *dx, const float *dy, const float *x, float lo,
                       float hi, size_t n)
{
  const vf vlo = v_set1 (lo), vhi = v_set1 (hi), zero = v_set1 (0.0f);

  V_EACH (i, m, n, {
    const vf v = v_load_n (x + i, m);
    const vm flat = m_or (v_le (v, vlo), v_ge (v, vhi));
    const vf g = v_select (flat, zero, v_load_n (dy + i, m));

    v_store_n (dx + i, v_add (v_load_n (dx + i, m), g), m);
  });
}

void
DML_K (relu_grad_f32) (float *dx, const float *dy, const float *x, size_t n)
{
  const vf zero = v_set1 (0.0f);

  V_EACH (i, m, n, {
    const vm flat = v_le (v_load_n (x + i, m), zero);
    const vf g = v_select (flat, zero, v_load_n (dy + i, m));

    v_store_n (dx + i, v_add (v_load_n (dx + i, m), g), m);
  });
}

void
DML_K (leaky_grad_f32) (float *dx, const float *dy, const float *x, float slope,
                        size_t n)
{
  const vf zero = v_set1 (0.0f), vs = v_set1 (slope);

  V_EACH (i, m, n, {
    const vf g = v_load_n (dy + i, m);
    const vm up = v_gt (v_load_n (x + i, m), zero);

    v_store_n (
      dx + i, v_add (v_load_n (dx + i, m), v_select (up, g, v_mul (vs, g))), m);
  });
}

void
DML_K (hardsigmoid_grad_f32) (float *dx, const float *dy, const float *x,
                              float a, float b, size_t n)
{
  const vf va = v_set1 (a), vb = v_set1 (b);
  const vf zero = v_set1 (0.0f), one = v_set1 (1.0f);

  V_EACH (i, m, n, {
    const vf t = v_add (v_mul (va, v_load_n (x + i, m)), vb);
    const vm flat = m_or (v_le (t, zero), v_ge (t, one));
    const vf g = v_mul (va, v_load_n (dy + i, m));

    v_store_n (dx + i, v_add (v_load_n (dx + i, m), v_select (flat, zero, g)),
               m);
  });
}

/* d/dx x (x / 6 + 1/2) = x / 3 + 1/2 between -3 and 3. */
void
DML_K (hardswish_grad_f32) (float *dx, const float *dy, const float *x,
                            size_t n)
{
  const vf third = v_set1 (1.0f / 3.0f), half = v_set1 (0.5f);
  const vf low = v_set1 (-3.0f), high = v_set1 (3.0f);
  const vf zero = v_set1 (0.0f), one = v_set1 (1.0f);

  V_EACH (i, m, n, {
    const vf v = v_load_n (x + i, m), g = v_load_n (dy + i, m);
    const vf inside = v_add (v_mul (v, third), half);
    const vf slope = v_select (v_ge (v, high), one, inside);
    const vf add = v_select (v_le (v, low), zero, v_mul (g, slope));

    v_store_n (dx + i, v_add (v_load_n (dx + i, m), add), m);
  });
}

void
DML_K (sigmoid_grad_f32) (float *dx, const float *dy, const float *y, size_t n)
{
  const vf one = v_set1 (1.0f);

  V_EACH (i, m, n, {
    const vf v = v_load_n (y + i, m);
    const vf g = v_mul (v_load_n (dy + i, m), v_mul (v, v_sub (one, v)));

    v_store_n (dx + i, v_add (v_load_n (dx + i, m), g), m);
  });
}

void
DML_K (tanh_grad_f32) (float *dx, const float *dy, const float *y, size_t n)
{
  const vf one = v_set1 (1.0f);

  V_EACH (i, m, n, {
    const vf v = v_load_n (y + i, m);
    const vf g = v_mul (v_load_n (dy + i, m), v_sub (one, v_mul (v, v)));

    v_store_n (dx + i, v_add (v_load_n (dx + i, m), g), m);
  });
}
