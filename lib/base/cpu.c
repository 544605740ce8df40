/* SPDX-License-Identifier: LGPL-2.1-or-later
 * CPU detection. Built without instruction-set flags. */
#include "base/cpu.h"

#include <glib.h>
#include <stdlib.h>
#include <string.h>

const char *
dml_cpu_level_name (DmlCpuLevel level)
{
  static const char *const names[] = { "c", "neon", "avx2", "avx512" };

  G_STATIC_ASSERT (G_N_ELEMENTS (names) == DML_CPU_N_LEVELS);
  return names[level];
}

bool
dml_cpu_has (DmlCpuLevel level)
{
  switch (level) {
  case DML_CPU_C:
    return true;
#if defined(__x86_64__) || defined(__i386__)
  /* __builtin_cpu_supports asks XGETBV too, so these are what the operating
   * system saves, not only what the processor decodes. */
  case DML_CPU_AVX2:
    return __builtin_cpu_supports ("avx2") && __builtin_cpu_supports ("fma");
  case DML_CPU_AVX512:
    return dml_cpu_has (DML_CPU_AVX2) && __builtin_cpu_supports ("avx512f") &&
           __builtin_cpu_supports ("avx512bw") &&
           __builtin_cpu_supports ("avx512dq") &&
           __builtin_cpu_supports ("avx512vl");
#elif defined(__aarch64__)
  case DML_CPU_NEON: /* part of the architecture */
    return true;
#endif
  default:
    return false;
  }
}

static DmlCpuLevel
cpu_detect (void)
{
  const char *cap = g_getenv ("DML_CPU");
  DmlCpuLevel highest = DML_CPU_N_LEVELS - 1;

  if (cap != NULL && *cap != '\0') {
    unsigned l = 0;

    while (l < DML_CPU_N_LEVELS && strcmp (cap, dml_cpu_level_name (l)) != 0)
      l++;
    if (l < DML_CPU_N_LEVELS)
      highest = l;
    else
      g_warning ("DML_CPU=%s: not one of c, neon, avx2, avx512; ignored", cap);
  }
  while (!dml_cpu_has (highest))
    highest--;
  return highest;
}

DmlCpuLevel
dml_cpu_level (void)
{
  static gsize once; /* level + 1 */

  if (g_once_init_enter (&once))
    g_once_init_leave (&once, (gsize) cpu_detect () + 1);
  return (DmlCpuLevel) (once - 1);
}
