/* SPDX-License-Identifier: LGPL-2.1-or-later
 * ConstantOfShape: one value, repeated to a known shape. */
#include "nn/op.h"
#include "nn/ops/strided.h"

#include <string.h>

static gboolean
constant_of_shape_infer_shape (DmlNode *node, GError **error)
{
  const DmlAttr *value = dml_attrs_find (node->attrs, "value");
  DmlShape y = { 0 };
  size_t n;

  if (value != NULL && (value->type != DML_ATTR_TENSOR || value->t->n != 1))
    return dml_node_fail (node, error, FORMAT,
                          "value is not a tensor of one element");
  if (!dml_node_known_ints (node, 0, DML_MAX_RANK, y.dim, &n, error))
    return FALSE;
  y.rank = (int) n;
  for (int i = 0; i < y.rank; i++)
    if (y.dim[i] < 0)
      return dml_node_fail (node, error, FORMAT,
                            "dimension %d is %" G_GINT64_FORMAT, i, y.dim[i]);
  return dml_node_set_out (node, 0, value ? value->t->dtype : DML_F32, &y,
                           error);
}

static void
constant_of_shape_forward (const DmlNode *node, DmlExec *exec)
{
  const DmlAttr *value = dml_attrs_find (node->attrs, "value");
  const DmlShape *y = dml_node_out_shape (node, 0);
  const float zero = 0;
  DmlStrided walk = { .rank = y->rank };

  memcpy (walk.dim, y->dim, sizeof walk.dim); /* strides 0: repeat */
  dml_strided_copy (&walk, dml_dtype_size (node->out[0]->dtype),
                    dml_exec_out (exec, node, 0),
                    value ? value->t->data : &zero);
}

const DmlOp dml_op_constant_of_shape = {
  .onnx_name = "ConstantOfShape",
  .min_in = 1,
  .max_in = 1,
  .min_out = 1,
  .max_out = 1,
  .infer_shape = constant_of_shape_infer_shape,
  .forward = constant_of_shape_forward,
};
