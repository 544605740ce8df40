/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Encoders: the built-in one, sharing, sessions. */
#include "encoder/encoder.h"

#include <math.h>
#include <string.h>

/* A picture of random pixels, the same for the same seed. */
static DmlPicture *
noise (int width, int height, guint32 seed)
{
  DmlPicture *picture = dml_picture_new_rgb (width, height, 3, NULL);
  GRand *rand = g_rand_new_with_seed (seed);
  int stride;
  uint8_t *pixels = dml_picture_get_pixels (picture, &stride);

  for (int y = 0; y < height; y++)
    for (int x = 0; x < 3 * width; x++)
      pixels[y * stride + x] = (uint8_t) g_rand_int_range (rand, 0, 256);
  g_rand_free (rand);
  return picture;
}

static void
test_encoder_default_is_there (void)
{
  g_autoptr (DmlEncoder) encoder = dml_encoder_get_default ();
  g_autoptr (DmlEncoder) again = dml_encoder_open ("", NULL);
  int width, height;

  g_assert_true (again == encoder);
  dml_encoder_get_input_size (encoder, &width, &height);
  g_assert_cmpint (width, >=, 64);
  g_assert_cmpint (height, >=, 64);
  g_assert_cmpuint (dml_encoder_get_dim (encoder), >=, 64);
  g_assert_cmpuint (strlen (dml_encoder_get_fingerprint (encoder)), ==, 64);
  g_assert_cmpint (dml_encoder_get_metric (encoder), ==, DML_METRIC_COSINE);
  if (dml_encoder_is_placeholder (encoder))
    g_assert_cmpstr (dml_encoder_get_name (encoder), ==,
                     "placeholder (untrained)");
}

static void
test_session_row_ignores_its_neighbours (void)
{
  enum { N = 13 };
  g_autoptr (DmlEncoder) encoder = dml_encoder_get_default ();
  const size_t dim = dml_encoder_get_dim (encoder);
  g_autoptr (DmlSession) one = dml_encoder_session_new (encoder, 1, NULL);
  g_autoptr (DmlSession) all = dml_encoder_session_new (encoder, 0, NULL);
  g_autofree float *batch = g_new (float, N *dim);
  g_autofree float *row = g_new (float, dim);
  DmlPicture *pictures[N];
  const DmlImage *images[N];

  for (int i = 0; i < N; i++) {
    pictures[i] = noise (80 + i, 70, (guint32) i);
    images[i] = dml_picture_get_image (pictures[i]);
  }
  g_assert_true (dml_session_embed (all, images, NULL, N, batch, NULL));
  for (size_t i = 0; i < N; i++) {
    double sum = 0;

    g_assert_true (dml_session_embed (one, &images[i], NULL, 1, row, NULL));
    g_assert_cmpmem (row, dim * sizeof *row, batch + i * dim,
                     dim * sizeof *row);
    for (size_t k = 0; k < dim; k++)
      sum += (double) row[k] * (double) row[k];
    g_assert_cmpfloat_with_epsilon (sum, 1, 1e-5);
  }
  for (int i = 0; i < N; i++)
    dml_picture_unref (pictures[i]);
}

static void
test_session_refuses_an_empty_region (void)
{
  g_autoptr (DmlEncoder) encoder = dml_encoder_get_default ();
  g_autoptr (DmlSession) session = dml_encoder_session_new (encoder, 1, NULL);
  g_autofree float *out = g_new (float, dml_encoder_get_dim (encoder));
  g_autoptr (DmlPicture) picture = noise (8, 8, 1);
  const DmlImage *image = dml_picture_get_image (picture);
  const DmlRegion region = { 2, 2, 0, 3 };
  g_autoptr (GError) error = NULL;

  g_assert_false (dml_session_embed (session, &image, &region, 1, out, &error));
  g_assert_error (error, DML_ERROR, DML_ERROR_INVALID);
}

static void
test_enrolment_repeats_itself (void)
{
  g_autoptr (DmlEncoder) encoder = dml_encoder_get_default ();
  g_autoptr (DmlSession) session = dml_encoder_session_new (encoder, 1, NULL);
  const size_t dim = dml_encoder_get_dim (encoder);
  g_autofree float *out = g_new (float, 3 * dim);
  g_autoptr (DmlPicture) picture = noise (90, 60, 7);
  const DmlImage *image = dml_picture_get_image (picture);

  g_assert_true (dml_session_embed_enrolment (session, picture, 12, out, NULL));
  g_assert_true (
    dml_session_embed_enrolment (session, picture, 12, out + dim, NULL));
  g_assert_cmpmem (out, dim * sizeof *out, out + dim, dim * sizeof *out);
  g_assert_true (dml_session_embed_enrolment (session, picture, 1, out, NULL));
  g_assert_true (dml_session_embed (session, &image, NULL, 1, out + dim, NULL));
  g_assert_cmpmem (out, dim * sizeof *out, out + dim, dim * sizeof *out);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/encoder/default-is-there", test_encoder_default_is_there);
  g_test_add_func ("/encoder/session/row-ignores-its-neighbours",
                   test_session_row_ignores_its_neighbours);
  g_test_add_func ("/encoder/session/refuses-an-empty-region",
                   test_session_refuses_an_empty_region);
  g_test_add_func ("/encoder/enrolment/repeats-itself",
                   test_enrolment_repeats_itself);
  return g_test_run ();
}
