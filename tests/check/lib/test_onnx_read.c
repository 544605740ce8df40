/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Reading ONNX files: what is good, and what is said about what is not. */
#include "base/error.h"
#include "nn/exec.h"
#include "nn/onnx/onnx.h"
#include "onnx_maker.h"

#include <math.h>
#include <string.h>

static const int64_t VECTOR[] = { -1, 4 }, FOUR[] = { 4 };

/* Reads `model` (taken over) and infers it, as opening an encoder does; expects
 * an error of that code whose message holds `words` and may go to a terminal.
 */
static void
assert_refused (GByteArray *model, DmlError code, const char *words)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (DmlGraph) graph =
    dml_onnx_read (model->data, model->len, "model.onnx", NULL, &error);

  if (graph != NULL)
    g_assert_false (dml_graph_infer (graph, 1, &error));
  g_assert_error (error, DML_ERROR, (gint) code);
  if (graph == NULL)
    g_assert_true (g_str_has_prefix (error->message, "model.onnx: "));
  if (strstr (error->message, words) == NULL)
    g_error ("\"%s\" does not say \"%s\"", error->message, words);
  g_assert_cmpuint (strlen (error->message), <, 1000);
  for (const char *p = error->message; *p != '\0'; p++)
    g_assert_cmpuint ((guchar) *p, >=, 0x20);
  g_byte_array_unref (model);
}

static GByteArray *
bytes (const char *text)
{
  GByteArray *array = g_byte_array_new ();

  g_byte_array_append (array, (const guint8 *) text, (guint) strlen (text));
  return array;
}

/* A graph with input x (n x 4) and output y, to which the nodes come. */
static GByteArray *
begin (void)
{
  GByteArray *graph = g_byte_array_new ();

  onnx_add_input (graph, "x", VECTOR, 2);
  onnx_add_output (graph, "y");
  return graph;
}

/* ---- not ONNX, or damaged ---- */

static void
test_read_names_what_is_not_onnx (void)
{
  assert_refused (bytes ("PK\003\004......."), DML_ERROR_FORMAT, "zip archive");
  assert_refused (bytes ("version https://git-lfs.github.com"),
                  DML_ERROR_FORMAT, "git lfs pull");
  assert_refused (bytes ("<!DOCTYPE html>"), DML_ERROR_FORMAT, "HTML page");
  assert_refused (bytes ("x"), DML_ERROR_FORMAT, "not an ONNX model");
  assert_refused (bytes (""), DML_ERROR_FORMAT, "no graph");
}

static void
test_read_names_a_missing_file (void)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (dml_onnx_read_file ("no/such.onnx", NULL, &error));
  g_assert_error (error, DML_ERROR, DML_ERROR_NOT_FOUND);
  g_assert_true (g_str_has_prefix (error->message, "no/such.onnx: "));
}

static void
test_read_refuses_what_is_no_file (void)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (dml_onnx_read_file ("/", NULL, &error));
  g_assert_error (error, DML_ERROR, DML_ERROR_FORMAT);
  g_clear_error (&error);
  g_assert_null (dml_onnx_read_file ("/dev/null", NULL, &error));
  g_assert_error (error, DML_ERROR, DML_ERROR_FORMAT);
}

static void
test_read_every_truncation_ends_in_words (void)
{
  g_autoptr (GByteArray) model = onnx_small_cnn (16, 8, 1);

  for (guint n = 0; n < model->len; n++) {
    g_autoptr (GError) error = NULL;
    g_autoptr (DmlGraph) graph =
      dml_onnx_read (model->data, n, "model.onnx", NULL, &error);

    g_assert_null (graph);
    g_assert_error (error, DML_ERROR, DML_ERROR_FORMAT);
  }
}

static void
test_read_says_where_a_file_is_cut (void)
{
  GByteArray *model = onnx_small_cnn (16, 8, 1);

  g_byte_array_set_size (model, model->len - 100);
  assert_refused (model, DML_ERROR_FORMAT, "cut short");
}

