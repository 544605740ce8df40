/* SPDX-License-Identifier: LGPL-2.1-or-later
 * One vocabulary of vector operations, spelt by vec_<isa>.h; a template is
 * written once over it and built once a level with -DDML_ISA=<isa>.
 *
 *   vf            VW floats; vm one truth value a lane; vi VW int32
 *   v_load, v_store, v_set1
 *   v_load_n (p, m), v_store_n (p, v, m)
 *                 the first m lanes, 0 < m <= VW; nothing beyond is touched and
 *                 the other lanes load as 0
 *   v_add v_sub v_mul v_div v_sqrt v_abs v_neg
 *   v_mla (a, b, c)  a b + c, fused where the level has it: never in a kernel
 *                    of rule EXACT, which rounds the product at every level
 *   v_max (a, b)  a > b ? a : b; v_min (a, b)  a < b ? a : b: a NaN in either
 *                 gives b, so the value that may be NaN stands second
 *   v_max_nan (a, b)  the larger; NaN if either is
 *   v_gt v_ge v_lt v_le  compare, false on NaN; v_head (m): lanes < m
 *   v_select (mask, a, b)  a where mask; m_or, m_and
 *   v_bits, v_of_bits      the same bits as vi, as vf
 *   vi_set1 vi_add vi_sub vi_and vi_or vi_sar (a, n) vi_shl (a, n); v_of_int
 *   v_sum, v_max_lanes     across the lanes, always in the same order
 *   vd            VW doubles: vd_zero, v_widen, vd_add, vd_sub, vd_mla, vd_sum
 *   v_load_step2_n (p, m)  p[0], p[2], ... p[2 m - 2]; p[2 m - 1] is not read
 *   v_load_pair_n (p, m, &odd)  the same, and p[1], p[3], ... p[2 m - 1]
 *   v_load_u8_n, v_load_f16_n, v_store_f16_n   converting
 *   v_sum_rows (s, acc, m)  s[i] = v_sum (acc[i]), i < m <= VW; acc has VW */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define VEC_INLINE static inline __attribute__ ((always_inline, unused))

#define VEC_CAT_(a, b) a##_##b
#define VEC_CAT(a, b) VEC_CAT_ (a, b)
#define VEC_STR_(a) #a
#define VEC_STR(a) VEC_STR_ (a)
/* clang-format off */
#define VEC_HEADER(isa) VEC_STR (kernels/VEC_CAT (vec, isa).h)
/* clang-format on */

/* The name of a kernel at this level. */
#define DML_K(name) VEC_CAT (name, DML_ISA)

/* Declares every kernel of this level, with the type that the table asks. */
#define DML_KERNEL(name, rule)                                                 \
  extern __typeof__ (*((DmlKernels *) 0)->name) DML_K (name);

#include VEC_HEADER (DML_ISA)

/* Before a short loop of constant length over an array of vectors: unrolled
 * early, the array stays in registers. */
#define V_UNROLL _Pragma ("GCC unroll 16")

/* Runs a block for i = 0, VW, 2 VW, ... below n; m is how many elements are
 * left of the step, VW in all but the last. The block stands twice in the
 * program, so that in the loop the partial loads fold into whole ones. */
#define V_EACH(i, m, n, ...)                                                   \
  do {                                                                         \
    size_t i = 0;                                                              \
    for (; i + VW <= (n); i += VW) {                                           \
      const size_t m = VW;                                                     \
      __VA_ARGS__                                                              \
    }                                                                          \
    if (VW > 1 && i < (n)) {                                                   \
      const size_t m = (n) - (i);                                              \
      __VA_ARGS__                                                              \
    }                                                                          \
  } while (0)

VEC_INLINE vf
v_clip (vf x, vf lo, vf hi)
{
  return v_min (hi, v_max (lo, x)); /* a NaN passes */
}
