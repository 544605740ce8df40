/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Encoders: what may be opened and what is said otherwise, sharing. */
#include "encoder/encoder.h"
#include "encoder_maker.h"
#include "memory_faults.h"
#include "onnx_maker.h"

#include <glib/gstdio.h>
#include <math.h>
#include <string.h>

/* ---- the built-in one ---- */

static void
test_default_is_there (void)
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
  g_assert_nonnull (dml_encoder_get_metadata (encoder, "dml.licence"));
  if (dml_encoder_is_placeholder (encoder))
    g_assert_cmpstr (dml_encoder_get_name (encoder), ==,
                     "placeholder (untrained)");
}

/* ---- inputs and outputs ---- */

/* Input of that shape and one node that makes an N x D of it. */
static GByteArray *
with_input (const int64_t *dims, size_t n_dims)
{
  GByteArray *graph = g_byte_array_new ();

  onnx_add_input (graph, "in", dims, n_dims);
  onnx_add_node (graph, "Flatten", "flat", "in", "out");
  onnx_add_output (graph, "out");
  return onnx_model (graph, 13);
}

static void
test_refuses_other_inputs (void)
{
  static const int64_t nhwc[] = { -1, 224, 224, 3 }, flat[] = { -1, 768 };
  static const int64_t six[] = { -1, 6, 16, 16 }, loose[] = { -1, 3, -1, -1 };
  static const int64_t huge[] = { -1, 3, 5000, 16 }, one[] = { -1, 3, 16, 16 };
  GByteArray *graph, *model;

  refuse_model (with_input (nhwc, 4), DML_ERROR_UNSUPPORTED, "NHWC");
  refuse_model (with_input (flat, 2), DML_ERROR_UNSUPPORTED,
                "is ?x768, expected an image");
  refuse_model (with_input (six, 4), DML_ERROR_UNSUPPORTED, "N x 3 x H x W");
  refuse_model (with_input (loose, 4), DML_ERROR_UNSUPPORTED, "dml.input");
  refuse_model (with_input (huge, 4), DML_ERROR_LIMIT, "4096 pixels a side");
  model = with_input (one, 4);
  onnx_add_metadata (model, "dml.input", "32x16");
  refuse_model (model, DML_ERROR_FORMAT, "dml.input is 32x16, but input");

  graph = g_byte_array_new ();
  onnx_add_input (graph, "left", one, 4);
  onnx_add_input (graph, "right", one, 4);
  onnx_add_node (graph, "Add", "", "left right", "sum");
  onnx_add_node (graph, "Flatten", "", "sum", "out");
  onnx_add_output (graph, "out");
  refuse_model (onnx_model (graph, 13), DML_ERROR_UNSUPPORTED,
                "2 inputs (\"left\", \"right\"");

  graph = g_byte_array_new ();
  pb_message (graph, 11, onnx_value ("in", 2, one, 4));
  onnx_add_node (graph, "Flatten", "", "in", "out");
  onnx_add_output (graph, "out");
  refuse_model (onnx_model (graph, 13), DML_ERROR_UNSUPPORTED, "is uint8");
}

static void
test_refuses_other_outputs (void)
{
  static const int64_t one[] = { -1, 3, 16, 16 };
  GByteArray *graph = g_byte_array_new ();

  onnx_add_input (graph, "in", one, 4);
  onnx_add_node (graph, "Relu", "", "in", "map");
  onnx_add_output (graph, "map");
  refuse_model (onnx_model (graph, 13), DML_ERROR_UNSUPPORTED,
                "output \"map\" is float32 1x3x16x16");
}

/* A map of features beside the embedding, as N x D x 1 x 1. */
static void
test_takes_the_output_that_is_an_embedding (void)
{
  static const int64_t one[] = { -1, 3, 16, 16 };
  GByteArray *graph = g_byte_array_new ();
  g_autoptr (DmlEncoder) encoder = NULL;

  onnx_add_input (graph, "in", one, 4);
  onnx_add_node (graph, "Relu", "", "in", "map");
  onnx_add_node (graph, "GlobalAveragePool", "", "map", "pooled");
  onnx_add_output (graph, "map");
  onnx_add_output (graph, "pooled");
  encoder = open_model (onnx_model (graph, 13));
  g_assert_cmpuint (dml_encoder_get_dim (encoder), ==, 3);
}

