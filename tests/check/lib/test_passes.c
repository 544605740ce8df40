/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Passes: what they leave, and that it computes the same. */
#include "nn/exec.h"
#include "nn/onnx/onnx.h"
#include "nn/passes/passes.h"
#include "net_maker.h"

#include <math.h>
#include <string.h>

static unsigned
count (const DmlGraph *graph, const char *op)
{
  unsigned n = 0;

  for (unsigned i = 0; i < graph->nodes->len; i++)
    n += strcmp (dml_graph_node (graph, i)->op->onnx_name, op) == 0;
  return n;
}

/* Statistics, scales and biases as training would leave them: not 0 and 1. */
static void
disturb (DmlGraph *graph)
{
  for (unsigned i = 0; i < graph->values->len; i++) {
    const DmlValue *value = dml_graph_value_at (graph, i);
    const gboolean positive = g_str_has_suffix (value->name, "var") ||
                              g_str_has_suffix (value->name, ".weight");
    float *data;
    DmlRng rng;

    if (value->constant == NULL || value->constant->shape.rank != 1 ||
        g_str_has_suffix (value->name, ".p"))
      continue;
    data = value->constant->data;
    dml_rng_init (&rng, 77, i);
    for (size_t k = 0; k < value->constant->n; k++)
      data[k] = positive ? 0.5f + (float) dml_rng_uniform (&rng)
                         : 0.1f * (float) dml_rng_normal (&rng);
  }
}

static DmlGraph *
build (const char *name, gboolean neck)
{
  DmlArchOptions options = DML_ARCH_OPTIONS_DEFAULT;
  DmlGraph *graph;

  options.width = options.height = 32;
  options.width_factor = 0.25;
  options.dim = 32;
  options.neck = neck;
  options.dropout = 0.1f;
  options.pool = DML_ARCH_POOL_GEM;
  graph = net_of_arch (name, &options, 3);
  disturb (graph);
  return graph;
}

/* Largest difference of output 0 between two graphs on the same noise. */
static double
difference (const DmlGraph *a, const DmlGraph *b, size_t batch)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (DmlInfer) one = dml_infer_new (a, batch, 0, &error);
  g_autoptr (DmlInfer) two = dml_infer_new (b, batch, 0, &error);
  const DmlShape *in = dml_infer_input_shape (one, 0);
  const DmlShape *out = dml_infer_output_shape (one, 0);
  double largest = 0;
  DmlRng rng;

  g_assert_no_error (error);
  dml_rng_init (&rng, 4, 0);
  for (size_t i = 0; i < dml_shape_span (in, 0, in->rank); i++) {
    const float z = (float) dml_rng_normal (&rng);

    ((float *) dml_infer_input (one, 0))[i] = z;
    ((float *) dml_infer_input (two, 0))[i] = z;
  }
  dml_infer_run (one);
  dml_infer_run (two);
  for (size_t i = 0; i < dml_shape_span (out, 0, out->rank); i++) {
    const float x = ((const float *) dml_infer_output (one, 0))[i];
    const float y = ((const float *) dml_infer_output (two, 0))[i];

    g_assert_true (isfinite (x) && isfinite (y));
    largest = MAX (largest, fabs ((double) x - (double) y));
  }
  return largest;
}

typedef struct {
  const char *name;
  unsigned convs, nodes; /* after optimising; nodes with a neck or without */
} Net;

/* Trunk of convolutions with everything fused, pool, flatten, linear (the neck
 * folded into it), norm. */
static const Net nets[] = {
  { "resnet18", 20, 20 + 4 },
  { "convnet4", 4, 4 + 4 + 4 }, /* four max pools */
  { "mobilenetv2", 52, 52 + 4 },
  { "repvgg", 22, 22 + 4 },
};

