/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Sums along a row, left as one vector: what reduce_tmpl.c takes of one row and
 * search_tmpl.c of many. VEC_N_ACC partial sums hide the latency of an
 * addition; their order is fixed, so equal rows give equal bits. */
#pragma once

#include "kernels/vec.h"

/* STEP (acc, i, m) is acc with elements i .. i + m - 1 added. */
#define SUM_ROW(n, STEP)                                                       \
  vf acc[VEC_N_ACC];                                                           \
  size_t i = 0;                                                                \
                                                                               \
  for (size_t j = 0; j < VEC_N_ACC; j++)                                       \
    acc[j] = v_set1 (0.0f);                                                    \
  for (; i + VEC_N_ACC * VW <= (n); i += VEC_N_ACC * VW)                       \
    for (size_t j = 0; j < VEC_N_ACC; j++)                                     \
      acc[j] = STEP (acc[j], i + j * VW, VW);                                  \
  for (; i + VW <= (n); i += VW)                                               \
    acc[0] = STEP (acc[0], i, VW);                                             \
  if (i < (n))                                                                 \
    acc[0] = STEP (acc[0], i, (n) - (i));                                      \
  for (size_t j = VEC_N_ACC / 2; j > 0; j /= 2)                                \
    for (size_t k = 0; k < j; k++)                                             \
      acc[k] = v_add (acc[k], acc[k + j]);                                     \
  return acc[0]

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
