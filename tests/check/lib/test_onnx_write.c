/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Writing ONNX files: what is read back is the same graph with the same
 * outputs. That other programs accept the files is tests/check/onnx_peers.py's
 * matter. */
#include "base/error.h"
#include "nn/exec.h"
#include "nn/onnx/onnx.h"
#include "memory_faults.h"
#include "net_maker.h"

#include <glib/gstdio.h>
#include <math.h>
#include <string.h>

static DmlGraph *
build (const char *name, DmlArchPool pool, gboolean neck)
{
  DmlArchOptions options = DML_ARCH_OPTIONS_DEFAULT;

  options.width_factor = 0.25;
  options.dim = 32;
  options.pool = pool;
  options.neck = neck;
  return net_of_arch (name, &options, 1);
}

static DmlGraph *
round_trip (const DmlGraph *graph, const DmlOnnxWrite *how,
            DmlOnnxMetadata **metadata)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) bytes = dml_onnx_write_bytes (graph, how, &error);
  DmlGraph *again;
  gsize n;

  g_assert_no_error (error);
  again = dml_onnx_read (g_bytes_get_data (bytes, &n), g_bytes_get_size (bytes),
                         "again", metadata, &error);
  g_assert_no_error (error);
  return again;
}

/* Output 0 for two pictures of smooth noise; *n floats. */
static float *
run (const DmlGraph *graph, size_t *n)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (DmlInfer) infer = dml_infer_new (graph, 2, 1, &error);
  const DmlShape *shape;
  float *x;

  g_assert_no_error (error);
  shape = dml_infer_input_shape (infer, 0);
  x = dml_infer_input (infer, 0);
  for (size_t i = 0; i < dml_shape_span (shape, 0, shape->rank); i++)
    x[i] = sinf ((float) i * 0.37f) + cosf ((float) i * 0.011f);
  dml_infer_run (infer);
  shape = dml_infer_output_shape (infer, 0);
  *n = dml_shape_span (shape, 0, shape->rank);
  return g_memdup2 (dml_infer_output (infer, 0), *n * sizeof (float));
}

static void
assert_same_outputs (const DmlGraph *a, const DmlGraph *b, double tolerance)
{
  size_t n, m;
  g_autofree float *x = run (a, &n), *y = run (b, &m);

  g_assert_cmpuint (n, ==, m);
  for (size_t i = 0; i < n; i++)
    g_assert_cmpfloat (fabs ((double) x[i] - (double) y[i]), <=, tolerance);
}

static void
assert_same_value (const DmlValue *a, const DmlValue *b)
{
  g_assert_cmpint (a == NULL, ==, b == NULL);
  if (a == NULL)
    return;
  g_assert_cmpstr (a->name, ==, b->name);
  g_assert_cmpint (a->constant == NULL, ==, b->constant == NULL);
  if (a->constant == NULL)
    return;
  g_assert_cmpint (a->constant->dtype, ==, b->constant->dtype);
  g_assert_true (dml_shape_equal (&a->constant->shape, &b->constant->shape));
  g_assert_cmpmem (a->constant->data, dml_tensor_bytes (a->constant),
                   b->constant->data, dml_tensor_bytes (b->constant));
}

static void
assert_same_attr (const DmlAttr *a, const DmlAttr *b)
{
  g_assert_nonnull (b);
  g_assert_cmpint (a->type, ==, b->type);
  g_assert_cmpstr (a->s, ==, b->s);
  g_assert_cmpint (a->i, ==, b->i);
  g_assert_cmpfloat (a->f, ==, b->f);
  g_assert_cmpmem (a->ints, a->n * sizeof *a->ints * (a->ints != NULL), b->ints,
                   b->n * sizeof *b->ints * (b->ints != NULL));
  g_assert_cmpmem (a->floats, a->n * sizeof *a->floats * (a->floats != NULL),
                   b->floats, b->n * sizeof *b->floats * (b->floats != NULL));
}

