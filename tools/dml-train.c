/* SPDX-License-Identifier: LGPL-2.1-or-later
 * dml-train: from folders of photographs to an encoder. Reads options, calls
 * DmlTrainer, prints. */
#include "cli.h"

#include <dml/dml-train.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define EXAMPLES                                                               \
  "Examples:\n"                                                                \
  "  dml-train photos/ -o run\n"                                               \
  "  dml-train photos.tar.gz more/ -o run --time-budget=30m\n"                 \
  "  dml-train --resume run\n"                                                 \
  "  dml-train photos/ -o run --init=resnet18.onnx --epochs=10\n"              \
  "  dml-train photos/ --preview-augment=sheet.png\n"                          \
  "  dml-train photos/ --dry-run\n\n"                                          \
  "DATA is a folder of folders (the folder's name is the label), a tar or "    \
  "zip\n"                                                                      \
  "file of one, or a table (.csv) with the columns "                           \
  "path,label[,split][,x,y,w,h].\n"                                            \
  "Leaves encoder.onnx, report.html, last.ckpt, run.jsonl and config.ini in "  \
  "RUN.\n"                                                                     \
  "Ctrl-C saves and stops; --resume goes on to the bit (with DATA where the\n" \
  "pictures have moved). Settings: --help-settings."

static struct {
  char *run, *resume, *config, *preview;
  gboolean dry_run, json, force;
} options;

/* "NAME=VALUE" of settings given as options, in the order of the line */
static GPtrArray *given;

static gboolean
on_setting (const char *option, const char *value, gpointer data,
            GError **error)
{
  g_ptr_array_add (given, g_strconcat (option + 2, "=", value, NULL));
  return TRUE;
}

static const GOptionEntry own_entries[] = {
  { "output", 'o', 0, G_OPTION_ARG_FILENAME, &options.run,
    "Folder for the run, made by this", "RUN" },
  { "resume", 'r', 0, G_OPTION_ARG_FILENAME, &options.resume,
    "Go on with the run in this folder", "RUN" },
  { "config", 'c', 0, G_OPTION_ARG_FILENAME, &options.config,
    "Read settings from a key file, such as a run's config.ini", "FILE" },
  { "preview-augment", 0, 0, G_OPTION_ARG_FILENAME, &options.preview,
    "Write a sheet of pictures as training would see them, and stop", "PNG" },
  { "force", 0, 0, G_OPTION_ARG_NONE, &options.force,
    "With --preview-augment: write over a file that is there", NULL },
  { "dry-run", 'n', 0, G_OPTION_ARG_NONE, &options.dry_run,
    "Say what would be done, measure a step, write nothing", NULL },
  { "json", 0, 0, G_OPTION_ARG_NONE, &options.json,
    "A line of JSON on stdout for each evaluation", NULL },
  { NULL },
};

/* One option a setting, from the library's own table. `texts` owns what they
 * say. (transfer full) */
static GOptionEntry *
make_settings (GPtrArray *texts)
{
  GArray *entries = g_array_new (TRUE, TRUE, sizeof (GOptionEntry));
  const char *name, *initial, *help;

  for (guint i = 0; dml_train_config_describe (i, &name, NULL, &initial, &help);
       i++) {
    const GOptionEntry entry = {
      .long_name = name,
      .arg = G_OPTION_ARG_CALLBACK,
      .arg_data = (gpointer) on_setting,
      .description =
        g_strdup_printf ("%s [%s]", help, *initial ? initial : "none"),
      .arg_description = "VALUE",
    };

    g_ptr_array_add (texts, (gpointer) entry.description);
    g_array_append_val (entries, entry);
  }
  return (GOptionEntry *) (void *) g_array_free (entries, FALSE);
}

