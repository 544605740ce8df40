/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The k nearest of each query. */
#include "metric/metrics/rank.h"

typedef struct {
  size_t k;
  int32_t *index;
  DmlReal *score; /* or NULL */
} Nearest;

/* Keeps the k best in order by insertion: k is small. Rows come in rising
 * order, so that an equal score stays behind. */
static void
nearest_row (const DmlRank *rank, size_t query, const DmlReal *scores,
             void *room, void *data)
{
  const Nearest *nearest = data;
  const size_t k = nearest->k;
  int32_t *index = nearest->index + query * k;
  DmlReal *best = room;
  size_t n = 0;

  for (size_t j = 0; j < rank->n_gallery; j++) {
    size_t at;

    if (dml_rank_is_self (rank, query, j) ||
        (n == k && scores[j] <= best[k - 1]))
      continue;
    n += n < k;
    for (at = n - 1; at > 0 && best[at - 1] < scores[j]; at--) {
      best[at] = best[at - 1];
      index[at] = index[at - 1];
    }
    best[at] = scores[j];
    index[at] = (int32_t) j;
  }
  for (size_t i = 0; nearest->score && i < k; i++)
    nearest->score[query * k + i] = i < n ? best[i] : 0;
  for (; n < k; n++)
    index[n] = -1;
}

gboolean
dml_metric_nearest (const DmlRetrievalInput *input, size_t k, int32_t *index,
                    DmlReal *score, GError **error)
{
  Nearest nearest = { k, index, score };
  DmlRank rank;
  gboolean ok;

  g_return_val_if_fail (k > 0, FALSE);
  ok =
    dml_rank_init (&rank, input, error) &&
    dml_rank_each (&rank, k * sizeof (DmlReal), nearest_row, &nearest, error);
  dml_rank_clear (&rank);
  return ok;
}
