/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Picks the table that the process uses, once. */
#include "kernels/kernels.h"

#include <glib.h>

const DmlKernels *
dml_kernels (void)
{
  static gsize once;
  static DmlKernels table;

  if (g_once_init_enter (&once)) {
    DmlCpuLevel level = dml_cpu_level ();
    const DmlKernels *best;
    bool orc = false;

    while ((best = dml_kernels_at (level)) == NULL) /* C is always there */
      level--;
    table = *best;
    if (level > DML_CPU_C)
      orc = dml_kernels_add_orc (&table);
    g_debug ("kernels: %s%s", dml_cpu_level_name (level),
             orc ? " and ORC" : "");
    g_once_init_leave (&once, 1);
  }
  return &table;
}