static void
test_size_may_come_from_metadata (void)
{
  static const int64_t loose[] = { -1, -1, -1, -1 };
  GByteArray *model = with_input (loose, 4);
  g_autoptr (DmlEncoder) encoder = NULL;
  int width, height;

  onnx_add_metadata (model, "dml.input", "20x12");
  encoder = open_model (model);
  dml_encoder_get_input_size (encoder, &width, &height);
  g_assert_cmpint (width, ==, 20);
  g_assert_cmpint (height, ==, 12);
  g_assert_cmpuint (dml_encoder_get_dim (encoder), ==, 3 * 20 * 12);
}

static void
test_grey_input (void)
{
  static const int64_t grey[] = { -1, 1, 8, 8 };
  GByteArray *model = with_input (grey, 4);
  g_autoptr (DmlPicture) picture = noise_picture (8, 8, 3);
  g_autoptr (DmlEncoder) encoder = NULL;
  float out[64];
  int stride;
  const uint8_t *pixels = dml_picture_get_pixels (picture, &stride);

  onnx_add_metadata (model, "dml.mean", "0");
  onnx_add_metadata (model, "dml.std", "1");
  onnx_add_metadata (model, "dml.metric", "euclidean");
  encoder = open_model (model);
  g_assert_cmpuint (dml_encoder_get_dim (encoder), ==, 64);
  embed_one (encoder, picture, out);
  for (int i = 0; i < 64; i++) {
    const uint8_t *p = pixels + i / 8 * stride + i % 8 * 3;

    g_assert_cmpfloat_with_epsilon (
      (double) out[i], (0.299 * p[0] + 0.587 * p[1] + 0.114 * p[2]) / 255,
      0.01);
  }
}

/* Declared as free, or as 3, or declared free and yet frozen by a Reshape: the
 * same pictures give the same rows. */
static void
test_batches_that_files_fix (void)
{
  enum { N = 7 };
  static const int64_t frozen[] = { 1, 192 };
  static const size_t wanted[] = { 0, 3, 1 };
  g_autofree float *out[3] = { NULL };
  DmlPicture *pictures[N];
  const DmlImage *images[N];

  for (int i = 0; i < N; i++) {
    pictures[i] = noise_picture (9, 9, (guint32) i);
    images[i] = dml_picture_get_image (pictures[i]);
  }
  for (int kind = 0; kind < 3; kind++) {
    const int64_t in[] = { kind == 1 ? 3 : -1, 3, 8, 8 };
    GByteArray *graph = g_byte_array_new ();
    g_autoptr (DmlEncoder) encoder = NULL;
    g_autoptr (DmlSession) session = NULL;

    onnx_add_input (graph, "in", in, 4);
    onnx_add_ints (graph, "shape", frozen, 2);
    if (kind == 2)
      onnx_add_node (graph, "Reshape", "", "in shape", "out");
    else
      onnx_add_node (graph, "Flatten", "", "in", "out");
    onnx_add_output (graph, "out");
    encoder = open_model (onnx_model (graph, 13));
    g_assert_cmpuint (encoder->net->fixed_batch, ==, wanted[kind]);
    session = dml_encoder_session_new (encoder, 1, NULL);
    out[kind] = g_new (float, N * 192);
    g_assert_true (
      dml_session_embed (session, images, NULL, N, out[kind], NULL));
    g_assert_cmpmem (out[kind], N * 192 * sizeof (float), out[0],
                     N * 192 * sizeof (float));
  }
  for (int i = 0; i < 3; i++)
    g_clear_pointer (&out[i], g_free);
  for (int i = 0; i < N; i++)
    dml_picture_unref (pictures[i]);
}

