/* SPDX-License-Identifier: LGPL-2.1-or-later
 * ONNX files for tests, written field by field, so that they can be wrong in
 * every way. */
#pragma once

#include "nn/onnx/convert.h"

enum {
  ONNX_FLOAT = DML_ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT,
  ONNX_INT64 = DML_ONNX__TENSOR_PROTO__DATA_TYPE__INT64,
};

/* Protobuf: a number, bytes, a text, or a message (taken over) as a field. */
void pb_int (GByteArray *to, unsigned field, guint64 value);
void pb_bytes (GByteArray *to, unsigned field, const void *data, size_t n);
void pb_text (GByteArray *to, unsigned field, const char *text);
void pb_message (GByteArray *to, unsigned field, GByteArray *message);

/* ValueInfoProto; a dimension of -1 is free. */
GByteArray *onnx_value (const char *name, int type, const int64_t *dims,
                        size_t n_dims);

/* TensorProto with raw data. */
GByteArray *onnx_tensor (const char *name, int type, const int64_t *dims,
                         size_t n_dims, const void *raw, size_t n_raw);

/* NodeProto; `in` and `out` are names with spaces between, "-" is left out. */
GByteArray *onnx_node (const char *op, const char *name, const char *in,
                       const char *out);
void onnx_node_int (GByteArray *node, const char *name, int64_t value);
void onnx_node_ints (GByteArray *node, const char *name, const int64_t *values,
                     size_t n);

/* Into a GraphProto. */
void onnx_add_input (GByteArray *graph, const char *name, const int64_t *dims,
                     size_t n_dims); /* float32 */
void onnx_add_output (GByteArray *graph, const char *name);
void onnx_add_floats (GByteArray *graph, const char *name, const int64_t *dims,
                      size_t n_dims, const float *values);
void onnx_add_ints (GByteArray *graph, const char *name, const int64_t *values,
                    size_t n);
void onnx_add_node (GByteArray *graph, const char *op, const char *name,
                    const char *in, const char *out);

/* ModelProto of a graph (taken over); further fields may be appended. */
GByteArray *onnx_model (GByteArray *graph, int opset);
void onnx_add_metadata (GByteArray *model, const char *key, const char *value);

/* A small CNN with every kind of node that an encoder has: image n x 3 x side x
 * side (n free), weights of which `seed` draws, embedding n x dim. */
GByteArray *onnx_small_cnn (int side, int dim, guint32 seed);
