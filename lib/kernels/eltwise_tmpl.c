/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Element by element. Rule EXACT: products are rounded before they are added,
 * at every level. */
#include "kernels/kernels.h"
#include "kernels/vec.h"
#include "kernels/kernels.def"

void
DML_K (add_f32) (float *y, const float *a, const float *b, size_t n)
{
  V_EACH (i, m, n, {
    v_store_n (y + i, v_add (v_load_n (a + i, m), v_load_n (b + i, m)), m);
  });
}

void
DML_K (sub_f32) (float *y, const float *a, const float *b, size_t n)
{
  V_EACH (i, m, n, {
    v_store_n (y + i, v_sub (v_load_n (a + i, m), v_load_n (b + i, m)), m);
  });
}

void
DML_K (mul_f32) (float *y, const float *a, const float *b, size_t n)
{
  V_EACH (i, m, n, {
    v_store_n (y + i, v_mul (v_load_n (a + i, m), v_load_n (b + i, m)), m);
  });
}

void
DML_K (maximum_f32) (float *y, const float *a, const float *b, size_t n)
{
  V_EACH (i, m, n, {
    v_store_n (y + i, v_max_nan (v_load_n (a + i, m), v_load_n (b + i, m)), m);
  });
}

void
DML_K (scale_f32) (float *y, const float *x, float s, size_t n)
{
  const vf vs = v_set1 (s);

  V_EACH (i, m, n, { v_store_n (y + i, v_mul (v_load_n (x + i, m), vs), m); });
}

void
DML_K (add_scalar_f32) (float *y, const float *x, float s, size_t n)
{
  const vf vs = v_set1 (s);

  V_EACH (i, m, n, { v_store_n (y + i, v_add (v_load_n (x + i, m), vs), m); });
}

void
DML_K (affine_f32) (float *y, const float *x, float a, float b, size_t n)
{
  const vf va = v_set1 (a), vb = v_set1 (b);

  V_EACH (i, m, n, {
    v_store_n (y + i, v_add (v_mul (va, v_load_n (x + i, m)), vb), m);
  });
}

void
DML_K (axpy_f32) (float *y, float a, const float *x, size_t n)
{
  const vf va = v_set1 (a);

  V_EACH (i, m, n, {
    const vf ax = v_mul (va, v_load_n (x + i, m));

    v_store_n (y + i, v_add (v_load_n (y + i, m), ax), m);
  });
}

void
DML_K (axpby_f32) (float *y, float a, const float *x, float b, size_t n)
{
  const vf va = v_set1 (a), vb = v_set1 (b);

  V_EACH (i, m, n, {
    const vf ax = v_mul (va, v_load_n (x + i, m));

    v_store_n (y + i, v_add (ax, v_mul (vb, v_load_n (y + i, m))), m);
  });
}

void
DML_K (add_affine2_f32) (float *y, float a, const float *u, float b,
                         const float *v, float c, size_t n)
{
  const vf va = v_set1 (a), vb = v_set1 (b), vc = v_set1 (c);

  V_EACH (i, m, n, {
    const vf au = v_mul (va, v_load_n (u + i, m));
    const vf bv = v_mul (vb, v_load_n (v + i, m));

    v_store_n (y + i, v_add (v_load_n (y + i, m), v_add (v_add (au, bv), vc)),
               m);
  });
}

void
DML_K (add_mul_f32) (float *y, const float *u, const float *v, size_t n)
{
  V_EACH (i, m, n, {
    const vf uv = v_mul (v_load_n (u + i, m), v_load_n (v + i, m));

    v_store_n (y + i, v_add (v_load_n (y + i, m), uv), m);
  });
}

void
DML_K (clip_f32) (float *y, const float *x, float lo, float hi, size_t n)
{
  const vf vlo = v_set1 (lo), vhi = v_set1 (hi);

  V_EACH (i, m, n,
          { v_store_n (y + i, v_clip (v_load_n (x + i, m), vlo, vhi), m); });
}

void
DML_K (relu_f32) (float *y, const float *x, size_t n)
{
  const vf zero = v_set1 (0.0f);

  V_EACH (i, m, n,
          { v_store_n (y + i, v_max (zero, v_load_n (x + i, m)), m); });
}

void
DML_K (leaky_f32) (float *y, const float *x, float slope, size_t n)
{
  const vf zero = v_set1 (0.0f), vs = v_set1 (slope);

  V_EACH (i, m, n, {
    const vf v = v_load_n (x + i, m);

    v_store_n (y + i, v_select (v_gt (v, zero), v, v_mul (vs, v)), m);
  });
}

void
DML_K (hardsigmoid_f32) (float *y, const float *x, float a, float b, size_t n)
{
  const vf va = v_set1 (a), vb = v_set1 (b);
  const vf zero = v_set1 (0.0f), one = v_set1 (1.0f);

  V_EACH (i, m, n, {
    const vf v = v_add (v_mul (va, v_load_n (x + i, m)), vb);

    v_store_n (y + i, v_clip (v, zero, one), m);
  });
}

void
DML_K (hardswish_f32) (float *y, const float *x, size_t n)
{
  const vf sixth = v_set1 (1.0f / 6.0f), half = v_set1 (0.5f);
  const vf zero = v_set1 (0.0f), one = v_set1 (1.0f);

  V_EACH (i, m, n, {
    const vf v = v_load_n (x + i, m);
    const vf gate = v_clip (v_add (v_mul (v, sixth), half), zero, one);

    v_store_n (y + i, v_mul (v, gate), m);
  });
}

void
DML_K (sqrt_f32) (float *y, const float *x, size_t n)
{
  V_EACH (i, m, n, { v_store_n (y + i, v_sqrt (v_load_n (x + i, m)), m); });
}

void
DML_K (bias_clip_f32) (float *y, const float *x, float bias, float lo, float hi,
                       size_t n)
{
  const vf vb = v_set1 (bias), vlo = v_set1 (lo), vhi = v_set1 (hi);

  V_EACH (i, m, n, {
    const vf v = v_add (v_load_n (x + i, m), vb);

    v_store_n (y + i, v_clip (v, vlo, vhi), m);
  });
}

void
DML_K (add_clip_f32) (float *y, const float *a, const float *b, float lo,
                      float hi, size_t n)
{
  const vf vlo = v_set1 (lo), vhi = v_set1 (hi);

  V_EACH (i, m, n, {
    const vf v = v_add (v_load_n (a + i, m), v_load_n (b + i, m));

    v_store_n (y + i, v_clip (v, vlo, vhi), m);
  });
}

void
DML_K (bias_add_clip_f32) (float *y, const float *x, float bias, const float *r,
                           float lo, float hi, size_t n)
{
  const vf vb = v_set1 (bias), vlo = v_set1 (lo), vhi = v_set1 (hi);

  V_EACH (i, m, n, {
    const vf v = v_add (v_load_n (x + i, m), vb);

    v_store_n (y + i, v_clip (v_add (v, v_load_n (r + i, m)), vlo, vhi), m);
  });
}
