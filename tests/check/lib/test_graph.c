/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Graphs: building, order, validation, shapes. */
#include "nn/exec.h"

#include <string.h>

static DmlValue *
constant_f32 (DmlGraph *graph, const char *name, const DmlShape *shape,
              const float *data)
{
  g_autoptr (DmlTensor) t = dml_tensor_new_from (DML_F32, shape, data, NULL);

  return dml_graph_add_constant (graph, name, t, 0, NULL);
}

static DmlValue *
constant_i64 (DmlGraph *graph, const char *name, const int64_t *data, size_t n)
{
  g_autoptr (DmlTensor) t = dml_tensor_new_i64 (data, n, NULL);

  return dml_graph_add_constant (graph, name, t, 0, NULL);
}

/* y = relu (x w + b), with the nodes in the wrong order */
static DmlGraph *
small_graph (void)
{
  static const float w[6] = { 1, 2, 3, 4, 5, 6 }, b[2] = { 0.5f, -100 };
  DmlGraph *graph = dml_graph_new ("small", 17);
  DmlValue *x = dml_graph_add_input (graph, "x", DML_F32,
                                     &DML_SHAPE (DML_DIM_FREE, 3), NULL);
  DmlValue *h = dml_graph_value (graph, "h", NULL);
  DmlValue *y = dml_graph_value (graph, "y", NULL);
  DmlValue *in[3] = { x, constant_f32 (graph, "w", &DML_SHAPE (3, 2), w),
                      constant_f32 (graph, "b", &DML_SHAPE (2), b) };

  dml_graph_add_node (graph, NULL, "Relu", "act", &h, 1, &y, 1, NULL);
  dml_graph_add_node (graph, NULL, "Gemm", "fc", in, 3, &h, 1, NULL);
  dml_graph_add_output (graph, y, NULL);
  return graph;
}

static void
test_nodes_are_sorted_and_run (void)
{
  g_autoptr (DmlGraph) graph = small_graph ();
  g_autoptr (GError) error = NULL;

  g_assert_true (dml_graph_finish (graph, &error));
  g_assert_no_error (error);
  g_assert_cmpstr (dml_graph_node (graph, 0)->name, ==, "fc");

  g_autoptr (DmlInfer) infer = dml_infer_new (graph, 2, 1, &error);

  g_assert_no_error (error);
  float *x = dml_infer_input (infer, 0);

  for (int i = 0; i < 6; i++)
    x[i] = (float) i;
  dml_infer_run (infer);
  const float *y = dml_infer_output (infer, 0);

  g_assert_cmpfloat (y[0], ==, 0 * 1 + 1 * 3 + 2 * 5 + 0.5f);
  g_assert_cmpfloat (y[1], ==, 0);
  g_assert_cmpfloat (y[2], ==, 3 * 1 + 4 * 3 + 5 * 5 + 0.5f);
}

static void
test_cycle_is_named (void)
{
  g_autoptr (DmlGraph) graph = dml_graph_new ("", 17);
  g_autoptr (GError) error = NULL;
  DmlValue *x =
    dml_graph_add_input (graph, "x", DML_F32, &DML_SHAPE (1, 3), NULL);
  DmlValue *a = dml_graph_value (graph, "a", NULL);
  DmlValue *b = dml_graph_value (graph, "b", NULL);

  dml_graph_add_node (graph, NULL, "Add", "one", (DmlValue *[]){ x, b }, 2, &a,
                      1, NULL);
  dml_graph_add_node (graph, NULL, "Relu", "two", &a, 1, &b, 1, NULL);
  dml_graph_add_output (graph, b, NULL);
  g_assert_false (dml_graph_finish (graph, &error));
  g_assert_error (error, DML_ERROR, DML_ERROR_FORMAT);
  g_assert_nonnull (strstr (error->message, "cycle"));
}

