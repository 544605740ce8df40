/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Writes models that dml builds, as dml-train does, with an input and the
 * output of the network as it was trained (or with 16 bits of what is read
 * back), for written.py to show to other programs. Usage: onnx_samples FOLDER
 */
#include "nn/arch/arch.h"
#include "nn/exec.h"
#include "nn/onnx/onnx.h"
#include "nn/passes/passes.h"
#include "need.h"
#include "npy_file.h"

#include <math.h>

static void
sample (const char *folder, const DmlArch *arch, DmlArchPool pool,
        gboolean normalise, gboolean half)
{
  DmlArchOptions options = DML_ARCH_OPTIONS_DEFAULT;
  const DmlOnnxWrite how = { .half = half, .embedding = "embedding" };
  g_autoptr (GError) error = NULL;
  g_autofree char *stem =
    g_strdup_printf ("%s/%s-%s%s%s", folder, arch->name,
                     pool == DML_ARCH_POOL_GEM ? "gem" : "average",
                     normalise ? "-cosine" : "", half ? "-half" : "");
  g_autofree char *model = g_strconcat (stem, ".onnx", NULL);
  g_autofree char *in = g_strconcat (stem, ".in.npy", NULL);
  g_autofree char *out = g_strconcat (stem, ".out.npy", NULL);
  g_autoptr (DmlGraph) graph = NULL, merged = NULL, read = NULL;
  g_autoptr (DmlInfer) infer = NULL;
  const DmlShape *shape;
  DmlRng rng;
  size_t n;
  float *x;

  options.width_factor = 0.5;
  options.pool = pool;
  options.normalise = normalise;
  options.neck = normalise;
  dml_rng_init (&rng, 7, 0);
  graph = dml_arch_build (arch->name, &options, &rng, &error);
  need (graph != NULL, error);
  merged = dml_graph_clone (graph);
  need (dml_graph_merge_branches (merged, &error), error);
  need (dml_onnx_write_file (merged, model, &how, &error), error);
  read = dml_onnx_read_file (model, NULL, &error);
  need (read != NULL, error);
  infer = dml_infer_new (half ? read : graph, 3, 1, &error);
  need (infer != NULL, error);
  shape = dml_infer_input_shape (infer, 0);
  n = dml_shape_span (shape, 0, 4);
  x = dml_infer_input (infer, 0);
  for (size_t i = 0; i < n; i++)
    x[i] = sinf ((float) i * 0.37f) + cosf ((float) i * 0.0011f);
  npy_save (in, x, 3, n / 3);
  dml_infer_run (infer);
  shape = dml_infer_output_shape (infer, 0);
  npy_save (out, dml_infer_output (infer, 0), 3, (size_t) shape->dim[1]);
}

int
main (int argc, char **argv)
{
  size_t n;
  const DmlArch *const *table = dml_arch_table (&n);

  if (argc != 2)
    return 2;
  for (size_t i = 0; i < n; i++) {
    sample (argv[1], table[i], DML_ARCH_POOL_AVERAGE, TRUE, FALSE);
    sample (argv[1], table[i], DML_ARCH_POOL_AVERAGE, FALSE, TRUE);
    sample (argv[1], table[i], DML_ARCH_POOL_GEM, TRUE, TRUE);
  }
  return 0;
}
