/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The vocabulary in AVX-512 F, BW, DQ and VL. */
#include <immintrin.h>

#define VW 16

typedef __m512 vf;
typedef __mmask16 vm;
typedef __m512i vi;

typedef struct {
  __m512d lo, hi;
} vd;

VEC_INLINE vf
v_set1 (float a)
{
  return _mm512_set1_ps (a);
}

VEC_INLINE vm
v_head (size_t m)
{
  return (vm) ((1u << m) - 1);
}

VEC_INLINE vf
v_load (const float *p)
{
  return _mm512_loadu_ps (p);
}

VEC_INLINE vf
v_load_n (const float *p, size_t m)
{
  if (__builtin_constant_p (m) && m == VW)
    return _mm512_loadu_ps (p);
  return _mm512_maskz_loadu_ps (v_head (m), p);
}

VEC_INLINE void
v_store (float *p, vf a)
{
  _mm512_storeu_ps (p, a);
}

VEC_INLINE void
v_store_n (float *p, vf a, size_t m)
{
  if (__builtin_constant_p (m) && m == VW)
    _mm512_storeu_ps (p, a);
  else
    _mm512_mask_storeu_ps (p, v_head (m), a);
}

VEC_INLINE vf
v_add (vf a, vf b)
{
  return _mm512_add_ps (a, b);
}

VEC_INLINE vf
v_sub (vf a, vf b)
{
  return _mm512_sub_ps (a, b);
}

VEC_INLINE vf
v_mul (vf a, vf b)
{
  return _mm512_mul_ps (a, b);
}

VEC_INLINE vf
v_div (vf a, vf b)
{
  return _mm512_div_ps (a, b);
}

VEC_INLINE vf
v_sqrt (vf a)
{
  return _mm512_sqrt_ps (a);
}

VEC_INLINE vf
v_abs (vf a)
{
  return _mm512_andnot_ps (_mm512_set1_ps (-0.0f), a);
}

VEC_INLINE vf
v_neg (vf a)
{
  return _mm512_xor_ps (_mm512_set1_ps (-0.0f), a);
}

VEC_INLINE vf
v_mla (vf a, vf b, vf c)
{
  return _mm512_fmadd_ps (a, b, c);
}

VEC_INLINE vf
v_max (vf a, vf b)
{
  return _mm512_max_ps (a, b);
}

VEC_INLINE vf
v_min (vf a, vf b)
{
  return _mm512_min_ps (a, b);
}

VEC_INLINE vf
v_max_nan (vf a, vf b)
{
  return _mm512_mask_mov_ps (_mm512_max_ps (a, b),
                             _mm512_cmp_ps_mask (a, a, _CMP_UNORD_Q), a);
}

VEC_INLINE vm
v_gt (vf a, vf b)
{
  return _mm512_cmp_ps_mask (a, b, _CMP_GT_OQ);
}

VEC_INLINE vm
v_ge (vf a, vf b)
{
  return _mm512_cmp_ps_mask (a, b, _CMP_GE_OQ);
}

VEC_INLINE vm
v_lt (vf a, vf b)
{
  return _mm512_cmp_ps_mask (a, b, _CMP_LT_OQ);
}

VEC_INLINE vm
v_le (vf a, vf b)
{
  return _mm512_cmp_ps_mask (a, b, _CMP_LE_OQ);
}

VEC_INLINE vm
m_or (vm a, vm b)
{
  return a | b;
}

VEC_INLINE vm
m_and (vm a, vm b)
{
  return a & b;
}

VEC_INLINE vf
v_select (vm mask, vf a, vf b)
{
  return _mm512_mask_mov_ps (b, mask, a);
}

VEC_INLINE vi
v_bits (vf a)
{
  return _mm512_castps_si512 (a);
}

VEC_INLINE vf
v_of_bits (vi i)
{
  return _mm512_castsi512_ps (i);
}

VEC_INLINE vi
vi_set1 (int32_t a)
{
  return _mm512_set1_epi32 (a);
}

VEC_INLINE vi
vi_add (vi a, vi b)
{
  return _mm512_add_epi32 (a, b);
}

VEC_INLINE vi
vi_sub (vi a, vi b)
{
  return _mm512_sub_epi32 (a, b);
}

VEC_INLINE vi
vi_and (vi a, vi b)
{
  return _mm512_and_si512 (a, b);
}

VEC_INLINE vi
vi_or (vi a, vi b)
{
  return _mm512_or_si512 (a, b);
}

#define vi_sar(a, n) _mm512_srai_epi32 (a, n)
#define vi_shl(a, n) _mm512_slli_epi32 (a, n)

VEC_INLINE vf
v_of_int (vi a)
{
  return _mm512_cvtepi32_ps (a);
}

/* The two halves of a, added. */
VEC_INLINE __m256
half_sum (vf a)
{
  return _mm256_add_ps (_mm512_castps512_ps256 (a),
                        _mm512_extractf32x8_ps (a, 1));
}