static void
test_net_is_reduced_and_the_same (gconstpointer data)
{
  const Net *net = data;

  for (int neck = 0; neck < 2; neck++) {
    g_autoptr (DmlGraph) graph = build (net->name, neck);
    g_autoptr (GError) error = NULL;

    if (neck) /* what is used is output 0 */
      g_ptr_array_set_size (graph->outputs, 1);
    g_autoptr (DmlGraph) fast = dml_graph_clone (graph);

    g_assert_true (dml_graph_optimise (fast, 2, &error));
    g_assert_no_error (error);
    g_assert_cmpuint (count (fast, "Conv"), ==, net->convs);
    g_assert_cmpuint (count (fast, "BatchNormalization"), ==, 0);
    g_assert_cmpuint (count (fast, "Relu"), ==, 0);
    g_assert_cmpuint (count (fast, "Clip"), ==, 0);
    g_assert_cmpuint (count (fast, "Add"), ==, 0);
    g_assert_cmpuint (fast->nodes->len, ==, net->nodes);
    /* Unit-length outputs: 1e-5 is a hundred roundings. */
    g_assert_cmpfloat (difference (graph, fast, 3), <, 1e-5);
    g_assert_cmpfloat (difference (graph, fast, 1), <, 1e-5);
    /* The original still trains: nothing of it was touched. */
    g_assert_true (dml_graph_find (graph, "embed.weight")->flags &
                   DML_VALUE_PARAM);
  }
}

/* For a file: every block of RepVGG is one convolution, the neck stays as it
 * was trained, and what has no branches stays as it is. */
static void
test_merged_for_a_file (void)
{
  static const Net files[] = { { "repvgg", 22, 1 }, { "resnet18", 20, 21 } };

  for (size_t i = 0; i < G_N_ELEMENTS (files); i++) {
    g_autoptr (DmlGraph) graph = build (files[i].name, TRUE);
    g_autoptr (GError) error = NULL;

    g_ptr_array_set_size (graph->outputs, 1);
    g_autoptr (DmlGraph) merged = dml_graph_clone (graph);

    g_assert_true (dml_graph_merge_branches (merged, &error));
    g_assert_no_error (error);
    g_assert_cmpuint (count (merged, "Conv"), ==, files[i].convs);
    g_assert_cmpuint (count (merged, "BatchNormalization"), ==, files[i].nodes);
    g_assert_cmpfloat (difference (graph, merged, 3), <, 1e-5);
    const DmlOnnxWrite how = { 0 };
    g_autoptr (GBytes) bytes = dml_onnx_write_bytes (merged, &how, &error);

    g_assert_no_error (error);
    g_autoptr (DmlGraph) again =
      dml_onnx_read (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes),
                     "merged", NULL, &error);

    g_assert_no_error (error);
    g_assert_cmpuint (count (again, "Conv"), ==, files[i].convs);
    g_assert_cmpfloat (difference (graph, again, 3), <, 1e-5);
  }
}

static DmlGraph *
with_input (const DmlShape *shape)
{
  DmlGraph *graph = dml_graph_new ("", 17);

  dml_graph_add_input (graph, "x", DML_F32, shape, NULL);
  return graph;
}

static DmlValue *
noise (DmlGraph *graph, const char *name, const DmlShape *shape)
{
  g_autoptr (DmlTensor) t = dml_tensor_new (DML_F32, shape, NULL);
  DmlRng rng;

  dml_rng_init (&rng, 8, name[0]);
  for (size_t i = 0; i < t->n; i++)
    ((float *) t->data)[i] = 0.5f + (float) dml_rng_uniform (&rng);
  return dml_graph_add_constant (graph, name, t, 0, NULL);
}

static DmlValue *
node (DmlGraph *graph, const char *op, const char *name, DmlValue *const *in,
      unsigned n_in)
{
  return dml_graph_add_node (graph, NULL, op, name, in, n_in, NULL, 1, NULL)
    ->out[0];
}

/* Runs one pass on a finished graph. */
static DmlGraph *
after (const DmlGraph *graph, gboolean (*pass) (DmlGraph *, GError **))
{
  DmlGraph *copy = dml_graph_clone (graph);
  GError *error = NULL;

  dml_graph_infer (copy, 2, &error);
  g_assert_no_error (error);
  pass (copy, &error);
  g_assert_no_error (error);
  return copy;
}

