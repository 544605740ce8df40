/* SPDX-License-Identifier: LGPL-2.1-or-later
 * libdml alone, without GStreamer: enrols two photographs, each under its
 * path as its label, and asks what a third one shows.
 *
 *   match-pictures apple.jpg pear.jpg query.jpg [ENCODER.onnx]
 *
 * Build it against what is installed:
 *
 *   cc match-pictures.c -o match-pictures $(pkg-config --cflags --libs dml-1.0)
 */
#include <dml/dml.h>
#include <glib/gstdio.h>
#include <stdio.h>

/* Twelve views of one photograph make one embedding, as dml-gallery does it. */
#define N_VIEWS 12

/* Opens the encoder, and an empty gallery of it in a file that goes away. */
static DmlGallery *
open_gallery (DmlEncoder *encoder, char **folder, GError **error)
{
  g_autofree char *path = NULL;

  *folder = g_dir_make_tmp ("match-pictures-XXXXXX", error);
  if (*folder == NULL)
    return NULL;
  path = g_build_filename (*folder, "gallery.bin", NULL);
  return dml_gallery_open (path, DML_GALLERY_CREATE, encoder, error);
}

static void
remove_gallery (DmlGallery *gallery, const char *folder)
{
  if (gallery != NULL) {
    g_autofree char *path = g_strdup (dml_gallery_get_path (gallery));

    dml_gallery_unref (gallery); /* the last one closes the file */
    g_unlink (path);
  }
  if (folder != NULL)
    g_rmdir (folder);
}

/* Photograph in, item of the gallery out. */
static gboolean
enroll (DmlGallery *gallery, DmlEncoder *encoder, DmlSession *session,
        const char *path, GError **error)
{
  const DmlItemInfo info = { .quality = -1, .source = path };
  g_autoptr (DmlPicture) picture = dml_picture_load (path, error);
  g_autofree float *embedding = g_new (float, dml_encoder_get_dim (encoder));

  return picture != NULL &&
         dml_session_embed_enrolment (session, picture, N_VIEWS, embedding,
                                      error) &&
         dml_gallery_enroll (gallery, path, embedding, &info, 1, NULL, error);
}

/* Asks the gallery, and prints what it says and why. */
static gboolean
match (DmlGallery *gallery, DmlEncoder *encoder, DmlSession *session,
       const char *path, GError **error)
{
  g_autoptr (DmlPicture) picture = dml_picture_load (path, error);
  g_autoptr (DmlSnapshot) snapshot = NULL;
  g_autoptr (DmlMatcher) matcher = NULL;
  g_autoptr (DmlMatch) answer = NULL;
  g_autofree float *embedding = g_new (float, dml_encoder_get_dim (encoder));
  const DmlImage *image;

  if (picture == NULL)
    return FALSE;
  /* One picture, the whole of it. A photograph with transparency is laid upon
   * a colour first: dml_picture_flatten(). */
  image = dml_picture_get_image (picture);
  if (!dml_session_embed (session, &image, NULL, 1, embedding, error))
    return FALSE;

  /* A snapshot never changes; a program that runs for long takes a new one
   * when dml_gallery_get_revision() says so. */
  snapshot = dml_gallery_get_snapshot (gallery, error);
  if (snapshot == NULL)
    return FALSE;
  matcher = dml_matcher_new (snapshot, encoder, NULL, error);
  if (matcher == NULL)
    return FALSE;
  dml_matcher_match (matcher, embedding, 1, &answer);

  printf ("decision  %s\n",
          dml_decision_to_string (dml_match_get_decision (answer)));
  if (dml_match_get_decision (answer) == DML_DECISION_KNOWN)
    printf ("label     %s\n", dml_match_get_label (answer));
  printf ("reason    %s: %s\n",
          dml_reason_to_string (dml_match_get_reason (answer)),
          dml_match_get_explanation (answer));
  for (guint i = 0; i < dml_match_get_n_hits (answer); i++) {
    const char *label;
    double similarity;

    dml_match_get_hit (answer, i, &label, NULL, &similarity);
    printf ("%u.        %s %.3f\n", i + 1, label, similarity);
  }
  return TRUE;
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (DmlEncoder) encoder = NULL;
  g_autoptr (DmlSession) session = NULL;
  g_autofree char *folder = NULL;
  DmlGallery *gallery = NULL;

  if (argc < 4 || argc > 5) {
    fprintf (stderr, "usage: match-pictures FIRST SECOND QUERY [ENCODER]\n");
    return 2;
  }
  encoder = dml_encoder_open (argc == 5 ? argv[4] : "default", &error);
  if (encoder != NULL)
    session = dml_encoder_session_new (encoder, 0, &error);
  if (session != NULL)
    gallery = open_gallery (encoder, &folder, &error);
  if (gallery != NULL && enroll (gallery, encoder, session, argv[1], &error) &&
      enroll (gallery, encoder, session, argv[2], &error))
    match (gallery, encoder, session, argv[3], &error);
  remove_gallery (gallery, folder);
  if (error != NULL) {
    fprintf (stderr, "match-pictures: %s\n", error->message);
    return 1;
  }
  return 0;
}
