/* SPDX-License-Identifier: LGPL-2.1-or-later
 * math_tmpl.c, rule "ulp": against the C library's functions of doubles. */
#include "check.h"

static const size_t sizes[] = { 0,  1,  3,  4,  5,  7,  8, 9,
                                15, 16, 17, 31, 32, 33, 65 };

static double
exact_exp (double x)
{
  return exp (x);
}

static double
exact_log (double x)
{
  return log (x);
}

static double
exact_tanh (double x)
{
  return tanh (x);
}

static double
exact_sigmoid (double x)
{
  return 1 / (1 + exp (-x));
}

static double
exact_silu (double x)
{
  return x == -(double) INFINITY ? -0.0 : x * exact_sigmoid (x);
}

/* Values over the whole range of interest: [-120, 120], and small ones. */
static void
fill (DmlCheck *c, float *x, size_t n, CheckFill kind)
{
  check_fill_f32 (c, kind, x, n);
  if (kind == CHECK_PLAIN)
    for (size_t i = 0; i < n; i++)
      x[i] *= i % 3 == 0 ? 30.0f : i % 3 == 1 ? 1.0f : 0x1p-10f;
}

static void
check_function (DmlCheck *c, DmlUnary run, double (*exact) (double))
{
  static const CheckFill fills[] = { CHECK_PLAIN, CHECK_SPECIAL, CHECK_TINY,
                                     CHECK_WIDE };

  if (check_is_bench (c)) {
    const float *x = check_in_f32 (c, CHECK_PLAIN, 3136, 0);
    float *y = check_out_f32 (c, 3136, 0);

    check_bench (c, 3136 * 8.0, ("n=3136"), run (y, x, 3136));
    return;
  }
  for (size_t s = 0; s < CHECK_N (sizes); s++)
    CHECK_SHIFTS (c, shift, 4)
      for (size_t f = 0; f < CHECK_N (fills); f++) {
        const size_t n = sizes[s];
        float *x = check_rows (c, CHECK_IN, 1, n * 4, n * 4, shift);
        float *y = check_out_f32 (c, n, (shift * 3) % 64), *z;

        fill (c, x, n, fills[f]);
        check_seal (c);
        z = check_io_f32 (c, CHECK_PLAIN, n, (shift * 5) % 64);
        if (n > 0)
          memcpy (z, x, n * sizeof *x);
        run (y, x, n);
        for (size_t i = 0; i < n; i++)
          check_ulp (c, y[i], exact ((double) x[i]), "x=%.9g n=%zu shift=%zu",
                     (double) x[i], n, shift);
        run (z, z, n);
        check_same_f32 (c, z, y, n, "in place, n=%zu shift=%zu", n, shift);
        check_end (c);
      }
}

/* Every float in steps of many bits, in one long row; the tails of the table
 * above cannot see a polynomial that is off in one stretch. */
static void
check_sweep (DmlCheck *c, DmlUnary run, double (*exact) (double))
{
  const uint32_t step = 0x3FFFD; /* coprime to the size of a binade */
  uint32_t bits = 0;

  if (check_is_bench (c))
    return;
  for (int block = 0; block < 4; block++) {
    float *x = check_rows (c, CHECK_IN, 1, 4096 * 4, 4096 * 4, 0);
    float *y = check_out_f32 (c, 4096, 0);

    for (size_t i = 0; i < 4096; i++, bits += step)
      memcpy (x + i, &bits, sizeof bits);
    check_seal (c);
    run (y, x, 4096);
    for (size_t i = 0; i < 4096; i++)
      check_ulp (c, y[i], exact ((double) x[i]), "x=%.9g", (double) x[i]);
    check_end (c);
  }
}

#define MATH(name)                                                             \
  void check_##name##_f32 (DmlCheck *c, const DmlKernels *ref,                 \
                           const DmlKernels *kern)                             \
  {                                                                            \
    check_function (c, kern->name##_f32, exact_##name);                        \
    check_sweep (c, kern->name##_f32, exact_##name);                           \
  }

MATH (exp)
MATH (log)
MATH (tanh)
MATH (sigmoid)
MATH (silu)

/* Rule "sum": an addition to dx that may cancel. sigmoid is good to 4 ulps, its
 * complement to as many of 1. */
void
check_silu_grad_f32 (DmlCheck *c, const DmlKernels *ref, const DmlKernels *kern)
{
  if (check_is_bench (c)) {
    const float *dy = check_in_f32 (c, CHECK_PLAIN, 3136, 0);
    const float *x = check_in_f32 (c, CHECK_PLAIN, 3136, 0);
    float *dx = check_io_f32 (c, CHECK_PLAIN, 3136, 0);

    check_bench (c, 3136 * 16.0, ("n=3136"),
                 kern->silu_grad_f32 (dx, dy, x, 3136));
    return;
  }
  for (size_t s = 0; s < CHECK_N (sizes); s++)
    CHECK_SHIFTS (c, shift, 4) {
      const size_t n = sizes[s];
      const float *dy = check_in_f32 (c, CHECK_PLAIN, n, (shift * 3) % 64);
      float *x = check_rows (c, CHECK_IN, 1, n * 4, n * 4, (shift * 5) % 64);
      float *dx = check_io_f32 (c, CHECK_PLAIN, n, shift);
      const float *was = check_copy_f32 (c, dx, n);

      fill (c, x, n, CHECK_PLAIN);
      if (n > 2)
        x[n - 1] = NAN;
      check_seal (c);
      kern->silu_grad_f32 (dx, dy, x, n);
      for (size_t i = 0; i < n; i++) {
        const double v = (double) x[i], g = (double) dy[i];
        const double e = exact_sigmoid (v);
        const double terms =
          fabs ((double) was[i]) + fabs (g) * e * (1 + fabs (v));

        check_near (
          c, (double) dx[i], (double) was[i] + g * e * (1 + v * (1 - e)),
          check_gamma (12) * terms, "x=%.9g n=%zu shift=%zu", v, n, shift);
      }
      check_end (c);
    }
}
