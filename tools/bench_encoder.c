/* SPDX-License-Identifier: LGPL-2.1-or-later
 * dml-bench encoder: a picture to an embedding, and its preprocessing alone. */
#include "bench.h"

#include <math.h>
#include <string.h>

#define FRAME_WIDTH 1920
#define FRAME_HEIGHT 1080
#define EMBED_TARGET_MS 3.0 /* the built-in encoder, one picture, one core */
#define PREPROCESS_TARGET_MS 1.0 /* for 64x64 on one core */

static struct {
  int threads, batch, runs;
  double seconds;
  char *onnxruntime;
  gboolean json;
} options;

static const GOptionEntry entries[] = {
  { "threads", 't', 0, G_OPTION_ARG_INT, &options.threads,
    "Threads to use, 0 = all (1)", "N" },
  { "batch", 'b', 0, G_OPTION_ARG_INT, &options.batch,
    "Pictures a call, 1..1024 (1)", "N" },
  { "runs", 'n', 0, G_OPTION_ARG_INT, &options.runs,
    "Runs of each at least, 1..1000000 (20)", "N" },
  { "seconds", 's', 0, G_OPTION_ARG_DOUBLE, &options.seconds,
    "Time for all runs at least (3)", "S" },
  { "onnxruntime", 0, 0, G_OPTION_ARG_FILENAME, &options.onnxruntime,
    "ONNX Runtime's library, to be measured in the same run", "FILE.so" },
  BENCH_OPTION_JSON (&options.json),
  { NULL },
};

typedef struct {
  DmlSession *session;
  const DmlImage **images;
  gsize n;
  float *out;
} Work;

static void
embed (gpointer data)
{
  Work *work = data;

  dml_session_embed (work->session, work->images, NULL, work->n, work->out,
                     NULL);
}

static void
preprocess (gpointer data)
{
  Work *work = data;

  dml_session_preprocess (work->session, work->images[0], NULL, work->out,
                          NULL);
}

/* A picture of noise: what it shows does not matter for the time. */
static DmlPicture *
noise_picture (int width, int height, GError **error)
{
  DmlPicture *picture = dml_picture_new_rgb (width, height, 3, error);
  guint32 state = 1;
  int stride;
  guint8 *rows;

  if (picture == NULL)
    return NULL;
  rows = dml_picture_get_pixels (picture, &stride);
  for (int y = 0; y < height; y++)
    for (int x = 0; x < 3 * width; x++) {
      state = state * 1664525u + 1013904223u;
      rows[(gsize) y * (gsize) stride + (gsize) x] = (guint8) (state >> 24);
    }
  return picture;
}

/* One 1080p NV12 frame's centre square to the encoder's input. */
static gboolean
report_preprocessing (BenchReport *report, DmlEncoder *encoder, GError **error)
{
  g_auto (BenchFrame) frame = bench_frame (FRAME_WIDTH, FRAME_HEIGHT);
  const DmlImage *images[] = { &frame.square };
  g_autoptr (DmlSession) session = dml_encoder_session_new (encoder, 1, error);
  int width, height;
  g_autofree float *out = NULL;
  g_autofree char *what = NULL;
  BenchCandidate candidate = { .run = preprocess };
  Work work = { session, images, 1, NULL };

  if (session == NULL)
    return FALSE;
  dml_encoder_get_input_size (encoder, &width, &height);
  work.out = out = g_new (float, 3 * (gsize) width * (gsize) height);
  candidate.data = &work;
  bench_run (&candidate, 1, (guint) options.runs, options.seconds / 4);
  what = g_strdup_printf ("preprocess 1080p NV12 centre square to %dx%d", width,
                          height);
  bench_report_add (report, what, candidate.min_ms, candidate.median_ms, "ms",
                    width <= 64 ? PREPROCESS_TARGET_MS : (double) NAN);
  return TRUE;
}