static void
assert_same_graph (const DmlGraph *a, const DmlGraph *b)
{
  g_assert_cmpint (a->opset, ==, b->opset);
  g_assert_cmpuint (a->nodes->len, ==, b->nodes->len);
  for (guint i = 0; i < a->nodes->len; i++) {
    const DmlNode *x = dml_graph_node (a, i), *y = dml_graph_node (b, i);

    g_assert_cmpstr (x->op_name, ==, y->op_name);
    g_assert_cmpstr (x->name, ==, y->name);
    g_assert_cmpuint (x->n_in, ==, y->n_in);
    g_assert_cmpuint (x->n_out, ==, y->n_out);
    g_assert_cmpuint (x->attrs->len, ==, y->attrs->len);
    for (unsigned k = 0; k < x->n_in; k++)
      assert_same_value (x->in[k], y->in[k]);
    for (unsigned k = 0; k < x->n_out; k++)
      assert_same_value (x->out[k], y->out[k]);
    for (guint k = 0; k < x->attrs->len; k++) {
      const DmlAttr *attr = &g_array_index (x->attrs, DmlAttr, k);

      assert_same_attr (attr, dml_attrs_find (y->attrs, attr->name));
    }
  }
}

static void
test_write_then_read_is_the_same_graph (void)
{
  static const char *const names[] = { "resnet10", "convnet4", "mobilenetv2",
                                       "repvgg" };
  const DmlOnnxWrite how = { 0 };

  for (size_t i = 0; i < G_N_ELEMENTS (names); i++) {
    g_autoptr (DmlGraph) graph = build (names[i], DML_ARCH_POOL_AVERAGE, FALSE);
    g_autoptr (DmlGraph) again = round_trip (graph, &how, NULL);

    assert_same_graph (graph, again);
    assert_same_outputs (graph, again, 0);
  }
}

static void
test_write_expands_gem (void)
{
  const DmlOnnxWrite how = { 0 };
  g_autoptr (DmlGraph) graph = build ("resnet10", DML_ARCH_POOL_GEM, FALSE);
  g_autoptr (DmlGraph) again = round_trip (graph, &how, NULL);
  unsigned n_pow = 0;

  for (guint i = 0; i < again->nodes->len; i++) {
    g_assert_cmpstr (dml_graph_node (again, i)->domain, ==, "");
    n_pow += strcmp (dml_graph_node (again, i)->op_name, "Pow") == 0;
  }
  g_assert_cmpuint (n_pow, ==, 2);
  assert_same_outputs (graph, again, 1e-5);
}

static void
test_write_halves_weights (void)
{
  const DmlOnnxWrite whole = { 0 }, half = { .half = TRUE };
  g_autoptr (DmlGraph) graph = build ("resnet10", DML_ARCH_POOL_AVERAGE, FALSE);
  g_autoptr (DmlGraph) again = round_trip (graph, &half, NULL);
  g_autoptr (GBytes) a = dml_onnx_write_bytes (graph, &whole, NULL);
  g_autoptr (GBytes) b = dml_onnx_write_bytes (graph, &half, NULL);
  g_autoptr (DmlGraph) third = round_trip (again, &half, NULL);

  g_assert_cmpuint (g_bytes_get_size (b), <, g_bytes_get_size (a) * 6 / 10);
  /* What is half already loses nothing any more. */
  assert_same_graph (again, third);
  assert_same_outputs (graph, again, 2e-3);
  /* Reading has unfolded the weights: no Cast is left. */
  for (guint i = 0; i < again->nodes->len; i++)
    g_assert_cmpstr (dml_graph_node (again, i)->op_name, !=, "Cast");
}

