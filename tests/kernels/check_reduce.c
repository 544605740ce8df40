/* SPDX-License-Identifier: LGPL-2.1-or-later
 * reduce_tmpl.c and search_tmpl.c, rule "sum": the levels add in different
 * orders and a result near zero makes ulps meaningless, so C and SIMD alike
 * answer to the rounding bound gamma (n) sum |terms| round the value in double.
 */
#include "check.h"

static const size_t sizes[] = { 0,  1,  2,  3,  4,  5,   7,   8,   9,
                                15, 16, 17, 31, 32, 33,  47,  48,  63,
                                64, 65, 95, 96, 97, 127, 128, 129, 512 };

/* Sum and sum of magnitudes; what is too small for a float is lost by right. */
typedef struct {
  double value, magnitude;
} Exact;

/* One term of the sum at a[i], b[i]. */
typedef double (*Term) (double a, double b);

static double
term_sum (double a, double b)
{
  return a;
}

static double
term_square (double a, double b)
{
  return a * a;
}

static double
term_dslope (double dy, double x)
{
  return x < 0 || isnan (x) ? dy * x : 0 * dy;
}

static Exact
exact_sum (const float *a, const float *b, size_t n, Term term)
{
  Exact e = { 0, 0 };

  for (size_t i = 0; i < n; i++) {
    const double t = term ((double) a[i], b != NULL ? (double) b[i] : 0.0);

    e.value += t;
    e.magnitude += fabs (t);
  }
  return e;
}

/* A term takes up to two roundings more than its addition; each may also lose
 * half of the smallest denormal. */
static double
sum_bound (Exact e, size_t n)
{
  return check_gamma (n + 3) * e.magnitude + (double) (n + 1) * 0x1p-149;
}

typedef float (*Sum) (const DmlKernels *k, const float *a, const float *b,
                      size_t n);

static void
sum_case (DmlCheck *c, const DmlKernels *kern, Sum sum, Term term,
          unsigned n_in, size_t n, size_t shift, CheckFill fill)
{
  const float *a = check_in_f32 (c, fill, n, shift);
  const float *b =
    n_in > 1 ? check_in_f32 (c, fill, n, (shift * 3) % 64) : NULL;
  const Exact e = exact_sum (a, b, n, term);

  /* WIDE values overflow on the way, legally: only NaN-ness is looked at. */
  check_near (c, (double) sum (kern, a, b, n), e.value, sum_bound (e, n),
              "n=%zu shift=%zu", n, shift);
  check_end (c);
}

/* One NaN or infinity at a place in n must come out, whatever lane it is in. */
static void
sum_poisoned (DmlCheck *c, const DmlKernels *kern, Sum sum, Term term,
              unsigned n_in, size_t n, float poison)
{
  for (size_t at = 0; at < n; at++) {
    float *a = check_io_f32 (c, CHECK_PLAIN, n, 0);
    float *b = n_in > 1 ? check_io_f32 (c, CHECK_PLAIN, n, 4) : NULL;
    Exact e;

    a[at] = poison;
    e = exact_sum (a, b, n, term);
    check_near (c, (double) sum (kern, a, b, n), e.value, sum_bound (e, n),
                "n=%zu, a[%zu]=%g", n, at, (double) poison);
    check_end (c);
  }
}

static void
sum_bench (DmlCheck *c, const DmlKernels *kern, Sum sum, unsigned n_in)
{
  static const size_t lengths[] = { 49, 128, 512, 3136, 25000 };

  for (size_t i = 0; i < CHECK_N (lengths); i++) {
    const size_t n = lengths[i];
    const float *a = check_in_f32 (c, CHECK_PLAIN, n, 0);
    const float *b = check_in_f32 (c, CHECK_PLAIN, n, 0);

    check_bench (c, (double) (n * n_in * sizeof (float)), ("n=%zu", n),
                 sum (kern, a, b, n));
    check_end (c);
  }
}

static void
check_sum (DmlCheck *c, const DmlKernels *kern, Sum sum, Term term,
           unsigned n_in)
{
  if (check_is_bench (c)) {
    sum_bench (c, kern, sum, n_in);
    return;
  }
  for (size_t s = 0; s < CHECK_N (sizes); s++)
    CHECK_SHIFTS (c, shift, 4) {
      sum_case (c, kern, sum, term, n_in, sizes[s], shift, CHECK_PLAIN);
      sum_case (c, kern, sum, term, n_in, sizes[s], shift, CHECK_TINY);
    }
  sum_poisoned (c, kern, sum, term, n_in, 99, NAN);
  sum_poisoned (c, kern, sum, term, n_in, 99, INFINITY);
}

