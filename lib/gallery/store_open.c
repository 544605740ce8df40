/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Opening a gallery file: where it is, that it is one, what it says about
 * itself; and closing it. */
#include "gallery/store.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/vfs.h>
#endif

#include "base/error.h"

/* Write-ahead logging needs memory that all processes share, which a file
 * system over the network only pretends to have. */
static gboolean
can_log_ahead (const char *file)
{
#ifdef __linux__
  static const guint32 remote[] = {
    0x6969,     /* NFS */
    0x517b,     /* SMB */
    0xfe534d42, /* SMB 2 */
    0xff534d42, /* CIFS */
    0x65735546, /* FUSE */
    0x01021997, /* 9p */
    0x786f4256, /* VirtualBox */
    0x00c36400, /* Ceph */
    0x5346414f, /* AFS */
    0x73757245, /* Coda */
    0x0bd00bd0, /* Lustre */
    0x01161970, /* GFS 2 */
  };
  struct statfs fs;

  if (statfs (file, &fs) != 0)
    return FALSE;
  for (gsize i = 0; i < G_N_ELEMENTS (remote); i++)
    if ((guint32) fs.f_type == remote[i])
      return FALSE;
#endif
  return TRUE;
}

/* Where it is, that it is a file with something in it, and may be written. */
static gboolean
check_place (DmlStore *store, gboolean *writable, GError **error)
{
  g_autofree char *folder = g_path_get_dirname (store->file);
  const char *path = store->path;
  struct stat st;

  if (stat (store->file, &st) != 0) {
    if (strstr (path, "://") != NULL)
      return dml_fail (error, NOT_FOUND,
                       "%s: an address; a gallery is a file on this machine",
                       path);
    if (errno == ENOENT || errno == ENOTDIR)
      return dml_fail (error, NOT_FOUND,
                       "%s: no such file; enrolling into it makes one", path);
    g_set_error (error, DML_ERROR,
                 errno == EACCES ? DML_ERROR_NOT_FOUND /* nothing is written */
                                 : dml_error_from_errno (errno),
                 "%s: %s", path, g_strerror (errno));
    return FALSE;
  }
  if (!S_ISREG (st.st_mode))
    return dml_fail (error, FORMAT, "%s: %s, not a gallery file", path,
                     S_ISDIR (st.st_mode) ? "a folder" : "a device or pipe");
  if (st.st_size == 0)
    return dml_fail (error, FORMAT,
                     "%s: an empty file, not a gallery; remove it to make a "
                     "new gallery of that name",
                     path);
  store->device = st.st_dev;
  store->inode = st.st_ino;
  *writable = FALSE;
  if (eaccess (store->file, R_OK) != 0)
    return dml_fail (error, NOT_FOUND, "%s: cannot be opened: %s", path,
                     g_strerror (errno));
  if (eaccess (store->file, W_OK) != 0)
    return !store->write ||
           dml_fail (error, READ_ONLY, "%s: the file cannot be written: %s",
                     path, g_strerror (errno));
  if (eaccess (folder, W_OK) != 0) /* for the journal */
    return !store->write ||
           dml_fail (error, READ_ONLY,
                     "%s: its folder %s cannot be written, which changes need: "
                     "%s",
                     path, folder, g_strerror (errno));
  *writable = TRUE;
  return TRUE;
}

