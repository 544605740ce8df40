/* SPDX-License-Identifier: LGPL-2.1-or-later
 * dml-gallery enroll: photographs into the gallery, a transaction a label. What
 * is there already is left out. */
#include "gallery.h"

#include <glib/gstdio.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define HITS_MAX 100    /* the same picture under so many labels */
#define TWINS_SHOWN 10U /* lines on stderr; --json tells all */
#define SMALL 32        /* pixels; of less there is little left to tell apart */
#define ALPHA_SEEN 26   /* of 255: opaque by more than a tenth is seen */

static struct {
  char *encoder, *label;
  int views;
  gboolean no_thumbnails, again, json;
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
  { "again", 0, 0, G_OPTION_ARG_NONE, &options.again,
    "Enrol also what is under its label already", NULL },
  { "no-thumbnails", 0, 0, G_OPTION_ARG_NONE, &options.no_thumbnails,
    "Store no small pictures", NULL },
  { "json", 0, 0, G_OPTION_ARG_NONE, &options.json,
    "Print the result as JSON (dml-enroll/1)", NULL },
  { NULL },
};

typedef struct {
  DmlEncoder *encoder;
  DmlSession *session;
  DmlGallery *gallery; /* NULL: not made yet */
  DmlMatcher *there;   /* finds what was in it before; NULL: nothing */
  GPtrArray *failed;   /* messages, one a picture */
  GPtrArray *twins;    /* Twin */
  GPtrArray *small;    /* paths of pictures of things below SMALL */
  const char *stopped; /* the label that an interrupt threw away, or NULL */
  guint n_items, n_labels, n_alpha, n_known;
} Enroll;

static void
enroll_clear (Enroll *enroll)
{
  g_clear_pointer (&enroll->there, dml_matcher_unref);
  g_clear_pointer (&enroll->gallery, dml_gallery_unref);
  g_clear_pointer (&enroll->session, dml_session_free);
  g_clear_pointer (&enroll->encoder, dml_encoder_unref);
  g_clear_pointer (&enroll->failed, g_ptr_array_unref);
  g_clear_pointer (&enroll->twins, g_ptr_array_unref);
  g_clear_pointer (&enroll->small, g_ptr_array_unref);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Enroll, enroll_clear)

/* A picture that was enrolled although another label has it. */
typedef struct {
  char *path, *label, *other;
  gint64 item; /* of the other label */
} Twin;

static void
twin_free (gpointer data)
{
  Twin *twin = data;

  g_free (twin->path);
  g_free (twin->label);
  g_free (twin->other);
  g_free (twin);
}

/* What is told of a picture once it is stored. */
typedef struct {
  const CliPicture *from;
  Twin *twin; /* or NULL */
  gboolean is_small, has_alpha;
} Note;

static void
note_clear (Note *note)
{
  g_clear_pointer (&note->twin, twin_free);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Note, note_clear)

/* The pictures of one label, embedded and ready to be stored. */
typedef struct {
  GArray *vectors;    /* float, D a picture */
  GArray *infos;      /* DmlItemInfo */
  GArray *notes;      /* Note */
  GPtrArray *sources; /* texts that the infos point to, as to ... */
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
  g_array_set_size (batch->notes, 0);
  g_array_set_size (batch->vectors, 0);
  g_ptr_array_set_size (batch->sources, 0);
  g_ptr_array_set_size (batch->probes, 0);
}

/* Whether the picture is left out, and counted, since the gallery has it under
 * its label already. *twin: where it has it under another one only, or NULL. */
