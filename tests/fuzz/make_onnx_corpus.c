/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Writes the seeds of fuzz_onnx: small models that between them have every kind
 * of field. Usage: make_onnx_corpus onnx FOLDER */
#include "nn/onnx/onnx.h"
#include "net_maker.h"
#include "onnx_maker.h"

#include <stdlib.h>
#include <string.h>

static const char *folder;

static void
save (const char *name, const void *data, size_t n)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);
  g_autoptr (GError) error = NULL;

  if (!g_file_set_contents (path, data, (gssize) n, &error)) {
    g_printerr ("%s\n", error->message);
    exit (1);
  }
}

static void
save_model (const char *name, GByteArray *model)
{
  save (name, model->data, model->len);
  g_byte_array_unref (model);
}

/* What dml itself writes: batch norm, residuals, GeM, L2 norm, float16. */
static void
save_built (const char *name, const char *arch, DmlArchPool pool, gboolean half)
{
  DmlArchOptions options = DML_ARCH_OPTIONS_DEFAULT;
  const DmlOnnxWrite how = { .half = half, .embedding = "embedding" };
  g_autoptr (DmlGraph) graph = NULL;
  g_autoptr (GBytes) bytes = NULL;

  options.width = options.height = 16;
  options.width_factor = 0.0625;
  options.dim = 8;
  options.pool = pool;
  graph = net_of_arch (arch, &options, 1);
  bytes = dml_onnx_write_bytes (graph, &how, NULL);
  save (name, g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes));
}

static void
save_with_metadata (void)
{
  GByteArray *model = onnx_small_cnn (16, 8, 2);

  onnx_add_metadata (model, "dml.version", "1");
  onnx_add_metadata (model, "dml.name", "seed");
  onnx_add_metadata (model, "dml.input", "16x16");
  onnx_add_metadata (model, "dml.mean", "[0.5, 0.5, 0.5]");
  onnx_add_metadata (model, "dml.std", "0.25");
  onnx_add_metadata (model, "dml.fit", "cover");
  onnx_add_metadata (model, "dml.metric", "euclidean");
  onnx_add_metadata (model, "dml.thresholds",
                     "[{\"far\": 0.01, \"threshold\": 0.5, \"n_genuine\": 10, "
                     "\"n_impostor\": 100, \"lower\": 0, \"upper\": 0.02}]");
  save_model ("metadata.onnx", model);
}

/* The shape chain of an exported channel shuffle, and its neighbours. */
static void
save_shapes (void)
{
  static const int64_t image[] = { -1, 3, 8, 8 }, zero[] = { 0 };
  static const int64_t tail[] = { 1, 3, 8, 8 }, perm[] = { 0, 2, 1, 3, 4 };
  static const int64_t starts[] = { 0, 1 }, ends[] = { 3, 7 },
                       axes[] = { 1, 2 };
  static const int64_t pads[] = { 0, 0, 1, 1, 0, 0, 1, 1 }, two[] = { 2, 3 };
  GByteArray *graph = g_byte_array_new (), *node;

  onnx_add_input (graph, "image", image, 4);
  onnx_add_ints (graph, "zero", zero, 1);
  onnx_add_ints (graph, "tail", tail, 4);
  onnx_add_ints (graph, "starts", starts, 2);
  onnx_add_ints (graph, "ends", ends, 2);
  onnx_add_ints (graph, "axes", axes, 2);
  onnx_add_ints (graph, "pads", pads, 8);
  onnx_add_node (graph, "Shape", "", "image", "shape");
  onnx_add_node (graph, "Gather", "", "shape zero", "n");
  node = onnx_node ("Concat", "", "n tail", "wanted");
  onnx_node_int (node, "axis", 0);
  pb_message (graph, 1, node);
  onnx_add_node (graph, "Reshape", "", "image wanted", "five");
  node = onnx_node ("Transpose", "", "five", "turned");
  onnx_node_ints (node, "perm", perm, 5);
  pb_message (graph, 1, node);
  onnx_add_node (graph, "Reshape", "", "turned shape", "back");
  onnx_add_node (graph, "Slice", "", "back starts ends axes", "part");
  onnx_add_node (graph, "Pad", "", "part pads", "padded");
  node = onnx_node ("ReduceMean", "", "padded", "mean");
  onnx_node_ints (node, "axes", two, 2);
  onnx_node_int (node, "keepdims", 0);
  pb_message (graph, 1, node);
  onnx_add_node (graph, "HardSwish", "", "mean", "embedding");
  onnx_add_output (graph, "embedding");
  save_model ("shapes.onnx", onnx_model (graph, 14));
}

int
main (int argc, char **argv)
{
  GByteArray *model;

  if (argc != 3)
    return 2;
  folder = argv[2];
  if (g_mkdir_with_parents (folder, 0755) != 0)
    return 1;
  save_model ("plain.onnx", onnx_small_cnn (16, 8, 1));
  save_with_metadata ();
  save_shapes ();
  model = onnx_small_cnn (16, 8, 3);
  g_byte_array_set_size (model, model->len / 2);
  save_model ("cut.onnx", model);
  save_built ("convnet4.onnx", "convnet4", DML_ARCH_POOL_AVERAGE, FALSE);
  save_built ("gem.onnx", "convnet4", DML_ARCH_POOL_GEM, TRUE);
  save_built ("mobilenetv2.onnx", "mobilenetv2", DML_ARCH_POOL_AVERAGE, TRUE);
  return 0;
}
