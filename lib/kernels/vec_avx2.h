/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The vocabulary in AVX2 with FMA and F16C. */
#include <immintrin.h>

#define VW 8

typedef __m256 vf;
typedef __m256 vm; /* all bits of a lane, or none */
typedef __m256i vi;

typedef struct {
  __m256d lo, hi;
} vd;

VEC_INLINE vf
v_set1 (float a)
{
  return _mm256_set1_ps (a);
}

VEC_INLINE __m256i
head_bits (size_t m)
{
  static const int32_t bits[16] = { -1, -1, -1, -1, -1, -1, -1, -1 };

  return _mm256_loadu_si256 ((const __m256i *) (bits + 8 - m));
}

VEC_INLINE vm
v_head (size_t m)
{
  return _mm256_castsi256_ps (head_bits (m));
}

VEC_INLINE vf
v_load (const float *p)
{
  return _mm256_loadu_ps (p);
}

VEC_INLINE vf
v_load_n (const float *p, size_t m)
{
  if (__builtin_constant_p (m) && m == VW)
    return _mm256_loadu_ps (p);
  return _mm256_maskload_ps (p, head_bits (m));
}

VEC_INLINE void
v_store (float *p, vf a)
{
  _mm256_storeu_ps (p, a);
}

/* Not by VMASKMOVPS: as a store it takes dozens of cycles on AMD. */
VEC_INLINE void
v_store_n (float *p, vf a, size_t m)
{
  __m128 part = _mm256_castps256_ps128 (a);

  if ((__builtin_constant_p (m) && m == VW) || m >= VW) {
    _mm256_storeu_ps (p, a);
    return;
  }
  if (m & 4) {
    _mm_storeu_ps (p, part);
    part = _mm256_extractf128_ps (a, 1);
    p += 4;
  }
  if (m & 2) {
    _mm_storel_pi ((__m64 *) p, part);
    part = _mm_movehl_ps (part, part);
    p += 2;
  }
  if (m & 1)
    _mm_store_ss (p, part);
}

VEC_INLINE vf
v_add (vf a, vf b)
{
  return _mm256_add_ps (a, b);
}

VEC_INLINE vf
v_sub (vf a, vf b)
{
  return _mm256_sub_ps (a, b);
}

VEC_INLINE vf
v_mul (vf a, vf b)
{
  return _mm256_mul_ps (a, b);
}

VEC_INLINE vf
v_div (vf a, vf b)
{
  return _mm256_div_ps (a, b);
}

VEC_INLINE vf
v_sqrt (vf a)
{
  return _mm256_sqrt_ps (a);
}

VEC_INLINE vf
v_abs (vf a)
{
  return _mm256_andnot_ps (_mm256_set1_ps (-0.0f), a);
}

VEC_INLINE vf
v_neg (vf a)
{
  return _mm256_xor_ps (_mm256_set1_ps (-0.0f), a);
}

VEC_INLINE vf
v_mla (vf a, vf b, vf c)
{
  return _mm256_fmadd_ps (a, b, c);
}

VEC_INLINE vf
v_max (vf a, vf b)
{
  return _mm256_max_ps (a, b);
}

VEC_INLINE vf
v_min (vf a, vf b)
{
  return _mm256_min_ps (a, b);
}

VEC_INLINE vf
v_max_nan (vf a, vf b)
{
  const vm nan = _mm256_cmp_ps (a, a, _CMP_UNORD_Q);

  return _mm256_blendv_ps (_mm256_max_ps (a, b), a, nan);
}

VEC_INLINE vm
v_gt (vf a, vf b)
{
  return _mm256_cmp_ps (a, b, _CMP_GT_OQ);
}

VEC_INLINE vm
v_ge (vf a, vf b)
{
  return _mm256_cmp_ps (a, b, _CMP_GE_OQ);
}

VEC_INLINE vm
v_lt (vf a, vf b)
{
  return _mm256_cmp_ps (a, b, _CMP_LT_OQ);
}

VEC_INLINE vm
v_le (vf a, vf b)
{
  return _mm256_cmp_ps (a, b, _CMP_LE_OQ);
}

VEC_INLINE vm
m_or (vm a, vm b)
{
  return _mm256_or_ps (a, b);
}

VEC_INLINE vm
m_and (vm a, vm b)
{
  return _mm256_and_ps (a, b);
}

VEC_INLINE vf
v_select (vm mask, vf a, vf b)
{
  return _mm256_blendv_ps (b, a, mask);
}

VEC_INLINE vi
v_bits (vf a)
{
  return _mm256_castps_si256 (a);
}

VEC_INLINE vf
v_of_bits (vi i)
{
  return _mm256_castsi256_ps (i);
}

VEC_INLINE vi
vi_set1 (int32_t a)
{
  return _mm256_set1_epi32 (a);
}

VEC_INLINE vi
vi_add (vi a, vi b)
{
  return _mm256_add_epi32 (a, b);
}

VEC_INLINE vi
vi_sub (vi a, vi b)
{
  return _mm256_sub_epi32 (a, b);
}

VEC_INLINE vi
vi_and (vi a, vi b)
{
  return _mm256_and_si256 (a, b);
}

VEC_INLINE vi
vi_or (vi a, vi b)
{
  return _mm256_or_si256 (a, b);
}

#define vi_sar(a, n) _mm256_srai_epi32 (a, n)
#define vi_shl(a, n) _mm256_slli_epi32 (a, n)

VEC_INLINE vf
v_of_int (vi a)
{
  return _mm256_cvtepi32_ps (a);
}

