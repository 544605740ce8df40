/* SPDX-License-Identifier: LGPL-2.1-or-later
 * pixel_c.c and pixel.orc, rule "exact": integers. */
#include "check.h"

static const size_t sizes[] = { 0,  1,  2,  3,  4,  5,  7,  8,   9,
                                15, 16, 17, 31, 32, 33, 65, 127, 320 };

/* Weighted sums of rows; the sum wraps where it must. */
static void
check_mac4 (DmlCheck *c, const DmlKernels *kern, bool wide)
{
  static const int16_t weights[] = { 0, 1, -1, 16384, 32767, -32768, 731 };
  const size_t size = wide ? 2 : 1;
  const void *x[4];

  if (check_is_bench (c)) {
    const int16_t w[4] = { 77, 78, 79, 80 };
    int32_t *y = check_rows (c, CHECK_IO, 1, 7680, 7680, 0);

    for (int r = 0; r < 4; r++)
      x[r] = check_rows (c, CHECK_IN, 1, 1920 * size, 1920 * size, 0);
    check_bench (c, 1920.0 * (double) (4 * size + 8), ("n=1920"),
                 wide ? kern->mac4_u16_i32 (y, x[0], x[1], x[2], x[3], w, 1920)
                      : kern->mac4_u8_i32 (y, x[0], x[1], x[2], x[3], w, 1920));
    return;
  }
  for (size_t s = 0; s < CHECK_N (sizes); s++)
    CHECK_SHIFTS (c, shift, size) {
      const size_t n = sizes[s];
      int16_t w[4];
      int32_t want[320];
      int32_t *y = check_rows (c, CHECK_IO, 1, n * 4, n * 4, shift * 4 % 64);

      for (size_t r = 0; r < 4; r++) {
        void *row = check_rows (c, CHECK_IN, 1, n * size, n * size,
                                (shift * (r + 1)) % 64);

        w[r] = weights[check_random_below (c, CHECK_N (weights))];
        check_fill_bytes (c, row, n * size);
        x[r] = row;
      }
      check_seal (c);
      check_fill_bytes (c, y, n * 4);
      for (size_t i = 0; i < n; i++) {
        int64_t sum = y[i];

        for (size_t r = 0; r < 4; r++)
          sum += w[r] * (int64_t) (wide ? ((const uint16_t *) x[r])[i]
                                        : ((const uint8_t *) x[r])[i]);
        want[i] = (int32_t) (uint32_t) sum;
      }
      if (wide)
        kern->mac4_u16_i32 (y, x[0], x[1], x[2], x[3], w, n);
      else
        kern->mac4_u8_i32 (y, x[0], x[1], x[2], x[3], w, n);
      check_same_bytes (c, y, want, n * 4, "n=%zu shift=%zu w=%d %d %d %d", n,
                        shift, w[0], w[1], w[2], w[3]);
      check_end (c);
    }
}

void
check_mac4_u8_i32 (DmlCheck *c, const DmlKernels *ref, const DmlKernels *kern)
{
  check_mac4 (c, kern, false);
}

void
check_mac4_u16_i32 (DmlCheck *c, const DmlKernels *ref, const DmlKernels *kern)
{
  check_mac4 (c, kern, true);
}

void
check_narrow_i32_i16 (DmlCheck *c, const DmlKernels *ref,
                      const DmlKernels *kern)
{
  if (check_is_bench (c)) {
    const int32_t *x = check_rows (c, CHECK_IN, 1, 7680, 7680, 0);
    int16_t *y = check_rows (c, CHECK_OUT, 1, 3840, 3840, 0);

    check_bench (c, 1920 * 6.0, ("n=1920"),
                 kern->narrow_i32_i16 (y, x, 11, 1920));
    return;
  }
  for (size_t s = 0; s < CHECK_N (sizes); s++)
    CHECK_SHIFTS (c, align, 4) {
      const size_t n = sizes[s];
      const int shift = 2 + (int) check_random_below (c, 30);
      int32_t *x = check_rows (c, CHECK_IN, 1, n * 4, n * 4, align);
      int16_t *y = check_rows (c, CHECK_OUT, 1, n * 2, n * 2, align * 2 % 64);
      int16_t want[320];

      check_fill_bytes (c, x, n * 4);
      for (size_t i = 0; i < n; i += 3) /* the ends of the range */
        x[i] = i % 2 ? INT32_MAX : INT32_MIN;
      check_seal (c);
      for (size_t i = 0; i < n; i++) {
        const double v = floor (ldexp (x[i], -shift) + 0.5);

        want[i] = (int16_t) fmin (fmax (v, -32768), 32767);
      }
      kern->narrow_i32_i16 (y, x, shift, n);
      check_same_bytes (c, y, want, n * 2, "n=%zu align=%zu shift=%d", n, align,
                        shift);
      check_end (c);
    }
}

void
check_blend_u8 (DmlCheck *c, const DmlKernels *ref, const DmlKernels *kern)
{
  const uint8_t below[4] = { 128, 7, 255, 126 };

  if (check_is_bench (c)) {
    uint8_t *x = check_rows (c, CHECK_IN, 1, 4320, 4320, 0);
    uint8_t *y = check_rows (c, CHECK_OUT, 1, 4320, 4320, 0);

    check_fill_bytes (c, x, 4320);
    check_seal (c);
    check_bench (c, 8640, ("n=1080"), kern->blend_u8 (y, x, 3, below, 1080));
    return;
  }
  for (size_t s = 0; s < CHECK_N (sizes); s++)
    CHECK_SHIFTS (c, shift, 1) {
      const size_t n = sizes[s];
      const int alpha = shift % 2 ? 3 : 0;
      uint8_t *x = check_rows (c, CHECK_IN, 1, 4 * n, 4 * n, shift);
      uint8_t *y = check_rows (c, CHECK_OUT, 1, 4 * n, 4 * n, shift * 7 % 64);
      uint8_t want[4 * 320];

      check_fill_bytes (c, x, 4 * n);
      check_seal (c);
      for (size_t i = 0; i < 4 * n; i++) {
        const int a = x[i / 4 * 4 + (size_t) alpha];
        const int sum = x[i] * a + below[i % 4] * (255 - a);

        want[i] = (int) (i % 4) == alpha ? 255 : (uint8_t) ((sum + 127) / 255);
      }
      kern->blend_u8 (y, x, alpha, below, n);
      check_same_bytes (c, y, want, 4 * n, "n=%zu shift=%zu alpha=%d", n, shift,
                        alpha);
      check_end (c);
    }
}