static void
test_unknown_operator_is_named (void)
{
  g_autoptr (DmlGraph) graph = dml_graph_new ("", 17);
  g_autoptr (GError) error = NULL;
  DmlValue *x =
    dml_graph_add_input (graph, "x", DML_F32, &DML_SHAPE (1, 3), NULL);
  DmlNode *node =
    dml_graph_add_node (graph, NULL, "NoSuchThing", "n7", &x, 1, NULL, 1, NULL);

  dml_graph_add_output (graph, node->out[0], NULL);
  g_assert_false (dml_graph_finish (graph, &error));
  g_assert_error (error, DML_ERROR, DML_ERROR_UNSUPPORTED);
  g_assert_nonnull (strstr (error->message, "NoSuchThing"));
  g_assert_nonnull (strstr (error->message, "n7"));
}

static void
test_value_from_nowhere_is_named (void)
{
  g_autoptr (DmlGraph) graph = dml_graph_new ("", 17);
  g_autoptr (GError) error = NULL;
  DmlValue *x =
    dml_graph_add_input (graph, "x", DML_F32, &DML_SHAPE (1, 3), NULL);
  DmlValue *in[2] = { x, dml_graph_value (graph, "ghost", NULL) };
  DmlNode *node =
    dml_graph_add_node (graph, NULL, "Add", "n", in, 2, NULL, 1, NULL);

  dml_graph_add_output (graph, node->out[0], NULL);
  g_assert_false (dml_graph_finish (graph, &error));
  g_assert_error (error, DML_ERROR, DML_ERROR_FORMAT);
  g_assert_nonnull (strstr (error->message, "ghost"));
}

static void
test_two_producers_are_refused (void)
{
  g_autoptr (DmlGraph) graph = dml_graph_new ("", 17);
  g_autoptr (GError) error = NULL;
  DmlValue *x =
    dml_graph_add_input (graph, "x", DML_F32, &DML_SHAPE (1, 3), NULL);
  DmlValue *y = dml_graph_value (graph, "y", NULL);

  g_assert_nonnull (
    dml_graph_add_node (graph, NULL, "Relu", "a", &x, 1, &y, 1, NULL));
  g_assert_null (
    dml_graph_add_node (graph, NULL, "Relu", "b", &x, 1, &y, 1, &error));
  g_assert_error (error, DML_ERROR, DML_ERROR_FORMAT);
}

static void
test_huge_shapes_are_refused (void)
{
  static const int64_t huge[3] = { 1 << 30, 1 << 30, 1 << 30 };
  g_autoptr (DmlGraph) graph = dml_graph_new ("", 17);
  g_autoptr (GError) error = NULL;
  DmlValue *x =
    dml_graph_add_input (graph, "x", DML_F32, &DML_SHAPE (1, 3), NULL);
  DmlValue *in[2] = { x, constant_i64 (graph, "s", huge, 3) };
  DmlNode *node =
    dml_graph_add_node (graph, NULL, "Reshape", "n", in, 2, NULL, 1, NULL);

  dml_graph_add_output (graph, node->out[0], NULL);
  g_assert_true (dml_graph_finish (graph, NULL));
  g_assert_false (dml_graph_infer (graph, 1, &error));
  g_assert_error (error, DML_ERROR, DML_ERROR_FORMAT);
}

/* The shape of the reshape is itself a sum: known before running. */
static void
test_constants_are_computed (void)
{
  static const int64_t a[2] = { 1, 2 }, b[2] = { 1, 4 };
  g_autoptr (DmlGraph) graph = dml_graph_new ("", 17);
  g_autoptr (GError) error = NULL;
  DmlValue *x =
    dml_graph_add_input (graph, "x", DML_F32, &DML_SHAPE (-1, 3, 2), NULL);
  DmlValue *sum_in[2] = { constant_i64 (graph, "a", a, 2),
                          constant_i64 (graph, "b", b, 2) };
  DmlNode *sum =
    dml_graph_add_node (graph, NULL, "Add", "sum", sum_in, 2, NULL, 1, NULL);
  DmlValue *in[2] = { x, sum->out[0] };
  DmlNode *node =
    dml_graph_add_node (graph, NULL, "Reshape", "n", in, 2, NULL, 1, NULL);

  dml_graph_add_output (graph, node->out[0], NULL);
  g_assert_true (dml_graph_finish (graph, NULL));
  g_assert_true (dml_graph_infer (graph, 2, &error));
  g_assert_no_error (error);
  g_assert_true (dml_shape_equal (&node->out[0]->shape, &DML_SHAPE (2, 6)));
}

