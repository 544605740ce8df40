/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Version of the running library. */
#include <dml/dml-version.h>

#include "base/cpu.h"

const char *
dml_version (void)
{
  return DML_VERSION_STRING;
}

const char *
dml_build_info (void)
{
  static gsize once;

  if (g_once_init_enter (&once)) {
    char *line = g_strdup_printf (
      "dml %s, %s, instruction set in use: %s", DML_VERSION_STRING,
#if defined(__clang__)
      "clang " __clang_version__,
#else
      "gcc " __VERSION__,
#endif
      dml_cpu_level_name (dml_cpu_level ()));

    g_once_init_leave (&once, (gsize) line);
  }
  return (const char *) once;
}
