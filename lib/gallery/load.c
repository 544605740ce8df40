/* SPDX-License-Identifier: LGPL-2.1-or-later
 * From the file to a snapshot, within one read transaction. Everything is
 * checked; what is wrong is named. Vectors never change (schema.sql), so those
 * of the last snapshot are copied and only new ones are read. */
#include "gallery/calibrate.h"
#include "gallery/gallery.h"
#include "gallery/snapshot.h"

#include <math.h>
#include <string.h>

#include "base/error.h"

typedef struct {
  gint64 id, label_id;
} Entry;

#define ID G_GINT64_FORMAT
#define PROBE_BYTES_MAX ((size_t) 64 << 20)

static DmlLabels *
load_labels (DmlStore *store, GError **error)
{
  g_autoptr (DmlLabels) labels = dml_labels_new ();
  g_autoptr (DmlStmt) stmt =
    dml_store_prepare (store, "SELECT id, name, data FROM label ORDER BY id",
                       "reading labels", error);
  gboolean row;

  if (stmt == NULL)
    return NULL;
  for (;;) {
    const char *name, *data = NULL;
    gint64 id;

    if (!dml_store_step (store, stmt, &row, "reading labels", error))
      return NULL;
    if (!row)
      return g_steal_pointer (&labels);
    id = sqlite3_column_int64 (stmt, 0);
    name = dml_store_text (stmt, 1, STORE_LABEL_MAX);
    if (name == NULL || *name == '\0')
      return dml_fail_null (error, FORMAT,
                            "%s: label %" ID " is damaged: its name is no text",
                            store->path, id);
    if (sqlite3_column_type (stmt, 2) != SQLITE_NULL) {
      data = dml_store_text (stmt, 2, STORE_BLOB_MAX);
      if (data == NULL)
        return dml_fail_null (
          error, FORMAT, "%s: label %" ID " is damaged: its data is no text",
          store->path, id);
    }
    if (labels->n > 0 && id <= labels->ids[labels->n - 1])
      return dml_fail_null (error, FORMAT,
                            "%s: the file is damaged: its labels are not in "
                            "order",
                            store->path);
    dml_labels_add (labels, id, name, data);
  }
}

static int
compare_entries (gconstpointer a, gconstpointer b)
{
  const Entry *x = a, *y = b;

  return (x->id > y->id) - (x->id < y->id);
}

/* Which items there are: answered from the index alone, without vectors. */
static GArray *
load_entries (DmlStore *store, GError **error)
{
  g_autoptr (GArray) entries = g_array_new (FALSE, FALSE, sizeof (Entry));
  g_autoptr (DmlStmt) stmt = dml_store_prepare (
    store, "SELECT id, label_id FROM item", "reading items", error);
  const gint64 most =
    store->n_bytes / (gint64) (store->space.dim * sizeof (float));
  gboolean row;

  if (stmt == NULL)
    return NULL;
  for (;;) {
    Entry entry;

    if (!dml_store_step (store, stmt, &row, "reading items", error))
      return NULL;
    if (!row)
      break;
    entry =
      (Entry){ sqlite3_column_int64 (stmt, 0), sqlite3_column_int64 (stmt, 1) };
    if (entries->len >= MIN (most, G_MAXINT32))
      return dml_fail_null (error, FORMAT,
                            "%s: the file is damaged: it lists more items than "
                            "its %" ID " bytes can hold",
                            store->path, store->n_bytes);
    g_array_append_val (entries, entry);
  }
  g_array_sort (entries, compare_entries);
  for (guint i = 1; i < entries->len; i++)
    if (g_array_index (entries, Entry, i).id ==
        g_array_index (entries, Entry, i - 1).id)
      return dml_fail_null (
        error, FORMAT, "%s: the file is damaged: it lists item %" ID " twice",
        store->path, g_array_index (entries, Entry, i).id);
  return g_steal_pointer (&entries);
}

