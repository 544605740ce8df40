/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Suspicious neighbours: items of different classes on nearly one point. */
#include <math.h>
#include <stdlib.h>

#include "metric/metrics/rank.h"

typedef struct {
  int32_t *index; /* N: nearest of another class, or -1 */
  DmlReal *score;
} Foreign;

static void
foreign_row (const DmlRank *rank, size_t query, const DmlReal *scores,
             void *room, void *data)
{
  const Foreign *foreign = data;
  const int32_t *labels = rank->in->query_labels;
  int32_t best = -1;

  for (size_t j = 0; j < rank->n_gallery; j++)
    if (labels[j] != labels[query] && (best < 0 || scores[j] > scores[best]))
      best = (int32_t) j;
  foreign->index[query] = best;
  foreign->score[query] = best >= 0 ? scores[best] : 0;
}

static int
nearest_first (const void *a, const void *b)
{
  const DmlNearPair *x = a, *y = b;

  if (x->distance != y->distance)
    return x->distance < y->distance ? -1 : 1;
  if (x->a != y->a)
    return x->a < y->a ? -1 : 1;
  return x->b < y->b ? -1 : x->b > y->b;
}

/* The pairs below the limit, each once. */
static size_t
gather (const Foreign *foreign, size_t n, double limit, DmlNearPair *pairs)
{
  size_t n_all = 0, n_once = 0;

  for (size_t i = 0; i < n; i++) {
    const uint32_t j = (uint32_t) foreign->index[i];
    const double distance = sqrt (MAX (2 - 2 * (double) foreign->score[i], 0));

    if (foreign->index[i] >= 0 && distance < limit)
      pairs[n_all++] = (DmlNearPair){ .a = MIN ((uint32_t) i, j),
                                      .b = MAX ((uint32_t) i, j),
                                      .distance = distance };
  }
  qsort (pairs, n_all, sizeof *pairs, nearest_first);
  for (size_t i = 0; i < n_all; i++)
    if (n_once == 0 || pairs[n_once - 1].a != pairs[i].a ||
        pairs[n_once - 1].b != pairs[i].b)
      pairs[n_once++] = pairs[i];
  return n_once;
}

gboolean
dml_metric_near_pairs (const DmlReal *x, const int32_t *labels, size_t n,
                       size_t d, double limit, size_t max, DmlNearPair **pairs,
                       size_t *n_pairs, GError **error)
{
  const DmlRetrievalInput input = {
    .d = d, .n_queries = n, .queries = x, .query_labels = labels
  };
  g_autofree int32_t *index = g_new (int32_t, MAX (n, 1));
  g_autofree DmlReal *score = g_new (DmlReal, MAX (n, 1));
  Foreign foreign = { index, score };
  DmlRank rank;
  const gboolean ok = dml_rank_init (&rank, &input, error) &&
                      dml_rank_each (&rank, 0, foreign_row, &foreign, error);

  dml_rank_clear (&rank);
  if (!ok)
    return FALSE;
  *pairs = g_new (DmlNearPair, MAX (n, 1));
  *n_pairs = MIN (gather (&foreign, n, limit, *pairs), max);
  return TRUE;
}
