/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Exact bounds of a share, from events that were counted (Clopper and Pearson
 * 1934): the share p at which as few, or as many, would be seen with
 * probability delta only.
 *
 *   upper   P (X <= k; n, p) = delta        lower   P (X >= k; n, p) = delta */
#include "metric/metric.h"

#include <math.h>

#define TINY 1e-300

/* Regularised incomplete beta I_x (a, b) by its continued fraction, modified
 * Lentz (Press et al. 2007, section 6.4); for x < (a + 1) / (a + b + 2), where
 * it converges in O(sqrt (max (a, b))) steps. */
static double
beta_fraction (double a, double b, double x)
{
  double c = 1.0, d = 1.0 - (a + b) * x / (a + 1.0);
  double value;

  d = 1.0 / (fabs (d) < TINY ? TINY : d);
  value = d;
  for (int m = 1; m < 100000; m++) {
    for (int odd = 0; odd < 2; odd++) {
      const double numerator =
        odd ? -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
            : m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));

      d = 1.0 + numerator * d;
      d = 1.0 / (fabs (d) < TINY ? TINY : d);
      c = 1.0 + numerator / c;
      c = fabs (c) < TINY ? TINY : c;
      value *= c * d;
    }
    if (fabs (c * d - 1.0) < 1e-16)
      break;
  }
  return value;
}

static double
beta_regularised (double a, double b, double x)
{
  const double front = exp (lgamma (a + b) - lgamma (a) - lgamma (b) +
                            a * log (x) + b * log1p (-x));

  if (x < (a + 1.0) / (a + b + 2.0))
    return front * beta_fraction (a, b, x) / a;
  return 1.0 - front * beta_fraction (b, a, 1.0 - x) / b;
}

/* P (X <= k) of n trials, 0 <= k < n; falls as p rises. */
static double
at_most (double k, double n, double p)
{
  if (p <= 0.0)
    return 1.0;
  if (p >= 1.0)
    return 0.0;
  return beta_regularised (n - k, k + 1.0, 1.0 - p);
}

double
dml_binomial_upper (size_t k, size_t n, double delta)
{
  double low = 0.0, high = 1.0;

  if (k >= n)
    return 1.0;
  if (k == 0)
    return -expm1 (log (delta) / (double) n);
  while (high - low > 1e-16 * high) {
    const double middle = low + 0.5 * (high - low);

    if (middle <= low || middle >= high)
      break;
    if (at_most ((double) k, (double) n, middle) > delta)
      low = middle;
    else
      high = middle;
  }
  return high;
}

double
dml_binomial_lower (size_t k, size_t n, double delta)
{
  /* k events or more are n - k failures or fewer. */
  return 1.0 - dml_binomial_upper (n - k, n, delta);
}
