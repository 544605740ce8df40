/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Changes: each a transaction of its own, or a savepoint of a longer one. */
#include "gallery/gallery.h"

#include "base/error.h"
#include "base/suggest.h"
#include "gallery/stored_item.h"

/* ---- labels -------------------------------------------------------------- */

/* "did you mean" for a label that is not there. */
static gboolean
fail_no_label (DmlGallery *gallery, const char *label, GError **error)
{
  g_autofree char *shown = dml_error_quote (label);
  g_autofree char *shown_near = NULL;
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (DmlStmt) stmt = dml_store_prepare (
    gallery->store, "SELECT name FROM label", "looking for a label", NULL);
  const char *near;

  while (stmt != NULL && sqlite3_step (stmt) == SQLITE_ROW) {
    const char *name = (const char *) sqlite3_column_text (stmt, 0);

    if (name != NULL && g_utf8_validate (name, -1, NULL))
      g_ptr_array_add (names, g_strdup (name));
  }
  near = dml_suggest (label, (const char *const *) names->pdata, names->len);
  if (near == NULL)
    return dml_fail (error, NOT_FOUND, "%s: no label %s, nor one like it",
                     gallery->path, shown);
  shown_near = dml_error_quote (near);
  return dml_fail (error, NOT_FOUND, "%s: no label %s; did you mean %s?",
                   gallery->path, shown, shown_near);
}

/* *id is 0 where there is no such label. */
static gboolean
look_up_label (DmlGallery *gallery, const char *label, gint64 *id,
               GError **error)
{
  g_autoptr (DmlStmt) stmt =
    dml_store_prepare (gallery->store, "SELECT id FROM label WHERE name = ?",
                       "looking for a label", error);
  gboolean row;

  if (stmt == NULL)
    return FALSE;
  sqlite3_bind_text (stmt, 1, label, -1, SQLITE_STATIC);
  if (!dml_store_step (gallery->store, stmt, &row, "looking for a label",
                       error))
    return FALSE;
  *id = row ? sqlite3_column_int64 (stmt, 0) : 0;
  return TRUE;
}

gboolean
dml_gallery_find_label (DmlGallery *gallery, const char *label, gint64 *id,
                        GError **error)
{
  return look_up_label (gallery, label, id, error) &&
         (*id != 0 || fail_no_label (gallery, label, error));
}

/* A statement with one id and nullable text: most changes are no more. */
static gboolean
run_on_id (DmlGallery *gallery, const char *sql, gint64 id, const char *text,
           const char *doing, GError **error)
{
  g_autoptr (DmlStmt) stmt =
    dml_store_prepare (gallery->store, sql, doing, error);

  if (stmt == NULL)
    return FALSE;
  sqlite3_bind_int64 (stmt, 1, id);
  if (sqlite3_bind_parameter_count (stmt) > 1)
    sqlite3_bind_text (stmt, 2, text, -1, SQLITE_STATIC);
  return dml_store_run (gallery->store, stmt, doing, error);
}

gboolean
dml_gallery_add_label (DmlGallery *gallery, const char *label, gint64 *id,
                       GError **error)
{
  g_autoptr (DmlStmt) stmt = NULL;

  if (!look_up_label (gallery, label, id, error))
    return FALSE;
  if (*id != 0)
    return TRUE;
  stmt = dml_store_prepare (
    gallery->store, "INSERT INTO label (name) VALUES (?)", "enrolling", error);
  if (stmt == NULL)
    return FALSE;
  sqlite3_bind_text (stmt, 1, label, -1, SQLITE_STATIC);
  if (!dml_store_run (gallery->store, stmt, "enrolling", error))
    return FALSE;
  *id = sqlite3_last_insert_rowid (gallery->store->db);
  return TRUE;
}

/* ---- enrolling ----------------------------------------------------------- */

