/* SPDX-License-Identifier: LGPL-2.1-or-later
 * All pairs of two sets of rows: the one matrix S that losses, miners and
 * measures read, the one matrix G = dL/dS that losses write, and the way back
 * from G to the rows.
 *
 *   x  N x D,  y  M x D (or x itself);  u, v  the rows as compared
 *   S  N x M   a distance or similarity of u_i and v_j
 *
 *   dot, cosine:        S = u.v            du_i = sum_j G_ij v_j
 *   squared Euclidean:  S = |u-v|^2        du_i = sum_j 2 G_ij (u_i - v_j)
 *   Euclidean:          S = |u-v|          du_i = sum_j G_ij (u_i - v_j) / S_ij
 *   unit rows:          u = x / |x|        dx = (du - u (u.du)) / |x|
 *
 * A row with |x| < 1e-12 has u = 0 and no gradient; two equal rows have
 * distance 0 with subgradient 0. Distances come from the Gram matrix, except
 * those of near pairs, where its rounding would show: these are summed up from
 * differences, forward and backward. Work is split into fixed blocks of rows,
 * so results do not depend on the number of threads.
 *
 * Memory: 2 N M + (2 N + M) D reals. Time: N M D multiply-adds each way. */
#pragma once

#include <glib.h>

#include "metric/real.h"

typedef enum {
  DML_DISTANCE_EUCLIDEAN,
  DML_DISTANCE_EUCLIDEAN_UNIT,
  DML_DISTANCE_SQUARED,
  DML_DISTANCE_SQUARED_UNIT,
  DML_DISTANCE_COSINE,
  DML_DISTANCE_DOT,
} DmlDistance;

#define DML_DISTANCE_WORDS                                                     \
  "euclidean|euclidean_normalised|squared_euclidean|"                          \
  "squared_euclidean_normalised|cosine|dot"

/* +1: larger is farther; -1: larger is nearer. */
static inline double
dml_distance_sign (DmlDistance distance)
{
  return distance >= DML_DISTANCE_COSINE ? -1 : 1;
}

typedef struct {
  DmlDistance distance;
  gboolean self; /* y is x: v is u, and each G_ij reaches both rows */
  size_t n, m, d;
  const DmlReal *u, *v; /* as compared */
  const double *norm_x; /* N: |x_i| */
  const double *norm_y; /* M */
  DmlReal *s;           /* N x M */
  DmlReal *g;           /* N x M, zeros at first; NULL: only S is wanted */
  void *block;          /* what the pointers point into, beside raw rows */
} DmlPairs;

/* @y NULL: x against itself. LIMIT with the figure when N x M passes
 * DML_BATCH_MAX_PAIRS, or N passes DML_BATCH_MAX; NO_MEMORY. */
gboolean dml_pairs_init (DmlPairs *pairs, DmlDistance distance,
                         const DmlReal *x, size_t n, const DmlReal *y, size_t m,
                         size_t d, gboolean gradient, GError **error);
void dml_pairs_clear (DmlPairs *pairs);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (DmlPairs, dml_pairs_clear)

/* Rounds S to 6 digits after the point (float) or 12 (double), so that what is
 * equal but for rounding ties, and ties fall by index. */
void dml_pairs_round (DmlPairs *pairs);

/* Adds scale * dL/dx to @dx and, where y is not x, scale * dL/dy to @dy (NULL:
 * y has no gradient). Uses G up. */
gboolean dml_pairs_gradient (DmlPairs *pairs, double scale, DmlReal *dx,
                             DmlReal *dy, GError **error);

/* u[i] = x[i] / |x[i]|, 0 below 1e-12; norm[i] = |x[i]|. */
void dml_rows_normalise (const DmlReal *x, size_t n, size_t d, DmlReal *u,
                         double *norm);

/* c (m x n) = op (a) op (b) + beta c, row-major; op (a) is m x k and transposes
 * when `ta`, op (b) is k x n. Single-threaded: our pool calls it on parts of
 * the output. */
void dml_real_gemm (gboolean ta, gboolean tb, size_t m, size_t n, size_t k,
                    const DmlReal *a, size_t lda, const DmlReal *b, size_t ldb,
                    double beta, DmlReal *c, size_t ldc);

static inline double
dml_real_dot (const DmlReal *a, const DmlReal *b, size_t d)
{
  double sum = 0;

  for (size_t k = 0; k < d; k++)
    sum += (double) a[k] * (double) b[k];
  return sum;
}
