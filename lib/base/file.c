/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Whole files. */
#include "base/file.h"
#include "base/error.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static gboolean
fail_errno (GError **error, const char *path, const char *what, int errnum)
{
  g_set_error (error, DML_ERROR, (gint) dml_error_from_errno (errnum),
               "%s: %s: %s", path, what, g_strerror (errnum));
  return FALSE;
}

/* Reads until the end; the size that fstat tells is only a first guess, as a
 * pipe has none and a file may grow. */
static GBytes *
read_all (int fd, const char *path, size_t guess, size_t max_bytes,
          GError **error)
{
  size_t size = 0, room = CLAMP (guess, 4095, max_bytes) + 1;
  g_autoptr (DmlMem) block = dml_mem_alloc (room, 1, error);

  if (block == NULL)
    return NULL;
  for (;;) {
    const ssize_t n = read (fd, (uint8_t *) block + size, room - size);

    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0) {
      fail_errno (error, path, "cannot be read", errno);
      return NULL;
    }
    if (n == 0)
      break;
    size += (size_t) n;
    if (size > max_bytes)
      return dml_fail_null (error, LIMIT,
                            "%s: more than %zu bytes, the most that is read",
                            path, max_bytes);
    if (size == room) {
      const size_t wider = MIN (2 * room, max_bytes + 1);
      void *other = dml_mem_alloc (wider, 1, error);

      if (other == NULL)
        return NULL;
      memcpy (other, block, size);
      dml_mem_free (block);
      block = other;
      room = wider;
    }
  }
  void *whole = g_steal_pointer (&block);

  return g_bytes_new_with_free_func (whole, size, dml_mem_free, whole);
}

GBytes *
dml_file_read (const char *path, size_t max_bytes, GError **error)
{
  struct stat status;
  GBytes *bytes = NULL;
  const int fd = g_open (path, O_RDONLY | O_CLOEXEC, 0);

  if (fd < 0) {
    fail_errno (error, path, "cannot be opened", errno);
    return NULL;
  }
  if (fstat (fd, &status) != 0)
    fail_errno (error, path, "cannot be read", errno);
  else if (S_ISDIR (status.st_mode))
    dml_fail (error, FORMAT, "%s: is a folder, expected a file", path);
  else if (S_ISREG (status.st_mode) && (guint64) status.st_size > max_bytes)
    dml_fail (error, LIMIT,
              "%s: %" G_GUINT64_FORMAT " bytes, the most that is read is %zu",
              path, (guint64) status.st_size, max_bytes);
  else
    bytes = read_all (fd, path, (size_t) status.st_size, max_bytes, error);
  close (fd);
  return bytes;
}

static gboolean
write_all (int fd, const uint8_t *data, size_t size)
{
  while (size > 0) {
    const ssize_t n = write (fd, data, size);

    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return FALSE;
    data += n;
    size -= (size_t) n;
  }
  return TRUE;
}

/* The new name is on disk only once its folder is. Some file systems cannot
 * sync a folder; the rename has happened all the same. */
static void
sync_folder (const char *path)
{
  g_autofree char *folder = g_path_get_dirname (path);
  const int fd = g_open (folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);

  if (fd >= 0) {
    (void) fsync (fd);
    close (fd);
  }
}

gboolean
dml_file_replace (const char *path, const void *data, size_t size,
                  GError **error)
{
  g_autofree char *aside = g_strdup_printf ("%s.XXXXXX", path);
  struct stat status;
  int errnum = 0;
  const int fd = g_mkstemp_full (aside, O_WRONLY | O_CLOEXEC, 0666);

  if (fd < 0)
    return fail_errno (error, path, "cannot be written", errno);
  if (stat (path, &status) == 0) /* who may read it stays as it was */
    (void) fchmod (fd, status.st_mode & 07777);
  if (!write_all (fd, data, size) || fsync (fd) != 0)
    errnum = errno;
  if (close (fd) != 0 && errnum == 0)
    errnum = errno;
  if (errnum == 0 && g_rename (aside, path) != 0)
    errnum = errno;
  if (errnum != 0) {
    g_unlink (aside);
    return fail_errno (error, path, "cannot be written", errnum);
  }
  sync_folder (path);
  return TRUE;
}

void
dml_file_sweep (const char *path)
{
  g_autofree char *folder = g_path_get_dirname (path);
  g_autofree char *base = g_path_get_basename (path);
  const size_t length = strlen (base);
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  const char *name;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL) {
    const char *end = name + MIN (strlen (name), length);

    if (strncmp (name, base, length) == 0 && end[0] == '.' &&
        strspn (end + 1, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS) == 6 &&
        end[7] == '\0') {
      g_autofree char *aside = g_build_filename (folder, name, NULL);

      g_unlink (aside);
    }
  }
}