static void
test_refuses_hostile_activations (void)
{
  static const int64_t one[] = { -1, 3, 4096, 4096 };
  static const int64_t w[] = { 8, 3, 1, 1 };
  static const float weights[24] = { 0 };
  GByteArray *graph = g_byte_array_new ();

  onnx_add_input (graph, "in", one, 4);
  onnx_add_floats (graph, "w", w, 4, weights);
  onnx_add_node (graph, "Conv", "", "in w", "wide");
  onnx_add_node (graph, "GlobalAveragePool", "", "wide", "out");
  onnx_add_output (graph, "out");
  refuse_model (onnx_model (graph, 13), DML_ERROR_LIMIT, "256 MiB");
}

/* ---- sharing ---- */

static void
files_write (const char *path, GByteArray *model)
{
  g_assert_true (
    g_file_set_contents (path, (const char *) model->data, model->len, NULL));
  g_byte_array_unref (model);
}

static gpointer
open_in_thread (gpointer path)
{
  return dml_encoder_open (path, NULL);
}

static void
test_sharing_one_file_one_encoder (void)
{
  enum { N = 8 };
  g_autofree char *folder = g_dir_make_tmp ("dml-encoder-XXXXXX", NULL);
  g_autofree char *a = g_build_filename (folder, "a.onnx", NULL);
  g_autofree char *b = g_build_filename (folder, "b.onnx", NULL);
  g_autofree char *link = g_build_filename (folder, "link.onnx", NULL);
  GByteArray *model = onnx_small_cnn (16, 8, 1);
  DmlEncoder *encoders[N], *copy, *linked, *changed;
  GThread *threads[N];

  onnx_add_metadata (model, "dml.name", "copy");
  files_write (b, model);
  files_write (a, onnx_small_cnn (16, 8, 1));
  g_assert_cmpint (symlink (a, link), ==, 0);
  for (int i = 0; i < N; i++)
    threads[i] = g_thread_new ("open", open_in_thread, a);
  for (int i = 0; i < N; i++)
    encoders[i] = g_thread_join (threads[i]);
  copy = dml_encoder_open (b, NULL);
  linked = dml_encoder_open (link, NULL);
  for (int i = 0; i < N; i++)
    g_assert_true (encoders[i] != NULL && encoders[i] == encoders[0]);
  g_assert_true (linked == encoders[0]);
  /* Another file with the same network: its own name, the same weights. */
  g_assert_true (copy != encoders[0]);
  g_assert_true (copy->net == encoders[0]->net);
  g_assert_cmpstr (dml_encoder_get_name (copy), ==, "copy");
  g_assert_cmpstr (dml_encoder_get_name (linked), ==, "a.onnx");

  files_write (a, onnx_small_cnn (16, 8, 2));
  changed = dml_encoder_open (a, NULL);
  g_assert_true (changed != encoders[0]);
  g_assert_cmpstr (dml_encoder_get_fingerprint (changed), !=,
                   dml_encoder_get_fingerprint (encoders[0]));
  dml_encoder_unref (changed);
  for (int i = 0; i < N; i++)
    dml_encoder_unref (encoders[i]);
  dml_encoder_unref (linked);
  dml_encoder_unref (copy);
  g_remove (link);
  g_remove (a);
  g_remove (b);
  g_rmdir (folder);
}

static void
test_opening_what_is_not_there (void)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (dml_encoder_open ("no/such.onnx", &error));
  g_assert_error (error, DML_ERROR, DML_ERROR_NOT_FOUND);
  g_assert_true (g_str_has_prefix (error->message, "no/such.onnx: "));
}

/* ---- a real one ---- */

