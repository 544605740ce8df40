/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The table of classifiers, and what those share that score every class. */
#include "gallery/classify.h"

#include <math.h>

#include "base/mem.h"

DmlClassifyParams
dml_classify_params (DmlMetric metric)
{
  /* A softmax vote wants a similarity with a scale; the cosine has one, 1 /
   * (1 + distance) has none. */
  return (DmlClassifyParams){
    .vote = metric == DML_METRIC_COSINE ? DML_VOTE_SOFTMAX : DML_VOTE_INVERSE,
    .tau = 0.07,
    .svm_cost = 0.0,
    .kappa = 5.0,
    .count_priors = FALSE,
  };
}

const DmlClassifierClass *
dml_classifier_class (DmlClassifier classifier)
{
  static const DmlClassifierClass *const table[] = {
    &dml_classifier_knn,
    &dml_classifier_prototype,
    &dml_classifier_svm,
    &dml_classifier_bayes,
  };

  for (gsize i = 0; i < G_N_ELEMENTS (table); i++)
    if (table[i]->id == classifier)
      return table[i];
  return &dml_classifier_knn; /* AUTO: needs no training, names an item */
}

gboolean
dml_classes_init (DmlClasses *classes, const DmlSnapshot *snapshot,
                  GError **error)
{
  const guint n_labels = snapshot->labels->n;

  classes->n = 0;
  classes->label = dml_mem_new (guint32, n_labels, error);
  if (classes->label == NULL)
    return FALSE;
  for (guint l = 0; l < n_labels; l++)
    if (dml_snapshot_n_of (snapshot, l) > 0)
      classes->label[classes->n++] = l;
  return TRUE;
}

void
dml_classes_clear (DmlClasses *classes)
{
  g_clear_pointer (&classes->label, dml_mem_free);
}

#define JUDGE_BLOCK 64

void
dml_judge_scores (const DmlClassifierClass *klass, gconstpointer model,
                  const DmlQuery *query, const DmlClasses *classes, double tau,
                  double score[2], DmlVerdict *verdict)
{
  double block[JUDGE_BLOCK];
  gint best = -1, second = -1;
  double sum = 0.0; /* of exp ((s - best) / tau) */

  for (guint first = 0; first < classes->n; first += JUDGE_BLOCK) {
    const guint n = MIN (JUDGE_BLOCK, classes->n - first);

    klass->scores (model, query, first, n, block);
    for (guint i = 0; i < n; i++) {
      const double s = block[i];

      if (best < 0 || s > score[0]) {
        sum = 1.0 + (best < 0 ? 0.0 : sum * exp ((score[0] - s) / tau));
        second = best;
        score[1] = score[0];
        best = (gint) (first + i);
        score[0] = s;
        continue;
      }
      sum += exp ((s - score[0]) / tau);
      if (second < 0 || s > score[1]) {
        second = (gint) (first + i);
        score[1] = s;
      }
    }
  }
  verdict->label = (gint) classes->label[best];
  verdict->runner_up = second < 0 ? -1 : (gint) classes->label[second];
  verdict->tied = second >= 0 && score[1] == score[0];
  verdict->confidence = 1.0 / sum;
}
