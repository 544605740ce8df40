/* SPDX-License-Identifier: LGPL-2.1-or-later
 * k nearest neighbours: each of the k nearest items votes for its label, the
 * nearer the heavier; most weight wins, equal weights fall to the lower label.
 * Score of a class: its share of the weight. */
#include "gallery/classify.h"

#include <math.h>

#include "gallery/rows.h"

typedef struct {
  const DmlSnapshot *snapshot;
  DmlClasses classes;
  DmlVote vote;
  double tau;
} Knn;

static gpointer
knn_train (const DmlSnapshot *snapshot, const DmlClassifyParams *params,
           GError **error)
{
  Knn *knn = g_new0 (Knn, 1);

  knn->snapshot = snapshot;
  knn->vote = params->vote;
  knn->tau = params->tau;
  if (!dml_classes_init (&knn->classes, snapshot, error))
    g_clear_pointer (&knn, g_free);
  return knn;
}

static void
knn_free (gpointer model)
{
  Knn *knn = model;

  dml_classes_clear (&knn->classes);
  g_free (knn);
}

/* Weight of one vote. Softmax votes are taken relative to the nearest, which
 * leaves their shares alone and cannot overflow. */
static double
vote_weight (const Knn *knn, const DmlQuery *query, guint hit)
{
  const DmlMetric metric = knn->snapshot->space.metric;
  const DmlHit *hits = query->found->hits;
  const double s =
    dml_score_similarity (hits[hit].score, query->inv_norm, metric);

  switch (knn->vote) {
  case DML_VOTE_INVERSE: {
    const double distance = metric == DML_METRIC_COSINE
                              ? sqrt (MAX (2.0 - 2.0 * s, 0.0))
                              : 1.0 / s - 1.0;

    return MAX (1.0 / (distance + 1e-6), 1e-300); /* never no vote at all */
  }
  case DML_VOTE_SOFTMAX:
    return exp (
      (s - dml_score_similarity (hits[0].score, query->inv_norm, metric)) /
      knn->tau);
  default:
    return 1.0;
  }
}

static void
knn_judge (gconstpointer model, const DmlQuery *query, DmlVerdict *verdict)
{
  const Knn *knn = model;
  const guint32 *label_of = knn->snapshot->label_of;
  const DmlFound *found = query->found;
  guint32 labels[DML_K_MAX];
  double weights[DML_K_MAX], total = 0.0;
  guint n = 0, winner = 0;

  g_assert (found->n_hits > 0);
  for (guint h = 0; h < found->n_hits; h++) {
    const guint32 label = label_of[found->hits[h].row];
    const double weight = vote_weight (knn, query, h);
    guint i = 0;

    while (i < n && labels[i] != label)
      i++;
    if (i == n) {
      labels[n] = label;
      weights[n++] = 0.0;
    }
    weights[i] += weight;
    total += weight;
  }
  for (guint i = 1; i < n; i++)
    if (weights[i] > weights[winner] ||
        (weights[i] == weights[winner] && labels[i] < labels[winner]))
      winner = i;
  verdict->label = (gint) labels[winner];
  verdict->confidence = weights[winner] / total;
  verdict->tied = FALSE;
  for (guint i = 0; i < n; i++)
    verdict->tied |= i != winner && weights[i] == weights[winner];
  /* The nearest of the other labels, whether it had a vote or not. */
  verdict->runner_up = -1;
  for (guint b = 0; b < found->n_best && verdict->runner_up < 0; b++)
    if (label_of[found->best[b].row] != labels[winner])
      verdict->runner_up = (gint) label_of[found->best[b].row];
  verdict->near.n = 0; /* similarity is that of items */
}

static void
knn_scores (gconstpointer model, const DmlQuery *query, guint first, guint n,
            double *scores)
{
  const Knn *knn = model;
  const DmlFound *found = query->found;
  double total = 0.0;

  for (guint i = 0; i < n; i++)
    scores[i] = 0.0;
  for (guint h = 0; h < found->n_hits; h++) {
    const double weight = vote_weight (knn, query, h);

    for (guint i = 0; i < n; i++)
      if (knn->classes.label[first + i] ==
          knn->snapshot->label_of[found->hits[h].row])
        scores[i] += weight;
    total += weight;
  }
  for (guint i = 0; i < n; i++)
    scores[i] /= total;
}

const DmlClassifierClass dml_classifier_knn = {
  .id = DML_CLASSIFIER_KNN,
  .name = "knn",
  .kind = "item",
  .train = knn_train,
  .free = knn_free,
  .judge = knn_judge,
  .scores = knn_scores,
};
