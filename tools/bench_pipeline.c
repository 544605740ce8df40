/* SPDX-License-Identifier: LGPL-2.1-or-later
 * dml-bench pipeline: frames through the elements, as whole gst-launch-1.0
 * processes. A run of many frames less one of few takes the start-up out; a
 * pipeline without our elements less takes the source out. */
#include "bench.h"

#include <glib/gstdio.h>
#include <math.h>

#define ELEMENTS_TARGET_MS 0.3 /* a frame, above the encoder */
#define RATE_TARGET 30.0       /* frames/s with four regions */
#define REGIONS 4

static struct {
  int width, height, frames;
  char *encoder;
  gboolean json;
} options;

static const GOptionEntry entries[] = {
  { "width", 0, 0, G_OPTION_ARG_INT, &options.width,
    "Frame width, 16..16384 (1920)", "N" },
  { "height", 0, 0, G_OPTION_ARG_INT, &options.height,
    "Frame height, 16..16384 (1080)", "N" },
  { "frames", 'n', 0, G_OPTION_ARG_INT, &options.frames,
    "Frames a run, 50..100000 (300)", "N" },
  { "encoder", 'e', 0, G_OPTION_ARG_FILENAME, &options.encoder,
    "ONNX file (built-in)", "FILE" },
  BENCH_OPTION_JSON (&options.json),
  { NULL },
};

/* Milliseconds that gst-launch-1.0 takes for so many frames; < 0 on error. */
static double
launch (const char *middle, int frames, GError **error)
{
  g_autofree char *description = g_strdup_printf (
    "videotestsrc num-buffers=%d pattern=ball ! "
    "video/x-raw,format=NV12,width=%d,height=%d,framerate=30/1 ! %s "
    "fakesink sync=false",
    frames, options.width, options.height, middle);
  g_autofree char *line = g_strconcat ("gst-launch-1.0 -q ", description, NULL);
  g_auto (GStrv) argv = NULL;
  g_autofree char *trouble = NULL;
  gint64 start;
  int status;

  if (!g_shell_parse_argv (line, NULL, &argv, error))
    return -1;
  start = g_get_monotonic_time ();
  if (!g_spawn_sync (NULL, argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL,
                     &trouble, &status, error))
    return -1;
  if (!g_spawn_check_wait_status (status, NULL)) {
    g_set_error (error, DML_ERROR, DML_ERROR_UNSUPPORTED, "%s: %s", line,
                 trouble);
    return -1;
  }
  return (double) (g_get_monotonic_time () - start) / 1000;
}

typedef struct {
  const char *middle;
  double per_frame[5]; /* ms, one a round */
} Candidate;

#define ROUNDS 5

/* All candidates in turn, ROUNDS times; sorted at the end. */
static gboolean
run (Candidate *candidates, guint n, GError **error)
{
  g_autoptr (CliProgress) progress = cli_progress_new ("running", ROUNDS * n);
  const int few = options.frames / 10;

  for (guint round = 0; round < ROUNDS; round++)
    for (guint c = 0; c < n; c++) {
      const double some = launch (candidates[c].middle, few, error);
      const double all =
        some < 0 ? -1 : launch (candidates[c].middle, options.frames, error);

      if (all < 0)
        return FALSE;
      candidates[c].per_frame[round] = (all - some) / (options.frames - few);
      cli_progress_set (progress, round * n + c + 1, NULL);
    }
  for (guint c = 0; c < n; c++)
    qsort (candidates[c].per_frame, ROUNDS, sizeof (double), bench_rising);
  return TRUE;
}

static char *
make_gallery (const char *folder, DmlEncoder *encoder, GError **error)
{
  g_autofree char *path = g_build_filename (folder, "bench.bin", NULL);
  const guint dim = dml_encoder_get_dim (encoder);
  g_autofree float *rows = g_new0 (float, dim *dim);
  g_autoptr (DmlGallery) gallery =
    dml_gallery_open (path, DML_GALLERY_CREATE, encoder, error);

  if (gallery == NULL)
    return NULL;
  for (guint d = 0; d < dim; d++)
    rows[d * dim + d] = 1;
  if (!dml_gallery_enroll (gallery, "thing", rows, NULL, dim, NULL, error))
    return NULL;
  return g_steal_pointer (&path);
}

