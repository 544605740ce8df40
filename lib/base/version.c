/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Version of the running library. */
#include <dml/dml-version.h>

#include "base/cpu.h"

const char *
dml_version (void)
{
  return DML_VERSION_STRING;
}

/* Which kernels there are; a row of meson's table is a macro here. */
static const char built_in[] = "c"
#ifdef DML_HAVE_AVX2
                               " avx2"
#endif
#ifdef DML_HAVE_AVX512
                               " avx512"
#endif
#ifdef DML_HAVE_NEON
                               " neon"
#endif
#ifdef DML_HAVE_ORC
                               " orc"
#endif
  ;

const char *
dml_build_info (void)
{
  static gsize once;

  if (g_once_init_enter (&once)) {
    char *line =
      g_strdup_printf ("dml %s, %s, built in: %s; instruction set in use: %s",
                       DML_VERSION_STRING,
#if defined(__clang__)
                       "clang " __clang_version__,
#else
                       "gcc " __VERSION__,
#endif
                       built_in, dml_cpu_level_name (dml_cpu_level ()));

    g_once_init_leave (&once, (gsize) line);
  }
  return (const char *) once;
}