static void
test_reference_embeddings (void)
{
  const char *shared = g_getenv ("DML_SHARED");
  g_autofree char *root =
    shared ? g_strdup (shared)
           : g_build_filename (g_getenv ("DML_TEST_SOURCE_ROOT"), "..",
                               "shared", NULL);
  g_autofree char *models = g_build_filename (root, "models", NULL);
  g_autofree char *path =
    g_build_filename (models, "mobilenet-v2-imagenet.onnx", NULL);
  g_autofree char *npy =
    g_build_filename (models, "reference", "embeddings.npy", NULL);
  g_autofree char *data = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (DmlEncoder) encoder = NULL;
  g_autoptr (DmlSession) session = NULL;
  g_autofree float *out = NULL;
  guint16 head;
  gsize size;
  size_t dim;

  if (!g_file_get_contents (npy, &data, &size, NULL)) {
    g_test_skip ("no models/reference in $DML_SHARED or ../shared");
    return;
  }
  encoder = dml_encoder_open (path, &error);
  g_assert_no_error (error);
  dim = dml_encoder_get_dim (encoder);
  out = g_new (float, dim);
  memcpy (&head, data + 8, sizeof head);
  g_assert_cmpuint (size, ==, 10u + head + 8 * dim * sizeof (float));
  session = dml_encoder_session_new (encoder, 1, &error);
  for (size_t i = 0; i < 8; i++) {
    g_autofree char *file = g_strdup_printf ("%s/reference/%zu.png", models, i);
    g_autoptr (DmlPicture) picture = dml_picture_load (file, &error);
    const DmlImage *image;
    double worst = 0;

    g_assert_no_error (error);
    image = dml_picture_get_image (picture);
    g_assert_true (dml_session_embed (session, &image, NULL, 1, out, &error));
    for (size_t k = 0; k < dim; k++) {
      float wanted;

      memcpy (&wanted, data + 10 + head + (i * dim + k) * sizeof wanted,
              sizeof wanted);
      worst = MAX (worst, fabs ((double) out[k] - (double) wanted));
    }
    g_assert_cmpfloat (worst, <, 1e-4);
  }
}

/* ---- faults ---- */

static void
test_every_allocation_may_fail (void)
{
  g_autoptr (GByteArray) model = onnx_small_cnn (16, 8, 1);
  g_autoptr (DmlPicture) picture = noise_picture (20, 20, 1);
  const DmlImage *image = dml_picture_get_image (picture);

  for (MemoryFault fault = { .least = 1 }; memory_fault_left (&fault);) {
    g_autoptr (GError) error = NULL;
    g_autoptr (DmlEncoder) encoder = NULL;
    g_autoptr (DmlSession) session = NULL;
    gboolean ok = FALSE;
    float out[8];

    memory_fault_arm (&fault);
    encoder =
      dml_encoder_new_from_data (model->data, model->len, "model.onnx", &error);
    if (encoder != NULL)
      session = dml_encoder_session_new (encoder, 1, &error);
    if (session != NULL)
      ok = dml_session_embed (session, &image, NULL, 1, out, &error) &&
           dml_session_embed_enrolment (session, picture, 3, out, &error);
    memory_fault_check (&fault, ok, error);
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(name, test) g_test_add_func ("/encoder/" name, test)
  ADD ("default-is-there", test_default_is_there);
  ADD ("refuses-other-inputs", test_refuses_other_inputs);
  ADD ("refuses-other-outputs", test_refuses_other_outputs);
  ADD ("takes-the-output-that-is-an-embedding",
       test_takes_the_output_that_is_an_embedding);
  ADD ("size-may-come-from-metadata", test_size_may_come_from_metadata);
  ADD ("grey-input", test_grey_input);
  ADD ("batches-that-files-fix", test_batches_that_files_fix);
  ADD ("refuses-hostile-activations", test_refuses_hostile_activations);
  ADD ("sharing/one-file-one-encoder", test_sharing_one_file_one_encoder);
  ADD ("opening-what-is-not-there", test_opening_what_is_not_there);
  ADD ("reference-embeddings", test_reference_embeddings);
  ADD ("every-allocation-may-fail", test_every_allocation_may_fail);
  return g_test_run ();
}