static void
test_write_an_encoder (void)
{
  g_autoptr (GHashTable) about = g_hash_table_new (g_str_hash, g_str_equal);
  const DmlOnnxWrite how = { .metadata = about, .embedding = "features" };
  g_autoptr (DmlGraph) graph = build ("resnet10", DML_ARCH_POOL_AVERAGE, TRUE);
  g_autoptr (GHashTable) metadata = NULL;
  g_autoptr (DmlGraph) again = NULL;
  const DmlValue *in, *out;

  g_hash_table_insert (about, (gpointer) "dml.name", (gpointer) "a \"test\"");
  g_hash_table_insert (about, (gpointer) "dml.input", (gpointer) "64x64");
  again = round_trip (graph, &how, &metadata);
  g_assert_cmpuint (again->inputs->len, ==, 1);
  g_assert_cmpuint (again->outputs->len, ==, 1);
  in = g_ptr_array_index (again->inputs, 0);
  out = g_ptr_array_index (again->outputs, 0);
  g_assert_cmpstr (in->name, ==, "image");
  g_assert_cmpint ((gint) in->declared.dim[0], ==, DML_DIM_FREE);
  g_assert_cmpstr (out->name, ==, "embedding");
  g_assert_cmpstr (g_hash_table_lookup (metadata, "dml.name"), ==,
                   "a \"test\"");
  g_assert_cmpstr (g_hash_table_lookup (metadata, "dml.input"), ==, "64x64");
  /* The graph itself is not touched. */
  g_assert_nonnull (dml_graph_find (graph, "features"));
  g_assert_cmpuint (graph->outputs->len, ==, 2);
}

static void
test_write_refuses_an_output_that_is_not_there (void)
{
  const DmlOnnxWrite how = { .embedding = "nonesuch" };
  g_autoptr (DmlGraph) graph = build ("convnet4", DML_ARCH_POOL_AVERAGE, FALSE);
  g_autoptr (GError) error = NULL;

  g_assert_null (dml_onnx_write_bytes (graph, &how, &error));
  g_assert_error (error, DML_ERROR, DML_ERROR_INVALID);
  g_assert_nonnull (strstr (error->message, "nonesuch"));
}

static void
test_write_to_a_file (void)
{
  const DmlOnnxWrite how = { 0 };
  g_autoptr (DmlGraph) graph = build ("convnet4", DML_ARCH_POOL_AVERAGE, FALSE);
  g_autofree char *folder = g_dir_make_tmp ("dml-onnx-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (folder, "model.onnx", NULL);
  g_autofree char *nowhere =
    g_build_filename (folder, "no", "model.onnx", NULL);
  g_autoptr (DmlGraph) again = NULL;
  g_autoptr (GError) error = NULL;

  g_assert_true (dml_onnx_write_file (graph, path, &how, &error));
  again = dml_onnx_read_file (path, NULL, &error);
  g_assert_no_error (error);
  assert_same_graph (graph, again);
  g_assert_false (dml_onnx_write_file (graph, nowhere, &how, &error));
  g_assert_nonnull (strstr (error->message, nowhere));
  g_assert_cmpint (g_remove (path), ==, 0);
  g_assert_cmpint (g_rmdir (folder), ==, 0); /* nothing else is left behind */
}

static void
test_write_every_allocation_may_fail (void)
{
  const DmlOnnxWrite how = { .half = TRUE, .embedding = "embedding" };
  g_autoptr (DmlGraph) graph = build ("convnet4", DML_ARCH_POOL_GEM, FALSE);

  for (MemoryFault fault = { .least = 1 }; memory_fault_left (&fault);) {
    g_autoptr (GError) error = NULL;
    g_autoptr (GBytes) bytes = NULL;

    memory_fault_arm (&fault);
    bytes = dml_onnx_write_bytes (graph, &how, &error);
    memory_fault_check (&fault, bytes != NULL, error);
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/onnx/write/then-read-is-the-same-graph",
                   test_write_then_read_is_the_same_graph);
  g_test_add_func ("/onnx/write/expands-gem", test_write_expands_gem);
  g_test_add_func ("/onnx/write/halves-weights", test_write_halves_weights);
  g_test_add_func ("/onnx/write/an-encoder", test_write_an_encoder);
  g_test_add_func ("/onnx/write/refuses-an-output-that-is-not-there",
                   test_write_refuses_an_output_that_is_not_there);
  g_test_add_func ("/onnx/write/to-a-file", test_write_to_a_file);
  g_test_add_func ("/onnx/write/every-allocation-may-fail",
                   test_write_every_allocation_may_fail);
  return g_test_run ();
}
