/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The vocabulary in AArch64's Advanced SIMD. */
#include <arm_neon.h>

#define VW 4

typedef float32x4_t vf;
typedef uint32x4_t vm; /* all bits of a lane, or none */
typedef int32x4_t vi;

typedef struct {
  float64x2_t lo, hi;
} vd;

VEC_INLINE vf
v_set1 (float a)
{
  return vdupq_n_f32 (a);
}

VEC_INLINE vm
v_head (size_t m)
{
  static const uint32_t lane[4] = { 0, 1, 2, 3 };

  return vcltq_u32 (vld1q_u32 (lane), vdupq_n_u32 ((uint32_t) m));
}

VEC_INLINE vf
v_load (const float *p)
{
  return vld1q_f32 (p);
}

VEC_INLINE vf
v_load_n (const float *p, size_t m)
{
  vf a = vdupq_n_f32 (0.0f);

  if (m >= VW)
    return vld1q_f32 (p);
  if (m > 0)
    a = vld1q_lane_f32 (p, a, 0);
  if (m > 1)
    a = vld1q_lane_f32 (p + 1, a, 1);
  if (m > 2)
    a = vld1q_lane_f32 (p + 2, a, 2);
  return a;
}

VEC_INLINE void
v_store (float *p, vf a)
{
  vst1q_f32 (p, a);
}

VEC_INLINE void
v_store_n (float *p, vf a, size_t m)
{
  if (m >= VW) {
    vst1q_f32 (p, a);
    return;
  }
  vst1q_lane_f32 (p, a, 0);
  if (m > 1)
    vst1q_lane_f32 (p + 1, a, 1);
  if (m > 2)
    vst1q_lane_f32 (p + 2, a, 2);
}

VEC_INLINE vf
v_add (vf a, vf b)
{
  return vaddq_f32 (a, b);
}

VEC_INLINE vf
v_sub (vf a, vf b)
{
  return vsubq_f32 (a, b);
}

VEC_INLINE vf
v_mul (vf a, vf b)
{
  return vmulq_f32 (a, b);
}

VEC_INLINE vf
v_div (vf a, vf b)
{
  return vdivq_f32 (a, b);
}

VEC_INLINE vf
v_sqrt (vf a)
{
  return vsqrtq_f32 (a);
}

VEC_INLINE vf
v_abs (vf a)
{
  return vabsq_f32 (a);
}

VEC_INLINE vf
v_neg (vf a)
{
  return vnegq_f32 (a);
}

VEC_INLINE vf
v_mla (vf a, vf b, vf c)
{
  return vfmaq_f32 (c, a, b);
}

/* FMAX gives NaN for either operand and orders the zeros: not these. */
VEC_INLINE vf
v_max (vf a, vf b)
{
  return vbslq_f32 (vcgtq_f32 (a, b), a, b);
}

VEC_INLINE vf
v_min (vf a, vf b)
{
  return vbslq_f32 (vcltq_f32 (a, b), a, b);
}

VEC_INLINE vf
v_max_nan (vf a, vf b)
{
  const vm nan = vmvnq_u32 (vceqq_f32 (a, a));

  return vbslq_f32 (vorrq_u32 (vcgtq_f32 (a, b), nan), a, b);
}

VEC_INLINE vm
v_gt (vf a, vf b)
{
  return vcgtq_f32 (a, b);
}

VEC_INLINE vm
v_ge (vf a, vf b)
{
  return vcgeq_f32 (a, b);
}

VEC_INLINE vm
v_lt (vf a, vf b)
{
  return vcltq_f32 (a, b);
}

VEC_INLINE vm
v_le (vf a, vf b)
{
  return vcleq_f32 (a, b);
}

VEC_INLINE vm
m_or (vm a, vm b)
{
  return vorrq_u32 (a, b);
}

VEC_INLINE vm
m_and (vm a, vm b)
{
  return vandq_u32 (a, b);
}

VEC_INLINE vf
v_select (vm mask, vf a, vf b)
{
  return vbslq_f32 (mask, a, b);
}

VEC_INLINE vi
v_bits (vf a)
{
  return vreinterpretq_s32_f32 (a);
}

VEC_INLINE vf
v_of_bits (vi i)
{
  return vreinterpretq_f32_s32 (i);
}

VEC_INLINE vi
vi_set1 (int32_t a)
{
  return vdupq_n_s32 (a);
}

