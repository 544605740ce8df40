/* SPDX-License-Identifier: LGPL-2.1-or-later
 * float32 .npy files, as the tests exchange them with numpy. */
#pragma once

#include <glib.h>
#include <string.h>

/* All elements in file order, whatever the shape. (transfer full) */
static inline float *
npy_load (const char *path, size_t *n)
{
  g_autofree char *data = NULL;
  gsize size;
  guint16 head;

  if (!g_file_get_contents (path, &data, &size, NULL) || size < 10 ||
      strstr (data + 10, "'<f4'") == NULL)
    g_error ("%s: no float32 .npy file", path);
  memcpy (&head, data + 8, 2);
  *n = (size - 10 - head) / sizeof (float);
  return g_memdup2 (data + 10 + head, *n * sizeof (float));
}

static inline void
npy_save (const char *path, const float *data, size_t rows, size_t columns)
{
  g_autofree char *head = g_strdup_printf (
    "{'descr': '<f4', 'fortran_order': False, 'shape': (%zu, %zu), }", rows,
    columns);
  GByteArray *file = g_byte_array_new ();
  guint16 length = (guint16) (strlen (head) + 1);

  g_byte_array_append (file, (const guint8 *) "\x93NUMPY\x01", 8);
  g_byte_array_append (file, (const guint8 *) &length, 2);
  g_byte_array_append (file, (const guint8 *) head, length - 1u);
  g_byte_array_append (file, (const guint8 *) "\n", 1);
  g_byte_array_append (file, (const guint8 *) data,
                       (guint) (rows * columns * sizeof *data));
  if (!g_file_set_contents (path, (const char *) file->data, file->len, NULL))
    g_error ("%s: cannot be written", path);
  g_byte_array_unref (file);
}
