/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Retrieval: recall@k, R-precision, MAP@R (Musgrave et al. 2020, section 3.2),
 * MAP, MRR. Of a query with R relevant gallery rows, r(k) = 1 where the k-th
 * neighbour is relevant and P(k) the precision in the first k:
 *
 *   recall@k = [some r(1..k)]      R-precision = 1/R sum_{k<=R} r(k)
 *   MAP@R = 1/R sum_{k<=R} r(k) P(k)     MAP = 1/R sum_k r(k) P(k)
 *   MRR = 1 / (first k with r(k) = 1)
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "metric/metrics/rank.h"

static const size_t recall_k[DML_N_RECALLS] = { 1, 2, 4, 8 };

typedef struct {
  DmlReal score;
  int32_t index;
  gboolean relevant;
} Entry;

typedef struct {
  DmlTies ties;
  DmlRetrieval *out;
  uint8_t *tied; /* N_q */
} Retrieval;

/* Best first; among equals by the rule, then by index. */
static int
by_index (const void *a, const void *b)
{
  const Entry *x = a, *y = b;

  if (x->score != y->score)
    return x->score > y->score ? -1 : 1;
  return x->index < y->index ? -1 : 1;
}

static int
wrong_first (const void *a, const void *b)
{
  const Entry *x = a, *y = b;

  if (x->score == y->score && x->relevant != y->relevant)
    return x->relevant ? 1 : -1;
  return by_index (a, b);
}

static int
right_first (const void *a, const void *b)
{
  const Entry *x = a, *y = b;

  if (x->score == y->score && x->relevant != y->relevant)
    return x->relevant ? -1 : 1;
  return by_index (a, b);
}

static DmlRetrievalMeasures
measure (const Entry *entries, size_t n, size_t n_relevant)
{
  const double r = (double) n_relevant;
  DmlRetrievalMeasures m = { 0 };
  size_t hits = 0;

  for (size_t k = 0; k < n && hits < n_relevant; k++) {
    if (!entries[k].relevant)
      continue;
    if (hits++ == 0) {
      m.mrr = 1 / (double) (k + 1);
      for (size_t i = 0; i < DML_N_RECALLS; i++)
        m.recall[i] = k < recall_k[i];
    }
    const double precision = (double) hits / (double) (k + 1);

    m.map += precision / r;
    if (k < n_relevant) {
      m.map_at_r += precision / r;
      m.r_precision += 1 / r;
    }
  }
  return m;
}

/* Whether equal scores hold relevant and irrelevant rows. */
static gboolean
has_tie (const Entry *entries, size_t n)
{
  for (size_t k = 0, first = 0; k < n; k++) {
    if (entries[k].score != entries[first].score)
      first = k;
    else if (entries[k].relevant != entries[first].relevant)
      return TRUE;
  }
  return FALSE;
}

static void
retrieval_row (const DmlRank *rank, size_t query, const DmlReal *scores,
               void *room, void *data)
{
  static int (*const order[]) (const void *, const void *) = {
    [DML_TIES_INDEX] = by_index,
    [DML_TIES_PESSIMISTIC] = wrong_first,
    [DML_TIES_OPTIMISTIC] = right_first,
  };
  const Retrieval *retrieval = data;
  DmlRetrieval *out = retrieval->out;
  const int32_t label = rank->in->query_labels[query];
  size_t n = 0, n_relevant = 0;
  Entry *entries = room;

  for (size_t j = 0; j < rank->n_gallery; j++) {
    const gboolean relevant = rank->gallery_labels[j] == label;

    if (dml_rank_is_self (rank, query, j))
      continue;
    entries[n++] = (Entry){ scores[j], (int32_t) j, relevant };
    n_relevant += relevant;
  }
  qsort (entries, n, sizeof *entries, order[retrieval->ties]);
  out->nearest[query] = n ? entries[0].index : -1;
  out->nearest_score[query] = n ? entries[0].score : 0;
  if (n_relevant == 0) {
    for (size_t i = 0; i < sizeof (DmlRetrievalMeasures) / sizeof (double); i++)
      ((double *) &out->query[query])[i] = (double) NAN;
    return;
  }
  out->query[query] = measure (entries, n, n_relevant);
  retrieval->tied[query] = has_tie (entries, n);
}

/* to += weight * from, over all measures */
static void
add_measures (DmlRetrievalMeasures *to, const DmlRetrievalMeasures *from,
              double weight)
{
  const double *x = (const double *) from;
  double *y = (double *) to;

  for (size_t i = 0; i < sizeof *to / sizeof (double); i++)
    y[i] += weight * x[i];
}

/* Means over queries, and over classes of means. */
static void
average (const DmlRetrievalInput *in, DmlRetrieval *out)
{
  g_autoptr (GHashTable) counts = g_hash_table_new (NULL, NULL);

  for (size_t i = 0; i < in->n_queries; i++) {
    gpointer label = GINT_TO_POINTER (in->query_labels[i]);

    if (isnan (out->query[i].mrr)) {
      out->n_left_out++;
      continue;
    }
    out->n_used++;
    g_hash_table_insert (
      counts, label,
      GSIZE_TO_POINTER (GPOINTER_TO_SIZE (g_hash_table_lookup (counts, label)) +
                        1));
  }
  const double n_classes = g_hash_table_size (counts);

  for (size_t i = 0; i < in->n_queries; i++) {
    gpointer label = GINT_TO_POINTER (in->query_labels[i]);

    if (isnan (out->query[i].mrr))
      continue;
    const double n =
      (double) GPOINTER_TO_SIZE (g_hash_table_lookup (counts, label));

    add_measures (&out->mean, &out->query[i], 1 / (double) out->n_used);
    add_measures (&out->macro, &out->query[i], 1 / (n * n_classes));
  }
}

gboolean
dml_retrieval_run (const DmlRetrievalInput *input, DmlTies ties,
                   DmlRetrieval *out, GError **error)
{
  const size_t n = input->n_queries;
  g_autofree uint8_t *tied = g_new0 (uint8_t, MAX (n, 1));
  Retrieval retrieval = { ties, out, tied };
  DmlRank rank;
  gboolean ok;

  G_STATIC_ASSERT (sizeof (DmlRetrievalMeasures) ==
                   (DML_N_RECALLS + 4) * sizeof (double));
  memset (out, 0, sizeof *out);
  out->query = g_new0 (DmlRetrievalMeasures, MAX (n, 1));
  out->nearest = g_new0 (int32_t, MAX (n, 1));
  out->nearest_score = g_new0 (DmlReal, MAX (n, 1));
  ok = dml_rank_init (&rank, input, error) &&
       dml_rank_each (&rank, rank.n_gallery * sizeof (Entry), retrieval_row,
                      &retrieval, error);
  dml_rank_clear (&rank);
  if (!ok) {
    dml_retrieval_clear (out);
    return FALSE;
  }
  for (size_t i = 0; i < n; i++)
    out->n_tied += tied[i];
  average (input, out);
  return TRUE;
}

void
dml_retrieval_clear (DmlRetrieval *out)
{
  g_free (out->query);
  g_free (out->nearest);
  g_free (out->nearest_score);
  memset (out, 0, sizeof *out);
}
