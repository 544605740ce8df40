/* SPDX-License-Identifier: LGPL-2.1-or-later
 * dml-bench: figures, against peers where these are found. */
#include "bench.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WARM_UP 3

static const CliCommand commands[] = {
  { "encoder", "[ENCODER]", "embedding a picture, beside ONNX Runtime",
    bench_encoder },
  { "gallery", "", "matching a query, enrolling, opening", bench_gallery },
  { "kernels", "", "the inner loops by instruction set", bench_kernels },
  { "pipeline", "", "frames a second through the elements", bench_pipeline },
  { "train", "[DATA]", "a step of training", bench_train },
  { NULL },
};

int
bench_rising (const void *a, const void *b)
{
  const double x = *(const double *) a, y = *(const double *) b;

  return (x > y) - (x < y);
}

void
bench_run (BenchCandidate *candidates, guint n, guint n_runs, double seconds)
{
  const gint64 start = g_get_monotonic_time ();
  g_autofree GArray **times = g_new (GArray *, n);

  for (guint c = 0; c < n; c++) {
    times[c] = g_array_new (FALSE, FALSE, sizeof (double));
    for (guint i = 0; i < WARM_UP; i++)
      candidates[c].run (candidates[c].data);
  }
  for (guint i = 0; i < n_runs || (double) (g_get_monotonic_time () - start) <
                                    seconds * G_USEC_PER_SEC;
       i++)
    for (guint c = 0; c < n; c++) {
      const gint64 before = g_get_monotonic_time ();
      double ms;

      candidates[c].run (candidates[c].data);
      ms = (double) (g_get_monotonic_time () - before) / 1000;
      g_array_append_val (times[c], ms);
    }
  for (guint c = 0; c < n; c++) {
    qsort (times[c]->data, times[c]->len, sizeof (double), bench_rising);
    candidates[c].n_runs = times[c]->len;
    candidates[c].min_ms = g_array_index (times[c], double, 0);
    candidates[c].median_ms =
      g_array_index (times[c], double, times[c]->len / 2);
    g_array_unref (times[c]);
  }
}

typedef struct {
  char *what, *unit;
  double minimum, median, target;
} Row;

struct _BenchReport {
  char *command;
  GArray *rows;
};

BenchReport *
bench_report_new (const char *command)
{
  BenchReport *report = g_new0 (BenchReport, 1);

  report->command = g_strdup (command);
  report->rows = g_array_new (FALSE, FALSE, sizeof (Row));
  return report;
}

void
bench_report_add (BenchReport *report, const char *what, double minimum,
                  double median, const char *unit, double target)
{
  const Row row = { g_strdup (what), g_strdup (unit), minimum, median, target };

  g_array_append_val (report->rows, row);
}

static void
print_table (const BenchReport *report)
{
  printf ("%-52s %10s %10s %-8s %10s\n", "", "minimum", "median", "unit",
          "target");
  for (guint i = 0; i < report->rows->len; i++) {
    const Row *row = &g_array_index (report->rows, Row, i);
    g_autofree char *target = isnan (row->target)
                                ? g_strdup ("")
                                : g_strdup_printf ("%.4g", row->target);

    printf ("%-52s %10.4g %10.4g %-8s %10s\n", row->what, row->minimum,
            row->median, row->unit, target);
  }
}

/* JSON has no NaN. */
static void
add_number (JsonBuilder *json, const char *member, double value)
{
  if (isnan (value))
    json_builder_add_null_value (json_builder_set_member_name (json, member));
  else
    cli_json_number (json, member, value);
}

static void
print_json (const BenchReport *report)
{
  JsonBuilder *json = cli_json_new ("dml-bench/1");

  cli_json_text (json, "command", report->command);
  cli_json_text (json, "build", dml_build_info ());
  cli_json_array (json, "rows");
  for (guint i = 0; i < report->rows->len; i++) {
    const Row *row = &g_array_index (report->rows, Row, i);

    json_builder_begin_object (json);
    cli_json_text (json, "what", row->what);
    add_number (json, "minimum", row->minimum);
    add_number (json, "median", row->median);
    cli_json_text (json, "unit", row->unit);
    if (!isnan (row->target))
      cli_json_number (json, "target", row->target);
    json_builder_end_object (json);
  }
  json_builder_end_array (json);
  cli_json_print (json);
}

void
bench_report_print (BenchReport *report, gboolean json)
{
  if (json)
    print_json (report);
  else
    print_table (report);
  for (guint i = 0; i < report->rows->len; i++) {
    Row *row = &g_array_index (report->rows, Row, i);

    g_free (row->what);
    g_free (row->unit);
  }
  g_array_unref (report->rows);
  g_free (report->command);
  g_free (report);
}

int
main (int argc, char **argv)
{
  g_autofree char *name = NULL;
  const CliCommand *command;
  CliExit exit_code = CLI_OK;

  cli_begin ("dml-bench");
  if (argc < 2)
    return cli_usage (
      "a command is needed: encoder, gallery, kernels, pipeline "
      "or train");
  if (strcmp (argv[1], "--help") == 0 || strcmp (argv[1], "-h") == 0) {
    g_autofree char *list = cli_commands_help (commands);

    printf ("Usage:\n  dml-bench COMMAND [OPTION…]\n\n%s\n"
            "Examples:\n"
            "  dml-bench encoder resnet18.onnx --threads 1\n"
            "  dml-bench pipeline --json\n"
            "  dml-bench train --arch=resnet18 --input=64 --batch=64\n\n"
            "'dml-bench COMMAND --help' tells a command's options,\n"
            "'dml-bench --version' version, build options and instruction "
            "set.\n",
            list);
    return CLI_OK;
  }
  if (strcmp (argv[1], "--version") == 0) {
    printf ("%s\n", dml_build_info ());
    return CLI_OK;
  }
  command = cli_command (commands, argv[1], &exit_code);
  if (command == NULL)
    return exit_code;
  name = g_strconcat ("dml-bench ", command->name, NULL);
  argv[1] = name;
  g_set_prgname (name);
  return command->run (argc - 1, argv + 1);
}
