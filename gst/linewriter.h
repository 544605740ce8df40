/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Appends lines to a file from a thread of its own. */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

typedef struct _GstDmlLineWriter GstDmlLineWriter;

/* Opens for appending; several processes may write to one file, as each line is
 * one write. GError of the file domain. */
GstDmlLineWriter *gst_dml_line_writer_new (const char *path, GError **error);

/* Takes the line. Waits only when thousands of lines are ahead of it. FALSE
 * with the error of the writing thread, once it had one. */
gboolean gst_dml_line_writer_put (GstDmlLineWriter *self, char *line,
                                  GError **error);

/* Waits until all lines are in the file. */
gboolean gst_dml_line_writer_flush (GstDmlLineWriter *self, GError **error);

void gst_dml_line_writer_free (GstDmlLineWriter *self);

G_END_DECLS
