/* SPDX-License-Identifier: LGPL-2.1-or-later
 * What a run leaves behind. */
#include "train/report.h"
#include "train/figures.h"
#include "train/page.h"
#include "base/error.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/words.h"
#include "nn/onnx/onnx.h"

#include <dml/dml-version.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define SCHEMA "dml-run/1"
#define CHECK_PICTURES 16
/* Largest difference of a number in embeddings of unit length: folded graphs
 * add in another order. */
#define TOLERANCE 1e-4

/* ---- JSON ---- */

static void
add_views (JsonBuilder *b, const DmlViewFigures *views)
{
  dml_figures_begin_object (b, "one_photograph");
  dml_figures_add_count (b, "enrolled", views->n_gallery);
  dml_figures_add_count (b, "unknown", views->n_unknown);
  dml_figures_add_number (b, "right", views->figures.right);
  dml_figures_add_number (b, "auroc", views->figures.auroc);
  dml_figures_add_number (b, "oscr", views->figures.oscr);
  dml_figures_add_number (b, "dir_fpir_1", views->figures.dir_1);
  json_builder_end_object (b);
}

static char *
measures_text (const DmlMeasures *m)
{
  JsonBuilder *b = json_builder_new ();

  json_builder_begin_object (b);
  dml_figures_add_measures (b, m);
  json_builder_end_object (b);
  return dml_figures_to_text (b);
}

static char *
thresholds_text (const DmlMeasures *m)
{
  JsonBuilder *b = json_builder_new ();

  json_builder_begin_array (b);
  for (int i = 0; i < DML_N_FARS; i++) {
    const DmlCalibrated *c = &m->calibrated[i];

    if (!c->there)
      continue;
    json_builder_begin_object (b);
    dml_figures_add_number (b, "far", c->far);
    dml_figures_add_number (b, "threshold", c->threshold);
    dml_figures_add_count (b, "n_genuine", c->n_genuine);
    dml_figures_add_count (b, "n_impostor", c->n_impostor);
    dml_figures_add_number (b, "lower", c->lower);
    dml_figures_add_number (b, "upper", c->upper);
    json_builder_end_object (b);
  }
  json_builder_end_array (b);
  return dml_figures_to_text (b);
}

/* ---- encoder.onnx ---- */

static void
put (GHashTable *table, const char *key, const char *value)
{
  if (value != NULL && *value != '\0')
    g_hash_table_insert (table, g_strdup (key), g_strdup (value));
}

/* With the fewest digits that give the same floats. */
static char *
three_numbers (const float *v)
{
  GString *text = g_string_new (NULL);

  for (int i = 0; i < 3; i++) {
    char number[G_ASCII_DTOSTR_BUF_SIZE];

    for (int digits = 6; digits <= 9; digits++) {
      char format[8];

      g_snprintf (format, sizeof format, "%%.%dg", digits);
      g_ascii_formatd (number, sizeof number, format, (double) v[i]);
      if ((float) g_ascii_strtod (number, NULL) == v[i])
        break;
    }
    g_string_append_printf (text, "%s%s", i ? "," : "", number);
  }
  return g_string_free (text, FALSE);
}

/* A word of a command as a shell reads it back. */
static void
add_word (GString *text, const char *option, const char *value)
{
  g_autofree char *quoted =
    value[strspn (value, G_CSET_a_2_z G_CSET_A_2_Z G_CSET_DIGITS
                  "._/+-:=,@%")] == '\0' &&
        *value != '\0'
      ? g_strdup (value)
      : g_shell_quote (value);

  g_string_append_printf (text, " %s%s", option, quoted);
}

/* As a user would type it: what differs from the defaults, files by their
 * names alone, without what stands under keys of its own. */
char *
dml_report_command (const DmlTrainer *t)
{
  static const char *const own[] = { "name", "licence", "data-terms", NULL };
  static const char *const files[] = { "split", "init", "teacher", NULL };
  g_autofree char *run = g_path_get_basename (t->run);
  GString *text = g_string_new ("dml-train");
  const DmlTrainSetting *setting;

  for (size_t i = 0; (setting = dml_train_setting_at (i)) != NULL; i++) {
    g_autofree char *value = dml_train_setting_get (&t->config->s, setting);
    g_autofree char *base = g_path_get_basename (value);
    g_autofree char *option = g_strdup_printf ("--%s=", setting->name);

    if (dml_train_setting_is_initial (&t->config->s, setting) ||
        g_strv_contains (own, setting->name))
      continue;
    add_word (text, option,
              g_strv_contains (files, setting->name) ? base : value);
  }
  for (guint i = 0; t->sources[i] != NULL; i++) {
    g_autofree char *name = g_path_get_basename (t->sources[i]);

    /* no option, whatever it is called */
    add_word (text, *name == '-' ? "./" : "", name);
  }
  add_word (text, *run == '-' ? "-o ./" : "-o ", run);
  return g_string_free (text, FALSE);
}

