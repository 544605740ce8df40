/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Sums over a row. */
#include "kernels/kernels.h"
#include "kernels/sum.h"
#include "kernels/kernels.def"

#include <math.h>

VEC_INLINE vf
sum_plain (const float *x, size_t n)
{
#define STEP(acc, i, m) v_add (acc, v_load_n (x + (i), m))
  SUM_ROW (n, STEP);
#undef STEP
}

VEC_INLINE vf
sum_dslope (const float *dy, const float *x, size_t n)
{
  const vf zero = v_set1 (0.0f);

#define STEP(acc, i, m)                                                        \
  v_mla (v_load_n (dy + (i), m), v_min (zero, v_load_n (x + (i), m)), acc)
  SUM_ROW (n, STEP);
#undef STEP
}

float
DML_K (sum_f32) (const float *x, size_t n)
{
  return v_sum (sum_plain (x, n));
}

float
DML_K (sumsq_f32) (const float *x, size_t n)
{
  return DML_K (dot_f32) (x, x, n);
}

float
DML_K (dot_f32) (const float *a, const float *b, size_t n)
{
  return v_sum (sum_dot (a, b, n, 0));
}

float
DML_K (sqdist_f32) (const float *a, const float *b, size_t n)
{
  return v_sum (sum_sqdist (a, b, n, 0));
}

float
DML_K (leaky_dslope_f32) (const float *dy, const float *x, size_t n)
{
  return v_sum (sum_dslope (dy, x, n));
}

float
DML_K (max_f32) (const float *x, size_t n)
{
  const vf lowest = v_set1 (-INFINITY);
  vf acc = lowest;

  V_EACH (i, m, n, {
    const vf v = v_load_n (x + i, m);

    acc = v_max_nan (acc, m == VW ? v : v_select (v_head (m), v, lowest));
  });
  return v_max_lanes (acc) + 0.0f; /* which zero came first is no matter */
}

void
DML_K (moments_f32) (const float *x, size_t n, float shift, double *sum,
                     double *sumsq)
{
  const vd s = vd_set1 ((double) shift);
  vd total = vd_zero (), squares = vd_zero ();
  size_t i = 0;

  for (; i + VW <= n; i += VW) {
    const vd d = vd_sub (v_widen (v_load (x + i)), s);

    total = vd_add (total, d);
    squares = vd_mla (d, d, squares);
  }
  *sum += vd_sum (total);
  *sumsq += vd_sum (squares);
  for (; i < n; i++) {
    const double d = (double) x[i] - (double) shift;

    *sum += d;
    *sumsq += d * d;
  }
}

void
DML_K (grad_moments_f32) (const float *dy, const float *x, size_t n, float mean,
                          double *sum, double *dot)
{
  const vd mu = vd_set1 ((double) mean);
  vd total = vd_zero (), products = vd_zero ();
  size_t i = 0;

  for (; i + VW <= n; i += VW) {
    const vd g = v_widen (v_load (dy + i));

    total = vd_add (total, g);
    products = vd_mla (g, vd_sub (v_widen (v_load (x + i)), mu), products);
  }
  *sum += vd_sum (total);
  *dot += vd_sum (products);
  for (; i < n; i++) {
    *sum += (double) dy[i];
    *dot += (double) dy[i] * ((double) x[i] - (double) mean);
  }
}
