/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Encoders: what the file says about itself, and fingerprints. */
#include "encoder/encoder.h"
#include "encoder_maker.h"
#include "onnx_maker.h"

#include <math.h>

/* ---- metadata ---- */

static void
test_metadata_defaults (void)
{
  g_autoptr (DmlEncoder) encoder = open_model (onnx_small_cnn (16, 8, 1));
  DmlThreshold threshold;

  g_assert_cmpstr (dml_encoder_get_name (encoder), ==, "model.onnx");
  g_assert_cmpint (dml_encoder_get_fit (encoder), ==, DML_FIT_CONTEXT);
  g_assert_cmpint (dml_encoder_get_metric (encoder), ==, DML_METRIC_COSINE);
  g_assert_false (dml_encoder_is_placeholder (encoder));
  g_assert_null (dml_encoder_get_metadata (encoder, "dml.name"));
  g_assert_false (dml_encoder_get_threshold (encoder, 0.01, &threshold));
  g_assert_cmpfloat ((double) encoder->traits.input.mean[0], ==,
                     (double) 0.485f);
  g_assert_cmpfloat ((double) encoder->traits.input.std[2], ==,
                     (double) 0.225f);
}

static void
test_metadata_is_read (void)
{
  GByteArray *model = onnx_small_cnn (16, 8, 1);
  g_autoptr (DmlEncoder) encoder = NULL;
  DmlThreshold t;

  onnx_add_metadata (model, "dml.version", "1");
  onnx_add_metadata (model, "dml.name", "things");
  onnx_add_metadata (model, "dml.mean", "[0.1, 0.2,0.3]");
  onnx_add_metadata (model, "dml.std", "0.5 0.25 1");
  onnx_add_metadata (model, "dml.fit", "stretch");
  onnx_add_metadata (model, "dml.metric", "euclidean");
  onnx_add_metadata (model, "mine", "kept");
  onnx_add_metadata (
    model, "dml.thresholds",
    "[{\"far\": 0.1, \"threshold\": 0.4}, {\"far\": 0.001, \"threshold\": 0.8},"
    " {\"far\": 0.01, \"threshold\": 0.6, \"n_genuine\": 12, \"n_impostor\": "
    "3400, \"lower\": 0.005, \"upper\": 0.02}]");
  encoder = open_model (model);
  g_assert_cmpstr (dml_encoder_get_name (encoder), ==, "things");
  g_assert_cmpstr (dml_encoder_get_metadata (encoder, "mine"), ==, "kept");
  g_assert_cmpint (dml_encoder_get_fit (encoder), ==, DML_FIT_STRETCH);
  g_assert_cmpint (dml_encoder_get_metric (encoder), ==, DML_METRIC_EUCLIDEAN);
  g_assert_cmpfloat ((double) encoder->traits.input.mean[1], ==, (double) 0.2f);
  g_assert_cmpfloat ((double) encoder->traits.input.std[1], ==, 0.25);
  g_assert_true (dml_encoder_get_threshold (encoder, 0.01, &t));
  g_assert_cmpfloat (t.threshold, ==, 0.6);
  g_assert_cmpuint (t.n_genuine, ==, 12);
  g_assert_cmpuint (t.n_impostor, ==, 3400);
  g_assert_cmpfloat (t.upper, ==, 0.02);
}

