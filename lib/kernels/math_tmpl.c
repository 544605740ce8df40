/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Exponential, logarithm and what is made of them. Rule ULP against double.
 * Polynomials and the split of ln 2 are those of Moshier's Cephes library
 * (expf.c, logf.c, tanhf.c). */
#include "kernels/kernels.h"
#include "kernels/vec.h"
#include "kernels/kernels.def"

#include <math.h>

#define LN2_HIGH                                                               \
  0.693359375f /* 9 bits: its product with an exponent is exact */
#define LN2_LOW -2.12194440e-4f

/* Below this every result is 0, of x exp (x) too; above the other infinity. */
#define EXP_LOWEST -130.0f
#define EXP_HIGHEST 90.0f

/* exp (x) = 2^k exp (r), |r| <= ln 2 / 2. Without *scale, half of the 2^k: a
 * result that may be denormal is rounded once, when the caller multiplies. */
VEC_INLINE vf
exp_parts (vf x, vf *scale)
{
  const vf v = v_clip (x, v_set1 (EXP_LOWEST), v_set1 (EXP_HIGHEST));
  /* Adding 1.5 * 2^23 leaves the nearest integer in the low bits. */
  const vf magic = v_set1 (12582912.0f);
  const vf shifted = v_add (v_mul (v, v_set1 (1.44269504088896341f)), magic);
  const vf k = v_sub (shifted, magic);
  const vi ki = vi_sub (v_bits (shifted), v_bits (magic));
  const vi half = vi_sar (ki, 1), bias = vi_set1 (127);
  vf r = v_sub (v, v_mul (k, v_set1 (LN2_HIGH)));
  vf p = v_set1 (1.9875691500e-4f);

  r = v_sub (r, v_mul (k, v_set1 (LN2_LOW)));
  p = v_mla (p, r, v_set1 (1.3981999507e-3f));
  p = v_mla (p, r, v_set1 (8.3334519073e-3f));
  p = v_mla (p, r, v_set1 (4.1665795894e-2f));
  p = v_mla (p, r, v_set1 (1.6666665459e-1f));
  p = v_mla (p, r, v_set1 (5.0000001201e-1f));
  p = v_mla (p, v_mul (r, r), r);
  p = v_add (p, v_set1 (1.0f));
  *scale = v_of_bits (vi_shl (vi_add (vi_sub (ki, half), bias), 23));
  return v_mul (p, v_of_bits (vi_shl (vi_add (half, bias), 23)));
}

VEC_INLINE vf
exp_of (vf x)
{
  vf scale;
  const vf part = exp_parts (x, &scale);

  return v_mul (part, scale);
}

/* log (x) = k ln 2 + log (1 + f), sqrt (1/2) <= 1 + f < sqrt (2). */
VEC_INLINE vf
log_of (vf x)
{
  const vf zero = v_set1 (0.0f), one = v_set1 (1.0f);
  const vm tiny = v_lt (x, v_set1 (0x1p-126f)); /* a denormal: 2^23 x is none */
  const vf v = v_select (tiny, v_mul (x, v_set1 (0x1p23f)), x);
  const vi root = vi_set1 (0x3F3504F3); /* the bits of sqrt (1/2) */
  const vi ki = vi_sar (vi_sub (v_bits (v), root), 23);
  const vf f = v_sub (v_of_bits (vi_sub (v_bits (v), vi_shl (ki, 23))), one);
  const vf k = v_sub (v_of_int (ki), v_select (tiny, v_set1 (23.0f), zero));
  const vf z = v_mul (f, f);
  vf p = v_set1 (7.0376836292e-2f), y;

  p = v_mla (p, f, v_set1 (-1.1514610310e-1f));
  p = v_mla (p, f, v_set1 (1.1676998740e-1f));
  p = v_mla (p, f, v_set1 (-1.2420140846e-1f));
  p = v_mla (p, f, v_set1 (1.4249322787e-1f));
  p = v_mla (p, f, v_set1 (-1.6668057665e-1f));
  p = v_mla (p, f, v_set1 (2.0000714765e-1f));
  p = v_mla (p, f, v_set1 (-2.4999993993e-1f));
  p = v_mla (p, f, v_set1 (3.3333331174e-1f));
  y = v_mul (v_mul (p, f), z);
  y = v_mla (k, v_set1 (LN2_LOW), y);
  y = v_mla (z, v_set1 (-0.5f), y);
  y = v_mla (k, v_set1 (LN2_HIGH), v_add (f, y));
  y = v_select (v_lt (x, v_set1 (INFINITY)), y, x); /* infinity and NaN stay */
  y = v_select (v_lt (x, zero), v_set1 (NAN), y);
  return v_select (m_and (v_le (x, zero), v_ge (x, zero)), v_set1 (-INFINITY),
                   y);
}

