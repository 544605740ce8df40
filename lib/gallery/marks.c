/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The marks of a snapshot's items, read of the same revision. */
#include "gallery/marks.h"

#include <string.h>

#include "base/error.h"
#include "gallery/gallery.h"

#define TRIES 5 /* while others go on changing the file */

void
dml_marks_clear (DmlMarks *marks)
{
  g_clear_pointer (&marks->snapshot, dml_snapshot_unref);
  g_clear_pointer (&marks->text, g_string_chunk_free);
  g_clear_pointer (&marks->content, g_free);
  g_clear_pointer (&marks->thumbnail, g_free);
  g_clear_pointer (&marks->source, g_free);
}

static void
take_row (DmlMarks *marks, guint row, DmlStmt *stmt)
{
  const char *content = dml_store_text (stmt, 1, 64);
  const char *source = dml_store_text (stmt, 2, STORE_BLOB_MAX);

  if (content != NULL && dml_is_sha256 (content))
    marks->content[row] = g_string_chunk_insert (marks->text, content);
  if (source != NULL)
    marks->source[row] = g_string_chunk_insert (marks->text, source);
  if (marks->thumbnail != NULL &&
      sqlite3_column_type (stmt, 3) == SQLITE_BLOB) {
    const guchar *data = sqlite3_column_blob (stmt, 3);
    g_autofree char *sum = g_compute_checksum_for_data (
      G_CHECKSUM_SHA256, data, (gsize) sqlite3_column_bytes (stmt, 3));

    marks->thumbnail[row] = g_string_chunk_insert (marks->text, sum);
  }
}

/* *stale: the file is not the snapshot's any more. */
static gboolean
read_rows (DmlStore *store, DmlMarks *marks, gboolean *stale, GError **error)
{
  const DmlSnapshot *snapshot = marks->snapshot;
  g_autofree char *sql = NULL;
  g_autoptr (DmlStmt) stmt = NULL;
  gboolean has, row;
  gint64 revision;
  guint i = 0;

  *stale = FALSE;
  if (!dml_store_revision (store, &revision, error) ||
      !dml_store_has_origin (store, &has, error))
    return FALSE;
  sql = g_strdup_printf ("SELECT id, %s, source, %s FROM item ORDER BY id",
                         has ? "content" : "NULL",
                         marks->thumbnail != NULL ? "thumbnail" : "NULL");
  stmt = dml_store_prepare (store, sql, "reading items", error);
  if (stmt == NULL)
    return FALSE;
  *stale = revision != snapshot->revision;
  while (!*stale) {
    if (!dml_store_step (store, stmt, &row, "reading items", error))
      return FALSE;
    if (!row)
      break;
    *stale = i == snapshot->n_items ||
             sqlite3_column_int64 (stmt, 0) != snapshot->ids[i];
    if (!*stale)
      take_row (marks, i++, stmt);
  }
  *stale |= i != snapshot->n_items;
  return TRUE;
}

static gboolean
load_once (DmlGallery *gallery, gboolean thumbnails, DmlMarks *marks,
           gboolean *stale, GError **error)
{
  gboolean ok;
  guint n;

  marks->snapshot = dml_gallery_get_snapshot (gallery, error);
  if (marks->snapshot == NULL)
    return FALSE;
  n = marks->snapshot->n_items;
  marks->text = g_string_chunk_new (4096);
  marks->content = g_new0 (const char *, n + 1);
  marks->source = g_new0 (const char *, n + 1);
  marks->thumbnail = thumbnails ? g_new0 (const char *, n + 1) : NULL;
  if (!dml_gallery_lock_current (gallery, error))
    return FALSE;
  ok = dml_store_read_begin (gallery->store, error);
  if (ok) {
    ok = read_rows (gallery->store, marks, stale, error);
    dml_store_read_end (gallery->store);
  }
  dml_gallery_unlock (gallery);
  return ok;
}

gboolean
dml_marks_load (DmlGallery *gallery, gboolean thumbnails, DmlMarks *marks,
                GError **error)
{
  gboolean stale;

  for (guint i = 0; i < TRIES; i++) {
    dml_marks_clear (marks);
    if (!load_once (gallery, thumbnails, marks, &stale, error))
      return FALSE;
    if (!stale)
      return TRUE;
  }
  return dml_fail (error, BUSY,
                   "%s: others are changing it all the time; try again",
                   gallery->path);
}
