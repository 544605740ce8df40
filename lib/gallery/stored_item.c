/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Rows of the table of items, out and in. */
#include "gallery/stored_item.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "gallery/rows.h"
#include "gallery/snapshot.h"

gboolean
dml_vector_pack (DmlStore *store, const float *vector, size_t number,
                 float *blob, GError **error)
{
  const guint dim = store->space.dim;
  double sum = 0.0, scale = 1.0;

  for (guint i = 0; i < dim; i++) {
    if (!isfinite (vector[i]))
      return dml_fail (error, INVALID,
                       "%s: number %u of embedding %zu is not finite; nothing "
                       "was enrolled",
                       store->path, i, number);
    sum += (double) vector[i] * (double) vector[i];
  }
  if (sqrt (sum) < DML_NORM_LEAST)
    return dml_fail (
      error, INVALID,
      "%s: embedding %zu is all zero: the picture shows nothing; "
      "nothing was enrolled",
      store->path, number);
  if (store->space.metric == DML_METRIC_COSINE)
    scale = 1.0 / sqrt (sum);
  for (guint i = 0; i < dim; i++) {
    const float value = (float) (scale * (double) vector[i]);
    guint32 bits;

    memcpy (&bits, &value, sizeof bits);
    bits = GUINT32_TO_LE (bits);
    memcpy (blob + i, &bits, sizeof bits);
  }
  return TRUE;
}

/* ---- writing ------------------------------------------------------------- */

DmlStmt *
dml_stored_item_insert (DmlStore *store, GError **error)
{
  return dml_store_prepare (
    store,
    "INSERT INTO item (id, label_id, vector, quality, source, added,"
    " thumbnail, probe, content, views) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    "enrolling", error);
}

static void
bind_text (DmlStmt *stmt, int column, const char *text)
{
  if (text != NULL)
    sqlite3_bind_text (stmt, column, text, -1, SQLITE_STATIC);
}

gboolean
dml_stored_item_add (DmlStore *store, DmlStmt *stmt, const DmlStoredItem *item,
                     gint64 *id, GError **error)
{
  const int n_bytes = (int) (store->space.dim * sizeof (float));

  sqlite3_clear_bindings (stmt);
  if (item->id != 0)
    sqlite3_bind_int64 (stmt, 1, item->id);
  sqlite3_bind_int64 (stmt, 2, item->label_id);
  sqlite3_bind_blob (stmt, 3, item->vector, n_bytes, SQLITE_STATIC);
  if (item->quality >= 0.0) /* NaN is no quality either */
    sqlite3_bind_double (stmt, 4, MIN (item->quality, 1.0));
  bind_text (stmt, 5, item->source);
  bind_text (stmt, 6, item->added);
  if (item->thumbnail != NULL)
    sqlite3_bind_blob64 (stmt, 7, item->thumbnail, item->n_thumbnail,
                         SQLITE_STATIC);
  if (item->probe != NULL)
    sqlite3_bind_blob (stmt, 8, item->probe, n_bytes, SQLITE_STATIC);
  bind_text (stmt, 9, item->content);
  if (item->views > 0)
    sqlite3_bind_int64 (stmt, 10, item->views);
  if (!dml_store_run (store, stmt, "enrolling", error))
    return FALSE;
  if (id != NULL)
    *id = sqlite3_last_insert_rowid (store->db);
  return TRUE;
}

gboolean
dml_stored_tags_copy (DmlStore *from, gint64 from_item, DmlStore *to,
                      gint64 to_item, GError **error)
{
  g_autoptr (DmlStmt) read = dml_store_prepare (
    from, "SELECT tag FROM tag WHERE item_id = ?", "reading tags", error);
  g_autoptr (DmlStmt) write = NULL;
  gboolean row;

  if (read == NULL)
    return FALSE;
  sqlite3_bind_int64 (read, 1, from_item);
  for (;;) {
    const char *tag;

    if (!dml_store_step (from, read, &row, "reading tags", error))
      return FALSE;
    if (!row)
      return TRUE;
    tag = dml_store_text (read, 0, STORE_LABEL_MAX);
    if (tag == NULL || *tag == '\0')
      continue;
    if (write == NULL &&
        !(write = dml_store_prepare (
            to, "INSERT OR IGNORE INTO tag (item_id, tag) VALUES (?, ?)",
            "copying tags", error)))
      return FALSE;
    sqlite3_bind_int64 (write, 1, to_item);
    sqlite3_bind_text (write, 2, tag, -1, SQLITE_STATIC);
    if (!dml_store_run (to, write, "copying tags", error))
      return FALSE;
  }
}

/* ---- reading ------------------------------------------------------------- */

DmlStmt *
dml_stored_items (DmlStore *store, GError **error)
{
  gboolean has;

  if (!dml_store_has_origin (store, &has, error))
    return NULL;
  return dml_store_prepare (
    store,
    has ? "SELECT id, label_id, vector, quality, source, added, thumbnail,"
          " probe, content, views FROM item ORDER BY id"
        : "SELECT id, label_id, vector, quality, source, added, thumbnail,"
          " probe, NULL, NULL FROM item ORDER BY id",
    "reading items", error);
}

static const void *
column_vector (DmlStore *store, DmlStmt *stmt, int column, float *numbers,
               GError **error)
{
  g_autofree char *what = NULL;

  if (!dml_vector_column (&store->space, stmt, column, numbers, &what))
    return dml_fail_null (
      error, FORMAT, "%s: item %lld is damaged: %s; remove it and enrol again",
      store->path, sqlite3_column_int64 (stmt, 0), what);
  return sqlite3_column_blob (stmt, column);
}

gboolean
dml_stored_item_next (DmlStore *store, DmlStmt *stmt, DmlStoredItem *item,
                      gboolean *row, GError **error)
{
  g_autofree float *numbers = g_new (float, store->space.dim);
  gint64 views;

  if (!dml_store_step (store, stmt, row, "reading items", error))
    return FALSE;
  if (!*row)
    return TRUE;
  *item = (DmlStoredItem){
    .id = sqlite3_column_int64 (stmt, 0),
    .label_id = sqlite3_column_int64 (stmt, 1),
    .vector = column_vector (store, stmt, 2, numbers, error),
    .quality = sqlite3_column_type (stmt, 3) == SQLITE_FLOAT
                 ? sqlite3_column_double (stmt, 3)
                 : -1.0,
    .source = dml_store_text (stmt, 4, STORE_BLOB_MAX),
    .added = dml_store_text (stmt, 5, STORE_LABEL_MAX),
    .content = dml_store_text (stmt, 8, 64),
  };
  if (item->vector == NULL)
    return FALSE;
  if (sqlite3_column_type (stmt, 7) != SQLITE_NULL &&
      !(item->probe = column_vector (store, stmt, 7, numbers, error)))
    return FALSE;
  if (sqlite3_column_type (stmt, 6) == SQLITE_BLOB) {
    item->thumbnail = sqlite3_column_blob (stmt, 6);
    item->n_thumbnail = (gsize) sqlite3_column_bytes (stmt, 6);
  }
  if (item->added == NULL)
    item->added = "";
  if (item->content != NULL && !dml_is_sha256 (item->content))
    item->content = NULL;
  views = sqlite3_column_int64 (stmt, 9);
  item->views = views >= 1 && views <= DML_VIEWS_MAX ? (guint) views : 0;
  return TRUE;
}