static gboolean
check_vector (const DmlSpace *space, const void *blob, int n_bytes,
              float *vector, char **what)
{
  double sum = 0.0;

  if (blob == NULL || (gsize) n_bytes != space->dim * sizeof (float)) {
    *what = g_strdup_printf ("its vector has %d bytes, not %zu", n_bytes,
                             space->dim * sizeof (float));
    return FALSE;
  }
  memcpy (vector, blob, (gsize) n_bytes);
  for (guint i = 0; i < space->dim; i++) {
#if G_BYTE_ORDER == G_BIG_ENDIAN
    guint32 bits;

    memcpy (&bits, vector + i, sizeof bits);
    bits = GUINT32_FROM_LE (bits);
    memcpy (vector + i, &bits, sizeof bits);
#endif
    if (!isfinite (vector[i])) {
      *what = g_strdup_printf ("number %u of its vector is not finite", i);
      return FALSE;
    }
    sum += (double) vector[i] * (double) vector[i];
  }
  /* Rounding to float leaves 1e-7 or so. */
  if (space->metric == DML_METRIC_COSINE && fabs (sum - 1.0) > 1e-3) {
    *what = g_strdup_printf ("its vector has length %g, not 1", sqrt (sum));
    return FALSE;
  }
  return TRUE;
}

gboolean
dml_vector_column (const DmlSpace *space, DmlStmt *stmt, int column,
                   float *vector, char **what)
{
  const void *blob = sqlite3_column_type (stmt, column) == SQLITE_BLOB
                       ? sqlite3_column_blob (stmt, column)
                       : NULL;

  return check_vector (space, blob, sqlite3_column_bytes (stmt, column), vector,
                       what);
}

static gboolean
read_vector (DmlStore *store, DmlStmt *stmt, gint64 id, float *vector,
             GError **error)
{
  g_autofree char *what = NULL;

  return dml_vector_column (&store->space, stmt, 1, vector, &what) ||
         dml_fail (error, FORMAT,
                   "%s: item %" ID " is damaged: %s; remove it and enrol again",
                   store->path, id, what);
}

/* Most are new: one pass over the table. */
static gboolean
scan_vectors (DmlStore *store, DmlSnapshot *snapshot, GError **error)
{
  g_autoptr (DmlStmt) stmt = dml_store_prepare (
    store, "SELECT id, vector FROM item ORDER BY id", "reading items", error);
  gboolean row;

  if (stmt == NULL)
    return FALSE;
  for (guint i = 0;; i++) {
    if (!dml_store_step (store, stmt, &row, "reading items", error))
      return FALSE;
    if (!row && i == snapshot->n_items)
      return TRUE;
    if (!row || i == snapshot->n_items ||
        sqlite3_column_int64 (stmt, 0) != snapshot->ids[i])
      return dml_fail (error, FORMAT,
                       "%s: the file is damaged: its table of items and its "
                       "index disagree",
                       store->path);
    if (!read_vector (store, stmt, snapshot->ids[i],
                      snapshot->rows + (size_t) i * snapshot->space.dim, error))
      return FALSE;
  }
}

/* Few are new: the others from the last snapshot. @known: the row there or
 * -1. */
static gboolean
fetch_vectors (DmlStore *store, DmlSnapshot *snapshot, const DmlSnapshot *last,
               const gint *known, GError **error)
{
  const guint dim = snapshot->space.dim;
  g_autoptr (DmlStmt) stmt = dml_store_prepare (
    store, "SELECT id, vector FROM item WHERE id = ?", "reading items", error);

  if (stmt == NULL)
    return FALSE;
  for (guint i = 0; i < snapshot->n_items; i++) {
    float *vector = snapshot->rows + (size_t) i * dim;
    gboolean row;

    if (known[i] >= 0) {
      memcpy (vector, dml_snapshot_row (last, (guint) known[i]),
              dim * sizeof (float));
      continue;
    }
    sqlite3_reset (stmt);
    sqlite3_bind_int64 (stmt, 1, snapshot->ids[i]);
    if (!dml_store_step (store, stmt, &row, "reading items", error))
      return FALSE;
    if (!row)
      return dml_fail (error, FORMAT,
                       "%s: the file is damaged: item %" ID " is in the index "
                       "of items and nowhere else",
                       store->path, snapshot->ids[i]);
    if (!read_vector (store, stmt, snapshot->ids[i], vector, error))
      return FALSE;
  }
  return TRUE;
}

static gboolean
load_vectors (DmlStore *store, DmlSnapshot *snapshot, const DmlSnapshot *last,
              GError **error)
{
  g_autofree gint *known = NULL;
  guint n_known = 0;

  if (last != NULL) {
    known = g_new (gint, snapshot->n_items + 1);
    for (guint i = 0, j = 0; i < snapshot->n_items; i++) {
      while (j < last->n_items && last->ids[j] < snapshot->ids[i])
        j++;
      known[i] =
        j < last->n_items && last->ids[j] == snapshot->ids[i] ? (gint) j : -1;
      n_known += known[i] >= 0;
    }
  }
  /* A look-up costs some four rows of a scan. */
  if (snapshot->n_items - n_known > snapshot->n_items / 4)
    return scan_vectors (store, snapshot, error);
  return n_known == 0 || fetch_vectors (store, snapshot, last, known, error);
}

