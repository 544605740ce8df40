/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The training executor: gradients of whole nets, planned like unplanned, the
 * same bytes for any number of threads, batch norm in all its modes. That the
 * numbers are those of PyTorch is test_train_golden.c's. */
#include "nn/exec.h"
#include "nn/passes/passes.h"
#include "memory_faults.h"
#include "net_maker.h"

#include <math.h>
#include <string.h>

static DmlGraph *
build (const char *name)
{
  DmlArchOptions options = DML_ARCH_OPTIONS_DEFAULT;

  options.width = options.height = 20;
  options.width_factor = 0.125;
  options.dim = 8;
  options.neck = TRUE;
  options.pool = DML_ARCH_POOL_GEM;
  options.dropout = 0.25f;
  return net_of_arch (name, &options, 21);
}

static DmlTrain *
executor (const DmlGraph *graph, size_t batch, unsigned n_threads)
{
  GError *error = NULL;
  DmlTrain *train = dml_train_new (graph, batch, n_threads, 5, &error);

  g_assert_no_error (error);
  return train;
}

static void
fill (float *x, size_t n, uint64_t stream)
{
  DmlRng rng;

  dml_rng_init (&rng, 12, stream);
  for (size_t i = 0; i < n; i++)
    x[i] = (float) dml_rng_normal (&rng);
}

static size_t
size_of (const DmlShape *shape)
{
  return dml_shape_span (shape, 0, shape->rank);
}

/* A loss with a gradient in every output: sum c y. */
static void
step (DmlTrain *train, DmlExecMode mode, uint64_t number)
{
  dml_train_forward (train, mode, number);
  for (unsigned i = 0; i < dml_train_n_outputs (train); i++)
    if (dml_train_output_grad (train, i) != NULL)
      fill (dml_train_output_grad (train, i),
            size_of (dml_train_output_shape (train, i)), 100 + i);
  dml_train_backward (train);
}

/* All gradients, one behind the other. */
static GArray *
gradients (DmlTrain *train)
{
  GArray *all = g_array_new (FALSE, FALSE, sizeof (float));
  size_t n;
  const DmlTrainParam *params = dml_train_params (train, &n);

  for (size_t i = 0; i < n; i++)
    g_array_append_vals (all, params[i].grad, (guint) params[i].n);
  return all;
}

static void
assert_same (const GArray *a, const GArray *b)
{
  g_assert_cmpmem (a->data, a->len * sizeof (float), b->data,
                   b->len * sizeof (float));
}

static const char *const nets[] = { "resnet10", "convnet4", "mobilenetv2",
                                    "repvgg" };

static GArray *
gradients_of (const DmlGraph *graph, unsigned n_threads, gboolean apart)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (DmlTrain) train =
    apart ? dml_train_new_apart (graph, 5, n_threads, 5, &error)
          : dml_train_new (graph, 5, n_threads, 5, &error);

  g_assert_no_error (error);
  fill (dml_train_input (train, 0), 5 * 3 * 20 * 20, 0);
  step (train, DML_EXEC_TRAIN_QUIET, 1);
  return gradients (train);
}

static void
test_planned_is_as_unplanned (void)
{
  for (size_t i = 0; i < G_N_ELEMENTS (nets); i++) {
    g_autoptr (DmlGraph) graph = build (nets[i]);
    g_autoptr (GArray) planned = gradients_of (graph, 1, FALSE);
    g_autoptr (GArray) apart = gradients_of (graph, 1, TRUE);

    assert_same (planned, apart);
  }
}

static void
test_threads_change_no_byte (void)
{
  for (size_t i = 0; i < G_N_ELEMENTS (nets); i++) {
    g_autoptr (DmlGraph) graph = build (nets[i]);
    g_autoptr (GArray) one = gradients_of (graph, 1, FALSE);

    for (unsigned threads = 2; threads < 5; threads++) {
      g_autoptr (GArray) many = gradients_of (graph, threads, FALSE);

      assert_same (one, many);
    }
  }
}

/* With one parameter at the top. */
static DmlGraph *
random_graph (uint64_t seed)
{
  DmlGraph *graph = dml_graph_new ("", 17);
  g_autoptr (GPtrArray) values = g_ptr_array_new ();
  g_autoptr (DmlTensor) p = dml_tensor_new (DML_F32, &DML_SHAPE (2, 6), NULL);
  DmlRng rng;

  dml_rng_init (&rng, seed, 0);
  fill (p->data, p->n, seed);
  g_ptr_array_add (
    values, dml_graph_add_input (graph, "x", DML_F32, &DML_SHAPE (2, 6), NULL));
  g_ptr_array_add (
    values, dml_graph_add_constant (graph, "p", p, DML_VALUE_PARAM, NULL));
  net_add_random_nodes (graph, values, 20, &rng);
  for (unsigned i = 0; i < 2; i++)
    dml_graph_add_output (graph, values->pdata[values->len - 1 - 3 * i], NULL);
  g_assert_true (dml_graph_finish (graph, NULL));
  return graph;
}