static void
test_clone_shares_weights (void)
{
  g_autoptr (DmlGraph) graph = small_graph ();

  g_assert_true (dml_graph_finish (graph, NULL));
  g_autoptr (DmlGraph) copy = dml_graph_clone (graph);

  g_assert_true (dml_graph_find (copy, "w") != dml_graph_find (graph, "w"));
  g_assert_true (dml_graph_find (copy, "w")->constant ==
                 dml_graph_find (graph, "w")->constant);
}

static void
test_sweep_removes_what_nobody_needs (void)
{
  g_autoptr (DmlGraph) graph = small_graph ();
  DmlValue *x = dml_graph_find (graph, "x");

  dml_graph_add_node (graph, NULL, "Relu", "dead", &x, 1, NULL, 1, NULL);
  g_assert_true (dml_graph_finish (graph, NULL));
  g_assert_cmpuint (graph->nodes->len, ==, 3);
  dml_graph_sweep (graph);
  g_assert_cmpuint (graph->nodes->len, ==, 2);
  g_assert_null (dml_graph_find (graph, "dead_out"));
  g_assert_cmpuint (graph->values->len, ==, 5);
}

static void
test_training_step_moves_against_the_gradient (void)
{
  g_autoptr (DmlGraph) graph = small_graph ();
  g_autoptr (GError) error = NULL;
  size_t n;

  g_assert_true (dml_graph_finish (graph, NULL));
  dml_graph_mark_params (graph);
  g_autoptr (DmlTrain) train = dml_train_new (graph, 1, 1, 0, &error);

  g_assert_no_error (error);
  DmlTrainParam *params = dml_train_params (train, &n);

  g_assert_cmpuint (n, ==, 2);
  float *x = dml_train_input (train, 0);

  x[0] = 1;
  x[1] = 2;
  x[2] = 3;
  dml_train_forward (train, DML_EXEC_TRAIN, 0);
  dml_train_output_grad (train, 0)[0] = 1;
  dml_train_output_grad (train, 0)[1] = 1;
  dml_train_backward (train);
  for (size_t i = 0; i < n; i++) {
    if (strcmp (params[i].name, "w") == 0) {
      g_assert_cmpfloat (params[i].grad[0], ==, 1);
      g_assert_cmpfloat (params[i].grad[2], ==, 2);
      g_assert_cmpfloat (params[i].grad[3], ==, 0); /* the rectifier is shut */
    } else {
      g_assert_cmpfloat (params[i].grad[0], ==, 1);
      g_assert_true (params[i].flags & DML_VALUE_NO_DECAY);
    }
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/graph/nodes-are-sorted-and-run",
                   test_nodes_are_sorted_and_run);
  g_test_add_func ("/graph/cycle-is-named", test_cycle_is_named);
  g_test_add_func ("/graph/unknown-operator-is-named",
                   test_unknown_operator_is_named);
  g_test_add_func ("/graph/value-from-nowhere-is-named",
                   test_value_from_nowhere_is_named);
  g_test_add_func ("/graph/two-producers-are-refused",
                   test_two_producers_are_refused);
  g_test_add_func ("/graph/huge-shapes-are-refused",
                   test_huge_shapes_are_refused);
  g_test_add_func ("/graph/constants-are-computed",
                   test_constants_are_computed);
  g_test_add_func ("/graph/clone-shares-weights", test_clone_shares_weights);
  g_test_add_func ("/graph/sweep-removes-what-nobody-needs",
                   test_sweep_removes_what_nobody_needs);
  g_test_add_func ("/graph/training-step-moves-against-the-gradient",
                   test_training_step_moves_against_the_gradient);
  return g_test_run ();
}