static void
test_batchnorm_of_a_shared_value_stays (void)
{
  g_autoptr (DmlGraph) graph = with_input (&DML_SHAPE (-1, 2, 3, 3));
  DmlValue *x = dml_graph_find (graph, "x");
  DmlValue *c =
    node (graph, "Conv", "conv",
          (DmlValue *[]){ x, noise (graph, "w", &DML_SHAPE (2, 2, 1, 1)) }, 2);
  DmlValue *bn_in[5] = { c, noise (graph, "a", &DML_SHAPE (2)),
                         noise (graph, "b", &DML_SHAPE (2)),
                         noise (graph, "m", &DML_SHAPE (2)),
                         noise (graph, "v", &DML_SHAPE (2)) };
  DmlValue *bn = node (graph, "BatchNormalization", "bn", bn_in, 5);
  DmlValue *y = node (graph, "Mul", "mul", (DmlValue *[]){ bn, c }, 2);

  dml_graph_add_output (graph, y, NULL);
  g_assert_true (dml_graph_finish (graph, NULL));
  g_autoptr (DmlGraph) same = after (graph, dml_pass_fold_batchnorm);

  g_assert_cmpuint (count (same, "BatchNormalization"), ==, 1);
  g_assert_cmpfloat (difference (graph, same, 2), ==, 0);
}

static void
test_batchnorm_folds_into_gemm (void)
{
  for (int trans_b = 0; trans_b < 2; trans_b++) {
    g_autoptr (DmlGraph) graph = with_input (&DML_SHAPE (-1, 5));
    DmlValue *x = dml_graph_find (graph, "x");
    DmlNode *fc = dml_graph_add_node (
      graph, NULL, "Gemm", "fc",
      (DmlValue *[]){ x, trans_b ? noise (graph, "w", &DML_SHAPE (3, 5))
                                 : noise (graph, "w", &DML_SHAPE (5, 3)) },
      2, NULL, 1, NULL);
    DmlValue *in[5] = { fc->out[0], noise (graph, "a", &DML_SHAPE (3)),
                        noise (graph, "b", &DML_SHAPE (3)),
                        noise (graph, "m", &DML_SHAPE (3)),
                        noise (graph, "v", &DML_SHAPE (3)) };

    dml_attrs_set_int (fc->attrs, "transB", trans_b);
    dml_graph_add_output (
      graph, node (graph, "BatchNormalization", "bn", in, 5), NULL);
    g_assert_true (dml_graph_finish (graph, NULL));
    g_autoptr (DmlGraph) folded = after (graph, dml_pass_fold_batchnorm);

    g_assert_cmpuint (folded->nodes->len, ==, 1);
    g_assert_cmpfloat (difference (graph, folded, 2), <, 1e-5);
  }
}

/* relu (conv (x) + x), and a sum of two convolutions of different inputs. */
static void
test_residual_runs_after_its_source (void)
{
  g_autoptr (DmlGraph) graph = with_input (&DML_SHAPE (-1, 2, 3, 3));
  DmlValue *x = dml_graph_find (graph, "x");
  DmlValue *w = noise (graph, "w", &DML_SHAPE (2, 2, 1, 1));
  DmlValue *a = node (graph, "Conv", "a", (DmlValue *[]){ x, w }, 2);
  DmlValue *s = node (graph, "Sigmoid", "s", (DmlValue *[]){ x }, 1);
  DmlValue *t = node (graph, "Sigmoid", "t", (DmlValue *[]){ s }, 1);
  DmlValue *y = node (graph, "Add", "add", (DmlValue *[]){ a, t }, 2);

  y = node (graph, "Relu", "relu", (DmlValue *[]){ y }, 1);
  dml_graph_add_output (graph, y, NULL);
  g_assert_true (dml_graph_finish (graph, NULL));
  g_autoptr (DmlGraph) fused = after (graph, dml_pass_fuse_activation);

  g_assert_cmpuint (fused->nodes->len, ==, 3);
  g_assert_cmpstr (dml_graph_node (fused, 2)->name, ==, "a");
  g_assert_cmpfloat (difference (graph, fused, 2), ==, 0);
}

