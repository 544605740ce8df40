/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Operators that ONNX's own tests (test_onnx_nodes.c) do not reach, because
 * they are newer or are tested there with other types: against their formula
 * in double. And that docs/onnx.md names what the table of operators has. */
#include "nn/exec.h"
#include "nn/onnx/onnx.h"
#include "onnx_maker.h"

#include <math.h>
#include <string.h>

#define N 48

static float input[N]; /* values between -4 and 4 */

/* y of one node that reads x, n x 6 x 2 x 2, and constants of `graph` (taken
 * over), for a batch of 2. */
static float *
run (GByteArray *graph, GByteArray *node, int opset, size_t *n)
{
  static const int64_t dims[] = { -1, 6, 2, 2 };
  g_autoptr (GError) error = NULL;
  g_autoptr (GByteArray) model = NULL;
  g_autoptr (DmlGraph) read = NULL;
  g_autoptr (DmlInfer) infer = NULL;
  const DmlShape *shape;

  onnx_add_input (graph, "x", dims, 4);
  pb_message (graph, 1, node);
  onnx_add_output (graph, "y");
  model = onnx_model (graph, opset);
  read = dml_onnx_read (model->data, model->len, "node", NULL, &error);
  g_assert_no_error (error);
  infer = dml_infer_new (read, 2, 1, &error);
  g_assert_no_error (error);
  memcpy (dml_infer_input (infer, 0), input, sizeof input);
  dml_infer_run (infer);
  shape = dml_infer_output_shape (infer, 0);
  *n = dml_shape_span (shape, 0, shape->rank);
  return g_memdup2 (dml_infer_output (infer, 0), *n * sizeof (float));
}

static void
assert_near (float got, double wanted)
{
  g_assert_cmpfloat (fabs ((double) got - wanted), <=,
                     1e-6 + 2e-6 * fabs (wanted));
}

static double
gelu (double x)
{
  return x * 0.5 * (1 + erf (x / sqrt (2.0)));
}

static double
gelu_tanh (double x)
{
  return 0.5 * x * (1 + tanh (sqrt (2 / G_PI) * (x + 0.044715 * x * x * x)));
}

static double
mish (double x)
{
  return x * tanh (log1p (exp (x)));
}

static void
test_ops_newer_activations (void)
{
  static const struct {
    const char *op, *approximate;
    double (*formula) (double x);
  } cases[] = {
    { "Gelu", NULL, gelu },
    { "Gelu", "tanh", gelu_tanh },
    { "Mish", NULL, mish },
  };

  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    GByteArray *node = onnx_node (cases[i].op, "", "x", "y");
    g_autofree float *y = NULL;
    size_t n;

    if (cases[i].approximate != NULL) {
      GByteArray *attr = g_byte_array_new ();

      pb_text (attr, 1, "approximate");
      pb_text (attr, 4, cases[i].approximate);
      pb_int (attr, 20, 3);
      pb_message (node, 5, attr);
    }
    y = run (g_byte_array_new (), node, 20, &n);
    g_assert_cmpuint (n, ==, N);
    for (size_t k = 0; k < N; k++)
      assert_near (y[k], cases[i].formula ((double) input[k]));
  }
}

static void
test_ops_group_normalization (void)
{
  static const float scale[] = { 1, 2, 0.5f, -1, 3, 0 };
  static const float bias[] = { 0, 1, -1, 2, 0.25f, 5 };
  static const int64_t six[] = { 6 };
  GByteArray *graph = g_byte_array_new ();
  GByteArray *node = onnx_node ("GroupNormalization", "", "x s b", "y");
  g_autofree float *y = NULL;
  size_t n;

  onnx_add_floats (graph, "s", six, 1, scale);
  onnx_add_floats (graph, "b", six, 1, bias);
  onnx_node_int (node, "num_groups", 3);
  y = run (graph, node, 21, &n);
  for (int group = 0; group < 6; group++) { /* of 8 values: 2 channels */
    const float *x = input + 8 * group;
    double mean = 0, var = 0;

    for (int i = 0; i < 8; i++)
      mean += (double) x[i] / 8;
    for (int i = 0; i < 8; i++)
      var += ((double) x[i] - mean) * ((double) x[i] - mean) / 8;
    for (int i = 0; i < 8; i++) {
      const int c = 2 * (group % 3) + i / 4;

      assert_near (y[8 * group + i], ((double) x[i] - mean) /
                                         sqrt (var + 1e-5) * (double) scale[c] +
                                       (double) bias[c]);
    }
  }
}

