/* SPDX-License-Identifier: LGPL-2.1-or-later
 * dml-embed: photographs to embeddings, and two of them compared. */
#include "cli.h"
#include "npy.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static struct {
  char *output;
  gboolean csv, compare, json, force;
  double false_accept_rate;
  int threads;
} options;

static const GOptionEntry entries[] = {
  { "output", 'o', 0, G_OPTION_ARG_FILENAME, &options.output,
    "Write N x D float32 to FILE and the paths, a line each, to FILE with the "
    "ending .txt",
    "FILE.npy" },
  { "csv", 0, 0, G_OPTION_ARG_NONE, &options.csv,
    "Print a line a picture: path and numbers", NULL },
  { "compare", 0, 0, G_OPTION_ARG_NONE, &options.compare,
    "Compare two pictures", NULL },
  { "false-accept-rate", 'f', 0, G_OPTION_ARG_DOUBLE,
    &options.false_accept_rate,
    "With --compare: the rate whose threshold says same or "
    "different, " CLI_RATES " (0.01)",
    "RATE" },
  { "json", 0, 0, G_OPTION_ARG_NONE, &options.json,
    "Print as JSON: a line a picture (dml-embed/1), or the comparison "
    "(dml-compare/1)",
    NULL },
  { "force", 0, 0, G_OPTION_ARG_NONE, &options.force,
    "Write over files that are there", NULL },
  { "threads", 0, 0, G_OPTION_ARG_INT, &options.threads,
    "Threads to use, 0 = all (0)", "N" },
  { NULL },
};

static gboolean
embed (DmlSession *session, const char *path, float *out, GError **error)
{
  g_autoptr (DmlPicture) picture = dml_picture_load (path, error);

  return picture != NULL && cli_embed (session, picture, path, 1, out, error);
}

static void
print_csv (const char *path, const float *row, guint dim)
{
  g_auto (GStrv) parts = g_strsplit (path, "\"", -1);
  g_autofree char *quoted = g_strjoinv ("\"\"", parts);

  cli_progress_wipe ();
  printf ("\"%s\"", quoted);
  for (guint d = 0; d < dim; d++)
    printf (",%.9g", (double) row[d]); /* nine digits bring a float back */
  putchar ('\n');
}

static void
print_json (const char *path, const float *row, guint dim)
{
  JsonBuilder *json = cli_json_new ("dml-embed/1");

  cli_json_text (json, "picture", path);
  cli_json_array (json, "embedding");
  for (guint d = 0; d < dim; d++)
    json_builder_add_double_value (json, (double) row[d]);
  json_builder_end_array (json);
  cli_json_print (json);
}

typedef struct {
  DmlEncoder *encoder;
  DmlSession *session;
  NpyWriter *npy;
  GString *paths; /* lines of the list beside the .npy */
  guint n_done, n_failed;
} Embedder;

static gboolean
embed_one (Embedder *embedder, const CliPicture *picture, float *row,
           GError **error)
{
  const char *path = picture->path;
  const guint dim = dml_encoder_get_dim (embedder->encoder);
  g_autoptr (GError) failure = NULL;

  if (!cli_picture_check (picture, &failure) ||
      !embed (embedder->session, path, row, &failure)) {
    cli_say ("%s", failure->message);
    embedder->n_failed++;
    return TRUE;
  }
  embedder->n_done++;
  if (options.csv)
    print_csv (path, row, dim);
  if (options.json)
    print_json (path, row, dim);
  if (embedder->npy != NULL) {
    g_autofree char *line = cli_printable (path);

    g_string_append_printf (embedder->paths, "%s\n", line);
    return npy_writer_add (embedder->npy, row, error);
  }
  return TRUE;
}

static CliExit
embed_all (DmlEncoder *encoder, DmlSession *session, char **paths)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) pictures = NULL;
  g_autoptr (CliProgress) progress = NULL;
  g_autofree float *row = g_new (float, dml_encoder_get_dim (encoder));
  g_autofree char *list = NULL;
  g_autoptr (GString) lines = g_string_new (NULL);
  Embedder embedder = { encoder, session, NULL, lines, 0, 0 };
  gboolean ok = TRUE;

  if (options.output != NULL) {
    const CliExit exit_code =
      npy_list_path (options.output, options.force, &list);

    if (exit_code != CLI_OK)
      return exit_code;
  }
  if ((pictures = cli_pictures (paths, NULL, &error)) == NULL)
    return cli_fail (error);
  if (pictures->len == 0)
    return cli_say ("%s: no JPEG, PNG or WebP picture there", paths[0]),
           CLI_BAD_DATA;
  if (options.output != NULL &&
      (embedder.npy = npy_writer_new (
         options.output, dml_encoder_get_dim (encoder), &error)) == NULL)
    return cli_fail (error);
  cli_catch_interrupt ();
  progress = cli_progress_new ("embedding", pictures->len);
  for (guint i = 0; ok && i < pictures->len && !cli_interrupted (); i++) {
    cli_progress_set (progress, i, NULL);
    ok = embed_one (&embedder, g_ptr_array_index (pictures, i), row, &error);
  }
  g_clear_pointer (&progress, cli_progress_free);
  if (embedder.npy == NULL)
    ; /* nothing to finish */
  else if (!ok || cli_interrupted ())
    npy_writer_abandon (embedder.npy);
  else
    ok = npy_writer_finish (embedder.npy, &error) &&
         npy_list_write (list, lines, &error);
  if (!ok)
    return cli_fail (error);
  if (cli_interrupted ())
    return cli_say ("interrupted; nothing was written"), CLI_INTERRUPTED;
  cli_say ("%u of %u picture%s embedded, %u numbers each", embedder.n_done,
           pictures->len, CLI_S (pictures->len), dml_encoder_get_dim (encoder));
  return embedder.n_failed > 0 ? CLI_BAD_DATA : CLI_OK;
}

