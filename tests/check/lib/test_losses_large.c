/* SPDX-License-Identifier: LGPL-2.1-or-later
 * 4,096 embeddings with every loss in under 1 GiB, whole process: each loss in
 * a process of its own, whose peak the parent reads. */
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "metric/loss.h"
#include "reals.h"

enum { N = 4096, D = 128, D_TEACHER = 256, N_CLASSES = 1024 };

static int
run_one (const char *spec)
{
  const DmlLossSetup setup = { .d = D,
                               .n_classes = N_CLASSES,
                               .d_teacher = D_TEACHER };
  g_autofree DmlReal *x = random_rows (N, D, 1);
  g_autofree DmlReal *dx = g_new0 (DmlReal, (size_t) N * D);
  g_autofree DmlReal *teacher = random_rows (N, D_TEACHER, 2);
  g_autofree int32_t *labels = g_new (int32_t, N);
  g_autofree int32_t *instances = g_new (int32_t, N);
  g_autoptr (GError) error = NULL;
  DmlLossStats stats;

  for (int i = 0; i < N; i++) {
    labels[i] = i % N_CLASSES;
    instances[i] = i % (N / 2);
  }
  const DmlBatch batch = {
    .n = N,
    .d = D,
    .x = x,
    .labels = labels,
    .instances = instances,
    .teacher = teacher,
  };
  g_autoptr (DmlLoss) loss = dml_loss_new (spec, &setup, &error);

  g_assert_no_error (error);
  const gint64 start = g_get_monotonic_time ();

  dml_loss_run (loss, &batch, dx, &stats, &error);
  g_assert_no_error (error);
  g_print ("# %-40s %6.2f s, value %g\n", spec,
           1e-6 * (double) (g_get_monotonic_time () - start), stats.value);
  return 0;
}

static void
check_peak (const char *spec)
{
  struct rusage usage;
  int status;
  const pid_t child = fork ();

  g_assert_cmpint (child, >=, 0);
  if (child == 0)
    _exit (run_one (spec));
  g_assert_cmpint (wait4 (child, &status, 0, &usage), ==, child);
  if (!WIFEXITED (status) || WEXITSTATUS (status) != 0)
    g_error ("%s: failed", spec);
  g_test_message ("%s: peak %ld MiB", spec, usage.ru_maxrss >> 10);
  if (usage.ru_maxrss >= 1 << 20) /* KiB */
    g_error ("%s: %ld MiB", spec, usage.ru_maxrss >> 10);
}

static void
test_peak (void)
{
  for (size_t i = 0; i < dml_loss_n_members (); i++)
    check_peak (dml_loss_member (i)->name);
  check_peak ("triplet:swap=yes");
  check_peak ("contrastive:memory=16384,memory_warmup=0");
  for (size_t m = 0; m < dml_miner_n_members (); m++) {
    const char *name = dml_miner_member (m)->name;
    g_autofree char *spec = g_strconcat ("triplet@", name, NULL);

    /* As lists these are too long at this size; the bound is in miner.h. */
    if (!g_str_equal (name, "triplet_margin") &&
        !g_str_equal (name, "angular") && !g_str_equal (name, "semi_hard"))
      check_peak (spec);
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/losses/four-thousand-under-a-gibibyte", test_peak);
  return g_test_run ();
}