static gboolean
is_known (Enroll *enroll, const CliPicture *picture, const float *vector,
          Twin **twin)
{
  g_autoptr (DmlMatch) match = NULL;
  const char *other = NULL;
  gint64 other_item = -1;

  *twin = NULL;
  if (enroll->there == NULL)
    return FALSE;
  dml_matcher_match (enroll->there, vector, 1, &match);
  for (guint i = 0; i < dml_match_get_n_hits (match); i++) {
    const char *label;
    gint64 item;
    double similarity;

    dml_match_get_hit (match, i, &label, &item, &similarity);
    if (!(similarity > DML_SAME_PICTURE))
      break;
    if (strcmp (label, picture->label) == 0) {
      enroll->n_known += !options.again;
      return !options.again;
    }
    if (other == NULL) {
      other = label;
      other_item = item;
    }
  }
  if (other == NULL)
    return FALSE;
  *twin = g_new (Twin, 1);
  **twin = (Twin){ g_strdup (picture->path), g_strdup (picture->label),
                   g_strdup (other), other_item };
  return FALSE;
}

static gboolean
shows_nothing (const DmlPicture *picture)
{
  const DmlImage *image = dml_picture_get_image (picture);

  if (!dml_picture_has_alpha (picture))
    return FALSE;
  for (int y = 0; y < image->height; y++) {
    const uint8_t *row = image->plane[0] + (ptrdiff_t) y * image->stride[0];

    for (int x = 0; x < image->width; x++)
      if (row[4 * x + 3] >= ALPHA_SEEN)
        return FALSE;
  }
  return TRUE;
}

static gboolean
is_small (const DmlPicture *picture)
{
  DmlRegion extent;

  dml_picture_get_extent (picture, &extent);
  return MAX (extent.width, extent.height) < SMALL;
}

/* An embedding without a direction, which is like nothing. */
static gboolean
is_zero (const float *vector, guint dim)
{
  return isnan (dml_similarity (DML_METRIC_COSINE, vector, vector, dim));
}

static gboolean
embed (Enroll *enroll, const CliPicture *from, Batch *batch, GError **error)
{
  const char *path = from->path;
  const guint dim = dml_encoder_get_dim (enroll->encoder);
  g_autoptr (DmlPhotograph) photograph =
    cli_picture_check (from, error) ? dml_photograph_load (path, error) : NULL;
  DmlPicture *picture;
  g_autofree float *vector = g_new (float, dim);
  g_autofree float *probe = g_new (float, dim);
  DmlItemInfo info = { .quality = -1 };
  g_auto (Note) note = { .from = from };

  if (photograph == NULL)
    return FALSE;
  picture = dml_photograph_get_picture (photograph);
  if (shows_nothing (picture))
    return g_set_error (error, DML_ERROR, DML_ERROR_INVALID,
                        "%s: all of it is transparent: there is nothing to see",
                        path),
           FALSE;
  if (!cli_embed (enroll->session, picture, path, (guint) options.views, vector,
                  error))
    return FALSE;
  if (is_zero (vector, dim))
    return g_set_error (error, DML_ERROR, DML_ERROR_INVALID,
                        "%s: the encoder sees nothing in it: the embedding is "
                        "all zero",
                        path),
           FALSE;
  if (is_known (enroll, from, vector, &note.twin))
    return TRUE;
  if (!dml_session_embed_probe (enroll->session, picture, probe, error))
    return g_prefix_error (error, "%s: ", path), FALSE;
  if (!options.no_thumbnails) {
    info.thumbnail = dml_photograph_make_thumbnail (photograph, error);
    if (info.thumbnail == NULL)
      return FALSE;
  }
  note.is_small = is_small (picture);
  note.has_alpha = dml_picture_has_alpha (picture);
  info.source = g_utf8_make_valid (path, -1);
  info.probe = is_zero (probe, dim) ? NULL : probe;
  info.content = g_strdup (dml_photograph_get_content (photograph));
  info.views = (guint) options.views;
  g_ptr_array_add (batch->sources, (gpointer) info.source);
  g_ptr_array_add (batch->sources, (gpointer) info.content);
  g_ptr_array_add (batch->probes, g_steal_pointer (&probe));
  g_array_append_vals (batch->vectors, vector, dim);
  g_array_append_val (batch->infos, info);
  g_array_append_val (batch->notes, note);
  note.twin = NULL; /* the batch's now */
  return TRUE;
}

/* What is enrolled is compared with what is there: the whole gallery is read,
 * and a damaged one is told before anything is added to it. */
