/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Thresholds for a wished false-accept rate with a bound, not a hope: the
 * smallest observed impostor score whose one-sided Clopper-Pearson bound
 * (Clopper, Pearson 1934) is at most the wish. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "metric/metric.h"

static int
falling (const void *a, const void *b)
{
  const double x = *(const double *) a, y = *(const double *) b;

  return (x < y) - (x > y);
}

DmlOperatingPoint
dml_metric_threshold (const double *genuine, size_t n_genuine,
                      const double *impostor, size_t n_impostor, double far,
                      double delta)
{
  g_autofree double *scores = g_new (double, MAX (n_impostor, 1));
  DmlOperatingPoint point = { .n_genuine = n_genuine,
                              .n_impostor = n_impostor,
                              .threshold = (double) NAN,
                              .tar = (double) NAN,
                              .tar_lower = (double) NAN };
  size_t n_accepted = 0;

  if (n_impostor > 0)
    memcpy (scores, impostor, n_impostor * sizeof *scores);
  qsort (scores, n_impostor, sizeof *scores, falling);
  point.far_upper = dml_binomial_upper (0, n_impostor, delta);
  for (size_t i = 0; i < n_impostor; i++) {
    /* Above scores[i] lie as many as came before the first equal one. */
    if (i > 0 && scores[i] == scores[i - 1])
      continue;
    const double upper = dml_binomial_upper (i, n_impostor, delta);

    if (upper > far)
      break;
    point.feasible = TRUE;
    point.threshold = scores[i];
    point.n_false_accepts = i;
    point.far_upper = upper;
  }
  if (!point.feasible || n_genuine == 0)
    return point;
  for (size_t i = 0; i < n_genuine; i++)
    n_accepted += genuine[i] > point.threshold;
  point.tar = (double) n_accepted / (double) n_genuine;
  point.tar_lower = dml_binomial_lower (n_accepted, n_genuine, delta);
  return point;
}
