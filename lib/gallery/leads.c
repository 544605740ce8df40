/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Showing every label to the rest of its gallery. */
#include "gallery/calibrate.h"

#include <math.h>

#include "base/mem.h"
#include "base/threads.h"
#include "gallery/match.h"
#include "gallery/rows.h"

/* One that is shown. */
typedef struct {
  guint32 row;
  const float *values; /* the row's probe, or the row itself */
} Probe;

typedef struct {
  const DmlSnapshot *snapshot;
  const DmlClassifierClass *klass;
  gconstpointer model; /* NULL for similarity of items */
  DmlLeads *leads;
  Probe *probes;
  guint most; /* probes */
} Measure;

/* The probe of a row or, where it has none, the row itself. */
static const float *
probe_of (const DmlSnapshot *snapshot, guint32 row)
{
  guint low = 0, high = snapshot->n_probes;

  while (low < high) {
    const guint middle = low + (high - low) / 2;

    if (snapshot->probe_of[middle] < row)
      low = middle + 1;
    else
      high = middle;
  }
  return low < snapshot->n_probes && snapshot->probe_of[low] == row
           ? snapshot->probes + (size_t) low * snapshot->space.dim
           : dml_snapshot_row (snapshot, row);
}

static gboolean
is_row (const DmlSnapshot *snapshot, const Probe *probe)
{
  return probe->values == dml_snapshot_row (snapshot, probe->row);
}

/* Which rows are shown: of each label that takes part as many as there is time
 * for, evenly spaced. Fills probes and weight. */
static void
choose_probes (const Measure *measure, const DmlClasses *classes)
{
  const DmlSnapshot *snapshot = measure->snapshot;
  DmlLeads *leads = measure->leads;
  const guint stride = (classes->n - 1) / measure->most + 1;
  const guint most = MAX (1, measure->most / classes->n);

  for (guint c = 0; c < classes->n; c += stride) {
    const guint label = classes->label[c];
    const guint n_items = dml_snapshot_n_of (snapshot, label);
    const guint n = MIN (n_items, most);
    gboolean tells = n_items > 1;

    for (guint i = 0; i < n; i++) {
      const guint place = (guint) ((guint64) i * n_items / n);
      Probe *probe = &measure->probes[leads->n];

      probe->row = snapshot->by_label[snapshot->first[label] + place];
      probe->values = probe_of (snapshot, probe->row);
      tells = tells || !is_row (snapshot, probe);
      leads->weight[leads->n++] = 1.0 / n;
    }
    leads->n_labels++;
    leads->n_genuine += tells;
  }
}

/* Similarity of a probe to its own label; of a row, without itself. */
static double
own_similarity (const Measure *measure, const Probe *probe,
                const DmlQuery *query)
{
  const DmlSnapshot *snapshot = measure->snapshot;
  const guint dim = snapshot->space.dim;
  const guint label = snapshot->label_of[probe->row];
  const DmlMetric metric = snapshot->space.metric;
  const gint without =
    is_row (snapshot, probe) ? (gint) probe->row : -1; /* of all rows, none */
  float best = -INFINITY, score;

  if (measure->model != NULL) {
    g_autofree double *sum = g_new (double, dim);
    g_autofree float *mean = g_new (float, dim);

    dml_label_mean (snapshot, label, without, sum, mean);
    dml_rows_score (&best, query->values, mean, dim, 1, metric);
    return dml_score_similarity (best, query->inv_norm, metric);
  }
  for (guint i = snapshot->first[label]; i < snapshot->first[label + 1]; i++)
    if ((gint) snapshot->by_label[i] != without) {
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
  const Probe *probe = &measure->probes[i];
  const guint label = snapshot->label_of[probe->row];
  DmlHit hit;
  DmlFound found = { .hits = &hit };
  const DmlQuery query = {
    probe->values,
    dml_query_inv_norm (probe->values, snapshot->space.dim,
                        snapshot->space.metric),
    &found,
  };
  DmlVerdict verdict;
  DmlNear *near = &verdict.near;

  if (measure->model != NULL)
    measure->klass->judge (measure->model, &query, &verdict);
  else {
    snapshot->index->klass->search (snapshot->index, probe->values, 1, &found);
    dml_near_items (snapshot, &query, near);
  }
  dml_near_drop (near, label);
  leads->impostor[i] =
    near->similarity[0] - dml_crowd (near, near->label[0], leads->n_crowd);
  leads->genuine[i] = (double) NAN;
  if (!is_row (snapshot, probe) || dml_snapshot_n_of (snapshot, label) > 1) {
    const double own = own_similarity (measure, probe, &query);

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
  g_autofree Probe *probes = g_new (Probe, room);
  const DmlClassifyParams params = dml_classify_params (snapshot->space.metric);
  gpointer model = NULL;

  if (!(leads->impostor = dml_mem_new (double, room, error)) ||
      !(leads->genuine = dml_mem_new (double, room, error)) ||
      !(leads->weight = dml_mem_new (double, room, error)))
    return FALSE;
  if (measure->klass->kind != dml_classifier_knn.kind &&
      !(model = measure->klass->train (snapshot, &params, error)))
    return FALSE;
  measure->probes = probes;
  choose_probes (measure, classes);
  measure->model = model;
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
