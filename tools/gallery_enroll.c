/* SPDX-License-Identifier: LGPL-2.1-or-later
 * dml-gallery enroll: photographs into the gallery, a transaction a label. */
#include "gallery.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define VIEWS_DEFAULT 12
#define THUMBNAIL_SIDE 96
#define THUMBNAIL_QUALITY 80

static struct {
  char *encoder, *label;
  int views;
  gboolean no_thumbnails, json;
} options;

static const GOptionEntry entries[] = {
  { "encoder", 'e', 0, G_OPTION_ARG_FILENAME, &options.encoder,
    "ONNX file that makes the embeddings (built-in)", "FILE" },
  { "label", 'l', 0, G_OPTION_ARG_STRING, &options.label,
    "One label for everything named", "LABEL" },
  { "views", 0, 0, G_OPTION_ARG_INT, &options.views,
    "Views of a photograph that its embedding is the mean of; 1 = the "
    "photograph alone (12)",
    "N" },
  { "no-thumbnails", 0, 0, G_OPTION_ARG_NONE, &options.no_thumbnails,
    "Store no small pictures", NULL },
  { "json", 0, 0, G_OPTION_ARG_NONE, &options.json,
    "Print the result as JSON (dml-enroll/1)", NULL },
  { NULL },
};

typedef struct {
  DmlEncoder *encoder;
  DmlSession *session;
  DmlGallery *gallery;
  GPtrArray *failed; /* messages, one a picture */
  guint n_items, n_labels, n_alpha;
} Enroll;

/* The pictures of one label, embedded and ready to be stored. */
typedef struct {
  GArray *vectors;    /* float, D a picture */
  GArray *infos;      /* DmlItemInfo */
  GPtrArray *sources; /* what the infos point to, as to ... */
  GPtrArray *probes;  /* ... these: D floats each */
} Batch;

static void
batch_clear (Batch *batch)
{
  for (guint i = 0; i < batch->infos->len; i++) {
    DmlItemInfo *info = &g_array_index (batch->infos, DmlItemInfo, i);

    g_clear_pointer (&info->thumbnail, g_bytes_unref);
  }
  g_array_set_size (batch->infos, 0);
  g_array_set_size (batch->vectors, 0);
  g_ptr_array_set_size (batch->sources, 0);
  g_ptr_array_set_size (batch->probes, 0);
}

static gboolean
embed (Enroll *enroll, const char *path, Batch *batch, GError **error)
{
  const guint dim = dml_encoder_get_dim (enroll->encoder);
  g_autoptr (DmlPicture) picture = dml_picture_load (path, error);
  g_autofree float *vector = g_new (float, dim);
  g_autofree float *probe = g_new (float, dim);
  DmlItemInfo info = { .quality = -1 };

  if (picture == NULL ||
      !dml_session_embed_enrolment (enroll->session, picture,
                                    (guint) options.views, vector, error) ||
      !dml_session_embed_probe (enroll->session, picture, probe, error))
    return FALSE;
  if (!options.no_thumbnails) {
    g_autoptr (DmlPicture) flat =
      dml_picture_flatten (picture, NULL, 0xFFFFFF, error);

    if (flat == NULL)
      return FALSE;
    info.thumbnail =
      dml_picture_encode_jpeg (flat, THUMBNAIL_SIDE, THUMBNAIL_QUALITY, error);
    if (info.thumbnail == NULL)
      return FALSE;
  }
  enroll->n_alpha += dml_picture_has_alpha (picture);
  info.source = g_utf8_make_valid (path, -1);
  info.probe = probe;
  g_ptr_array_add (batch->sources, (gpointer) info.source);
  g_ptr_array_add (batch->probes, g_steal_pointer (&probe));
  g_array_append_vals (batch->vectors, vector, dim);
  g_array_append_val (batch->infos, info);
  return TRUE;
}

static gboolean
store (Enroll *enroll, const char *label, Batch *batch, GError **error)
{
  const guint n = batch->infos->len;

  if (n == 0)
    return TRUE;
  if (!dml_gallery_enroll (
        enroll->gallery, label, (const float *) (void *) batch->vectors->data,
        (const DmlItemInfo *) (void *) batch->infos->data, n, NULL, error))
    return FALSE;
  enroll->n_items += n;
  enroll->n_labels++;
  batch_clear (batch);
  return TRUE;
}

static int
by_label (gconstpointer a, gconstpointer b)
{
  const CliPicture *pa = *(const CliPicture *const *) a;
  const CliPicture *pb = *(const CliPicture *const *) b;
  const int order = strcmp (pa->label, pb->label);

  return order != 0 ? order : strcmp (pa->path, pb->path);
}

/* Everything, a transaction a label; FALSE only where storing failed. An
 * interrupt stops between two labels. */
