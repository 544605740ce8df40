/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The table of settings, and reading and writing them. */
#include "train/config.h"
#include "base/error.h"
#include "base/suggest.h"
#include "base/file.h"

#include <math.h>
#include <string.h>

#define GROUP "train"
#define FILE_MAX ((size_t) 1 << 20)

#define AT(field) offsetof (DmlTrainSettings, field)

/* clang-format off */
static const DmlTrainSetting settings[] = {
  { "seed", "data", SETTING_UINT, SETTING_FIXED, AT (seed), "1", 0, 1e15,
    "names every random choice; the same seed gives the same encoder" },
  { "split", "data", SETTING_TEXT, SETTING_FIXED, AT (split), "", 0, 0,
    "file that says which classes are held out: lines of `train|val|test|drop GLOB`, the first that fits counts" },
  { "hold-out", "data", SETTING_REAL, SETTING_FIXED, AT (hold_out), "0.2", 0, 0.9,
    "share of the classes held out; half of them choose the best epoch and calibrate, half are read once at the end" },
  { "bad-pictures", "data", SETTING_REAL, SETTING_FREE, AT (bad_pictures), "0.05", 0, 1,
    "share of unreadable pictures above which the run stops" },
  { "cache-memory", "data", SETTING_UINT, SETTING_FREE, AT (cache_memory_mb), "0", 0, 1e7,
    "MiB for decoded pictures, the rest is kept as JPEG, which changes what is learned a little; 0 = half of the machine's memory" },
  { "cache-scale", "data", SETTING_REAL, SETTING_FIXED, AT (cache_scale), "1.3", 1, 8,
    "pictures are kept at this multiple of the input size on their shorter side" },
  { "max-per-class", "data", SETTING_UINT, SETTING_FIXED, AT (pictures_per_class_max), "0", 0, 1e9,
    "at most so many pictures of a class; 0 = all" },

  { "arch", "model", SETTING_CHOICE, SETTING_FIXED, AT (arch), "resnet18", 0, 0,
    "network to build: resnet10, resnet18, resnet34, convnet4, mobilenetv2 or repvgg" },
  { "width", "model", SETTING_REAL, SETTING_FIXED, AT (width), "0", 0, 4,
    "multiplies the network's channels; 0 = chosen by the amount of data" },
  { "input", "model", SETTING_UINT, SETTING_FIXED, AT (input), "0", 0, 1024,
    "pixels on a side of the network's input; 0 = 64, or that of the encoder it starts from" },
  { "fit", "model", SETTING_CHOICE, SETTING_FIXED, AT (fit), "", 0, 0,
    "how a picture or region becomes the input's square: context, cover or stretch; empty = stretch, or that of the encoder it starts from" },
  { "embedding", "model", SETTING_UINT, SETTING_FIXED, AT (embedding), "128", 2, 4096,
    "numbers in an embedding" },
  { "pool", "model", SETTING_CHOICE, SETTING_FIXED, AT (pool), "gem", 0, 0,
    "average, gem or flatten" },
  { "neck", "model", SETTING_CHOICE, SETTING_FIXED, AT (neck), "after", 0, 0,
    "batch norm behind the last layer: none, after (all losses see what it gives), split (pair losses see what it gets)" },
  { "init", "model", SETTING_TEXT, SETTING_FIXED, AT (init), "", 0, 0,
    "ONNX file to start from instead of random weights; default = the built-in encoder" },
  { "freeze", "model", SETTING_TEXT, SETTING_FIXED, AT (freeze), "", 0, 0,
    "weights that stay as they are: globs of their names, by comma" },
  { "freeze-norm", "model", SETTING_BOOL, SETTING_FIXED, AT (freeze_norm), "true", 0, 1,
    "with init: batch norm keeps the statistics it came with" },
  { "teacher", "model", SETTING_TEXT, SETTING_FIXED, AT (teacher), "", 0, 0,
    "ONNX file whose embeddings of the clean pictures are to be matched; default = the built-in encoder" },
  { "teacher-weight", "model", SETTING_REAL, SETTING_FIXED, AT (teacher_weight), "4", 0, 1000,
    "weight of that match beside the losses" },
  { "half-weights", "model", SETTING_BOOL, SETTING_SHOWN, AT (half_weights), "false", 0, 1,
    "store the encoder's weights in 16 bits: half the file, embeddings equal to three digits" },
  { "name", "model", SETTING_TEXT, SETTING_SHOWN, AT (name), "", 0, 0,
    "what the encoder is called; empty = the run's folder" },
  { "licence", "model", SETTING_TEXT, SETTING_SHOWN, AT (licence), "", 0, 0,
    "terms of the encoder, for its model card" },
  { "data-terms", "model", SETTING_TEXT, SETTING_SHOWN, AT (data_terms), "", 0, 0,
    "what it was trained on and under which terms, for its model card" },

  { "augment", "augmentation", SETTING_TEXT, SETTING_FIXED, AT (augment), "default", 0, 0,
    "none, light, default, strong, and after it changes by name: `default,flip=0,background=0.6`" },

  { "loss", "loss", SETTING_TEXT, SETTING_FIXED, AT (loss), "auto", 0, 0,
    "losses by `+`, each with settings and a miner, as docs/losses.md lists them: `cosface:scale=16,margin=0.1+multi_similarity:weight=0.5@semi_hard`; auto = cosface so" },
  { "instance", "loss", SETTING_REAL, SETTING_FIXED, AT (instance), "0.5", 0, 100,
    "weight of instance discrimination: every picture its own class, two views each" },
  { "instance-temperature", "loss", SETTING_REAL, SETTING_FIXED, AT (instance_temperature), "0.1", 0.01, 1,
    "its temperature" },
  { "instance-same-class", "loss", SETTING_REAL, SETTING_FIXED, AT (instance_same_class), "0.25", 0, 1,
    "how much another picture of the same class counts as a negative there" },
  { "ignore-relatives", "loss", SETTING_BOOL, SETTING_FIXED, AT (ignore_relatives), "false", 0, 1,
    "pair losses do not push apart classes of one folder: fruit/apple, fruit/pear" },
  { "label-smoothing", "loss", SETTING_REAL, SETTING_FIXED, AT (label_smoothing), "0", 0, 0.9,
    "of softmax losses" },
  { "margin-ramp", "loss", SETTING_REAL, SETTING_FIXED, AT (margin_ramp), "0.33", 0, 1,
    "share of the run over which softmax margins grow from 0" },

  { "sampler", "batches", SETTING_TEXT, SETTING_FIXED, AT (sampler), "pxk", 0, 0,
    "pxk, balanced, hierarchical (batches from two folders of classes) or uniform; with settings as in docs/losses.md" },
  { "classes-per-batch", "batches", SETTING_UINT, SETTING_FIXED, AT (classes_per_batch), "0", 0, 4096,
    "P; 0 = chosen by the number of classes" },
  { "pictures-per-class", "batches", SETTING_UINT, SETTING_FIXED, AT (pictures_per_class), "0", 0, 4096,
    "K; 0 = chosen by the size of the classes" },
  { "views", "batches", SETTING_UINT, SETTING_FIXED, AT (views), "0", 0, 8,
    "augmented views of each picture in a batch; 0 = 2 with instance, else 1" },
  { "micro-batch", "batches", SETTING_UINT, SETTING_FIXED, AT (micro_batch), "0", 0, 65536,
    "embed a batch in parts of so many views (the loss still sees it whole); 0 = at once" },

  { "optimiser", "optimisation", SETTING_CHOICE, SETTING_FIXED, AT (optimiser), "sgd", 0, 0,
    "sgd (Nesterov) or adamw" },
  { "lr", "optimisation", SETTING_REAL, SETTING_FIXED, AT (lr), "0", 0, 100,
    "highest learning rate; 0 = chosen by optimiser and batch" },
  { "momentum", "optimisation", SETTING_REAL, SETTING_FIXED, AT (momentum), "0.9", 0, 0.9999,
    "of sgd; beta 1 of adamw" },
  { "weight-decay", "optimisation", SETTING_REAL, SETTING_FIXED, AT (weight_decay), "-1", -1, 10,
    "of weights, never of batch norm, biases and proxies; -1 = 0.0005 with sgd, 0.05 with adamw" },
  { "proxy-lr", "optimisation", SETTING_REAL, SETTING_FIXED, AT (proxy_lr), "1", 0, 1e4,
    "learning rate of class weights and proxies, as a multiple" },
  { "head-lr", "optimisation", SETTING_REAL, SETTING_FIXED, AT (head_lr), "1", 0, 1e4,
    "learning rate of the layers after the pooling, as a multiple" },
  { "schedule", "optimisation", SETTING_CHOICE, SETTING_FIXED, AT (schedule), "cosine", 0, 0,
    "cosine, step or constant" },
  { "warmup", "optimisation", SETTING_REAL, SETTING_FIXED, AT (warmup), "0.05", 0, 0.9,
    "share of the run over which the learning rate rises" },
  { "clip", "optimisation", SETTING_REAL, SETTING_FIXED, AT (clip), "5", 0, 1e6,
    "largest norm of the gradient; 0 = none" },
  { "ema", "optimisation", SETTING_REAL, SETTING_FIXED, AT (ema), "0", 0, 0.99999,
    "decay of the weights' moving average that is evaluated and kept; 0 = chosen by the run's length" },
  { "epochs", "optimisation", SETTING_UINT, SETTING_FIXED, AT (epochs), "30", 1, 1e6,
    "passes over the training pictures" },
  { "time-budget", "optimisation", SETTING_TIME, SETTING_FIXED, AT (time_budget), "0", 0, 1e7,
    "plan the epochs to end within this time: 90, 30m, 2h; 0 = epochs counts" },
  { "batches-per-epoch", "optimisation", SETTING_UINT, SETTING_FIXED, AT (batches_per_epoch), "0", 0, 1e9,
    "length of an epoch; 0 = as many as show every picture; the order of pictures goes on over its end" },

  { "threads", "run", SETTING_UINT, SETTING_FREE, AT (threads), "0", 0, 256,
    "threads that compute; 0 = all; the result does not depend on it" },
  { "loaders", "run", SETTING_UINT, SETTING_FREE, AT (loaders), "0", 0, 64,
    "threads that prepare pictures; 0 = chosen" },
  { "checkpoint-every", "run", SETTING_TIME, SETTING_FREE, AT (checkpoint_every), "5m", 0, 1e6,
    "time between checkpoints within an epoch" },
  { "evaluate-every", "run", SETTING_UINT, SETTING_FREE, AT (evaluate_every), "1", 1, 1e6,
    "epochs between evaluations" },
  { "stop-early", "run", SETTING_UINT, SETTING_FREE, AT (stop_early), "0", 0, 1e6,
    "stop after so many evaluations without a better one; 0 = never" },
  { "keep", "run", SETTING_CHOICE, SETTING_FREE, AT (keep), "best", 0, 0,
    "which weights encoder.onnx holds: best on the held-out classes so far, or last evaluated" },
};
/* clang-format on */

