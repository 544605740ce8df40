/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Tensors and element types between ONNX's file format and ours. */
#include "nn/onnx/convert.h"

#include <string.h>

/* raw_data is little-endian in every file, and copied as it is. */
G_STATIC_ASSERT (G_BYTE_ORDER == G_LITTLE_ENDIAN);

static const struct {
  int32_t data_type;
  DmlDtype dtype;
  const char *name;
} TYPES[] = {
  { DML_ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT, DML_F32, "float32" },
  { DML_ONNX__TENSOR_PROTO__DATA_TYPE__UINT8, DML_U8, "uint8" },
  { DML_ONNX__TENSOR_PROTO__DATA_TYPE__INT8, DML_I8, "int8" },
  { DML_ONNX__TENSOR_PROTO__DATA_TYPE__UINT16, DML_DTYPE_NONE, "uint16" },
  { DML_ONNX__TENSOR_PROTO__DATA_TYPE__INT16, DML_DTYPE_NONE, "int16" },
  { DML_ONNX__TENSOR_PROTO__DATA_TYPE__INT32, DML_I32, "int32" },
  { DML_ONNX__TENSOR_PROTO__DATA_TYPE__INT64, DML_I64, "int64" },
  { DML_ONNX__TENSOR_PROTO__DATA_TYPE__STRING, DML_DTYPE_NONE, "string" },
  { DML_ONNX__TENSOR_PROTO__DATA_TYPE__BOOL, DML_BOOL, "bool" },
  { DML_ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT16, DML_F16, "float16" },
  { DML_ONNX__TENSOR_PROTO__DATA_TYPE__DOUBLE, DML_F64, "float64" },
  { DML_ONNX__TENSOR_PROTO__DATA_TYPE__UINT32, DML_DTYPE_NONE, "uint32" },
  { DML_ONNX__TENSOR_PROTO__DATA_TYPE__UINT64, DML_DTYPE_NONE, "uint64" },
  { DML_ONNX__TENSOR_PROTO__DATA_TYPE__COMPLEX64, DML_DTYPE_NONE, "complex64" },
  { DML_ONNX__TENSOR_PROTO__DATA_TYPE__COMPLEX128, DML_DTYPE_NONE,
    "complex128" },
  { DML_ONNX__TENSOR_PROTO__DATA_TYPE__BFLOAT16, DML_DTYPE_NONE, "bfloat16" },
};

DmlDtype
dml_onnx_dtype (int32_t data_type)
{
  for (size_t i = 0; i < G_N_ELEMENTS (TYPES); i++)
    if (TYPES[i].data_type == data_type)
      return TYPES[i].dtype;
  return DML_DTYPE_NONE;
}

int32_t
dml_onnx_data_type (DmlDtype dtype)
{
  for (size_t i = 0; i < G_N_ELEMENTS (TYPES); i++)
    if (TYPES[i].dtype == dtype && dtype != DML_DTYPE_NONE)
      return TYPES[i].data_type;
  return DML_ONNX__TENSOR_PROTO__DATA_TYPE__UNDEFINED;
}

const char *
dml_onnx_data_type_name (int32_t data_type)
{
  for (size_t i = 0; i < G_N_ELEMENTS (TYPES); i++)
    if (TYPES[i].data_type == data_type)
      return TYPES[i].name;
  return "unknown";
}

/* ---- reading ---- */

static gboolean
tensor_shape (const DmlOnnx__TensorProto *proto, DmlShape *shape,
              GError **error)
{
  if (proto->n_dims > DML_MAX_RANK)
    return dml_fail (error, LIMIT, "%zu dimensions; at most %d are read",
                     proto->n_dims, DML_MAX_RANK);
  shape->rank = (int) proto->n_dims;
  for (size_t i = 0; i < proto->n_dims; i++) {
    shape->dim[i] = proto->dims[i];
    if (shape->dim[i] < 0)
      return dml_fail (error, FORMAT, "dimension %zu is %" G_GINT64_FORMAT, i,
                       shape->dim[i]);
  }
  return TRUE;
}

/* How many items the file holds for this type outside raw_data. */
static size_t
tensor_n_typed (const DmlOnnx__TensorProto *proto, DmlDtype dtype)
{
  switch (dtype) {
  case DML_F32:
    return proto->n_float_data;
  case DML_F64:
    return proto->n_double_data;
  case DML_I64:
    return proto->n_int64_data;
  default: /* small types travel as int32 */
    return proto->n_int32_data;
  }
}

