/* SPDX-License-Identifier: LGPL-2.1-or-later
 * dml-eval: how good an encoder is on pictures that it has not seen. */
#include "cli.h"

#include <dml/dml-evaluate.h>
#include <stdio.h>
#include <string.h>

#define EXAMPLES                                                               \
  "Examples:\n"                                                                \
  "  dml-eval run/encoder.onnx other-photos/\n"                                \
  "  dml-eval default gallery/ --queries=queries/ --classifier=prototype\n"    \
  "  dml-eval run/encoder.onnx photos/ --suspects=50\n"                        \
  "  dml-eval run/encoder.onnx omniglot.tar.gz --split=split.txt \\\n"         \
  "           --protocol=one-shot --ways=20 --group=__\n"                      \
  "  dml-eval run/encoder.onnx --protocol=one-shot --trials=list.csv\n\n"      \
  "DATA as for dml-train. Leave-one-out: every picture looks for its "         \
  "nearest\n"                                                                  \
  "other one; for the open set half of the classes are enrolled, in several\n" \
  "draws. With --queries, DATA is the gallery; queries whose label is not\n"   \
  "enrolled are the unknown ones. Intervals: 95 %, classes drawn anew."

static struct {
  char *protocol, *classifier, *trials, *group, *split, *part;
  char **queries;
  int k, ways, n_trials, rows, suspects, threads;
  gint64 seed;
  double bad_pictures;
  gboolean clusters, json;
} options = { .k = 1, .rows = 10, .seed = 1, .bad_pictures = 0.05 };

static const GOptionEntry entries[] = {
  { "protocol", 'p', 0, G_OPTION_ARG_STRING, &options.protocol,
    "leave-one-out, gallery-query or one-shot [by the other options]", "NAME" },
  { "queries", 'q', 0, G_OPTION_ARG_FILENAME_ARRAY, &options.queries,
    "Look these up in the gallery DATA; may be given again", "DATA" },
  { "split", 0, 0, G_OPTION_ARG_FILENAME, &options.split,
    "Of DATA only the classes that this file puts into --part", "FILE" },
  { "part", 0, 0, G_OPTION_ARG_STRING, &options.part,
    "train, val or test, by --split or by a table's column [test]", "NAME" },
  { "trials", 0, 0, G_OPTION_ARG_FILENAME, &options.trials,
    "One-shot trials from CSV: trial,role,path,label", "CSV" },
  { "ways", 0, 0, G_OPTION_ARG_INT, &options.ways,
    "Classes of a drawn trial [20]", "N" },
  { "n-trials", 0, 0, G_OPTION_ARG_INT, &options.n_trials,
    "Trials to draw [400]", "N" },
  { "group", 0, 0, G_OPTION_ARG_STRING, &options.group,
    "Classes of a trial share their label up to this text", "TEXT" },
  { "classifier", 'c', 0, G_OPTION_ARG_STRING, &options.classifier,
    "knn or prototype [knn]", "NAME" },
  { "k", 'k', 0, G_OPTION_ARG_INT, &options.k, "Neighbours that vote [1]",
    "N" },
  { "rows", 0, 0, G_OPTION_ARG_INT, &options.rows,
    "Rows of the tables of classes and confused pairs [10]", "N" },
  { "suspects", 0, 0, G_OPTION_ARG_INT, &options.suspects,
    "Name N pictures whose label is likely wrong [0]", "N" },
  { "clusters", 0, 0, G_OPTION_ARG_NONE, &options.clusters,
    "Cluster by k-means, and compare with the labels (NMI, AMI)", NULL },
  { "seed", 0, 0, G_OPTION_ARG_INT64, &options.seed,
    "Of draws and intervals [1]", "N" },
  { "threads", 0, 0, G_OPTION_ARG_INT, &options.threads,
    "Threads that compute; 0 = all [0]", "N" },
  { "bad-pictures", 0, 0, G_OPTION_ARG_DOUBLE, &options.bad_pictures,
    "Share of unreadable pictures above which it fails [0.05]", "SHARE" },
  { "json", 0, 0, G_OPTION_ARG_NONE, &options.json, "One line of JSON", NULL },
  { NULL },
};

/* ---- talk ---- */

typedef struct {
  CliProgress *bar;
  DmlTrainStage stage;
} Talk;

static void
on_message (const char *text, gboolean warning, gpointer data)
{
  Talk *talk = data;
  g_autofree char *shown = cli_printable (text);

  g_clear_pointer (&talk->bar, cli_progress_free);
  cli_say ("%s%s", warning ? "warning: " : "", shown);
}

static void
on_progress (const DmlTrainProgress *p, gpointer data)
{
  Talk *talk = data;

  if (talk->bar == NULL || talk->stage != p->stage) {
    g_clear_pointer (&talk->bar, cli_progress_free);
    talk->stage = p->stage;
    talk->bar = cli_progress_new (
      p->stage == DML_TRAIN_STAGE_LOAD ? "reading" : "embedding",
      (gsize) p->total);
  }
  cli_progress_set (talk->bar, (gsize) p->done, NULL);
}

