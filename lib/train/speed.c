/* SPDX-License-Identifier: LGPL-2.1-or-later
 * What a step takes: to plan a run, and to be compared. */
#include "train/trainer.h"
#include "base/error.h"
#include "base/order.h"
#include "base/threads.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#define WARM_UP 2
#define PROBE_STEPS 6
#define STEPS_MAX 100000

static double
now (void)
{
  return (double) g_get_monotonic_time () / 1e6;
}

static double
seconds_of (struct timeval t)
{
  return (double) t.tv_sec + (double) t.tv_usec / 1e6;
}

/* Of all threads of this process. */
static double
processor_time (void)
{
  struct rusage usage;

  if (getrusage (RUSAGE_SELF, &usage) != 0)
    return 0;
  return seconds_of (usage.ru_utime) + seconds_of (usage.ru_stime);
}

static double
peak_mib (void)
{
  struct rusage usage;

  return getrusage (RUSAGE_SELF, &usage) == 0 ? (double) usage.ru_maxrss / 1024
                                              : (double) NAN;
}

/* `probe`: forward and backward alone, so that nothing is trained. */
static gboolean
time_steps (DmlTrainer *t, guint n, gboolean probe, DmlTrainSpeed *speed,
            GCancellable *cancellable, GError **error)
{
  g_autoptr (DmlLoader) loader =
    dml_feed_start (&t->feed, (unsigned) t->config->s.loaders, 0, error);
  g_autofree double *times = g_new (double, n);
  double start = 0, processor = 0, waited = 0;
  DmlStepFigures figures;

  if (loader == NULL)
    return FALSE;
  for (guint i = 0; i < WARM_UP + n; i++) {
    const double before = now ();

    if (i == WARM_UP) {
      start = before;
      processor = processor_time ();
      waited = dml_loader_waited (loader);
    }
    if (g_cancellable_is_cancelled (cancellable))
      return dml_fail (error, CANCELLED, "stopped");
    if (!dml_trainer_step (t, dml_loader_next (loader), probe, &figures, error))
      return FALSE;
    if (i >= WARM_UP)
      times[i - WARM_UP] = now () - before;
  }
  const double spent = MAX (1e-9, now () - start);

  qsort (times, n, sizeof *times, dml_rising);
  *speed = (DmlTrainSpeed){
    .n_steps = n,
    .n_views = (guint) (t->feed.batch * t->feed.views),
    .n_threads =
      t->config->s.threads ? (guint) t->config->s.threads : dml_threads_max (),
    .seconds_min = times[0],
    .seconds_median = times[n / 2],
    .seconds_mean = spent / n,
    .waited = (dml_loader_waited (loader) - waited) / spent,
    .cores = (processor_time () - processor) / spent,
    .peak_mib = peak_mib (),
  };
  return TRUE;
}

gboolean
dml_trainer_probe (DmlTrainer *t, double *seconds, GCancellable *cancellable,
                   GError **error)
{
  DmlTrainSpeed speed = { 0 };

  if (!time_steps (t, PROBE_STEPS, TRUE, &speed, cancellable, error))
    return FALSE;
  *seconds = speed.seconds_mean;
  for (size_t i = 0; i < t->mix.n; i++)
    dml_loss_reset_memory (t->mix.part[i].loss);
  return TRUE;
}

gboolean
dml_trainer_measure (DmlTrainer *t, guint n_steps, DmlTrainSpeed *speed,
                     GCancellable *cancellable, GError **error)
{
  g_return_val_if_fail (t != NULL && speed != NULL, FALSE);
  if (n_steps < 1 || n_steps > STEPS_MAX)
    return dml_fail (error, INVALID, "%u steps to measure; 1 to %d can be",
                     n_steps, STEPS_MAX);
  if (!dml_trainer_rehearse (t, cancellable, error))
    return FALSE;
  t->n_steps = WARM_UP + n_steps;
  return time_steps (t, n_steps, FALSE, speed, cancellable, error);
}