/* Also where exp itself would overflow. */
static void
test_ops_reduce_log_sum_exp (void)
{
  static const int64_t axes[] = { 1, 3 };

  for (int shift = 0; shift <= 200; shift += 200) {
    GByteArray *graph = g_byte_array_new ();
    GByteArray *node = onnx_node ("ReduceLogSumExp", "", "x", "y");
    g_autofree float *y = NULL;
    size_t n;

    for (int i = 0; i < N; i++)
      input[i] += (float) shift;
    onnx_node_ints (node, "axes", axes, 2);
    y = run (graph, node, 13, &n);
    g_assert_cmpuint (n, ==, 4);
    for (int b = 0; b < 2; b++)
      for (int row = 0; row < 2; row++) {
        double sum = 0;

        for (int c = 0; c < 6; c++)
          for (int col = 0; col < 2; col++)
            sum +=
              exp ((double) input[((b * 6 + c) * 2 + row) * 2 + col] - shift);
        assert_near (y[b * 2 + row], log (sum) + shift);
      }
    for (int i = 0; i < N; i++)
      input[i] -= (float) shift;
  }
}

/* Nearest and linear to twice the size, as PyTorch's interpolate has them. */
static void
test_ops_upsample (void)
{
  static const float scales[] = { 1, 1, 2, 2 };
  static const int64_t four[] = { 4 };

  for (int linear = 0; linear < 2; linear++) {
    GByteArray *graph = g_byte_array_new (), *attr = g_byte_array_new ();
    GByteArray *node = onnx_node ("Upsample", "", "x scales", "y");
    g_autofree float *y = NULL;
    size_t n;

    onnx_add_floats (graph, "scales", four, 1, scales);
    pb_text (attr, 1, "mode");
    pb_text (attr, 4, linear ? "linear" : "nearest");
    pb_int (attr, 20, 3);
    pb_message (node, 5, attr);
    y = run (graph, node, 9, &n);
    g_assert_cmpuint (n, ==, 4 * N);
    for (size_t i = 0; i < n; i++) {
      const float *x = input + i / 16 * 4;
      const size_t row = i / 4 % 4, col = i % 4;
      const double v = linear ? MIN ((double) row / 2, 1) : (double) (row / 2);
      const double u = linear ? MIN ((double) col / 2, 1) : (double) (col / 2);

      assert_near (y[i],
                   (1 - v) * ((1 - u) * (double) x[0] + u * (double) x[1]) +
                     v * ((1 - u) * (double) x[2] + u * (double) x[3]));
    }
  }
}

/* GroupNormalization changed its meaning: the old one is refused, not guessed.
 */
static void
test_ops_refuse_what_they_do_not_know (void)
{
  static const float one[] = { 1, 1 };
  static const int64_t two[] = { 2 }, dims[] = { -1, 6, 2, 2 };
  GByteArray *graph = g_byte_array_new ();
  GByteArray *node = onnx_node ("GroupNormalization", "gn", "x s s", "y");
  g_autoptr (GByteArray) model = NULL;
  g_autoptr (GError) error = NULL;

  onnx_add_input (graph, "x", dims, 4);
  onnx_add_floats (graph, "s", two, 1, one);
  onnx_node_int (node, "num_groups", 2);
  pb_message (graph, 1, node);
  onnx_add_output (graph, "y");
  model = onnx_model (graph, 18);
  g_assert_null (dml_onnx_read (model->data, model->len, "old", NULL, &error));
  g_assert_error (error, DML_ERROR, DML_ERROR_UNSUPPORTED);
  g_assert_nonnull (strstr (error->message, "gn"));
}

static void
test_docs_name_every_operator (void)
{
  g_autofree char *path = g_build_filename (g_getenv ("DML_TEST_SOURCE_ROOT"),
                                            "docs", "onnx.md", NULL);
  g_autofree char *text = NULL;
  unsigned n_named = 0, n_ours = 0;

  g_assert_true (g_file_get_contents (path, &text, NULL, NULL));
  for (const DmlOp *const *op = dml_op_table (); *op != NULL; op++) {
    g_autofree char *row = g_strdup_printf ("\n| `%s` |", (*op)->onnx_name);

    if (strstr (text, row) == NULL)
      g_error ("docs/onnx.md does not name %s", (*op)->onnx_name);
    n_ours++;
  }
  for (const char *p = text; (p = strstr (p, "\n| `")) != NULL; p++)
    n_named++;
  g_assert_cmpuint (n_named, ==, n_ours + 1); /* Constant: the reader's own */
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  for (int i = 0; i < N; i++)
    input[i] = 4 * sinf ((float) i * 1.7f);
#define ADD(name, test) g_test_add_func ("/onnx/ops/" name, test)
  ADD ("newer-activations", test_ops_newer_activations);
  ADD ("group-normalization", test_ops_group_normalization);
  ADD ("reduce-log-sum-exp", test_ops_reduce_log_sum_exp);
  ADD ("upsample", test_ops_upsample);
  ADD ("refuse-what-they-do-not-know", test_ops_refuse_what_they_do_not_know);
  ADD ("docs-name-every-operator", test_docs_name_every_operator);
  return g_test_run ();
}