static DmlMatcher *
what_is_there (DmlGallery *gallery, DmlEncoder *encoder, GError **error)
{
  DmlMatcherOptions matcher_options = DML_MATCHER_OPTIONS_INIT;
  g_autoptr (DmlSnapshot) snapshot = dml_gallery_get_snapshot (gallery, error);

  if (snapshot == NULL)
    return NULL;
  matcher_options.k = HITS_MAX;
  matcher_options.classifier = DML_CLASSIFIER_KNN;
  matcher_options.threshold =
    DML_SAME_PICTURE; /* given, so that none is measured */
  return dml_matcher_new (snapshot, encoder, &matcher_options, error);
}

/* Made where it is not there. */
static gboolean
open_gallery (Enroll *enroll, GError **error)
{
  g_autoptr (DmlGallery) gallery =
    dml_gallery_open (gallery_path, DML_GALLERY_CREATE, enroll->encoder, error);

  if (gallery == NULL)
    return FALSE;
  enroll->there = what_is_there (gallery, enroll->encoder, error);
  if (enroll->there == NULL)
    return FALSE;
  enroll->gallery = g_steal_pointer (&gallery);
  return TRUE;
}

/* Whether the gallery is not there and is made when the first label is ready to
 * be stored: none is left of pictures that are all bad. That it cannot be made
 * is better told before they are looked at, and so is a link to nowhere. */
static gboolean
opens_later (void)
{
  g_autofree char *folder = g_path_get_dirname (gallery_path);

  return *gallery_path != '\0' &&
         !g_file_test (gallery_path, G_FILE_TEST_EXISTS) &&
         !g_file_test (gallery_path, G_FILE_TEST_IS_SYMLINK) &&
         g_access (folder, W_OK | X_OK) == 0;
}

/* Of a gallery that another program made while the batch was embedded. */
static void
leave_out_known (Enroll *enroll, Batch *batch)
{
  const guint dim = dml_encoder_get_dim (enroll->encoder);
  guint i = 0;

  while (i < batch->infos->len) {
    DmlItemInfo *info = &g_array_index (batch->infos, DmlItemInfo, i);
    Note *note = &g_array_index (batch->notes, Note, i);
    const guint at = i * dim;
    const float *vector = &g_array_index (batch->vectors, float, at);

    if (is_known (enroll, note->from, vector, &note->twin)) {
      g_clear_pointer (&info->thumbnail, g_bytes_unref);
      g_array_remove_index (batch->infos, i);
      g_array_remove_index (batch->notes, i);
      g_array_remove_range (batch->vectors, at, dim);
    } else
      i++;
  }
}

static void
take_over (Enroll *enroll, Note *note)
{
  if (note->twin != NULL)
    g_ptr_array_add (enroll->twins, g_steal_pointer (&note->twin));
  if (note->is_small)
    g_ptr_array_add (enroll->small, g_strdup (note->from->path));
  enroll->n_alpha += note->has_alpha;
}

