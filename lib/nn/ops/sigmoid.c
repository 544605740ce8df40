/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Logistic function (ONNX Sigmoid).
 *
 *   y = 1 / (1 + exp (-x))        dx += dy y (1 - y)
 */
#include "nn/ops/unary.h"

static void
sigmoid_span (void *data, size_t first, size_t n)
{
  const DmlUnaryCall *call = data;

  call->kern->sigmoid_f32 (call->y + first, call->x + first, n);
}

static void
sigmoid_forward (const DmlNode *node, DmlExec *exec)
{
  dml_unary_forward (node, exec, sigmoid_span);
}

static void
sigmoid_grad_span (void *data, size_t first, size_t n)
{
  const DmlUnaryCall *call = data;

  call->kern->sigmoid_grad_f32 (call->dx + first, call->dy + first,
                                call->y + first, n);
}

static void
sigmoid_backward (const DmlNode *node, DmlExec *exec)
{
  dml_unary_backward (node, exec, sigmoid_grad_span);
}

const DmlOp dml_op_sigmoid = {
  .onnx_name = "Sigmoid",
  .min_in = 1,
  .max_in = 1,
  .min_out = 1,
  .max_out = 1,
  .infer_shape = dml_unary_infer_shape,
  .forward = sigmoid_forward,
  .backward = sigmoid_backward,
  .backward_out = 1,
  .flags = DML_OP_INPLACE,
};
