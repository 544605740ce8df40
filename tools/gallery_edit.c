/* SPDX-License-Identifier: LGPL-2.1-or-later
 * dml-gallery remove, rename, data: small changes, a transaction each. */
#include "gallery.h"

#include <stdio.h>

static struct {
  gboolean items, merge, clear, json;
} options;

static const GOptionEntry remove_entries[] = {
  { "item", 'i', 0, G_OPTION_ARG_NONE, &options.items,
    "The arguments are item numbers, as 'show' prints them", NULL },
  { "json", 0, 0, G_OPTION_ARG_NONE, &options.json,
    "Print the result as JSON (dml-remove/1)", NULL },
  { NULL },
};

static const GOptionEntry rename_entries[] = {
  { "merge", 'm', 0, G_OPTION_ARG_NONE, &options.merge,
    "Join the items to a label that is there already", NULL },
  { "json", 0, 0, G_OPTION_ARG_NONE, &options.json,
    "Print the result as JSON (dml-rename/1)", NULL },
  { NULL },
};

static const GOptionEntry data_entries[] = {
  { "clear", 0, 0, G_OPTION_ARG_NONE, &options.clear,
    "Take the label's data away", NULL },
  { "json", 0, 0, G_OPTION_ARG_NONE, &options.json,
    "Print the result as JSON (dml-data/1)", NULL },
  { NULL },
};

/* Opens the object that says what a command did; cli_json_print() ends it. */
static JsonBuilder *
begin_done (const char *schema)
{
  JsonBuilder *json = cli_json_new (schema);

  cli_json_text (json, "gallery", gallery_path);
  return json;
}

/* One argument of remove; *n_items grows by what went. */
static gboolean
remove_one (DmlGallery *gallery, const char *word, guint *n_items,
            GError **error)
{
  guint64 item;
  guint n = 1;

  if (!options.items) {
    if (!dml_gallery_remove_label (gallery, word, &n, error))
      return FALSE;
  } else if (!g_ascii_string_to_unsigned (word, 10, 1, G_MAXINT64, &item,
                                          NULL)) {
    g_set_error (error, DML_ERROR, DML_ERROR_INVALID,
                 "--item: %s is not an item number", word);
    return FALSE;
  } else if (!dml_gallery_remove_item (gallery, (gint64) item, error))
    return FALSE;
  *n_items += n;
  return TRUE;
}

CliExit
gallery_remove (int argc, char **argv)
{
  g_autoptr (DmlGallery) gallery = NULL;
  g_autoptr (GError) error = NULL;
  guint n_items = 0;
  CliExit exit_code;

  if (!cli_parse ("LABELS…",
                  "Removes labels with all their items, or single items. All\n"
                  "or nothing; the bytes are overwritten in the file.",
                  "Example:\n  dml-gallery shop.bin remove --item 17 18",
                  remove_entries, &argc, &argv, &exit_code))
    return exit_code;
  if (argc < 2)
    return cli_usage ("no label named");
  gallery = dml_gallery_open (gallery_path, DML_GALLERY_WRITE, NULL, &error);
  if (gallery == NULL || !dml_gallery_begin (gallery, &error))
    return cli_fail (error);
  for (int i = 1; i < argc; i++)
    if (!remove_one (gallery, argv[i], &n_items, &error)) {
      dml_gallery_rollback (gallery);
      exit_code = cli_fail (error);
      cli_say ("nothing was removed");
      return exit_code;
    }
  if (!dml_gallery_commit (gallery, &error))
    return cli_fail (error);
  if (options.json) {
    JsonBuilder *json = begin_done ("dml-remove/1");

    cli_json_integer (json, "items", n_items);
    cli_json_print (json);
  } else
    printf ("%u item%s removed\n", n_items, CLI_S (n_items));
  return CLI_OK;
}

/* A label that is there already is no wrong use, no more than one that is not.
 */
static gboolean
is_taken (DmlGallery *gallery, const char *label)
{
  g_autoptr (DmlSnapshot) snapshot = dml_gallery_get_snapshot (gallery, NULL);

  return snapshot != NULL && gallery_find_label (snapshot, label, NULL) >= 0;
}

CliExit
gallery_rename (int argc, char **argv)
{
  g_autoptr (DmlGallery) gallery = NULL;
  g_autoptr (GError) error = NULL;
  CliExit exit_code;

  if (!cli_parse ("LABEL NEW", "Gives a label another name.",
                  "Example:\n  dml-gallery shop.bin rename aple apple --merge",
                  rename_entries, &argc, &argv, &exit_code))
    return exit_code;
  if (argc != 3)
    return cli_usage ("two labels are needed, the old one and the new one");
  gallery = dml_gallery_open (gallery_path, DML_GALLERY_WRITE, NULL, &error);
  if (gallery == NULL ||
      !dml_gallery_rename (gallery, argv[1], argv[2], options.merge, &error)) {
    exit_code = cli_fail (error);
    return exit_code == CLI_USAGE && is_taken (gallery, argv[2]) ? CLI_FAILED
                                                                 : exit_code;
  }
  if (options.json) {
    JsonBuilder *json = begin_done ("dml-rename/1");

    cli_json_text (json, "old", argv[1]);
    cli_json_text (json, "label", argv[2]);
    cli_json_print (json);
  }
  return CLI_OK;
}

/* What stands with a label; nothing where nothing does. */
static CliExit
show_data (const char *wanted)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (DmlGallery) gallery = NULL;
  g_autoptr (DmlSnapshot) snapshot = gallery_snapshot (&gallery, &error);
  const char *data;
  int label;

  if (snapshot == NULL ||
      (label = gallery_find_label (snapshot, wanted, &error)) < 0)
    return cli_fail (error);
  dml_snapshot_get_label (snapshot, (guint) label, NULL, &data);
  if (options.json) {
    JsonBuilder *json = begin_done ("dml-data/1");

    cli_json_text (json, "label", wanted);
    cli_json_data (json, data);
    cli_json_print (json);
  } else if (data != NULL)
    printf ("%s\n", data);
  return CLI_OK;
}

CliExit
gallery_data (int argc, char **argv)
{
  g_autoptr (DmlGallery) gallery = NULL;
  g_autoptr (GError) error = NULL;
  CliExit exit_code;

  if (!cli_parse ("LABEL [JSON]",
                  "Stores a JSON object with a label: price, SKU, anything.\n"
                  "It comes back with every answer that names the label.\n"
                  "A label alone: prints what stands with it.",
                  "Example:\n"
                  "  dml-gallery shop.bin data apple '{\"price\": 0.4}'",
                  data_entries, &argc, &argv, &exit_code))
    return exit_code;
  if (argc < 2 || argc > (options.clear ? 2 : 3))
    return cli_usage (options.clear
                        ? "one label is needed"
                        : "a label is needed, and a JSON object to store");
  if (argc == 2 && !options.clear)
    return show_data (argv[1]);
  gallery = dml_gallery_open (gallery_path, DML_GALLERY_WRITE, NULL, &error);
  if (gallery == NULL ||
      !dml_gallery_set_label_data (gallery, argv[1],
                                   options.clear ? NULL : argv[2], &error))
    return cli_fail (error);
  if (options.json) {
    JsonBuilder *json = begin_done ("dml-data/1");

    cli_json_text (json, "label", argv[1]);
    cli_json_print (json);
  }
  return CLI_OK;
}