/* ---- opset ---- */

static void
test_read_refuses_other_opsets (void)
{
  GByteArray *model;
  GByteArray *graph = begin ();

  onnx_add_node (graph, "Relu", "", "x", "y");
  g_byte_array_ref (graph);
  assert_refused (onnx_model (graph, 8), DML_ERROR_UNSUPPORTED,
                  "opset 8; 9 to 21");
  assert_refused (onnx_model (graph, 22), DML_ERROR_UNSUPPORTED,
                  "opset_version=17");
  graph = begin ();
  onnx_add_node (graph, "Relu", "", "x", "y");
  model = g_byte_array_new ();
  pb_message (model, 7, graph);
  assert_refused (model, DML_ERROR_FORMAT, "no operator set");
}

/* ---- tensors ---- */

static GByteArray *
with_tensor (GByteArray *tensor)
{
  GByteArray *graph = begin ();

  pb_message (graph, 5, tensor);
  onnx_add_node (graph, "Add", "add", "x t", "y");
  return onnx_model (graph, 13);
}

static void
test_read_refuses_wrong_tensors (void)
{
  static const float four[4] = { 1, 2, 3, 4 };
  static const int64_t huge[] = { (int64_t) 1 << 62, (int64_t) 1 << 62 };
  static const int64_t large[] = { 1 << 20, 1 << 20 }, minus[] = { -4 };
  static const int64_t nine[9] = { 1, 1, 1, 1, 1, 1, 1, 1, 4 };
  static const int64_t three[] = { 3 };
  GByteArray *tensor;

  assert_refused (with_tensor (onnx_tensor ("t", 1, huge, 2, four, 16)),
                  DML_ERROR_LIMIT, "tensor \"t\"");
  assert_refused (with_tensor (onnx_tensor ("t", 1, large, 2, NULL, 0)),
                  DML_ERROR_LIMIT, "too many");
  assert_refused (with_tensor (onnx_tensor ("t", 1, nine, 9, four, 16)),
                  DML_ERROR_LIMIT, "9 dimensions");
  assert_refused (with_tensor (onnx_tensor ("t", 1, minus, 1, four, 16)),
                  DML_ERROR_FORMAT, "dimension 0 is -4");
  assert_refused (with_tensor (onnx_tensor ("t", 1, three, 1, four, 16)),
                  DML_ERROR_FORMAT, "16 bytes of data, its shape asks for 12");
  assert_refused (with_tensor (onnx_tensor ("t", 1, FOUR, 1, four, 15)),
                  DML_ERROR_FORMAT, "15 bytes");
  assert_refused (with_tensor (onnx_tensor ("t", 1, FOUR, 1, NULL, 0)),
                  DML_ERROR_FORMAT, "0 values, its shape asks for 4");
  assert_refused (with_tensor (onnx_tensor ("t", 16, FOUR, 1, four, 8)),
                  DML_ERROR_UNSUPPORTED, "bfloat16");
  assert_refused (with_tensor (onnx_tensor ("t", 99, FOUR, 1, four, 16)),
                  DML_ERROR_UNSUPPORTED, "element type 99");
  assert_refused (with_tensor (onnx_tensor ("", 1, FOUR, 1, four, 16)),
                  DML_ERROR_FORMAT, "initialiser 0 has no name");
  tensor = onnx_tensor ("t", 1, FOUR, 1, NULL, 0);
  pb_text (tensor, 13, "\x0a\x08location\x12\x05w.bin");
  pb_int (tensor, 14, 1);
  assert_refused (with_tensor (tensor), DML_ERROR_UNSUPPORTED,
                  "another file (w.bin)");
}