#define CHOICES_MAX 7

/* The words of each SETTING_CHOICE; "" is: as the default says. */
static const struct {
  const char *name;
  const char *words[CHOICES_MAX];
} choices[] = {
  { "arch",
    { "resnet10", "resnet18", "resnet34", "convnet4", "mobilenetv2",
      "repvgg" } },
  { "fit", { "", "context", "cover", "stretch" } },
  { "pool", { "average", "gem", "flatten" } },
  { "neck", { "none", "after", "split" } },
  { "optimiser", { "sgd", "adamw" } },
  { "schedule", { "cosine", "step", "constant" } },
  { "keep", { "best", "last" } },
};

const DmlTrainSetting *
dml_train_setting_at (size_t i)
{
  return i < G_N_ELEMENTS (settings) ? &settings[i] : NULL;
}

const DmlTrainSetting *
dml_train_setting_find (const char *name)
{
  for (size_t i = 0; i < G_N_ELEMENTS (settings); i++)
    if (strcmp (settings[i].name, name) == 0)
      return &settings[i];
  return NULL;
}

static void *
setting_place (DmlTrainSettings *s, const DmlTrainSetting *setting)
{
  return (char *) s + setting->offset;
}

/* Seconds from "90", "90s", "30m", "2h", "1h30m"; NaN for anything else. */
static double
parse_time (const char *text)
{
  double sum = 0;

  if (*text == '\0')
    return (double) NAN;
  while (*text != '\0') {
    char *end;
    const double value = g_ascii_strtod (text, &end);

    if (end == text || !isfinite (value))
      return (double) NAN;
    switch (*end) {
    case '\0':
      return sum + value;
    case 's':
      sum += value;
      break;
    case 'm':
      sum += 60 * value;
      break;
    case 'h':
      sum += 3600 * value;
      break;
    default:
      return (double) NAN;
    }
    text = end + 1;
  }
  return sum;
}

