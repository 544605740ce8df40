/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The one error domain. */
#include "base/error.h"

#include <errno.h>

G_DEFINE_QUARK (dml-error-quark, dml_error)

DmlError
dml_error_from_errno (int errnum)
{
  switch (errnum) {
  case ENOENT:
  case ENOTDIR:
    return DML_ERROR_NOT_FOUND;
  case EACCES:
  case EPERM:
  case EROFS:
    return DML_ERROR_READ_ONLY;
  case ENOSPC:
  case EDQUOT:
  case EFBIG:
    return DML_ERROR_NO_SPACE;
  case ENOMEM:
    return DML_ERROR_NO_MEMORY;
  case EBUSY:
  case EAGAIN:
    return DML_ERROR_BUSY;
  default:
    return DML_ERROR_IO;
  }
}