/* The same numbers in every way that the format has. */
static void
test_read_typed_data (void)
{
  static const uint16_t halves[] = { 0x3c00, 0xc000, 0x4200, 0x0001 };
  static const float wanted[4] = { 1, -2, 3, 5.9604644775390625e-8f };
  GByteArray *tensors[3], *packed;

  packed = g_byte_array_new ();
  tensors[0] = onnx_tensor ("t", ONNX_FLOAT, FOUR, 1, NULL, 0);
  pb_bytes (tensors[0], 4, wanted, sizeof wanted);
  tensors[1] = onnx_tensor ("t", ONNX_FLOAT, FOUR, 1, wanted, sizeof wanted);
  for (int i = 0; i < 4; i++) { /* int32_data, packed varints */
    const guint8 varint[] = { (guint8) (halves[i] | 0x80),
                              (guint8) (halves[i] >> 7 | 0x80),
                              (guint8) (halves[i] >> 14) };

    g_byte_array_append (packed, varint, 3);
  }
  tensors[2] = onnx_tensor ("t", DML_ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT16,
                            FOUR, 1, NULL, 0);
  pb_message (tensors[2], 5, packed);

  for (size_t i = 0; i < G_N_ELEMENTS (tensors); i++) {
    g_autoptr (GError) error = NULL;
    GByteArray *graph = begin (), *cast = onnx_node ("Cast", "", "t", "t32");
    g_autoptr (GByteArray) model = NULL;
    g_autoptr (DmlGraph) read = NULL;
    const DmlValue *value;

    pb_message (graph, 5, tensors[i]);
    onnx_node_int (cast, "to", ONNX_FLOAT);
    if (i == 2)
      pb_message (graph, 1, cast);
    else
      g_byte_array_unref (cast);
    onnx_add_node (graph, "Add", "add", i == 2 ? "x t32" : "x t", "y");
    model = onnx_model (graph, 13);
    read = dml_onnx_read (model->data, model->len, "typed", NULL, &error);
    g_assert_no_error (error);
    value = dml_graph_find (read, i == 2 ? "t32" : "t");
    g_assert_nonnull (value->constant);
    g_assert_cmpmem (value->constant->data, dml_tensor_bytes (value->constant),
                     wanted, sizeof wanted);
  }
}

/* ---- graphs ---- */

static void
test_read_refuses_wrong_graphs (void)
{
  static const float four[4] = { 1, 2, 3, 4 };
  GByteArray *graph = begin (), *node;

  onnx_add_node (graph, "Relu", "first", "b", "a");
  onnx_add_node (graph, "Relu", "second", "a", "b");
  onnx_add_node (graph, "Add", "third", "x b", "y");
  assert_refused (onnx_model (graph, 13), DML_ERROR_FORMAT, "cycle");

  graph = begin ();
  onnx_add_node (graph, "Relu", "r", "nowhere", "y");
  assert_refused (onnx_model (graph, 13), DML_ERROR_FORMAT,
                  "nothing produces its input \"nowhere\"");

  assert_refused (onnx_model (begin (), 13), DML_ERROR_FORMAT,
                  "nothing produces the output \"y\"");

  graph = begin ();
  onnx_add_node (graph, "Relu", "one", "x", "y");
  onnx_add_node (graph, "Relu", "two", "x", "y");
  assert_refused (onnx_model (graph, 13), DML_ERROR_FORMAT, "two places");

  graph = begin ();
  onnx_add_floats (graph, "t", FOUR, 1, four);
  onnx_add_floats (graph, "t", FOUR, 1, four);
  assert_refused (onnx_model (graph, 13), DML_ERROR_FORMAT, "two places");

  graph = begin ();
  onnx_add_node (graph, "FancyAttention", "block.7", "x", "y");
  assert_refused (onnx_model (graph, 13), DML_ERROR_UNSUPPORTED,
                  "FancyAttention \"block.7\"");

  graph = begin ();
  node = onnx_node ("If", "branch", "x", "y");
  pb_text (node, 5, "\x0a\x0bthen_branch\x32\x02..\xa0\x01\x05");
  pb_message (graph, 1, node);
  assert_refused (onnx_model (graph, 13), DML_ERROR_UNSUPPORTED,
                  "attribute then_branch is a graph");

  graph = begin ();
  node = onnx_node ("Relu", "r", "x", "y");
  onnx_node_int (node, "a", 1);
  onnx_node_int (node, "a", 2);
  pb_message (graph, 1, node);
  assert_refused (onnx_model (graph, 13), DML_ERROR_FORMAT, "stands twice");

  graph = g_byte_array_new ();
  onnx_add_output (graph, "y");
  onnx_add_node (graph, "Relu", "r", "y", "y");
  assert_refused (onnx_model (graph, 13), DML_ERROR_FORMAT, "no input");
}

