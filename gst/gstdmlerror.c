/* SPDX-License-Identifier: LGPL-2.1-or-later
 * libdml's errors as messages of an element. */
#include "gstdmlerror.h"

typedef struct {
  GQuark domain;
  gint code;
} Code;

/* What an application can do about it decides the code, as in the library. */
static Code
code_of (const GError *error)
{
  if (error->domain == DML_ERROR) {
    switch ((DmlError) error->code) {
    case DML_ERROR_NOT_FOUND:
      return (Code){ GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_FOUND };
    case DML_ERROR_FORMAT:
    case DML_ERROR_UNSUPPORTED:
    case DML_ERROR_LIMIT:
      return (Code){ GST_STREAM_ERROR, GST_STREAM_ERROR_WRONG_TYPE };
    case DML_ERROR_MISMATCH:
      return (Code){ GST_LIBRARY_ERROR, GST_LIBRARY_ERROR_SETTINGS };
    case DML_ERROR_INVALID:
      return (Code){ GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS };
    case DML_ERROR_BUSY:
      return (Code){ GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_BUSY };
    case DML_ERROR_READ_ONLY:
      return (Code){ GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_AUTHORIZED };
    case DML_ERROR_NO_SPACE:
      return (Code){ GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NO_SPACE_LEFT };
    case DML_ERROR_IO:
      return (Code){ GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_READ };
    case DML_ERROR_NO_MEMORY:
    case DML_ERROR_DIVERGED:
    case DML_ERROR_CANCELLED:
      break;
    }
  }
  return (Code){ GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_FAILED };
}

/* For the log; the message itself is for people. */
static char *
describe (const GError *error)
{
  static const char *const names[] = {
    [DML_ERROR_NOT_FOUND] = "NOT_FOUND",
    [DML_ERROR_FORMAT] = "FORMAT",
    [DML_ERROR_UNSUPPORTED] = "UNSUPPORTED",
    [DML_ERROR_MISMATCH] = "MISMATCH",
    [DML_ERROR_INVALID] = "INVALID",
    [DML_ERROR_BUSY] = "BUSY",
    [DML_ERROR_READ_ONLY] = "READ_ONLY",
    [DML_ERROR_NO_SPACE] = "NO_SPACE",
    [DML_ERROR_NO_MEMORY] = "NO_MEMORY",
    [DML_ERROR_LIMIT] = "LIMIT",
    [DML_ERROR_IO] = "IO",
    [DML_ERROR_DIVERGED] = "DIVERGED",
    [DML_ERROR_CANCELLED] = "CANCELLED",
  };

  if (error->domain == DML_ERROR && (guint) error->code < G_N_ELEMENTS (names))
    return g_strdup_printf ("DML_ERROR_%s", names[error->code]);
  return g_strdup_printf ("%s, code %d", g_quark_to_string (error->domain),
                          error->code);
}

static void
post (GstElement *element, GstMessageType type, const char *what,
      const GError *error)
{
  const Code code = code_of (error);

  gst_element_message_full (element, type, code.domain, code.code,
                            g_strdup_printf ("%s: %s", what, error->message),
                            describe (error), __FILE__, G_STRFUNC, __LINE__);
}

void
gst_dml_post_error (GstElement *element, const char *what, const GError *error)
{
  post (element, GST_MESSAGE_ERROR, what, error);
}

void
gst_dml_post_warning (GstElement *element, const char *what,
                      const GError *error)
{
  post (element, GST_MESSAGE_WARNING, what, error);
}
