/* SPDX-License-Identifier: LGPL-2.1-or-later
 * NumPy's .npy files, format 1.0: magic, a header padded to HEADER bytes, rows
 * (numpy/lib/format.py). */
#include "npy.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define HEADER 128 /* a multiple of 64; room for any shape */

struct _NpyWriter {
  char *path, *aside;
  FILE *file;
  guint dim;
  gsize n_rows;
};

CliExit
npy_list_path (const char *output, gboolean force, char **list)
{
  const gsize n = strlen (output);

  if (n < 5 || g_ascii_strcasecmp (output + n - 4, ".npy") != 0)
    return cli_usage ("--output: %s does not end in .npy", output);
  *list = g_strdup_printf ("%.*s.txt", (int) (n - 4), output);
  if (!force && (g_file_test (output, G_FILE_TEST_EXISTS) ||
                 g_file_test (*list, G_FILE_TEST_EXISTS)))
    return cli_usage ("--output: %s or %s is there already; --force writes "
                      "over it",
                      output, *list);
  return CLI_OK;
}

gboolean
npy_list_write (const char *list, const GString *lines, GError **error)
{
  return g_file_set_contents_full (
    list, lines->str, (gssize) lines->len,
    G_FILE_SET_CONTENTS_CONSISTENT | G_FILE_SET_CONTENTS_DURABLE, 0666, error);
}

static gboolean
npy_fail (NpyWriter *writer, GError **error)
{
  const int err = errno;

  g_set_error (error, DML_ERROR,
               err == ENOSPC                   ? DML_ERROR_NO_SPACE
               : err == ENOENT                 ? DML_ERROR_NOT_FOUND
               : err == EACCES || err == EROFS ? DML_ERROR_READ_ONLY
                                               : DML_ERROR_IO,
               "%s: cannot be written: %s", writer->path, g_strerror (err));
  return FALSE;
}

static gboolean
write_header (NpyWriter *writer, GError **error)
{
  char header[HEADER];
  int n;

  memset (header, ' ', HEADER);
  memcpy (header, "\x93NUMPY\x01\x00", 8);
  header[8] = HEADER - 10;
  header[9] = 0;
  n = snprintf (header + 10, HEADER - 11,
                "{'descr': '<f4', 'fortran_order': False, 'shape': "
                "(%" G_GSIZE_FORMAT ", %u), }",
                writer->n_rows, writer->dim);
  header[10 + n] = ' ';
  header[HEADER - 1] = '\n';
  if (fseek (writer->file, 0, SEEK_SET) != 0 ||
      fwrite (header, HEADER, 1, writer->file) != 1)
    return npy_fail (writer, error);
  return TRUE;
}

NpyWriter *
npy_writer_new (const char *path, guint dim, GError **error)
{
  NpyWriter *writer = g_new0 (NpyWriter, 1);

  writer->path = g_strdup (path);
  writer->aside = g_strdup_printf ("%s.%d.tmp", path, (int) getpid ());
  writer->dim = dim;
  writer->file = g_fopen (writer->aside, "wb");
  if (writer->file == NULL) {
    npy_fail (writer, error);
    g_clear_pointer (&writer, npy_writer_abandon);
  } else if (!write_header (writer, error))
    g_clear_pointer (&writer, npy_writer_abandon);
  return writer;
}

gboolean
npy_writer_add (NpyWriter *writer, const float *row, GError **error)
{
  for (guint i = 0; i < writer->dim; i++) {
    union {
      float f;
      guint32 u;
    } bits = { row[i] };
    const guint32 little = GUINT32_TO_LE (bits.u);

    if (fwrite (&little, 4, 1, writer->file) != 1)
      return npy_fail (writer, error);
  }
  writer->n_rows++;
  return TRUE;
}

gboolean
npy_writer_finish (NpyWriter *writer, GError **error)
{
  gboolean ok = write_header (writer, error);

  if (ok && (fflush (writer->file) != 0 || fsync (fileno (writer->file)) != 0 ||
             g_rename (writer->aside, writer->path) != 0))
    ok = npy_fail (writer, error);
  npy_writer_abandon (writer);
  return ok;
}

void
npy_writer_abandon (NpyWriter *writer)
{
  if (writer == NULL)
    return;
  if (writer->file != NULL) {
    fclose (writer->file);
    g_unlink (writer->aside); /* gone already where it was renamed */
  }
  g_free (writer->path);
  g_free (writer->aside);
  g_free (writer);
}
