/* SPDX-License-Identifier: LGPL-2.1-or-later
 * What is stored beside the vectors, and the check of everything. */
#include "gallery/gallery.h"
#include "gallery/snapshot.h"

#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "image/decode.h"

G_DEFINE_BOXED_TYPE (DmlItem, dml_item, dml_item_copy, dml_item_free)

DmlItem *
dml_item_copy (const DmlItem *item)
{
  DmlItem *copy = g_new (DmlItem, 1);

  *copy = (DmlItem){
    item->id,
    g_strdup (item->label),
    g_strdup (item->added),
    g_strdup (item->source),
    item->quality,
    g_strdup (item->content),
    item->views,
  };
  return copy;
}

void
dml_item_free (DmlItem *item)
{
  if (item == NULL)
    return;
  g_free (item->label);
  g_free (item->added);
  g_free (item->source);
  g_free (item->content);
  g_free (item);
}

/* A column as text that may be shown, whatever stands there. */
static char *
column_string (DmlStmt *stmt, int column)
{
  const char *text = (const char *) sqlite3_column_text (stmt, column);

  return text != NULL ? g_utf8_make_valid (text, -1) : NULL;
}

static GPtrArray *
read_items (DmlGallery *gallery, const char *label, GError **error)
{
  g_autoptr (GPtrArray) items =
    g_ptr_array_new_with_free_func ((GDestroyNotify) dml_item_free);
  g_autoptr (DmlStmt) stmt = NULL;
  g_autofree char *sql = NULL;
  gboolean row, has;
  gint64 id = 0;

  if ((label != NULL && !dml_gallery_find_label (gallery, label, &id, error)) ||
      !dml_store_has_origin (gallery->store, &has, error))
    return NULL;
  sql = g_strdup_printf (
    "SELECT item.id, label.name, added, source, ifnull (quality, -1), %s"
    " FROM item JOIN label ON label.id = label_id"
    " WHERE ?1 = 0 OR label_id = ?1 ORDER BY item.id",
    has ? "content, ifnull (views, 0)" : "NULL, 0");
  stmt = dml_store_prepare (gallery->store, sql, "reading items", error);
  if (stmt == NULL)
    return NULL;
  sqlite3_bind_int64 (stmt, 1, id);
  for (;;) {
    DmlItem *item;

    if (!dml_store_step (gallery->store, stmt, &row, "reading items", error))
      return NULL;
    if (!row)
      return g_steal_pointer (&items);
    item = g_new (DmlItem, 1);
    *item =
      (DmlItem){ sqlite3_column_int64 (stmt, 0),
                 column_string (stmt, 1),
                 column_string (stmt, 2),
                 column_string (stmt, 3),
                 sqlite3_column_double (stmt, 4),
                 column_string (stmt, 5),
                 (guint) CLAMP (sqlite3_column_int64 (stmt, 6), 0, G_MAXINT) };
    g_ptr_array_add (items, item);
  }
}

GPtrArray *
dml_gallery_get_items (DmlGallery *gallery, const char *label, GError **error)
{
  GPtrArray *items = NULL;

  if (!dml_gallery_lock_current (gallery, error))
    return NULL;
  if (dml_store_bound_work (gallery->store, error))
    items = read_items (gallery, label, error);
  dml_store_unbound_work (gallery->store);
  dml_gallery_unlock (gallery);
  return items;
}

static GBytes *
read_thumbnail (DmlGallery *gallery, gint64 item, GError **error)
{
  g_autoptr (DmlStmt) stmt = dml_store_prepare (
    gallery->store, "SELECT thumbnail FROM item WHERE id = ?",
    "reading a thumbnail", error);
  gboolean row;

  if (stmt == NULL)
    return NULL;
  sqlite3_bind_int64 (stmt, 1, item);
  if (!dml_store_step (gallery->store, stmt, &row, "reading a thumbnail",
                       error))
    return NULL;
  if (!row)
    return dml_fail_null (error, NOT_FOUND, "%s: no item %" G_GINT64_FORMAT,
                          gallery->path, item);
  if (sqlite3_column_type (stmt, 0) != SQLITE_BLOB)
    return NULL;
  return g_bytes_new (sqlite3_column_blob (stmt, 0),
                      (gsize) sqlite3_column_bytes (stmt, 0));
}

GBytes *
dml_gallery_get_thumbnail (DmlGallery *gallery, gint64 item, GError **error)
{
  GBytes *thumbnail;

  if (!dml_gallery_lock_current (gallery, error))
    return NULL;
  thumbnail = read_thumbnail (gallery, item, error);
  dml_gallery_unlock (gallery);
  return thumbnail;
}

