/* SPDX-License-Identifier: LGPL-2.1-or-later
 * ONNX files for tests. See onnx_maker.h. */
#include "onnx_maker.h"

#include <string.h>

/* ---- protobuf ---- */

static void
pb_varint (GByteArray *to, guint64 value)
{
  do {
    const guint8 byte = (guint8) ((value & 0x7f) | (value > 0x7f ? 0x80 : 0));

    g_byte_array_append (to, &byte, 1);
    value >>= 7;
  } while (value > 0);
}

void
pb_int (GByteArray *to, unsigned field, guint64 value)
{
  pb_varint (to, field << 3);
  pb_varint (to, value);
}

void
pb_bytes (GByteArray *to, unsigned field, const void *data, size_t n)
{
  pb_varint (to, field << 3 | 2);
  pb_varint (to, n);
  g_byte_array_append (to, data, (guint) n);
}

void
pb_text (GByteArray *to, unsigned field, const char *text)
{
  pb_bytes (to, field, text, strlen (text));
}

void
pb_message (GByteArray *to, unsigned field, GByteArray *message)
{
  pb_bytes (to, field, message->data, message->len);
  g_byte_array_unref (message);
}

/* ---- parts ---- */

GByteArray *
onnx_value (const char *name, int type, const int64_t *dims, size_t n_dims)
{
  GByteArray *value = g_byte_array_new (), *shape = g_byte_array_new ();
  GByteArray *tensor = g_byte_array_new (), *of = g_byte_array_new ();

  for (size_t i = 0; i < n_dims; i++) {
    GByteArray *dim = g_byte_array_new ();

    if (dims[i] == -1)
      pb_text (dim, 2, "n");
    else
      pb_int (dim, 1, (guint64) dims[i]);
    pb_message (shape, 1, dim);
  }
  pb_int (tensor, 1, (guint64) type);
  pb_message (tensor, 2, shape);
  pb_message (of, 1, tensor);
  pb_text (value, 1, name);
  pb_message (value, 2, of);
  return value;
}

GByteArray *
onnx_tensor (const char *name, int type, const int64_t *dims, size_t n_dims,
             const void *raw, size_t n_raw)
{
  GByteArray *tensor = g_byte_array_new ();

  for (size_t i = 0; i < n_dims; i++)
    pb_int (tensor, 1, (guint64) dims[i]);
  pb_int (tensor, 2, (guint64) type);
  pb_text (tensor, 8, name);
  if (raw != NULL)
    pb_bytes (tensor, 9, raw, n_raw);
  return tensor;
}

static void
add_names (GByteArray *node, unsigned field, const char *names)
{
  g_auto (GStrv) split = g_strsplit (names, " ", -1);

  for (char **name = split; *name != NULL && *names != '\0'; name++)
    pb_text (node, field, strcmp (*name, "-") == 0 ? "" : *name);
}

GByteArray *
onnx_node (const char *op, const char *name, const char *in, const char *out)
{
  GByteArray *node = g_byte_array_new ();

  add_names (node, 1, in);
  add_names (node, 2, out);
  pb_text (node, 3, name);
  pb_text (node, 4, op);
  return node;
}

void
onnx_node_int (GByteArray *node, const char *name, int64_t value)
{
  GByteArray *attr = g_byte_array_new ();

  pb_text (attr, 1, name);
  pb_int (attr, 3, (guint64) value);
  pb_int (attr, 20, 2);
  pb_message (node, 5, attr);
}

void
onnx_node_ints (GByteArray *node, const char *name, const int64_t *values,
                size_t n)
{
  GByteArray *attr = g_byte_array_new ();

  pb_text (attr, 1, name);
  for (size_t i = 0; i < n; i++)
    pb_int (attr, 8, (guint64) values[i]);
  pb_int (attr, 20, 7);
  pb_message (node, 5, attr);
}

/* ---- graphs ---- */