static void
test_residual_that_broadcasts_stays (void)
{
  g_autoptr (DmlGraph) graph = with_input (&DML_SHAPE (-1, 2, 3, 3));
  DmlValue *x = dml_graph_find (graph, "x");
  DmlValue *w = noise (graph, "w", &DML_SHAPE (2, 2, 1, 1));
  DmlValue *a = node (graph, "Conv", "a", (DmlValue *[]){ x, w }, 2);
  DmlValue *g = node (graph, "GlobalAveragePool", "g", (DmlValue *[]){ x }, 1);
  DmlValue *y = node (graph, "Add", "add", (DmlValue *[]){ a, g }, 2);

  dml_graph_add_output (graph, y, NULL);
  g_assert_true (dml_graph_finish (graph, NULL));
  g_autoptr (DmlGraph) same = after (graph, dml_pass_fuse_activation);

  g_assert_cmpuint (count (same, "Add"), ==, 1);
}

static void
test_constants_fold_but_batches_do_not (void)
{
  g_autoptr (DmlGraph) graph = with_input (&DML_SHAPE (-1, 2, 3));
  DmlValue *x = dml_graph_find (graph, "x");
  DmlValue *c = node (graph, "Mul", "c",
                      (DmlValue *[]){ noise (graph, "a", &DML_SHAPE (2, 3)),
                                      noise (graph, "b", &DML_SHAPE (2, 3)) },
                      2);
  DmlValue *y = node (graph, "Add", "add", (DmlValue *[]){ x, c }, 2);
  DmlValue *shape = node (graph, "Shape", "shape", (DmlValue *[]){ x }, 1);

  y = node (graph, "Reshape", "reshape", (DmlValue *[]){ y, shape }, 2);
  dml_graph_add_output (graph, y, NULL);
  g_assert_true (dml_graph_finish (graph, NULL));
  g_autoptr (DmlGraph) folded = after (graph, dml_pass_fold_constants);

  g_assert_cmpuint (count (folded, "Mul"), ==, 0);
  g_assert_cmpuint (count (folded, "Shape"), ==, 1);
  g_assert_cmpfloat (difference (graph, folded, 5), ==, 0);
}

static void
test_identity_of_the_input_stays (void)
{
  g_autoptr (DmlGraph) graph = with_input (&DML_SHAPE (-1, 2));
  DmlValue *x = dml_graph_find (graph, "x");
  DmlValue *i = node (graph, "Identity", "i", (DmlValue *[]){ x }, 1);
  DmlValue *r = node (graph, "Relu", "r", (DmlValue *[]){ i }, 1);
  DmlValue *k = node (graph, "Identity", "k", (DmlValue *[]){ r }, 1);

  dml_graph_add_output (graph, k, NULL);
  dml_graph_add_output (graph, i, NULL);
  g_assert_true (dml_graph_finish (graph, NULL));
  g_autoptr (DmlGraph) dropped = after (graph, dml_pass_drop_identity);

  g_assert_cmpuint (count (dropped, "Identity"), ==, 1);
  g_assert_cmpuint (dropped->outputs->len, ==, 2);
  g_assert_cmpfloat (difference (graph, dropped, 2), ==, 0);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  for (size_t i = 0; i < G_N_ELEMENTS (nets); i++) {
    g_autofree char *path =
      g_strdup_printf ("/passes/net-is-reduced-and-the-same/%s", nets[i].name);

    g_test_add_data_func (path, &nets[i], test_net_is_reduced_and_the_same);
  }
  g_test_add_func ("/passes/merged-for-a-file", test_merged_for_a_file);
  g_test_add_func ("/passes/batchnorm-of-a-shared-value-stays",
                   test_batchnorm_of_a_shared_value_stays);
  g_test_add_func ("/passes/batchnorm-folds-into-gemm",
                   test_batchnorm_folds_into_gemm);
  g_test_add_func ("/passes/residual-runs-after-its-source",
                   test_residual_runs_after_its_source);
  g_test_add_func ("/passes/residual-that-broadcasts-stays",
                   test_residual_that_broadcasts_stays);
  g_test_add_func ("/passes/constants-fold-but-batches-do-not",
                   test_constants_fold_but_batches_do_not);
  g_test_add_func ("/passes/identity-of-the-input-stays",
                   test_identity_of_the_input_stays);
  return g_test_run ();
}