static void
test_random_graphs_are_as_unplanned (void)
{
  for (uint64_t seed = 0; seed < 200; seed++) {
    g_autoptr (DmlGraph) graph = random_graph (seed);
    g_autoptr (DmlTrain) planned = executor (graph, 2, 1);
    g_autoptr (DmlTrain) apart = dml_train_new_apart (graph, 2, 1, 5, NULL);

    for (unsigned i = 0; i < 2; i++) {
      DmlTrain *train = i ? apart : planned;

      fill (dml_train_input (train, 0), 12, 7);
      step (train, DML_EXEC_TRAIN, 0);
    }
    g_autoptr (GArray) a = gradients (planned);
    g_autoptr (GArray) b = gradients (apart);

    assert_same (a, b);
  }
}

static void
test_backward_adds (void)
{
  g_autoptr (DmlGraph) graph = build ("resnet10");
  g_autoptr (DmlTrain) train = executor (graph, 4, 0);

  fill (dml_train_input (train, 0), 4 * 3 * 20 * 20, 0);
  step (train, DML_EXEC_TRAIN_QUIET, 0);
  g_autoptr (GArray) once = gradients (train);

  step (train, DML_EXEC_TRAIN_QUIET, 0); /* the input is still there */
  g_autoptr (GArray) twice = gradients (train);

  for (guint i = 0; i < once->len; i++) {
    const float a = g_array_index (once, float, i);

    g_assert_cmpfloat (fabsf (g_array_index (twice, float, i) - 2 * a), <=,
                       1e-5f * (1 + fabsf (a)));
  }
  dml_train_zero_grad (train);
  step (train, DML_EXEC_TRAIN_QUIET, 0);
  g_autoptr (GArray) again = gradients (train);

  assert_same (once, again);
}

static void
test_step_names_the_masks (void)
{
  g_autoptr (DmlGraph) graph = build ("convnet4");
  g_autoptr (DmlTrain) train = executor (graph, 4, 0);
  const size_t bytes = 4 * 8 * sizeof (float);
  g_autofree float *first = NULL;

  fill (dml_train_input (train, 0), 4 * 3 * 20 * 20, 0);
  dml_train_forward (train, DML_EXEC_TRAIN_QUIET, 3);
  first = g_memdup2 (dml_train_output (train, 0), bytes);
  dml_train_forward (train, DML_EXEC_TRAIN_QUIET, 3);
  g_assert_cmpmem (first, bytes, dml_train_output (train, 0), bytes);
  dml_train_forward (train, DML_EXEC_TRAIN_QUIET, 4);
  g_assert_true (memcmp (first, dml_train_output (train, 0), bytes) != 0);
}

/* What a trainer evaluates with is what an executor for inference says. */
static void
test_eval_is_as_inference (void)
{
  g_autoptr (DmlGraph) graph = build ("resnet10");
  g_autoptr (DmlTrain) train = executor (graph, 3, 0);

  for (uint64_t i = 0; i < 5; i++) {
    fill (dml_train_input (train, 0), 3 * 3 * 20 * 20, i);
    dml_train_forward (train, DML_EXEC_TRAIN, i);
  }
  dml_train_forward (train, DML_EXEC_EVAL, 0);
  g_autoptr (DmlGraph) fast = dml_graph_clone (graph);

  g_assert_true (dml_graph_optimise (fast, 2, NULL));
  g_autoptr (DmlInfer) infer = dml_infer_new (fast, 3, 0, NULL);

  fill (dml_infer_input (infer, 0), 3 * 3 * 20 * 20, 4);
  dml_infer_run (infer);
  for (unsigned i = 0; i < 3 * 8; i++)
    g_assert_cmpfloat (fabsf (dml_train_output (train, 0)[i] -
                              ((const float *) dml_infer_output (infer, 0))[i]),
                       <, 1e-5f);
}

/* --- batch norm alone --- */

enum { N = 6, C = 3, P = 4 };