static void
test_read_quotes_names (void)
{
  g_autofree char *endless = g_strnfill (1 << 20, 'n');
  GByteArray *graph = begin ();

  onnx_add_node (graph, "Re\nlu\033[2J", endless, "x", "y");
  assert_refused (onnx_model (graph, 13), DML_ERROR_UNSUPPORTED, "Re\\x0alu");
  graph = begin ();
  onnx_add_node (graph, "Relu", "r", endless, "y");
  assert_refused (onnx_model (graph, 13), DML_ERROR_FORMAT, "nnnn");
  graph = begin ();
  onnx_add_node (graph, "Relu", "r", "\r\x80", "y");
  assert_refused (onnx_model (graph, 13), DML_ERROR_FORMAT, "\\x0d\\x80");
}

static void
test_read_optional_inputs (void)
{
  static const float lo = -1;
  GByteArray *graph = begin ();
  g_autoptr (GError) error = NULL;
  g_autoptr (GByteArray) model = NULL;
  g_autoptr (DmlGraph) read = NULL;

  onnx_add_floats (graph, "lo", NULL, 0, &lo);
  onnx_add_node (graph, "Clip", "a", "x - -", "z");
  onnx_add_node (graph, "Clip", "b", "z lo -", "y");
  model = onnx_model (graph, 13);
  read = dml_onnx_read (model->data, model->len, "optional", NULL, &error);
  g_assert_no_error (error);
  g_assert_true (dml_graph_infer (read, 3, &error));
  g_assert_cmpuint (dml_graph_node (read, 0)->n_in, ==, 1);
  g_assert_cmpuint (dml_graph_node (read, 1)->n_in, ==, 2);
}

/* ---- hostile sizes ---- */

static void
test_read_bounds_the_number_of_nodes (void)
{
  GByteArray *graph = begin ();
  g_autoptr (GByteArray) node = onnx_node ("Relu", "", "x", "");

  for (int i = 0; i < 70000; i++)
    pb_bytes (graph, 1, node->data, node->len);
  assert_refused (onnx_model (graph, 13), DML_ERROR_LIMIT, "65536 nodes");
}

/* Two bytes of a file are a node of more than a hundred in memory. */
static void
test_read_bounds_what_a_file_unfolds_to (void)
{
  GByteArray *graph = g_byte_array_new ();
  const guint n = 4 << 20;

  g_byte_array_set_size (graph, 2 * n);
  for (guint i = 0; i < n; i++) {
    graph->data[2 * i] = 0x0a;
    graph->data[2 * i + 1] = 0;
  }
  assert_refused (onnx_model (graph, 13), DML_ERROR_LIMIT, "hostile");
}

/* Graphs in attributes of graphs in attributes ... */
static void
test_read_does_not_recurse (void)
{
  GByteArray *inner = g_byte_array_new ();

  for (int depth = 0; depth < 2000; depth++) {
    GByteArray *attr = g_byte_array_new (), *graph = g_byte_array_new ();
    GByteArray *node = onnx_node ("If", "deep", "x", "y");

    pb_text (attr, 1, "then_branch");
    pb_message (attr, 6, inner);
    pb_int (attr, 20, 5);
    pb_message (node, 5, attr);
    pb_message (graph, 1, node);
    inner = graph;
  }
  assert_refused (onnx_model (inner, 13), DML_ERROR_UNSUPPORTED, "is a graph");
}