/* @blobs: room for the vector and the probe as they are stored. */
static gboolean
enroll_one (DmlGallery *gallery, DmlStmt *stmt, DmlStoredItem *item,
            const DmlItemInfo *info, const float *vector, size_t number,
            float *blobs, gint64 *id, GError **error)
{
  static const DmlItemInfo nothing = { .quality = -1 };
  const guint dim = gallery->space.dim;
  g_autofree char *source = NULL;

  if (info == NULL)
    info = &nothing;
  if (info->content != NULL && !dml_is_sha256 (info->content))
    return dml_fail (error, INVALID,
                     "%s: the content of item %zu is no SHA-256, 64 "
                     "hexadecimal digits; nothing was enrolled",
                     gallery->path, number);
  if (!dml_vector_pack (gallery->store, vector, number, blobs, error) ||
      (info->probe != NULL && !dml_vector_pack (gallery->store, info->probe,
                                                number, blobs + dim, error)))
    return FALSE;
  /* A path need not be UTF-8; a column of text must. */
  source = info->source != NULL ? g_utf8_make_valid (info->source, -1) : NULL;
  item->vector = blobs;
  item->probe = info->probe != NULL ? blobs + dim : NULL;
  item->quality = info->quality;
  item->source = source;
  item->thumbnail = NULL;
  if (info->thumbnail != NULL)
    item->thumbnail = g_bytes_get_data (info->thumbnail, &item->n_thumbnail);
  item->content = info->content;
  item->views = MIN (info->views, DML_VIEWS_MAX);
  return dml_stored_item_add (gallery->store, stmt, item, id, error);
}

static gboolean
enroll (DmlGallery *gallery, const char *label, const float *vectors,
        const DmlItemInfo *infos, size_t n, gint64 *items, GError **error)
{
  const guint dim = gallery->space.dim;
  g_autofree char *added = dml_store_now ();
  g_autofree float *blobs = g_new (float, 2 * (size_t) dim);
  g_autoptr (DmlStmt) stmt = NULL;
  DmlStoredItem item = { .added = added };

  if (!dml_store_add_origin (gallery->store, error) ||
      !(stmt = dml_stored_item_insert (gallery->store, error)) ||
      !dml_gallery_add_label (gallery, label, &item.label_id, error))
    return FALSE;
  for (size_t i = 0; i < n; i++)
    if (!enroll_one (gallery, stmt, &item, infos != NULL ? &infos[i] : NULL,
                     vectors + i * dim, i, blobs,
                     items != NULL ? &items[i] : NULL, error))
      return FALSE;
  return TRUE;
}

gboolean
dml_gallery_enroll (DmlGallery *gallery, const char *label,
                    const float *vectors, const DmlItemInfo *infos, size_t n,
                    gint64 *items, GError **error)
{
  g_return_val_if_fail (n > 0 && vectors != NULL, FALSE);
  if (!dml_label_check (label, gallery->path, error) ||
      !dml_gallery_change_begin (gallery, "enrolling", error))
    return FALSE;
  return dml_gallery_change_end (
    gallery, enroll (gallery, label, vectors, infos, n, items, error), error);
}

/* ---- removing ------------------------------------------------------------ */

static gboolean
remove_label (DmlGallery *gallery, const char *label, guint *n_removed,
              GError **error)
{
  gint64 id;

  if (!dml_gallery_find_label (gallery, label, &id, error) ||
      !run_on_id (gallery,
                  "DELETE FROM tag WHERE item_id IN"
                  " (SELECT id FROM item WHERE label_id = ?)",
                  id, NULL, "removing", error) ||
      !run_on_id (gallery, "DELETE FROM item WHERE label_id = ?", id, NULL,
                  "removing", error))
    return FALSE;
  if (n_removed != NULL)
    *n_removed = (guint) sqlite3_changes (gallery->store->db);
  return run_on_id (gallery, "DELETE FROM label WHERE id = ?", id, NULL,
                    "removing", error);
}

gboolean
dml_gallery_remove_label (DmlGallery *gallery, const char *label,
                          guint *n_removed, GError **error)
{
  if (!dml_label_check (label, gallery->path, error) ||
      !dml_gallery_change_begin (gallery, "removing", error))
    return FALSE;
  gallery->removed = TRUE;
  return dml_gallery_change_end (
    gallery, remove_label (gallery, label, n_removed, error), error);
}

static gboolean
remove_item (DmlGallery *gallery, gint64 item, GError **error)
{
  if (!run_on_id (gallery, "DELETE FROM tag WHERE item_id = ?", item, NULL,
                  "removing", error) ||
      !run_on_id (gallery, "DELETE FROM item WHERE id = ?", item, NULL,
                  "removing", error))
    return FALSE;
  return sqlite3_changes (gallery->store->db) == 1 ||
         dml_fail (error, NOT_FOUND,
                   "%s: no item %" G_GINT64_FORMAT
                   "; it may be removed already",
                   gallery->path, item);
}