/* ---- verify -------------------------------------------------------------- */

#define PROBLEMS_MAX 1000 /* more than anybody reads */

static void
add_problem (GPtrArray *problems, char *what)
{
  if (problems->len < PROBLEMS_MAX)
    g_ptr_array_add (problems, what);
  else
    g_free (what);
}

/* What SQLite's own check says, in words for people and its own behind them:
 * "Tree 5 page 12: btreeInitPage() returns error code 11". */
static char *
sqlite_problem (const char *line)
{
  g_autofree char *quoted = dml_error_quote_long (line, 200);
  g_autofree char *lower = g_ascii_strdown (line, -1);
  const char *page = strstr (lower, "page ");
  guint64 number = 0;

  if (page != NULL)
    number = g_ascii_strtoull (page + strlen ("page "), NULL, 10);
  if (number > 0)
    return g_strdup_printf ("page %" G_GUINT64_FORMAT
                            " of the file is damaged (SQLite: %s)",
                            number, quoted);
  if (strstr (lower, " index ") != NULL)
    return g_strdup_printf ("an index and its table disagree (SQLite: %s)",
                            quoted);
  return g_strdup_printf ("the file is damaged (SQLite: %s)", quoted);
}

/* A problem for each row, which says it itself. */
static gboolean
collect (DmlStore *store, const char *sql, GPtrArray *problems, GError **error)
{
  g_autoptr (DmlStmt) stmt = dml_store_prepare (store, sql, "verifying", error);
  gboolean row;

  if (stmt == NULL)
    return FALSE;
  for (;;) {
    g_autofree char *what = NULL;

    if (!dml_store_step (store, stmt, &row, "verifying", error))
      return FALSE;
    if (!row)
      return TRUE;
    what = column_string (stmt, 0);
    if (what != NULL)
      add_problem (problems, g_steal_pointer (&what));
  }
}

static gboolean
verify_file (DmlStore *store, GPtrArray *problems, GError **error)
{
  g_autoptr (GPtrArray) rows = g_ptr_array_new_with_free_func (g_free);
  const gboolean ok =
    collect (store, "PRAGMA integrity_check (100)", rows, error);

  /* What was found before damage that stops the reading counts, too. */
  for (guint i = 0; i < rows->len; i++) {
    const char *what = g_ptr_array_index (rows, i);
    g_auto (GStrv) lines = NULL;

    if (strcmp (what, "ok") == 0)
      continue;
    lines = g_strsplit (what, "\n", -1); /* of several pages in one row */
    for (char **line = lines; *line != NULL; line++)
      if (**line != '\0' && !g_str_has_prefix (*line, "*** in database"))
        add_problem (problems, sqlite_problem (*line));
  }
  return ok;
}

static void
verify_vector (DmlStore *store, DmlStmt *stmt, int column, const char *of,
               GPtrArray *problems)
{
  g_autofree float *vector = g_new (float, store->space.dim);
  g_autofree char *what = NULL;

  if (!dml_vector_column (&store->space, stmt, column, vector, &what))
    add_problem (problems,
                 g_strdup_printf ("%s %lld: %s", of,
                                  sqlite3_column_int64 (stmt, 0), what));
}

static gboolean
verify_vectors (DmlStore *store, GPtrArray *problems, GError **error)
{
  g_autoptr (DmlStmt) stmt =
    dml_store_prepare (store, "SELECT id, vector, probe FROM item ORDER BY id",
                       "verifying", error);
  gboolean row;

  if (stmt == NULL)
    return FALSE;
  for (;;) {
    if (!dml_store_step (store, stmt, &row, "verifying", error))
      return FALSE;
    if (!row)
      return TRUE;
    verify_vector (store, stmt, 1, "item", problems);
    if (sqlite3_column_type (stmt, 2) != SQLITE_NULL)
      verify_vector (store, stmt, 2, "probe of item", problems);
  }
}

/* Nobody's thumbnail is larger; a file from elsewhere may say so. */
#define THUMBNAIL_MAX_PIXELS (1 << 24)

