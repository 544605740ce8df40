/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Tensors and element types between ONNX's file format and ours. */
#pragma once

#include "nn/onnx/parse.h"
#include "nn/tensor.h"

/* DML_DTYPE_NONE for those that we do not have. */
DmlDtype dml_onnx_dtype (int32_t data_type);
int32_t dml_onnx_data_type (DmlDtype dtype);
const char *dml_onnx_data_type_name (int32_t data_type); /* "bfloat16" */

/* Raw or typed data; the file's data must be exactly what its shape asks for,
 * which is checked before anything is allocated. The message begins with
 * `tensor "name"`. Frees the proto's raw data on the way, so that a large model
 * is not in memory twice for longer than one tensor. FORMAT, UNSUPPORTED (type,
 * external data), LIMIT, NO_MEMORY. */
DmlTensor *dml_onnx_tensor_read (DmlOnnx__TensorProto *proto, GError **error);

/* Fills `proto` with raw data that points into `tensor`, which must outlive it;
 * `proto->dims` is to be freed with g_free. */
void dml_onnx_tensor_write (DmlOnnx__TensorProto *proto,
                            const DmlTensor *tensor);
