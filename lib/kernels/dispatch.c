/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Picks the table that the process uses, once. */
#include "kernels/kernels.h"

#include <glib.h>
#include <pthread.h>

static DmlKernels table;

static void
pick (void)
{
  DmlCpuLevel level = dml_cpu_level ();
  const DmlKernels *best;
  bool orc = false;

  while ((best = dml_kernels_at (level)) == NULL) /* C is always there */
    level--;
  table = *best;
  /* DML_CPU=c means plain C and nothing else. */
  if (level > DML_CPU_C || !dml_cpu_is_capped ())
    orc = dml_kernels_add_orc (&table);
  /* ORC 0.4.33 makes SSE: narrowing gains by it at every level (188 ns for
   * 1920 words against avx2's 358), sums of rows at plain C alone (574 against
   * c's 1270 and avx2's 315). */
  if (level > DML_CPU_C)
    table.mac4_u16_i32 = best->mac4_u16_i32;
  g_debug ("kernels: %s%s", dml_cpu_level_name (level), orc ? " and ORC" : "");
}

/* POSIX's once, for ThreadSanitizer sees it and not GLib's. */
const DmlKernels *
dml_kernels (void)
{
  static pthread_once_t once = PTHREAD_ONCE_INIT;

  pthread_once (&once, pick);
  return &table;
}
