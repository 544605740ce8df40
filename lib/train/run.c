/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The loop: load, choose, build, then steps with an evaluation and a checkpoint
 * at each epoch's end. */
#include "train/trainer.h"
#include "train/report.h"
#include "base/error.h"
#include "base/threads.h"
#include "base/words.h"

#include <math.h>
#include <string.h>

#define REPORT_EVERY 0.2 /* seconds between progress reports */
#define SMOOTHING 0.05   /* of the loss and rate that progress shows */

static double
now (void)
{
  return (double) g_get_monotonic_time () / 1e6;
}

static gboolean
stopped (GCancellable *cancellable)
{
  return g_cancellable_is_cancelled (cancellable);
}

/* ---- progress ---- */

typedef struct {
  double reported, step_seconds, loss; /* smoothed; NaN at first */
  double last;
  double epoch_began,
    epoch_seconds;         /* of the last epochs, evaluation and all */
  double began, evaluated; /* the loop; of it, seconds of evaluations */
  uint64_t first_step;
} Pace;

static void
smooth (double *value, double sample)
{
  *value = isnan (*value) ? sample : *value + SMOOTHING * (sample - *value);
}

static void
smooth_epoch (Pace *pace, double seconds)
{
  pace->epoch_seconds = isnan (pace->epoch_seconds)
                          ? seconds
                          : 0.5 * (pace->epoch_seconds + seconds);
}

/* What the rest of the run takes, evaluations and all: as long a step as the
 * steps of this loop took, as long an evaluation as the last one. */
static double
seconds_left (const DmlTrainer *t, const Pace *pace, double time)
{
  const uint64_t every = t->feed.per_epoch * t->config->s.evaluate_every;
  const double step = (time - pace->began - pace->evaluated) /
                      (double) MAX (1, t->step - pace->first_step);
  const uint64_t evaluations =
    (t->n_steps + every - 1) / every - t->step / every;

  return step * (double) (t->n_steps - t->step) +
         t->evaluation_seconds * (double) evaluations;
}

static void
report_progress (DmlTrainer *t, Pace *pace, double loss)
{
  const double time = now ();
  DmlTrainProgress p = { .stage = DML_TRAIN_STAGE_TRAIN };

  smooth (&pace->step_seconds, time - pace->last);
  smooth (&pace->loss, loss);
  pace->last = time;
  if (t->listener.progress == NULL || time - pace->reported < REPORT_EVERY)
    return;
  pace->reported = time;
  p.done = (t->step - 1) % t->feed.per_epoch + 1; /* the last one is whole */
  p.total = t->feed.per_epoch;
  p.epoch = (guint) ((t->step - 1) / t->feed.per_epoch + 1);
  p.n_epochs = (guint) t->n_epochs;
  p.rate = (double) (t->feed.batch * t->feed.views) / pace->step_seconds;
  p.loss = pace->loss;
  p.seconds_left = seconds_left (t, pace, time);
  t->listener.progress (&p, t->listener.data);
}

static void
add_to_epoch (DmlEpochTrain *train, const DmlStepFigures *f)
{
  train->n++;
  train->sum.grad_norm += f->grad_norm;
  train->sum.d_pos += f->d_pos;
  train->sum.d_neg += f->d_neg;
  train->sum.norm += f->norm;
  train->sum.loss_grad_norm += f->loss_grad_norm;
  train->sum.rate = f->rate; /* the last one */
  train->sum.n_zero += f->n_zero;
  train->n_empty += f->empty != FALSE;
  if (!isnan (f->drift)) {
    train->sum.drift += f->drift;
    train->n_drift++;
  }
  if (isnan (f->active))
    return;
  train->sum.active += f->active;
  train->n_active++;
}

/* ---- the loop ---- */

static gboolean
stop_saved (DmlTrainer *t, GError **error)
{
  if (!dml_trainer_save (t, error))
    return FALSE;
  return dml_fail (error, CANCELLED,
                   "stopped after step %" G_GUINT64_FORMAT
                   " of %" G_GUINT64_FORMAT
                   "; all is saved. To go on: dml-train --resume %s",
                   t->step, t->n_steps, t->run);
}

/* Stopped in the middle of it, the epoch's steps are saved all the same, and
 * the run goes on with the evaluation. */
