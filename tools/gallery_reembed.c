/* SPDX-License-Identifier: LGPL-2.1-or-later
 * dml-gallery re-embed: the same photographs for another encoder, in a new
 * file. */
#include "gallery.h"

#include <stdio.h>

static struct {
  char *encoder, *output;
  char **photos;
  int views;
  gboolean json;
} options;

static const GOptionEntry entries[] = {
  { "encoder", 'e', 0, G_OPTION_ARG_FILENAME, &options.encoder,
    "ONNX file that makes the new embeddings (built-in)", "FILE" },
  { "output", 'o', 0, G_OPTION_ARG_FILENAME, &options.output,
    "The new gallery; a file that is there is never written over", "FILE" },
  { "photos", 'p', 0, G_OPTION_ARG_FILENAME_ARRAY, &options.photos,
    "Look here for photographs that are not where they were, by content; may "
    "be given several times",
    "FOLDER" },
  { "views", 0, 0, G_OPTION_ARG_INT, &options.views,
    "Views of a photograph, for items that do not tell with how many they were "
    "enrolled (12)",
    "N" },
  { "json", 0, 0, G_OPTION_ARG_NONE, &options.json,
    "Print the result as JSON (dml-re-embed/1)", NULL },
  { NULL },
};

static gboolean
show_progress (guint done, guint n, const char *label, gpointer data)
{
  CliProgress **progress = data;

  if (*progress == NULL)
    *progress = cli_progress_new ("embedding", n);
  cli_progress_set (*progress, done, label);
  return !cli_interrupted ();
}

static void
print_json (const DmlReembedReport *report, DmlEncoder *encoder)
{
  JsonBuilder *json = cli_json_new ("dml-re-embed/1");

  cli_json_text (json, "gallery", gallery_path);
  cli_json_text (json, "output", options.output);
  cli_json_text (json, "encoder", dml_encoder_get_name (encoder));
  cli_json_text (json, "fingerprint", dml_encoder_get_fingerprint (encoder));
  cli_json_integer (json, "labels", report->n_labels);
  cli_json_integer (json, "items", report->n_items);
  cli_json_integer (json, "moved", report->n_moved);
  cli_json_integer (json, "unchecked", report->n_unchecked);
  cli_json_boolean (json, "calibrated", report->calibrated);
  cli_json_array (json, "lost");
  for (guint i = 0; i < report->lost->len; i++) {
    const DmlLostItem *lost = g_ptr_array_index (report->lost, i);

    json_builder_begin_object (json);
    cli_json_integer (json, "item", lost->item);
    cli_json_text (json, "label", lost->label);
    if (lost->source != NULL)
      cli_json_text (json, "source", lost->source);
    cli_json_nick (json, "reason", DML_TYPE_LOST_REASON, (gint) lost->reason);
    cli_json_text (json, "text", lost->text);
    json_builder_end_object (json);
  }
  json_builder_end_array (json);
  cli_json_print (json);
}

static void
say_lost (const DmlReembedReport *report)
{
  const guint n = report->lost->len;
  gboolean elsewhere = FALSE;

  for (guint i = 0; i < n; i++) {
    const DmlLostItem *lost = g_ptr_array_index (report->lost, i);

    cli_say ("%s", lost->text);
    elsewhere |=
      lost->reason == DML_LOST_GONE || lost->reason == DML_LOST_CHANGED;
  }
  if (n > 0)
    cli_say ("%u item%s without a photograph %s left out", n, CLI_S (n),
             n == 1 ? "was" : "were");
  if (report->n_empty > 0)
    cli_say ("%u label%s without items now", report->n_empty,
             report->n_empty == 1 ? " is" : "s are");
  if (elsewhere && options.photos == NULL)
    cli_say ("--photos FOLDER looks for them elsewhere, by content");
}

