/* SPDX-License-Identifier: LGPL-2.1-or-later
 * dml-bench train: steps of training, on pictures of noise or one's own. */
#include "bench.h"

#include <dml/dml-train.h>
#include <glib/gstdio.h>
#include <math.h>
#include <string.h>

#define N_CLASSES                                                              \
  128 /* what the loss tells apart, as the peer's script does                  \
       */
#define PER_CLASS 2
#define BUSY_TARGET 90 /* per cent of the threads */
#define PEER_TARGET 1.5

static struct {
  int threads, loaders, steps, batch, input;
  double width;
  char *arch, *augment, *init, *peer;
  gboolean json;
} options;

static const GOptionEntry entries[] = {
  { "threads", 't', 0, G_OPTION_ARG_INT, &options.threads,
    "Threads to use, 0 = all (0)", "N" },
  { "loaders", 0, 0, G_OPTION_ARG_INT, &options.loaders,
    "Threads that prepare pictures, 0 = chosen (0)", "N" },
  { "steps", 'n', 0, G_OPTION_ARG_INT, &options.steps,
    "Steps to measure, 1..100000 (20)", "N" },
  { "batch", 'b', 0, G_OPTION_ARG_INT, &options.batch,
    "Views in a batch, an even number, 4..256 (64)", "N" },
  { "arch", 0, 0, G_OPTION_ARG_STRING, &options.arch, "Network (resnet18)",
    "NAME" },
  { "init", 0, 0, G_OPTION_ARG_FILENAME, &options.init,
    "Train this network instead, batch norm too: a peer's, exported", "ONNX" },
  { "width", 0, 0, G_OPTION_ARG_DOUBLE, &options.width,
    "Factor of its channels (1)", "X" },
  { "input", 0, 0, G_OPTION_ARG_INT, &options.input,
    "Pixels on a side, 8..1024 (64)", "N" },
  { "augment", 0, 0, G_OPTION_ARG_STRING, &options.augment,
    "Augmentation: none, light, default, strong (default)", "NAME" },
  { "peer", 0, 0, G_OPTION_ARG_STRING, &options.peer,
    "Run this afterwards: it prints JSON with min_ms and median_ms of a step",
    "COMMAND" },
  BENCH_OPTION_JSON (&options.json),
  { NULL },
};

/* ---- pictures ---- */

static gboolean
write_picture (const char *path, guint32 state, int side, GError **error)
{
  g_autoptr (DmlPicture) picture = dml_picture_new_rgb (side, side, 3, error);
  g_autoptr (GBytes) bytes = NULL;
  guint8 *rows;
  int stride;

  if (picture == NULL)
    return FALSE;
  rows = dml_picture_get_pixels (picture, &stride);
  for (int y = 0; y < side; y++)
    for (int x = 0; x < 3 * side; x++) {
      state = state * 1664525u + 1013904223u;
      rows[(gsize) y * (gsize) stride + (gsize) x] = (guint8) (state >> 24);
    }
  bytes = dml_picture_encode_jpeg (picture, 0, 90, error);
  return bytes != NULL &&
         g_file_set_contents (path, g_bytes_get_data (bytes, NULL),
                              (gssize) g_bytes_get_size (bytes), error);
}

/* Noise: what is seen does not matter for the time. */
static gboolean
write_pictures (const char *folder, GError **error)
{
  for (guint c = 0; c < N_CLASSES; c++) {
    g_autofree char *class = g_strdup_printf ("%s/class-%03u", folder, c);

    if (g_mkdir (class, 0777) != 0) {
      g_set_error (error, G_FILE_ERROR, G_FILE_ERROR_FAILED,
                   "%s: cannot be made", class);
      return FALSE;
    }
    for (guint i = 0; i < PER_CLASS; i++) {
      g_autofree char *path = g_strdup_printf ("%s/%u.jpg", class, i);

      if (!write_picture (path, c * PER_CLASS + i, options.input * 3 / 2,
                          error))
        return FALSE;
    }
  }
  return TRUE;
}

static void
remove_pictures (const char *folder)
{
  for (guint c = 0; c < N_CLASSES; c++) {
    g_autofree char *class = g_strdup_printf ("%s/class-%03u", folder, c);

    for (guint i = 0; i < PER_CLASS; i++) {
      g_autofree char *path = g_strdup_printf ("%s/%u.jpg", class, i);

      g_unlink (path);
    }
    g_rmdir (class);
  }
  g_rmdir (folder);
}

/* ---- ours ---- */

