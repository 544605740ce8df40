/* SPDX-License-Identifier: LGPL-2.1-or-later
 * NumPy's .npy files: rows of float32, written aside and renamed. */
#pragma once

#include <dml/dml.h>

typedef struct _NpyWriter NpyWriter;

/* "x.npy": "x.txt", where the rows' names go; NULL for another ending. */
char *npy_list_path (const char *path);

/* Opens path for rows of dim floats; more may follow until the end. */
NpyWriter *npy_writer_new (const char *path, guint dim, GError **error);
gboolean npy_writer_add (NpyWriter *writer, const float *row, GError **error);

/* Writes the number of rows into the header, syncs, renames. Frees. */
gboolean npy_writer_finish (NpyWriter *writer, GError **error);
void npy_writer_abandon (NpyWriter *writer); /* NULL is fine */

G_DEFINE_AUTOPTR_CLEANUP_FUNC (NpyWriter, npy_writer_abandon)
