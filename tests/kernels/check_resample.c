/* SPDX-License-Identifier: LGPL-2.1-or-later
 * resample_tmpl.c, rule "exact": integers, and floats that are never fused. */
#include "check.h"

#define MAX_OUT 40
#define TAPS 16

/* Outputs of 16 to 64 weights anywhere in a row of n_in words, sums within 31
 * bits. */
static void
check_dot_taps (DmlCheck *c, const DmlKernels *kern, size_t n, size_t n_in,
                size_t shift)
{
  int16_t *x = check_rows (c, CHECK_IN, 1, n_in * 2, n_in * 2, shift);
  int16_t *w = check_rows (c, CHECK_IN, 1, n * 64 * 2, n * 64 * 2, shift);
  int32_t *first = check_rows (c, CHECK_IN, 1, n * 4, n * 4, shift & ~3u);
  int32_t *offset = check_rows (c, CHECK_IN, 1, (n + 1) * 4, (n + 1) * 4, 0);
  int32_t *y = check_rows (c, CHECK_OUT, 1, n * 4, n * 4, shift & ~3u);
  int32_t want[MAX_OUT];

  check_fill_bytes (c, x, n_in * 2);
  check_fill_bytes (c, w, n * 64 * 2);
  for (size_t i = 0; i < n * 64; i++)
    w[i] /= 64; /* 64 x 32768 x 512 is 2^30 */
  offset[0] = 0;
  for (size_t i = 0; i < n; i++) {
    const size_t n_taps = TAPS * (1 + check_random_below (c, 4));

    offset[i + 1] = offset[i] + (int32_t) n_taps;
    first[i] = (int32_t) check_random_below (c, n_in - n_taps + 1);
  }
  check_seal (c);
  for (size_t i = 0; i < n; i++) {
    int64_t sum = 0;

    for (int32_t k = offset[i]; k < offset[i + 1]; k++)
      sum += w[k] * x[first[i] + k - offset[i]];
    want[i] = (int32_t) sum;
  }
  kern->dot_taps_i16 (y, x, w, first, offset, n);
  check_same_bytes (c, y, want, n * 4, "n=%zu n_in=%zu shift=%zu", n, n_in,
                    shift);
  check_end (c);
}

void
check_dot_taps_i16 (DmlCheck *c, const DmlKernels *ref, const DmlKernels *kern)
{
  if (check_is_bench (c)) { /* 1080 samples to 64 */
    const int16_t *x = check_rows (c, CHECK_IN, 1, 2200, 2200, 0);
    const int16_t *w = check_rows (c, CHECK_IN, 1, 6144, 6144, 0);
    int32_t *first = check_rows (c, CHECK_IN, 1, 256, 256, 0);
    int32_t *offset = check_rows (c, CHECK_IN, 1, 260, 260, 0);
    int32_t *y = check_rows (c, CHECK_OUT, 1, 256, 256, 0);

    for (int i = 0; i <= 64; i++) {
      offset[i] = i * 48;
      if (i < 64)
        first[i] = i * 16;
    }
    check_seal (c);
    check_bench (c, 64 * 48 * 4.0, ("64 outputs of 48 taps"),
                 kern->dot_taps_i16 (y, x, w, first, offset, 64));
    return;
  }
  for (size_t n = 0; n <= MAX_OUT; n += n < 5 ? 1 : 7)
    CHECK_SHIFTS (c, shift, 2)
      check_dot_taps (c, kern, n, 64 + n * 3, shift);
}

void
check_colour_f32 (DmlCheck *c, const DmlKernels *ref, const DmlKernels *kern)
{
  static const size_t sizes[] = { 0,  1,  2,  3,  4,  5,  7,  8,  9,
                                  15, 16, 17, 31, 32, 33, 65, 112 };
  /* sums of 2^30 to 0..1, as a YUV picture has them */
  const float unit = 1.0f / (1 << 30);
  const float m[4] = { 1.164f * unit, -0.39f * unit, 1.59f * unit, -0.3f };

  if (check_is_bench (c)) {
    const int32_t *x = check_rows (c, CHECK_IN, 1, 256, 256, 0);
    float *y = check_out_f32 (c, 64, 0);

    check_bench (c, 64 * 16.0, ("n=64"),
                 kern->colour_f32 (y, x, x, x, m, 4.37f, -2.1f, 64));
    return;
  }
  for (size_t s = 0; s < CHECK_N (sizes); s++)
    CHECK_SHIFTS (c, shift, 4) {
      const size_t n = sizes[s];
      int32_t *x[3];
      float *y = check_out_f32 (c, n, shift), want[112];

      for (size_t k = 0; k < 3; k++) {
        x[k] = check_rows (c, CHECK_IN, 1, n * 4, n * 4, shift * (k + 1) % 64);
        check_fill_bytes (c, x[k], n * 4);
      }
      check_seal (c);
      for (size_t i = 0; i < n; i++) {
        const float p0 = m[0] * (float) x[0][i];
        const float p1 = m[1] * (float) x[1][i];
        const float p2 = m[2] * (float) x[2][i];
        const float v = fminf (fmaxf (((p0 + p1) + p2) + m[3], 0), 1);
        const float p = v * 4.37f;

        want[i] = p + -2.1f;
      }
      kern->colour_f32 (y, x[0], x[1], x[2], m, 4.37f, -2.1f, n);
      check_same_f32 (c, y, want, n, "n=%zu shift=%zu", n, shift);
      check_end (c);
    }
}
