/* SPDX-License-Identifier: LGPL-2.1-or-later
 * A disk that fails. */
#include "fault_vfs.h"

#include <sqlite3.h>
#include <string.h>

typedef struct {
  sqlite3_file base;
  sqlite3_file *real; /* behind this in the same block */
} File;

static sqlite3_vfs *real_vfs;
static guint fail_at, n_seen;
static FaultMode fail_mode;
static gboolean struck;

void
fault_vfs_arm (guint n, FaultMode mode)
{
  fail_at = n;
  n_seen = 0;
  fail_mode = mode;
  struck = FALSE;
}

gboolean
fault_vfs_struck (void)
{
  return struck;
}

/* What this change ends with: SQLITE_OK, or the failure. A full disk fails what
 * needs room (@grows). */
static int
strike (int device_error, gboolean grows)
{
  if (fail_mode == FAULT_FULL && !grows)
    return SQLITE_OK;

  if (fail_at == 0 || ++n_seen < fail_at ||
      (n_seen > fail_at && fail_mode == FAULT_ONCE))
    return SQLITE_OK;
  struck = TRUE;
  return fail_mode == FAULT_FULL ? SQLITE_FULL : device_error;
}

#define REAL(file) ((File *) (file))->real

static int
file_close (sqlite3_file *file)
{
  return REAL (file)->pMethods->xClose (REAL (file));
}

static int
file_read (sqlite3_file *file, void *data, int n, sqlite3_int64 at)
{
  return REAL (file)->pMethods->xRead (REAL (file), data, n, at);
}

static int
file_write (sqlite3_file *file, const void *data, int n, sqlite3_int64 at)
{
  const int rc = strike (SQLITE_IOERR_WRITE, TRUE);

  if (rc != SQLITE_OK) { /* half of it gets there */
    REAL (file)->pMethods->xWrite (REAL (file), data, n / 2, at);
    return rc;
  }
  return REAL (file)->pMethods->xWrite (REAL (file), data, n, at);
}

static int
file_truncate (sqlite3_file *file, sqlite3_int64 size)
{
  const int rc = strike (SQLITE_IOERR_TRUNCATE, FALSE);

  return rc ? rc : REAL (file)->pMethods->xTruncate (REAL (file), size);
}

/* Nothing is really synced: no test pulls the plug, and it takes long. */
static int
file_sync (sqlite3_file *file, int flags)
{
  return strike (SQLITE_IOERR_FSYNC, FALSE);
}

static int
file_size (sqlite3_file *file, sqlite3_int64 *size)
{
  return REAL (file)->pMethods->xFileSize (REAL (file), size);
}

static int
file_lock (sqlite3_file *file, int level)
{
  return REAL (file)->pMethods->xLock (REAL (file), level);
}

static int
file_unlock (sqlite3_file *file, int level)
{
  return REAL (file)->pMethods->xUnlock (REAL (file), level);
}

static int
file_check_lock (sqlite3_file *file, int *locked)
{
  return REAL (file)->pMethods->xCheckReservedLock (REAL (file), locked);
}

static int
file_control (sqlite3_file *file, int op, void *data)
{
  return REAL (file)->pMethods->xFileControl (REAL (file), op, data);
}

static int
file_sector_size (sqlite3_file *file)
{
  return REAL (file)->pMethods->xSectorSize (REAL (file));
}

static int
file_characteristics (sqlite3_file *file)
{
  return REAL (file)->pMethods->xDeviceCharacteristics (REAL (file));
}

static int
file_shm_map (sqlite3_file *file, int page, int size, int extend,
              void volatile **memory)
{
  const int rc = extend ? strike (SQLITE_IOERR_SHMMAP, TRUE) : SQLITE_OK;

  if (rc == SQLITE_OK)
    return REAL (file)->pMethods->xShmMap (REAL (file), page, size, extend,
                                           memory);
  *memory = NULL;
  return rc;
}

static int
file_shm_lock (sqlite3_file *file, int offset, int n, int flags)
{
  return REAL (file)->pMethods->xShmLock (REAL (file), offset, n, flags);
}

static void
file_shm_barrier (sqlite3_file *file)
{
  REAL (file)->pMethods->xShmBarrier (REAL (file));
}

static int
file_shm_unmap (sqlite3_file *file, int remove)
{
  return REAL (file)->pMethods->xShmUnmap (REAL (file), remove);
}

static const sqlite3_io_methods methods = {
  2,
  file_close,
  file_read,
  file_write,
  file_truncate,
  file_sync,
  file_size,
  file_lock,
  file_unlock,
  file_check_lock,
  file_control,
  file_sector_size,
  file_characteristics,
  file_shm_map,
  file_shm_lock,
  file_shm_barrier,
  file_shm_unmap,
  NULL,
  NULL,
};

static int
vfs_open (sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags,
          int *out_flags)
{
  File *self = (File *) file;
  int rc = SQLITE_OK;

  memset (self, 0, sizeof *self);
  self->real = (sqlite3_file *) (self + 1);
  if (flags & SQLITE_OPEN_CREATE)
    rc = strike (SQLITE_CANTOPEN, TRUE);
  if (rc == SQLITE_OK)
    rc = real_vfs->xOpen (real_vfs, name, self->real, flags, out_flags);
  if (rc == SQLITE_OK)
    self->base.pMethods = &methods;
  return rc;
}

static int
vfs_delete (sqlite3_vfs *vfs, const char *name, int sync)
{
  const int rc = strike (SQLITE_IOERR_DELETE, FALSE);

  return rc ? rc : real_vfs->xDelete (real_vfs, name, 0);
}

void
fault_vfs_install (void)
{
  static sqlite3_vfs vfs;

  real_vfs = sqlite3_vfs_find (NULL);
  vfs = *real_vfs; /* all but these goes to the real one's functions */
  vfs.zName = "fault";
  vfs.szOsFile = (int) sizeof (File) + real_vfs->szOsFile;
  vfs.pNext = NULL;
  vfs.xOpen = vfs_open;
  vfs.xDelete = vfs_delete;
  g_assert_cmpint (sqlite3_vfs_register (&vfs, 1), ==, SQLITE_OK);
}
