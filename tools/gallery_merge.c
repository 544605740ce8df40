/* SPDX-License-Identifier: LGPL-2.1-or-later
 * dml-gallery merge: another gallery's labels and items into this one. */
#include "gallery.h"

#include <stdio.h>

#define SHOWN 10U /* lines of warnings of a kind; --json tells all */

static struct {
  gboolean dry_run, json;
} options;

static const GOptionEntry entries[] = {
  { "dry-run", 'n', 0, G_OPTION_ARG_NONE, &options.dry_run,
    "Only say what would be done", NULL },
  { "json", 0, 0, G_OPTION_ARG_NONE, &options.json,
    "Print the result as JSON (dml-merge/1)", NULL },
  { NULL },
};

static void
add_changes (JsonBuilder *json, const DmlMergeReport *report)
{
  cli_json_array (json, "changes");
  for (guint i = 0; i < report->changes->len; i++) {
    const DmlDifference *d = g_ptr_array_index (report->changes, i);

    json_builder_begin_object (json);
    cli_json_nick (json, "kind", DML_TYPE_DIFFERENCE_KIND, (gint) d->kind);
    cli_json_text (json, "label", d->label);
    cli_json_integer (json, "items", d->n_items);
    json_builder_end_object (json);
  }
  json_builder_end_array (json);
}

static void
add_twins (JsonBuilder *json, const DmlMergeReport *report)
{
  cli_json_array (json, "twins");
  for (guint i = 0; i < report->twins->len; i++) {
    const DmlFinding *twin = g_ptr_array_index (report->twins, i);

    json_builder_begin_object (json);
    cli_json_text (json, "label", twin->label);
    cli_json_integer (json, "other_item", twin->item);
    cli_json_text (json, "other", twin->other_label);
    cli_json_integer (json, "item", twin->other_item);
    json_builder_end_object (json);
  }
  json_builder_end_array (json);
}

static void
print_json (const char *other, const DmlMergeReport *report)
{
  JsonBuilder *json = cli_json_new ("dml-merge/1");

  cli_json_text (json, "gallery", gallery_path);
  cli_json_text (json, "other", other);
  cli_json_boolean (json, "dry_run", options.dry_run);
  cli_json_integer (json, "labels", report->n_labels);
  cli_json_integer (json, "items", report->n_items);
  cli_json_integer (json, "known", report->n_known);
  cli_json_boolean (json, "calibrate", report->calibration_is_old);
  add_changes (json, report);
  cli_json_array (json, "kept");
  for (guint i = 0; i < report->kept->len; i++)
    cli_json_text (
      json, NULL,
      ((const DmlDifference *) g_ptr_array_index (report->kept, i))->label);
  json_builder_end_array (json);
  add_twins (json, report);
  cli_json_print (json);
}

static void
print_table (const char *other, const DmlMergeReport *report)
{
  for (guint i = 0; i < report->changes->len; i++) {
    const DmlDifference *d = g_ptr_array_index (report->changes, i);

    printf ("+ %s%s\n", d->text,
            d->kind == DML_DIFFERENCE_LABEL_ADDED ? ", a new label" : "");
  }
  printf ("%u item%s and %u new label%s %s from %s into %s\n", report->n_items,
          CLI_S (report->n_items), report->n_labels, CLI_S (report->n_labels),
          options.dry_run ? "would be taken" : "taken", other, gallery_path);
}

static void
say_more (guint n, const char *what)
{
  if (n > SHOWN)
    cli_say ("%u more %s; --json names them", n - SHOWN, what);
}

static void
say_warnings (const DmlMergeReport *report)
{
  const guint n_kept = report->kept->len, n_twins = report->twins->len;

  if (report->n_known > 0)
    cli_say ("%u item%s there already", report->n_known,
             report->n_known == 1 ? " is" : "s are");
  for (guint i = 0; i < MIN (n_kept, SHOWN); i++)
    cli_say ("%s",
             ((DmlDifference *) g_ptr_array_index (report->kept, i))->text);
  say_more (n_kept, "labels with other data");
  for (guint i = 0; i < MIN (n_twins, SHOWN); i++)
    cli_say ("%s", ((DmlFinding *) g_ptr_array_index (report->twins, i))->text);
  say_more (n_twins, "pictures under two labels");
  if (report->calibration_is_old)
    cli_say ("the thresholds of %s were measured before; 'calibrate' measures "
             "them again",
             gallery_path);
}

CliExit
gallery_merge (int argc, char **argv)
{
  g_autoptr (DmlGallery) gallery = NULL;
  g_autoptr (DmlGallery) other = NULL;
  g_autoptr (DmlMergeReport) report = NULL;
  g_autoptr (GError) error = NULL;
  CliExit exit_code;

  if (!cli_parse (
        "OTHER",
        "Takes another gallery's labels, data and items in; it stays as it\n"
        "is. All or nothing.",
        "Items that are there already, under the same label, are not doubled;\n"
        "where both have data for a label, it stays. Both galleries must be\n"
        "of one encoder; 're-embed' makes them so.\n\n"
        "Examples:\n"
        "  dml-gallery shop.bin merge --dry-run branch.bin\n"
        "  dml-gallery shop.bin merge branch.bin",
        entries, &argc, &argv, &exit_code))
    return exit_code;
  if (argc != 2)
    return cli_usage ("one other gallery is needed");
  if (!gallery_open_two (options.dry_run ? DML_GALLERY_READ : DML_GALLERY_WRITE,
                         &gallery, argv[1], &other, &error) ||
      !dml_gallery_merge (gallery, other, options.dry_run, &report, &error))
    return cli_fail (error);
  if (options.json)
    print_json (argv[1], report);
  else
    print_table (argv[1], report);
  say_warnings (report);
  return CLI_OK;
}