static gboolean
connect_file (DmlStore *store, const char *name, int flags, GError **error)
{
  int rc;

  rc = sqlite3_open_v2 (name, &store->db,
                        flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE |
                          SQLITE_OPEN_EXRESCODE,
                        NULL);
  if (store->db == NULL)
    return dml_fail (error, NO_MEMORY, "%s: no memory to open it", store->path);
  if (rc != SQLITE_OK)
    return dml_store_fail (store, rc, "opening", error);
  dml_store_restore_timeout (store);
  sqlite3_limit (store->db, SQLITE_LIMIT_LENGTH, STORE_BLOB_MAX);
  sqlite3_db_config (store->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
  /* A file from elsewhere runs none of its own code; what is removed is
   * overwritten; a commit is on the disk, its folder's entry too. */
  return dml_store_exec (store,
                         "PRAGMA trusted_schema = OFF;"
                         "PRAGMA cell_size_check = ON;"
                         "PRAGMA temp_store = MEMORY;"
                         "PRAGMA foreign_keys = ON;"
                         "PRAGMA secure_delete = ON;"
                         "PRAGMA synchronous = EXTRA",
                         "opening", error);
}

/* For reading only. A file that its last process did not close wants a log
 * beside it; where there is none and none can be made, reading without one is
 * right. */
static gboolean
connect_read_only (DmlStore *store, GError **error)
{
  g_autofree char *log = g_strconcat (store->file, "-wal", NULL);
  g_autofree char *uri = NULL, *name = NULL;
  g_autoptr (GError) why = NULL;
  gint64 id;
  int rc;

  if (connect_file (store, store->file, SQLITE_OPEN_READONLY, &why) &&
      dml_store_number (store, "PRAGMA application_id", &id, &why))
    return TRUE;
  rc = sqlite3_errcode (store->db) & 0xff;
  if (store->db == NULL || (rc != SQLITE_CANTOPEN && rc != SQLITE_READONLY)) {
    g_propagate_error (error, g_steal_pointer (&why));
    return FALSE;
  }
  if (g_file_test (log, G_FILE_TEST_EXISTS))
    return dml_fail (error, READ_ONLY,
                     "%s: was not closed, and its log cannot be taken in: the "
                     "file or its folder cannot be written; open it once where "
                     "they can",
                     store->path);
  uri = g_filename_to_uri (store->file, NULL, error);
  if (uri == NULL)
    return FALSE;
  name = g_strconcat (uri, "?immutable=1", NULL);
  sqlite3_close (store->db);
  store->db = NULL;
  return connect_file (store, name, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI,
                       error);
}

static gboolean
check_schema (DmlStore *store, GError **error)
{
  gint64 id, version, n_tables;

  if (!dml_store_number (store, "PRAGMA application_id", &id, error) ||
      !dml_store_number (store, "PRAGMA user_version", &version, error))
    return FALSE;
  if (id != STORE_APPLICATION_ID)
    return dml_fail (error, FORMAT,
                     "%s: an SQLite file, but not a gallery: its application "
                     "id is 0x%08x, a gallery's 0x%08x",
                     store->path, (unsigned) id, STORE_APPLICATION_ID);
  if (version / 100 > STORE_VERSION_MAJOR)
    return dml_fail (error, UNSUPPORTED,
                     "%s: a gallery of schema %d.%d; this program reads %d.x: "
                     "use a newer version of it",
                     store->path, (int) (version / 100), (int) (version % 100),
                     STORE_VERSION_MAJOR);
  if (version / 100 < 1)
    return dml_fail (error, FORMAT,
                     "%s: a gallery of schema version %d, which never was; the "
                     "file is damaged",
                     store->path, (int) version);
  /* Views and virtual tables have no root page. */
  if (!dml_store_number (
        store,
        "SELECT count (*) FROM sqlite_schema WHERE type = 'table'"
        " AND rootpage > 0 AND name IN ('gallery', 'label',"
        " 'item', 'tag', 'calibration')",
        &n_tables, error))
    return FALSE;
  if (n_tables != 5)
    return dml_fail (error, FORMAT,
                     "%s: the file is damaged: %d of a gallery's 5 tables are "
                     "there",
                     store->path, (int) n_tables);
  return TRUE;
}

gboolean
dml_is_sha256 (const char *text)
{
  return strlen (text) == 64 && strspn (text, "0123456789abcdef") == 64;
}

/* Reads and checks what the file says about itself. */
static gboolean
read_space (DmlStore *store, GError **error)
{
  g_autoptr (DmlStmt) stmt = dml_store_prepare (
    store, "SELECT key, value FROM gallery", "reading", error);
  gint64 dim = 0, revision = -1;
  gboolean row;
  int metric = -1;

  if (stmt == NULL)
    return FALSE;
  for (;;) {
    const char *key, *value;

    if (!dml_store_step (store, stmt, &row, "reading", error))
      return FALSE;
    if (!row)
      break;
    key = (const char *) sqlite3_column_text (stmt, 0);
    value = (const char *) sqlite3_column_text (stmt, 1);
    if (key == NULL || value == NULL || !g_utf8_validate (value, -1, NULL))
      continue;
    if (strcmp (key, "fingerprint") == 0) {
      g_free (store->space.fingerprint);
      store->space.fingerprint = g_strdup (value);
    } else if (strcmp (key, "encoder") == 0) {
      g_free (store->space.name);
      store->space.name = g_strdup (value);
    } else if (strcmp (key, "dim") == 0)
      dim = sqlite3_column_int64 (stmt, 1);
    else if (strcmp (key, "revision") == 0)
      revision = sqlite3_column_int64 (stmt, 1);
    else if (strcmp (key, "metric") == 0)
      metric = strcmp (value, "cosine") == 0      ? DML_METRIC_COSINE
               : strcmp (value, "euclidean") == 0 ? DML_METRIC_EUCLIDEAN
                                                  : -1;
  }
#define DAMAGED(key, ...)                                                      \
  dml_fail (error, FORMAT, "%s: the file is damaged: its " key, store->path,   \
            ##__VA_ARGS__)
  if (store->space.fingerprint == NULL ||
      !dml_is_sha256 (store->space.fingerprint))
    return DAMAGED ("encoder's fingerprint is missing or not 64 hexadecimal "
                    "digits");
  if (store->space.name == NULL)
    return DAMAGED ("encoder's name is missing");
  if (dim < 1 || dim > STORE_DIM_MAX)
    return DAMAGED ("dimension is %" G_GINT64_FORMAT ", not 1 to %d", dim,
                    STORE_DIM_MAX);
  if (metric < 0)
    return DAMAGED ("metric is neither cosine nor euclidean");
  if (revision < 0)
    return DAMAGED ("revision is missing");
#undef DAMAGED
  store->space.dim = (guint) dim;
  store->space.metric = (DmlMetric) metric;
  return TRUE;
}

DmlStore *
dml_store_open (const char *path, gboolean write, GError **error)
{
  g_autoptr (DmlStore) store = g_new0 (DmlStore, 1);
  gboolean writable = FALSE;

  store->path = g_strdup (path);
  store->file = g_canonicalize_filename (path, NULL);
  store->write = write;
  if (!check_place (store, &writable, error))
    return NULL;
  /* Readers too open for writing where they may: the last one to leave takes
   * the log in, whoever that is. */
  if (writable
        ? !connect_file (store, store->file, SQLITE_OPEN_READWRITE, error)
        : !connect_read_only (store, error))
    return NULL;
  if (!dml_store_bound_work (store, error) || !check_schema (store, error) ||
      !read_space (store, error))
    return NULL;
  dml_store_unbound_work (store);
  if (!write) {
    if (!dml_store_exec (store, "PRAGMA query_only = ON", "opening", error))
      return NULL;
  } else if (can_log_ahead (store->file)) {
    /* The log is taken in every 256 KiB: on a small card it would otherwise
     * take the room that it is to be taken in to. */
    if (!dml_store_exec (store,
                         "PRAGMA journal_mode = WAL;"
                         "PRAGMA wal_autocheckpoint = 64;"
                         "PRAGMA journal_size_limit = 4194304",
                         "opening", error))
      return NULL;
  }
  return g_steal_pointer (&store);
}

void
dml_store_close (DmlStore *store)
{
  if (store == NULL)
    return;
  if (store->db != NULL) {
    /* Takes the log in and removes it; refused at once, and rightly, while
     * others have the file open. */
    sqlite3_busy_timeout (store->db, 0);
    if (store->space.fingerprint != NULL &&
        !sqlite3_db_readonly (store->db, "main"))
      sqlite3_exec (store->db,
                    "PRAGMA query_only = OFF; PRAGMA journal_mode = DELETE",
                    NULL, NULL, NULL);
    sqlite3_close_v2 (store->db);
  }
  dml_space_clear (&store->space);
  g_free (store->path);
  g_free (store->file);
  g_free (store);
}

gboolean
dml_store_is_current (DmlStore *store, gboolean *current, GError **error)
{
  struct stat st;

  if (stat (store->file, &st) != 0) {
    g_set_error (error, DML_ERROR, dml_error_from_errno (errno),
                 "%s: the file is gone or out of reach: %s", store->path,
                 g_strerror (errno));
    return FALSE;
  }
  *current = st.st_dev == store->device && st.st_ino == store->inode;
  return TRUE;
}
