/* SPDX-License-Identifier: LGPL-2.1-or-later
 * dml-bench pipeline: frames through the elements, as whole gst-launch-1.0
 * processes. A run of many frames less one of few takes the start-up out; a
 * pipeline without our elements less takes the source out. */
#include "bench.h"

#include <glib/gstdio.h>
#include <math.h>

#define ELEMENTS_TARGET_MS 0.3 /* a frame, above the encoder */
#define RATE_TARGET 30.0       /* frames/s with four regions */
#define SIDE_LEAST 64 /* dmlembed leaves out regions below its min-size */

static struct {
  int width, height, frames;
  char *encoder;
  gboolean json;
} options;

static const GOptionEntry entries[] = {
  { "width", 0, 0, G_OPTION_ARG_INT, &options.width,
    "Frame width, 64..16384 (1920)", "N" },
  { "height", 0, 0, G_OPTION_ARG_INT, &options.height,
    "Frame height, 64..16384 (1080)", "N" },
  { "frames", 'n', 0, G_OPTION_ARG_INT, &options.frames,
    "Frames a run, 50..100000 (300)", "N" },
  { "encoder", 'e', 0, G_OPTION_ARG_FILENAME, &options.encoder,
    "ONNX file (built-in)", "FILE" },
  BENCH_OPTION_JSON (&options.json),
  { NULL },
};

#define ROUNDS 5

typedef struct {
  DmlSession *session;
  const DmlImage *square;
  float *out;
} Work;

typedef struct {
  const Work *alone;  /* the encoder and nothing else; NULL: gst-launch-1.0 */
  const char *middle; /* what stands between source and sink */
  gboolean moving;    /* each frame is drawn, else one is shown again */
  int times; /* so often the frames asked for, where they cost little */
  double per_frame[ROUNDS]; /* ms */
} Candidate;

/* Milliseconds that gst-launch-1.0 takes for so many frames; < 0 on error. */
static double
launch (const Candidate *candidate, int frames, GError **error)
{
  g_autofree char *again =
    g_strdup_printf ("imagefreeze num-buffers=%d !", frames);
  g_autofree char *line = g_strdup_printf (
    "gst-launch-1.0 -q videotestsrc num-buffers=%d pattern=ball ! "
    "video/x-raw,format=NV12,width=%d,height=%d,framerate=30/1 ! %s %s "
    "fakesink sync=false",
    candidate->moving ? frames : 1, options.width, options.height,
    candidate->moving ? "" : again, candidate->middle);
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

/* A frame's milliseconds; NaN on error. */
static double
time_pipeline (const Candidate *candidate, GError **error)
{
  const int many = options.frames * candidate->times, few = many / 10;
  const double some = launch (candidate, few, error);
  const double all = some < 0 ? -1 : launch (candidate, many, error);

  return all < 0 ? (double) NAN : (all - some) / (many - few);
}

static double
time_encoder (const Work *work, GError **error)
{
  const gint64 start = g_get_monotonic_time ();

  for (int i = 0; i < options.frames; i++)
    if (!dml_session_embed (work->session, &work->square, NULL, 1, work->out,
                            error))
      return (double) NAN;
  return (double) (g_get_monotonic_time () - start) / 1000 / options.frames;
}

/* All candidates in turn, ROUNDS times; sorted at the end. */
static gboolean
run (Candidate *candidates, guint n, GError **error)
{
  g_autoptr (CliProgress) progress = cli_progress_new ("running", ROUNDS * n);

  for (guint round = 0; round < ROUNDS; round++)
    for (guint c = 0; c < n; c++) {
      const double ms = candidates[c].alone
                          ? time_encoder (candidates[c].alone, error)
                          : time_pipeline (&candidates[c], error);

      if (isnan (ms))
        return FALSE;
      candidates[c].per_frame[round] = ms;
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
add (BenchReport *report, const char *what, const double *per_frame,
     const double *less, double target)
{
  bench_report_add (report, what, per_frame[0] - less[0],
                    per_frame[ROUNDS / 2] - less[ROUNDS / 2], "ms", target);
}

/* Frames a second; NaN where the start-up outweighs the frames. */
static double
rate (double per_frame)
{
  return per_frame > 0 ? 1000 / per_frame : (double) NAN;
}

static gboolean
measure (BenchReport *report, const char *folder, GError **error)
{
  g_autoptr (DmlEncoder) encoder =
    dml_encoder_open (options.encoder ? options.encoder : "default", error);
  g_autofree char *gallery =
    encoder ? make_gallery (folder, encoder, error) : NULL;
  g_autoptr (DmlSession) session =
    gallery ? dml_encoder_session_new (encoder, 1, error) : NULL;
  g_autofree char *name =
    options.encoder ? g_strdup_printf ("encoder=\"%s\"", options.encoder)
                    : g_strdup ("");
  const int w = options.width / 2, h = options.height / 2;
  g_auto (BenchFrame) frame =
    bench_frame (options.width & ~1, options.height & ~1);
  g_autofree float *out = NULL;
  g_autofree char *centre = NULL, *four = NULL;
  Work work = { session, &frame.square, NULL };
  enum { SOURCE, ALONE, CENTRE, FOUR, MOVING, N };
  Candidate candidates[N] = {
    [SOURCE] = { .middle = "", .times = 40 },
    [ALONE] = { .alone = &work },
    [CENTRE] = { .times = 2 },
    [FOUR] = { .times = 1 },
    [MOVING] = { .times = 1, .moving = TRUE },
  };
  static const double nothing[ROUNDS];
  const double *const source = candidates[SOURCE].per_frame;
  double lean[ROUNDS];

  if (session == NULL)
    return FALSE;
  work.out = out = g_new (float, dml_encoder_get_dim (encoder));
  centre = g_strdup_printf ("dmlembed threads=1 %s ! dmlmatch gallery=\"%s\" !",
                            name, gallery);
  four = g_strdup_printf (
    "dmlembed %s regions=list region-list=\"0,0,%d,%d;%d,0,%d,%d;0,%d,%d,%d;"
    "%d,%d,%d,%d\" ! dmlmatch gallery=\"%s\" !",
    name, w, h, w, w, h, h, w, h, w, h, w, h, gallery);
  candidates[CENTRE].middle = centre;
  candidates[FOUR].middle = candidates[MOVING].middle = four;
  if (!run (candidates, N, error))
    return FALSE;
  for (int i = 0; i < ROUNDS; i++)
    lean[i] = source[i] + candidates[ALONE].per_frame[i];
  add (report, "centre square, the encoder alone", candidates[ALONE].per_frame,
       nothing, (double) NAN);
  add (report, "the same by dmlembed, and matched",
       candidates[CENTRE].per_frame, source, (double) NAN);
  add (report, "what the elements add", candidates[CENTRE].per_frame, lean,
       ELEMENTS_TARGET_MS);
  add (report, "four regions embedded and matched", candidates[FOUR].per_frame,
       source, (double) NAN);
  bench_report_add (report, "frames drawn, four regions matched",
                    rate (candidates[MOVING].per_frame[0]),
                    rate (candidates[MOVING].per_frame[ROUNDS / 2]), "frames/s",
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
  if (!cli_within ("width", options.width, SIDE_LEAST, 16384) ||
      !cli_within ("height", options.height, SIDE_LEAST, 16384) ||
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
