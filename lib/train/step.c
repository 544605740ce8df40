/* SPDX-License-Identifier: LGPL-2.1-or-later
 * One step: views to embeddings, embeddings to losses, and back.
 *
 * A pair loss of a large batch is not the mean of those of its parts, so a
 * batch that is embedded in parts goes through twice: first all parts forward,
 * then the loss once over the whole batch, then each part again with its rows
 * of dL/dx (exact but for batch norm, whose statistics are of a part). */
#include "train/trainer.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/rng.h"

#include <math.h>
#include <string.h>

static gboolean
run_losses (DmlTrainer *t, const DmlBatch *batch, const float *before,
            float *dx, float *dbefore, DmlStepFigures *figures, GError **error)
{
  gboolean first = TRUE;

  memset (figures, 0, sizeof *figures);
  figures->active = figures->d_pos = figures->d_neg = (double) NAN;
  figures->norm = figures->drift = (double) NAN;
  for (size_t i = 0; i < t->mix.n; i++) {
    DmlMixPart *part = &t->mix.part[i];
    const gboolean early = part->pairwise && before != NULL;
    DmlBatch view = *batch;
    DmlLossStats stats;

    if (early)
      view.x = before;
    if (!dml_loss_run (part->loss, &view, early ? dbefore : dx, &stats,
                       error)) {
      figures->empty = stats.empty;
      return FALSE;
    }
    part->value = stats.value;
    figures->loss += stats.value;
    figures->empty |= stats.empty;
    figures->n_zero = MAX (figures->n_zero, stats.n_zero);
    if (isnan (figures->drift))
      figures->drift = stats.drift;
    if (part->pairwise && isnan (figures->active) && stats.n_terms > 0)
      figures->active = (double) stats.n_active / (double) stats.n_terms;
    if (first || isnan (figures->d_neg)) {
      figures->d_pos = stats.mean_d_pos;
      figures->d_neg = stats.mean_d_neg;
      figures->norm = stats.mean_norm;
    }
    first = FALSE;
  }
  return TRUE;
}

static void
forward_part (DmlTrainer *t, const DmlLoaderBatch *batch, size_t first,
              DmlExecMode mode)
{
  DmlModel *model = t->model;
  const size_t size =
    (size_t) model->width * (size_t) model->height * (size_t) model->channels;

  memcpy (dml_train_input (model->train, 0), batch->data + first * size,
          model->batch * size * sizeof (float));
  dml_train_forward (model->train, mode,
                     t->step * (batch->n / model->batch) +
                       first / model->batch);
}

static gboolean
in_one (DmlTrainer *t, const DmlLoaderBatch *batch, DmlExecMode mode,
        DmlBatch *view, DmlStepFigures *figures, GError **error)
{
  DmlTrain *train = t->model->train;
  const unsigned out = (unsigned) t->model->out;
  const gboolean split = t->model->out_before >= 0;
  const unsigned before = split ? (unsigned) t->model->out_before : 0;

  forward_part (t, batch, 0, mode);
  view->x = dml_train_output (train, out);
  if (!run_losses (t, view, split ? dml_train_output (train, before) : NULL,
                   dml_train_output_grad (train, out),
                   split ? dml_train_output_grad (train, before) : NULL,
                   figures, error))
    return FALSE;
  dml_train_backward (train);
  return TRUE;
}

static gboolean
in_parts (DmlTrainer *t, const DmlLoaderBatch *batch, DmlExecMode mode,
          DmlBatch *view, DmlStepFigures *figures, GError **error)
{
  DmlTrain *train = t->model->train;
  const size_t part = t->model->batch, d = t->model->d;
  const int outs[] = { t->model->out, t->model->out_before };
  const unsigned n_out = t->model->out_before >= 0 ? 2 : 1;
  g_autoptr (DmlMem) x = dml_mem_new (float, n_out * batch->n * d, error);
  g_autoptr (DmlMem) dx = dml_mem_new0 (float, n_out * batch->n * d, error);
  const size_t whole = batch->n * d;

  if (x == NULL || dx == NULL)
    return FALSE;
  for (size_t first = 0; first < batch->n; first += part) {
    forward_part (t, batch, first, mode);
    for (unsigned o = 0; o < n_out; o++)
      memcpy ((float *) x + o * whole + first * d,
              dml_train_output (train, (unsigned) outs[o]),
              part * d * sizeof (float));
  }
  view->x = x;
  if (!run_losses (t, view, n_out > 1 ? (float *) x + whole : NULL, dx,
                   n_out > 1 ? (float *) dx + whole : NULL, figures, error))
    return FALSE;
  for (size_t first = 0; first < batch->n; first += part) {
    forward_part (t, batch, first, DML_EXEC_TRAIN_QUIET);
    for (unsigned o = 0; o < n_out; o++)
      memcpy (dml_train_output_grad (train, (unsigned) outs[o]),
              (float *) dx + o * whole + first * d, part * d * sizeof (float));
    dml_train_backward (train);
  }
  return TRUE;
}