/* The probe of one item, if it has one, as the next of the snapshot's. */
static gboolean
fetch_probe (DmlStore *store, DmlStmt *stmt, DmlSnapshot *snapshot, guint row,
             GError **error)
{
  const gint64 id = snapshot->ids[row];
  float *probe =
    snapshot->probes + (size_t) snapshot->n_probes * snapshot->space.dim;
  gboolean there;

  sqlite3_reset (stmt);
  sqlite3_bind_int64 (stmt, 1, id);
  if (!dml_store_step (store, stmt, &there, "reading probes", error))
    return FALSE;
  if (!there || sqlite3_column_type (stmt, 1) == SQLITE_NULL)
    return TRUE;
  if (!read_vector (store, stmt, id, probe, error))
    return FALSE;
  snapshot->probe_of[snapshot->n_probes++] = row;
  return TRUE;
}

/* All probes or, of more than PROBE_BYTES_MAX, of every so many items: they are
 * for measuring with. What @last knows of an item is copied. */
static gboolean
load_probes (DmlStore *store, DmlSnapshot *snapshot, const DmlSnapshot *last,
             GError **error)
{
  const size_t row_bytes = snapshot->space.dim * sizeof (float);
  const guint most = (guint) MAX (1, PROBE_BYTES_MAX / row_bytes);
  const guint stride = snapshot->n_items / most + 1;
  const gboolean copy = stride == 1 && last != NULL && last->all_probes;
  g_autoptr (DmlStmt) stmt = dml_store_prepare (
    store, "SELECT id, probe FROM item WHERE id = ?", "reading probes", error);
  guint l = 0, p = 0;

  if (stmt == NULL || !dml_snapshot_alloc_probes (
                        snapshot, snapshot->n_items / stride + 1, error))
    return FALSE;
  snapshot->all_probes = stride == 1;
  for (guint i = 0; i < snapshot->n_items; i += stride) {
    while (copy && l < last->n_items && last->ids[l] < snapshot->ids[i])
      l++;
    if (!copy || l == last->n_items || last->ids[l] != snapshot->ids[i]) {
      if (!fetch_probe (store, stmt, snapshot, i, error))
        return FALSE;
      continue;
    }
    while (p < last->n_probes && last->probe_of[p] < l)
      p++;
    if (p < last->n_probes && last->probe_of[p] == l) {
      memcpy (snapshot->probes + (size_t) snapshot->n_probes * last->space.dim,
              last->probes + (size_t) p * last->space.dim, row_bytes);
      snapshot->probe_of[snapshot->n_probes++] = i;
    }
  }
  return TRUE;
}

/* A number of a row, NaN for NULL. */
static double
column_number (DmlStmt *stmt, int column)
{
  return sqlite3_column_type (stmt, column) == SQLITE_NULL
           ? (double) NAN
           : sqlite3_column_double (stmt, column);
}

static gboolean
load_thresholds (DmlStore *store, GArray *thresholds, GError **error)
{
  g_autoptr (DmlStmt) stmt = dml_store_prepare (
    store,
    "SELECT key, v ->> 'false_accept_rate', v ->> 'lead', v ->> 'crowd',"
    " v ->> 'lower', v ->> 'upper', v ->> 'sure', v ->> 'true_accept_rate',"
    " v ->> 'n_labels', v ->> 'n_genuine', v ->> 'revision', v ->> 'share'"
    " FROM (SELECT key, CASE json_valid (value) WHEN 1 THEN value ELSE '{}' END"
    "   AS v FROM calibration"
    "   WHERE key GLOB 'item/*' OR key GLOB 'prototype/*' ORDER BY key)",
    "reading thresholds", error);
  gboolean row;

  if (stmt == NULL)
    return FALSE;
  for (;;) {
    DmlStoredLead t;
    const char *key;

    if (!dml_store_step (store, stmt, &row, "reading thresholds", error))
      return FALSE;
    if (!row)
      return TRUE;
    key = (const char *) sqlite3_column_text (stmt, 0);
    t = (DmlStoredLead){
      .prototype = key != NULL && key[0] == 'p',
      .threshold = { .false_accept_rate = column_number (stmt, 1),
                     .threshold = column_number (stmt, 2),
                     .n_genuine = (guint) sqlite3_column_int (stmt, 9),
                     .n_impostor = (guint) sqlite3_column_int (stmt, 8),
                     .lower = column_number (stmt, 4),
                     .upper = column_number (stmt, 5) },
      .n_crowd = (guint) sqlite3_column_int (stmt, 3),
      .sure = column_number (stmt, 6),
      .true_accept = column_number (stmt, 7),
      .revision = sqlite3_column_int64 (stmt, 10),
      .n_labels = (guint) sqlite3_column_int (stmt, 8),
    };
    if (!(t.threshold.false_accept_rate > 0.0 &&
          t.threshold.false_accept_rate < 1.0) ||
        !isfinite (t.threshold.threshold) || t.n_crowd < 1 ||
        t.n_crowd >= DML_NEAREST_LABELS ||
        column_number (stmt, 11) != DML_CROWD_SHARE) {
      g_autofree char *shown = dml_error_quote (key);

      return dml_fail (error, FORMAT,
                       "%s: threshold %s is damaged; calibrate again",
                       store->path, shown);
    }
    g_array_append_val (thresholds, t);
  }
}