static DmlGraph *
batchnorm_graph (void)
{
  DmlGraph *graph = dml_graph_new ("", 17);
  static const char *const names[] = { "scale", "bias", "mean", "var" };
  DmlValue *in[5];
  DmlNode *node;

  in[0] =
    dml_graph_add_input (graph, "x", DML_F32, &DML_SHAPE (-1, C, P), NULL);
  for (unsigned i = 0; i < 4; i++) {
    g_autoptr (DmlTensor) t = dml_tensor_new (DML_F32, &DML_SHAPE (C), NULL);

    for (unsigned c = 0; c < C; c++)
      ((float *) t->data)[c] = i == 0 || i == 3 ? 1 : 0;
    in[i + 1] = dml_graph_add_constant (
      graph, names[i], t, i < 2 ? DML_VALUE_PARAM : DML_VALUE_STATISTIC, NULL);
  }
  node = dml_graph_add_node (graph, NULL, "BatchNormalization", "bn", in, 5,
                             NULL, 1, NULL);
  dml_attrs_set_float (node->attrs, "momentum", 0.75f);
  dml_graph_add_output (graph, node->out[0], NULL);
  g_assert_true (dml_graph_finish (graph, NULL));
  return graph;
}

/* Mean and biased variance of channel c over n batches of x. */
static void
moments (const float *x, size_t n, size_t c, double *mean, double *var)
{
  double sum = 0, squares = 0;

  for (size_t i = 0; i < n; i++)
    for (size_t k = 0; k < P; k++)
      sum += (double) x[(i * C + c) * P + k];
  *mean = sum / (double) (n * P);
  for (size_t i = 0; i < n; i++)
    for (size_t k = 0; k < P; k++) {
      const double d = (double) x[(i * C + c) * P + k] - *mean;

      squares += d * d;
    }
  *var = squares / (double) (n * P);
}

static const DmlStatistic *
statistic (DmlTrain *train, const char *name)
{
  size_t n;
  const DmlStatistic *all = dml_train_statistics (train, &n);

  for (size_t i = 0; i < n; i++)
    if (strcmp (all[i].name, name) == 0)
      return &all[i];
  g_assert_not_reached ();
}

static void
test_running_statistics_move (void)
{
  g_autoptr (DmlGraph) graph = batchnorm_graph ();
  g_autoptr (DmlTrain) train = executor (graph, N, 1);
  float *x = dml_train_input (train, 0);

  fill (x, N * C * P, 1);
  dml_train_forward (train, DML_EXEC_TRAIN_QUIET, 0);
  g_assert_cmpfloat (statistic (train, "mean")->data[0], ==, 0);
  dml_train_forward (train, DML_EXEC_TRAIN, 0);
  for (unsigned c = 0; c < C; c++) {
    double mean, var;

    moments (x, N, c, &mean, &var);
    g_assert_cmpfloat_with_epsilon (statistic (train, "mean")->data[c],
                                    0.25 * mean, 1e-6);
    g_assert_cmpfloat_with_epsilon (statistic (train, "var")->data[c],
                                    0.75 + 0.25 * var * (N * P) / (N * P - 1.0),
                                    1e-6);
  }
}

/* "Precise BN": what stands afterwards is over everything that was seen. */
static void
test_estimate_is_over_all_batches (void)
{
  enum { BATCHES = 5 };
  g_autoptr (DmlGraph) graph = batchnorm_graph ();
  g_autoptr (DmlTrain) train = executor (graph, N, 1);
  g_autofree float *all = g_new (float, BATCHES *N *C *P);

  fill (all, BATCHES * N * C * P, 2);
  for (unsigned i = 0; i < N * C * P; i++)
    all[i] += 3; /* the first batch lies elsewhere */
  dml_train_estimate_begin (train);
  dml_train_estimate_end (train);
  g_assert_cmpfloat (statistic (train, "var")->data[0], ==, 1);
  for (unsigned round = 0; round < 2; round++) { /* begin forgets */
    dml_train_estimate_begin (train);
    for (unsigned b = 0; b < BATCHES; b++) {
      memcpy (dml_train_input (train, 0), all + b * N * C * P,
              N * C * P * sizeof (float));
      dml_train_forward (train, DML_EXEC_TRAIN_ESTIMATE, b);
    }
    dml_train_estimate_end (train);
  }
  for (unsigned c = 0; c < C; c++) {
    const double n = BATCHES * N * P;
    double mean, var;

    moments (all, BATCHES * N, c, &mean, &var);
    g_assert_cmpfloat_with_epsilon (statistic (train, "mean")->data[c], mean,
                                    1e-5);
    g_assert_cmpfloat_with_epsilon (statistic (train, "var")->data[c],
                                    var * n / (n - 1), 1e-5);
  }
}

