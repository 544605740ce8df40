/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Whole files: read into memory within a bound, replaced so that a reader sees
 * the old one or the new one and nothing between. */
#pragma once

#include <glib.h>

/* The bytes of a file or pipe of at most max_bytes. NOT_FOUND, FORMAT (a
 * folder), LIMIT, NO_MEMORY or IO otherwise; the message names the path. */
GBytes *dml_file_read (const char *path, size_t max_bytes, GError **error);

/* Writes to a temporary name in the same folder, syncs, renames and syncs the
 * folder. On failure the old file stands and nothing is left behind. */
gboolean dml_file_replace (const char *path, const void *data, size_t size,
                           GError **error);

/* Removes what dml_file_replace() left beside path where it was killed. Only
 * for whoever alone writes the file. */
void dml_file_sweep (const char *path);