VEC_INLINE float
v_sum (vf a)
{
  const vf pairs = _mm256_hadd_ps (a, a);
  const vf fours = _mm256_hadd_ps (pairs, pairs);

  return _mm_cvtss_f32 (_mm_add_ss (_mm256_castps256_ps128 (fours),
                                    _mm256_extractf128_ps (fours, 1)));
}

VEC_INLINE void
v_sum_rows (float *s, const vf *acc, size_t m)
{
  const vf a01 = _mm256_hadd_ps (acc[0], acc[1]);
  const vf a23 = _mm256_hadd_ps (acc[2], acc[3]);
  const vf a45 = _mm256_hadd_ps (acc[4], acc[5]);
  const vf a67 = _mm256_hadd_ps (acc[6], acc[7]);
  const vf a03 = _mm256_hadd_ps (a01, a23), a47 = _mm256_hadd_ps (a45, a67);
  const vf low = _mm256_permute2f128_ps (a03, a47, 0x20);
  const vf high = _mm256_permute2f128_ps (a03, a47, 0x31);

  v_store_n (s, _mm256_add_ps (low, high), m);
}

VEC_INLINE float
v_max_lanes (vf a)
{
  a = v_max_nan (a, _mm256_permute2f128_ps (a, a, 1));
  a = v_max_nan (a, _mm256_permute_ps (a, 0x4E));
  a = v_max_nan (a, _mm256_permute_ps (a, 0xB1));
  return _mm_cvtss_f32 (_mm256_castps256_ps128 (a));
}

VEC_INLINE vd
vd_zero (void)
{
  return (vd){ _mm256_setzero_pd (), _mm256_setzero_pd () };
}

VEC_INLINE vd
v_widen (vf a)
{
  return (vd){ _mm256_cvtps_pd (_mm256_castps256_ps128 (a)),
               _mm256_cvtps_pd (_mm256_extractf128_ps (a, 1)) };
}

VEC_INLINE vd
vd_add (vd a, vd b)
{
  return (vd){ _mm256_add_pd (a.lo, b.lo), _mm256_add_pd (a.hi, b.hi) };
}

VEC_INLINE vd
vd_sub (vd a, vd b)
{
  return (vd){ _mm256_sub_pd (a.lo, b.lo), _mm256_sub_pd (a.hi, b.hi) };
}

VEC_INLINE vd
vd_mla (vd a, vd b, vd c)
{
  return (vd){ _mm256_fmadd_pd (a.lo, b.lo, c.lo),
               _mm256_fmadd_pd (a.hi, b.hi, c.hi) };
}

VEC_INLINE double
vd_sum (vd a)
{
  const __m256d four = _mm256_add_pd (a.lo, a.hi);
  const __m128d two =
    _mm_add_pd (_mm256_castpd256_pd128 (four), _mm256_extractf128_pd (four, 1));

  return _mm_cvtsd_f64 (_mm_add_sd (two, _mm_unpackhi_pd (two, two)));
}

VEC_INLINE vf
v_load_step2_n (const float *p, size_t m)
{
  const size_t n = 2 * m - 1; /* floats from p on; the upper load starts at 7 */
  const bool whole = __builtin_constant_p (m) && m == VW;
  const vf low = v_load_n (p, whole || n > 8 ? 8 : n);
  const vf high = whole   ? _mm256_loadu_ps (p + 7)
                  : n > 7 ? v_load_n (p + 7, n - 7)
                          : _mm256_setzero_ps ();
  const vf mixed = _mm256_shuffle_ps (low, high, 0xD8); /* 0 2 8 10 4 6 12 14 */

  return _mm256_castpd_ps (
    _mm256_permute4x64_pd (_mm256_castps_pd (mixed), 0xD8));
}

VEC_INLINE vf
v_load_pair_n (const float *p, size_t m, vf *odd)
{
  const bool whole = __builtin_constant_p (m) && m == VW;
  const vf low = v_load_n (p, whole || m > 4 ? 8 : 2 * m);
  const vf high = whole   ? _mm256_loadu_ps (p + 8)
                  : m > 4 ? v_load_n (p + 8, 2 * m - 8)
                          : _mm256_setzero_ps ();
  const vf even = _mm256_shuffle_ps (low, high, 0x88); /* 0 2 8 10 4 6 12 14 */

  *odd = _mm256_castpd_ps (_mm256_permute4x64_pd (
    _mm256_castps_pd (_mm256_shuffle_ps (low, high, 0xDD)), 0xD8));
  return _mm256_castpd_ps (
    _mm256_permute4x64_pd (_mm256_castps_pd (even), 0xD8));
}

VEC_INLINE vf
v_load_u8_n (const uint8_t *p, size_t m)
{
  uint64_t bytes = 0;

  memcpy (&bytes, p, m);
  return _mm256_cvtepi32_ps (
    _mm256_cvtepu8_epi32 (_mm_cvtsi64_si128 ((int64_t) bytes)));
}

VEC_INLINE vf
v_load_f16_n (const uint16_t *p, size_t m)
{
  __m128i halves = _mm_setzero_si128 ();

  memcpy (&halves, p, m * sizeof *p);
  return _mm256_cvtph_ps (halves);
}

VEC_INLINE void
v_store_f16_n (uint16_t *p, vf a, size_t m)
{
  const __m128i halves = _mm256_cvtps_ph (a, _MM_FROUND_TO_NEAREST_INT);

  memcpy (p, &halves, m * sizeof *p);
}
