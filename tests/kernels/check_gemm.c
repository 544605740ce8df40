/* SPDX-License-Identifier: LGPL-2.1-or-later
 * gemm_tmpl.c: the product of panels, the product of rows, the gathering of
 * columns. Sums are held to the bound around the value in double, and to the
 * promise that an element does not depend on what is computed beside it. */
#include "check.h"

static const size_t depths[] = { 0, 1, 2, 3, 7, 16, 17, 33, 64, 147 };

/* --- gemm_tile_f32 --- */

static void
tile_case (DmlCheck *c, const DmlKernels *kern, size_t k, size_t n, size_t gap,
           size_t shift, bool add)
{
  const size_t mr = kern->gemm_mr, nr = kern->gemm_nr, vw = nr / 3;
  const size_t stride = nr + gap, width = (n + vw - 1) / vw * vw;
  const float *a = check_in_f32 (c, CHECK_PLAIN, k * mr, (shift * 3) % 64);
  const float *b = check_in_f32 (c, CHECK_PLAIN, k * nr, (shift * 5) % 64);
  float *y =
    check_rows (c, CHECK_IO, mr, width * sizeof *y, stride * sizeof *y, shift);
  float before[8 * 48];

  for (size_t i = 0; i < mr; i++) {
    check_fill_f32 (c, CHECK_PLAIN, y + i * stride, width);
    memcpy (before + i * nr, y + i * stride, width * sizeof *y);
  }
  kern->gemm_tile_f32 (y, stride, a, b, k, n, add);
  for (size_t i = 0; i < mr; i++)
    for (size_t j = 0; j < n; j++) {
      double value = add ? (double) before[i * nr + j] : 0;
      double magnitude = fabs (value);

      for (size_t l = 0; l < k; l++) {
        const double t = (double) a[l * mr + i] * (double) b[l * nr + j];

        value += t;
        magnitude += fabs (t);
      }
      check_near (c, (double) y[i * stride + j], value,
                  check_gamma (k + 1) * magnitude,
                  "[%zu][%zu] k=%zu n=%zu shift=%zu", i, j, k, n, shift);
    }
  check_end (c);
}

/* Columns computed alone and among others, in one go and in two. */
static void
tile_is_per_column (DmlCheck *c, const DmlKernels *kern, size_t k)
{
  const size_t mr = kern->gemm_mr, nr = kern->gemm_nr, half = k / 2;
  const float *a = check_in_f32 (c, CHECK_PLAIN, k * mr, 0);
  const float *b = check_in_f32 (c, CHECK_PLAIN, k * nr, 0);
  float *whole = check_out_f32 (c, mr * nr, 0);
  float *part = check_out_f32 (c, mr * nr, 0);

  kern->gemm_tile_f32 (whole, nr, a, b, k, nr, false);
  for (size_t n = 1; n <= nr; n++) {
    kern->gemm_tile_f32 (part, nr, a, b, half, n, false);
    kern->gemm_tile_f32 (part, nr, a + half * mr, b + half * nr, k - half, n,
                         true);
    for (size_t i = 0; i < mr; i++)
      check_same_f32 (c, part + i * nr, whole + i * nr, n,
                      "row %zu, %zu columns of %zu, k=%zu", i, n, nr, k);
  }
  check_end (c);
}

static void
tile_bench (DmlCheck *c, const DmlKernels *kern)
{
  static const size_t ks[] = { 32, 64, 147, 256, 512 };

  for (size_t i = 0; i < CHECK_N (ks); i++)
    for (size_t n = kern->gemm_nr / 3; n <= kern->gemm_nr;
         n += kern->gemm_nr / 3) {
      const size_t k = ks[i], mr = kern->gemm_mr, nr = kern->gemm_nr;
      const float *a = check_in_f32 (c, CHECK_PLAIN, k * mr, 0);
      const float *b = check_in_f32 (c, CHECK_PLAIN, k * nr, 0);
      float *y = check_out_f32 (c, mr * nr, 0);

      check_bench (
        c, 0,
        ("%zu x %zu x %zu, %.1f kFLOP", mr, n, k, 2e-3 * (double) (mr * n * k)),
        kern->gemm_tile_f32 (y, nr, a, b, k, n, false));
      check_end (c);
    }
}

