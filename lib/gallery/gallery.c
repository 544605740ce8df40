/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The public handle: opening, lock, transactions. */
#include "gallery/gallery.h"

#include "base/error.h"
#include "gallery/snapshot.h"

G_DEFINE_BOXED_TYPE (DmlGallery, dml_gallery, dml_gallery_ref,
                     dml_gallery_unref)

/* ---- opening and closing ------------------------------------------------- */

DmlGallery *
dml_gallery_open_space (const char *path, DmlGalleryFlags flags,
                        const DmlSpace *space, GError **error)
{
  const gboolean write = flags != DML_GALLERY_READ;
  g_autoptr (DmlStore) store = NULL;
  g_autoptr (GError) why = NULL;
  DmlGallery *gallery;

  if (*path == '\0')
    return dml_fail_null (error, NOT_FOUND,
                          "the gallery's path is empty; name a file");
  store = dml_store_open (path, write, &why);
  if (store == NULL && flags == DML_GALLERY_CREATE &&
      g_error_matches (why, DML_ERROR, DML_ERROR_NOT_FOUND)) {
    if (space == NULL)
      return dml_fail_null (error, INVALID,
                            "%s: to make a gallery, say whose embeddings it "
                            "will hold",
                            path);
    g_clear_error (&why);
    if (!dml_store_create (path, space, error))
      return NULL;
    store = dml_store_open (path, write, &why);
  }
  if (store == NULL) {
    g_propagate_error (error, g_steal_pointer (&why));
    return NULL;
  }
  if (space != NULL && !dml_space_check (&store->space, space, path, error))
    return NULL;
  gallery = g_new0 (DmlGallery, 1);
  gallery->ref_count = 1;
  g_rec_mutex_init (&gallery->lock);
  gallery->path = g_strdup (path);
  gallery->write = write;
  gallery->space = dml_space_copy (&store->space);
  gallery->store = g_steal_pointer (&store);
  return gallery;
}

DmlGallery *
dml_gallery_open_unnamed (const char *name, const char *path, GError **error)
{
  g_autoptr (DmlGallery) gallery =
    dml_gallery_open_space (name, DML_GALLERY_WRITE, NULL, error);

  if (gallery == NULL)
    return NULL;
  g_free (gallery->path);
  gallery->path = g_strdup (path);
  g_free (gallery->store->path);
  gallery->store->path = g_strdup (path);
  /* Closing takes a log in as far as the disk lets it, and says nothing. */
  return dml_store_exec (gallery->store, "PRAGMA journal_mode = DELETE",
                         "making the file", error)
           ? g_steal_pointer (&gallery)
           : NULL;
}

/* Undoes what is open and lets the others in. */
static void
session_end (DmlGallery *gallery)
{
  if (!sqlite3_get_autocommit (gallery->store->db))
    sqlite3_exec (gallery->store->db, "ROLLBACK", NULL, NULL, NULL);
  g_clear_error (&gallery->lost);
  gallery->raised = gallery->in_session = FALSE;
  dml_gallery_unlock (gallery);
}

DmlGallery *
dml_gallery_ref (DmlGallery *gallery)
{
  g_atomic_int_inc (&gallery->ref_count);
  return gallery;
}

void
dml_gallery_unref (DmlGallery *gallery)
{
  if (!g_atomic_int_dec_and_test (&gallery->ref_count))
    return;
  if (gallery->in_session)
    session_end (gallery);
  g_clear_pointer (&gallery->snapshot, dml_snapshot_unref);
  dml_store_close (gallery->store);
  g_clear_error (&gallery->lost);
  dml_space_clear (&gallery->space);
  g_rec_mutex_clear (&gallery->lock);
  g_free (gallery->path);
  g_free (gallery);
}

const char *
dml_gallery_get_path (DmlGallery *gallery)
{
  return gallery->path;
}

const char *
dml_gallery_get_fingerprint (DmlGallery *gallery)
{
  return gallery->space.fingerprint;
}

const char *
dml_gallery_get_encoder_name (DmlGallery *gallery)
{
  return gallery->space.name;
}

guint
dml_gallery_get_dim (DmlGallery *gallery)
{
  return gallery->space.dim;
}

DmlMetric
dml_gallery_get_metric (DmlGallery *gallery)
{
  return gallery->space.metric;
}

/* ---- the lock, and the file that is meant -------------------------------- */

/* Somebody moved another file to the path: a backup put back, a range made on
 * another machine. What is meant is the path, not the file that was there. */
static gboolean
reopen (DmlGallery *gallery, GError **error)
{
  g_autoptr (DmlStore) store =
    dml_store_open (gallery->path, gallery->write, error);

  if (store == NULL ||
      !dml_space_check (&store->space, &gallery->space, gallery->path, error))
    return FALSE;
  g_clear_pointer (&gallery->snapshot, dml_snapshot_unref);
  dml_store_close (gallery->store);
  gallery->store = g_steal_pointer (&store);
  return TRUE;
}

