/* SPDX-License-Identifier: LGPL-2.1-or-later
 * convert_tmpl.c, rule "exact". Half precision is held to its definition: every
 * one of the 65536 halves, and the nearest half of floats of all sizes. */
#include "check.h"

static const size_t sizes[] = { 0,  1,  2,  3,  4,  5,  7,  8, 9,
                                12, 15, 16, 17, 31, 32, 33, 65 };

static double
value_of_half (uint16_t h)
{
  const int exponent = h >> 10 & 31, fraction = h & 1023;
  const double sign = h & 0x8000 ? -1 : 1;

  if (exponent == 31)
    return fraction != 0 ? (double) NAN : sign * (double) INFINITY;
  return sign * ldexp (exponent > 0 ? 1024 + fraction : fraction,
                       (exponent > 0 ? exponent : 1) - 25);
}

void
check_f16_to_f32 (DmlCheck *c, const DmlKernels *ref, const DmlKernels *kern)
{
  if (check_is_bench (c)) {
    const uint16_t *x = check_rows (c, CHECK_IN, 1, 50000, 50000, 0);
    float *y = check_out_f32 (c, 25000, 0);

    check_bench (c, 25000 * 6.0, ("n=25000"), kern->f16_to_f32 (y, x, 25000));
    return;
  }
  for (uint32_t block = 0; block < 65536; block += 4096) {
    uint16_t *x = check_rows (c, CHECK_IN, 1, 8192, 8192, block / 4096 * 2);
    float *y = check_out_f32 (c, 4096, 0);

    for (uint32_t i = 0; i < 4096; i++)
      x[i] = (uint16_t) (block + i);
    check_seal (c);
    kern->f16_to_f32 (y, x, 4096);
    for (uint32_t i = 0; i < 4096; i++) {
      const float want = (float) value_of_half (x[i]);

      check_same_f32 (c, y + i, &want, 1, "half 0x%04x", x[i]);
      if (isnan (want)) { /* quiet, payload and sign kept */
        const uint32_t nan =
          (x[i] & 0x8000u) << 16 | 0x7FC00000u | (x[i] & 0x1FFu) << 13;

        check_same_bytes (c, y + i, &nan, 4, "NaN from half 0x%04x", x[i]);
      }
    }
    check_end (c);
  }
  for (size_t s = 0; s < CHECK_N (sizes); s++)
    CHECK_SHIFTS (c, shift, 2) {
      const size_t n = sizes[s];
      uint16_t *x = check_rows (c, CHECK_IN, 1, 2 * n, 2 * n, shift);
      float *y = check_out_f32 (c, n, shift * 2 % 64), *want;

      check_fill_bytes (c, x, 2 * n);
      check_seal (c);
      want = check_copy_f32 (c, y, n);
      for (size_t i = 0; i < n; i++)
        want[i] = (float) value_of_half (x[i]);
      kern->f16_to_f32 (y, x, n);
      check_same_f32 (c, y, want, n, "n=%zu shift=%zu", n, shift);
      check_end (c);
    }
}

/* The nearest half, ties to even, by looking at both neighbours. */
static uint16_t
half_of (float f)
{
  const uint16_t sign = signbit (f) ? 0x8000 : 0;
  const double a = fabs ((double) f);
  uint32_t low = 0, high = 0x7C00; /* half (low) <= a < half (high) */

  if (isnan (f)) {
    uint32_t bits;

    memcpy (&bits, &f, sizeof bits);
    return (uint16_t) (sign | 0x7E00u | (bits >> 13 & 0x1FFu));
  }
  if (a >= 65520)
    return sign | 0x7C00;
  while (high - low > 1) {
    const uint32_t mid = (low + high) / 2;

    if (value_of_half ((uint16_t) mid) <= a)
      low = mid;
    else
      high = mid;
  }
  if (high < 0x7C00) {
    const double below = a - value_of_half ((uint16_t) low);
    const double above = value_of_half ((uint16_t) high) - a;

    if (above < below || (above == below && (low & 1)))
      low = high;
  } else if (a >= 65520 - 16 && a - 65504 >= 16)
    low = high;
  return (uint16_t) (sign | low);
}

void
check_f32_to_f16 (DmlCheck *c, const DmlKernels *ref, const DmlKernels *kern)
{
  if (check_is_bench (c)) {
    const float *x = check_in_f32 (c, CHECK_PLAIN, 25000, 0);
    uint16_t *y = check_rows (c, CHECK_OUT, 1, 50000, 50000, 0);

    check_bench (c, 25000 * 6.0, ("n=25000"), kern->f32_to_f16 (y, x, 25000));
    return;
  }
  for (size_t s = 0; s < CHECK_N (sizes); s++)
    CHECK_SHIFTS (c, shift, 4)
      for (int fill = 0; fill < 8; fill++) {
        const size_t n = sizes[s];
        float *x = check_rows (c, CHECK_IN, 1, 4 * n, 4 * n, shift);
        uint16_t *y = check_rows (c, CHECK_OUT, 1, 2 * n, 2 * n, shift / 2);
        uint16_t want[65];

        check_fill_f32 (c, fill == 0 ? CHECK_SPECIAL : CHECK_PLAIN, x, n);
        for (size_t i = 0; i < n && fill > 0; i++) {
          /* across the range of halves, every other one half way between */
          x[i] = ldexpf (x[i], (int) check_random_below (c, 46) - 28);
          if (fill > 3) {
            const uint16_t h = half_of (x[i]);

            x[i] = (float) ((value_of_half (h) +
                             value_of_half ((uint16_t) (h + 1))) /
                            2);
          }
        }
        check_seal (c);
        for (size_t i = 0; i < n; i++)
          want[i] = half_of (x[i]);
        kern->f32_to_f16 (y, x, n);
        for (size_t i = 0; i < n; i++)
          check_same_bytes (c, y + i, want + i, 2, "%.9g n=%zu shift=%zu",
                            (double) x[i], n, shift);
        check_end (c);
      }
}

void
check_u8_to_f32 (DmlCheck *c, const DmlKernels *ref, const DmlKernels *kern)
{
  const float a = 1.0f / (255.0f * 0.229f), b = -0.485f / 0.229f;

  if (check_is_bench (c)) {
    const uint8_t *x = check_rows (c, CHECK_IN, 1, 25000, 25000, 0);
    float *y = check_out_f32 (c, 25000, 0);

    check_bench (c, 25000 * 5.0, ("n=25000"),
                 kern->u8_to_f32 (y, x, a, b, 25000));
    return;
  }
  for (size_t s = 0; s < CHECK_N (sizes); s++)
    CHECK_SHIFTS (c, shift, 1) {
      const size_t n = sizes[s];
      uint8_t *x = check_rows (c, CHECK_IN, 1, n, n, shift);
      float *y = check_out_f32 (c, n, shift * 4 % 64), *want;

      check_fill_bytes (c, x, n);
      check_seal (c);
      want = check_copy_f32 (c, y, n);
      for (size_t i = 0; i < n; i++)
        want[i] = a * (float) x[i] + b;
      kern->u8_to_f32 (y, x, a, b, n);
      check_same_f32 (c, y, want, n, "n=%zu shift=%zu", n, shift);
      check_end (c);
    }
}