static void
test_frozen_batchnorm_is_as_in_inference (void)
{
  g_autoptr (DmlGraph) graph = batchnorm_graph ();

  dml_graph_find (graph, "mean")->flags |= DML_VALUE_FROZEN;
  dml_graph_find (graph, "var")->flags |= DML_VALUE_FROZEN;
  dml_graph_find (graph, "bias")->flags |= DML_VALUE_FROZEN;
  *(float *) dml_graph_find (graph, "mean")->constant->data = 2;
  g_autoptr (DmlTrain) train = executor (graph, N, 1);
  float *x = dml_train_input (train, 0);
  double expected = 0;
  size_t n;

  fill (x, N * C * P, 3);
  step (train, DML_EXEC_TRAIN, 0);
  g_assert_cmpfloat_with_epsilon (dml_train_output (train, 0)[0], x[0] - 2,
                                  1e-4);
  g_assert_cmpfloat (statistic (train, "mean")->data[0], ==, 2);
  dml_train_params (train, &n);
  g_assert_cmpuint (n, ==, 1); /* the bias is none while it is frozen */
  for (unsigned i = 0; i < N; i++)
    for (unsigned k = 0; k < P; k++) {
      const unsigned at = i * C * P + k;
      g_autofree float *dy = g_new (float, N *C *P);

      fill (dy, N * C * P, 100);
      expected += (double) dy[at] * (double) (x[at] - 2);
    }
  g_assert_cmpfloat_with_epsilon (dml_train_params (train, &n)->grad[0],
                                  expected / sqrt (1 + 1e-5), 1e-4);
}

static void
test_untrainable_operator_is_named (void)
{
  g_autoptr (DmlGraph) graph = dml_graph_new ("", 17);
  g_autoptr (GError) error = NULL;
  g_autoptr (DmlTensor) t = dml_tensor_new0 (DML_F32, &DML_SHAPE (3), NULL);
  DmlValue *in[2] = {
    dml_graph_add_input (graph, "x", DML_F32, &DML_SHAPE (1, 3), NULL),
    dml_graph_add_constant (graph, "p", t, DML_VALUE_PARAM, NULL)
  };
  DmlNode *node =
    dml_graph_add_node (graph, NULL, "Pow", "raise", in, 2, NULL, 1, NULL);

  dml_graph_add_output (graph, node->out[0], NULL);
  g_assert_true (dml_graph_finish (graph, NULL));
  g_assert_null (dml_train_new (graph, 1, 1, 0, &error));
  g_assert_error (error, DML_ERROR, DML_ERROR_UNSUPPORTED);
  g_assert_nonnull (strstr (error->message, "raise"));
}

static void
test_every_allocation_may_fail (void)
{
  g_autoptr (DmlGraph) graph = build ("convnet4");

  for (MemoryFault fault = { .least = 1 }; memory_fault_left (&fault);) {
    g_autoptr (GError) error = NULL;
    g_autoptr (DmlTrain) train = NULL;

    memory_fault_arm (&fault);
    train = dml_train_new (graph, 2, 1, 0, &error);
    memory_fault_check (&fault, train != NULL, error);
  }
}

static void
test_memory_is_planned (void)
{
  g_autoptr (DmlGraph) graph = build ("mobilenetv2");
  g_autoptr (DmlTrain) train = executor (graph, 8, 1);
  g_autoptr (DmlTrain) apart = dml_train_new_apart (graph, 8, 1, 5, NULL);

  g_assert_cmpuint (dml_train_memory (train), <,
                    dml_train_memory (apart) * 2 / 3);
}

int
main (int argc, char **argv)
{
  dml_threads_set_max (4);
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/exec-train/planned-is-as-unplanned",
                   test_planned_is_as_unplanned);
  g_test_add_func ("/exec-train/random-graphs-are-as-unplanned",
                   test_random_graphs_are_as_unplanned);
  g_test_add_func ("/exec-train/threads-change-no-byte",
                   test_threads_change_no_byte);
  g_test_add_func ("/exec-train/backward-adds", test_backward_adds);
  g_test_add_func ("/exec-train/step-names-the-masks",
                   test_step_names_the_masks);
  g_test_add_func ("/exec-train/eval-is-as-inference",
                   test_eval_is_as_inference);
  g_test_add_func ("/exec-train/running-statistics-move",
                   test_running_statistics_move);
  g_test_add_func ("/exec-train/estimate-is-over-all-batches",
                   test_estimate_is_over_all_batches);
  g_test_add_func ("/exec-train/frozen-batchnorm-is-as-in-inference",
                   test_frozen_batchnorm_is_as_in_inference);
  g_test_add_func ("/exec-train/untrainable-operator-is-named",
                   test_untrainable_operator_is_named);
  g_test_add_func ("/exec-train/every-allocation-may-fail",
                   test_every_allocation_may_fail);
  g_test_add_func ("/exec-train/memory-is-planned", test_memory_is_planned);
  return g_test_run ();
}