/* Of the magnitude, so that no exponential overflows; then the sign's half. */
VEC_INLINE vf
sigmoid_of (vf x)
{
  const vf one = v_set1 (1.0f);
  const vf e = exp_of (v_neg (v_abs (x)));
  const vf top = v_select (v_lt (x, v_set1 (0.0f)), e, one);

  return v_div (top, v_add (one, e));
}

VEC_INLINE vf
tanh_of (vf x)
{
  const vf a = v_abs (x), z = v_mul (x, x);
  const vf one = v_set1 (1.0f), two = v_set1 (2.0f);
  const vf big = v_sub (one, v_div (two, v_add (exp_of (v_mul (two, a)), one)));
  vf p = v_set1 (-5.70498872745e-3f), t;

  p = v_mla (p, z, v_set1 (2.06390887954e-2f));
  p = v_mla (p, z, v_set1 (-5.37397155531e-2f));
  p = v_mla (p, z, v_set1 (1.33314422036e-1f));
  p = v_mla (p, z, v_set1 (-3.33332819422e-1f));
  p = v_mla (v_mul (p, z), a, a);
  t = v_select (v_lt (a, v_set1 (0.625f)), p, big);
  return v_of_bits (vi_or (v_bits (t), /* and the sign of x, of -0 too */
                           vi_and (v_bits (x), vi_set1 (INT32_MIN))));
}

/* x e / (1 + e) for x < 0, x / (1 + e) else: x enters before the last scaling,
 * or a denormal e would have lost digits that x makes count again. */
VEC_INLINE vf
silu_of (vf x)
{
  const vf one = v_set1 (1.0f);
  const vm below = v_lt (x, v_set1 (0.0f));
  vf scale, part = exp_parts (v_neg (v_abs (x)), &scale);
  const vf low = v_mul (v_max (v_set1 (EXP_LOWEST), x), part);
  const vf top = v_select (below, low, x);
  const vf ratio = v_div (top, v_add (one, v_mul (part, scale)));

  return v_mul (ratio, v_select (below, scale, one));
}

void
DML_K (exp_f32) (float *y, const float *x, size_t n)
{
  V_EACH (i, m, n, { v_store_n (y + i, exp_of (v_load_n (x + i, m)), m); });
}

void
DML_K (log_f32) (float *y, const float *x, size_t n)
{
  V_EACH (i, m, n, { v_store_n (y + i, log_of (v_load_n (x + i, m)), m); });
}

void
DML_K (tanh_f32) (float *y, const float *x, size_t n)
{
  V_EACH (i, m, n, { v_store_n (y + i, tanh_of (v_load_n (x + i, m)), m); });
}

void
DML_K (sigmoid_f32) (float *y, const float *x, size_t n)
{
  V_EACH (i, m, n, { v_store_n (y + i, sigmoid_of (v_load_n (x + i, m)), m); });
}

void
DML_K (silu_f32) (float *y, const float *x, size_t n)
{
  V_EACH (i, m, n, { v_store_n (y + i, silu_of (v_load_n (x + i, m)), m); });
}

/* Backward of SiLU stands here, where sigmoid_of is. */
void
DML_K (silu_grad_f32) (float *dx, const float *dy, const float *x, size_t n)
{
  const vf one = v_set1 (1.0f);

  V_EACH (i, m, n, {
    const vf v = v_load_n (x + i, m);
    const vf s = sigmoid_of (v);
    const vf slope = v_mul (s, v_mla (v, v_sub (one, s), one));
    const vf g = v_mla (v_load_n (dy + i, m), slope, v_load_n (dx + i, m));

    v_store_n (dx + i, g, m);
  });
}
