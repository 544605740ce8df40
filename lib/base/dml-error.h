/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The one error domain. Codes say what a caller can do about it; the message
 * names the file or option, what was found, what was expected, what to do. */
#pragma once

#include <dml/dml-macros.h>

G_BEGIN_DECLS

/**
 * DML_ERROR:
 *
 * Domain of every #GError that libdml sets.
 */
#define DML_ERROR (dml_error_quark ())

/**
 * DmlError:
 * @DML_ERROR_NOT_FOUND: a file (that we may read), label or item is not there
 * @DML_ERROR_FORMAT: damaged, or not that kind of file
 * @DML_ERROR_UNSUPPORTED: sound, but needs something that is not built or
 *   not known here: an operator, a version, a pixel format
 * @DML_ERROR_MISMATCH: the gallery belongs to another encoder
 * @DML_ERROR_INVALID: an argument or option is out of its range
 * @DML_ERROR_BUSY: another process holds the file; try again
 * @DML_ERROR_READ_ONLY: the file or its folder cannot be written
 * @DML_ERROR_NO_SPACE: the disk is full
 * @DML_ERROR_NO_MEMORY: an allocation failed
 * @DML_ERROR_LIMIT: a size in a file is hostile or beyond a stated bound
 * @DML_ERROR_IO: reading or writing failed for another reason
 * @DML_ERROR_DIVERGED: training produced NaN or collapsed
 * @DML_ERROR_CANCELLED: stopped on request
 *
 * Codes of #DML_ERROR.
 */
typedef enum {
  DML_ERROR_NOT_FOUND,
  DML_ERROR_FORMAT,
  DML_ERROR_UNSUPPORTED,
  DML_ERROR_MISMATCH,
  DML_ERROR_INVALID,
  DML_ERROR_BUSY,
  DML_ERROR_READ_ONLY,
  DML_ERROR_NO_SPACE,
  DML_ERROR_NO_MEMORY,
  DML_ERROR_LIMIT,
  DML_ERROR_IO,
  DML_ERROR_DIVERGED,
  DML_ERROR_CANCELLED,
} DmlError;

DML_API GQuark dml_error_quark (void);

G_END_DECLS
