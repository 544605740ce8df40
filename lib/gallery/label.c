/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Names of things: what may be one. */
#include "gallery/gallery.h"

#include <string.h>

#include "base/error.h"

gboolean
dml_label_check (const char *label, const char *path, GError **error)
{
  const char *end;
  gsize n;

  if (label == NULL)
    return dml_fail (error, INVALID, "%s: there is no label; name one", path);
  n = strlen (label);
  if (n == 0)
    return dml_fail (error, INVALID, "%s: a label may not be empty", path);
  if (n > STORE_LABEL_MAX)
    return dml_fail (error, INVALID,
                     "%s: a label of %" G_GSIZE_FORMAT
                     " bytes; at most %d are possible",
                     path, n, STORE_LABEL_MAX);
  if (!g_utf8_validate (label, (gssize) n, &end))
    return dml_fail (error, INVALID,
                     "%s: a label must be UTF-8; this one is not from byte "
                     "%" G_GSIZE_FORMAT " on",
                     path, (gsize) (end - label));
  return TRUE;
}
