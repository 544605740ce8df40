/* SPDX-License-Identifier: LGPL-2.1-or-later
 * From settings to a run that can step: pictures, network, losses, optimiser.
 */
#include "train/trainer.h"
#include "base/error.h"
#include "base/threads.h"
#include "base/words.h"

#include <math.h>
#include <string.h>

#define EMA_HORIZON 20 /* the average looks back over a 20th of the run */
#define EMA_MAX 0.9995

static void
on_read (guint n_read, gpointer data)
{
  const DmlTrainer *t = data;
  const DmlTrainProgress progress = {
    .stage = DML_TRAIN_STAGE_LOAD,
    .done = n_read,
    .seconds_left = (double) NAN,
  };

  if (t->listener.progress)
    t->listener.progress (&progress, t->listener.data);
}

/* Held out, but too few to tell the unknown from the known. */
static void
warn_of_few (const DmlTrainer *t, guint n_val)
{
  const DmlTrainSettings *s = &t->config->s;

  if (n_val == 0 || n_val >= DML_OPEN_CLASSES_MIN)
    return;
  if (*s->split != '\0' || t->set->split_given)
    dml_trainer_warn (t,
                      "%u held-out class%s %s too few for AUROC, DIR and "
                      "thresholds: mark %d or more as `val`",
                      n_val, DML_ES (n_val), DML_IS (n_val),
                      DML_OPEN_CLASSES_MIN);
  else
    dml_trainer_warn (t,
                      "%u held-out class%s %s too few for AUROC, DIR and "
                      "thresholds, which ask for %d: raise --hold-out (it is "
                      "%g), or add classes",
                      n_val, DML_ES (n_val), DML_IS (n_val),
                      DML_OPEN_CLASSES_MIN, s->hold_out);
}

/* As a table's column can say it, picture by picture: figures of classes that
 * were trained on are no figures of unseen ones. */
static void
warn_of_both (const DmlTrainer *t)
{
  const char *first = NULL;
  guint n = 0;

  for (guint i = 0; i < t->set->labels->len; i++) {
    const DmlLabel *label = dml_dataset_label (t->set, i);

    if (label->n[DML_SPLIT_TRAIN] == 0 ||
        label->n[DML_SPLIT_VAL] + label->n[DML_SPLIT_TEST] == 0)
      continue;
    first = first ? first : label->name;
    n++;
  }
  if (n > 0)
    dml_trainer_warn (
      t,
      "%u class%s %s on both sides of the split, the first is %s: "
      "the figures are not of unseen things, and thresholds "
      "will be too high or too low for those. Hold out whole "
      "classes",
      n, DML_ES (n), DML_IS (n), first);
}

static void
say_split (const DmlTrainer *t)
{
  guint n_classes[DML_N_SPLITS] = { 0 }, n[DML_N_SPLITS] = { 0 };

  for (guint i = 0; i < t->set->labels->len; i++)
    for (int s = 0; s < DML_N_SPLITS; s++) {
      n_classes[s] += dml_dataset_label (t->set, i)->n[s] > 0;
      n[s] += dml_dataset_label (t->set, i)->n[s];
    }
  dml_trainer_say (
    t,
    "%u class%s (%u picture%s) to train on, %u (%u) held out to "
    "choose the best epoch and the thresholds, %u (%u) to test "
    "at the end",
    n_classes[DML_SPLIT_TRAIN], DML_ES (n_classes[DML_SPLIT_TRAIN]),
    n[DML_SPLIT_TRAIN], DML_S (n[DML_SPLIT_TRAIN]), n_classes[DML_SPLIT_VAL],
    n[DML_SPLIT_VAL], n_classes[DML_SPLIT_TEST], n[DML_SPLIT_TEST]);
  if (n[DML_SPLIT_VAL] == 0)
    dml_trainer_warn (t,
                      "nothing is held out to choose by (too few classes, or "
                      "as asked for): the last weights are kept, no line "
                      "says how well unseen things are told apart, and no "
                      "threshold is calibrated. --hold-out says the share of "
                      "the classes, --split which ones");
  warn_of_few (t, n_classes[DML_SPLIT_VAL]);
  warn_of_both (t);
}