/* numpy.interp (log (rate), log ([0.001, 0.01, 0.1]), [0.8, 0.6, 0.4]) */
static void
test_thresholds_between_rates (void)
{
  static const struct {
    double wished, told, threshold;
  } golden[] = {
    { 1e-6, 0.001, 0.8 },
    { 0.001, 0.001, 0.8 },
    { 0.002, 0.002, 0.7397940008672037 },
    { 0.005, 0.005, 0.6602059991327962 },
    { 0.01, 0.01, 0.6 },
    { 0.02, 0.02, 0.5397940008672037 },
    { 0.05, 0.05, 0.4602059991327962 },
    { 0.1, 0.1, 0.4 },
    { 0.3, 0.1, 0.4 },
  };
  g_autoptr (DmlEncoder) encoder = open_model (model_with_metadata (
    "dml.thresholds",
    "[{\"far\": 0.1, \"threshold\": 0.4, \"n_genuine\": 9, \"lower\": 0.08, "
    "\"upper\": 0.12}, {\"far\": 0.001, \"threshold\": 0.8, \"upper\": 1}, "
    "{\"far\": 0.01, \"threshold\": 0.6, \"n_genuine\": 12, \"lower\": 0.006, "
    "\"upper\": 0.016}]"));
  DmlThreshold t;

  for (guint i = 0; i < G_N_ELEMENTS (golden); i++) {
    g_assert_true (dml_encoder_get_threshold (encoder, golden[i].wished, &t));
    g_assert_cmpfloat (t.false_accept_rate, ==, golden[i].told);
    g_assert_cmpfloat_with_epsilon (t.threshold, golden[i].threshold, 1e-12);
  }
  /* Half-way in ln (rate): the ends are 0.7 and 1.4 of the rate. */
  g_assert_true (dml_encoder_get_threshold (encoder, sqrt (0.001), &t));
  g_assert_cmpfloat_with_epsilon (t.threshold, 0.5, 1e-12);
  g_assert_cmpfloat_with_epsilon (t.lower, 0.7 * sqrt (0.001), 1e-12);
  g_assert_cmpfloat_with_epsilon (t.upper, 1.4 * sqrt (0.001), 1e-12);
  g_assert_cmpuint (t.n_genuine, ==, 9);
}

static void
test_metadata_name_is_quoted (void)
{
  g_autoptr (DmlEncoder) encoder =
    open_model (model_with_metadata ("dml.name", "red\033[31m\n"));

  g_assert_cmpstr (dml_encoder_get_name (encoder), ==, "red\\x1b[31m\\x0a");
  g_assert_cmpstr (dml_encoder_get_metadata (encoder, "dml.name"), ==,
                   "red\033[31m\n");
}

static void
test_metadata_wrong_is_named (void)
{
  static const struct {
    const char *key, *value;
  } wrong[] = {
    { "dml.version", "0" },
    { "dml.version", "one" },
    { "dml.input", "16" },
    { "dml.input", "0x16" },
    { "dml.input", "16x16x3" },
    { "dml.input", "99999999999999999999x16" },
    { "dml.mean", "0.1, 0.2" },
    { "dml.mean", "red" },
    { "dml.mean", "nan, nan, nan" },
    { "dml.std", "0, 0, 0" },
    { "dml.std", "1 1 1 1" },
    { "dml.fit", "crop\n" },
    { "dml.metric", "Cosine" },
    { "dml.thresholds", "{}" },
    { "dml.thresholds", "[{\"far\": 2, \"threshold\": 0.5}]" },
    { "dml.thresholds", "[{\"threshold\": 0.5}]" },
    { "dml.thresholds", "[1" },
    { "dml.thresholds", "[\"a\"]" },
    { "dml.thresholds", "[{\"far\": \"a\", \"threshold\": []}]" },
  };
  g_autofree char *deep = g_strnfill (60000, '[');

  for (size_t i = 0; i < G_N_ELEMENTS (wrong); i++)
    refuse_model (model_with_metadata (wrong[i].key, wrong[i].value),
                  DML_ERROR_FORMAT, wrong[i].key);
  refuse_model (model_with_metadata ("dml.thresholds", deep), DML_ERROR_FORMAT,
                "dml.thresholds");
  refuse_model (model_with_metadata ("dml.version", "2"), DML_ERROR_UNSUPPORTED,
                "install a newer one");
}

/* ---- fingerprints ---- */

static char *
fingerprint (GByteArray *model)
{
  g_autoptr (DmlEncoder) encoder = open_model (model);

  return g_strdup (dml_encoder_get_fingerprint (encoder));
}

/* Two branches, which may stand in either order and under any names; weights
 * as initialisers, as Constant nodes, or as float16 behind a Cast. */
