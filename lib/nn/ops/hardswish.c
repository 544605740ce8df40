/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Hard swish (ONNX HardSwish; Howard et al. 2019, arXiv:1905.02244, 5.2).
 *
 *   y = x clip (x / 6 + 1/2, 0, 1)
 *   dx += dy (x <= -3 ? 0 : x >= 3 ? 1 : x / 3 + 1/2)
 */
#include "nn/ops/unary.h"

static void
hardswish_span (void *data, size_t first, size_t n)
{
  const DmlUnaryCall *call = data;

  call->kern->hardswish_f32 (call->y + first, call->x + first, n);
}

static void
hardswish_forward (const DmlNode *node, DmlExec *exec)
{
  dml_unary_forward (node, exec, hardswish_span);
}

static void
hardswish_grad_span (void *data, size_t first, size_t n)
{
  const DmlUnaryCall *call = data;

  call->kern->hardswish_grad_f32 (call->dx + first, call->dy + first,
                                  call->x + first, n);
}

static void
hardswish_backward (const DmlNode *node, DmlExec *exec)
{
  dml_unary_backward (node, exec, hardswish_grad_span);
}

const DmlOp dml_op_hardswish = {
  .onnx_name = "HardSwish",
  .min_in = 1,
  .max_in = 1,
  .min_out = 1,
  .max_out = 1,
  .infer_shape = dml_unary_infer_shape,
  .forward = hardswish_forward,
  .backward = hardswish_backward,
  .backward_in = 1,
  .flags = DML_OP_INPLACE,
};
