/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Every setting of a training run: one table of names, ranges and defaults that
 * options, key files, config.ini and resuming all read. */
#pragma once

#include "train/dml-train.h"

#include <stddef.h>
#include <stdint.h>

typedef enum {
  SETTING_UINT,
  SETTING_REAL,
  SETTING_TEXT,
  SETTING_CHOICE, /* text, one of a few words */
  SETTING_BOOL,
  SETTING_TIME, /* seconds; "90", "30m", "2h" */
} SettingType;

/* May the setting be another one when a run goes on? */
typedef enum {
  SETTING_FIXED, /* it shaped what the checkpoint holds */
  SETTING_FREE,  /* it says how to work, not what on */
  SETTING_SHOWN, /* free, and encoder.onnx shows it */
} SettingChange;

typedef struct {
  const char *name, *group;
  SettingType type;
  SettingChange change;
  size_t offset; /* in DmlTrainSettings */
  const char *initial;
  double min, max; /* of numbers */
  const char *help;
} DmlTrainSetting;

/* Numbers that are 0 where the help says "0 = chosen" are filled in by plan.c
 * before a run starts; texts are never NULL. */
typedef struct {
  /* data */
  uint64_t seed;
  char *split;
  double hold_out;
  double bad_pictures;
  uint64_t cache_memory_mb;
  double cache_scale;
  uint64_t pictures_per_class_max;
  /* model */
  char *arch;
  double width;
  uint64_t input;
  uint64_t embedding;
  char *fit;
  char *pool;
  char *neck;
  char *init;
  char *freeze;
  uint64_t freeze_norm;
  char *teacher;
  double teacher_weight;
  uint64_t half_weights;
  uint64_t ignore_relatives;
  char *name;
  char *licence;
  char *data_terms;
  /* augmentation */
  char *augment;
  /* loss */
  char *loss;
  double instance;
  double instance_temperature;
  double instance_same_class;
  double label_smoothing;
  double margin_ramp;
  /* batches */
  char *sampler;
  uint64_t classes_per_batch;
  uint64_t pictures_per_class;
  uint64_t views;
  uint64_t micro_batch;
  /* optimisation */
  char *optimiser;
  double lr;
  double momentum;
  double weight_decay;
  double proxy_lr;
  double head_lr;
  char *schedule;
  double warmup;
  double clip;
  double ema;
  uint64_t epochs;
  double time_budget;
  uint64_t batches_per_epoch;
  /* run */
  uint64_t threads;
  uint64_t loaders;
  double checkpoint_every;
  uint64_t evaluate_every;
  uint64_t stop_early;
  char *keep;
} DmlTrainSettings;

struct _DmlTrainConfig {
  DmlTrainSettings s;
  GHashTable *given; /* names that somebody set, as a set */
};

const DmlTrainSetting *dml_train_setting_find (const char *name);
const DmlTrainSetting *dml_train_setting_at (size_t i); /* NULL past the end */

/* The value as text, as it would be written into a key file. */
char *dml_train_setting_get (const DmlTrainSettings *s,
                             const DmlTrainSetting *setting);

/* Whether it stands at its default, however that is spelt ("5m", 300). */
gboolean dml_train_setting_is_initial (const DmlTrainSettings *s,
                                       const DmlTrainSetting *setting);

/* dml_train_config_load from memory; `path` stands for it in messages. */
gboolean dml_train_config_parse (DmlTrainConfig *config, GBytes *bytes,
                                 const char *path, GError **error);
