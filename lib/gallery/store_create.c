/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Making a gallery file: written under another name in the same folder, then
 * linked to its own, so that nobody ever sees half of one and a file that is
 * there is never replaced. */
#include "gallery/store.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "gallery-schema.h"

static gboolean
fail_errno (const char *path, int errnum, GError **error)
{
  g_set_error (error, DML_ERROR, dml_error_from_errno (errnum),
               "%s: the gallery cannot be made: %s", path, g_strerror (errnum));
  return FALSE;
}

static gboolean
insert_value (DmlStore *store, const char *key, const char *text, gint64 number,
              GError **error)
{
  g_autoptr (DmlStmt) stmt =
    dml_store_prepare (store, "INSERT INTO gallery (key, value) VALUES (?, ?)",
                       "making the file", error);

  if (stmt == NULL)
    return FALSE;
  sqlite3_bind_text (stmt, 1, key, -1, SQLITE_STATIC);
  if (text != NULL)
    sqlite3_bind_text (stmt, 2, text, -1, SQLITE_STATIC);
  else
    sqlite3_bind_int64 (stmt, 2, number);
  return dml_store_run (store, stmt, "making the file", error);
}

static gboolean
write_schema (DmlStore *store, const DmlSpace *space, GError **error)
{
  g_autofree char *head = g_strdup_printf (
    "PRAGMA application_id = %d; PRAGMA user_version = %d;"
    "PRAGMA synchronous = EXTRA; BEGIN",
    STORE_APPLICATION_ID, 100 * STORE_VERSION_MAJOR + STORE_VERSION_MINOR);
  g_autofree char *created = dml_store_now ();

  return dml_store_exec (store, head, "making the file", error) &&
         dml_store_exec (store, gallery_schema, "making the file", error) &&
         insert_value (store, "fingerprint", space->fingerprint, 0, error) &&
         insert_value (store, "encoder", space->name, 0, error) &&
         insert_value (store, "dim", NULL, space->dim, error) &&
         insert_value (store, "metric",
                       space->metric == DML_METRIC_COSINE ? "cosine"
                                                          : "euclidean",
                       0, error) &&
         insert_value (store, "created", created, 0, error) &&
         insert_value (store, "revision", NULL, 0, error) &&
         dml_store_exec (store, "COMMIT", "making the file", error);
}

static gboolean
write_file (const char *path, const char *name, const DmlSpace *space,
            GError **error)
{
  DmlStore store = { .path = (char *) path };
  gboolean ok;
  int rc = sqlite3_open_v2 (name, &store.db,
                            SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX |
                              SQLITE_OPEN_PRIVATECACHE | SQLITE_OPEN_EXRESCODE,
                            NULL);

  if (store.db == NULL)
    return dml_fail (error, NO_MEMORY, "%s: no memory to make it", path);
  ok = rc == SQLITE_OK ? write_schema (&store, space, error)
                       : dml_store_fail (&store, rc, "making the file", error);
  sqlite3_close_v2 (store.db);
  return ok;
}

/* Gives the finished file its name, unless that is taken. An errno, 0 for done;
 * *taken: another process was first. */
static int
link_file (const char *name, const char *file, gboolean *taken)
{
  int errnum = link (name, file) == 0 ? 0 : errno;

  /* FAT has no links. */
  if (errnum == EPERM || errnum == EOPNOTSUPP || errnum == ENOSYS)
    errnum = renameat2 (AT_FDCWD, name, AT_FDCWD, file, RENAME_NOREPLACE) == 0
               ? 0
               : errno;
  if (errnum == EINVAL || errnum == ENOSYS) /* nor that: the best there is */
    errnum = rename (name, file) == 0 ? 0 : errno;
  *taken = errnum == EEXIST;
  return *taken ? 0 : errnum;
}

gboolean
dml_store_name (const char *path, const char *name, gboolean *taken,
                GError **error)
{
  g_autofree char *file = g_canonicalize_filename (path, NULL);
  g_autofree char *folder = g_path_get_dirname (file);
  int fd, errnum = link_file (name, file, taken);

  if (errnum != 0)
    return fail_errno (path, errnum, error);
  if (*taken)
    return TRUE;
  fd = open (folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0)
    return fail_errno (path, errno, error);
  /* Some file systems cannot sync a folder (EINVAL); the file's data is safe.
   */
  errnum = fsync (fd) != 0 && errno != EINVAL ? errno : 0;
  close (fd);
  return errnum == 0 || fail_errno (path, errnum, error);
}

char *
dml_store_create_unnamed (const char *path, const DmlSpace *space,
                          GError **error)
{
  g_autofree char *file = g_canonicalize_filename (path, NULL);
  g_autofree char *name = g_strconcat (file, ".new-XXXXXX", NULL);
  const int fd = g_mkstemp_full (name, O_RDWR | O_CLOEXEC, 0666);

  if (fd < 0) {
    fail_errno (path, errno, error);
    return NULL;
  }
  close (fd);
  if (write_file (path, name, space, error))
    return g_steal_pointer (&name);
  dml_store_drop_name (g_steal_pointer (&name));
  return NULL;
}

void
dml_store_drop_name (char *name)
{
  static const char *const endings[] = { "", "-journal", "-wal", "-shm" };

  for (gsize i = 0; name != NULL && i < G_N_ELEMENTS (endings); i++) {
    g_autofree char *file = g_strconcat (name, endings[i], NULL);

    g_unlink (file);
  }
  g_free (name);
}

gboolean
dml_store_create (const char *path, const DmlSpace *space, GError **error)
{
  char *name = dml_store_create_unnamed (path, space, error);
  gboolean taken, ok;

  if (name == NULL)
    return FALSE;
  /* Where it is taken, the caller opens that one and checks it. */
  ok = dml_store_name (path, name, &taken, error);
  dml_store_drop_name (name);
  return ok;
}