/* Small files that compute large values. */
static void
test_infer_bounds_what_is_computed (void)
{
  static const int64_t large[] = { 1 << 16, 1 << 16 },
                       some[] = { 1 << 12, 512 };
  static const int64_t repeats[] = { 1 << 20, 1 << 20 };
  GByteArray *graph = begin ();

  onnx_add_ints (graph, "size", large, 2);
  onnx_add_node (graph, "ConstantOfShape", "c", "size", "y");
  assert_refused (onnx_model (graph, 13), DML_ERROR_LIMIT, "65536x65536");

  graph = begin ();
  onnx_add_ints (graph, "repeats", repeats, 2);
  onnx_add_node (graph, "Tile", "t", "x repeats", "y");
  assert_refused (onnx_model (graph, 13), DML_ERROR_LIMIT, "Tile");

  /* 8 MiB each: within the bound of a value, and together beyond that of
   * computed constants. */
  graph = begin ();
  onnx_add_ints (graph, "size", some, 2);
  for (int i = 0; i < 20; i++) {
    g_autofree char *out = g_strdup_printf ("c%d", i);

    onnx_add_node (graph, "ConstantOfShape", "c", "size", out);
  }
  onnx_add_node (graph, "Relu", "r", "x", "y");
  assert_refused (onnx_model (graph, 13), DML_ERROR_LIMIT,
                  "computed constants");
}

static void
test_read_unfolds_a_half_once (void)
{
  const guint n = 1 << 20; /* 2 MiB of file, 4 MiB a Cast */
  const int64_t dims[] = { n };
  g_autofree guint8 *raw = g_malloc0 (2 * n);
  GByteArray *graph = begin ();

  pb_message (graph, 5,
              onnx_tensor ("t", DML_ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT16,
                           dims, 1, raw, 2 * n));
  for (int i = 0; i < 1000; i++) {
    g_autofree char *out = g_strdup_printf ("c%d", i);
    GByteArray *node = onnx_node ("Cast", "cast", "t", out);

    onnx_node_int (node, "to", ONNX_FLOAT);
    pb_message (graph, 1, node);
  }
  onnx_add_node (graph, "Relu", "r", "x", "y");
  assert_refused (onnx_model (graph, 13), DML_ERROR_LIMIT,
                  "computed constants");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(name, test) g_test_add_func ("/onnx/read/" name, test)
  ADD ("names-what-is-not-onnx", test_read_names_what_is_not_onnx);
  ADD ("names-a-missing-file", test_read_names_a_missing_file);
  ADD ("refuses-what-is-no-file", test_read_refuses_what_is_no_file);
  ADD ("every-truncation-ends-in-words",
       test_read_every_truncation_ends_in_words);
  ADD ("says-where-a-file-is-cut", test_read_says_where_a_file_is_cut);
  ADD ("refuses-other-opsets", test_read_refuses_other_opsets);
  ADD ("refuses-wrong-tensors", test_read_refuses_wrong_tensors);
  ADD ("typed-data", test_read_typed_data);
  ADD ("refuses-wrong-graphs", test_read_refuses_wrong_graphs);
  ADD ("quotes-names", test_read_quotes_names);
  ADD ("optional-inputs", test_read_optional_inputs);
  ADD ("bounds-the-number-of-nodes", test_read_bounds_the_number_of_nodes);
  ADD ("bounds-what-a-file-unfolds-to",
       test_read_bounds_what_a_file_unfolds_to);
  ADD ("does-not-recurse", test_read_does_not_recurse);
  ADD ("bounds-what-is-computed", test_infer_bounds_what_is_computed);
  ADD ("unfolds-a-half-once", test_read_unfolds_a_half_once);
  return g_test_run ();
}
