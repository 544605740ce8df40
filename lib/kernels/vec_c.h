/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The vocabulary in plain C: vectors of one lane. Tails do not exist here. */
#include <math.h>

#define VW 1

typedef float vf;
typedef bool vm;
typedef int32_t vi;
typedef double vd;

VEC_INLINE vf
v_set1 (float a)
{
  return a;
}

VEC_INLINE vf
v_load (const float *p)
{
  return *p;
}

VEC_INLINE vf
v_load_n (const float *p, size_t m)
{
  return *p;
}

VEC_INLINE void
v_store (float *p, vf a)
{
  *p = a;
}

VEC_INLINE void
v_store_n (float *p, vf a, size_t m)
{
  *p = a;
}

VEC_INLINE vf
v_add (vf a, vf b)
{
  return a + b;
}

VEC_INLINE vf
v_sub (vf a, vf b)
{
  return a - b;
}

VEC_INLINE vf
v_mul (vf a, vf b)
{
  return a * b;
}

VEC_INLINE vf
v_div (vf a, vf b)
{
  return a / b;
}

VEC_INLINE vf
v_sqrt (vf a)
{
  return sqrtf (a);
}

VEC_INLINE vf
v_abs (vf a)
{
  return fabsf (a);
}

VEC_INLINE vf
v_neg (vf a)
{
  return -a;
}

/* Two roundings: fmaf without the instruction is a call of a hundred cycles. */
VEC_INLINE vf
v_mla (vf a, vf b, vf c)
{
  return a * b + c;
}

VEC_INLINE vf
v_max (vf a, vf b)
{
  return a > b ? a : b;
}

VEC_INLINE vf
v_min (vf a, vf b)
{
  return a < b ? a : b;
}

VEC_INLINE vf
v_max_nan (vf a, vf b)
{
  return a > b || a != a ? a : b;
}

VEC_INLINE vm
v_gt (vf a, vf b)
{
  return a > b;
}

VEC_INLINE vm
v_ge (vf a, vf b)
{
  return a >= b;
}

VEC_INLINE vm
v_lt (vf a, vf b)
{
  return a < b;
}

VEC_INLINE vm
v_le (vf a, vf b)
{
  return a <= b;
}

VEC_INLINE vm
v_head (size_t m)
{
  return true;
}

VEC_INLINE vm
m_or (vm a, vm b)
{
  return a || b;
}

VEC_INLINE vm
m_and (vm a, vm b)
{
  return a && b;
}

VEC_INLINE vf
v_select (vm mask, vf a, vf b)
{
  return mask ? a : b;
}

VEC_INLINE vi
v_bits (vf a)
{
  vi i;

  memcpy (&i, &a, sizeof i);
  return i;
}

VEC_INLINE vf
v_of_bits (vi i)
{
  vf a;

  memcpy (&a, &i, sizeof a);
  return a;
}

VEC_INLINE vi
vi_set1 (int32_t a)
{
  return a;
}

VEC_INLINE vi
vi_add (vi a, vi b)
{
  return (vi) ((uint32_t) a + (uint32_t) b);
}

VEC_INLINE vi
vi_sub (vi a, vi b)
{
  return (vi) ((uint32_t) a - (uint32_t) b);
}

VEC_INLINE vi
vi_and (vi a, vi b)
{
  return a & b;
}

VEC_INLINE vi
vi_or (vi a, vi b)
{
  return a | b;
}

#define vi_sar(a, n) ((vi) (a) >> (n))
#define vi_shl(a, n) ((vi) ((uint32_t) (a) << (n)))

VEC_INLINE vf
v_of_int (vi a)
{
  return (float) a;
}

VEC_INLINE float
v_sum (vf a)
{
  return a;
}

VEC_INLINE float
v_max_lanes (vf a)
{
  return a;
}

VEC_INLINE void
v_sum_rows (float *s, const vf *acc, size_t m)
{
  *s = *acc;
}

VEC_INLINE vd
vd_zero (void)
{
  return 0.0;
}

VEC_INLINE vd
v_widen (vf a)
{
  return (double) a;
}

VEC_INLINE vd
vd_add (vd a, vd b)
{
  return a + b;
}

VEC_INLINE vd
vd_sub (vd a, vd b)
{
  return a - b;
}

VEC_INLINE vd
vd_mla (vd a, vd b, vd c)
{
  return a * b + c;
}

VEC_INLINE double
vd_sum (vd a)
{
  return a;
}

VEC_INLINE vf
v_load_step2_n (const float *p, size_t m)
{
  return *p;
}

VEC_INLINE vf
v_load_pair_n (const float *p, size_t m, vf *odd)
{
  *odd = p[1];
  return p[0];
}

VEC_INLINE vf
v_load_u8_n (const uint8_t *p, size_t m)
{
  return (float) *p;
}

/* IEEE 754 binary16 by hand; as F16C and FCVT have it, bit for bit. */
VEC_INLINE vf
v_load_f16_n (const uint16_t *p, size_t m)
{
  const uint32_t sign = (uint32_t) (*p & 0x8000u) << 16;
  const uint32_t exponent = *p >> 10 & 0x1Fu, fraction = *p & 0x3FFu;

  if (exponent == 0) { /* zero or denormal: fraction units of 2^-24 */
    const vf a = (float) fraction * 0x1p-24f;

    return v_of_bits ((vi) ((uint32_t) v_bits (a) | sign));
  }
  if (exponent == 31) /* infinity or NaN, made quiet */
    return v_of_bits ((vi) (sign | 0x7F800000u | fraction << 13 |
                            (fraction != 0 ? 0x400000u : 0)));
  return v_of_bits ((vi) (sign | (exponent + 112) << 23 | fraction << 13));
}

VEC_INLINE void
v_store_f16_n (uint16_t *p, vf a, size_t m)
{
  const uint32_t bits = (uint32_t) v_bits (a);
  const uint32_t sign = bits >> 16 & 0x8000u, size = bits & 0x7FFFFFFFu;
  uint32_t half;

  if (size > 0x7F800000u) /* NaN: quiet, with the upper bits of its payload */
    half = 0x7E00u | (size >> 13 & 0x1FFu);
  else if (size >= 0x477FF000u) /* 65520 and more round to infinity */
    half = 0x7C00u;
  else if (size < 0x38800000u) { /* below 2^-14: the FPU rounds to 2^-24 */
    const vf shifted = v_of_bits ((vi) size) + 0.5f;

    half = (uint32_t) v_bits (shifted) - 0x3F000000u;
  } else /* drop 13 bits, ties to even; a carry raises the exponent */
    half = (size - 0x38000000u + 0xFFFu + (size >> 13 & 1)) >> 13;
  *p = (uint16_t) (sign | half);
}
