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

/* Two sums in double: of t, and of t times a factor. */
typedef struct {
  vd first, second;
} Sums;

VEC_INLINE Sums
sums_zero (void)
{
  return (Sums){ vd_zero (), vd_zero () };
}

VEC_INLINE Sums
sums_add (Sums s, vd t, vd factor)
{
  return (Sums){ vd_add (s.first, t), vd_mla (t, factor, s.second) };
}

VEC_INLINE void
sums_give (Sums a, Sums b, double *first, double *second)
{
  *first += vd_sum (vd_add (a.first, b.first));
  *second += vd_sum (vd_add (a.second, b.second));
}

void
DML_K (moments_f32) (const float *x, size_t n, float shift, double *sum,
                     double *sumsq)
{
  const vf none = v_set1 (shift); /* lanes that add nothing */
  const vd mid = v_widen (none);
  Sums a = sums_zero (), b = a; /* two hide the latency of an addition */
  size_t i = 0;

  for (; i + 2 * VW <= n; i += 2 * VW) {
    const vd d0 = vd_sub (v_widen (v_load (x + i)), mid);
    const vd d1 = vd_sub (v_widen (v_load (x + i + VW)), mid);

    a = sums_add (a, d0, d0);
    b = sums_add (b, d1, d1);
  }
  for (; i < n; i += VW) {
    const size_t m = n - i < VW ? n - i : VW;
    const vf v = v_select (v_head (m), v_load_n (x + i, m), none);
    const vd d = vd_sub (v_widen (v), mid);

    a = sums_add (a, d, d);
  }
  sums_give (a, b, sum, sumsq);
}

void
DML_K (grad_moments_f32) (const float *dy, const float *x, size_t n, float mean,
                          double *sum, double *dot)
{
  const vd mu = v_widen (v_set1 (mean));
  Sums a = sums_zero (), b = a; /* two hide the latency of an addition */
  size_t i = 0;

  for (; i + 2 * VW <= n; i += 2 * VW) {
    const vd d0 = vd_sub (v_widen (v_load (x + i)), mu);
    const vd d1 = vd_sub (v_widen (v_load (x + i + VW)), mu);

    a = sums_add (a, v_widen (v_load (dy + i)), d0);
    b = sums_add (b, v_widen (v_load (dy + i + VW)), d1);
  }
  for (; i < n; i += VW) {
    const size_t m = n - i < VW ? n - i : VW;
    const vd d = vd_sub (v_widen (v_load_n (x + i, m)), mu);

    a = sums_add (a, v_widen (v_load_n (dy + i, m)), d); /* 0 in the rest */
  }
  sums_give (a, b, sum, dot);
}