static gboolean
verify_thumbnails (DmlStore *store, GPtrArray *problems, GError **error)
{
  static const DmlDecode how = { "its thumbnail", THUMBNAIL_MAX_PIXELS, 0 };
  g_autoptr (DmlStmt) stmt = dml_store_prepare (
    store,
    "SELECT id, thumbnail FROM item WHERE thumbnail IS NOT NULL ORDER BY id",
    "verifying", error);
  gboolean row;

  if (stmt == NULL)
    return FALSE;
  for (;;) {
    g_autoptr (DmlPicture) picture = NULL;
    GError *why = NULL;

    if (!dml_store_step (store, stmt, &row, "verifying", error))
      return FALSE;
    if (!row)
      return TRUE;
    picture = dml_decode (&how, sqlite3_column_blob (stmt, 1),
                          (size_t) sqlite3_column_bytes (stmt, 1), &why);
    if (g_error_matches (why, DML_ERROR, DML_ERROR_NO_MEMORY)) {
      g_propagate_error (error, why);
      return FALSE;
    }
    if (picture == NULL)
      add_problem (problems, g_strdup_printf ("item %lld: %s",
                                              sqlite3_column_int64 (stmt, 0),
                                              why->message));
    g_clear_error (&why);
  }
}

static gboolean
verify_labels (DmlStore *store, GPtrArray *problems, GError **error)
{
  g_autoptr (DmlStmt) stmt = dml_store_prepare (
    store,
    "SELECT id, name, data, data IS NULL OR json_valid (data) FROM label"
    " ORDER BY id",
    "verifying", error);
  gboolean row;

  if (stmt == NULL)
    return FALSE;
  for (;;) {
    const char *name;

    if (!dml_store_step (store, stmt, &row, "verifying", error))
      return FALSE;
    if (!row)
      return TRUE;
    name = dml_store_text (stmt, 1, STORE_LABEL_MAX);
    if (name == NULL || *name == '\0')
      add_problem (problems, g_strdup_printf ("label %lld: its name is no text",
                                              sqlite3_column_int64 (stmt, 0)));
    if (!sqlite3_column_int (stmt, 3) ||
        (sqlite3_column_type (stmt, 2) != SQLITE_NULL &&
         dml_store_text (stmt, 2, STORE_BLOB_MAX) == NULL))
      add_problem (problems, g_strdup_printf ("label %lld: its data is no JSON",
                                              sqlite3_column_int64 (stmt, 0)));
  }
}

static gboolean
verify_origin (DmlStore *store, GPtrArray *problems, GError **error)
{
  gboolean has;

  return dml_store_has_origin (store, &has, error) &&
         (!has || collect (store,
                           "SELECT 'item ' || id || ': its content is no"
                           " SHA-256' FROM item WHERE content IS NOT NULL AND"
                           " (typeof (content) <> 'text' OR"
                           " length (content) <> 64 OR"
                           " content GLOB '*[^0-9a-f]*')",
                           problems, error));
}

static gboolean
verify (DmlStore *store, GPtrArray *problems, GError **error)
{
  return verify_file (store, problems, error) &&
         collect (store,
                  "SELECT 'item ' || id || ' belongs to label ' ||"
                  " quote (label_id) || ', which is not there' FROM item"
                  " WHERE label_id NOT IN (SELECT id FROM label)",
                  problems, error) &&
         collect (store,
                  "SELECT 'tag ' || quote (tag) || ' belongs to item ' ||"
                  " item_id || ', which is not there' FROM tag"
                  " WHERE item_id NOT IN (SELECT id FROM item)",
                  problems, error) &&
         verify_origin (store, problems, error) &&
         verify_labels (store, problems, error) &&
         verify_vectors (store, problems, error) &&
         verify_thumbnails (store, problems, error);
}

gboolean
dml_gallery_verify (DmlGallery *gallery, char ***problems, GError **error)
{
  g_autoptr (GPtrArray) found = g_ptr_array_new_with_free_func (g_free);
  GError *why = NULL;

  *problems = NULL;
  if (!dml_gallery_lock_current (gallery, error))
    return FALSE;
  if (dml_store_bound_work (gallery->store, &why))
    verify (gallery->store, found, &why);
  dml_store_unbound_work (gallery->store);
  /* Whatever else would keep a snapshot from being made. */
  if (why == NULL && found->len == 0 && !gallery->in_session) {
    DmlSnapshot *snapshot = dml_snapshot_load (gallery->store, NULL, &why);

    g_clear_pointer (&snapshot, dml_snapshot_unref);
  }
  dml_gallery_unlock (gallery);
  /* Damage that stops the reading is what was asked for. */
  if (g_error_matches (why, DML_ERROR, DML_ERROR_FORMAT)) {
    add_problem (found, g_strdup (why->message));
    g_clear_error (&why);
  }
  if (why != NULL) {
    g_propagate_error (error, why);
    return FALSE;
  }
  g_ptr_array_add (found, NULL);
  *problems = (char **) g_ptr_array_steal (found, NULL);
  return TRUE;
}