gboolean
dml_gallery_lock_current (DmlGallery *gallery, GError **error)
{
  gboolean current;

  g_rec_mutex_lock (&gallery->lock);
  if (gallery->in_session)
    return TRUE;
  if (dml_store_is_current (gallery->store, &current, error) &&
      (current || reopen (gallery, error)))
    return TRUE;
  g_rec_mutex_unlock (&gallery->lock);
  return FALSE;
}

void
dml_gallery_unlock (DmlGallery *gallery)
{
  g_rec_mutex_unlock (&gallery->lock);
}

gboolean
dml_gallery_get_revision (DmlGallery *gallery, gint64 *revision, GError **error)
{
  gboolean ok;

  if (!dml_gallery_lock_current (gallery, error))
    return FALSE;
  ok = dml_store_revision (gallery->store, revision, error);
  dml_gallery_unlock (gallery);
  return ok;
}

/* ---- transactions -------------------------------------------------------- */

/* Whether the session's transaction is still there: a full disk makes SQLite
 * give it up, and going on would then commit by halves. */
static gboolean
session_holds (DmlGallery *gallery, GError **error)
{
  if (gallery->lost == NULL && sqlite3_get_autocommit (gallery->store->db))
    gallery->lost = g_error_new (DML_ERROR, DML_ERROR_IO,
                                 "%s: the transaction was given up after an "
                                 "earlier failure; nothing of it was kept",
                                 gallery->path);
  if (gallery->lost == NULL)
    return TRUE;
  g_propagate_error (error, g_error_copy (gallery->lost));
  return FALSE;
}

static gboolean
check_writable (DmlGallery *gallery, const char *doing, GError **error)
{
  return gallery->write ||
         dml_fail (error, READ_ONLY,
                   "%s: %s: the gallery was opened for reading only",
                   gallery->path, doing);
}

gboolean
dml_gallery_change_begin (DmlGallery *gallery, const char *doing,
                          GError **error)
{
  if (!check_writable (gallery, doing, error) ||
      !dml_gallery_lock_current (gallery, error))
    return FALSE;
  if (gallery->in_session
        ? session_holds (gallery, error) &&
            dml_store_exec (gallery->store, "SAVEPOINT change", doing, error)
        : dml_store_exec (gallery->store, "BEGIN IMMEDIATE", doing, error))
    return TRUE;
  dml_gallery_unlock (gallery);
  return FALSE;
}

/* Once a transaction. */
static gboolean
raise_revision (DmlGallery *gallery, GError **error)
{
  if (!gallery->raised &&
      !dml_store_exec (
        gallery->store,
        "UPDATE gallery SET value = value + 1 WHERE key = 'revision'",
        "raising the revision", error))
    return FALSE;
  gallery->raised = TRUE;
  return TRUE;
}

/* What was removed still stands in the log until that is taken in. Refused
 * while others read; then the last one to close does it. */
static void
take_log_in (DmlGallery *gallery)
{
  gallery->removed = FALSE;
  sqlite3_busy_timeout (gallery->store->db, 0);
  sqlite3_wal_checkpoint_v2 (gallery->store->db, NULL,
                             SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
  dml_store_restore_timeout (gallery->store);
}

gboolean
dml_gallery_change_end (DmlGallery *gallery, gboolean ok, GError **error)
{
  DmlStore *store = gallery->store;
  const gboolean raised = gallery->raised;

  ok = ok && raise_revision (gallery, error);
  if (gallery->in_session)
    ok = ok && dml_store_exec (store, "RELEASE change", "changing", error);
  else
    ok = ok && dml_store_exec (store, "COMMIT", "committing", error);
  if (!ok && !sqlite3_get_autocommit (store->db))
    sqlite3_exec (store->db,
                  gallery->in_session ? "ROLLBACK TO change; RELEASE change"
                                      : "ROLLBACK",
                  NULL, NULL, NULL);
  if (!ok)
    gallery->raised = raised;
  if (!gallery->in_session) {
    gallery->raised = FALSE;
    if (gallery->removed)
      take_log_in (gallery);
  }
  dml_gallery_unlock (gallery);
  return ok;
}

gboolean
dml_gallery_begin (DmlGallery *gallery, GError **error)
{
  if (!check_writable (gallery, "beginning a transaction", error) ||
      !dml_gallery_lock_current (gallery, error))
    return FALSE;
  if (gallery->in_session
        ? dml_fail (error, INVALID, "%s: a transaction is open already",
                    gallery->path)
        : dml_store_exec (gallery->store, "BEGIN IMMEDIATE",
                          "beginning a transaction", error)) {
    gallery->in_session = TRUE;
    return TRUE; /* locked until commit or rollback */
  }
  dml_gallery_unlock (gallery);
  return FALSE;
}

gboolean
dml_gallery_commit (DmlGallery *gallery, GError **error)
{
  gboolean ok;

  g_return_val_if_fail (gallery->in_session, FALSE);
  ok = session_holds (gallery, error) &&
       dml_store_exec (gallery->store, "COMMIT", "committing", error);
  if (ok && gallery->removed)
    take_log_in (gallery);
  session_end (gallery);
  return ok;
}

void
dml_gallery_rollback (DmlGallery *gallery)
{
  g_return_if_fail (gallery->in_session);
  session_end (gallery);
}