static void
print_result (const DmlReembedReport *report, DmlEncoder *encoder)
{
  if (options.json)
    print_json (report, encoder);
  else
    printf ("%u item%s under %u label%s embedded by %s (%.8s) in %s\n",
            report->n_items, CLI_S (report->n_items), report->n_labels,
            CLI_S (report->n_labels), dml_encoder_get_name (encoder),
            dml_encoder_get_fingerprint (encoder), options.output);
  say_lost (report);
  if (report->n_moved > 0)
    cli_say ("%u photograph%s found elsewhere than when enrolled; the new "
             "gallery says where",
             report->n_moved, report->n_moved == 1 ? " was" : "s were");
  if (report->n_unchecked > 0)
    cli_say ("%u photograph%s taken by the path alone: the gallery keeps "
             "nothing to tell %s by",
             report->n_unchecked, report->n_unchecked == 1 ? " was" : "s were",
             report->n_unchecked == 1 ? "it" : "them");
  if (report->calibrated)
    cli_say ("calibrated again, as %s was", gallery_path);
}

/* All pictures of the folders, as dml_gallery_reembed() wants them. */
static char **
list_photos (GError **error)
{
  g_autoptr (GPtrArray) pictures = cli_pictures (options.photos, NULL, error);
  g_autoptr (GStrvBuilder) paths = g_strv_builder_new ();

  if (pictures == NULL)
    return NULL;
  for (guint i = 0; i < pictures->len; i++) {
    const CliPicture *picture = g_ptr_array_index (pictures, i);
    g_autoptr (GError) problem = NULL;

    if (cli_picture_check (picture, &problem))
      g_strv_builder_add (paths, picture->path);
    else
      cli_say ("%s", problem->message);
  }
  return g_strv_builder_end (paths);
}

CliExit
gallery_reembed (int argc, char **argv)
{
  g_autoptr (DmlEncoder) encoder = NULL;
  g_autoptr (DmlGallery) gallery = NULL;
  g_autoptr (DmlReembedReport) report = NULL;
  g_autoptr (CliProgress) progress = NULL;
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) photos = NULL;
  DmlReembedOptions how = { 0 };
  CliExit exit_code;
  gboolean ok;

  options.views = DML_PHOTOGRAPH_VIEWS;
  if (!cli_parse_alone (
        "Makes a gallery of another encoder from the same photographs: labels\n"
        "with their data, items with their numbers, views, dates and tags.",
        "A photograph is looked for where it was when it was enrolled, and is\n"
        "taken if it is the same picture still. Items whose photograph is "
        "gone\n"
        "or another one now, and those that a camera enrolled, are named and\n"
        "left out; the exit code is 3 then. Nothing is written over.\n\n"
        "Examples:\n"
        "  dml-gallery shop.bin re-embed --encoder new.onnx -o new.bin\n"
        "  dml-gallery shop.bin re-embed -e new.onnx -o new.bin --photos "
        "archive/",
        entries, &argc, &argv, &exit_code))
    return exit_code;
  if (options.output == NULL)
    return cli_usage ("--output names the new gallery");
  if (!gallery_views_allowed (options.views, &exit_code))
    return exit_code;
  if (g_file_test (options.output, G_FILE_TEST_EXISTS))
    return cli_usage ("--output: %s is there already and is not written over",
                      options.output);
  if ((options.photos != NULL && (photos = list_photos (&error)) == NULL) ||
      (gallery = dml_gallery_open (gallery_path, DML_GALLERY_READ, NULL,
                                   &error)) == NULL ||
      (encoder = gallery_encoder (options.encoder, &error)) == NULL)
    return cli_fail (error);
  how = (DmlReembedOptions){ (const char *const *) photos,
                             (guint) options.views, show_progress, &progress };
  cli_catch_interrupt ();
  ok = dml_gallery_reembed (gallery, encoder, options.output, &how, &report,
                            &error);
  g_clear_pointer (&progress, cli_progress_free);
  if (!ok) {
    if (!cli_interrupted ())
      say_lost (report);
    return cli_fail (error);
  }
  print_result (report, encoder);
  return report->lost->len > 0 ? CLI_BAD_DATA : CLI_OK;
}
