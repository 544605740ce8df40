/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The one error domain. */
#include "base/error.h"

#include <errno.h>

/* Not G_DEFINE_QUARK, whose first word is a string without quotes: a formatter
 * that does not know would put spaces into the domain. */
GQuark
dml_error_quark (void)
{
  return g_quark_from_static_string ("dml-error-quark");
}

gboolean
dml_error_set (GError **error, DmlError code, const char *format, ...)
{
  va_list arguments;

  if (error == NULL)
    return FALSE;
  g_warn_if_fail (*error == NULL);
  va_start (arguments, format);
  *error = g_error_new_valist (DML_ERROR, (gint) code, format, arguments);
  va_end (arguments);
  return FALSE;
}

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

/* The two joiners are part of Persian words and of emoji; what else has no
 * shape may turn the text around it. */
static gboolean
is_printable (gunichar c)
{
  return g_unichar_isprint (c) || c == 0x200C || c == 0x200D;
}

char *
dml_error_quote_long (const char *text, size_t max_chars)
{
  GString *out = g_string_new (NULL);
  const char *p = text ? text : "";

  for (size_t i = 0; *p != '\0'; i++) {
    const gunichar c = g_utf8_get_char_validated (p, -1);
    const gboolean bad = c == (gunichar) -1 || c == (gunichar) -2;

    if (i == max_chars) {
      g_string_append (out, "...");
      break;
    }
    if (bad || !is_printable (c)) {
      const char *next = bad ? p + 1 : g_utf8_next_char (p);

      for (; p < next; p++)
        g_string_append_printf (out, "\\x%02x", (guint8) *p);
    } else {
      g_string_append_unichar (out, c);
      p = g_utf8_next_char (p);
    }
  }
  return g_string_free (out, FALSE);
}

char *
dml_error_quote (const char *text)
{
  return dml_error_quote_long (text, 80);
}