static gboolean
evaluate (DmlTrainer *t, GCancellable *cancellable, GError **error)
{
  g_autoptr (GError) problem = NULL;
  const double start = now ();

  t->evaluation_due = FALSE;
  if (dml_trainer_evaluate (t, cancellable, &problem)) {
    t->evaluation_seconds = now () - start;
    return TRUE;
  }
  if (g_error_matches (problem, DML_ERROR, DML_ERROR_CANCELLED)) {
    t->evaluation_due = TRUE;
    return stop_saved (t, error);
  }
  g_propagate_error (error, g_steal_pointer (&problem));
  return FALSE;
}

static gboolean
end_of_epoch (DmlTrainer *t, Pace *pace, gboolean *enough,
              GCancellable *cancellable, GError **error)
{
  const DmlTrainSettings *s = &t->config->s;
  const uint64_t epoch = t->step / t->feed.per_epoch;

  if (epoch % s->evaluate_every == 0 || t->step == t->n_steps) {
    const double start = now ();

    if (!evaluate (t, cancellable, error))
      return FALSE;
    pace->evaluated += now () - start;
  }
  t->loss_sum = 0;
  t->loss_n = 0;
  memset (&t->train, 0, sizeof t->train);
  smooth_epoch (pace, now () - pace->epoch_began);
  dml_trainer_replan (t, pace->epoch_seconds);
  pace->epoch_began = pace->last = now ();
  *enough = s->stop_early > 0 && t->since_best >= s->stop_early;
  return dml_trainer_save (t, error);
}

static gboolean
loop (DmlTrainer *t, GCancellable *cancellable, GError **error)
{
  g_autoptr (DmlLoader) loader =
    dml_feed_start (&t->feed, (unsigned) t->config->s.loaders, t->step, error);
  Pace pace = { .step_seconds = (double) NAN,
                .loss = (double) NAN,
                .last = now (),
                .epoch_began = now (),
                .epoch_seconds = (double) NAN,
                .began = now (),
                .first_step = t->step };
  gboolean enough = FALSE;

  if (loader == NULL)
    return FALSE;
  t->last_checkpoint = now ();
  if (t->evaluation_due &&
      !end_of_epoch (t, &pace, &enough, cancellable, error))
    return FALSE;
  while (t->step < t->n_steps && !enough) {
    const double began = now (), waited = dml_loader_waited (loader);
    DmlStepFigures figures;

    if (stopped (cancellable))
      return stop_saved (t, error);
    if (!dml_trainer_step (t, dml_loader_next (loader), FALSE, &figures, error))
      return FALSE;
    t->loss_sum += figures.loss;
    t->loss_n++;
    add_to_epoch (&t->train, &figures);
    t->train.seconds += now () - began;
    t->train.waited += dml_loader_waited (loader) - waited;
    report_progress (t, &pace, figures.loss);
    if (t->step % t->feed.per_epoch == 0) {
      if (!end_of_epoch (t, &pace, &enough, cancellable, error))
        return FALSE; /* the last checkpoint stands */
    } else if (now () - t->last_checkpoint > t->config->s.checkpoint_every) {
      if (!dml_trainer_save (t, error))
        return FALSE;
    }
  }
  if (enough)
    dml_trainer_say (t,
                     "stopped early: %" G_GUINT64_FORMAT
                     " evaluation%s without a better one",
                     t->since_best, DML_S (t->since_best));
  return TRUE;
}

gboolean
dml_trainer_plan (DmlTrainer *t, GCancellable *cancellable, GError **error)
{
  g_autofree char *whole = NULL;
  double seconds;

  if (!dml_trainer_rehearse (t, cancellable, error) ||
      !dml_trainer_probe (t, &seconds, cancellable, error))
    return FALSE;
  dml_trainer_choose_length (t, seconds, 0);
  whole = dml_words_duration (seconds * (double) t->n_steps);
  dml_trainer_say (
    t,
    "a step takes %.0f ms (%.0f views/s): %u epoch%s of %u step%s, about "
    "%s without evaluations",
    1e3 * seconds, (double) (t->feed.batch * t->feed.views) / seconds,
    (guint) t->n_epochs, DML_S (t->n_epochs), (guint) t->feed.per_epoch,
    DML_S (t->feed.per_epoch), whole);
  return TRUE;
}

/* How long an evaluation and, where that matters, a step takes. */
static gboolean
time_both (DmlTrainer *t, double *evaluation, double *step,
           GCancellable *cancellable, GError **error)
{
  const double start = now ();

  *step = 0;
  if (!dml_trainer_evaluate (t, cancellable, error))
    return FALSE;
  *evaluation = t->evaluation_seconds = now () - start;
  return t->config->s.time_budget <= 0 ||
         dml_trainer_probe (t, step, cancellable, error);
}

