/* SPDX-License-Identifier: LGPL-2.1-or-later
 * dml-bench gallery: enrolling, opening, matching, on a made-up gallery. */
#include "bench.h"

#include <glib/gstdio.h>
#include <math.h>

#define MATCH_TARGET_MS 0.5 /* one query, 10,000 x 256, one core */

static struct {
  char *encoder;
  int items, labels, queries;
  double seconds;
  gboolean json;
} options;

static const GOptionEntry entries[] = {
  { "encoder", 'e', 0, G_OPTION_ARG_FILENAME, &options.encoder,
    "ONNX file whose embeddings the gallery has room for (built-in)", "FILE" },
  { "items", 'n', 0, G_OPTION_ARG_INT, &options.items,
    "Items in the gallery, 1..10000000 (10000)", "N" },
  { "labels", 'l', 0, G_OPTION_ARG_INT, &options.labels,
    "Labels they are spread over, at most one an item (1000)", "N" },
  { "queries", 'q', 0, G_OPTION_ARG_INT, &options.queries,
    "Queries a call, 1..1000000 (1)", "N" },
  { "seconds", 's', 0, G_OPTION_ARG_DOUBLE, &options.seconds,
    "Time for matching at least (2)", "S" },
  BENCH_OPTION_JSON (&options.json),
  { NULL },
};

/* Unit vectors round a centre a label, from a fixed seed. */
static void
fill_vectors (float *rows, guint n, guint dim, guint label, guint32 seed)
{
  g_autoptr (GRand) centre = g_rand_new_with_seed (label + 1);
  g_autoptr (GRand) noise = g_rand_new_with_seed (seed);
  g_autofree double *middle = g_new (double, dim);

  for (guint d = 0; d < dim; d++)
    middle[d] = g_rand_double_range (centre, -1, 1);
  for (guint i = 0; i < n; i++) {
    double squares = 0;

    for (guint d = 0; d < dim; d++) {
      const double x = middle[d] + g_rand_double_range (noise, -0.7, 0.7);

      rows[(gsize) i * dim + d] = (float) x;
      squares += x * x;
    }
    for (guint d = 0; d < dim; d++)
      rows[(gsize) i * dim + d] /= (float) sqrt (squares);
  }
}

static gboolean
enroll_all (DmlGallery *gallery, guint dim, GError **error)
{
  const guint n_labels = (guint) options.labels;

  if (!dml_gallery_begin (gallery, error))
    return FALSE;
  for (guint label = 0; label < n_labels; label++) {
    const guint n = (guint) options.items / n_labels +
                    (label < (guint) options.items % n_labels);
    g_autofree float *rows = g_new (float, (gsize) MAX (n, 1) * dim);
    g_autofree char *name = g_strdup_printf ("thing %u", label);

    if (n == 0)
      continue;
    fill_vectors (rows, n, dim, label, label + 7);
    if (!dml_gallery_enroll (gallery, name, rows, NULL, n, NULL, error))
      return FALSE;
  }
  return dml_gallery_commit (gallery, error);
}

typedef struct {
  DmlMatcher *matcher;
  const float *queries;
  DmlMatch **matches;
  gsize n;
} Work;

static void
match (gpointer data)
{
  Work *work = data;

  dml_matcher_match (work->matcher, work->queries, work->n, work->matches);
  for (gsize i = 0; i < work->n; i++)
    dml_match_unref (work->matches[i]);
}

static gboolean
report_matching (BenchReport *report, DmlSnapshot *snapshot, GError **error)
{
  static const struct {
    DmlClassifier classifier;
    const char *name;
  } kinds[] = { { DML_CLASSIFIER_KNN, "knn" },
                { DML_CLASSIFIER_PROTOTYPE, "prototype" } };
  const guint dim = dml_snapshot_get_dim (snapshot);
  const gsize n = (gsize) options.queries;
  g_autofree float *queries = g_new (float, n *dim);
  g_autofree DmlMatch **matches = g_new (DmlMatch *, n);

  for (gsize i = 0; i < n; i++)
    fill_vectors (queries + i * dim, 1, dim,
                  (guint) (i % (gsize) options.labels), 99);
  for (guint k = 0; k < G_N_ELEMENTS (kinds); k++) {
    DmlMatcherOptions matcher_options = DML_MATCHER_OPTIONS_INIT;
    g_autoptr (DmlMatcher) matcher = NULL;
    Work work = { NULL, queries, matches, n };
    BenchCandidate candidate = { .run = match, .data = &work };
    g_autofree char *what = NULL;

    matcher_options.classifier = kinds[k].classifier;
    matcher = dml_matcher_new (snapshot, NULL, &matcher_options, error);
    if (matcher == NULL)
      return FALSE;
    work.matcher = matcher;
    bench_run (&candidate, 1, 20, options.seconds / G_N_ELEMENTS (kinds));
    what =
      g_strdup_printf ("match %d quer%s against %u x %u (%s)", options.queries,
                       n == 1 ? "y" : "ies",
                       dml_snapshot_get_n_items (snapshot), dim, kinds[k].name);
    bench_report_add (report, what, candidate.min_ms, candidate.median_ms, "ms",
                      k == 0 && n == 1 && options.items == 10000 && dim <= 256
                        ? MATCH_TARGET_MS
                        : (double) NAN);
  }
  return TRUE;
}

static gboolean
measure (BenchReport *report, const char *path, GError **error)
{
  g_autoptr (DmlEncoder) encoder =
    dml_encoder_open (options.encoder ? options.encoder : "default", error);
  gint64 start = g_get_monotonic_time ();
  double ms;

  g_autoptr (DmlGallery) gallery =
    encoder == NULL
      ? NULL
      : dml_gallery_open (path, DML_GALLERY_CREATE, encoder, error);
  g_autoptr (DmlSnapshot) snapshot = NULL;

  if (gallery == NULL ||
      !enroll_all (gallery, dml_encoder_get_dim (encoder), error))
    return FALSE;
  ms = (double) (g_get_monotonic_time () - start) / 1000;
  bench_report_add (report, "enroll everything in one transaction", ms, ms,
                    "ms", (double) NAN);
  start = g_get_monotonic_time ();
  snapshot = dml_gallery_get_snapshot (gallery, error);
  if (snapshot == NULL)
    return FALSE;
  ms = (double) (g_get_monotonic_time () - start) / 1000;
  bench_report_add (report, "read a snapshot", ms, ms, "ms", (double) NAN);
  return report_matching (report, snapshot, error);
}

CliExit
bench_gallery (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *folder = NULL, *path = NULL;
  BenchReport *report;
  CliExit exit_code;
  gboolean ok;

  options.items = 10000;
  options.labels = 1000;
  options.queries = 1;
  options.seconds = 2;
  if (!cli_parse_alone ("Times a gallery of made-up items.", NULL, entries,
                        &argc, &argv, &exit_code))
    return exit_code;
  if (!cli_within ("items", options.items, 1, 10000000) ||
      !cli_within ("labels", options.labels, 1, options.items) ||
      !cli_within ("queries", options.queries, 1, 1000000) ||
      !cli_within_reals ("seconds", options.seconds, 0.0, 86400.0))
    return CLI_USAGE;
  folder = g_dir_make_tmp ("dml-bench-XXXXXX", &error);
  if (folder == NULL)
    return cli_fail (error);
  path = g_build_filename (folder, "bench.bin", NULL);
  report = bench_report_new ("gallery");
  ok = measure (report, path, &error);
  bench_report_print (report, options.json);
  g_unlink (path);
  g_rmdir (folder);
  return ok ? CLI_OK : cli_fail (error);
}