static gboolean
report_embedding (BenchReport *report, DmlEncoder *encoder, const char *path,
                  GError **error)
{
  const gsize n = (gsize) options.batch;
  g_autoptr (DmlSession) session =
    dml_encoder_session_new (encoder, (unsigned) options.threads, error);
  g_autofree float *out = g_new (float, n *dml_encoder_get_dim (encoder));
  g_autofree const DmlImage **images = g_new (const DmlImage *, n);
  g_autoptr (DmlPicture) picture = NULL;
  g_autofree char *what = NULL;
  PeerOnnxRuntime *peer = NULL;
  BenchCandidate candidates[2] = { { .run = embed },
                                   { .run = peer_onnxruntime_run } };
  Work work = { session, images, n, out };
  const gboolean ours = path == NULL || strcmp (path, "default") == 0;
  int width, height;

  dml_encoder_get_input_size (encoder, &width, &height);
  if (session == NULL ||
      (picture = noise_picture (width, height, error)) == NULL)
    return FALSE;
  for (gsize i = 0; i < n; i++)
    images[i] = dml_picture_get_image (picture);
  if (options.onnxruntime != NULL) {
    const gint64 in[] = { options.batch, 3, height, width };
    const gint64 to[] = { options.batch, dml_encoder_get_dim (encoder) };

    peer = peer_onnxruntime_open (options.onnxruntime, path, options.threads,
                                  in, to, error);
    if (peer == NULL)
      return FALSE;
  }
  candidates[0].data = &work;
  candidates[1].data = peer;
  bench_run (candidates, peer ? 2 : 1, (guint) options.runs, options.seconds);
  what = g_strdup_printf ("embed %d x %dx%d, %d thread%s", options.batch, width,
                          height, options.threads, CLI_S (options.threads));
  bench_report_add (
    report, what, candidates[0].min_ms, candidates[0].median_ms, "ms",
    ours && options.batch == 1 && options.threads == 1 ? EMBED_TARGET_MS
                                                       : (double) NAN);
  if (peer != NULL) {
    g_autofree char *name = g_strdup_printf ("ONNX Runtime %s, network alone",
                                             peer_onnxruntime_version (peer));

    bench_report_add (report, name, candidates[1].min_ms,
                      candidates[1].median_ms, "ms", (double) NAN);
    bench_report_add (report, "ratio of ours to ONNX Runtime",
                      candidates[0].min_ms / candidates[1].min_ms,
                      candidates[0].median_ms / candidates[1].median_ms, "x",
                      (double) NAN);
    peer_onnxruntime_close (peer);
  }
  return TRUE;
}

CliExit
bench_encoder (int argc, char **argv)
{
  g_autoptr (DmlEncoder) encoder = NULL;
  g_autoptr (GError) error = NULL;
  BenchReport *report;
  CliExit exit_code;

  options.threads = options.batch = 1;
  options.runs = 20;
  options.seconds = 3;
  if (!cli_parse ("[ENCODER]", "Times an encoder, the built-in one by default.",
                  "Example:\n"
                  "  dml-bench encoder resnet18.onnx --onnxruntime "
                  "libonnxruntime.so.1",
                  entries, &argc, &argv, &exit_code))
    return exit_code;
  if (argc > 2)
    return cli_usage ("%s: one encoder at a time", argv[2]);
  if (!cli_within ("threads", options.threads, 0, CLI_THREADS_MOST) ||
      !cli_within ("batch", options.batch, 1, 1024) ||
      !cli_within ("runs", options.runs, 1, 1000000) ||
      !cli_within_reals ("seconds", options.seconds, 0.0, 86400.0))
    return CLI_USAGE;
  if (argc < 2 && options.onnxruntime != NULL)
    return cli_usage ("--onnxruntime needs an encoder in a file");
  encoder = dml_encoder_open (argc > 1 ? argv[1] : "default", &error);
  if (encoder == NULL)
    return cli_fail (error);
  report = bench_report_new ("encoder");
  if (!report_embedding (report, encoder, argv[1], &error) ||
      !report_preprocessing (report, encoder, &error)) {
    bench_report_print (report, options.json);
    return cli_fail (error);
  }
  bench_report_print (report, options.json);
  return CLI_OK;
}
