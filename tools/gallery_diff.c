/* SPDX-License-Identifier: LGPL-2.1-or-later
 * dml-gallery diff: what one gallery has and another has not. */
#include "gallery.h"

#include <stdio.h>

static struct {
  gboolean json;
} options;

static const GOptionEntry entries[] = {
  { "json", 0, 0, G_OPTION_ARG_NONE, &options.json,
    "Print as JSON (dml-diff/1)", NULL },
  { NULL },
};

static void
print_json (const char *other, GPtrArray *differences)
{
  JsonBuilder *json = cli_json_new ("dml-diff/1");

  cli_json_text (json, "gallery", gallery_path);
  cli_json_text (json, "other", other);
  cli_json_boolean (json, "equal", differences->len == 0);
  cli_json_array (json, "differences");
  for (guint i = 0; i < differences->len; i++) {
    const DmlDifference *d = g_ptr_array_index (differences, i);

    json_builder_begin_object (json);
    cli_json_nick (json, "kind", DML_TYPE_DIFFERENCE_KIND, (gint) d->kind);
    if (d->label != NULL)
      cli_json_text (json, "label", d->label);
    if (d->item >= 0) {
      cli_json_integer (json, "item", d->item);
    }
    if (d->other_item >= 0) {
      cli_json_integer (json, "other_item", d->other_item);
    }
    if (d->kind == DML_DIFFERENCE_LABEL_REMOVED ||
        d->kind == DML_DIFFERENCE_LABEL_ADDED) {
      cli_json_integer (json, "items", d->n_items);
    }
    cli_json_text (json, "text", d->text);
    json_builder_end_object (json);
  }
  json_builder_end_array (json);
  cli_json_print (json);
}

/* As diff has it: what goes, what comes, what is otherwise. */
static char
sign_of (DmlDifferenceKind kind)
{
  switch (kind) {
  case DML_DIFFERENCE_LABEL_REMOVED:
  case DML_DIFFERENCE_ITEM_REMOVED:
    return '-';
  case DML_DIFFERENCE_LABEL_ADDED:
  case DML_DIFFERENCE_ITEM_ADDED:
    return '+';
  default:
    return '~';
  }
}

CliExit
gallery_diff (int argc, char **argv)
{
  g_autoptr (DmlGallery) gallery = NULL;
  g_autoptr (DmlGallery) other = NULL;
  g_autoptr (GPtrArray) differences = NULL;
  g_autoptr (GError) error = NULL;
  CliExit exit_code;

  if (!cli_parse (
        "OTHER",
        "Tells what another gallery has not (-), has beside (+) or has\n"
        "otherwise (~): labels, their data, items, encoder and calibration.",
        "Items are compared by what they are of, not by their numbers; in\n"
        "galleries of two encoders by their photographs. The exit code is 0\n"
        "where there is no difference and 5 where there is one.\n\n"
        "Example:\n  dml-gallery shop.bin diff backup.bin",
        entries, &argc, &argv, &exit_code))
    return exit_code;
  if (argc != 2)
    return cli_usage ("one other gallery is needed");
  if (!gallery_open_two (DML_GALLERY_READ, &gallery, argv[1], &other, &error) ||
      (differences = dml_gallery_compare (gallery, other, &error)) == NULL)
    return cli_fail (error);
  if (options.json)
    print_json (argv[1], differences);
  for (guint i = 0; !options.json && i < differences->len; i++) {
    const DmlDifference *d = g_ptr_array_index (differences, i);

    printf ("%c %s\n", sign_of (d->kind), d->text);
  }
  if (differences->len == 0)
    cli_say ("%s and %s hold the same", gallery_path, argv[1]);
  return differences->len == 0 ? CLI_OK : CLI_DIFFERENT;
}
