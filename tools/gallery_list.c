/* SPDX-License-Identifier: LGPL-2.1-or-later
 * dml-gallery list, show, export: what a gallery holds. */
#include "gallery.h"
#include "npy.h"

#include <stdio.h>
#include <string.h>

static struct {
  gboolean json, force;
  char *output;
} options;

static const GOptionEntry list_entries[] = {
  { "json", 0, 0, G_OPTION_ARG_NONE, &options.json,
    "Print as JSON (dml-list/1)", NULL },
  { NULL },
};

static const GOptionEntry show_entries[] = {
  { "json", 0, 0, G_OPTION_ARG_NONE, &options.json,
    "Print as JSON (dml-show/1)", NULL },
  { NULL },
};

static void
list_as_json (DmlGallery *gallery, DmlSnapshot *snapshot)
{
  JsonBuilder *json = cli_json_new ("dml-list/1");

  cli_json_text (json, "gallery", gallery_path);
  cli_json_text (json, "encoder", dml_gallery_get_encoder_name (gallery));
  cli_json_text (json, "fingerprint", dml_gallery_get_fingerprint (gallery));
  cli_json_integer (json, "dim", dml_gallery_get_dim (gallery));
  cli_json_text (json, "metric",
                 dml_gallery_get_metric (gallery) == DML_METRIC_COSINE
                   ? "cosine"
                   : "euclidean");
  cli_json_integer (json, "revision", dml_snapshot_get_revision (snapshot));
  cli_json_integer (json, "items", dml_snapshot_get_n_items (snapshot));
  cli_json_array (json, "labels");
  for (guint i = 0; i < dml_snapshot_get_n_labels (snapshot); i++) {
    guint n_items;
    const char *data;
    const char *label = dml_snapshot_get_label (snapshot, i, &n_items, &data);

    json_builder_begin_object (json);
    cli_json_text (json, "label", label);
    cli_json_integer (json, "items", n_items);
    cli_json_data (json, data);
    json_builder_end_object (json);
  }
  json_builder_end_array (json);
  cli_json_print (json);
}

CliExit
gallery_list (int argc, char **argv)
{
  g_autoptr (DmlGallery) gallery = NULL;
  g_autoptr (DmlSnapshot) snapshot = NULL;
  g_autoptr (GError) error = NULL;
  CliExit exit_code;

  if (!cli_parse ("", "Lists the labels of a gallery.",
                  "Examples:\n  dml-gallery shop.bin list\n  dml-gallery "
                  "shop.bin list --json",
                  list_entries, &argc, &argv, &exit_code))
    return exit_code;
  if (argc > 1)
    return cli_usage ("%s: nothing is expected here; 'show' tells of one label",
                      argv[1]);
  if ((snapshot = gallery_snapshot (&gallery, &error)) == NULL)
    return cli_fail (error);
  if (options.json) {
    list_as_json (gallery, snapshot);
    return CLI_OK;
  }
  for (guint i = 0; i < dml_snapshot_get_n_labels (snapshot); i++) {
    guint n_items;
    const char *label = dml_snapshot_get_label (snapshot, i, &n_items, NULL);
    g_autofree char *shown = cli_printable (label);

    printf ("%5u  %s\n", n_items, shown);
  }
  cli_say ("%u item%s, %u label%s, encoder %s (%.8s), %u numbers each, "
           "revision %" G_GINT64_FORMAT,
           dml_snapshot_get_n_items (snapshot),
           CLI_S (dml_snapshot_get_n_items (snapshot)),
           dml_snapshot_get_n_labels (snapshot),
           CLI_S (dml_snapshot_get_n_labels (snapshot)),
           dml_gallery_get_encoder_name (gallery),
           dml_gallery_get_fingerprint (gallery), dml_gallery_get_dim (gallery),
           dml_snapshot_get_revision (snapshot));
  return CLI_OK;
}

int
gallery_find_label (DmlSnapshot *snapshot, const char *wanted, GError **error)
{
  const guint n = dml_snapshot_get_n_labels (snapshot);
  g_autofree const char **names = g_new0 (const char *, n + 1);
  g_autofree char *shown = NULL, *shown_near = NULL;
  const char *near;

  for (guint i = 0; i < n; i++) {
    names[i] = dml_snapshot_get_label (snapshot, i, NULL, NULL);
    if (strcmp (names[i], wanted) == 0)
      return (int) i;
  }
  near = cli_nearest (wanted, names);
  shown = cli_printable (wanted);
  shown_near = cli_printable (near ? near : "");
  g_set_error (error, DML_ERROR, DML_ERROR_NOT_FOUND,
               "%s: no such label in %s%s%s%s", shown, gallery_path,
               near ? "; did you mean \"" : "", shown_near, near ? "\"?" : "");
  return -1;
}

