/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Choosing what nobody set, and saying why. A choice is written into the
 * settings, so that config.ini holds what was used. */
#include "train/trainer.h"
#include "base/error.h"
#include "base/threads.h"
#include "base/words.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MANY_PICTURES 20000 /* a wider network pays from about here */
#define VIEWS_PER_BATCH 192
#define CLASSES_PER_BATCH_MIN                                                  \
  8 /* fewer give pair losses nothing to compare                               \
     */
#define SGD_LR_PER_128 0.1
#define ADAMW_LR 2e-3
#define EPOCHS_MIN 3
#define EVALUATION_SHARE 0.2
#define IMBALANCE 10 /* largest class to smallest, from where it is told */

static gboolean
is_given (const DmlTrainer *t, const char *name)
{
  return g_hash_table_contains (t->config->given, name);
}

static void
set_text (char **place, const char *text)
{
  g_free (*place);
  *place = g_strdup (text);
}

/* Half of this machine's memory where nobody said it. That stays unsaid, unless
 * it was too little (dml_trainer_load). */
uint64_t
dml_trainer_cache_mb (const DmlTrainer *t)
{
  const long pages = sysconf (_SC_PHYS_PAGES), size = sysconf (_SC_PAGESIZE);

  if (t->config->s.cache_memory_mb > 0)
    return t->config->s.cache_memory_mb;
  return pages > 0 ? ((uint64_t) pages * (uint64_t) size >> 20) / 2 : 1024;
}

/* Before the pictures are decoded, when their sizes are not known yet: from the
 * encoder to start from, or 64 pixels, and a region stretched, which tells thin
 * things best (docs/encoder.md). */
gboolean
dml_trainer_choose_input (DmlTrainer *t, GError **error)
{
  DmlTrainSettings *s = &t->config->s;

  if (s->input == 0 && *s->init == '\0')
    s->input = 64;
  if (*s->init == '\0' && *s->fit == '\0')
    set_text (&s->fit, dml_fit_names[DML_FIT_STRETCH]);
  if (*s->init != '\0' &&
      (s->input == 0 || *s->fit == '\0' || !is_given (t, "embedding"))) {
    g_autoptr (DmlEncoder) encoder = dml_encoder_open (s->init, error);
    int width, height;

    if (encoder == NULL)
      return FALSE;
    dml_encoder_get_input_size (encoder, &width, &height);
    if (s->input == 0)
      s->input = (uint64_t) MIN (width, height);
    if (*s->fit == '\0')
      set_text (&s->fit, dml_fit_names[dml_encoder_get_fit (encoder)]);
    if (!is_given (t, "embedding") &&
        dml_encoder_get_metadata (encoder, "dml.version") != NULL)
      s->embedding = dml_encoder_get_dim (encoder); /* its own head goes on */
  }
  return TRUE;
}

static int
compare_sizes (const void *a, const void *b)
{
  return (int) *(const guint *) a - (int) *(const guint *) b;
}

/* Numbers of training pictures of the classes that have some. */
typedef struct {
  guint n, smallest, median, largest;
} ClassSizes;

static ClassSizes
class_sizes (const DmlTrainer *t)
{
  g_autofree guint *sizes = g_new (guint, t->set->labels->len);
  guint n = 0;

  for (guint i = 0; i < t->set->labels->len; i++)
    if (dml_dataset_label (t->set, i)->n[DML_SPLIT_TRAIN] > 0)
      sizes[n++] = dml_dataset_label (t->set, i)->n[DML_SPLIT_TRAIN];
  qsort (sizes, n, sizeof *sizes, compare_sizes);
  return n ? (ClassSizes){ n, sizes[0], sizes[n / 2], sizes[n - 1] }
           : (ClassSizes){ 0 };
}

static void
warn_of_imbalance (const DmlTrainer *t, const ClassSizes *sizes)
{
  const gboolean uniform = g_str_has_prefix (t->config->s.sampler, "uniform");

  if (t->set->unlabelled || t->resumed ||
      sizes->largest < IMBALANCE * sizes->smallest)
    return;
  dml_trainer_warn (
    t, "classes have from %u to %u pictures; %s", sizes->smallest,
    sizes->largest,
    uniform
      ? "the large ones will rule what is learned: sampler=pxk shows all "
        "classes alike, max-per-class bounds the large ones"
      : "all are shown alike, so the same few pictures of the small ones come "
        "again and again: add some there, or bound the others by "
        "max-per-class");
}

static guint
count_train (const DmlTrainer *t)
{
  guint n = 0;

  for (guint i = 0; i < t->set->labels->len; i++)
    n += dml_dataset_label (t->set, i)->n[DML_SPLIT_TRAIN];
  return n;
}

