/* SPDX-License-Identifier: LGPL-2.1-or-later
 * What programs call: making, resuming and freeing a run. */
#include "train/trainer.h"
#include "base/error.h"
#include "base/threads.h"
#include "encoder/encoder.h"

#include <math.h>
#include <string.h>

static void G_GNUC_PRINTF (3, 0)
  tell (const DmlTrainer *t, gboolean warning, const char *format, va_list args)
{
  g_autofree char *text = g_strdup_vprintf (format, args);

  if (t->listener.message)
    t->listener.message (text, warning, t->listener.data);
}

void
dml_trainer_say (const DmlTrainer *t, const char *format, ...)
{
  va_list args;

  va_start (args, format);
  tell (t, FALSE, format, args);
  va_end (args);
}

void
dml_trainer_warn (const DmlTrainer *t, const char *format, ...)
{
  va_list args;

  va_start (args, format);
  tell (t, TRUE, format, args);
  va_end (args);
}

double
dml_trainer_seconds (const DmlTrainer *t)
{
  return t->seconds + (double) (g_get_monotonic_time () - t->started) / 1e6;
}

gboolean
dml_trainer_keeps_last (const DmlTrainer *t)
{
  return strcmp (t->config->s.keep, "last") == 0;
}

/* Paths are kept whole: a run may go on from another folder. "default" is the
 * built-in encoder's name, of a split file it is a path like any other. */
static void
make_absolute (DmlTrainConfig *config)
{
  char **paths[] = { &config->s.split, &config->s.init, &config->s.teacher };

  for (size_t i = 0; i < G_N_ELEMENTS (paths); i++)
    if (**paths[i] != '\0' && (paths[i] == &config->s.split ||
                               !dml_encoder_names_default (*paths[i]))) {
      char *whole = g_canonicalize_filename (*paths[i], NULL);

      g_free (*paths[i]);
      *paths[i] = whole;
    }
}

static DmlTrainer *
trainer_new (const char *run, const DmlTrainConfig *config,
             const DmlTrainListener *listener)
{
  DmlTrainer *t = g_new0 (DmlTrainer, 1);

  t->run = g_strdup (run);
  t->folder = -1;
  t->config = dml_train_config_copy (config);
  if (listener != NULL)
    t->listener = *listener;
  t->kept.score = t->top.score = (double) NAN;
  t->started = g_get_monotonic_time ();
  if (t->config->s.threads > 0) /* where the pool has not been used yet */
    dml_threads_set_max ((unsigned) t->config->s.threads);
  return t;
}

/* All of them by their whole paths. (transfer full) */
static char **
find_sources (const char *const *data, GError **error)
{
  g_autoptr (GStrvBuilder) sources = g_strv_builder_new ();

  for (size_t i = 0; data[i] != NULL; i++) {
    g_autofree char *whole = g_canonicalize_filename (data[i], NULL);

    if (!g_file_test (whole, G_FILE_TEST_EXISTS))
      return dml_fail_null (error, NOT_FOUND, "%s: no such file or folder",
                            data[i]);
    g_strv_builder_add (sources, whole);
  }
  return g_strv_builder_end (sources);
}

DmlTrainer *
dml_trainer_new (const char *const *data, const char *run,
                 const DmlTrainConfig *config, const DmlTrainListener *listener,
                 GError **error)
{
  g_autoptr (DmlTrainer) t = NULL;
  g_auto (GStrv) sources = NULL;

  g_return_val_if_fail (data != NULL && run != NULL && config != NULL, NULL);
  if (!dml_trainer_check_settings (config, error))
    return NULL;
  if (data[0] == NULL)
    return dml_fail_null (error, INVALID,
                          "no data: name a folder of folders, "
                          "a tar file or a table (.csv)");
  sources = find_sources (data, error);
  if (sources == NULL)
    return NULL;
  if (!dml_trainer_check_fresh (run, error))
    return NULL;
  t = trainer_new (run, config, listener);
  make_absolute (t->config);
  t->sources = g_steal_pointer (&sources);
  return g_steal_pointer (&t);
}