void
check_gemm_tile_f32 (DmlCheck *c, const DmlKernels *ref, const DmlKernels *kern)
{
  if (check_is_bench (c)) {
    tile_bench (c, kern);
    return;
  }
  for (size_t d = 0; d < CHECK_N (depths); d++) {
    tile_is_per_column (c, kern, depths[d]);
    for (size_t n = 0; n <= kern->gemm_nr; n++)
      CHECK_SHIFTS (c, shift, n % 8 ? 28 : 4) {
        tile_case (c, kern, depths[d], n, n % 3, shift, shift & 4);
      }
  }
}

/* --- gemm_nt_f32 --- */

static void
nt_case (DmlCheck *c, const DmlKernels *kern, size_t m, size_t n, size_t k,
         size_t gap, size_t shift)
{
  const size_t stride = k + gap, y_stride = n + gap;
  float *a =
    check_rows (c, CHECK_IN, m, k * sizeof *a, stride * sizeof *a, shift);
  float *b = check_rows (c, CHECK_IN, n, k * sizeof *b, stride * sizeof *b,
                         (shift * 3) % 64);
  float *y = check_rows (c, CHECK_IO, m, n * sizeof *y, y_stride * sizeof *y,
                         (shift * 5) % 64);
  float before[16 * 16];

  for (size_t i = 0; i < m; i++) {
    check_fill_f32 (c, CHECK_PLAIN, a + i * stride, k);
    check_fill_f32 (c, CHECK_PLAIN, y + i * y_stride, n);
    memcpy (before + i * 16, y + i * y_stride, n * sizeof *y);
  }
  for (size_t j = 0; j < n; j++)
    check_fill_f32 (c, CHECK_PLAIN, b + j * stride, k);
  check_seal (c);
  kern->gemm_nt_f32 (y, y_stride, a, stride, m, b, stride, n, k);
  for (size_t i = 0; i < m; i++)
    for (size_t j = 0; j < n; j++) {
      double value = (double) before[i * 16 + j], magnitude = fabs (value);
      float alone = before[i * 16 + j];

      for (size_t l = 0; l < k; l++) {
        const double t =
          (double) a[i * stride + l] * (double) b[j * stride + l];

        value += t;
        magnitude += fabs (t);
      }
      check_near (
        c, (double) y[i * y_stride + j], value, check_gamma (k + 4) * magnitude,
        "[%zu][%zu] of %zu x %zu, k=%zu shift=%zu", i, j, m, n, k, shift);
      kern->gemm_nt_f32 (&alone, 1, a + i * stride, stride, 1, b + j * stride,
                         stride, 1, k);
      check_same_f32 (c, y + i * y_stride + j, &alone, 1,
                      "[%zu][%zu] by itself, k=%zu", i, j, k);
    }
  check_end (c);
}

void
check_gemm_nt_f32 (DmlCheck *c, const DmlKernels *ref, const DmlKernels *kern)
{
  static const size_t counts[] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 12, 13 };

  if (check_is_bench (c)) {
    for (size_t k = 48; k <= 768; k *= 2) {
      const float *a = check_in_f32 (c, CHECK_PLAIN, 64 * k, 0);
      const float *b = check_in_f32 (c, CHECK_PLAIN, 96 * k, 0);
      float *y = check_io_f32 (c, CHECK_PLAIN, 64 * 96, 0);

      check_bench (
        c, 0, ("64 x 96 x %zu, %.2f MFLOP", k, 2e-6 * 64 * 96 * (double) k),
        kern->gemm_nt_f32 (y, 96, a, k, 64, b, k, 96, k));
      check_end (c);
    }
    return;
  }
  for (size_t i = 0; i < CHECK_N (counts); i++)
    for (size_t j = 0; j < CHECK_N (counts); j++)
      for (size_t d = 0; d < CHECK_N (depths); d++)
        CHECK_SHIFTS (c, shift, depths[d] == 17 ? 12 : 60) {
          nt_case (c, kern, counts[i], counts[j], depths[d], d % 3, shift);
        }
}

