/* SPDX-License-Identifier: LGPL-2.1-or-later
 * NumPy's .npy files: rows of float32, written aside and renamed; and beside
 * one a list of what the rows are. */
#pragma once

#include "cli.h"

typedef struct _NpyWriter NpyWriter;

/* What --output names: *list is "x.txt" for "x.npy". CLI_USAGE for another
 * ending, or where one of them is there and not to be written over. */
CliExit npy_list_path (const char *output, gboolean force, char **list);

/* The list, a line a row. */
gboolean npy_list_write (const char *list, const GString *lines,
                         GError **error);

/* Opens path for rows of dim floats; more may follow until the end. */
NpyWriter *npy_writer_new (const char *path, guint dim, GError **error);
gboolean npy_writer_add (NpyWriter *writer, const float *row, GError **error);

/* Writes the number of rows into the header, syncs, renames. Frees. */
gboolean npy_writer_finish (NpyWriter *writer, GError **error);
void npy_writer_abandon (NpyWriter *writer); /* NULL is fine */

G_DEFINE_AUTOPTR_CLEANUP_FUNC (NpyWriter, npy_writer_abandon)