/* What settings say, whatever the weights. */
static void
put_settings (GHashTable *table, const DmlTrainer *t)
{
  const DmlTrainSettings *s = &t->config->s;
  g_autofree char *name = g_path_get_basename (t->run);
  g_autofree char *command = dml_report_command (t);

  put (table, "dml.name", *s->name ? s->name : name);
  put (table, "dml.licence", s->licence);
  put (table, "dml.data", s->data_terms);
  put (table, "dml.command", command);
}

GHashTable *
dml_report_metadata (const DmlTrainer *t, const DmlEpoch *epoch)
{
  GHashTable *table =
    g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  const DmlModel *m = t->model;
  g_autoptr (GDateTime) now = g_date_time_new_now_utc ();
  g_autofree char *created = g_date_time_format (now, "%Y-%m-%dT%H:%M:%SZ");
  g_autofree char *input = g_strdup_printf ("%dx%d", m->width, m->height);
  g_autofree char *mean = three_numbers (m->mean);
  g_autofree char *std = three_numbers (m->std);

  put (table, "dml.version", "1");
  put_settings (table, t);
  put (table, "dml.created", created);
  put (table, "dml.input", input);
  put (table, "dml.mean", mean);
  put (table, "dml.std", std);
  put (table, "dml.fit", dml_fit_names[m->fit]);
  put (table, "dml.metric", "cosine");
  if (epoch->val.n_pictures > 0) {
    g_autofree char *measures = measures_text (&epoch->val);
    g_autofree char *thresholds = thresholds_text (&epoch->val);

    put (table, "dml.measures", measures);
    if (epoch->val.open)
      put (table, "dml.thresholds", thresholds);
  }
  return table;
}

/* The file against the graph that it was written from, which is optimised by
 * this. */
static gboolean
hold_to (DmlTrainer *t, const char *path, DmlGraph *graph, GError **error)
{
  g_autoptr (DmlEncoder) encoder = dml_encoder_open (path, error);
  g_autoptr (DmlSession) session = NULL;
  const size_t n = MIN (CHECK_PICTURES, t->feed.n), d = t->model->d;
  g_autofree float *got = g_new (float, d);
  g_autofree float *want = g_new (float, n *d);
  g_autofree guint32 *places = g_new (guint32, n);
  double worst = 0;

  /* What 16 bits do to a deep and fresh network has no bound worth its name, so
   * the file is held to the network that has been rounded like it. */
  if (encoder == NULL ||
      (t->config->s.half_weights && !dml_onnx_round_to_half (graph, error)))
    return FALSE;
  session = dml_encoder_session_new (encoder, 1, error);
  for (size_t i = 0; i < n; i++)
    places[i] = t->feed.items[i * t->feed.n / n];
  if (session == NULL ||
      !dml_trainer_embed_with (t, graph, places, n, 0, want, NULL, error))
    return FALSE;
  for (size_t i = 0; i < n; i++) {
    g_autoptr (DmlPicture) hold = NULL;
    DmlImage view;
    const DmlImage *views[] = { &view };

    if (!dml_dataset_view (t->set, places[i], &view, &hold, error) ||
        !dml_session_embed (session, views, NULL, 1, got, error))
      return FALSE;
    for (size_t j = 0; j < d; j++)
      worst = MAX (worst, fabs ((double) (got[j] - want[i * d + j])));
  }
  if (!(worst <= TOLERANCE))
    return dml_fail (error, FORMAT,
                     "%s: read back, it gives embeddings that differ by %g "
                     "from the network's; this is a fault of dml, please "
                     "report it",
                     path, worst);
  return TRUE;
}

gboolean
dml_report_check_encoder (DmlTrainer *t, const char *path, GError **error)
{
  g_autoptr (DmlGraph) graph = t->config->s.half_weights
                                 ? dml_model_written_graph (t->model, error)
                                 : dml_model_encoder_graph (t->model);

  return graph != NULL && hold_to (t, path, graph, error);
}

