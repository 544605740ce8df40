/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Agreement of two partitions: NMI with the arithmetic mean of the entropies,
 * and AMI, which takes off what chance would give (Vinh, Epps, Bailey 2010).
 * Natural logarithms. */
#include <math.h>
#include <stdlib.h>

#include "metric/metric.h"

static int
rising (const void *a, const void *b)
{
  const int32_t x = *(const int32_t *) a, y = *(const int32_t *) b;

  return (x > y) - (x < y);
}

/* Numbers the labels 0 .. k - 1; returns k. */
static size_t
compact (const int32_t *labels, size_t n, int32_t *out)
{
  g_autofree int32_t *values = g_memdup2 (labels, n * sizeof *labels);
  size_t k = 0;

  qsort (values, n, sizeof *values, rising);
  for (size_t i = 0; i < n; i++)
    if (i == 0 || values[i] != values[k - 1])
      values[k++] = values[i];
  for (size_t i = 0; i < n; i++)
    out[i] = (int32_t) ((const int32_t *) bsearch (&labels[i], values, k,
                                                   sizeof *values, rising) -
                        values);
  return k;
}

static double
entropy (const size_t *counts, size_t k, double n)
{
  double h = 0;

  for (size_t i = 0; i < k; i++)
    if (counts[i] > 0)
      h -= (double) counts[i] / n * log ((double) counts[i] / n);
  return h;
}

static double
log_factorial (double n)
{
  return lgamma (n + 1);
}

/* What one cell with marginals a and b adds to the expected information: its
 * count is hypergeometric. */
static double
expected_cell (double a, double b, double n)
{
  const double low = MAX (a + b - n, 1), high = MIN (a, b);
  const double constant = log_factorial (a) + log_factorial (b) +
                          log_factorial (n - a) + log_factorial (n - b) -
                          log_factorial (n);
  double sum = 0;

  for (double c = low; c <= high; c++) {
    const double log_p = constant - log_factorial (c) - log_factorial (a - c) -
                         log_factorial (b - c) - log_factorial (n - a - b + c);

    sum += c / n * log (n * c / (a * b)) * exp (log_p);
  }
  return sum;
}

DmlClusterAgreement
dml_metric_agreement (const int32_t *labels, const int32_t *clusters, size_t n)
{
  g_autofree int32_t *a = g_new (int32_t, MAX (n, 1));
  g_autofree int32_t *b = g_new (int32_t, MAX (n, 1));
  const size_t n_a = n ? compact (labels, n, a) : 0;
  const size_t n_b = n ? compact (clusters, n, b) : 0;
  g_autofree size_t *in_a = g_new0 (size_t, MAX (n_a, 1));
  g_autofree size_t *in_b = g_new0 (size_t, MAX (n_b, 1));
  g_autofree size_t *both = g_new0 (size_t, MAX (n_a * n_b, 1));
  DmlClusterAgreement out = { 0 };
  const double nn = (double) n;

  for (size_t i = 0; i < n; i++) {
    in_a[a[i]]++;
    in_b[b[i]]++;
    both[(size_t) a[i] * n_b + (size_t) b[i]]++;
  }
  for (size_t i = 0; i < n_a; i++)
    for (size_t j = 0; j < n_b; j++) {
      const double c = (double) both[i * n_b + j];
      const double ab = (double) in_a[i] * (double) in_b[j];

      if (c > 0)
        out.mutual_information += c / nn * log (nn * c / ab);
      out.expected_mutual_information +=
        expected_cell ((double) in_a[i], (double) in_b[j], nn);
    }
  const double mean = (entropy (in_a, n_a, nn) + entropy (in_b, n_b, nn)) / 2;
  const double room = mean - out.expected_mutual_information;

  /* One class and one cluster agree; so do partitions that leave no room. */
  out.nmi = mean > 0 ? out.mutual_information / mean : 1;
  out.ami =
    fabs (room) > 1e-15
      ? (out.mutual_information - out.expected_mutual_information) / room
      : 1;
  return out;
}