/* The pictures of a batch that went wrong, for whoever must find the one. */
static char *
name_batch (const DmlTrainer *t, const DmlLoaderBatch *batch)
{
  GString *names = g_string_new (NULL);

  for (size_t i = 0; i < batch->n && names->len < 600; i += t->feed.views)
    g_string_append_printf (
      names, "%s%s", i ? ", " : "",
      dml_dataset_sample (t->set, t->feed.items[batch->items[i]])->name);
  return g_string_free (names, FALSE);
}

static gboolean
fail_diverged (const DmlTrainer *t, const DmlLoaderBatch *batch,
               const char *what, GError **error)
{
  g_autofree char *names = name_batch (t, batch);

  return dml_fail (error, DIVERGED,
                   "step %" G_GUINT64_FORMAT ": %s. Use a lower lr (it is %g) "
                   "or a longer warmup, or clip lower; encoder.onnx still "
                   "holds the best weights so far. The batch: %s ...",
                   t->step, what, t->config->s.lr, names);
}

/* What the losses compare: labels, pictures, the teacher's opinion of them. */
static gboolean
describe_rows (const DmlTrainer *t, const DmlLoaderBatch *batch, DmlBatch *view,
               void **memory, GError **error)
{
  const size_t n = batch->n, d = t->d_teacher;
  const size_t n_ints = dml_mem_round (n * sizeof (int32_t));
  uint8_t *block =
    dml_mem_new (uint8_t, 3 * n_ints + n * d * sizeof (float), error);
  int32_t *labels = (int32_t *) (void *) block;
  int32_t *instances = (int32_t *) (void *) (block + n_ints);
  int32_t *groups = (int32_t *) (void *) (block + 2 * n_ints);
  float *teacher = (float *) (void *) (block + 3 * n_ints);

  if (block == NULL)
    return FALSE;
  for (size_t i = 0; i < n; i++) {
    labels[i] = t->feed.labels[batch->items[i]];
    instances[i] = (int32_t) batch->items[i];
    groups[i] = t->feed.supers[batch->items[i]];
    if (t->teacher != NULL)
      memcpy (teacher + i * d, t->teacher + batch->items[i] * d,
              d * sizeof (float));
  }
  *memory = block;
  *view = (DmlBatch){
    .n = n,
    .d = t->model->d,
    .labels = labels,
    .groups = t->config->s.ignore_relatives ? groups : NULL,
    .items = instances,
    .instances = instances,
    .teacher = t->teacher ? teacher : NULL,
    .seed = dml_rng_stream (t->config->s.seed, t->step),
  };
  return TRUE;
}

/* They are trained with everything else: a norm of 0 would say that they are
 * not. */
static double
loss_gradient (const DmlTrainer *t)
{
  double sum = 0;

  for (size_t i = 0; i < t->mix.n; i++) {
    size_t n;
    const DmlLossWeights *w = dml_loss_weights (t->mix.part[i].loss, &n);

    for (size_t k = 0; n > 0 && k < w->rows * w->cols; k++)
      sum += (double) w->grad[k] * (double) w->grad[k];
  }
  return sqrt (sum);
}

gboolean
dml_trainer_step (DmlTrainer *t, const DmlLoaderBatch *batch, gboolean probe,
                  DmlStepFigures *figures, GError **error)
{
  const DmlTrainSettings *s = &t->config->s;
  const DmlExecMode mode = probe ? DML_EXEC_TRAIN_QUIET : DML_EXEC_TRAIN;
  const double ramp = s->margin_ramp * (double) t->n_steps;
  g_autoptr (GError) problem = NULL;
  g_autoptr (DmlMem) memory = NULL;
  DmlBatch view;

  if (!describe_rows (t, batch, &view, &memory, error))
    return FALSE;
  if (ramp > 0)
    dml_mix_set_ramp (&t->mix, MIN (1, (double) t->step / ramp));
  dml_train_zero_grad (t->model->train);
  if (!(batch->n == t->model->batch ? in_one : in_parts) (t, batch, mode, &view,
                                                          figures, &problem)) {
    /* too many empty batches say themselves what to do */
    if (g_error_matches (problem, DML_ERROR, DML_ERROR_DIVERGED) &&
        !figures->empty)
      return fail_diverged (t, batch, problem->message, error);
    g_propagate_error (error, g_steal_pointer (&problem));
    return FALSE;
  }
  figures->loss_grad_norm = loss_gradient (t);
  figures->grad_norm = dml_optim_clip (t->optim, s->clip);
  if (!isfinite (figures->loss) || !isfinite (figures->grad_norm))
    return fail_diverged (t, batch, "the loss or its gradient is no number",
                          error);
  if (probe)
    return TRUE;
  figures->rate =
    s->lr * dml_schedule_at (t->schedule, t->step, t->n_steps,
                             (uint64_t) (s->warmup * (double) t->n_steps));
  dml_optim_step (t->optim, figures->rate);
  dml_optim_average (t->optim);
  t->step++;
  return dml_health_after_step (t, &view, figures, error);
}