gboolean
dml_report_restate (DmlTrainer *t, GError **error)
{
  static const char *const stated[] = { "dml.name", "dml.licence", "dml.data",
                                        "dml.command" };
  g_autofree char *path = g_build_filename (t->run, "encoder.onnx", NULL);
  g_autoptr (GHashTable) metadata = NULL;
  g_autoptr (DmlGraph) graph = dml_onnx_read_file (path, &metadata, error);
  DmlOnnxWrite how = { .half = t->config->s.half_weights != 0 };

  if (graph == NULL)
    return FALSE;
  for (size_t i = 0; i < G_N_ELEMENTS (stated); i++)
    g_hash_table_remove (metadata, stated[i]);
  put_settings (metadata, t);
  how.metadata = metadata;
  how.embedding = ((const DmlValue *) graph->outputs->pdata[0])->name;
  return dml_onnx_write_file (graph, path, &how, error) &&
         hold_to (t, path, graph, error);
}

/* ---- run.jsonl ---- */

static char *
jsonl_path (const DmlTrainer *t)
{
  return g_build_filename (t->run, "run.jsonl", NULL);
}

static gboolean
append_line (const char *path, char *line, GError **error)
{
  g_autofree char *whole = g_strconcat (line, "\n", NULL);
  const int fd = open (path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  const size_t size = strlen (whole);
  int number = 0;

  g_free (line);
  if (fd < 0 || write (fd, whole, size) != (ssize_t) size || fsync (fd) != 0)
    number = errno ? errno : ENOSPC;
  if (fd >= 0)
    close (fd);
  if (number == 0)
    return TRUE;
  g_set_error (error, DML_ERROR, (gint) dml_error_from_errno (number),
               "%s: cannot be written: %s", path, g_strerror (number));
  return FALSE;
}

static double
mean_of (double sum, uint64_t n)
{
  return n ? sum / (double) n : (double) NAN;
}

/* How training went since the last line: distances between and within classes,
 * the gradient, and what it cost. */
static void
add_training (const DmlTrainer *t, JsonBuilder *b)
{
  const DmlEpochTrain *e = &t->train;
  const double n = (double) MAX (1, e->n);
  struct rusage usage;

  if (e->n == 0)
    return;
  dml_figures_begin_object (b, "training");
  dml_figures_add_number (b, "distance_same", e->sum.d_pos / n);
  dml_figures_add_number (b, "distance_other", e->sum.d_neg / n);
  dml_figures_add_number (b, "norm", e->sum.norm / n);
  dml_figures_add_number (b, "gradient", e->sum.grad_norm / n);
  dml_figures_add_number (b, "loss_gradient", e->sum.loss_grad_norm / n);
  dml_figures_add_number (b, "learning_rate", e->sum.rate);
  dml_figures_add_number (b, "active", mean_of (e->sum.active, e->n_active));
  dml_figures_add_number (b, "memory_drift",
                          mean_of (e->sum.drift, e->n_drift));
  dml_figures_add_count (b, "empty_batches", e->n_empty);
  dml_figures_add_count (b, "without_direction", e->sum.n_zero);
  dml_figures_add_number (b, "views_per_second",
                          n * (double) (t->feed.batch * t->feed.views) /
                            MAX (e->seconds, 1e-9));
  dml_figures_add_number (b, "waited_for_data",
                          e->waited / MAX (e->seconds, 1e-9));
  if (getrusage (RUSAGE_SELF, &usage) == 0)
    dml_figures_add_count (b, "peak_mib", (guint64) usage.ru_maxrss >> 10);
  json_builder_end_object (b);
}

gboolean
dml_report_epoch (DmlTrainer *t, const DmlEpoch *epoch, GError **error)
{
  g_autofree char *path = jsonl_path (t);
  JsonBuilder *b = json_builder_new ();
  const DmlTrainFigures figures = {
    .epoch = (guint) epoch->epoch,
    .loss = epoch->loss,
    .recall_1 = dml_measures_closed (
      &epoch->val, epoch->val.retrieval.recall[DML_RECALL_AT_1]),
    .map_r = dml_measures_closed (&epoch->val, epoch->val.retrieval.map_at_r),
    .auroc = epoch->val.open ? epoch->val.auroc : (double) NAN,
    .dir_1 = epoch->val.open ? epoch->val.dir_1 : (double) NAN,
    .one_photograph =
      epoch->views.n_gallery ? epoch->views.figures.right : (double) NAN,
    .n_classes = epoch->val.n_classes,
    .n_pictures = epoch->val.n_pictures,
    .distance_same = mean_of (t->train.sum.d_pos, t->train.n),
    .distance_other = mean_of (t->train.sum.d_neg, t->train.n),
    .best = epoch->best,
    .seconds = dml_trainer_seconds (t),
  };

  json_builder_begin_object (b);
  dml_figures_add_text (b, "schema", SCHEMA);
  dml_figures_add_count (b, "epoch", epoch->epoch);
  dml_figures_add_count (b, "step", t->step);
  dml_figures_add_number (b, "loss", epoch->loss);
  dml_figures_add_number (
    b, "score", epoch->val.n_pictures > 0 ? epoch->score : (double) NAN);
  json_builder_set_member_name (b, "best");
  json_builder_add_boolean_value (b, epoch->best);
  dml_figures_add_number (b, "seconds", figures.seconds);
  dml_figures_begin_object (b, "held_out");
  dml_figures_add_measures (b, &epoch->val);
  json_builder_end_object (b);
  dml_figures_begin_object (b, "network");
  dml_figures_add_number (b, "norm_gap", epoch->health.norm_gap);
  dml_figures_add_number (b, "effective_rank", epoch->health.rank);
  json_builder_end_object (b);
  add_training (t, b);
  if (epoch->views.n_gallery > 0)
    add_views (b, &epoch->views);
  json_builder_end_object (b);
  if (!append_line (path, dml_figures_to_text (b), error) ||
      !dml_page_write (t, NULL, error))
    return FALSE;
  if (t->listener.epoch)
    t->listener.epoch (&figures, t->listener.data);
  return TRUE;
}

gboolean
dml_report_resume (DmlTrainer *t, GError **error)
{
  g_autofree char *path = jsonl_path (t);
  g_autofree char *text = NULL;
  uint64_t n = 0;
  gsize size = 0;

  if (!g_file_get_contents (path, &text, &size, NULL))
    return TRUE; /* somebody took it away; it grows anew */
  for (gsize i = 0; i < size; i++)
    if (text[i] == '\n' && ++n == t->n_evaluated)
      return dml_file_replace (path, text, i + 1, error);
  return TRUE;
}

/* ---- the folder ---- */

gboolean
dml_report_config (DmlTrainer *t, GError **error)
{
  g_autofree char *path = g_build_filename (t->run, "config.ini", NULL);
  g_autofree char *text = dml_train_config_to_text (t->config);

  return dml_file_replace (path, text, strlen (text), error);
}

/* ---- the end ---- */

static gboolean
embed_with_file (DmlTrainer *t, const char *path, const GArray *members,
                 float *out, GError **error)
{
  g_autoptr (DmlEncoder) encoder = dml_encoder_open (path, error);
  g_autoptr (DmlSession) session = NULL;
  const size_t d = t->model->d;

  if (encoder == NULL)
    return FALSE;
  session =
    dml_encoder_session_new (encoder, (unsigned) t->config->s.threads, error);
  if (session == NULL)
    return FALSE;
  for (guint i = 0; i < members->len; i++) {
    g_autoptr (DmlPicture) hold = NULL;
    DmlImage view;
    const DmlImage *views[] = { &view };

    if (!dml_dataset_view (t->set, g_array_index (members, guint32, i), &view,
                           &hold, error) ||
        !dml_session_embed (session, views, NULL, 1, out + i * d, error))
      return FALSE;
  }
  return TRUE;
}

static void
say_thresholds (DmlTrainer *t, const DmlCalibrated *val, const double *far,
                const double *right)
{
  for (int i = 0; i < DML_N_FARS; i++) {
    if (!val[i].there)
      dml_trainer_say (t,
                       "false accepts %g %%: not reachable with so few "
                       "held-out pictures",
                       100 * dml_fars[i]);
    else if (isnan (far[i]))
      dml_trainer_say (t, "false accepts %g %%: threshold %.3f",
                       100 * dml_fars[i], val[i].threshold);
    else
      dml_trainer_say (t,
                       "false accepts %g %%: threshold %.3f; on the test "
                       "classes %.1f %% of unknown things pass, %.1f %% of "
                       "known ones are named rightly",
                       100 * dml_fars[i], val[i].threshold, 100 * far[i],
                       100 * right[i]);
  }
}

/* What could not be measured is a dash. */
static const char *
digits (char *text, size_t size, gboolean there, double value)
{
  g_snprintf (text, (gulong) size, there ? "%.3f" : "-", value);
  return text;
}

static void
say_test (DmlTrainer *t, const DmlMeasures *m)
{
  char recall[16], map_r[16], auroc[16], dir[16];
  g_autofree char *range =
    m->n_queries > 0
      ? g_strdup_printf (" (%.3f to %.3f)", m->recall_1.low, m->recall_1.high)
      : g_strdup ("");

  dml_trainer_say (
    t,
    "test, %u class%s never seen and never chosen by: recall@1 %s%s, MAP@R "
    "%s, AUROC %s, DIR at 1 %% %s",
    m->n_classes, DML_ES (m->n_classes),
    digits (recall, sizeof recall, m->n_queries > 0,
            m->retrieval.recall[DML_RECALL_AT_1]),
    range,
    digits (map_r, sizeof map_r, m->n_queries > 0, m->retrieval.map_at_r),
    digits (auroc, sizeof auroc, m->open, m->auroc),
    digits (dir, sizeof dir, m->open, m->dir_1));
}

/* The warning where no epoch was better than none; the others say which. */
static void
say_which_weights (DmlTrainer *t, const char *path)
{
  const gboolean last = dml_trainer_keeps_last (t);
  g_autofree char *holds =
    g_strdup_printf (", so %s holds %s", path,
                     *t->config->s.init ? "the encoder that this run started "
                                          "from"
                                        : "the untrained network");

  if (t->kept.epoch != t->top.epoch)
    dml_trainer_say (t,
                     "the %s weights, of epoch %" G_GUINT64_FORMAT
                     ", are in %s (keep=%s); the best were those of epoch "
                     "%" G_GUINT64_FORMAT,
                     last ? "last" : "kept", t->kept.epoch, path,
                     t->config->s.keep, t->top.epoch);
  else if (t->kept.epoch > 0)
    dml_trainer_say (
      t, "the %s weights, of epoch %" G_GUINT64_FORMAT ", are in %s",
      last ? "last and best" : "best", t->kept.epoch, path);
  if (t->top.epoch == 0)
    dml_trainer_warn (
      t,
      "no epoch was better on the held-out classes than the network before "
      "training%s: nothing was learned that helps there. A lower lr (it is "
      "%g), more epochs (there %s %u) or more pictures may",
      t->kept.epoch == 0 ? holds : "", t->config->s.lr, DML_WAS (t->n_epochs),
      (guint) t->n_epochs);
}

gboolean
dml_report_finish (DmlTrainer *t, GError **error)
{
  g_autofree char *path = g_build_filename (t->run, "encoder.onnx", NULL);
  const size_t n = t->test->len, d = t->model->d;
  const uint64_t seed = dml_rng_stream (t->config->s.seed, DML_STREAM_MEASURE);
  g_autofree int32_t *labels = g_new (int32_t, MAX (1, n));
  double far[DML_N_FARS], right[DML_N_FARS];
  g_autoptr (DmlMem) x = NULL;
  DmlMeasures m;

  for (int i = 0; i < DML_N_FARS; i++)
    far[i] = right[i] = (double) NAN;
  if (n > 0) {
    x = dml_mem_new (float, n *d, error);
    for (size_t i = 0; i < n; i++)
      labels[i] = (int32_t) dml_dataset_sample (
                    t->set, g_array_index (t->test, guint32, i))
                    ->label;
    if (x == NULL || !embed_with_file (t, path, t->test, x, error) ||
        !dml_measures_run (x, labels, n, d, seed, TRUE, &m, error) ||
        !dml_measures_apply (t->kept.calibrated, x, labels, n, d, seed, far,
                             right, error))
      return FALSE;
    say_test (t, &m);
  }
  if (!dml_page_write (t, n > 0 ? &m : NULL, error))
    return FALSE;
  if (t->kept.open)
    say_thresholds (t, t->kept.calibrated, far, right);
  else
    dml_trainer_warn (t,
                      "%s holds no thresholds: too little is held out to "
                      "calibrate any (--hold-out, --split)",
                      path);
  say_which_weights (t, path);
  return TRUE;
}