/* ---- options ---- */

static gboolean
read_options (char **data, DmlEvaluateOptions *o, CliExit *exit_code)
{
  static const char *const names[] = { "leave-one-out", "gallery-query",
                                       "one-shot", NULL };
  const char *name = options.protocol;

  if (name == NULL)
    name = options.queries  ? "gallery-query"
           : options.trials ? "one-shot"
                            : "leave-one-out";
  for (guint i = 0; names[i] != NULL; i++)
    if (strcmp (name, names[i]) == 0)
      o->protocol = (DmlProtocol) i;
    else if (i == 2 && !g_strv_contains (names, name)) {
      const char *near = cli_nearest (name, names);

      *exit_code =
        cli_usage ("--protocol: '%s' is not one of leave-one-out, "
                   "gallery-query, one-shot%s%s",
                   name, near ? "; did you mean " : "", near ? near : "");
      return FALSE;
    }
  if (options.classifier != NULL && strcmp (options.classifier, "knn") != 0 &&
      strcmp (options.classifier, "prototype") != 0) {
    *exit_code = cli_usage ("--classifier: '%s' is neither knn nor prototype",
                            options.classifier);
    return FALSE;
  }
  if (o->protocol != DML_PROTOCOL_ONE_SHOT &&
      (options.ways != 0 || options.n_trials != 0)) {
    *exit_code = cli_usage ("--%s: only --protocol=one-shot has trials",
                            options.ways != 0 ? "ways" : "n-trials");
    return FALSE;
  }
  if (!cli_within ("k", options.k, 1, G_MAXINT) ||
      !cli_within ("ways", options.ways, options.ways == 0 ? 0 : 2, G_MAXINT) ||
      !cli_within ("n-trials", options.n_trials, 0, G_MAXINT) ||
      !cli_within ("rows", options.rows, 0, G_MAXINT) ||
      !cli_within ("suspects", options.suspects, 0, G_MAXINT) ||
      !cli_within ("threads", options.threads, 0, CLI_THREADS_MOST) ||
      !cli_within ("seed", options.seed, 0, G_MAXINT64)) {
    *exit_code = CLI_USAGE;
    return FALSE;
  }
  o->data = (const char *const *) data;
  o->queries = (const char *const *) options.queries;
  o->split = options.split;
  o->part = options.part;
  o->suspects = (guint) options.suspects;
  o->trials = options.trials;
  if (options.ways != 0)
    o->ways = (guint) options.ways;
  if (options.n_trials != 0)
    o->n_trials = (guint) options.n_trials;
  o->group = options.group;
  o->prototypes =
    options.classifier != NULL && strcmp (options.classifier, "prototype") == 0;
  o->k = (guint) options.k;
  o->seed = (guint64) options.seed;
  o->n_threads = (guint) options.threads;
  o->bad_pictures = options.bad_pictures;
  o->clusters = options.clusters;
  return TRUE;
}

static CliExit
run (const char *path, char **data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (DmlEncoder) encoder = NULL;
  g_autoptr (DmlEvaluation) outcome = NULL;
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  Talk talk = { NULL, DML_TRAIN_STAGE_LOAD };
  const DmlTrainListener listener = { on_message, on_progress, NULL, &talk };
  DmlEvaluateOptions o = DML_EVALUATE_OPTIONS_INIT;
  g_autofree char *text = NULL;
  CliExit exit_code;

  if (!read_options (data, &o, &exit_code))
    return exit_code;
  encoder = dml_encoder_open (path, &error);
  if (encoder == NULL)
    return cli_fail (error);
  if (dml_encoder_is_placeholder (encoder))
    cli_say ("warning: the built-in encoder is an untrained placeholder");
  cli_cancel_on_interrupt (cancellable);
  outcome = dml_evaluate (encoder, &o, &listener, cancellable, &error);
  g_clear_pointer (&talk.bar, cli_progress_free);
  if (outcome == NULL)
    return cli_fail (error);
  text = options.json ? dml_evaluation_to_json (outcome)
                      : dml_evaluation_to_text (outcome, (guint) options.rows);
  printf ("%s%s", text, options.json ? "\n" : "");
  return CLI_OK;
}

int
main (int argc, char **argv)
{
  CliExit exit_code;

  cli_begin ("dml-eval");
  if (!cli_parse ("ENCODER|default [DATA…]",
                  "Measures an encoder on pictures that it has not seen.",
                  EXAMPLES, entries, &argc, &argv, &exit_code))
    return exit_code;
  if (argc < 2)
    return cli_usage ("name the ENCODER, and the DATA to measure it on");
  if (argc < 3 && options.trials == NULL)
    return cli_usage ("name the DATA to measure it on");
  return run (argv[1], argv + 2);
}