static gboolean
parse_bool (const char *text, uint64_t *value)
{
  static const char *const words[][2] = {
    { "true", "false" }, { "yes", "no" }, { "on", "off" }, { "1", "0" }
  };

  for (size_t i = 0; i < G_N_ELEMENTS (words); i++)
    for (unsigned no = 0; no < 2; no++)
      if (g_ascii_strcasecmp (text, words[i][no]) == 0) {
        *value = !no;
        return TRUE;
      }
  return FALSE;
}

static const char *
nearest_setting (const char *name)
{
  const char *names[G_N_ELEMENTS (settings)];

  for (size_t i = 0; i < G_N_ELEMENTS (settings); i++)
    names[i] = settings[i].name;
  return dml_suggest (name, names, G_N_ELEMENTS (settings));
}

static gboolean
check_choice (const DmlTrainSetting *setting, const char *value, GError **error)
{
  g_autoptr (GString) list = g_string_new (NULL);
  size_t c = 0;

  while (strcmp (choices[c].name, setting->name) != 0)
    c++; /* every SETTING_CHOICE has its row */
  for (size_t i = 0; choices[c].words[i] != NULL; i++) {
    const char *word = choices[c].words[i];

    if (strcmp (word, value) == 0)
      return TRUE;
    if (*word != '\0')
      g_string_append_printf (list, "%s%s", list->len ? ", " : "", word);
  }
  return dml_fail (error, INVALID, "%s: '%s' is not one of %s", setting->name,
                   value, list->str);
}

