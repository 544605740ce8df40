/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Settings that somebody set and that change nothing beside the others: named
 * once, at the start, so that nobody measures what was never done. */
#include "train/trainer.h"
#include "base/error.h"

#include <math.h>
#include <string.h>

static gboolean
from_nothing (const DmlTrainer *t)
{
  return *t->config->s.init == '\0';
}

static gboolean
from_file (const DmlTrainer *t)
{
  return !from_nothing (t);
}

static gboolean
has_pool (const DmlTrainer *t)
{
  return t->model->pool_built;
}

static gboolean
has_neck (const DmlTrainer *t)
{
  return t->model->neck_built || t->model->out_before >= 0;
}

static gboolean
has_head (const DmlTrainer *t)
{
  return g_hash_table_size (t->model->head) > 0;
}

static gboolean
has_teacher (const DmlTrainer *t)
{
  return *t->config->s.teacher != '\0';
}

static gboolean
has_instance (const DmlTrainer *t)
{
  return t->config->s.instance > 0;
}

static gboolean
has_smoothing (const DmlTrainer *t)
{
  for (size_t i = 0; i < t->mix.n; i++)
    if (!isnan (dml_loss_get (t->mix.part[i].loss, "smoothing")))
      return TRUE;
  return FALSE;
}

static gboolean
has_margin (const DmlTrainer *t)
{
  for (size_t i = 0; i < t->mix.n; i++)
    if (!isnan (t->mix.part[i].margin))
      return TRUE;
  return FALSE;
}

static gboolean
has_class_weights (const DmlTrainer *t)
{
  for (size_t i = 0; i < t->mix.n; i++)
    if (!t->mix.part[i].pairwise)
      return TRUE;
  return FALSE;
}

static const struct {
  const char *name;
  gboolean (*used) (const DmlTrainer *t);
  const char *reason;
} rows[] = {
  { "arch", from_nothing, "the network is that of init" },
  { "width", from_nothing, "the network is that of init" },
  { "pool", has_pool, "the file of init pools by itself" },
  { "neck", has_neck,
    "a file's own head is kept as it is; to be split it must end in a batch "
    "norm" },
  { "head-lr", has_head, "a file's own head is kept as it is" },
  { "freeze-norm", from_file, "it speaks of the batch norm of init" },
  { "teacher-weight", has_teacher, "there is no teacher" },
  { "instance-temperature", has_instance, "instance is 0" },
  { "instance-same-class", has_instance, "instance is 0" },
  { "label-smoothing", has_smoothing, "no loss of these has it" },
  { "margin-ramp", has_margin, "no loss of these has a margin that grows" },
  { "proxy-lr", has_class_weights,
    "no loss of these has class weights or proxies" },
};

void
dml_trainer_warn_idle (const DmlTrainer *t)
{
  for (size_t i = 0; i < G_N_ELEMENTS (rows); i++) {
    const DmlTrainSetting *setting = dml_train_setting_find (rows[i].name);
    g_autofree char *value = dml_train_setting_get (&t->config->s, setting);

    if (!dml_train_setting_is_initial (&t->config->s, setting) &&
        !rows[i].used (t))
      dml_trainer_warn (t, "%s=%s does nothing here: %s", setting->name, value,
                        rows[i].reason);
  }
}

/* What can be told of settings before a picture is read. */
gboolean
dml_trainer_check_settings (const DmlTrainConfig *config, GError **error)
{
  const DmlTrainSettings *s = &config->s;
  const DmlLossSetup setup = { .d = s->embedding,
                               .n_classes = 2,
                               .d_teacher = *s->teacher ? 1 : 0,
                               .seed = s->seed };
  DmlAugment augment;
  uint64_t p, k;
  DmlMix mix;

  if (*s->freeze != '\0' && *s->init == '\0')
    return dml_fail (error, INVALID,
                     "freeze: there is nothing worth keeping without --init, "
                     "all weights begin at random; name the encoder to start "
                     "from, or leave it away");
  if (!dml_augment_parse (s->augment, &augment, error) ||
      !dml_sampler_check (s->sampler, error) ||
      !dml_feed_sizes (s, FALSE, &p, &k, error))
    return FALSE;
  if (strcmp (s->loss, "auto") == 0 || *s->loss == '\0')
    return TRUE;
  if (!dml_mix_init (&mix, s->loss, &setup, error))
    return FALSE;
  dml_mix_clear (&mix);
  return TRUE;
}
