/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Sessions of encoders: pictures to embeddings, views of a photograph that is
 * enrolled. */
#include "alloc_count.h"
#include "encoder/encoder.h"
#include "encoder_maker.h"
#include "onnx_maker.h"

#include <math.h>
#include <string.h>

/* ---- sessions ---- */

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
    pictures[i] = noise_picture (80 + i, 70, (guint32) i);
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
test_session_allocates_once (void)
{
  enum { N = 11 };
  g_autoptr (DmlEncoder) encoder = dml_encoder_get_default ();
  g_autoptr (DmlSession) session = dml_encoder_session_new (encoder, 1, NULL);
  g_autofree float *out = g_new (float, N *dml_encoder_get_dim (encoder));
  g_autoptr (DmlPicture) picture = noise_picture (90, 60, 5);
  const DmlImage *images[N];
  unsigned before;

  if (!CAN_COUNT) {
    g_test_skip ("allocations cannot be counted in this build");
    return;
  }
  for (int i = 0; i < N; i++)
    images[i] = dml_picture_get_image (picture);
  g_assert_true (dml_session_embed (session, images, NULL, N, out, NULL));
  before = __atomic_load_n (&n_allocations, __ATOMIC_RELAXED);
  for (int i = 0; i < 3; i++)
    dml_session_embed (session, images, NULL, N, out, NULL);
  g_assert_cmpuint (__atomic_load_n (&n_allocations, __ATOMIC_RELAXED), ==,
                    before);
}

static void
test_session_refuses_an_empty_region (void)
{
  g_autoptr (DmlEncoder) encoder = dml_encoder_get_default ();
  g_autoptr (DmlSession) session = dml_encoder_session_new (encoder, 1, NULL);
  g_autofree float *out = g_new (float, dml_encoder_get_dim (encoder));
  g_autoptr (DmlPicture) picture = noise_picture (8, 8, 1);
  const DmlImage *image = dml_picture_get_image (picture);
  const DmlRegion region = { 2, 2, 0, 3 };
  g_autoptr (GError) error = NULL;

  g_assert_false (dml_session_embed (session, &image, &region, 1, out, &error));
  g_assert_error (error, DML_ERROR, DML_ERROR_INVALID);
}

/* A network that answers with its input times w. */
static GByteArray *
scaled (float w, const char *metric)
{
  static const int64_t image[] = { -1, 3, 4, 4 };
  GByteArray *graph = g_byte_array_new (), *model;

  onnx_add_input (graph, "in", image, 4);
  onnx_add_floats (graph, "w", NULL, 0, &w);
  onnx_add_node (graph, "Mul", "", "in w", "scaled");
  onnx_add_node (graph, "Flatten", "", "scaled", "out");
  onnx_add_output (graph, "out");
  model = onnx_model (graph, 13);
  onnx_add_metadata (model, "dml.mean", "0");
  onnx_add_metadata (model, "dml.std", "1");
  onnx_add_metadata (model, "dml.metric", metric);
  return model;
}

static void
test_session_normalises_for_cosine (void)
{
  static const struct {
    float w;
    double length;
  } cases[] = { { 3, 1 },        { 1e-4f, 1 }, { 0, 0 },
                { INFINITY, 0 }, { NAN, 0 },   { 1e-20f, 0 } };
  g_autoptr (DmlPicture) picture = noise_picture (4, 4, 9);

  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (DmlEncoder) encoder = open_model (scaled (cases[i].w, "cosine"));
    float out[48];
    double sum = 0;

    embed_one (encoder, picture, out);
    for (int k = 0; k < 48; k++)
      sum += (double) out[k] * (double) out[k];
    g_assert_cmpfloat_with_epsilon (sum, cases[i].length, 1e-5);
  }
}

static void
test_session_leaves_lengths_for_euclidean (void)
{
  g_autoptr (DmlPicture) picture = noise_picture (4, 4, 9);
  g_autoptr (DmlEncoder) one = open_model (scaled (1, "euclidean"));
  g_autoptr (DmlEncoder) two = open_model (scaled (2, "euclidean"));
  g_autoptr (DmlEncoder) bad = open_model (scaled (INFINITY, "euclidean"));
  float a[48], b[48], c[48];

  embed_one (one, picture, a);
  embed_one (two, picture, b);
  embed_one (bad, picture, c);
  for (int i = 0; i < 48; i++) {
    g_assert_cmpfloat ((double) b[i], ==, 2 * (double) a[i]);
    g_assert_cmpfloat ((double) c[i], ==, 0);
  }
}

static void
test_picture_in_one_call (void)
{
  g_autoptr (DmlEncoder) encoder = dml_encoder_get_default ();
  const size_t dim = dml_encoder_get_dim (encoder);
  g_autofree float *out = g_new (float, dim);
  g_autoptr (DmlPicture) picture = noise_picture (70, 60, 2);
  g_autoptr (GBytes) bytes = dml_encoder_embed_picture (encoder, picture, NULL);

  embed_one (encoder, picture, out);
  g_assert_cmpmem (out, dim * sizeof *out, g_bytes_get_data (bytes, NULL),
                   g_bytes_get_size (bytes));
}

