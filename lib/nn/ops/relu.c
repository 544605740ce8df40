/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Rectifier (ONNX Relu).
 *
 *   y = max (x, 0), NaN stays NaN        dx += dy where y > 0
 */
#include "nn/ops/unary.h"

static void
relu_span (void *data, size_t first, size_t n)
{
  const DmlUnaryCall *call = data;

  call->kern->relu_f32 (call->y + first, call->x + first, n);
}

static void
relu_forward (const DmlNode *node, DmlExec *exec)
{
  dml_unary_forward (node, exec, relu_span);
}

static void
relu_grad_span (void *data, size_t first, size_t n)
{
  const DmlUnaryCall *call = data;

  call->kern->relu_grad_f32 (call->dx + first, call->dy + first,
                             call->y + first, n);
}

static void
relu_backward (const DmlNode *node, DmlExec *exec)
{
  dml_unary_backward (node, exec, relu_grad_span);
}

const DmlOp dml_op_relu = {
  .onnx_name = "Relu",
  .min_in = 1,
  .max_in = 1,
  .min_out = 1,
  .max_out = 1,
  .infer_shape = dml_unary_infer_shape,
  .forward = relu_forward,
  .backward = relu_backward,
  .backward_out = 1,
  .flags = DML_OP_INPLACE,
};
