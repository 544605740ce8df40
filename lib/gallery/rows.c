/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Scores of rows against a query. */
#include "gallery/rows.h"

#include <dml/dml-gallery.h>

#include "kernels/kernels.h"

void
dml_rows_score (float *score, const float *query, const float *rows, guint dim,
                guint n, DmlMetric metric)
{
  const DmlKernels *kern = dml_kernels ();

  if (metric == DML_METRIC_COSINE) {
    kern->dot_rows_f32 (score, query, rows, dim, n, dim);
    return;
  }
  kern->sqdist_rows_f32 (score, query, rows, dim, n, dim);
  for (guint i = 0; i < n; i++)
    score[i] = -score[i];
}

double
dml_query_inv_norm (const float *query, guint dim, DmlMetric metric)
{
  double sum = 0.0;

  for (guint i = 0; i < dim; i++)
    sum += (double) query[i] * (double) query[i];
  if (!isfinite (sum) || sqrt (sum) < DML_NORM_LEAST)
    return 0.0;
  return metric == DML_METRIC_COSINE ? 1.0 / sqrt (sum) : 1.0;
}

double
dml_similarity (DmlMetric metric, const float *a, const float *b, guint dim)
{
  double ab = 0.0, aa = 0.0, bb = 0.0, squares = 0.0;

  for (guint i = 0; i < dim; i++) {
    const double x = (double) a[i], y = (double) b[i];

    ab += x * y;
    aa += x * x;
    bb += y * y;
    squares += (x - y) * (x - y);
  }
  if (metric == DML_METRIC_EUCLIDEAN)
    return 1.0 / (1.0 + sqrt (squares));
  if (sqrt (aa) < DML_NORM_LEAST || sqrt (bb) < DML_NORM_LEAST)
    return (double) NAN;
  return CLAMP (ab / (sqrt (aa) * sqrt (bb)), -1.0, 1.0);
}
