/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The level to use, once for the process. */
#include "base/cpu.h"

#include <glib.h>

bool
dml_cpu_is_capped (void)
{
  const char *cap = g_getenv ("DML_CPU");
  DmlCpuLevel level;

  return cap != NULL && dml_cpu_level_from_name (cap, &level);
}

static DmlCpuLevel
cpu_detect (void)
{
  const char *cap = g_getenv ("DML_CPU");
  DmlCpuLevel level = DML_CPU_N_LEVELS - 1;

  if (cap != NULL && *cap != '\0' && !dml_cpu_level_from_name (cap, &level))
    g_warning ("DML_CPU=%s: not one of c, neon, avx2, avx512; ignored", cap);
  while (!dml_cpu_has (level))
    level--;
  return level;
}

DmlCpuLevel
dml_cpu_level (void)
{
  static gsize once; /* level + 1 */

  if (g_once_init_enter (&once))
    g_once_init_leave (&once, (gsize) cpu_detect () + 1);
  return (DmlCpuLevel) (once - 1);
}
