/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Labels and snapshots: making, sealing, asking. */
#include "gallery/snapshot.h"

#include <string.h>

#include "base/error.h"
#include "base/mem.h"

G_DEFINE_BOXED_TYPE (DmlSnapshot, dml_snapshot, dml_snapshot_ref,
                     dml_snapshot_unref)

/* ---- labels -------------------------------------------------------------- */

DmlLabels *
dml_labels_new (void)
{
  DmlLabels *labels = g_new0 (DmlLabels, 1);

  labels->ref_count = 1;
  labels->text = g_string_chunk_new (4096);
  labels->by_name = g_hash_table_new (g_str_hash, g_str_equal);
  return labels;
}

void
dml_labels_add (DmlLabels *labels, gint64 id, const char *name,
                const char *data)
{
  const guint n = labels->n;

  if ((n & (n - 1)) == 0) { /* full at every power of two */
    const guint room = n == 0 ? 1 : 2 * n;

    labels->ids = g_renew (gint64, labels->ids, room);
    labels->name = g_renew (const char *, labels->name, room);
    labels->data = g_renew (const char *, labels->data, room);
  }
  labels->ids[n] = id;
  labels->name[n] = g_string_chunk_insert (labels->text, name);
  labels->data[n] =
    data != NULL ? g_string_chunk_insert (labels->text, data) : NULL;
  g_hash_table_insert (labels->by_name, (gpointer) labels->name[n],
                       GUINT_TO_POINTER (n + 1));
  labels->n++;
}

DmlLabels *
dml_labels_ref (DmlLabels *labels)
{
  g_atomic_int_inc (&labels->ref_count);
  return labels;
}

void
dml_labels_unref (DmlLabels *labels)
{
  if (!g_atomic_int_dec_and_test (&labels->ref_count))
    return;
  g_hash_table_unref (labels->by_name);
  g_string_chunk_free (labels->text);
  g_free (labels->ids);
  g_free (labels->name);
  g_free (labels->data);
  g_free (labels);
}

gint
dml_labels_find (const DmlLabels *labels, const char *name)
{
  return GPOINTER_TO_INT (g_hash_table_lookup (labels->by_name, name)) - 1;
}

gint
dml_labels_find_id (const DmlLabels *labels, gint64 id)
{
  guint low = 0, high = labels->n;

  while (low < high) {
    const guint middle = low + (high - low) / 2;

    if (labels->ids[middle] < id)
      low = middle + 1;
    else
      high = middle;
  }
  return low < labels->n && labels->ids[low] == id ? (gint) low : -1;
}

/* ---- making -------------------------------------------------------------- */

DmlSnapshot *
dml_snapshot_alloc (const char *path, const DmlSpace *space, DmlLabels *labels,
                    guint n_items, GError **error)
{
  g_autoptr (DmlSnapshot) snapshot = g_new0 (DmlSnapshot, 1);

  snapshot->ref_count = 1;
  snapshot->path = g_strdup (path);
  snapshot->space = dml_space_copy (space);
  snapshot->labels = labels;
  snapshot->n_items = n_items;
  snapshot->thresholds = g_array_new (FALSE, TRUE, sizeof (DmlStoredLead));
  /* n_items x dim fits: both are below 2^32. */
  snapshot->rows = dml_mem_new (float, (size_t) n_items * space->dim, error);
  if (snapshot->rows == NULL ||
      !(snapshot->ids = dml_mem_new (gint64, n_items, error)) ||
      !(snapshot->label_of = dml_mem_new (guint32, n_items, error)) ||
      !(snapshot->by_label = dml_mem_new (guint32, n_items, error)) ||
      !(snapshot->first =
          dml_mem_new0 (guint32, (size_t) labels->n + 1, error)))
    return NULL;
  return g_steal_pointer (&snapshot);
}

gboolean
dml_snapshot_alloc_probes (DmlSnapshot *snapshot, guint n_probes,
                           GError **error)
{
  snapshot->probes =
    dml_mem_new (float, (size_t) n_probes * snapshot->space.dim, error);
  return snapshot->probes != NULL &&
         (snapshot->probe_of = dml_mem_new (guint32, n_probes, error)) != NULL;
}

