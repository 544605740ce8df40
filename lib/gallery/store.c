/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Statements on an open gallery file; result codes in words. */
#include "gallery/store.h"

#include <string.h>

#include "base/error.h"

/* Long enough for another process's largest transaction, short enough that an
 * element which cannot start says so while its user still looks. */
static int busy_timeout_ms = 5000;

void
dml_store_set_timeout_ms (int timeout_ms)
{
  busy_timeout_ms = timeout_ms;
}

void
dml_store_restore_timeout (DmlStore *store)
{
  sqlite3_busy_timeout (store->db, busy_timeout_ms);
}

/* ---- whose embeddings ---------------------------------------------------- */

void
dml_space_clear (DmlSpace *space)
{
  g_clear_pointer (&space->fingerprint, g_free);
  g_clear_pointer (&space->name, g_free);
}

DmlSpace
dml_space_copy (const DmlSpace *space)
{
  return (DmlSpace){ g_strdup (space->fingerprint), g_strdup (space->name),
                     space->dim, space->metric };
}

gboolean
dml_space_check (const DmlSpace *have, const DmlSpace *want, const char *path,
                 GError **error)
{
  if (strcmp (have->fingerprint, want->fingerprint) != 0)
    return dml_fail (
      error, MISMATCH,
      "%s: holds %u-dimensional embeddings of encoder %s (%.12s), but %s "
      "(%.12s, %u dimensions) is asked for; use the gallery's encoder, or "
      "enrol the photographs again into a new gallery",
      path, have->dim, have->name, have->fingerprint, want->name,
      want->fingerprint, want->dim);
  if (have->dim != want->dim)
    return dml_fail (error, MISMATCH,
                     "%s: holds embeddings of %u dimensions, encoder %s "
                     "(%.12s) gives %u; the file is damaged, enrol again",
                     path, have->dim, want->name, want->fingerprint, want->dim);
  return TRUE;
}

/* ---- result codes -------------------------------------------------------- */

/* Why reading or writing failed, from the system's number where SQLite kept it
 * and its own words otherwise. */
static gboolean
fail_io (DmlStore *store, const char *doing, const char *why, GError **error)
{
  const int errnum = sqlite3_system_errno (store->db);
  const DmlError code = dml_error_from_errno (errnum);

  if (code == DML_ERROR_NO_SPACE)
    return dml_fail (error, NO_SPACE,
                     "%s: %s: the disk is full; nothing was changed",
                     store->path, doing);
  g_set_error (error, DML_ERROR, errnum != 0 ? code : DML_ERROR_IO,
               "%s: %s: %s", store->path, doing,
               errnum != 0 ? g_strerror (errnum) : why);
  return FALSE;
}

gboolean
dml_store_fail (DmlStore *store, int rc, const char *doing, GError **error)
{
  /* SQLite quotes what it found in the file. */
  g_autofree char *why = dml_error_quote (sqlite3_errmsg (store->db));
  const char *path = store->path;

  switch (rc & 0xff) {
  case SQLITE_FULL:
    return dml_fail (error, NO_SPACE,
                     "%s: %s: the disk is full; nothing was changed", path,
                     doing);
  case SQLITE_BUSY:
  case SQLITE_LOCKED:
  case SQLITE_PROTOCOL:
    return dml_fail (error, BUSY,
                     "%s: %s: another process holds the file; waited %g s, "
                     "try again",
                     path, doing, busy_timeout_ms / 1000.0);
  case SQLITE_READONLY:
  case SQLITE_PERM:
    return dml_fail (error, READ_ONLY,
                     "%s: %s: the file or its folder cannot be written", path,
                     doing);
  case SQLITE_NOTADB:
    return dml_fail (error, FORMAT, "%s: not a gallery: not an SQLite file",
                     path);
  case SQLITE_CORRUPT:
  case SQLITE_INTERRUPT: /* more work than a sound file of its size needs */
  case SQLITE_ERROR:     /* no such table or column */
  case SQLITE_SCHEMA:
    return dml_fail (error, FORMAT, "%s: %s: the file is damaged (%s)", path,
                     doing, why);
  case SQLITE_NOMEM:
    return dml_fail (error, NO_MEMORY, "%s: %s: no memory", path, doing);
  case SQLITE_TOOBIG:
    return dml_fail (error, LIMIT, "%s: %s: a value is larger than %d MiB",
                     path, doing, STORE_BLOB_MAX >> 20);
  default:
    return fail_io (store, doing, why, error);
  }
}

/* ---- statements ---------------------------------------------------------- */

gboolean
dml_store_exec (DmlStore *store, const char *sql, const char *doing,
                GError **error)
{
  const int rc = sqlite3_exec (store->db, sql, NULL, NULL, NULL);

  return rc == SQLITE_OK || dml_store_fail (store, rc, doing, error);
}

