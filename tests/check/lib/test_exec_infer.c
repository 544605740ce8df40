/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The inference executor: planned like unplanned, no allocation while running,
 * the same bytes for any number of threads, rows that do not see each other,
 * and every allocation failing in turn. */
#include "nn/exec.h"
#include "nn/passes/passes.h"
#include "alloc_count.h"
#include "memory_faults.h"
#include "net_maker.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static DmlGraph *
build (const char *name, int side)
{
  DmlArchOptions options = DML_ARCH_OPTIONS_DEFAULT;

  options.width = options.height = side;
  options.width_factor = 0.25;
  options.dim = 24;
  return net_of_arch (name, &options, 3);
}

static DmlGraph *
optimised (const char *name, int side)
{
  DmlGraph *graph = build (name, side);
  GError *error = NULL;

  dml_graph_optimise (graph, 2, &error);
  g_assert_no_error (error);
  return graph;
}

/* Row r of the input is noise of its own, wherever in the batch it stands. */
static void
fill_row (DmlInfer *infer, size_t row, size_t noise)
{
  const DmlShape *shape = dml_infer_input_shape (infer, 0);
  const size_t n = dml_shape_span (shape, 1, shape->rank);
  float *x = (float *) dml_infer_input (infer, 0) + row * n;
  DmlRng rng;

  dml_rng_init (&rng, 11, noise);
  for (size_t i = 0; i < n; i++)
    x[i] = (float) dml_rng_normal (&rng);
}

static GBytes *
run (DmlInfer *infer)
{
  const DmlShape *in = dml_infer_input_shape (infer, 0);
  const DmlShape *out = dml_infer_output_shape (infer, 0);

  for (int64_t r = 0; r < in->dim[0]; r++)
    fill_row (infer, r, r);
  dml_infer_run (infer);
  return g_bytes_new (dml_infer_output (infer, 0),
                      dml_shape_span (out, 0, out->rank) * sizeof (float));
}

static DmlInfer *
executor (const DmlGraph *graph, size_t batch, unsigned n_threads)
{
  GError *error = NULL;
  DmlInfer *infer = dml_infer_new (graph, batch, n_threads, &error);

  g_assert_no_error (error);
  return infer;
}

static const char *const nets[] = { "resnet10", "convnet4", "mobilenetv2",
                                    "repvgg" };

static void
test_planned_is_as_unplanned (void)
{
  for (size_t i = 0; i < G_N_ELEMENTS (nets); i++)
    for (int fast = 0; fast < 2; fast++) {
      g_autoptr (DmlGraph) graph =
        fast ? optimised (nets[i], 32) : build (nets[i], 32);
      g_autoptr (DmlInfer) planned = executor (graph, 3, 1);
      g_autoptr (DmlInfer) apart = dml_infer_new_apart (graph, 3, 1, NULL);
      g_autoptr (GBytes) a = run (planned);
      g_autoptr (GBytes) b = run (apart);
      g_autoptr (GBytes) again = run (planned);

      g_assert_true (g_bytes_equal (a, b));
      g_assert_true (g_bytes_equal (a, again));
      g_assert_cmpuint (dml_infer_memory (planned), <,
                        dml_infer_memory (apart));
    }
}

static DmlGraph *
random_graph (uint64_t seed)
{
  DmlGraph *graph = dml_graph_new ("", 17);
  g_autoptr (GPtrArray) values = g_ptr_array_new ();
  DmlRng rng;

  dml_rng_init (&rng, seed, 0);
  g_ptr_array_add (values,
                   dml_graph_add_input (graph, "x", DML_F32,
                                        &DML_SHAPE (DML_DIM_FREE, 6), NULL));
  net_add_random_nodes (graph, values, 25, &rng);
  dml_graph_add_output (graph, values->pdata[values->len - 1], NULL);
  dml_graph_add_output (
    graph, values->pdata[dml_rng_below (&rng, values->len - 1)], NULL);
  g_assert_true (dml_graph_finish (graph, NULL));
  return graph;
}

static void
test_random_graphs_are_as_unplanned (void)
{
  for (uint64_t seed = 0; seed < 200; seed++) {
    g_autoptr (DmlGraph) graph = random_graph (seed);
    g_autoptr (DmlInfer) planned = executor (graph, 2, 1);
    g_autoptr (DmlInfer) apart = dml_infer_new_apart (graph, 2, 1, NULL);
    g_autoptr (GBytes) a = run (planned);
    g_autoptr (GBytes) b = run (apart);

    g_assert_true (g_bytes_equal (a, b));
    g_assert_cmpmem (dml_infer_output (planned, 1), 12 * sizeof (float),
                     dml_infer_output (apart, 1), 12 * sizeof (float));
  }
}