static CliExit
compare (DmlEncoder *encoder, DmlSession *session, char **paths)
{
  const guint dim = dml_encoder_get_dim (encoder);
  g_autofree float *pair = g_new (float, 2 * dim);
  g_autoptr (GError) error = NULL;
  double cosine, distance, similarity;
  DmlThreshold threshold = { .threshold = (double) NAN };
  gboolean known;
  const char *verdict;

  if (g_strv_length (paths) != 2)
    return cli_usage ("--compare: two pictures are needed");
  for (guint i = 0; i < 2; i++)
    if (!embed (session, paths[i], pair + i * dim, &error))
      return cli_fail (error);
  cosine = dml_similarity (DML_METRIC_COSINE, pair, pair + dim, dim);
  if (isnan (cosine)) /* an embedding of zeros is like nothing */
    cosine = 0;
  similarity = dml_similarity (DML_METRIC_EUCLIDEAN, pair, pair + dim, dim);
  distance = 1 / similarity - 1;
  if (dml_encoder_get_metric (encoder) == DML_METRIC_COSINE)
    similarity = cosine;
  known =
    dml_encoder_get_threshold (encoder, options.false_accept_rate, &threshold);
  verdict = !known                             ? "undecided"
            : similarity > threshold.threshold ? "same"
                                               : "different";
  if (options.json) {
    JsonBuilder *json = cli_json_new ("dml-compare/1");

    cli_json_number (json, "cosine", cosine);
    cli_json_number (json, "euclidean", distance);
    cli_json_number (json, "similarity", similarity);
    if (known)
      cli_json_number (json, "threshold", threshold.threshold);
    cli_json_text (json, "verdict", verdict);
    cli_json_print (json);
    return CLI_OK;
  }
  printf ("cosine     %9.6f\nEuclidean  %9.6f\n", cosine, distance);
  if (known)
    printf ("%s: similarity %.4f, threshold %.4f for a false-accept rate of "
            "%g\n",
            verdict, similarity, threshold.threshold,
            threshold.false_accept_rate);
  else
    printf ("undecided: %s holds no thresholds; dml-eval can find some\n",
            dml_encoder_get_name (encoder));
  return CLI_OK;
}

int
main (int argc, char **argv)
{
  g_autoptr (DmlEncoder) encoder = NULL;
  g_autoptr (DmlSession) session = NULL;
  g_autoptr (GError) error = NULL;
  CliExit exit_code;

  cli_begin ("dml-embed");
  options.false_accept_rate = 0.01;
  if (!cli_parse ("ENCODER|default PICTURES_OR_FOLDERS…",
                  "Turns photographs into embeddings.",
                  "Examples:\n"
                  "  dml-embed default photos/ -o photos.npy\n"
                  "  dml-embed resnet18.onnx --csv a.jpg b.jpg\n"
                  "  dml-embed default --compare a.jpg b.jpg",
                  entries, &argc, &argv, &exit_code))
    return exit_code;
  if (argc < 3)
    return cli_usage ("an encoder and at least one picture are needed");
  if (options.output == NULL && !options.csv && !options.json &&
      !options.compare)
    return cli_usage ("nothing to do: name --output, --csv, --json or "
                      "--compare");
  if (options.csv && options.json)
    return cli_usage ("--csv and --json both print; name one of them");
  if (options.compare && (options.csv || options.output != NULL))
    return cli_usage ("--compare prints a verdict and no embeddings: it goes "
                      "without %s",
                      options.csv ? "--csv" : "--output");
  if (!cli_within ("threads", options.threads, 0, CLI_THREADS_MOST))
    return CLI_USAGE;
  if (!cli_check_rate (options.false_accept_rate))
    return CLI_USAGE;
  if ((encoder = dml_encoder_open (argv[1], &error)) == NULL ||
      (session = dml_encoder_session_new (encoder, (unsigned) options.threads,
                                          &error)) == NULL)
    return cli_fail (error);
  if (dml_encoder_is_placeholder (encoder))
    cli_say ("the encoder is a placeholder that was never trained: its "
             "embeddings mean little");
  return options.compare ? compare (encoder, session, argv + 2)
                         : embed_all (encoder, session, argv + 2);
}