DmlStmt *
dml_store_prepare (DmlStore *store, const char *sql, const char *doing,
                   GError **error)
{
  DmlStmt *stmt = NULL;
  const int rc = sqlite3_prepare_v2 (store->db, sql, -1, &stmt, NULL);

  if (rc != SQLITE_OK)
    dml_store_fail (store, rc, doing, error);
  return stmt;
}

gboolean
dml_store_step (DmlStore *store, DmlStmt *stmt, gboolean *row,
                const char *doing, GError **error)
{
  const int rc = sqlite3_step (stmt);

  *row = rc == SQLITE_ROW;
  return rc == SQLITE_ROW || rc == SQLITE_DONE ||
         dml_store_fail (store, rc, doing, error);
}

gboolean
dml_store_run (DmlStore *store, DmlStmt *stmt, const char *doing,
               GError **error)
{
  gboolean row, ok = dml_store_step (store, stmt, &row, doing, error);

  sqlite3_reset (stmt);
  return ok;
}

const char *
dml_store_text (DmlStmt *stmt, int column, gsize most)
{
  const char *text;
  gsize n;

  if (sqlite3_column_type (stmt, column) != SQLITE_TEXT) /* asked first: */
    return NULL;
  text = (const char *) sqlite3_column_text (stmt, column); /* this converts */
  n = (gsize) sqlite3_column_bytes (stmt, column);
  if (text == NULL || n > most || strlen (text) != n ||
      !g_utf8_validate (text, -1, NULL))
    return NULL;
  return text;
}

char *
dml_store_now (void)
{
  g_autoptr (GDateTime) now = g_date_time_new_now_utc ();

  return g_date_time_format (now, "%Y-%m-%dT%H:%M:%SZ");
}

gboolean
dml_store_number (DmlStore *store, const char *sql, gint64 *number,
                  GError **error)
{
  g_autoptr (DmlStmt) stmt = dml_store_prepare (store, sql, "reading", error);
  gboolean row;

  if (stmt == NULL || !dml_store_step (store, stmt, &row, "reading", error))
    return FALSE;
  if (!row || sqlite3_column_type (stmt, 0) != SQLITE_INTEGER)
    return dml_fail (error, FORMAT,
                     "%s: the file is damaged: '%s' gives no number",
                     store->path, sql);
  *number = sqlite3_column_int64 (stmt, 0);
  return TRUE;
}

gboolean
dml_store_revision (DmlStore *store, gint64 *revision, GError **error)
{
  return dml_store_number (
    store, "SELECT value FROM gallery WHERE key = 'revision'", revision, error);
}

gboolean
dml_store_data_version (DmlStore *store, gint64 *version, GError **error)
{
  return dml_store_number (store, "PRAGMA data_version", version, error);
}

/* ---- a bound on reading -------------------------------------------------- */

/* Pages of a hostile file may refer to each other so that a scan visits them
 * again and again. A row of a sound file takes at least ten bytes and well
 * under a hundred steps of SQLite's machine. */
#define WORK_STEP 1000000
#define WORK_FREE 20 /* steps of a million that any file may take */

static int
work_count (void *data)
{
  DmlStore *store = data;

  return store->work_left-- <= 0;
}

gboolean
dml_store_bound_work (DmlStore *store, GError **error)
{
  gint64 n_pages, page_size;

  sqlite3_progress_handler (store->db, 0, NULL, NULL);
  if (!dml_store_number (store, "PRAGMA page_count", &n_pages, error) ||
      !dml_store_number (store, "PRAGMA page_size", &page_size, error))
    return FALSE;
  store->n_bytes = n_pages * page_size;
  store->work_left = WORK_FREE + store->n_bytes / (WORK_STEP / 20);
  sqlite3_progress_handler (store->db, WORK_STEP, work_count, store);
  return TRUE;
}

void
dml_store_unbound_work (DmlStore *store)
{
  sqlite3_progress_handler (store->db, 0, NULL, NULL);
}

gboolean
dml_store_read_begin (DmlStore *store, GError **error)
{
  if (!dml_store_exec (store, "BEGIN", "reading", error))
    return FALSE;
  if (dml_store_bound_work (store, error))
    return TRUE;
  dml_store_read_end (store);
  return FALSE;
}

void
dml_store_read_end (DmlStore *store)
{
  dml_store_unbound_work (store);
  if (!sqlite3_get_autocommit (store->db))
    sqlite3_exec (store->db, "COMMIT", NULL, NULL, NULL);
  /* No memory to commit with: left open, it would be in the way of the next. */
  if (!sqlite3_get_autocommit (store->db))
    sqlite3_exec (store->db, "ROLLBACK", NULL, NULL, NULL);
}