gboolean
dml_trainer_load (DmlTrainer *t, GCancellable *cancellable, GError **error)
{
  const DmlTrainSettings *s = &t->config->s;
  DmlDatasetOptions options;
  DmlFit fit;

  if (!dml_trainer_find_origins (t, error) ||
      !dml_trainer_choose_input (t, error) ||
      !dml_fit_parse (s->fit, &fit, error))
    return FALSE;
  options = (DmlDatasetOptions){
    .fit = fit,
    .cache_scale = s->cache_scale,
    .input = (int) s->input,
    .cache_bytes = (size_t) dml_trainer_cache_mb (t) << 20,
    .bad_share = s->bad_pictures,
    .max_per_class = (guint) s->pictures_per_class_max,
    .n_threads = (unsigned) s->threads,
  };
  t->set = dml_dataset_open ((const char *const *) t->sources, &options,
                             on_read, t, cancellable, error);
  if (t->set == NULL)
    return FALSE;
  if (t->set->report.n_packed > 0) /* it shapes what is learned */
    t->config->s.cache_memory_mb = dml_trainer_cache_mb (t);
  g_autoptr (GPtrArray) lines = dml_dataset_describe (t->set, TRUE);

  for (guint i = 0; i < lines->len && !t->resumed; i++)
    dml_trainer_say (t, "%s", (const char *) lines->pdata[i]);
  if (!dml_dataset_split (t->set, s->split, s->hold_out, s->seed, error))
    return FALSE;
  t->val = dml_dataset_members (t->set, DML_SPLIT_VAL);
  t->test = dml_dataset_members (t->set, DML_SPLIT_TEST);
  if (!t->resumed)
    say_split (t);
  return TRUE;
}

/* ---- what is trained, and how fast ---- */

static void
add_network_params (DmlTrainer *t, GArray *params)
{
  const DmlTrainSettings *s = &t->config->s;
  size_t n;
  const DmlTrainParam *each = dml_train_params (t->model->train, &n);

  for (size_t i = 0; i < n; i++) {
    const gboolean head = g_hash_table_contains (t->model->head, each[i].name);
    const DmlOptimParam param = {
      .name = each[i].name,
      .value = each[i].data,
      .grad = each[i].grad,
      .n = each[i].n,
      .lr_scale = head ? (float) s->head_lr : 1.0f,
      .decay = !(each[i].flags & DML_VALUE_NO_DECAY),
    };

    g_array_append_val (params, param);
  }
}

static void
add_loss_params (DmlTrainer *t, GArray *params)
{
  for (size_t i = 0; i < t->mix.n; i++) {
    size_t n;
    DmlLossWeights *w = dml_loss_weights (t->mix.part[i].loss, &n);

    for (size_t j = 0; j < n; j++) {
      char *name = g_strdup_printf ("loss/%zu/%s", i, w[j].name);
      const DmlOptimParam param = {
        .name = name,
        .value = w[j].value,
        .grad = w[j].grad,
        .n = w[j].rows * w[j].cols,
        .lr_scale = (float) (w[j].lr_scale * t->config->s.proxy_lr),
        .decay = w[j].decay,
      };

      g_ptr_array_add (t->names, name);
      g_array_append_val (params, param);
    }
  }
}

static double
choose_average (DmlTrainer *t)
{
  DmlTrainSettings *s = &t->config->s;
  const double steps = (double) (s->epochs * t->feed.per_epoch);

  if (s->ema == 0)
    s->ema =
      CLAMP (1 - EMA_HORIZON / MAX (steps, 2 * EMA_HORIZON), 0.5, EMA_MAX);
  return s->ema;
}