/* --- gather_rows_f32 --- */

/* Stretches of random length with gaps, of an input that ends with the last
 * element that they read. */
static void
gather_case (DmlCheck *c, const DmlKernels *kern, size_t width, size_t n_rows,
             size_t step, size_t shift)
{
  DmlStretch s[64];
  size_t n_s = 0, reach = 0, at = 0;

  while (n_s < CHECK_N (s) && at < width) {
    const size_t gap = check_random_below (c, 4);
    const size_t n = 1 + check_random_below (c, width);

    at += gap;
    if (at >= width)
      break;
    s[n_s].to = at;
    s[n_s].n = n < width - at ? n : width - at;
    s[n_s].from = (ptrdiff_t) check_random_below (c, 20);
    at += s[n_s].n;
    reach = (size_t) s[n_s].from + (s[n_s].n - 1) * step + 1 > reach
              ? (size_t) s[n_s].from + (s[n_s].n - 1) * step + 1
              : reach;
    n_s++;
  }
  const size_t x_stride = reach + 3, y_stride = width + 2;
  float *x = check_rows (c, CHECK_IN, n_rows, reach * sizeof *x,
                         x_stride * sizeof *x, shift);
  float *y = check_rows (c, CHECK_OUT, n_rows, width * sizeof *y,
                         y_stride * sizeof *y, (shift * 3) % 64);
  float want[256] = { 0 };

  for (size_t i = 0; i < n_rows; i++)
    check_fill_f32 (c, CHECK_SPECIAL, x + i * x_stride, reach);
  check_seal (c);
  kern->gather_rows_f32 (y, y_stride, width, x, x_stride, n_rows, s, n_s, step);
  for (size_t i = 0; i < n_rows; i++) {
    for (size_t k = 0; k < n_s; k++)
      for (size_t j = 0; j < s[k].n; j++)
        want[s[k].to + j] = x[i * x_stride + (size_t) s[k].from + j * step];
    check_same_f32 (c, y + i * y_stride, want, width,
                    "row %zu of %zu, width=%zu step=%zu", i, n_rows, width,
                    step);
  }
  check_end (c);
}

void
check_gather_rows_f32 (DmlCheck *c, const DmlKernels *ref,
                       const DmlKernels *kern)
{
  static const size_t widths[] = { 0, 1, 3, 4, 12, 24, 47, 48, 49, 200 };

  if (check_is_bench (c)) {
    for (size_t n = 4; n <= 48; n *= 2) { /* 48 columns from rows of n */
      DmlStretch s[12];
      const float *x = check_in_f32 (c, CHECK_PLAIN, 64 * 800, 0);
      float *y = check_out_f32 (c, 64 * 48, 0);

      for (size_t i = 0; i < 48 / n; i++)
        s[i] = (DmlStretch){ i * n, n, (ptrdiff_t) (i * 60) };
      check_bench (c, 2 * 64 * 48 * 4, ("64 x 48, rows of %zu", n),
                   kern->gather_rows_f32 (y, 48, 48, x, 800, 64, s, 48 / n, 1));
      check_end (c);
    }
    return;
  }
  for (size_t i = 0; i < CHECK_N (widths); i++)
    for (size_t step = 1; step < 4; step++)
      for (size_t n_rows = 0; n_rows < 4; n_rows++)
        CHECK_SHIFTS (c, shift, 4) {
          gather_case (c, kern, widths[i], n_rows, step, shift);
        }
}
