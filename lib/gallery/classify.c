/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The table of classifiers, and what those share that score every class. */
#include "gallery/classify.h"

#include <math.h>

#include "base/mem.h"
#include "gallery/rows.h"

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

static void
insert_near (DmlNear *near, guint32 label, double score)
{
  guint i = near->n < DML_NEAREST_LABELS ? near->n++ : near->n - 1;

  for (; i > 0 && near->similarity[i - 1] < score; i--) {
    near->label[i] = near->label[i - 1];
    near->similarity[i] = near->similarity[i - 1];
  }
  near->label[i] = label;
  near->similarity[i] = score;
}

void
dml_near_items (const DmlSnapshot *snapshot, const DmlQuery *query,
                DmlNear *near)
{
  const DmlFound *found = query->found;

  near->n = found->n_best;
  for (guint i = 0; i < near->n; i++) {
    near->label[i] = snapshot->label_of[found->best[i].row];
    near->similarity[i] = dml_score_similarity (
      found->best[i].score, query->inv_norm, snapshot->space.metric);
  }
}

void
dml_near_drop (DmlNear *near, guint label)
{
  guint n = 0;

  for (guint i = 0; i < near->n; i++)
    if (near->label[i] != label) {
      near->label[n] = near->label[i];
      near->similarity[n++] = near->similarity[i];
    }
  near->n = n;
}

#define JUDGE_BLOCK 64

void
dml_judge_scores (const DmlClassifierClass *klass, gconstpointer model,
                  const DmlQuery *query, const DmlClasses *classes, double tau,
                  DmlVerdict *verdict)
{
  DmlNear *near = &verdict->near;
  double block[JUDGE_BLOCK];
  double sum = 0.0,
         best = -(double) INFINITY; /* sum of exp ((s - best) / tau) */

  near->n = 0;
  for (guint first = 0; first < classes->n; first += JUDGE_BLOCK) {
    const guint n = MIN (JUDGE_BLOCK, classes->n - first);

    klass->scores (model, query, first, n, block);
    for (guint i = 0; i < n; i++) {
      const double s = MAX (block[i], -G_MAXDOUBLE);

      if (s > best) {
        sum = sum * exp ((best - s) / tau) + 1.0;
        best = s;
      } else
        sum += exp ((s - best) / tau);
      if (near->n < DML_NEAREST_LABELS ||
          s > near->similarity[DML_NEAREST_LABELS - 1])
        insert_near (near, classes->label[first + i], s);
    }
  }
  verdict->label = (gint) near->label[0];
  verdict->runner_up = near->n > 1 ? (gint) near->label[1] : -1;
  verdict->tied = near->n > 1 && near->similarity[1] == near->similarity[0];
  verdict->confidence = 1.0 / sum;
}

void
dml_judge_logits (const DmlClassifierClass *klass, gconstpointer model,
                  const DmlQuery *query, const DmlClasses *classes,
                  DmlVerdict *verdict)
{
  dml_judge_scores (klass, model, query, classes, 1.0, verdict);
  verdict->near.n = 0;
}
