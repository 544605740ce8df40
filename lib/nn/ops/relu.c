/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Rectifier (ONNX Relu).
 *
 *   y = max (x, 0), NaN stays NaN        dx += dy where y > 0
 */
#include "nn/op.h"

static gboolean
relu_infer_shape (DmlNode *node, GError **error)
{
  return dml_node_want_f32 (node, 0, -1, error) &&
         dml_node_set_out (node, 0, DML_F32, dml_node_in_shape (node, 0),
                           error);
}

static void
relu_forward (const DmlNode *node, DmlExec *exec)
{
  const DmlShape *shape = dml_node_in_shape (node, 0);
  const size_t n = dml_shape_span (shape, 0, shape->rank);
  const float *x = dml_exec_in (exec, node, 0);
  float *y = dml_exec_out (exec, node, 0); /* may be x */

  for (size_t i = 0; i < n; i++)
    y[i] = x[i] < 0 ? 0 : x[i];
}

static void
relu_backward (const DmlNode *node, DmlExec *exec)
{
  const DmlShape *shape = dml_node_in_shape (node, 0);
  const size_t n = dml_shape_span (shape, 0, shape->rank);
  const float *y = dml_exec_out (exec, node, 0);
  const float *dy = dml_exec_dout (exec, node, 0);
  float *dx = dml_exec_din (exec, node, 0);

  for (size_t i = 0; i < n; i++)
    dx[i] += y[i] > 0 ? dy[i] : 0;
}

const DmlOp dml_op_relu = {
  .onnx_name = "Relu",
  .min_in = 1,
  .max_in = 1,
  .min_out = 1,
  .max_out = 1,
  .infer_shape = relu_infer_shape,
  .forward = relu_forward,
  .backward = relu_backward,
  .backward_out = 1,
  .flags = DML_OP_INPLACE,
};