static void
say_batch (const DmlTrainer *t, guint median)
{
  const DmlTrainSettings *s = &t->config->s;
  const guint rows = (guint) (t->feed.batch * t->feed.views);
  const guint k = (guint) s->pictures_per_class, views = (guint) s->views;
  gboolean said;

  if (isnan (dml_sampler_setting (s->sampler, "k", &said)))
    dml_trainer_say (t, "batch: %zu picture%s x %u view%s = %u (sampler=%s)",
                     t->feed.batch, DML_S (t->feed.batch), views, DML_S (views),
                     rows, s->sampler);
  else
    dml_trainer_say (
      t,
      "batch: %zu class%s x %u picture%s x %u view%s = %u (a class "
      "has %u picture%s in the middle)",
      t->feed.batch / k, DML_ES (t->feed.batch / k), k, DML_S (k), views,
      DML_S (views), rows, median, DML_S (median));
}

/* P, K and views, then the sampler that they make: what a batch holds is read
 * from there by all that comes after. */
static gboolean
choose_batch (DmlTrainer *t, guint median, guint n_classes, GError **error)
{
  DmlTrainSettings *s = &t->config->s;
  const guint by_median = CLAMP (median, 1, 4);
  gboolean p_said, batch_said;
  uint64_t p, k;

  if (!dml_feed_sizes (s, t->resumed, &p, &k, error))
    return FALSE;
  if (s->views == 0)
    s->views = s->instance > 0 || t->set->unlabelled ? 2 : 1;
  if (k == 0)
    k = t->set->unlabelled
          ? 1
          : MAX (s->views > 1 ? 1 : 2, MIN (by_median, 5 - s->views));
  if (p == 0)
    p = MAX (VIEWS_PER_BATCH / (s->views * k), CLASSES_PER_BATCH_MIN);
  dml_sampler_setting (s->sampler, "p", &p_said);
  dml_sampler_setting (s->sampler, "batch", &batch_said);
  if (!p_said && !batch_said)
    p = MIN (p, n_classes);
  s->classes_per_batch = p;
  s->pictures_per_class = k;
  if (p == 1 && n_classes > 1 && !t->resumed &&
      g_str_has_prefix (s->sampler, "pxk"))
    dml_trainer_warn (t, "classes-per-batch is 1: pair losses find nothing to "
                         "push apart in such a batch; 8 or more are usual");
  if (!dml_feed_init (&t->feed, t, error))
    return FALSE;
  if (!t->resumed)
    say_batch (t, median);
  return TRUE;
}

static void
choose_loss (DmlTrainer *t, guint n_classes)
{
  DmlTrainSettings *s = &t->config->s;
  GString *loss = g_string_new (NULL);

  if (strcmp (s->loss, "auto") != 0)
    g_string_append (loss, s->loss);
  else if (!t->set->unlabelled && n_classes > 1)
    g_string_append (loss, "cosface:scale=16,margin=0.1");
  if (t->set->unlabelled && s->instance == 0 && loss->len == 0)
    s->instance = 1;
  if (s->instance > 0 && strstr (loss->str, "instance") == NULL)
    g_string_append_printf (loss,
                            "%sinstance:weight=%g,temperature=%g,same_class=%g",
                            loss->len ? "+" : "", s->instance,
                            s->instance_temperature, s->instance_same_class);
  if (*s->teacher != '\0' && strstr (loss->str, "distil") == NULL)
    g_string_append_printf (loss, "%sdistil:weight=%g", loss->len ? "+" : "",
                            s->teacher_weight);
  if (n_classes == 1 && !t->set->unlabelled && !t->resumed)
    dml_trainer_warn (t,
                      "there is one class, so nothing to tell it from: %s. A "
                      "folder for each of several things is expected",
                      s->instance > 0 ? "every picture is taken for a thing of "
                                        "its own (instance)"
                                      : "no loss by class can learn from it");
  g_free (s->loss);
  s->loss = g_string_free (loss, FALSE);
  if (!t->resumed)
    dml_trainer_say (t, "loss: %s", s->loss);
}

static void
choose_rates (DmlTrainer *t)
{
  DmlTrainSettings *s = &t->config->s;
  const gboolean adamw = strcmp (s->optimiser, "adamw") == 0;
  const double batch = (double) (t->feed.batch * t->feed.views);

  if (s->weight_decay < 0)
    s->weight_decay = adamw ? 0.05 : 5e-4;
  if (s->lr == 0)
    s->lr = adamw ? ADAMW_LR : SGD_LR_PER_128 * MIN (1, batch / 128);
  if (s->lr > 0 && !is_given (t, "lr") && *s->init != '\0')
    s->lr /= 10; /* a trained network is to be moved, not to be thrown */
}

gboolean
dml_trainer_choose (DmlTrainer *t, GError **error)
{
  DmlTrainSettings *s = &t->config->s;
  const ClassSizes sizes = class_sizes (t);
  const guint n = count_train (t);

  if (!dml_schedule_find (s->schedule, &t->schedule, error))
    return FALSE;
  if (n < 2)
    return dml_fail (error, FORMAT,
                     "%u picture to train on; two at least are "
                     "needed, and some dozens to learn anything",
                     n);
  if (s->width == 0 && *s->init == '\0') {
    s->width = n > MANY_PICTURES ? 0.75 : 0.5;
    if (!t->resumed)
      dml_trainer_say (t, "network: %s, width %g (%u pictures to train on)",
                       s->arch, s->width, n);
  }
  if (!choose_batch (t, sizes.median, sizes.n, error))
    return FALSE;
  choose_loss (t, sizes.n);
  choose_rates (t);
  if (n < 200 && !t->resumed)
    dml_trainer_warn (t,
                      "%u pictures are few to train an encoder from; the "
                      "built-in one, with these as a gallery, may do better "
                      "(dml-eval default DATA tells)",
                      n);
  warn_of_imbalance (t, &sizes);
  return TRUE;
}