/* The settings of the checkpoint with those that were given anew. */
static gboolean
take_changes (DmlTrainConfig *config, const DmlTrainConfig *changes,
              const char *run, DmlChanges *what, GError **error)
{
  const gboolean half = config->s.half_weights != 0;
  const DmlTrainSetting *setting;

  for (size_t i = 0; (setting = dml_train_setting_at (i)) != NULL; i++) {
    g_autofree char *now = dml_train_config_get (config, setting->name);
    g_autofree char *then = NULL;

    if (!dml_train_config_is_given (changes, setting->name))
      continue;
    then = now;
    now = dml_train_config_get (changes, setting->name);
    if (strcmp (then, now) == 0)
      continue;
    if (setting->change == SETTING_FIXED)
      return dml_fail (error, INVALID,
                       "%s cannot become '%s': the run in %s was begun with "
                       "'%s'. Leave the option away, or start a new run (its "
                       "encoder.onnx can be the beginning: --init)",
                       setting->name, now, run, then);
    if (!dml_train_config_set (config, setting->name, now, error))
      return FALSE;
    what->any = TRUE;
    what->shown |= setting->change == SETTING_SHOWN;
  }
  what->widened = half && !config->s.half_weights;
  return TRUE;
}

DmlTrainer *
dml_trainer_resume (const char *run, const char *const *data,
                    const DmlTrainConfig *changes,
                    const DmlTrainListener *listener, GError **error)
{
  g_autofree char *path = g_build_filename (run, "last.ckpt", NULL);
  DmlChanges what = { FALSE };
  g_autoptr (DmlCheckpoint) cp = NULL;
  g_autoptr (DmlTrainConfig) config = dml_train_config_new ();
  g_autoptr (DmlTrainer) t = NULL;
  g_autofree char *text = NULL, *then = NULL;
  g_auto (GStrv) sources = NULL;
  g_autoptr (GBytes) bytes = NULL;

  g_return_val_if_fail (run != NULL, NULL);
  if (!g_file_test (path, G_FILE_TEST_EXISTS))
    return dml_fail_null (error, NOT_FOUND,
                          "%s: no run in this folder (there "
                          "is no last.ckpt)",
                          run);
  cp = dml_checkpoint_read (path, error);
  if (cp == NULL)
    return NULL;
  text = dml_checkpoint_get_text (cp, "config", error);
  then = text ? dml_checkpoint_get_text (cp, "sources", error) : NULL;
  if (then == NULL)
    return NULL;
  sources = data != NULL && data[0] != NULL ? find_sources (data, error)
                                            : g_strsplit (then, "\n", -1);
  if (sources == NULL)
    return NULL;
  bytes = g_bytes_new (text, strlen (text));
  if (!dml_train_config_parse (config, bytes, path, error))
    return NULL;
  if (changes != NULL && !take_changes (config, changes, run, &what, error))
    return NULL;
  t = trainer_new (run, config, listener);
  t->resumed = TRUE;
  t->changes = what;
  t->sources = g_steal_pointer (&sources);
  return g_steal_pointer (&t);
}

void
dml_trainer_free (DmlTrainer *t)
{
  if (t == NULL)
    return;
  dml_trainer_leave (t);
  dml_optim_free (t->optim);
  g_free (t->params);
  g_clear_pointer (&t->names, g_ptr_array_unref);
  dml_mix_clear (&t->mix);
  dml_model_free (t->model);
  dml_feed_clear (&t->feed);
  dml_mem_free (t->teacher);
  g_clear_pointer (&t->val, g_array_unref);
  g_clear_pointer (&t->test, g_array_unref);
  dml_dataset_free (t->set);
  dml_train_config_free (t->config);
  g_strfreev (t->sources);
  for (size_t i = 0; i < DML_N_ORIGINS; i++)
    g_free (t->origin[i]);
  g_free (t->run);
  g_free (t);
}
