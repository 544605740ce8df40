/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Runs a model as an encoder does (optimised, one thread) on a float32 .npy
 * file, for the tests that compare with other programs.
 * Usage: onnx_run MODEL.onnx IN.npy OUT.npy: writes rows x D, prints ms a row
 */
#include "nn/exec.h"
#include "nn/onnx/onnx.h"
#include "nn/passes/passes.h"
#include "need.h"
#include "npy_file.h"

#include <string.h>
#include <time.h>

static double
cpu_ms (void)
{
  struct timespec t;

  clock_gettime (CLOCK_PROCESS_CPUTIME_ID, &t);
  return 1e3 * (double) t.tv_sec + 1e-6 * (double) t.tv_nsec;
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (DmlGraph) graph = NULL;
  g_autoptr (DmlInfer) infer = NULL;
  g_autofree float *x = NULL;
  size_t n, batch, dim;
  const DmlShape *shape;
  double start, best = 1e9;

  if (argc != 4)
    return 2;
  graph = dml_onnx_read_file (argv[1], NULL, &error);
  need (graph != NULL, error);
  x = npy_load (argv[2], &n);
  batch = dml_graph_fixed_batch (graph);
  batch = batch ? batch : 2;
  need (dml_graph_infer (graph, batch, &error) &&
          dml_graph_optimise (graph, batch, &error),
        error);
  infer = dml_infer_new (graph, batch, 1, &error);
  need (infer != NULL, error);
  shape = dml_infer_input_shape (infer, 0);
  need (dml_shape_span (shape, 0, shape->rank) == n, NULL);
  for (int i = 0; i < 3; i++) {
    memcpy (dml_infer_input (infer, 0), x, n * sizeof *x);
    start = cpu_ms ();
    dml_infer_run (infer);
    best = MIN (best, cpu_ms () - start);
  }
  shape = dml_infer_output_shape (infer, 0);
  dim = dml_shape_span (shape, 1, shape->rank);
  npy_save (argv[3], dml_infer_output (infer, 0), batch, dim);
  g_print ("%.3f\n", best);
  return 0;
}