static gboolean
setting_parse (DmlTrainSettings *s, const DmlTrainSetting *setting,
               const char *value, GError **error)
{
  void *place = setting_place (s, setting);
  double number = 0;
  char *end = NULL;

  switch (setting->type) {
  case SETTING_CHOICE:
    if (!check_choice (setting, value, error))
      return FALSE;
    /* fall through */
  case SETTING_TEXT:
    if (!g_utf8_validate (value, -1, NULL))
      return dml_fail (error, INVALID, "%s: not valid UTF-8", setting->name);
    g_free (*(char **) place);
    *(char **) place = g_strdup (value);
    return TRUE;
  case SETTING_BOOL:
    if (!parse_bool (value, place))
      return dml_fail (error, INVALID, "%s: '%s' is neither true nor false",
                       setting->name, value);
    return TRUE;
  case SETTING_TIME:
    number = parse_time (value);
    if (isnan (number))
      return dml_fail (error, INVALID,
                       "%s: '%s' is not a time; write 90, 30m or 2h",
                       setting->name, value);
    break;
  case SETTING_UINT:
  case SETTING_REAL:
    number = g_ascii_strtod (value, &end);
    if (end == value || *end != '\0' || !isfinite (number))
      return dml_fail (error, INVALID, "%s: '%s' is not a number",
                       setting->name, value);
    break;
  }
  if (number < setting->min || number > setting->max)
    return dml_fail (error, INVALID, "%s: %s is outside %g to %g",
                     setting->name, value, setting->min, setting->max);
  if (setting->type == SETTING_UINT) {
    if (number != floor (number))
      return dml_fail (error, INVALID, "%s: %s is not a whole number",
                       setting->name, value);
    *(uint64_t *) place = (uint64_t) number;
  } else {
    *(double *) place = number;
  }
  return TRUE;
}