/* ---- enrolment ---- */

static void
assert_unit (const float *x, size_t dim)
{
  double sum = 0;

  for (size_t i = 0; i < dim; i++)
    sum += (double) x[i] * (double) x[i];
  g_assert_cmpfloat_with_epsilon (sum, 1, 1e-5);
}

static void
test_enrolment_repeats_itself (void)
{
  g_autoptr (DmlEncoder) encoder = dml_encoder_get_default ();
  g_autoptr (DmlSession) session = dml_encoder_session_new (encoder, 1, NULL);
  const size_t dim = dml_encoder_get_dim (encoder);
  g_autofree float *out = g_new (float, 2 * dim);
  g_autoptr (DmlPicture) picture = noise_picture (90, 60, 7);

  g_assert_true (dml_session_embed_enrolment (session, picture, 12, out, NULL));
  g_assert_true (
    dml_session_embed_enrolment (session, picture, 12, out + dim, NULL));
  g_assert_cmpmem (out, dim * sizeof *out, out + dim, dim * sizeof *out);
  assert_unit (out, dim);
  g_assert_true (dml_session_embed_enrolment (session, picture, 1, out, NULL));
  embed_one (encoder, picture, out + dim);
  g_assert_cmpmem (out, dim * sizeof *out, out + dim, dim * sizeof *out);
}

/* A probe is a view, always the same, that is not the picture itself. */
static void
test_probe_is_another_view (void)
{
  g_autoptr (DmlEncoder) encoder = dml_encoder_get_default ();
  g_autoptr (DmlSession) session = dml_encoder_session_new (encoder, 1, NULL);
  const size_t dim = dml_encoder_get_dim (encoder);
  g_autofree float *out = g_new (float, 2 * dim);
  g_autoptr (DmlPicture) picture = noise_picture (90, 60, 7);

  g_assert_true (dml_session_embed_probe (session, picture, out, NULL));
  g_assert_true (dml_session_embed_probe (session, picture, out + dim, NULL));
  g_assert_cmpmem (out, dim * sizeof *out, out + dim, dim * sizeof *out);
  assert_unit (out, dim);
  embed_one (encoder, picture, out + dim);
  g_assert_cmpint (memcmp (out, out + dim, dim * sizeof *out), !=, 0);
}

/* What is behind the alpha channel is not the thing: with other backdrops the
 * mean moves away from the picture on grey. */
static void
test_enrolment_replaces_what_is_transparent (void)
{
  g_autoptr (DmlEncoder) encoder = dml_encoder_get_default ();
  g_autoptr (DmlSession) session = dml_encoder_session_new (encoder, 1, NULL);
  const size_t dim = dml_encoder_get_dim (encoder);
  g_autofree float *clear = g_new (float, dim), *flat = g_new (float, dim);
  g_autoptr (DmlPicture) thing = dml_picture_new_rgb (64, 64, 4, NULL);
  g_autoptr (DmlPicture) opaque = NULL;
  int stride;
  uint8_t *pixels = dml_picture_get_pixels (thing, &stride);

  for (int y = 0; y < 64; y++)
    for (int x = 0; x < 64; x++) {
      pixels[y * stride + 4 * x] = 200;
      pixels[y * stride + 4 * x + 3] = x > 16 && x < 48 ? 255 : 0;
    }
  opaque = dml_picture_flatten (thing, NULL, 0x808080, NULL);
  g_assert_true (dml_picture_has_alpha (thing));
  g_assert_true (dml_session_embed_enrolment (session, thing, 8, clear, NULL));
  g_assert_true (dml_session_embed_enrolment (session, opaque, 8, flat, NULL));
  g_assert_cmpint (memcmp (clear, flat, dim * sizeof *flat), !=, 0);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(name, test) g_test_add_func ("/session/" name, test)
  ADD ("row-ignores-its-neighbours", test_session_row_ignores_its_neighbours);
  ADD ("allocates-once", test_session_allocates_once);
  ADD ("refuses-an-empty-region", test_session_refuses_an_empty_region);
  ADD ("normalises-for-cosine", test_session_normalises_for_cosine);
  ADD ("leaves-lengths-for-euclidean",
       test_session_leaves_lengths_for_euclidean);
  ADD ("picture-in-one-call", test_picture_in_one_call);
  ADD ("enrolment/repeats-itself", test_enrolment_repeats_itself);
  ADD ("enrolment/probe-is-another-view", test_probe_is_another_view);
  ADD ("enrolment/replaces-what-is-transparent",
       test_enrolment_replaces_what_is_transparent);
  return g_test_run ();
}