static DmlTrainConfig *
make_config (GError **error)
{
  g_autoptr (DmlTrainConfig) config = dml_train_config_new ();

  if (options.config != NULL &&
      !dml_train_config_load (config, options.config, error))
    return NULL;
  for (guint i = 0; i < given->len; i++) {
    char *name = given->pdata[i], *value = strchr (name, '=');

    *value++ = '\0';
    if (!dml_train_config_set (config, name, value, error))
      return NULL;
  }
  return g_steal_pointer (&config);
}

/* ---- talk ---- */

typedef struct {
  CliProgress *bar;
  DmlTrainStage stage;
  guint epoch;
  gboolean table; /* its head has been printed */
} Talk;

static void
end_bar (Talk *talk)
{
  g_clear_pointer (&talk->bar, cli_progress_free);
}

static void
on_message (const char *text, gboolean warning, gpointer data)
{
  g_autofree char *shown = cli_printable (text);

  end_bar (data);
  if (warning)
    cli_say ("warning: %s", shown);
  else
    fprintf (stderr, "%s\n", shown);
}

/* "ends 18:05, 38 views/s, loss 7.112": what matters most is first, since a
 * narrow terminal cuts the rest. (transfer full) */
static char *
run_in_words (const DmlTrainProgress *p)
{
  g_autoptr (GDateTime) now = g_date_time_new_now_local ();
  g_autoptr (GDateTime) end = g_date_time_add_seconds (now, p->seconds_left);
  const gboolean today =
    g_date_time_get_day_of_year (now) == g_date_time_get_day_of_year (end);
  g_autofree char *clock =
    g_date_time_format (end, today ? "%H:%M" : "%a %H:%M");

  return g_strdup_printf ("ends %s, %.0f views/s, loss %.3f", clock, p->rate,
                          p->loss);
}

static void
on_progress (const DmlTrainProgress *p, gpointer data)
{
  static const char *const what[] = { "reading", "teacher", "training",
                                      "evaluating" };
  Talk *talk = data;
  g_autofree char *title = NULL, *words = NULL;

  if (talk->bar == NULL || talk->stage != p->stage || talk->epoch != p->epoch) {
    end_bar (talk);
    title = p->stage == DML_TRAIN_STAGE_TRAIN
              ? g_strdup_printf ("epoch %u/%u", p->epoch, p->n_epochs)
              : g_strdup (what[p->stage]);
    talk->bar = cli_progress_new (title, (gsize) p->total);
    talk->stage = p->stage;
    talk->epoch = p->epoch;
  }
  if (p->stage != DML_TRAIN_STAGE_TRAIN) {
    cli_progress_set (talk->bar, (gsize) p->done, NULL);
    return;
  }
  words = run_in_words (p);
  cli_progress_say (talk->bar, (gsize) p->done, words);
}

static void
figure (GString *line, double value)
{
  if (isnan (value))
    g_string_append (line, "       -");
  else
    g_string_append_printf (line, "  %6.4f", value);
}

static void
print_json (const DmlTrainFigures *f)
{
  JsonBuilder *b = json_builder_new ();
  const struct {
    const char *name;
    double value;
  } numbers[] = {
    { "loss", f->loss },
    { "recall_1", f->recall_1 },
    { "map_r", f->map_r },
    { "auroc", f->auroc },
    { "dir_fpir_1", f->dir_1 },
    { "one_photograph", f->one_photograph },
    { "distance_same", f->distance_same },
    { "distance_other", f->distance_other },
    { "seconds", f->seconds },
  };

  json_builder_begin_object (b);
  cli_json_schema (b, "dml-train/1");
  json_builder_set_member_name (b, "epoch");
  json_builder_add_int_value (b, f->epoch);
  for (gsize i = 0; i < G_N_ELEMENTS (numbers); i++) {
    json_builder_set_member_name (b, numbers[i].name);
    if (isnan (numbers[i].value))
      json_builder_add_null_value (b);
    else
      json_builder_add_double_value (b, numbers[i].value);
  }
  json_builder_set_member_name (b, "classes");
  json_builder_add_int_value (b, f->n_classes);
  json_builder_set_member_name (b, "pictures");
  json_builder_add_int_value (b, f->n_pictures);
  cli_json_boolean (b, "best", f->best);
  json_builder_end_object (b);
  cli_print_json (b);
}