static void
add (BenchReport *report, const char *what, double minimum, double median,
     double target)
{
  bench_report_add (report, what, minimum, median, "ms", target);
}

static gboolean
measure (BenchReport *report, const char *folder, GError **error)
{
  g_autoptr (DmlEncoder) encoder =
    dml_encoder_open (options.encoder ? options.encoder : "default", error);
  g_autofree char *gallery =
    encoder ? make_gallery (folder, encoder, error) : NULL;
  g_autofree char *name =
    options.encoder ? g_strdup_printf ("encoder=\"%s\"", options.encoder)
                    : g_strdup ("");
  const int w = options.width / 2, h = options.height / 2;
  g_autofree char *idle = NULL, *centre = NULL, *four = NULL;
  Candidate candidates[4] = { { .middle = "" } };
  double base;

  if (gallery == NULL)
    return FALSE;
  idle = g_strdup_printf ("dmlembed %s interval=100000 ! dmlmatch "
                          "gallery=\"%s\" !",
                          name, gallery);
  centre =
    g_strdup_printf ("dmlembed %s ! dmlmatch gallery=\"%s\" !", name, gallery);
  four = g_strdup_printf (
    "dmlembed %s regions=list region-list=\"0,0,%d,%d;%d,0,%d,%d;0,%d,%d,%d;"
    "%d,%d,%d,%d\" ! dmlmatch gallery=\"%s\" !",
    name, w, h, w, w, h, h, w, h, w, h, w, h, gallery);
  candidates[1].middle = idle;
  candidates[2].middle = centre;
  candidates[3].middle = four;
  if (!run (candidates, G_N_ELEMENTS (candidates), error))
    return FALSE;
  base = candidates[0].per_frame[0];
  add (report, "source alone, a frame", base,
       candidates[0].per_frame[ROUNDS / 2], (double) NAN);
  add (report, "elements above the source, no inference",
       candidates[1].per_frame[0] - base,
       candidates[1].per_frame[ROUNDS / 2] -
         candidates[0].per_frame[ROUNDS / 2],
       ELEMENTS_TARGET_MS);
  add (report, "centre square embedded and matched",
       candidates[2].per_frame[0] - base,
       candidates[2].per_frame[ROUNDS / 2] -
         candidates[0].per_frame[ROUNDS / 2],
       (double) NAN);
  add (report, "four regions embedded and matched",
       candidates[3].per_frame[0] - base,
       candidates[3].per_frame[ROUNDS / 2] -
         candidates[0].per_frame[ROUNDS / 2],
       (double) NAN);
  bench_report_add (report, "whole pipeline with four regions",
                    1000 / candidates[3].per_frame[0],
                    1000 / candidates[3].per_frame[ROUNDS / 2], "frames/s",
                    RATE_TARGET);
  return TRUE;
}

CliExit
bench_pipeline (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *folder = NULL, *gallery = NULL;
  BenchReport *report;
  CliExit exit_code;
  gboolean ok;

  options.width = 1920;
  options.height = 1080;
  options.frames = 300;
  if (!cli_parse_alone ("Times the elements in gst-launch-1.0.", NULL, entries,
                        &argc, &argv, &exit_code))
    return exit_code;
  if (!cli_within ("width", options.width, 16, 16384) ||
      !cli_within ("height", options.height, 16, 16384) ||
      !cli_within ("frames", options.frames, 50, 100000))
    return CLI_USAGE;
  folder = g_dir_make_tmp ("dml-bench-XXXXXX", &error);
  if (folder == NULL)
    return cli_fail (error);
  report = bench_report_new ("pipeline");
  ok = measure (report, folder, &error);
  bench_report_print (report, options.json);
  gallery = g_build_filename (folder, "bench.bin", NULL);
  g_unlink (gallery);
  g_rmdir (folder);
  return ok ? CLI_OK : cli_fail (error);
}