static gboolean
enroll_all (Enroll *enroll, GPtrArray *pictures, GError **error)
{
  g_autoptr (CliProgress) progress =
    cli_progress_new ("enrolling", pictures->len);
  Batch batch = { g_array_new (FALSE, FALSE, sizeof (float)),
                  g_array_new (FALSE, FALSE, sizeof (DmlItemInfo)),
                  g_ptr_array_new_with_free_func (g_free),
                  g_ptr_array_new_with_free_func (g_free) };
  gboolean ok = TRUE;

  for (guint i = 0; ok && i < pictures->len && !cli_interrupted (); i++) {
    const CliPicture *picture = g_ptr_array_index (pictures, i);
    const CliPicture *next =
      i + 1 < pictures->len ? g_ptr_array_index (pictures, i + 1) : NULL;
    g_autoptr (GError) failure = NULL;

    cli_progress_set (progress, i, picture->label);
    if (!embed (enroll, picture->path, &batch, &failure))
      g_ptr_array_add (enroll->failed, g_strdup (failure->message));
    if (next == NULL || strcmp (next->label, picture->label) != 0)
      ok = store (enroll, picture->label, &batch, error);
  }
  batch_clear (&batch);
  g_array_unref (batch.vectors);
  g_array_unref (batch.infos);
  g_ptr_array_unref (batch.sources);
  g_ptr_array_unref (batch.probes);
  return ok;
}

static void
print_result (const Enroll *enroll, guint n_others)
{
  if (options.json) {
    JsonBuilder *json = json_builder_new ();

    json_builder_begin_object (json);
    cli_json_schema (json, "dml-enroll/1");
    json_builder_set_member_name (json, "gallery");
    json_builder_add_string_value (json, gallery_path);
    json_builder_set_member_name (json, "labels");
    json_builder_add_int_value (json, enroll->n_labels);
    json_builder_set_member_name (json, "items");
    json_builder_add_int_value (json, enroll->n_items);
    json_builder_set_member_name (json, "failed");
    json_builder_begin_array (json);
    for (guint i = 0; i < enroll->failed->len; i++)
      json_builder_add_string_value (json,
                                     g_ptr_array_index (enroll->failed, i));
    json_builder_end_array (json);
    json_builder_end_object (json);
    cli_print_json (json);
  } else
    printf ("%u item%s under %u label%s in %s\n", enroll->n_items,
            enroll->n_items == 1 ? "" : "s", enroll->n_labels,
            enroll->n_labels == 1 ? "" : "s", gallery_path);
  for (guint i = 0; i < enroll->failed->len; i++)
    cli_say ("%s", (char *) g_ptr_array_index (enroll->failed, i));
  if (enroll->failed->len > 0)
    cli_say ("%u picture%s could not be used and %s left out",
             enroll->failed->len, enroll->failed->len == 1 ? "" : "s",
             enroll->failed->len == 1 ? "was" : "were");
  if (n_others > 0)
    cli_say ("%u file%s passed over: no picture by name", n_others,
             n_others == 1 ? "" : "s");
  if (enroll->n_alpha > 0)
    cli_say ("%u with transparency: embedded on %d different backgrounds",
             enroll->n_alpha, options.views);
}

CliExit
gallery_enroll (int argc, char **argv)
{
  g_autoptr (GPtrArray) pictures = NULL;
  g_autoptr (DmlEncoder) encoder = NULL;
  g_autoptr (DmlSession) session = NULL;
  g_autoptr (DmlGallery) gallery = NULL;
  g_autoptr (GPtrArray) failed = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GError) error = NULL;
  guint n_others;
  CliExit exit_code;
  Enroll enroll = { .failed = failed };

  options.views = VIEWS_DEFAULT;
  if (!cli_parse (
        "PICTURES_OR_FOLDERS…", "Adds photographs to a gallery.",
        "Labels: a picture in a sub-folder of a folder that is named gets the\n"
        "sub-folder's path; one that lies in the folder itself, or is named,\n"
        "its own name. --label overrides both.\n\n"
        "Examples:\n"
        "  dml-gallery shop.bin enroll photos/\n"
        "  dml-gallery shop.bin enroll --label \"red apple\" a1.jpg a2.jpg",
        entries, &argc, &argv, &exit_code))
    return exit_code;
  if (argc < 2)
    return cli_usage ("no picture or folder named");
  if (options.views < 1 || options.views > 256)
    return cli_usage ("--views: %d is not within 1..256", options.views);
  if ((pictures = cli_pictures (argv + 1, &n_others, &error)) == NULL)
    return cli_fail (error);
  if (pictures->len == 0)
    return cli_say ("%s: no JPEG, PNG or WebP picture there", argv[1]),
           CLI_BAD_DATA;
  for (guint i = 0; options.label != NULL && i < pictures->len; i++) {
    CliPicture *picture = g_ptr_array_index (pictures, i);

    g_free (picture->label);
    picture->label = g_strdup (options.label);
  }
  g_ptr_array_sort (pictures, by_label);

  if ((encoder = gallery_encoder (options.encoder, &error)) == NULL ||
      (session = dml_encoder_session_new (encoder, 0, &error)) == NULL ||
      (gallery = dml_gallery_open (gallery_path, DML_GALLERY_CREATE, encoder,
                                   &error)) == NULL)
    return cli_fail (error);
  enroll.encoder = encoder;
  enroll.session = session;
  enroll.gallery = gallery;
  cli_catch_interrupt ();
  if (!enroll_all (&enroll, pictures, &error)) {
    exit_code = cli_fail (error);
    cli_say ("what was enrolled before that is safe: %u items", enroll.n_items);
    return exit_code;
  }
  print_result (&enroll, n_others);
  if (cli_interrupted ())
    return CLI_INTERRUPTED;
  return failed->len > 0 || enroll.n_items == 0 ? CLI_BAD_DATA : CLI_OK;
}