static DmlTrainConfig *
make_config (GError **error)
{
  g_autoptr (DmlTrainConfig) config = dml_train_config_new ();
  g_autofree char *threads = g_strdup_printf ("%d", options.threads);
  g_autofree char *loaders = g_strdup_printf ("%d", options.loaders);
  g_autofree char *input = g_strdup_printf ("%d", options.input);
  g_autofree char *p = g_strdup_printf ("%d", options.batch / 2);
  char width[G_ASCII_DTOSTR_BUF_SIZE];
  const char *const settings[][2] = {
    { "arch", options.arch ? options.arch : "resnet18" },
    { "width", g_ascii_dtostr (width, sizeof width, options.width) },
    { "input", input },
    { "embedding", "128" },
    { "loss", "softmax" },
    { "instance", "0" },
    { "views", "1" },
    { "classes-per-batch", p },
    { "pictures-per-class", "2" },
    { "hold-out", "0" },
    { "augment", options.augment ? options.augment : "default" },
    { "threads", threads },
    { "loaders", loaders },
    { "init", options.init ? options.init : "" },
    { "freeze-norm", "false" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (settings); i++)
    if (!dml_train_config_set (config, settings[i][0], settings[i][1], error))
      return NULL;
  return g_steal_pointer (&config);
}

static void
report_ours (BenchReport *report, const DmlTrainSpeed *s)
{
  g_autofree char *file =
    options.init ? g_path_get_basename (options.init) : NULL;
  const char *network = file ? file : options.arch ? options.arch : "resnet18";
  const double none = (double) NAN;
  g_autofree char *what = g_strdup_printf (
    "step of %u views, %s, %d pixels, %u thread%s", s->n_views, network,
    options.input, s->n_threads, CLI_S (s->n_threads));

  bench_report_add (report, what, 1e3 * s->seconds_min, 1e3 * s->seconds_median,
                    "ms", none);
  bench_report_add (report, "steps", 1 / s->seconds_min, 1 / s->seconds_median,
                    "1/s", none);
  bench_report_add (report, "views", s->n_views / s->seconds_min,
                    s->n_views / s->seconds_median, "1/s", none);
  bench_report_add (report, "waiting for pictures", 100 * s->waited,
                    100 * s->waited, "%", none);
  bench_report_add (report, "threads busy", 100 * s->cores / s->n_threads,
                    100 * s->cores / s->n_threads, "%", BUSY_TARGET);
  bench_report_add (report, "peak memory", s->peak_mib, s->peak_mib, "MiB",
                    none);
}

/* ---- the peer ---- */

static double
member (JsonObject *object, const char *name)
{
  JsonNode *node = json_object_get_member (object, name);

  return node != NULL && JSON_NODE_HOLDS_VALUE (node)
           ? json_node_get_double (node)
           : (double) NAN;
}

static gboolean
report_peer (BenchReport *report, const DmlTrainSpeed *ours, GError **error)
{
  g_autoptr (JsonParser) parser = json_parser_new ();
  g_autofree char *out = NULL, *what = NULL;
  const char *name;
  JsonObject *object;
  double min, median, peak;
  int status = 0;

  if (!g_spawn_command_line_sync (options.peer, &out, NULL, &status, error) ||
      !g_spawn_check_wait_status (status, error) ||
      !json_parser_load_from_data (parser, out, -1, error))
    return FALSE;
  if (!JSON_NODE_HOLDS_OBJECT (json_parser_get_root (parser))) {
    g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                 "--peer: it prints no JSON object");
    return FALSE;
  }
  object = json_node_get_object (json_parser_get_root (parser));
  min = member (object, "min_ms");
  median = member (object, "median_ms");
  peak = member (object, "peak_rss_mib");
  if (!(min > 0) || !(median > 0)) {
    g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                 "--peer: its JSON holds no min_ms and median_ms");
    return FALSE;
  }
  name = json_object_get_string_member_with_default (object, "peer", "peer");
  what = g_strdup_printf ("step of %s, without loading pictures", name);
  bench_report_add (report, what, min, median, "ms", (double) NAN);
  bench_report_add (report, "ratio of ours to it",
                    1e3 * ours->seconds_min / min,
                    1e3 * ours->seconds_median / median, "x", PEER_TARGET);
  if (!isnan (peak))
    bench_report_add (report, "its peak memory", peak, peak, "MiB",
                      (double) NAN);
  return TRUE;
}

static gboolean
measure (const char *data, BenchReport *report, GError **error)
{
  const char *const sources[] = { data, NULL };
  g_autoptr (DmlTrainConfig) config = make_config (error);
  g_autoptr (DmlTrainer) trainer = NULL;
  DmlTrainSpeed speed;

  if (config == NULL)
    return FALSE;
  /* the folder of a run, which measuring does not write */
  trainer = dml_trainer_new (sources, data, config, NULL, error);
  if (trainer == NULL || !dml_trainer_measure (trainer, (guint) options.steps,
                                               &speed, NULL, error))
    return FALSE;
  report_ours (report, &speed);
  return options.peer == NULL || report_peer (report, &speed, error);
}

static gboolean
measure_noise (BenchReport *report, GError **error)
{
  g_autofree char *folder = g_dir_make_tmp ("dml-bench-XXXXXX", error);
  gboolean ok;

  if (folder == NULL)
    return FALSE;
  ok = write_pictures (folder, error) && measure (folder, report, error);
  remove_pictures (folder);
  return ok;
}

CliExit
bench_train (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  BenchReport *report;
  CliExit exit_code;
  gboolean ok;

  options.steps = 20;
  options.batch = options.input = 64;
  options.width = 1;
  if (!cli_parse ("[DATA]",
                  "Times steps of training: reading, augmenting, forward, "
                  "loss, backward, update.",
                  "Pictures of noise, or those of DATA (as for dml-train).\n\n"
                  "Example:\n"
                  "  dml-bench train --threads 2 --peer \"python3 "
                  "torch_train.py resnet18 --size 64\"",
                  entries, &argc, &argv, &exit_code))
    return exit_code;
  if (argc > 2)
    return cli_usage ("%s: one DATA at a time", argv[2]);
  if (!cli_within ("threads", options.threads, 0, CLI_THREADS_MOST) ||
      !cli_within ("loaders", options.loaders, 0, CLI_THREADS_MOST) ||
      !cli_within ("steps", options.steps, 1, 100000) ||
      !cli_within ("batch", options.batch, 4, 2 * N_CLASSES) ||
      !cli_within ("input", options.input, 8, 1024))
    return CLI_USAGE;
  if (options.batch % 2 != 0)
    return cli_usage ("--batch: %d is not even", options.batch);
  report = bench_report_new ("train");
  ok = argc > 1 ? measure (argv[1], report, &error)
                : measure_noise (report, &error);
  if (ok || argc <= 1)
    bench_report_print (report, options.json);
  return ok ? CLI_OK : cli_fail (error);
}
