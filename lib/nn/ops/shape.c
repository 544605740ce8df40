/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Shape and Size: what is known once the batch is. They never run: inference
 * knows their output, and what follows from it (ONNX Shape, Size). */
#include "nn/op.h"

static gboolean
shape_infer_shape (DmlNode *node, GError **error)
{
  const DmlShape *x = dml_node_in_shape (node, 0);
  int64_t start, end;
  DmlTensor *known;

  if (!dml_node_get_int (node, "start", 0, &start, error) ||
      !dml_node_get_int (node, "end", x->rank, &end, error))
    return FALSE;
  start = CLAMP (start < 0 ? start + x->rank : start, 0, x->rank);
  end = CLAMP (end < 0 ? end + x->rank : end, start, x->rank);
  known = dml_tensor_new_i64 (x->dim + start, (size_t) (end - start), error);
  if (known == NULL)
    return FALSE;
  dml_value_set_known (node->out[0], known);
  return TRUE;
}

static gboolean
size_infer_shape (DmlNode *node, GError **error)
{
  DmlTensor *known;
  int64_t count;
  size_t n;

  if (!dml_shape_count (dml_node_in_shape (node, 0), node->in[0]->dtype, &n))
    return dml_node_fail (node, error, LIMIT, "its input is too large");
  count = (int64_t) n;
  known = dml_tensor_new_from (DML_I64, &DML_SHAPE_SCALAR, &count, error);
  if (known == NULL)
    return FALSE;
  dml_value_set_known (node->out[0], known);
  return TRUE;
}

const DmlOp dml_op_shape = {
  .onnx_name = "Shape",
  .min_in = 1,
  .max_in = 1,
  .min_out = 1,
  .max_out = 1,
  .infer_shape = shape_infer_shape,
};

const DmlOp dml_op_size = {
  .onnx_name = "Size",
  .min_in = 1,
  .max_in = 1,
  .min_out = 1,
  .max_out = 1,
  .infer_shape = size_infer_shape,
};
