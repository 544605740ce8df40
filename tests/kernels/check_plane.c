/* SPDX-License-Identifier: LGPL-2.1-or-later
 * plane_tmpl.c: windows over a plane with gaps between its rows. */
#include "check.h"

static const size_t widths[] = { 0,  1,  2,  3,  4,  5,  7,  8,  9,
                                 12, 14, 15, 16, 17, 28, 31, 33, 56 };

typedef struct {
  size_t oh, ow, kh, kw, sh, sw;
} Window;

/* Rows and columns that a window of outputs reads. */
static size_t
reach (size_t n_out, size_t k, size_t stride)
{
  return n_out == 0 ? 0 : (n_out - 1) * stride + k;
}

static float *
plane_in (DmlCheck *c, const Window *w, size_t gap, size_t shift,
          CheckFill fill, size_t *stride)
{
  const size_t rows = w->ow == 0 ? 0 : reach (w->oh, w->kh, w->sh);
  const size_t columns = reach (w->ow, w->kw, w->sw);
  float *x;

  *stride = columns + gap;
  x = check_rows (c, CHECK_IN, rows, columns * sizeof *x, *stride * sizeof *x,
                  shift);
  for (size_t i = 0; i < rows; i++)
    check_fill_f32 (c, fill, x + i * *stride, columns);
  check_seal (c);
  return x;
}

static void
depthwise_case (DmlCheck *c, DmlDepthwise run, const Window *w, size_t gap,
                size_t shift, float lo, float hi, bool poison)
{
  const size_t k = w->kh, y_stride = w->ow + gap;
  size_t x_stride;
  float *x = plane_in (c, w, gap, shift, CHECK_PLAIN, &x_stride);
  const float *taps = check_in_f32 (c, CHECK_PLAIN, k * k, (shift * 3) % 64);
  float *y = check_rows (c, CHECK_OUT, w->oh, w->ow * sizeof *y,
                         y_stride * sizeof *y, (shift * 5) % 64);
  const float bias = check_normal (c);

  if (poison && w->oh * w->ow > 0) { /* one NaN in the last row read */
    x[(reach (w->oh, k, w->sh) - 1) * x_stride] = NAN;
    check_seal (c);
  }
  run (y, y_stride, x, x_stride, w->oh, w->ow, taps, bias, lo, hi);
  for (size_t i = 0; i < w->oh; i++)
    for (size_t j = 0; j < w->ow; j++) {
      double value = (double) bias, magnitude = fabs ((double) bias);

      for (size_t r = 0; r < k; r++)
        for (size_t s = 0; s < k; s++) {
          const double t =
            (double) taps[r * k + s] *
            (double) x[(i * w->sh + r) * x_stride + j * w->sw + s];

          value += t;
          magnitude += fabs (t);
        }
      value = value < (double) lo ? (double) lo : value;
      value = value > (double) hi ? (double) hi : value;
      check_near (c, (double) y[i * y_stride + j], value,
                  check_gamma (k * k + 1) * magnitude,
                  "[%zu][%zu] of %zu x %zu, gap=%zu shift=%zu", i, j, w->oh,
                  w->ow, gap, shift);
    }
  check_end (c);
}

static void
depthwise_bench (DmlCheck *c, DmlDepthwise run, size_t k, size_t stride)
{
  static const size_t sides[] = { 4, 7, 14, 28, 56, 112 };

  for (size_t i = 0; i < CHECK_N (sides); i++) {
    const size_t n = sides[i];
    const Window w = { n, n, k, k, stride, stride };
    size_t x_stride;
    float *x = plane_in (c, &w, 0, 0, CHECK_PLAIN, &x_stride);
    const float *taps = check_in_f32 (c, CHECK_PLAIN, k * k, 0);
    float *y = check_out_f32 (c, n * n, 0);

    check_bench (
      c, 0, ("%zu x %zu, %.1f MFLOP", n, n, 2e-6 * (double) (n * n * k * k)),
      run (y, n, x, x_stride, n, n, taps, 0.5f, 0.0f, 6.0f));
    check_end (c);
  }
}

static void
check_depthwise (DmlCheck *c, DmlDepthwise run, size_t k, size_t stride)
{
  if (check_is_bench (c)) {
    depthwise_bench (c, run, k, stride);
    return;
  }
  for (size_t i = 0; i < CHECK_N (widths); i++)
    for (size_t oh = 0; oh < 6; oh++)
      CHECK_SHIFTS (c, shift, widths[i] == 17 ? 4 : 28) {
        const Window w = { oh, widths[i], k, k, stride, stride };

        depthwise_case (c, run, &w, i % 3, shift, -INFINITY, INFINITY, false);
        depthwise_case (c, run, &w, oh % 3, shift, 0.0f, 6.0f, true);
      }
}

