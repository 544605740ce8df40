/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Setting errors inside the library. */
#pragma once

#include <dml/dml-error.h>

/* Sets a code and yields FALSE. */
gboolean dml_error_set (GError **error, DmlError code, const char *format, ...)
  G_GNUC_PRINTF (3, 4);

/* Sets DML_ERROR_<CODE> and yields FALSE, so that a failing function can say
 * `return dml_fail (error, FORMAT, "%s: ...", path);` */
#define dml_fail(error, code, ...)                                             \
  dml_error_set ((error), DML_ERROR_##code, __VA_ARGS__)

/* The same for functions that return a pointer. */
#define dml_fail_null(error, code, ...)                                        \
  (dml_error_set ((error), DML_ERROR_##code, __VA_ARGS__), NULL)

/* The code that fits an errno of open, read, write, fsync or rename. */
DmlError dml_error_from_errno (int errnum);

/* Text out of a file (a name, a label) as it may stand in a message: control
 * characters, line breaks and broken UTF-8 escaped, cut after 80 characters.
 * NULL reads as "". (transfer full) */
char *dml_error_quote (const char *text);

/* The same, cut after max_chars: for a sentence that has such text in it. */
char *dml_error_quote_long (const char *text, size_t max_chars);
