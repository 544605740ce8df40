/* SPDX-License-Identifier: LGPL-2.1-or-later
 * pixel_c.c and pixel.orc, rule "exact": integers. */
#include "check.h"

static const size_t sizes[] = { 0,  1,  2,  3,  4,  5,  7,  8,   9,
                                15, 16, 17, 31, 32, 33, 65, 127, 320 };

void
check_split2_u8 (DmlCheck *c, const DmlKernels *ref, const DmlKernels *kern)
{
  if (check_is_bench (c)) {
    const uint8_t *x = check_rows (c, CHECK_IN, 1, 1920, 1920, 0);
    uint8_t *a = check_rows (c, CHECK_OUT, 1, 960, 960, 0);
    uint8_t *b = check_rows (c, CHECK_OUT, 1, 960, 960, 0);

    check_bench (c, 3840, ("n=960"), kern->split2_u8 (a, b, x, 960));
    return;
  }
  for (size_t s = 0; s < CHECK_N (sizes); s++)
    for
      CHECK_SHIFTS (c, shift, 1)
      {
        const size_t n = sizes[s];
        uint8_t *x = check_rows (c, CHECK_IN, 1, 2 * n, 2 * n, shift);
        uint8_t *a = check_rows (c, CHECK_OUT, 1, n, n, (shift * 3) % 64);
        uint8_t *b = check_rows (c, CHECK_OUT, 1, n, n, (shift * 5) % 64);
        uint8_t want_a[320], want_b[320];

        check_fill_bytes (c, x, 2 * n);
        check_seal (c);
        for (size_t i = 0; i < n; i++) {
          want_a[i] = x[2 * i];
          want_b[i] = x[2 * i + 1];
        }
        kern->split2_u8 (a, b, x, n);
        check_same_bytes (c, a, want_a, n, "even, n=%zu shift=%zu", n, shift);
        check_same_bytes (c, b, want_b, n, "odd, n=%zu shift=%zu", n, shift);
        check_end (c);
      }
}

/* Weighted sums of rows; the sum wraps where it must. */
static void
check_mac (DmlCheck *c, const DmlKernels *kern, bool wide)
{
  const size_t size = wide ? 2 : 1;

  if (check_is_bench (c)) {
    const void *x = check_rows (c, CHECK_IN, 1, 1920 * size, 1920 * size, 0);
    int32_t *y = check_rows (c, CHECK_IO, 1, 7680, 7680, 0);

    check_bench (c, 1920.0 * (double) (size + 8), ("n=1920"),
                 wide ? kern->mac_u16_i32 (y, x, 77, 1920)
                      : kern->mac_u8_i32 (y, x, 77, 1920));
    return;
  }
  for (size_t s = 0; s < CHECK_N (sizes); s++)
    for
      CHECK_SHIFTS (c, shift, size)
      {
        static const int16_t weights[] = {
          0, 1, -1, 16384, 32767, -32768, 731
        };
        const int16_t w = weights[check_random_below (c, CHECK_N (weights))];
        const size_t n = sizes[s];
        void *x = check_rows (c, CHECK_IN, 1, n * size, n * size, shift);
        int32_t *y = check_rows (c, CHECK_IO, 1, n * 4, n * 4, shift * 4 % 64);
        int32_t want[320];

        check_fill_bytes (c, x, n * size);
        check_seal (c);
        check_fill_bytes (c, y, n * 4);
        for (size_t i = 0; i < n; i++) {
          const int64_t v =
            wide ? ((const uint16_t *) x)[i] : ((const uint8_t *) x)[i];

          want[i] = (int32_t) (uint32_t) ((int64_t) y[i] + v * w);
        }
        if (wide)
          kern->mac_u16_i32 (y, x, w, n);
        else
          kern->mac_u8_i32 (y, x, w, n);
        check_same_bytes (c, y, want, n * 4, "n=%zu shift=%zu w=%d", n, shift,
                          w);
        check_end (c);
      }
}

void
check_mac_u8_i32 (DmlCheck *c, const DmlKernels *ref, const DmlKernels *kern)
{
  check_mac (c, kern, false);
}

void
check_mac_u16_i32 (DmlCheck *c, const DmlKernels *ref, const DmlKernels *kern)
{
  check_mac (c, kern, true);
}