static void
on_epoch (const DmlTrainFigures *f, gpointer data)
{
  Talk *talk = data;
  g_autoptr (GString) line = g_string_new (NULL);

  end_bar (talk);
  if (options.json) {
    print_json (f);
    return;
  }
  if (!talk->table)
    printf ("%5s  %6s  %6s  %6s  %6s  %6s  %6s  %6s  %6s  %8s\n", "epoch",
            "loss", "R@1", "MAP@R", "AUROC", "DIR@1%", "1 shot", "same",
            "other", "time");
  talk->table = TRUE;
  g_string_append_printf (line, "%5u", f->epoch);
  figure (line, f->loss);
  figure (line, f->recall_1);
  figure (line, f->map_r);
  figure (line, f->auroc);
  figure (line, f->dir_1);
  figure (line, f->one_photograph);
  figure (line, f->distance_same);
  figure (line, f->distance_other);
  printf ("%s  %5.0f s%s%s\n", line->str, f->seconds, f->best ? "  best" : "",
          f->epoch == 0 ? ", before training" : "");
  fflush (stdout);
}

static CliExit
run (char **data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (DmlTrainConfig) config = make_config (&error);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (DmlTrainer) trainer = NULL;
  Talk talk = { NULL, DML_TRAIN_STAGE_LOAD, 0, FALSE };
  const DmlTrainListener listener = { on_message, on_progress, on_epoch,
                                      &talk };
  gboolean ok;

  if (config == NULL)
    return cli_fail (error);
  if (options.resume != NULL)
    trainer = dml_trainer_resume (options.resume, (const char *const *) data,
                                  config, &listener, &error);
  else
    trainer = dml_trainer_new ((const char *const *) data,
                               options.run ? options.run : ".", config,
                               &listener, &error);
  if (trainer == NULL)
    return cli_fail (error);
  cli_cancel_on_interrupt (cancellable);
  if (options.preview != NULL)
    ok = dml_trainer_preview (trainer, options.preview, cancellable, &error);
  else if (options.dry_run)
    ok = dml_trainer_plan (trainer, cancellable, &error);
  else
    ok = dml_trainer_run (trainer, cancellable, &error);
  end_bar (&talk);
  return ok ? CLI_OK : cli_fail (error);
}

int
main (int argc, char **argv)
{
  CliExit exit_code;
  g_autoptr (GPtrArray) texts = g_ptr_array_new_with_free_func (g_free);
  g_autofree GOptionEntry *settings = make_settings (texts);

  cli_begin ("dml-train");
  given = g_ptr_array_new_with_free_func (g_free);
  if (!cli_parse_settings (
        "[DATA…]", "Trains an encoder from photographs in folders.", EXAMPLES,
        own_entries, settings, &argc, &argv, &exit_code))
    return exit_code;
  if (options.resume != NULL && options.run != NULL)
    return cli_usage ("--resume goes on in the run's own folder: no -o");
  if (options.resume == NULL && argc < 2)
    return cli_usage ("name the DATA to train on");
  if (options.resume == NULL && options.run == NULL &&
      options.preview == NULL && !options.dry_run)
    return cli_usage ("name a folder for the run: -o RUN");
  if (options.force && options.preview == NULL)
    return cli_usage ("--force goes with --preview-augment only: a run is "
                      "never written over");
  if (options.preview != NULL && !options.force &&
      g_file_test (options.preview, G_FILE_TEST_EXISTS))
    return cli_usage ("--preview-augment: %s is there already; --force writes "
                      "over it",
                      options.preview);
  return run (argv + 1);
}
