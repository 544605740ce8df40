/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Showing every label to the rest of its gallery. */
#include "gallery/calibrate.h"

#include <math.h>

#include "base/mem.h"
#include "base/threads.h"
#include "gallery/match.h"
#include "gallery/rows.h"

typedef struct {
  const DmlSnapshot *snapshot;
  const DmlClassifierClass *klass;
  gconstpointer model; /* NULL for similarity of items */
  DmlLeads *leads;
  guint32 *row; /* of each probe */
  guint most;   /* probes */
} Measure;

/* Which rows are shown: of each label that takes part as many as there is time
 * for, evenly spaced. Fills row and weight. */
static void
choose_probes (const Measure *measure, const DmlClasses *classes, guint32 *row)
{
  const DmlSnapshot *snapshot = measure->snapshot;
  DmlLeads *leads = measure->leads;
  const guint stride = (classes->n - 1) / measure->most + 1;
  const guint most = MAX (1, measure->most / classes->n);

  for (guint c = 0; c < classes->n; c += stride) {
    const guint label = classes->label[c];
    const guint n_items = dml_snapshot_n_of (snapshot, label);
    const guint n = MIN (n_items, most);

    for (guint i = 0; i < n; i++) {
      const guint place = (guint) ((guint64) i * n_items / n);

      row[leads->n] = snapshot->by_label[snapshot->first[label] + place];
      leads->weight[leads->n++] = 1.0 / n;
    }
    leads->n_labels++;
    leads->n_genuine += n_items > 1;
  }
}

/* Similarity of the probe to its own label without itself. */
static double
own_similarity (const Measure *measure, const DmlQuery *query, guint32 row)
{
  const DmlSnapshot *snapshot = measure->snapshot;
  const guint dim = snapshot->space.dim, label = snapshot->label_of[row];
  const DmlMetric metric = snapshot->space.metric;
  float best = -INFINITY, score;

  if (measure->model != NULL) {
    g_autofree double *sum = g_new (double, dim);
    g_autofree float *mean = g_new (float, dim);

    dml_label_mean (snapshot, label, (gint) row, sum, mean);
    dml_rows_score (&best, query->values, mean, dim, 1, metric);
    return dml_score_similarity (best, query->inv_norm, metric);
  }
  for (guint i = snapshot->first[label]; i < snapshot->first[label + 1]; i++)
    if (snapshot->by_label[i] != row) {
      dml_rows_score (&score, query->values,
                      dml_snapshot_row (snapshot, snapshot->by_label[i]), dim,
                      1, metric);
      best = MAX (best, score);
    }
  return dml_score_similarity (best, query->inv_norm, metric);
}

static void
show_probe (void *data, size_t i, unsigned worker)
{
  const Measure *measure = data;
  const DmlSnapshot *snapshot = measure->snapshot;
  DmlLeads *leads = measure->leads;
  const guint32 row = measure->row[i];
  const guint label = snapshot->label_of[row];
  const float *values = dml_snapshot_row (snapshot, row);
  DmlHit hit;
  DmlFound found = { .hits = &hit };
  const DmlQuery query = {
    values,
    dml_query_inv_norm (values, snapshot->space.dim, snapshot->space.metric),
    &found,
  };
  DmlVerdict verdict;
  DmlNear *near = &verdict.near;

  if (measure->model != NULL)
    measure->klass->judge (measure->model, &query, &verdict);
  else {
    snapshot->index->klass->search (snapshot->index, values, 1, &found);
    dml_near_items (snapshot, &query, near);
  }
  dml_near_drop (near, label);
  leads->impostor[i] =
    near->similarity[0] - dml_crowd (near, near->label[0], leads->n_crowd);
  leads->genuine[i] = (double) NAN;
  if (dml_snapshot_n_of (snapshot, label) > 1) {
    const double own = own_similarity (measure, &query, row);

    leads->genuine[i] = own > near->similarity[0]
                          ? own - dml_crowd (near, label, leads->n_crowd)
                          : -(double) INFINITY;
  }
}

static gboolean
measure_all (Measure *measure, const DmlClasses *classes, GError **error)
{
  const DmlSnapshot *snapshot = measure->snapshot;
  DmlLeads *leads = measure->leads;
  const size_t room = MIN (snapshot->n_items, measure->most);
  g_autoptr (DmlMem) row = dml_mem_new (guint32, room, error);
  const DmlClassifyParams params = dml_classify_params (snapshot->space.metric);
  gpointer model = NULL;

  if (row == NULL || !(leads->impostor = dml_mem_new (double, room, error)) ||
      !(leads->genuine = dml_mem_new (double, room, error)) ||
      !(leads->weight = dml_mem_new (double, room, error)))
    return FALSE;
  if (measure->klass->kind != dml_classifier_knn.kind &&
      !(model = measure->klass->train (snapshot, &params, error)))
    return FALSE;
  choose_probes (measure, classes, row);
  measure->model = model;
  measure->row = row;
  dml_parallel_for (leads->n, 0, show_probe, measure);
  if (model != NULL)
    measure->klass->free (model);
  return TRUE;
}

gboolean
dml_leads_measure (const DmlSnapshot *snapshot, const DmlClassifierClass *klass,
                   guint n_probes, DmlLeads *leads, GError **error)
{
  Measure measure = {
    .snapshot = snapshot, .klass = klass, .leads = leads, .most = n_probes
  };
  DmlClasses classes;
  gboolean ok;

  *leads = (DmlLeads){ 0 };
  if (!dml_classes_init (&classes, snapshot, error))
    return FALSE;
  g_assert (classes.n >= 3); /* itself, the best of the others, one behind */
  leads->n_crowd = MIN (DML_CROWD, classes.n - 2);
  ok = measure_all (&measure, &classes, error);
  dml_classes_clear (&classes);
  if (!ok)
    dml_leads_clear (leads);
  return ok;
}

void
dml_leads_clear (DmlLeads *leads)
{
  g_clear_pointer (&leads->impostor, dml_mem_free);
  g_clear_pointer (&leads->genuine, dml_mem_free);
  g_clear_pointer (&leads->weight, dml_mem_free);
  leads->n = 0;
}