char *
dml_train_setting_get (const DmlTrainSettings *s,
                       const DmlTrainSetting *setting)
{
  const void *place = setting_place ((DmlTrainSettings *) s, setting);
  char number[G_ASCII_DTOSTR_BUF_SIZE];

  switch (setting->type) {
  case SETTING_CHOICE:
  case SETTING_TEXT:
    return g_strdup (*(char *const *) place);
  case SETTING_BOOL:
    return g_strdup (*(const uint64_t *) place ? "true" : "false");
  case SETTING_UINT:
    return g_strdup_printf ("%" G_GUINT64_FORMAT, *(const uint64_t *) place);
  case SETTING_REAL:
  case SETTING_TIME:
    break;
  }
  /* the fewest digits that read back as the same number */
  for (int digits = 6; digits <= 17; digits++) {
    char format[8];

    g_snprintf (format, sizeof format, "%%.%dg", digits);
    g_ascii_formatd (number, sizeof number, format, *(const double *) place);
    if (g_ascii_strtod (number, NULL) == *(const double *) place)
      break;
  }
  return g_strdup (number);
}

DmlTrainConfig *
dml_train_config_new (void)
{
  DmlTrainConfig *config = g_new0 (DmlTrainConfig, 1);

  config->given = g_hash_table_new (g_str_hash, g_str_equal);
  for (size_t i = 0; i < G_N_ELEMENTS (settings); i++)
    if (!setting_parse (&config->s, &settings[i], settings[i].initial, NULL))
      g_assert_not_reached ();
  return config;
}

DmlTrainConfig *
dml_train_config_copy (const DmlTrainConfig *config)
{
  DmlTrainConfig *copy = dml_train_config_new ();

  for (size_t i = 0; i < G_N_ELEMENTS (settings); i++) {
    g_autofree char *text = dml_train_setting_get (&config->s, &settings[i]);

    setting_parse (&copy->s, &settings[i], text, NULL);
    if (g_hash_table_contains (config->given, settings[i].name))
      g_hash_table_add (copy->given, (gpointer) settings[i].name);
  }
  return copy;
}

gboolean
dml_train_setting_is_initial (const DmlTrainSettings *s,
                              const DmlTrainSetting *setting)
{
  g_autoptr (DmlTrainConfig) fresh = dml_train_config_new ();
  g_autofree char *value = dml_train_setting_get (s, setting);
  g_autofree char *initial = dml_train_setting_get (&fresh->s, setting);

  return strcmp (value, initial) == 0;
}

void
dml_train_config_free (DmlTrainConfig *config)
{
  if (config == NULL)
    return;
  for (size_t i = 0; i < G_N_ELEMENTS (settings); i++)
    if (settings[i].type == SETTING_TEXT || settings[i].type == SETTING_CHOICE)
      g_free (*(char **) setting_place (&config->s, &settings[i]));
  g_hash_table_unref (config->given);
  g_free (config);
}

G_DEFINE_BOXED_TYPE (DmlTrainConfig, dml_train_config, dml_train_config_copy,
                     dml_train_config_free)