gboolean
dml_snapshot_seal (DmlSnapshot *snapshot, GError **error)
{
  const guint n_labels = snapshot->labels->n;
  guint32 *first = snapshot->first;
  const DmlRowSet set = { snapshot->rows, snapshot->label_of, snapshot->n_items,
                          snapshot->space.dim, snapshot->space.metric };

  /* Counting sort; stable, so a label's rows stay in order. */
  for (guint i = 0; i < snapshot->n_items; i++)
    first[snapshot->label_of[i] + 1]++;
  for (guint l = 0; l < n_labels; l++)
    first[l + 1] += first[l];
  for (guint i = 0; i < snapshot->n_items; i++)
    snapshot->by_label[first[snapshot->label_of[i]]++] = i;
  for (guint l = n_labels; l > 0; l--)
    first[l] = first[l - 1];
  first[0] = 0;
  dml_mem_advise_huge (snapshot->rows,
                       (size_t) set.n * set.dim * sizeof (float));
  snapshot->index = dml_index_flat.build (&set, error);
  return snapshot->index != NULL;
}

DmlSnapshot *
dml_snapshot_filter (const DmlSnapshot *snapshot, const gboolean *keep,
                     GError **error)
{
  const size_t row_bytes = snapshot->space.dim * sizeof (float);
  g_autoptr (DmlSnapshot) part = NULL;
  guint n = 0;

  for (guint i = 0; i < snapshot->n_items; i++)
    n += keep[snapshot->label_of[i]];
  part = dml_snapshot_alloc (snapshot->path, &snapshot->space,
                             dml_labels_ref (snapshot->labels), n, error);
  if (part == NULL)
    return NULL;
  part->revision = snapshot->revision;
  g_array_append_vals (part->thresholds, snapshot->thresholds->data,
                       snapshot->thresholds->len);
  n = 0;
  for (guint i = 0; i < snapshot->n_items; i++) {
    if (!keep[snapshot->label_of[i]])
      continue;
    memcpy (part->rows + (size_t) n * part->space.dim,
            dml_snapshot_row (snapshot, i), row_bytes);
    part->ids[n] = snapshot->ids[i];
    part->label_of[n++] = snapshot->label_of[i];
  }
  return dml_snapshot_seal (part, error) ? g_steal_pointer (&part) : NULL;
}

DmlSnapshot *
dml_snapshot_ref (DmlSnapshot *snapshot)
{
  g_atomic_int_inc (&snapshot->ref_count);
  return snapshot;
}

void
dml_snapshot_unref (DmlSnapshot *snapshot)
{
  if (!g_atomic_int_dec_and_test (&snapshot->ref_count))
    return;
  if (snapshot->index != NULL)
    snapshot->index->klass->free (snapshot->index);
  g_array_unref (snapshot->thresholds);
  dml_labels_unref (snapshot->labels);
  dml_mem_free (snapshot->rows);
  dml_mem_free (snapshot->ids);
  dml_mem_free (snapshot->label_of);
  dml_mem_free (snapshot->probes);
  dml_mem_free (snapshot->probe_of);
  dml_mem_free (snapshot->by_label);
  dml_mem_free (snapshot->first);
  dml_space_clear (&snapshot->space);
  g_free (snapshot->path);
  g_free (snapshot);
}

/* ---- asking -------------------------------------------------------------- */

gint64
dml_snapshot_get_revision (const DmlSnapshot *snapshot)
{
  return snapshot->revision;
}

const char *
dml_snapshot_get_fingerprint (const DmlSnapshot *snapshot)
{
  return snapshot->space.fingerprint;
}

guint
dml_snapshot_get_dim (const DmlSnapshot *snapshot)
{
  return snapshot->space.dim;
}

DmlMetric
dml_snapshot_get_metric (const DmlSnapshot *snapshot)
{
  return snapshot->space.metric;
}

guint
dml_snapshot_get_n_items (const DmlSnapshot *snapshot)
{
  return snapshot->n_items;
}

guint
dml_snapshot_get_n_labels (const DmlSnapshot *snapshot)
{
  return snapshot->labels->n;
}

const char *
dml_snapshot_get_label (const DmlSnapshot *snapshot, guint i, guint *n_items,
                        const char **data)
{
  g_return_val_if_fail (i < snapshot->labels->n, NULL);
  if (n_items != NULL)
    *n_items = dml_snapshot_n_of (snapshot, i);
  if (data != NULL)
    *data = snapshot->labels->data[i];
  return snapshot->labels->name[i];
}

gint
dml_snapshot_find_label (const DmlSnapshot *snapshot, const char *label)
{
  return label != NULL ? dml_labels_find (snapshot->labels, label) : -1;
}

const float *
dml_snapshot_get_item (const DmlSnapshot *snapshot, guint i, gint64 *item,
                       guint *label)
{
  g_return_val_if_fail (i < snapshot->n_items, NULL);
  if (item != NULL)
    *item = snapshot->ids[i];
  if (label != NULL)
    *label = snapshot->label_of[i];
  return dml_snapshot_row (snapshot, i);
}