#define DEPTHWISE_CHECK(name, k, stride)                                       \
  void check_##name (DmlCheck *c, const DmlKernels *ref,                       \
                     const DmlKernels *kern)                                   \
  {                                                                            \
    check_depthwise (c, kern->name, k, stride);                                \
  }

DEPTHWISE_CHECK (dw3s1_f32, 3, 1)
DEPTHWISE_CHECK (dw3s2_f32, 3, 2)
DEPTHWISE_CHECK (dw5s1_f32, 5, 1)
DEPTHWISE_CHECK (dw5s2_f32, 5, 2)

/* --- pooling --- */

typedef void (*Pool) (float *y, size_t y_stride, const float *x,
                      size_t x_stride, size_t oh, size_t ow, size_t kh,
                      size_t kw, size_t sh, size_t sw);

static float
window_naive (const float *x, size_t x_stride, const Window *w, bool max)
{
  float acc = max ? -INFINITY : 0.0f;

  for (size_t r = 0; r < w->kh; r++)
    for (size_t s = 0; s < w->kw; s++) {
      const float v = x[r * x_stride + s];

      if (!max)
        acc += v;
      else if (!isnan (acc) && !(acc > v))
        acc = v;
    }
  return acc;
}

static void
pool_case (DmlCheck *c, Pool run, const Window *w, size_t gap, size_t shift,
           CheckFill fill, bool max)
{
  const size_t y_stride = w->ow + gap;
  size_t x_stride;
  const float *x = plane_in (c, w, gap, shift, fill, &x_stride);
  float *y = check_rows (c, CHECK_OUT, w->oh, w->ow * sizeof *y,
                         y_stride * sizeof *y, (shift * 5) % 64);

  run (y, y_stride, x, x_stride, w->oh, w->ow, w->kh, w->kw, w->sh, w->sw);
  for (size_t i = 0; i < w->oh; i++)
    for (size_t j = 0; j < w->ow; j++) {
      const float want =
        window_naive (x + i * w->sh * x_stride + j * w->sw, x_stride, w, max);

      check_same_f32 (c, y + i * y_stride + j, &want, 1,
                      "[%zu][%zu] of %zu x %zu, window %zu x %zu / %zu, %zu", i,
                      j, w->oh, w->ow, w->kh, w->kw, w->sh, w->sw);
    }
  check_end (c);
}

static void
check_pool (DmlCheck *c, Pool run, bool max)
{
  static const Window shapes[] = {
    { 0, 0, 2, 2, 2, 2 }, { 0, 0, 3, 3, 2, 2 }, { 0, 0, 3, 3, 1, 1 },
    { 0, 0, 3, 2, 1, 2 }, { 0, 0, 2, 5, 3, 3 }, { 0, 0, 1, 1, 1, 1 },
  };
  static const CheckFill fills[] = { CHECK_PLAIN, CHECK_SPECIAL, CHECK_TINY };

  if (check_is_bench (c)) {
    const Window w = { 56, 56, 3, 3, 2, 2 };
    size_t x_stride;
    const float *x = plane_in (c, &w, 0, 0, CHECK_PLAIN, &x_stride);
    float *y = check_out_f32 (c, 56 * 56, 0);

    check_bench (c, 0, ("56 x 56, 3 x 3 / 2"),
                 run (y, 56, x, x_stride, 56, 56, 3, 3, 2, 2));
    return;
  }
  for (size_t i = 0; i < CHECK_N (widths); i++)
    for (size_t p = 0; p < CHECK_N (shapes); p++)
      CHECK_SHIFTS (c, shift, widths[i] == 17 ? 4 : 28) {
        Window w = shapes[p];

        w.ow = widths[i];
        w.oh = (i + p) % 4;
        pool_case (c, run, &w, (i + p) % 3, shift, fills[(i + p) % 3], max);
      }
}

void
check_pool_max_f32 (DmlCheck *c, const DmlKernels *ref, const DmlKernels *kern)
{
  check_pool (c, kern->pool_max_f32, true);
}

void
check_pool_sum_f32 (DmlCheck *c, const DmlKernels *ref, const DmlKernels *kern)
{
  check_pool (c, kern->pool_sum_f32, false);
}
