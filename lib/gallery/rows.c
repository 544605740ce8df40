/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Scores of rows against a query. */
#include "gallery/rows.h"

#define LANES 16

static float
dot (const float *a, const float *b, guint n)
{
  float sum[LANES] = { 0 }, total = 0.0f;
  guint i = 0;

  for (; i + LANES <= n; i += LANES)
    for (guint l = 0; l < LANES; l++)
      sum[l] += a[i + l] * b[i + l];
  for (; i < n; i++)
    sum[i % LANES] += a[i] * b[i];
  for (guint l = 0; l < LANES; l++)
    total += sum[l];
  return total;
}

static float
sqdist (const float *a, const float *b, guint n)
{
  float sum[LANES] = { 0 }, total = 0.0f;
  guint i = 0;

  for (; i + LANES <= n; i += LANES)
    for (guint l = 0; l < LANES; l++)
      sum[l] += (a[i + l] - b[i + l]) * (a[i + l] - b[i + l]);
  for (; i < n; i++)
    sum[i % LANES] += (a[i] - b[i]) * (a[i] - b[i]);
  for (guint l = 0; l < LANES; l++)
    total += sum[l];
  return total;
}

void
dml_rows_score (float *score, const float *query, const float *rows, guint dim,
                guint n, DmlMetric metric)
{
  for (guint i = 0; i < n; i++, rows += dim)
    score[i] = metric == DML_METRIC_COSINE ? dot (query, rows, dim)
                                           : -sqdist (query, rows, dim);
}

double
dml_query_inv_norm (const float *query, guint dim, DmlMetric metric)
{
  double sum = 0.0;

  for (guint i = 0; i < dim; i++)
    sum += (double) query[i] * (double) query[i];
  if (!isfinite (sum) || sqrt (sum) < 1e-12)
    return 0.0;
  return metric == DML_METRIC_COSINE ? 1.0 / sqrt (sum) : 1.0;
}
