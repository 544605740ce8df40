/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Sums along a row, left as one vector: what reduce_tmpl.c takes of one row and
 * search_tmpl.c of many. Four partial sums hide the latency of an addition;
 * their order is fixed, so equal rows give equal bits. */
#pragma once

#include "kernels/vec.h"

/* STEP (acc, i, m) is acc with elements i .. i + m - 1 added. Four names and no
 * array: gcc 12 would keep that in memory. */
#define SUM_ROW(n, STEP)                                                       \
  vf acc0 = v_set1 (0.0f), acc1 = acc0, acc2 = acc0, acc3 = acc0;              \
  size_t i = 0;                                                                \
                                                                               \
  for (; i + 4 * VW <= (n); i += 4 * VW) {                                     \
    acc0 = STEP (acc0, i, VW);                                                 \
    acc1 = STEP (acc1, i + VW, VW);                                            \
    acc2 = STEP (acc2, i + 2 * VW, VW);                                        \
    acc3 = STEP (acc3, i + 3 * VW, VW);                                        \
  }                                                                            \
  for (; i + VW <= (n); i += VW)                                               \
    acc0 = STEP (acc0, i, VW);                                                 \
  if (i < (n))                                                                 \
    acc0 = STEP (acc0, i, (n) - (i));                                          \
  return v_add (v_add (acc0, acc2), v_add (acc1, acc3))

/* ahead: floats from b that will be wanted soon, to be fetched; 0 = none. */
VEC_INLINE vf
sum_step_dot (vf acc, const float *a, const float *b, size_t m, size_t ahead)
{
  if (ahead != 0)
    __builtin_prefetch (b + ahead);
  return v_mla (v_load_n (a, m), v_load_n (b, m), acc);
}

VEC_INLINE vf
sum_step_sqdist (vf acc, const float *a, const float *b, size_t m, size_t ahead)
{
  const vf d = v_sub (v_load_n (a, m), v_load_n (b, m));

  if (ahead != 0)
    __builtin_prefetch (b + ahead);
  return v_mla (d, d, acc);
}

VEC_INLINE vf
sum_dot (const float *a, const float *b, size_t n, size_t ahead)
{
#define STEP(acc, i, m) sum_step_dot (acc, a + (i), b + (i), m, ahead)
  SUM_ROW (n, STEP);
#undef STEP
}

VEC_INLINE vf
sum_sqdist (const float *a, const float *b, size_t n, size_t ahead)
{
#define STEP(acc, i, m) sum_step_sqdist (acc, a + (i), b + (i), m, ahead)
  SUM_ROW (n, STEP);
#undef STEP
}