static void
tensor_copy_typed (const DmlOnnx__TensorProto *proto, DmlTensor *tensor)
{
  const int32_t *from = proto->int32_data;

  switch (tensor->dtype) {
  case DML_F32:
    memcpy (tensor->data, proto->float_data, dml_tensor_bytes (tensor));
    break;
  case DML_F64:
    memcpy (tensor->data, proto->double_data, dml_tensor_bytes (tensor));
    break;
  case DML_I64:
    memcpy (tensor->data, proto->int64_data, dml_tensor_bytes (tensor));
    break;
  case DML_I32:
    memcpy (tensor->data, from, dml_tensor_bytes (tensor));
    break;
  case DML_F16:
    for (size_t i = 0; i < tensor->n; i++)
      ((uint16_t *) tensor->data)[i] = (uint16_t) from[i];
    break;
  default: /* I8, U8, BOOL: a byte each */
    for (size_t i = 0; i < tensor->n; i++)
      ((uint8_t *) tensor->data)[i] = (uint8_t) from[i];
    break;
  }
}

static gboolean
tensor_is_supported (const DmlOnnx__TensorProto *proto, GError **error)
{
  if (proto->data_location == 1 || proto->n_external_data > 0) {
    g_autofree char *where = NULL;

    for (size_t i = 0; i < proto->n_external_data; i++)
      if (g_strcmp0 (proto->external_data[i]->key, "location") == 0)
        where = dml_error_quote (proto->external_data[i]->value);
    return dml_fail (error, UNSUPPORTED,
                     "its data lies in another file (%s); save the model as "
                     "one file, with onnx.save_model (model, path)",
                     where ? where : "unnamed");
  }
  if (proto->has_segment)
    return dml_fail (error, UNSUPPORTED, "its data comes in segments");
  if (dml_onnx_dtype (proto->data_type) == DML_DTYPE_NONE)
    return dml_fail (error, UNSUPPORTED, "element type %d (%s)",
                     proto->data_type,
                     dml_onnx_data_type_name (proto->data_type));
  return TRUE;
}

static DmlTensor *
tensor_read (DmlOnnx__TensorProto *proto, GError **error)
{
  const DmlDtype dtype = dml_onnx_dtype (proto->data_type);
  DmlTensor *tensor;
  DmlShape shape;
  size_t n;

  if (!tensor_is_supported (proto, error) ||
      !tensor_shape (proto, &shape, error))
    return NULL;
  if (!dml_shape_count (&shape, dtype, &n)) {
    g_autofree char *text = dml_shape_to_string (&shape);

    return dml_fail_null (error, LIMIT, "%s elements are too many", text);
  }
  if (proto->has_raw_data && proto->raw_data.len != n * dml_dtype_size (dtype))
    return dml_fail_null (error, FORMAT,
                          "%zu bytes of data, its shape asks for %zu",
                          proto->raw_data.len, n * dml_dtype_size (dtype));
  if (!proto->has_raw_data && tensor_n_typed (proto, dtype) != n)
    return dml_fail_null (error, FORMAT, "%zu values, its shape asks for %zu",
                          tensor_n_typed (proto, dtype), n);
  tensor = dml_tensor_new (dtype, &shape, error);
  if (tensor == NULL)
    return NULL;
  if (n > 0 && proto->has_raw_data)
    memcpy (tensor->data, proto->raw_data.data, proto->raw_data.len);
  else if (n > 0)
    tensor_copy_typed (proto, tensor);
  if (dtype == DML_BOOL)
    for (size_t i = 0; i < n; i++)
      ((uint8_t *) tensor->data)[i] = ((uint8_t *) tensor->data)[i] != 0;
  return tensor;
}

DmlTensor *
dml_onnx_tensor_read (DmlOnnx__TensorProto *proto, GError **error)
{
  DmlTensor *tensor = tensor_read (proto, error);

  if (tensor == NULL) {
    g_autofree char *name = dml_error_quote (proto->name);

    g_prefix_error (error, "tensor \"%s\": ", name);
    return NULL;
  }
  if (proto->has_raw_data) {
    dml_mem_free (proto->raw_data.data);
    proto->raw_data.data = NULL;
    proto->raw_data.len = 0;
  }
  return tensor;
}

/* ---- writing ---- */

void
dml_onnx_tensor_write (DmlOnnx__TensorProto *proto, const DmlTensor *tensor)
{
  proto->n_dims = (size_t) tensor->shape.rank;
  proto->dims =
    g_memdup2 (tensor->shape.dim, proto->n_dims * sizeof tensor->shape.dim[0]);
  proto->has_data_type = TRUE;
  proto->data_type = dml_onnx_data_type (tensor->dtype);
  proto->has_raw_data = TRUE;
  proto->raw_data.data = tensor->data;
  proto->raw_data.len = dml_tensor_bytes (tensor);
}