#define SUM_CHECK(name, n_in, term, call)                                      \
  static float run_##name (const DmlKernels *k, const float *a,                \
                           const float *b, size_t n)                           \
  {                                                                            \
    return call;                                                               \
  }                                                                            \
  void check_##name (DmlCheck *c, const DmlKernels *ref,                       \
                     const DmlKernels *kern)                                   \
  {                                                                            \
    check_sum (c, kern, run_##name, term, n_in);                               \
  }

SUM_CHECK (sum_f32, 1, term_sum, k->sum_f32 (a, n))
SUM_CHECK (sumsq_f32, 1, term_square, k->sumsq_f32 (a, n))
SUM_CHECK (dot_f32, 2, check_term_dot, k->dot_f32 (a, b, n))
SUM_CHECK (sqdist_f32, 2, check_term_sqdist, k->sqdist_f32 (a, b, n))
SUM_CHECK (leaky_dslope_f32, 2, term_dslope, k->leaky_dslope_f32 (a, b, n))

/* Rule "exact": there is nothing to round. */
void
check_max_f32 (DmlCheck *c, const DmlKernels *ref, const DmlKernels *kern)
{
  static const CheckFill fills[] = { CHECK_PLAIN, CHECK_SPECIAL, CHECK_TINY,
                                     CHECK_WIDE };

  if (check_is_bench (c)) {
    const float *x = check_in_f32 (c, CHECK_PLAIN, 25000, 0);

    check_bench (c, 1e5, ("n=25000"), kern->max_f32 (x, 25000));
    return;
  }
  for (size_t s = 0; s < CHECK_N (sizes); s++)
    CHECK_SHIFTS (c, shift, 4)
      for (size_t f = 0; f < CHECK_N (fills); f++) {
        const size_t n = sizes[s];
        float *x = check_io_f32 (c, fills[f], n, shift);
        float want = -INFINITY, got;

        for (size_t i = 0; i < n; i++) {
          if (f != 1) /* all below 0: zeros of a tail must not win */
            x[i] = -fabsf (x[i]);
          if (isnan (x[i]) || x[i] > want)
            want = x[i];
          if (isnan (want))
            break;
        }
        want = want == 0 ? 0.0f : want; /* never -0 */
        got = kern->max_f32 (x, n);
        check_same_f32 (c, &got, &want, 1, "n=%zu shift=%zu", n, shift);
        check_end (c);
      }
}

/* --- sums in double --- */

typedef void (*Moments) (const DmlKernels *k, const float *a, const float *b,
                         float mid, size_t n, double *first, double *second);

static void
check_moments (DmlCheck *c, const DmlKernels *kern, Moments run, bool grad)
{
  if (check_is_bench (c)) {
    const float *a = check_in_f32 (c, CHECK_PLAIN, 3136, 0);
    const float *b = check_in_f32 (c, CHECK_PLAIN, 3136, 0);
    double first = 0, second = 0;

    check_bench (c, 3136.0 * 4 * (1 + grad), ("n=3136"),
                 run (kern, a, b, 0.5f, 3136, &first, &second));
    return;
  }
  for (size_t s = 0; s < CHECK_N (sizes); s++)
    CHECK_SHIFTS (c, shift, 4) {
      const size_t n = sizes[s];
      const float *a = check_in_f32 (c, CHECK_PLAIN, n, shift);
      const float *b = check_in_f32 (c, CHECK_PLAIN, n, (shift * 3) % 64);
      const float mid = 2 * check_normal (c);
      double first = 3.0, second = -2.0; /* what stood there is kept */
      long double f = 3.0L, s2 = -2.0L, fm = 3.0L, sm = 2.0L;

      for (size_t i = 0; i < n; i++) {
        const long double d = (long double) (grad ? b[i] : a[i]) - mid;
        const long double t = grad ? (long double) a[i] : d;

        f += t;
        s2 += t * d;
        fm += fabsl (t);
        sm += fabsl (t * d);
      }
      run (kern, a, b, mid, n, &first, &second);
      check_near (c, first, (double) f,
                  check_gamma_double (n + 4) * (double) fm,
                  "first sum, n=%zu shift=%zu", n, shift);
      check_near (c, second, (double) s2,
                  check_gamma_double (n + 6) * (double) sm,
                  "second sum, n=%zu shift=%zu", n, shift);
      check_end (c);
    }
  for (size_t at = 0; at < 37; at++) {
    float *a = check_io_f32 (c, CHECK_PLAIN, 37, 0);
    const float *b = check_in_f32 (c, CHECK_PLAIN, 37, 0);
    double first = 0, second = 0;

    a[at] = NAN;
    run (kern, a, b, 0.0f, 37, &first, &second);
    check_near (c, first, NAN, 0, "first sum with a NaN at %zu", at);
    check_near (c, second, NAN, 0, "second sum with a NaN at %zu", at);
    check_end (c);
  }
}

static void
run_moments (const DmlKernels *k, const float *a, const float *b, float mid,
             size_t n, double *first, double *second)
{
  k->moments_f32 (a, n, mid, first, second);
}

static void
run_grad_moments (const DmlKernels *k, const float *a, const float *b,
                  float mid, size_t n, double *first, double *second)
{
  k->grad_moments_f32 (a, b, n, mid, first, second);
}

void
check_moments_f32 (DmlCheck *c, const DmlKernels *ref, const DmlKernels *kern)
{
  check_moments (c, kern, run_moments, false);
}

void
check_grad_moments_f32 (DmlCheck *c, const DmlKernels *ref,
                        const DmlKernels *kern)
{
  check_moments (c, kern, run_grad_moments, true);
}