static gboolean
build_optimiser (DmlTrainer *t, GError **error)
{
  const DmlTrainSettings *s = &t->config->s;
  g_autoptr (GArray) params = g_array_new (FALSE, TRUE, sizeof (DmlOptimParam));
  const DmlOptimOptions options = {
    .adamw = strcmp (s->optimiser, "adamw") == 0,
    .momentum = s->momentum,
    .weight_decay = s->weight_decay,
    .average_decay = choose_average (t),
  };

  t->names = g_ptr_array_new_with_free_func (g_free);
  add_network_params (t, params);
  add_loss_params (t, params);
  t->n_params = params->len;
  t->params = (DmlOptimParam *) (void *) g_array_steal (params, NULL);
  t->optim = dml_optim_new (t->params, t->n_params, &options, error);
  return t->optim != NULL;
}

/* ---- views ---- */

static gboolean
build_views (DmlTrainer *t, GError **error)
{
  const DmlTrainSettings *s = &t->config->s;
  DmlFeed *feed = &t->feed;
  const DmlModel *m = t->model;

  feed->preprocess = (DmlPreprocess){
    .width = m->width,
    .height = m->height,
    .channels = m->channels,
    .fit = m->fit,
  };
  memcpy (feed->preprocess.mean, m->mean, sizeof m->mean);
  memcpy (feed->preprocess.std, m->std, sizeof m->std);
  if (!dml_augment_parse (s->augment, &feed->augment, error))
    return FALSE;
  feed->n_augmenters = 1 + MAX (s->loaders, MAX (dml_threads_max (), 8));
  feed->augmenters = g_new0 (DmlAugmenter *, feed->n_augmenters);
  for (size_t i = 0; i < feed->n_augmenters; i++) {
    feed->augmenters[i] =
      dml_augmenter_new (&feed->augment, &feed->preprocess, error);
    if (feed->augmenters[i] == NULL)
      return FALSE;
  }
  return TRUE;
}

gboolean
dml_trainer_build (DmlTrainer *t, GError **error)
{
  const DmlTrainSettings *s = &t->config->s;
  DmlLossSetup setup = { .seed = s->seed };
  size_t rows, part;

  rows = t->feed.batch * t->feed.views;
  if (rows > DML_BATCH_MAX)
    return dml_fail (
      error, INVALID,
      "a batch of %zu views (%zu picture%s, %zu view%s of each): "
      "at most %d are compared with one another; lower "
      "classes-per-batch, pictures-per-class or views",
      rows, t->feed.batch, DML_S (t->feed.batch), t->feed.views,
      DML_S (t->feed.views), DML_BATCH_MAX);
  part = s->micro_batch ? MIN (s->micro_batch, rows) : rows;
  if (rows % part != 0)
    return dml_fail (error, INVALID,
                     "micro-batch: %zu does not divide the batch of %zu view%s",
                     part, rows, DML_S (rows));
  t->model = dml_model_new (s, part, error);
  if (t->model == NULL || !build_views (t, error))
    return FALSE;
  setup.d = t->model->d;
  setup.n_classes = t->feed.n_classes;
  setup.d_teacher = t->d_teacher;
  if (!dml_mix_init (&t->mix, s->loss, &setup, error))
    return FALSE;
  if (s->label_smoothing > 0)
    dml_mix_set_smoothing (&t->mix, s->label_smoothing);
  if (!build_optimiser (t, error))
    return FALSE;
  t->n_epochs = s->epochs;
  t->n_steps = s->epochs * t->feed.per_epoch;
  if (!t->resumed)
    dml_trainer_say (
      t,
      "%s: %.4g M weights to train, %d x %d pixels in, %zu numbers out; "
      "%zu MiB for activations",
      *s->init ? s->init : s->arch, (double) t->model->n_weights / 1e6,
      t->model->width, t->model->height, t->model->d,
      dml_train_memory (t->model->train) >> 20);
  if (!t->resumed)
    dml_trainer_warn_idle (t);
  return TRUE;
}

gboolean
dml_trainer_rehearse (DmlTrainer *t, GCancellable *cancellable, GError **error)
{
  return dml_trainer_load (t, cancellable, error) &&
         dml_trainer_choose (t, error) &&
         dml_trainer_pretend_teacher (t, error) && dml_trainer_build (t, error);
}
