/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Which table the library picks. The kernels themselves: dml-check. */
#include "kernels/kernels.h"

#include <glib.h>
#include <string.h>

/* All rows but those that ORC may take over. */
static void
assert_same_level (const DmlKernels *a, const DmlKernels *b)
{
#define DML_KERNEL(name, rule) g_assert_true (a->name == b->name);
#define DML_PIXEL(name)
#include "kernels/kernels.def"
}

static void
test_best (void)
{
  const DmlKernels *best = NULL;

  for (int l = dml_cpu_level (); l >= 0 && best == NULL; l--)
    best = dml_kernels_at ((DmlCpuLevel) l);
  g_assert_nonnull (best);
  assert_same_level (dml_kernels (), best);
  g_assert_true (dml_kernels () == dml_kernels ());
}

static void
test_levels (void)
{
  for (int l = 0; l < DML_CPU_N_LEVELS; l++)
    if (!dml_cpu_has ((DmlCpuLevel) l))
      g_assert_null (dml_kernels_at ((DmlCpuLevel) l));
  g_assert_nonnull (dml_kernels_at (DML_CPU_C));
}

/* In a process of its own, since the choice is made once. */
static void
run_under (const char *cap, const char *path)
{
  g_setenv ("DML_CPU", cap, TRUE);
  g_test_trap_subprocess (path, 0, G_TEST_SUBPROCESS_DEFAULT);
}

static void
test_plain_subprocess (void)
{
  g_assert_cmpint (dml_cpu_level (), ==, DML_CPU_C);
  g_assert_cmpmem (dml_kernels (), sizeof (DmlKernels),
                   dml_kernels_at (DML_CPU_C), sizeof (DmlKernels));
}

static void
test_plain (void)
{
  run_under ("c", "/kernels/plain-c-on-demand/subprocess");
  g_test_trap_assert_passed ();
}

static void
test_unknown_subprocess (void)
{
  g_test_expect_message ("dml", G_LOG_LEVEL_WARNING,
                         "DML_CPU=mmx: not one of*");
  dml_cpu_level ();
  g_test_assert_expected_messages ();
  g_assert_false (dml_cpu_is_capped ());
  test_best ();
}

static void
test_unknown (void)
{
  run_under ("mmx", "/kernels/unknown-cap/subprocess");
  g_test_trap_assert_passed ();
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/kernels/best-level-of-the-machine", test_best);
  g_test_add_func ("/kernels/missing-levels-have-no-table", test_levels);
  g_test_add_func ("/kernels/plain-c-on-demand", test_plain);
  g_test_add_func ("/kernels/plain-c-on-demand/subprocess",
                   test_plain_subprocess);
  g_test_add_func ("/kernels/unknown-cap", test_unknown);
  g_test_add_func ("/kernels/unknown-cap/subprocess", test_unknown_subprocess);
  return g_test_run ();
}