VEC_INLINE float
v_sum (vf a)
{
  const __m256 eight = half_sum (a);
  const __m256 pairs = _mm256_hadd_ps (eight, eight);
  const __m256 fours = _mm256_hadd_ps (pairs, pairs);

  return _mm_cvtss_f32 (_mm_add_ss (_mm256_castps256_ps128 (fours),
                                    _mm256_extractf128_ps (fours, 1)));
}

VEC_INLINE __m256
sum_8_rows (const vf *acc)
{
  __m256 t[4];

  for (int j = 0; j < 4; j++)
    t[j] = _mm256_hadd_ps (half_sum (acc[2 * j]), half_sum (acc[2 * j + 1]));
  t[0] = _mm256_hadd_ps (t[0], t[1]);
  t[2] = _mm256_hadd_ps (t[2], t[3]);
  return _mm256_add_ps (_mm256_permute2f128_ps (t[0], t[2], 0x20),
                        _mm256_permute2f128_ps (t[0], t[2], 0x31));
}

VEC_INLINE void
v_sum_rows (float *s, const vf *acc, size_t m)
{
  const __m256 low = sum_8_rows (acc), high = sum_8_rows (acc + 8);

  v_store_n (s, _mm512_insertf32x8 (_mm512_castps256_ps512 (low), high, 1), m);
}

VEC_INLINE float
v_max_lanes (vf a)
{
  a = v_max_nan (a, _mm512_shuffle_f32x4 (a, a, 0x4E));
  a = v_max_nan (a, _mm512_shuffle_f32x4 (a, a, 0xB1));
  a = v_max_nan (a, _mm512_permute_ps (a, 0x4E));
  a = v_max_nan (a, _mm512_permute_ps (a, 0xB1));
  return _mm_cvtss_f32 (_mm512_castps512_ps128 (a));
}

VEC_INLINE vd
vd_zero (void)
{
  return (vd){ _mm512_setzero_pd (), _mm512_setzero_pd () };
}

VEC_INLINE vd
v_widen (vf a)
{
  return (vd){ _mm512_cvtps_pd (_mm512_castps512_ps256 (a)),
               _mm512_cvtps_pd (_mm512_extractf32x8_ps (a, 1)) };
}

VEC_INLINE vd
vd_add (vd a, vd b)
{
  return (vd){ _mm512_add_pd (a.lo, b.lo), _mm512_add_pd (a.hi, b.hi) };
}

VEC_INLINE vd
vd_sub (vd a, vd b)
{
  return (vd){ _mm512_sub_pd (a.lo, b.lo), _mm512_sub_pd (a.hi, b.hi) };
}

VEC_INLINE vd
vd_mla (vd a, vd b, vd c)
{
  return (vd){ _mm512_fmadd_pd (a.lo, b.lo, c.lo),
               _mm512_fmadd_pd (a.hi, b.hi, c.hi) };
}

VEC_INLINE double
vd_sum (vd a)
{
  return _mm512_reduce_add_pd (_mm512_add_pd (a.lo, a.hi));
}

VEC_INLINE vf
v_load_step2_n (const float *p, size_t m)
{
  const vi even = _mm512_setr_epi32 (0, 2, 4, 6, 8, 10, 12, 14, 17, 19, 21, 23,
                                     25, 27, 29, 31);
  const size_t n =
    2 * m - 1; /* floats from p on; the upper load starts at 15 */
  const bool whole = __builtin_constant_p (m) && m == VW;
  const vf low = v_load_n (p, whole || n > 16 ? 16 : n);
  const vf high = whole    ? _mm512_loadu_ps (p + 15)
                  : n > 15 ? v_load_n (p + 15, n - 15)
                           : _mm512_setzero_ps ();

  return _mm512_permutex2var_ps (low, even, high);
}

VEC_INLINE vf
v_load_pair_n (const float *p, size_t m, vf *odd)
{
  const vi evens = _mm512_setr_epi32 (0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22,
                                      24, 26, 28, 30);
  const vi odds = _mm512_add_epi32 (evens, _mm512_set1_epi32 (1));
  const bool whole = __builtin_constant_p (m) && m == VW;
  const vf low = v_load_n (p, whole || m > 8 ? 16 : 2 * m);
  const vf high = whole   ? _mm512_loadu_ps (p + 16)
                  : m > 8 ? v_load_n (p + 16, 2 * m - 16)
                          : _mm512_setzero_ps ();

  *odd = _mm512_permutex2var_ps (low, odds, high);
  return _mm512_permutex2var_ps (low, evens, high);
}

VEC_INLINE vf
v_load_u8_n (const uint8_t *p, size_t m)
{
  return _mm512_cvtepi32_ps (
    _mm512_cvtepu8_epi32 (_mm_maskz_loadu_epi8 (v_head (m), p)));
}

VEC_INLINE vf
v_load_f16_n (const uint16_t *p, size_t m)
{
  return _mm512_cvtph_ps (_mm256_maskz_loadu_epi16 (v_head (m), p));
}

VEC_INLINE void
v_store_f16_n (uint16_t *p, vf a, size_t m)
{
  _mm256_mask_storeu_epi16 (p, v_head (m),
                            _mm512_cvtps_ph (a, _MM_FROUND_TO_NEAREST_INT));
}