static DmlSnapshot *
load (DmlStore *store, const DmlSnapshot *last, GError **error)
{
  g_autoptr (DmlSnapshot) snapshot = NULL;
  g_autoptr (DmlLabels) labels = NULL;
  g_autoptr (GArray) entries = NULL;
  gint64 revision;

  if (!dml_store_revision (store, &revision, error) ||
      !(labels = load_labels (store, error)) ||
      !(entries = load_entries (store, error)))
    return NULL;
  snapshot = dml_snapshot_alloc (
    store->path, &store->space, g_steal_pointer (&labels), entries->len, error);
  if (snapshot == NULL)
    return NULL;
  snapshot->revision = revision;
  for (guint i = 0; i < entries->len; i++) {
    const Entry entry = g_array_index (entries, Entry, i);
    const gint label = dml_labels_find_id (snapshot->labels, entry.label_id);

    if (label < 0)
      return dml_fail_null (error, FORMAT,
                            "%s: item %" ID " is damaged: it belongs to label "
                            "%" ID ", which is not there",
                            store->path, entry.id, entry.label_id);
    snapshot->ids[i] = entry.id;
    snapshot->label_of[i] = (guint32) label;
  }
  if (!load_vectors (store, snapshot, last, error) ||
      !load_probes (store, snapshot, last, error) ||
      !load_thresholds (store, snapshot->thresholds, error) ||
      !dml_snapshot_seal (snapshot, error))
    return NULL;
  return g_steal_pointer (&snapshot);
}

DmlSnapshot *
dml_snapshot_load (DmlStore *store, const DmlSnapshot *last, GError **error)
{
  DmlSnapshot *snapshot = NULL;

  if (!dml_store_read_begin (store, error))
    return NULL;
  snapshot = load (store, last, error);
  dml_store_read_end (store);
  return snapshot;
}

/* Under the lock. (transfer none) */
static DmlSnapshot *
current_snapshot (DmlGallery *gallery, GError **error)
{
  DmlSnapshot *snapshot = gallery->snapshot;
  gint64 revision, version;

  if (gallery->in_session)
    return dml_fail_null (error, INVALID,
                          "%s: a snapshot shows what is committed; commit "
                          "first",
                          gallery->path);
  if (!dml_store_revision (gallery->store, &revision, error) ||
      !dml_store_data_version (gallery->store, &version, error))
    return NULL;
  if (snapshot != NULL && version == gallery->data_version &&
      revision == snapshot->revision)
    return snapshot;
  /* A lower revision is another history: a backup that was put back. */
  if (snapshot != NULL && revision <= snapshot->revision)
    g_clear_pointer (&gallery->snapshot, dml_snapshot_unref);
  snapshot = dml_snapshot_load (gallery->store, gallery->snapshot, error);
  if (snapshot == NULL)
    return NULL;
  g_clear_pointer (&gallery->snapshot, dml_snapshot_unref);
  gallery->snapshot = snapshot;
  gallery->data_version = version;
  return snapshot;
}

DmlSnapshot *
dml_gallery_get_snapshot (DmlGallery *gallery, GError **error)
{
  DmlSnapshot *snapshot;

  if (!dml_gallery_lock_current (gallery, error))
    return NULL;
  snapshot = current_snapshot (gallery, error);
  if (snapshot != NULL)
    dml_snapshot_ref (snapshot);
  dml_gallery_unlock (gallery);
  return snapshot;
}
