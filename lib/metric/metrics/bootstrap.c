/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Percentile bootstrap over classes (Efron 1979): n pictures give n^2 pairs but
 * about as many independent facts as there are classes. */
#include <math.h>
#include <stdlib.h>

#include "base/order.h"
#include "base/rng.h"
#include "metric/metric.h"

typedef struct {
  int32_t label;
  uint32_t item;
} Member;

static int
by_label (const void *a, const void *b)
{
  const Member *x = a, *y = b;

  if (x->label != y->label)
    return x->label < y->label ? -1 : 1;
  return x->item < y->item ? -1 : 1;
}

/* Linear between the neighbours, as numpy's percentile. */
static double
quantile (const double *x, size_t n, double q)
{
  const double at = q * (double) (n - 1);
  const size_t low = (size_t) at;

  return low + 1 < n ? x[low] + (at - (double) low) * (x[low + 1] - x[low])
                     : x[low];
}

DmlInterval
dml_metric_bootstrap (const int32_t *labels, size_t n, size_t n_resamples,
                      double level, uint64_t seed, DmlFigure figure, void *data)
{
  g_autofree Member *members = g_new (Member, MAX (n, 1));
  g_autofree uint32_t *first = g_new (uint32_t, n + 1);
  g_autofree double *figures = g_new (double, MAX (n_resamples, 1));
  DmlInterval out = { (double) NAN, (double) NAN, 0 };
  size_t n_figures = 0, largest = 0;

  for (size_t i = 0; i < n; i++)
    members[i] = (Member){ labels[i], (uint32_t) i };
  qsort (members, n, sizeof *members, by_label);
  for (size_t i = 0; i < n; i++)
    if (i == 0 || members[i].label != members[i - 1].label)
      first[out.n_classes++] = (uint32_t) i;
  first[out.n_classes] = (uint32_t) n;
  if (out.n_classes == 0)
    return out;
  for (size_t c = 0; c < out.n_classes; c++)
    largest = MAX (largest, first[c + 1] - first[c]);

  g_autofree uint32_t *items = g_new (uint32_t, largest * out.n_classes);

  for (size_t r = 0; r < n_resamples; r++) {
    size_t n_items = 0;
    DmlRng rng;

    dml_rng_init (&rng, seed, r);
    for (size_t c = 0; c < out.n_classes; c++) {
      const uint32_t pick = dml_rng_below (&rng, (uint32_t) out.n_classes);

      for (uint32_t i = first[pick]; i < first[pick + 1]; i++)
        items[n_items++] = members[i].item;
    }
    figures[n_figures] = figure (items, n_items, data);
    n_figures += !isnan (figures[n_figures]);
  }
  if (n_figures > 0) {
    qsort (figures, n_figures, sizeof *figures, dml_rising);
    out.low = quantile (figures, n_figures, (1 - level) / 2);
    out.high = quantile (figures, n_figures, (1 + level) / 2);
  }
  return out;
}

static double
mean_of (const uint32_t *items, size_t n, void *data)
{
  const double *values = data;
  double sum = 0;
  size_t count = 0;

  for (size_t i = 0; i < n; i++)
    if (!isnan (values[items[i]])) {
      sum += values[items[i]];
      count++;
    }
  return count ? sum / (double) count : (double) NAN;
}

DmlInterval
dml_metric_bootstrap_mean (const double *values, const int32_t *labels,
                           size_t n, size_t n_resamples, double level,
                           uint64_t seed)
{
  return dml_metric_bootstrap (labels, n, n_resamples, level, seed, mean_of,
                               (void *) values);
}