static void
test_running_allocates_nothing (void)
{
  if (!CAN_COUNT) {
    g_test_skip ("allocations cannot be counted in this build");
    return;
  }
  for (size_t i = 0; i < G_N_ELEMENTS (nets); i++)
    for (unsigned threads = 1; threads < 3; threads++) {
      g_autoptr (DmlGraph) graph = optimised (nets[i], 32);
      g_autoptr (DmlInfer) infer = executor (graph, 3, threads);
      unsigned before;

      dml_infer_run (infer);
      before = __atomic_load_n (&n_allocations, __ATOMIC_RELAXED);
      g_assert_cmpuint (before, >, 0); /* it does count */
      for (unsigned k = 0; k < 3; k++)
        dml_infer_run (infer);
      g_assert_cmpuint (__atomic_load_n (&n_allocations, __ATOMIC_RELAXED), ==,
                        before);
    }
}

static void
test_threads_change_no_byte (void)
{
  for (size_t i = 0; i < G_N_ELEMENTS (nets); i++) {
    g_autoptr (DmlGraph) graph = optimised (nets[i], 64);
    g_autoptr (DmlInfer) one = executor (graph, 2, 1);
    g_autoptr (GBytes) want = run (one);

    for (unsigned threads = 2; threads < 5; threads++) {
      g_autoptr (DmlInfer) many = executor (graph, 2, threads);
      g_autoptr (GBytes) got = run (many);

      g_assert_true (g_bytes_equal (want, got));
    }
  }
}

/* The same picture alone, among others, at another place, in other batches. */
static void
test_row_does_not_see_its_neighbours (void)
{
  for (size_t i = 0; i < G_N_ELEMENTS (nets); i++) {
    g_autoptr (DmlGraph) graph = optimised (nets[i], 48);
    g_autoptr (DmlInfer) alone = executor (graph, 1, 1);
    const size_t d = dml_infer_output_shape (alone, 0)->dim[1];

    fill_row (alone, 0, 1000);
    dml_infer_run (alone);
    for (size_t batch = 2; batch < 10; batch += 3)
      for (size_t at = 0; at < batch; at++) {
        g_autoptr (DmlInfer) among = executor (graph, batch, 2);

        for (size_t r = 0; r < batch; r++)
          fill_row (among, r, r == at ? 1000 : r + 17 * at);
        dml_infer_run (among);
        g_assert_cmpmem (dml_infer_output (alone, 0), d * sizeof (float),
                         (const float *) dml_infer_output (among, 0) + at * d,
                         d * sizeof (float));
      }
  }
}

/* Two executors of one graph at once, in two threads. */
static gpointer
run_often (gpointer data)
{
  DmlInfer *infer = data;
  g_autoptr (GBytes) first = run (infer);

  for (unsigned i = 0; i < 20; i++) {
    g_autoptr (GBytes) again = run (infer);

    g_assert_true (g_bytes_equal (first, again));
  }
  return NULL;
}

static void
test_executors_of_one_graph_run_at_once (void)
{
  g_autoptr (DmlGraph) graph = optimised ("resnet10", 32);
  g_autoptr (DmlInfer) a = executor (graph, 2, 0);
  g_autoptr (DmlInfer) b = executor (graph, 3, 0);
  GThread *thread = g_thread_new ("other", run_often, a);

  run_often (b);
  g_thread_join (thread);
}

static void
test_every_allocation_may_fail (void)
{
  g_autoptr (DmlGraph) plain = build ("resnet10", 32);

  for (MemoryFault fault = { .least = 1 }; memory_fault_left (&fault);) {
    g_autoptr (GError) error = NULL;
    g_autoptr (DmlGraph) graph = dml_graph_clone (plain);
    g_autoptr (DmlInfer) infer = NULL;

    memory_fault_arm (&fault);
    if (dml_graph_optimise (graph, 2, &error))
      infer = dml_infer_new (graph, 2, 1, &error);
    memory_fault_check (&fault, infer != NULL, error);
  }
}

static void
test_hostile_sizes_are_refused (void)
{
  g_autoptr (DmlGraph) graph = build ("resnet10", 1024);
  g_autoptr (GError) error = NULL;

  g_assert_null (dml_infer_new (graph, 100000, 1, &error));
  g_assert_error (error, DML_ERROR, DML_ERROR_LIMIT);
}

int
main (int argc, char **argv)
{
  dml_threads_set_max (4);
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/exec-infer/planned-is-as-unplanned",
                   test_planned_is_as_unplanned);
  g_test_add_func ("/exec-infer/random-graphs-are-as-unplanned",
                   test_random_graphs_are_as_unplanned);
  g_test_add_func ("/exec-infer/running-allocates-nothing",
                   test_running_allocates_nothing);
  g_test_add_func ("/exec-infer/threads-change-no-byte",
                   test_threads_change_no_byte);
  g_test_add_func ("/exec-infer/row-does-not-see-its-neighbours",
                   test_row_does_not_see_its_neighbours);
  g_test_add_func ("/exec-infer/executors-of-one-graph-run-at-once",
                   test_executors_of_one_graph_run_at_once);
  g_test_add_func ("/exec-infer/every-allocation-may-fail",
                   test_every_allocation_may_fail);
  g_test_add_func ("/exec-infer/hostile-sizes-are-refused",
                   test_hostile_sizes_are_refused);
  return g_test_run ();
}