void
onnx_add_input (GByteArray *graph, const char *name, const int64_t *dims,
                size_t n_dims)
{
  pb_message (graph, 11, onnx_value (name, ONNX_FLOAT, dims, n_dims));
}

void
onnx_add_output (GByteArray *graph, const char *name)
{
  GByteArray *value = g_byte_array_new ();

  pb_text (value, 1, name);
  pb_message (graph, 12, value);
}

void
onnx_add_floats (GByteArray *graph, const char *name, const int64_t *dims,
                 size_t n_dims, const float *values)
{
  size_t n = sizeof (float);

  for (size_t i = 0; i < n_dims; i++)
    n *= (size_t) dims[i];
  pb_message (graph, 5,
              onnx_tensor (name, ONNX_FLOAT, dims, n_dims, values, n));
}

void
onnx_add_ints (GByteArray *graph, const char *name, const int64_t *values,
               size_t n)
{
  const int64_t dim = (int64_t) n;

  pb_message (
    graph, 5,
    onnx_tensor (name, ONNX_INT64, &dim, 1, values, n * sizeof *values));
}

void
onnx_add_node (GByteArray *graph, const char *op, const char *name,
               const char *in, const char *out)
{
  pb_message (graph, 1, onnx_node (op, name, in, out));
}

GByteArray *
onnx_model (GByteArray *graph, int opset)
{
  GByteArray *model = g_byte_array_new (), *set = g_byte_array_new ();

  pb_int (model, 1, 8); /* IR version */
  pb_int (set, 2, (guint64) opset);
  pb_message (model, 8, set);
  pb_message (model, 7, graph);
  return model;
}

void
onnx_add_metadata (GByteArray *model, const char *key, const char *value)
{
  GByteArray *entry = g_byte_array_new ();

  pb_text (entry, 1, key);
  pb_text (entry, 2, value);
  pb_message (model, 14, entry);
}

static void
add_weights (GByteArray *graph, GRand *rand, const char *name,
             const int64_t *dims, size_t n_dims, double scale)
{
  g_autofree float *values = NULL;
  size_t n = 1;

  for (size_t i = 0; i < n_dims; i++)
    n *= (size_t) dims[i];
  values = g_new (float, n);
  for (size_t i = 0; i < n; i++)
    values[i] = (float) (scale * g_rand_double_range (rand, -1, 1));
  onnx_add_floats (graph, name, dims, n_dims, values);
}

GByteArray *
onnx_small_cnn (int side, int dim, guint32 seed)
{
  static const int64_t conv_dims[] = { 8, 3, 3, 3 }, two[] = { 2, 2 };
  static const int64_t pads[] = { 1, 1, 1, 1 };
  const int64_t image[] = { -1, 3, side, side }, fc[] = { dim, 8 };
  GByteArray *graph = g_byte_array_new ();
  GByteArray *conv = onnx_node ("Conv", "conv", "image w b", "a");
  GByteArray *gemm = onnx_node ("Gemm", "fc", "f w2 b2", "embedding");
  GRand *rand = g_rand_new_with_seed (seed);

  onnx_add_input (graph, "image", image, 4);
  add_weights (graph, rand, "w", conv_dims, 4, 0.3);
  add_weights (graph, rand, "b", conv_dims, 1, 0.1);
  add_weights (graph, rand, "w2", fc, 2, 0.5);
  add_weights (graph, rand, "b2", fc, 1, 0.1);
  onnx_node_ints (conv, "strides", two, 2);
  onnx_node_ints (conv, "pads", pads, 4);
  pb_message (graph, 1, conv);
  onnx_add_node (graph, "Relu", "relu", "a", "r");
  onnx_add_node (graph, "GlobalAveragePool", "pool", "r", "p");
  onnx_add_node (graph, "Flatten", "flat", "p", "f");
  onnx_node_int (gemm, "transB", 1);
  pb_message (graph, 1, gemm);
  onnx_add_output (graph, "embedding");
  g_rand_free (rand);
  return onnx_model (graph, 17);
}