VEC_INLINE vi
vi_add (vi a, vi b)
{
  return vaddq_s32 (a, b);
}

VEC_INLINE vi
vi_sub (vi a, vi b)
{
  return vsubq_s32 (a, b);
}

VEC_INLINE vi
vi_and (vi a, vi b)
{
  return vandq_s32 (a, b);
}

VEC_INLINE vi
vi_or (vi a, vi b)
{
  return vorrq_s32 (a, b);
}

#define vi_sar(a, n) vshrq_n_s32 (a, n)
#define vi_shl(a, n) vshlq_n_s32 (a, n)

VEC_INLINE vf
v_of_int (vi a)
{
  return vcvtq_f32_s32 (a);
}

VEC_INLINE float
v_sum (vf a)
{
  const vf pairs = vpaddq_f32 (a, a);

  return vgetq_lane_f32 (vpaddq_f32 (pairs, pairs), 0);
}

VEC_INLINE void
v_sum_rows (float *s, const vf *acc, size_t m)
{
  v_store_n (
    s, vpaddq_f32 (vpaddq_f32 (acc[0], acc[1]), vpaddq_f32 (acc[2], acc[3])),
    m);
}

VEC_INLINE float
v_max_lanes (vf a)
{
  a = v_max_nan (a, vextq_f32 (a, a, 2));
  a = v_max_nan (a, vextq_f32 (a, a, 1));
  return vgetq_lane_f32 (a, 0);
}

VEC_INLINE vd
vd_zero (void)
{
  return (vd){ vdupq_n_f64 (0.0), vdupq_n_f64 (0.0) };
}

VEC_INLINE vd
v_widen (vf a)
{
  return (vd){ vcvt_f64_f32 (vget_low_f32 (a)), vcvt_high_f64_f32 (a) };
}

VEC_INLINE vd
vd_add (vd a, vd b)
{
  return (vd){ vaddq_f64 (a.lo, b.lo), vaddq_f64 (a.hi, b.hi) };
}

VEC_INLINE vd
vd_sub (vd a, vd b)
{
  return (vd){ vsubq_f64 (a.lo, b.lo), vsubq_f64 (a.hi, b.hi) };
}

VEC_INLINE vd
vd_mla (vd a, vd b, vd c)
{
  return (vd){ vfmaq_f64 (c.lo, a.lo, b.lo), vfmaq_f64 (c.hi, a.hi, b.hi) };
}

VEC_INLINE double
vd_sum (vd a)
{
  return vaddvq_f64 (vaddq_f64 (a.lo, a.hi));
}

VEC_INLINE vf
v_load_step2_n (const float *p, size_t m)
{
  const size_t n = 2 * m - 1; /* floats from p on; the upper load starts at 3 */
  const vf low = v_load_n (p, n);
  const vf high = n > 3 ? v_load_n (p + 3, n - 3) : vdupq_n_f32 (0.0f);

  return vcombine_f32 (vget_low_f32 (vuzp1q_f32 (low, low)),
                       vget_low_f32 (vuzp2q_f32 (high, high)));
}

VEC_INLINE vf
v_load_pair_n (const float *p, size_t m, vf *odd)
{
  const vf low = v_load_n (p, 2 * m);
  const vf high = m > 2 ? v_load_n (p + 4, 2 * m - 4) : vdupq_n_f32 (0.0f);

  *odd = vuzp2q_f32 (low, high);
  return vuzp1q_f32 (low, high);
}

VEC_INLINE vf
v_load_u8_n (const uint8_t *p, size_t m)
{
  uint32_t bytes = 0;

  memcpy (&bytes, p, m);
  return vcvtq_f32_u32 (vmovl_u16 (
    vget_low_u16 (vmovl_u8 (vreinterpret_u8_u32 (vdup_n_u32 (bytes))))));
}

VEC_INLINE vf
v_load_f16_n (const uint16_t *p, size_t m)
{
  uint64_t halves = 0;

  memcpy (&halves, p, m * sizeof *p);
  return vcvt_f32_f16 (vreinterpret_f16_u64 (vdup_n_u64 (halves)));
}

VEC_INLINE void
v_store_f16_n (uint16_t *p, vf a, size_t m)
{
  const uint64_t halves =
    vget_lane_u64 (vreinterpret_u64_f16 (vcvt_f16_f32 (a)), 0);

  memcpy (p, &halves, m * sizeof *p);
}
