/* SPDX-License-Identifier: LGPL-2.1-or-later
 * For programs that end where anything fails. */
#pragma once

#include <glib.h>
#include <stdlib.h>

static inline void
need (gboolean ok, const GError *error)
{
  if (ok)
    return;
  g_printerr ("%s\n", error ? error->message : "failed");
  exit (1);
}
