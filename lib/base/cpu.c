/* SPDX-License-Identifier: LGPL-2.1-or-later
 * CPU detection. Built without instruction-set flags, and without GLib: the
 * kernel check is cross-built from this file. */
#include "base/cpu.h"

#include <string.h>

#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>
#endif

static const char *const names[] = { "c", "neon", "avx2", "avx512" };

_Static_assert(sizeof names / sizeof *names == DML_CPU_N_LEVELS,
               "a level has no name");

const char *
dml_cpu_level_name (DmlCpuLevel level)
{
  return names[level];
}

bool
dml_cpu_level_from_name (const char *name, DmlCpuLevel *level)
{
  for (unsigned l = 0; l < DML_CPU_N_LEVELS; l++)
    if (strcmp (name, names[l]) == 0) {
      *level = (DmlCpuLevel) l;
      return true;
    }
  return false;
}

#if defined(__x86_64__) || defined(__i386__)
/* __builtin_cpu_supports does not know the name in clang 14. */
static bool
cpu_has_f16c (void)
{
  unsigned a, b, c, d;

  return __get_cpuid (1, &a, &b, &c, &d) && (c & bit_F16C) != 0;
}
#endif

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
    return __builtin_cpu_supports ("avx2") && __builtin_cpu_supports ("fma") &&
           cpu_has_f16c ();
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