/* Untrained figures, length, config.ini, the first checkpoint. */
static gboolean
begin (DmlTrainer *t, GCancellable *cancellable, GError **error)
{
  double evaluation, step;

  if (!time_both (t, &evaluation, &step, cancellable, error)) {
    if (error != NULL &&
        g_error_matches (*error, DML_ERROR, DML_ERROR_CANCELLED)) {
      g_clear_error (error);
      dml_fail (error, CANCELLED,
                "stopped before anything was trained, so nothing is saved; "
                "start it again");
    }
    return FALSE;
  }
  dml_trainer_choose_length (t, step, evaluation);
  return dml_report_config (t, error) && dml_trainer_save (t, error);
}

/* Settings that were given anew: into what shows them. */
static gboolean
restate (DmlTrainer *t, gboolean written, GError **error)
{
  if (!t->changes.any)
    return TRUE;
  if (!dml_report_config (t, error) ||
      (t->changes.shown && !written && !isnan (t->kept.score) &&
       !dml_report_restate (t, error)))
    return FALSE;
  if (t->changes.widened && !written)
    dml_trainer_warn (t,
                      "encoder.onnx holds the weights of epoch "
                      "%" G_GUINT64_FORMAT ", of which only the 16 bits are "
                      "left: they are in 32 now and no better; those of epochs "
                      "to come will be",
                      t->kept.epoch);
  return dml_trainer_save (t, error);
}

/* After a checkpoint has been restored. A run that had ended, but whose
 * encoder.onnx is gone, or is to hold the last weights now or to hold them
 * whole again, evaluates once more and so writes it. */
static gboolean
take_up (DmlTrainer *t, GCancellable *cancellable, GError **error)
{
  const gboolean again =
    t->step == t->n_steps &&
    (isnan (t->kept.score) ||
     (dml_trainer_keeps_last (t) && t->kept.epoch != t->n_epochs) ||
     (t->changes.widened && t->kept.epoch == t->n_epochs));

  if (again)
    t->kept.score = (double) NAN; /* it is kept, whatever it comes to */
  if (again && t->n_evaluated > 0) {
    t->n_evaluated--; /* its line in run.jsonl is written anew */
    t->since_best -= t->since_best > 0;
  }
  if (!dml_report_resume (t, error) ||
      (again && !dml_trainer_evaluate (t, cancellable, error)) ||
      !restate (t, again, error))
    return FALSE;
  dml_trainer_say (
    t, "going on at step %" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT, t->step,
    t->n_steps);
  return TRUE;
}

/* A full disk: what was written before stands, so the run can go on. */
static gboolean
explain (const DmlTrainer *t, GError **error)
{
  g_autofree char *path = g_build_filename (t->run, "last.ckpt", NULL);
  g_autofree char *before = NULL;

  if (error == NULL ||
      !g_error_matches (*error, DML_ERROR, DML_ERROR_NO_SPACE) ||
      !g_file_test (path, G_FILE_TEST_EXISTS))
    return FALSE;
  before = (*error)->message;
  (*error)->message =
    g_strdup_printf ("%s. What was saved before stands: make room, then go on "
                     "with dml-train --resume %s",
                     before, t->run);
  return FALSE;
}

static gboolean
run_all (DmlTrainer *t, GCancellable *cancellable, GError **error)
{
  g_autoptr (DmlCheckpoint) cp = NULL;

  t->started = g_get_monotonic_time ();
  if (t->resumed) {
    g_autofree char *path = g_build_filename (t->run, "last.ckpt", NULL);

    cp = dml_checkpoint_read (path, error);
    if (cp == NULL)
      return FALSE;
  }
  if (!dml_trainer_load (t, cancellable, error) ||
      !dml_trainer_choose (t, error) ||
      !dml_trainer_teach (t, cancellable, error) ||
      !dml_trainer_build (t, error))
    return FALSE;
  if (cp != NULL) {
    if (!dml_trainer_restore (t, cp, error) || !take_up (t, cancellable, error))
      return FALSE;
  } else if (!begin (t, cancellable, error)) {
    return FALSE;
  }
  if (!loop (t, cancellable, error) || !dml_report_finish (t, error))
    return FALSE;
  dml_health_at_the_end (t);
  return TRUE;
}

gboolean
dml_trainer_run (DmlTrainer *t, GCancellable *cancellable, GError **error)
{
  const gboolean ok =
    (dml_trainer_enter (t, error) && run_all (t, cancellable, error)) ||
    explain (t, error);

  dml_trainer_leave (t);
  return ok;
}