gboolean
dml_gallery_remove_item (DmlGallery *gallery, gint64 item, GError **error)
{
  if (!dml_gallery_change_begin (gallery, "removing", error))
    return FALSE;
  gallery->removed = TRUE;
  return dml_gallery_change_end (gallery, remove_item (gallery, item, error),
                                 error);
}

/* ---- names and what belongs to them -------------------------------------- */

static gboolean
merge_labels (DmlGallery *gallery, gint64 from, gint64 to, GError **error)
{
  g_autoptr (DmlStmt) stmt = dml_store_prepare (
    gallery->store, "UPDATE item SET label_id = ? WHERE label_id = ?",
    "renaming", error);

  if (stmt == NULL)
    return FALSE;
  sqlite3_bind_int64 (stmt, 1, to);
  sqlite3_bind_int64 (stmt, 2, from);
  return dml_store_run (gallery->store, stmt, "renaming", error) &&
         run_on_id (gallery, "DELETE FROM label WHERE id = ?", from, NULL,
                    "renaming", error);
}

static gboolean
rename_label (DmlGallery *gallery, const char *label, const char *new_label,
              gboolean merge, GError **error)
{
  gint64 from, to;

  if (!dml_gallery_find_label (gallery, label, &from, error) ||
      !look_up_label (gallery, new_label, &to, error))
    return FALSE;
  if (to == from)
    return TRUE;
  if (to == 0)
    return run_on_id (gallery, "UPDATE label SET name = ?2 WHERE id = ?1", from,
                      new_label, "renaming", error);
  if (!merge) {
    g_autofree char *shown = dml_error_quote (new_label);

    return dml_fail (error, INVALID,
                     "%s: there is a label %s already; merge the two "
                     "(--merge), or choose another name",
                     gallery->path, shown);
  }
  return merge_labels (gallery, from, to, error);
}

gboolean
dml_gallery_rename (DmlGallery *gallery, const char *label,
                    const char *new_label, gboolean merge, GError **error)
{
  if (!dml_label_check (label, gallery->path, error) ||
      !dml_label_check (new_label, gallery->path, error) ||
      !dml_gallery_change_begin (gallery, "renaming", error))
    return FALSE;
  return dml_gallery_change_end (
    gallery, rename_label (gallery, label, new_label, merge, error), error);
}

/* SQLite knows JSON; a parser of our own would be one more to attack. */
static gboolean
check_json_object (DmlGallery *gallery, const char *json, GError **error)
{
  g_autoptr (DmlStmt) stmt = dml_store_prepare (
    gallery->store,
    "SELECT json_valid (?1) AND json_type (CASE json_valid (?1) WHEN 1 THEN ?1"
    " ELSE 'null' END) = 'object'",
    "checking JSON", error);
  gboolean row;

  if (stmt == NULL)
    return FALSE;
  sqlite3_bind_text (stmt, 1, json, -1, SQLITE_STATIC);
  if (!dml_store_step (gallery->store, stmt, &row, "checking JSON", error))
    return FALSE;
  return (row && sqlite3_column_int (stmt, 0)) ||
         dml_fail (error, INVALID,
                   "%s: a label's data must be a JSON object such as "
                   "{\"price\": 1.20}; this is none: %.60s",
                   gallery->path, json);
}

static gboolean
set_label_data (DmlGallery *gallery, const char *label, const char *json,
                GError **error)
{
  gint64 id;

  return (json == NULL || check_json_object (gallery, json, error)) &&
         dml_gallery_find_label (gallery, label, &id, error) &&
         run_on_id (gallery, "UPDATE label SET data = ?2 WHERE id = ?1", id,
                    json, "storing a label's data", error);
}

gboolean
dml_gallery_set_label_data (DmlGallery *gallery, const char *label,
                            const char *json, GError **error)
{
  if (!dml_label_check (label, gallery->path, error))
    return FALSE;
  if (json != NULL && !g_utf8_validate (json, -1, NULL))
    return dml_fail (error, INVALID, "%s: a label's data must be UTF-8",
                     gallery->path);
  if (!dml_gallery_change_begin (gallery, "storing a label's data", error))
    return FALSE;
  return dml_gallery_change_end (
    gallery, set_label_data (gallery, label, json, error), error);
}