static gboolean
store (Enroll *enroll, const char *label, Batch *batch, GError **error)
{
  guint n = batch->infos->len;

  if (n > 0 && enroll->gallery == NULL) {
    if (!open_gallery (enroll, error))
      return FALSE;
    leave_out_known (enroll, batch);
    n = batch->infos->len;
  }
  if (n == 0)
    return TRUE;
  if (!dml_gallery_enroll (
        enroll->gallery, label, (const float *) (void *) batch->vectors->data,
        (const DmlItemInfo *) (void *) batch->infos->data, n, NULL, error))
    return FALSE;
  for (guint i = 0; i < n; i++)
    take_over (enroll, &g_array_index (batch->notes, Note, i));
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
 * interrupt throws away the label that it finds half done. */
static gboolean
enroll_all (Enroll *enroll, GPtrArray *pictures, GError **error)
{
  g_autoptr (CliProgress) progress =
    cli_progress_new ("enrolling", pictures->len);
  Batch batch = { g_array_new (FALSE, FALSE, sizeof (float)),
                  g_array_new (FALSE, FALSE, sizeof (DmlItemInfo)),
                  g_array_new (FALSE, FALSE, sizeof (Note)),
                  g_ptr_array_new_with_free_func (g_free),
                  g_ptr_array_new_with_free_func (g_free) };
  gboolean ok = TRUE;

  g_array_set_clear_func (batch.notes, (GDestroyNotify) note_clear);
  for (guint i = 0; ok && i < pictures->len; i++) {
    const CliPicture *picture = g_ptr_array_index (pictures, i);
    const CliPicture *next =
      i + 1 < pictures->len ? g_ptr_array_index (pictures, i + 1) : NULL;
    g_autoptr (GError) failure = NULL;

    if (cli_interrupted ()) {
      enroll->stopped = picture->label;
      break;
    }
    cli_progress_set (progress, i, picture->label);
    if (!embed (enroll, picture, &batch, &failure))
      g_ptr_array_add (enroll->failed, g_strdup (failure->message));
    if (next == NULL || strcmp (next->label, picture->label) != 0)
      ok = store (enroll, picture->label, &batch, error);
  }
  batch_clear (&batch);
  g_array_unref (batch.vectors);
  g_array_unref (batch.infos);
  g_array_unref (batch.notes);
  g_ptr_array_unref (batch.sources);
  g_ptr_array_unref (batch.probes);
  return ok;
}

static void
print_json (const Enroll *enroll)
{
  JsonBuilder *json = cli_json_new ("dml-enroll/1");

  cli_json_text (json, "gallery", gallery_path);
  cli_json_integer (json, "labels", enroll->n_labels);
  cli_json_integer (json, "items", enroll->n_items);
  cli_json_integer (json, "known", enroll->n_known);
  cli_json_array (json, "twins");
  for (guint i = 0; i < enroll->twins->len; i++) {
    const Twin *twin = g_ptr_array_index (enroll->twins, i);

    json_builder_begin_object (json);
    cli_json_text (json, "picture", twin->path);
    cli_json_text (json, "label", twin->label);
    cli_json_text (json, "other", twin->other);
    cli_json_integer (json, "item", twin->item);
    json_builder_end_object (json);
  }
  json_builder_end_array (json);
  cli_json_array (json, "small");
  for (guint i = 0; i < enroll->small->len; i++)
    cli_json_text (json, NULL, g_ptr_array_index (enroll->small, i));
  json_builder_end_array (json);
  cli_json_array (json, "failed");
  for (guint i = 0; i < enroll->failed->len; i++)
    cli_json_text (json, NULL, g_ptr_array_index (enroll->failed, i));
  json_builder_end_array (json);
  cli_json_print (json);
}

static void
say_twins (const Enroll *enroll)
{
  const guint n = enroll->twins->len;

  for (guint i = 0; i < MIN (n, TWINS_SHOWN); i++) {
    const Twin *twin = g_ptr_array_index (enroll->twins, i);
    g_autofree char *path = cli_printable (twin->path);
    g_autofree char *label = cli_printable (twin->label);
    g_autofree char *other = cli_printable (twin->other);

    cli_say ("%s: enrolled as %s, but %s has the same picture (item "
             "%" G_GINT64_FORMAT ")",
             path, label, other, twin->item);
  }
  if (n > TWINS_SHOWN)
    cli_say ("%u more like that; --json names them", n - TWINS_SHOWN);
}

static void
say_small (const Enroll *enroll)
{
  const guint n = enroll->small->len;

  for (guint i = 0; i < MIN (n, TWINS_SHOWN); i++) {
    g_autofree char *path =
      cli_printable (g_ptr_array_index (enroll->small, i));

    cli_say ("%s: what it shows is smaller than %d pixels: most will look "
             "like it, or nothing",
             path, SMALL);
  }
  if (n > 0)
    cli_say ("%u %s enrolled though smaller than %d pixels; take larger "
             "photographs",
             n, n == 1 ? "was" : "were", SMALL);
}

static void
print_result (const Enroll *enroll, guint n_others)
{
  if (options.json)
    print_json (enroll);
  else
    printf ("%u item%s under %u label%s added to %s\n", enroll->n_items,
            CLI_S (enroll->n_items), enroll->n_labels, CLI_S (enroll->n_labels),
            gallery_path);
  for (guint i = 0; i < enroll->failed->len; i++)
    cli_say ("%s", (char *) g_ptr_array_index (enroll->failed, i));
  if (enroll->failed->len > 0)
    cli_say ("%u picture%s could not be used and %s left out",
             enroll->failed->len, CLI_S (enroll->failed->len),
             enroll->failed->len == 1 ? "was" : "were");
  if (enroll->n_known > 0)
    cli_say ("%u %s enrolled already and left out; --again enrols %s anyway",
             enroll->n_known, enroll->n_known == 1 ? "was" : "were",
             enroll->n_known == 1 ? "it" : "them");
  say_twins (enroll);
  say_small (enroll);
  if (n_others > 0)
    cli_say ("%u file%s passed over: no picture by name", n_others,
             CLI_S (n_others));
  if (enroll->n_alpha > 0 && options.views > 1)
    cli_say ("%u with transparency: embedded on %d different backgrounds",
             enroll->n_alpha, options.views);
  else if (enroll->n_alpha > 0)
    cli_say ("%u with transparency: embedded on one background",
             enroll->n_alpha);
  if (enroll->stopped != NULL) {
    g_autofree char *label = cli_printable (enroll->stopped);

    cli_say ("interrupted: %s and the labels after it were not enrolled",
             label);
  }
}

CliExit
gallery_enroll (int argc, char **argv)
{
  g_autoptr (GPtrArray) pictures = NULL;
  g_auto (Enroll)
    enroll = { .failed = g_ptr_array_new_with_free_func (g_free),
               .twins = g_ptr_array_new_with_free_func (twin_free),
               .small = g_ptr_array_new_with_free_func (g_free) };
  g_autoptr (GError) error = NULL;
  guint n_others;
  CliExit exit_code;

  options.views = DML_PHOTOGRAPH_VIEWS;
  if (!cli_parse (
        "PICTURES_OR_FOLDERS…", "Adds photographs to a gallery.",
        "Labels: a picture in a sub-folder of a folder that is named gets the\n"
        "sub-folder's path; one that lies in the folder itself, or is named,\n"
        "its own name. --label overrides both. A picture that is under its\n"
        "label already is left out; one that is under another label is\n"
        "enrolled, and both labels are named.\n\n"
        "Examples:\n"
        "  dml-gallery shop.bin enroll photos/\n"
        "  dml-gallery shop.bin enroll --label \"red apple\" a1.jpg a2.jpg",
        entries, &argc, &argv, &exit_code))
    return exit_code;
  if (argc < 2)
    return cli_usage ("no picture or folder named");
  if (options.label != NULL && *options.label == '\0')
    return cli_usage ("--label: a label may not be empty");
  if (!gallery_views_allowed (options.views, &exit_code))
    return exit_code;
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

  if ((enroll.encoder = gallery_encoder (options.encoder, &error)) == NULL ||
      (enroll.session = dml_encoder_session_new (enroll.encoder, 0, &error)) ==
        NULL ||
      (!opens_later () && !open_gallery (&enroll, &error)))
    return gallery_fail (error);
  cli_catch_interrupt ();
  if (!enroll_all (&enroll, pictures, &error)) {
    if (enroll.gallery == NULL)
      return gallery_fail (error);
    exit_code = cli_fail (error);
    cli_say ("what was enrolled before that is safe: %u item%s", enroll.n_items,
             CLI_S (enroll.n_items));
    return exit_code;
  }
  print_result (&enroll, n_others);
  if (enroll.stopped != NULL)
    return CLI_INTERRUPTED;
  return enroll.failed->len > 0 ? CLI_BAD_DATA : CLI_OK;
}
