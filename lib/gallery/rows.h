/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The one similarity of the gallery: scores of rows against a query, and what
 * they mean to people. */
#pragma once

#include <dml/dml-encoder.h>
#include <math.h>
#include <stddef.h>

/* A norm below this is noise: the vector has no direction. */
#define DML_NORM_LEAST 1e-12

/* score[i] = <query, row i> for cosine, -|query - row i|^2 for Euclidean. */
void dml_rows_score (float *score, const float *query, const float *rows,
                     guint dim, guint n, DmlMetric metric);

/* Similarity of a score, larger is closer: the cosine, kept in [-1, 1], or
 * 1 / (1 + distance). @inv_norm: 1 / |query| for cosine. */
static inline double
dml_score_similarity (float score, double inv_norm, DmlMetric metric)
{
  if (metric == DML_METRIC_COSINE)
    return CLAMP ((double) score * inv_norm, -1.0, 1.0);
  return 1.0 / (1.0 + sqrt (MAX (-(double) score, 0.0)));
}

/* 1 / |query| for cosine, 1 for Euclidean; 0 where a number is not finite or
 * the query has no direction. */
double dml_query_inv_norm (const float *query, guint dim, DmlMetric metric);