CliExit
gallery_show (int argc, char **argv)
{
  g_autoptr (DmlGallery) gallery = NULL;
  g_autoptr (DmlSnapshot) snapshot = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) items = NULL;
  const char *data;
  CliExit exit_code;
  int label;

  if (!cli_parse ("LABEL", "Shows the items and the data of a label.",
                  "Example:\n  dml-gallery shop.bin show apple", show_entries,
                  &argc, &argv, &exit_code))
    return exit_code;
  if (argc != 2)
    return cli_usage ("one label is needed");
  if ((snapshot = gallery_snapshot (&gallery, &error)) == NULL ||
      (label = gallery_find_label (snapshot, argv[1], &error)) < 0 ||
      (items = dml_gallery_get_items (gallery, argv[1], &error)) == NULL)
    return cli_fail (error);
  dml_snapshot_get_label (snapshot, (guint) label, NULL, &data);
  if (options.json) {
    JsonBuilder *json = cli_json_new ("dml-show/1");

    cli_json_text (json, "label", argv[1]);
    cli_json_data (json, data);
    cli_json_array (json, "items");
    for (guint i = 0; i < items->len; i++) {
      const DmlItem *item = g_ptr_array_index (items, i);

      json_builder_begin_object (json);
      cli_json_integer (json, "item", item->id);
      cli_json_text (json, "added", item->added);
      if (item->source != NULL)
        cli_json_text (json, "source", item->source);
      if (item->quality >= 0)
        cli_json_number (json, "quality", item->quality);
      if (item->content != NULL)
        cli_json_text (json, "content", item->content);
      if (item->views > 0)
        cli_json_integer (json, "views", item->views);
      json_builder_end_object (json);
    }
    json_builder_end_array (json);
    cli_json_print (json);
    return CLI_OK;
  }
  for (guint i = 0; i < items->len; i++) {
    const DmlItem *item = g_ptr_array_index (items, i);
    g_autofree char *source = cli_printable (item->source ? item->source : "");

    printf ("%6" G_GINT64_FORMAT "  %s  %s\n", item->id, item->added, source);
  }
  if (data != NULL)
    printf ("data: %s\n", data);
  return CLI_OK;
}

static const GOptionEntry export_entries[] = {
  { "output", 'o', 0, G_OPTION_ARG_FILENAME, &options.output,
    "Write vectors to FILE (N x D float32, .npy) and the labels, a line each, "
    "to FILE with the ending .txt",
    "FILE.npy" },
  { "force", 0, 0, G_OPTION_ARG_NONE, &options.force,
    "Write over files that are there", NULL },
  { "json", 0, 0, G_OPTION_ARG_NONE, &options.json,
    "JSON lines on stdout (dml-export/1), as without --output", NULL },
  { NULL },
};

/* Each item as a JSON line. */
static void
export_as_json (DmlSnapshot *snapshot)
{
  const guint dim = dml_snapshot_get_dim (snapshot);

  for (guint i = 0; i < dml_snapshot_get_n_items (snapshot); i++) {
    gint64 item;
    guint label;
    const float *vector = dml_snapshot_get_item (snapshot, i, &item, &label);
    JsonBuilder *json = cli_json_new ("dml-export/1");

    cli_json_integer (json, "item", item);
    cli_json_text (json, "label",
                   dml_snapshot_get_label (snapshot, label, NULL, NULL));
    cli_json_array (json, "embedding");
    for (guint d = 0; d < dim; d++)
      json_builder_add_double_value (json, (double) vector[d]);
    json_builder_end_array (json);
    cli_json_print (json);
  }
}

static gboolean
export_as_npy (DmlSnapshot *snapshot, const char *path, const char *list,
               GError **error)
{
  g_autoptr (NpyWriter) npy =
    npy_writer_new (path, dml_snapshot_get_dim (snapshot), error);
  g_autoptr (GString) lines = g_string_new (NULL);

  if (npy == NULL)
    return FALSE;
  for (guint i = 0; i < dml_snapshot_get_n_items (snapshot); i++) {
    guint label;
    const float *vector = dml_snapshot_get_item (snapshot, i, NULL, &label);
    g_autofree char *shown =
      cli_printable (dml_snapshot_get_label (snapshot, label, NULL, NULL));

    if (!npy_writer_add (npy, vector, error))
      return FALSE;
    g_string_append_printf (lines, "%s\n", shown);
  }
  return npy_writer_finish (g_steal_pointer (&npy), error) &&
         npy_list_write (list, lines, error);
}

CliExit
gallery_export (int argc, char **argv)
{
  g_autoptr (DmlGallery) gallery = NULL;
  g_autoptr (DmlSnapshot) snapshot = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *list = NULL;
  CliExit exit_code;

  if (!cli_parse_alone ("Writes the vectors and their labels.",
                        "Example:\n  dml-gallery shop.bin export -o shop.npy",
                        export_entries, &argc, &argv, &exit_code))
    return exit_code;
  if (options.output != NULL && options.json)
    return cli_usage ("--json and --output: one of them");
  if (options.output != NULL &&
      (exit_code = npy_list_path (options.output, options.force, &list)) !=
        CLI_OK)
    return exit_code;
  if ((snapshot = gallery_snapshot (&gallery, &error)) == NULL)
    return cli_fail (error);
  if (options.output == NULL)
    export_as_json (snapshot);
  else if (!export_as_npy (snapshot, options.output, list, &error))
    return cli_fail (error);
  return CLI_OK;
}
