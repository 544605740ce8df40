/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Nearest prototype: a class is the mean of its items.
 *
 *   cosine     mean of the unit embeddings, brought back to unit length;
 *              score = cosine
 *   Euclidean  mean of the embeddings; score = -|x - mean|^2
 *
 * Snell, Swersky, Zemel 2017, arXiv:1703.05175, equations 1 and 2. */
#include "gallery/classify.h"

#include <math.h>

#include "base/mem.h"
#include "gallery/rows.h"

typedef struct {
  DmlClasses classes;
  guint dim;
  DmlMetric metric;
  double tau;
  float *means; /* classes.n x dim */
} Prototypes;

static void
prototype_free (gpointer model)
{
  Prototypes *proto = model;

  dml_classes_clear (&proto->classes);
  dml_mem_free (proto->means);
  g_free (proto);
}

void
dml_label_mean (const DmlSnapshot *snapshot, guint label, gint without,
                double *sum, float *mean)
{
  const guint dim = snapshot->space.dim;
  double scale = 0.0;
  guint n = 0;

  for (guint d = 0; d < dim; d++)
    sum[d] = 0.0;
  for (guint i = snapshot->first[label]; i < snapshot->first[label + 1]; i++) {
    const float *row = dml_snapshot_row (snapshot, snapshot->by_label[i]);

    if ((gint) snapshot->by_label[i] == without)
      continue;
    n++;
    for (guint d = 0; d < dim; d++)
      sum[d] += (double) row[d];
  }
  if (snapshot->space.metric == DML_METRIC_COSINE) {
    for (guint d = 0; d < dim; d++)
      scale += sum[d] * sum[d];
    /* Items that cancel out have no mean direction: similarity 0 to all. */
    scale = scale > 1e-24 ? 1.0 / sqrt (scale) : 0.0;
  } else
    scale = 1.0 / MAX (n, 1);
  for (guint d = 0; d < dim; d++)
    mean[d] = (float) (scale * sum[d]);
}

static gpointer
prototype_train (const DmlSnapshot *snapshot, const DmlClassifyParams *params,
                 GError **error)
{
  const guint dim = snapshot->space.dim;
  g_autofree double *sum = g_new (double, dim);
  Prototypes *proto = g_new0 (Prototypes, 1);

  proto->dim = dim;
  proto->metric = snapshot->space.metric;
  proto->tau = params->tau;
  if (!dml_classes_init (&proto->classes, snapshot, error) ||
      !(proto->means =
          dml_mem_new (float, (size_t) dim * proto->classes.n, error))) {
    prototype_free (proto);
    return NULL;
  }
  for (guint c = 0; c < proto->classes.n; c++)
    dml_label_mean (snapshot, proto->classes.label[c], -1, sum,
                    proto->means + (size_t) c * dim);
  return proto;
}

static void
prototype_scores (gconstpointer model, const DmlQuery *query, guint first,
                  guint n, double *scores)
{
  const Prototypes *proto = model;
  float raw[64];

  for (guint done = 0; done < n; done += G_N_ELEMENTS (raw)) {
    const guint m = MIN (n - done, (guint) G_N_ELEMENTS (raw));

    dml_rows_score (raw, query->values,
                    proto->means + (size_t) (first + done) * proto->dim,
                    proto->dim, m, proto->metric);
    for (guint i = 0; i < m; i++)
      scores[done + i] = (double) raw[i] * query->inv_norm;
  }
}

static void
prototype_judge (gconstpointer model, const DmlQuery *query,
                 DmlVerdict *verdict)
{
  const Prototypes *proto = model;

  dml_judge_scores (&dml_classifier_prototype, model, query, &proto->classes,
                    proto->tau, verdict);
  for (guint i = 0; i < verdict->near.n; i++)
    verdict->near.similarity[i] = dml_score_similarity (
      (float) verdict->near.similarity[i], 1.0, proto->metric);
}

const DmlClassifierClass dml_classifier_prototype = {
  .id = DML_CLASSIFIER_PROTOTYPE,
  .name = "prototype",
  .kind = "prototype",
  .train = prototype_train,
  .free = prototype_free,
  .judge = prototype_judge,
  .scores = prototype_scores,
};