static GByteArray *
branches (gboolean swapped, const char *prefix, int storage)
{
  static const int64_t image[] = { -1, 3, 8, 8 }, w[] = { 2, 3, 1, 1 };
  static const float weights[] = { 0.5, 1, -2, 0.25, 4, 1 };
  static const uint16_t halves[] = { 0x3800, 0x3c00, 0xc000,
                                     0x3400, 0x4400, 0x3c00 };
  g_autofree char *left = g_strconcat (prefix, "left", NULL);
  g_autofree char *right = g_strconcat (prefix, "right", NULL);
  g_autofree char *both = g_strconcat (left, " ", right, NULL);
  GByteArray *graph = g_byte_array_new (), *node, *attr;
  GByteArray *a = onnx_node ("Conv", left, "image w", left);
  GByteArray *b = onnx_node ("Conv", right, "image v", right);

  onnx_add_input (graph, "image", image, 4);
  onnx_add_floats (graph, "v", w, 4, weights);
  if (storage == 0) {
    onnx_add_floats (graph, "w", w, 4, weights);
  } else if (storage == 1) {
    node = onnx_node ("Constant", "", "", "w");
    attr = g_byte_array_new ();
    pb_text (attr, 1, "value");
    pb_message (attr, 5,
                onnx_tensor ("", ONNX_FLOAT, w, 4, weights, sizeof weights));
    pb_int (attr, 20, 4);
    pb_message (node, 5, attr);
    pb_message (graph, 1, node);
  } else {
    pb_message (graph, 5,
                onnx_tensor ("w16", DML_ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT16,
                             w, 4, halves, sizeof halves));
    node = onnx_node ("Cast", "", "w16", "w");
    onnx_node_int (node, "to", ONNX_FLOAT);
    pb_message (graph, 1, node);
  }
  pb_message (graph, 1, swapped ? b : a);
  pb_message (graph, 1, swapped ? a : b);
  onnx_add_node (graph, "Add", "", both, "sum");
  onnx_add_node (graph, "Identity", "", "sum", "same");
  onnx_add_node (graph, "GlobalAveragePool", "", "same", "out");
  onnx_add_output (graph, "out");
  return onnx_model (graph, 13);
}

static void
test_fingerprint_ignores_how_it_is_written (void)
{
  g_autofree char *plain = fingerprint (branches (FALSE, "", 0));

  for (int storage = 0; storage < 3; storage++)
    for (int swapped = 0; swapped < 2; swapped++) {
      GByteArray *model = branches (swapped, storage ? "layer." : "", storage);
      g_autofree char *other = NULL;

      onnx_add_metadata (model, "dml.name", "another name");
      onnx_add_metadata (model, "dml.licence", "any");
      onnx_add_metadata (model, "dml.fit", "context"); /* the default */
      other = fingerprint (model);
      g_assert_cmpstr (plain, ==, other);
    }
}

static void
test_fingerprint_sees_what_matters (void)
{
  g_autoptr (GHashTable) seen =
    g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);

  g_hash_table_add (seen, fingerprint (onnx_small_cnn (16, 8, 1)));
  g_hash_table_add (seen, fingerprint (onnx_small_cnn (16, 8, 2)));
  g_hash_table_add (seen, fingerprint (onnx_small_cnn (18, 8, 1)));
  g_hash_table_add (seen,
                    fingerprint (model_with_metadata ("dml.fit", "cover")));
  g_hash_table_add (seen,
                    fingerprint (model_with_metadata ("dml.mean", "0.5")));
  g_hash_table_add (seen, fingerprint (model_with_metadata ("dml.std", "0.5")));
  g_hash_table_add (
    seen, fingerprint (model_with_metadata ("dml.metric", "euclidean")));
  g_assert_cmpuint (g_hash_table_size (seen), ==, 7);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(name, test) g_test_add_func ("/encoder/" name, test)
  ADD ("metadata/defaults", test_metadata_defaults);
  ADD ("metadata/is-read", test_metadata_is_read);
  ADD ("metadata/thresholds-between-rates", test_thresholds_between_rates);
  ADD ("metadata/name-is-quoted", test_metadata_name_is_quoted);
  ADD ("metadata/wrong-is-named", test_metadata_wrong_is_named);
  ADD ("fingerprint/ignores-how-it-is-written",
       test_fingerprint_ignores_how_it_is_written);
  ADD ("fingerprint/sees-what-matters", test_fingerprint_sees_what_matters);
  return g_test_run ();
}