/* What the planned epochs take, with their evaluations. */
static double
planned_seconds (const DmlTrainer *t, double step, double evaluation)
{
  const DmlTrainSettings *s = &t->config->s;
  const double epochs = (double) s->epochs, every = (double) s->evaluate_every;

  return epochs * (double) t->feed.per_epoch * step +
         ceil (epochs / every) * evaluation;
}

/* Epochs, steps and evaluations that fill a time. Evaluations take a fifth of
 * it at most, where nobody said how often; an epoch longer than a third of it
 * is cut short, where nobody said how long. One step and one evaluation are the
 * least there is. */
static void
fill_time (DmlTrainer *t, double seconds, double step, double evaluation)
{
  DmlTrainSettings *s = &t->config->s;
  const double evaluations =
    MAX (1, floor (EVALUATION_SHARE * seconds / MAX (evaluation, 1e-3)));
  const double steps =
    MAX (1, floor ((seconds - evaluations * evaluation) / step));
  double epochs = floor (steps / (double) t->feed.per_epoch);

  if (epochs < EPOCHS_MIN && s->batches_per_epoch == 0) {
    epochs = MIN (CLAMP (evaluations, 1, EPOCHS_MIN), steps);
    t->feed.per_epoch = (uint64_t) floor (steps / epochs);
    s->batches_per_epoch = t->feed.per_epoch;
  }
  s->epochs = (uint64_t) MAX (1, epochs);
  if (!is_given (t, "evaluate-every"))
    s->evaluate_every = (uint64_t) MAX (1, ceil (epochs / evaluations));
  while (s->epochs > 1 && planned_seconds (t, step, evaluation) > seconds)
    s->epochs--;
}

/* The plan, or that the time is too short for any: then it is the shortest. */
static void
say_length (const DmlTrainer *t, double left, double step, double evaluation)
{
  const DmlTrainSettings *s = &t->config->s;
  const double takes = planned_seconds (t, step, evaluation);
  const guint epochs = (guint) s->epochs, every = (guint) s->evaluate_every;
  const guint steps = (guint) t->feed.per_epoch;
  g_autofree char *budget = dml_words_duration (s->time_budget);
  g_autofree char *whole = dml_words_duration (s->time_budget - left + takes);
  g_autofree char *often =
    every == 1 ? g_strdup ("") : g_strdup_printf ("%u ", every);
  g_autofree char *parts =
    evaluation > 0 ? g_strdup_printf (", %.1f s an evaluation, one every "
                                      "%sepoch%s",
                                      evaluation, often, DML_S (every))
                   : g_strdup ("");

  if (takes <= left)
    dml_trainer_say (t,
                     "%u epoch%s of %u step%s fit%s into %s (%.0f ms a step%s)",
                     epochs, DML_S (epochs), steps, DML_S (steps),
                     epochs == 1 ? "s" : "", budget, 1e3 * step, parts);
  else
    dml_trainer_warn (
      t,
      "time-budget: nothing fits into %s: %u epoch%s of %u "
      "step%s, the least%s, and all before take some %s "
      "(%.0f ms a step%s)",
      budget, epochs, DML_S (epochs), steps, DML_S (steps),
      is_given (t, "batches-per-epoch") ? " that batches-per-epoch leaves" : "",
      whole, 1e3 * step, parts);
}

/* How long the run is, when a step and an evaluation have been measured. */
void
dml_trainer_choose_length (DmlTrainer *t, double step_seconds,
                           double evaluation_seconds)
{
  DmlTrainSettings *s = &t->config->s;

  if (s->time_budget > 0) {
    const double left = s->time_budget - dml_trainer_seconds (t);

    fill_time (t, MAX (0, left), step_seconds, evaluation_seconds);
    say_length (t, left, step_seconds, evaluation_seconds);
  }
  t->n_epochs = s->epochs;
  t->n_steps = t->n_epochs * t->feed.per_epoch;
}

/* A machine that others use too is never as fast as it was measured: with a
 * time budget the number of epochs follows what they really take. */
void
dml_trainer_replan (DmlTrainer *t, double epoch_seconds)
{
  const double left = t->config->s.time_budget - dml_trainer_seconds (t);
  const uint64_t done = t->step / t->feed.per_epoch;
  const uint64_t more =
    (uint64_t) MAX (0, floor (left / MAX (epoch_seconds, 1e-3) + 0.5));

  if (t->config->s.time_budget <= 0 || t->step == t->n_steps)
    return;
  t->n_epochs = done + MAX (1, more);
  t->n_steps = t->n_epochs * t->feed.per_epoch;
}