gboolean
dml_train_config_set (DmlTrainConfig *config, const char *name,
                      const char *value, GError **error)
{
  const DmlTrainSetting *setting = dml_train_setting_find (name);

  if (setting == NULL) {
    const char *near = nearest_setting (name);

    return dml_fail (error, INVALID, "no setting is called '%s'%s%s%s", name,
                     near != NULL ? "; the nearest is '" : "",
                     near != NULL ? near : "", near != NULL ? "'" : "");
  }
  if (!setting_parse (&config->s, setting, value, error))
    return FALSE;
  g_hash_table_add (config->given, (gpointer) setting->name);
  return TRUE;
}

char *
dml_train_config_get (const DmlTrainConfig *config, const char *name)
{
  const DmlTrainSetting *setting = dml_train_setting_find (name);

  return setting ? dml_train_setting_get (&config->s, setting) : NULL;
}

gboolean
dml_train_config_is_given (const DmlTrainConfig *config, const char *name)
{
  return g_hash_table_contains (config->given, name);
}

gboolean
dml_train_config_describe (guint i, const char **name, const char **group,
                           const char **initial, const char **help)
{
  if (i >= G_N_ELEMENTS (settings))
    return FALSE;
  if (name)
    *name = settings[i].name;
  if (group)
    *group = settings[i].group;
  if (initial)
    *initial = settings[i].initial;
  if (help)
    *help = settings[i].help;
  return TRUE;
}

gboolean
dml_train_config_load (DmlTrainConfig *config, const char *path, GError **error)
{
  g_autoptr (GBytes) bytes = dml_file_read (path, FILE_MAX, error);

  return bytes != NULL && dml_train_config_parse (config, bytes, path, error);
}

gboolean
dml_train_config_parse (DmlTrainConfig *config, GBytes *bytes, const char *path,
                        GError **error)
{
  g_autoptr (GKeyFile) file = g_key_file_new ();
  g_autoptr (GError) reason = NULL;
  g_auto (GStrv) groups = NULL, names = NULL;

  if (!g_key_file_load_from_bytes (file, bytes, G_KEY_FILE_NONE, &reason))
    return dml_fail (error, FORMAT, "%s: not a key file: %s", path,
                     reason->message);
  groups = g_key_file_get_groups (file, NULL);
  for (size_t i = 0; groups[i] != NULL; i++)
    if (strcmp (groups[i], GROUP) != 0)
      return dml_fail (error, FORMAT,
                       "%s: group [%s] is not known; settings stand in [%s]",
                       path, groups[i], GROUP);
  names = g_key_file_get_keys (file, GROUP, NULL, NULL);
  for (size_t i = 0; names != NULL && names[i] != NULL; i++) {
    g_autofree char *value =
      g_key_file_get_string (file, GROUP, names[i], &reason);

    if (value == NULL)
      return dml_fail (error, FORMAT, "%s: %s: %s", path, names[i],
                       reason->message);
    if (!dml_train_config_set (config, names[i], g_strchomp (value), error)) {
      g_prefix_error (error, "%s: ", path);
      return FALSE;
    }
  }
  return TRUE;
}

char *
dml_train_config_to_text (const DmlTrainConfig *config)
{
  g_autoptr (GKeyFile) file = g_key_file_new ();
  const char *group = "";

  for (size_t i = 0; i < G_N_ELEMENTS (settings); i++) {
    const DmlTrainSetting *setting = &settings[i];
    g_autofree char *text = dml_train_setting_get (&config->s, setting);
    g_autofree char *comment =
      strcmp (group, setting->group) != 0
        ? g_strdup_printf ("\n %s\n %s", setting->group, setting->help)
        : g_strdup_printf (" %s", setting->help);

    group = setting->group;
    g_key_file_set_string (file, GROUP, setting->name, text);
    g_key_file_set_comment (file, GROUP, setting->name, comment, NULL);
  }
  return g_key_file_to_data (file, NULL, NULL);
}
