/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Leaky rectifier (ONNX LeakyRelu).
 *
 *   y = x > 0 ? x : alpha x        dx += x > 0 ? dy : alpha dy
 */
#include "nn/ops/unary.h"

typedef struct {
  float alpha;
} LeakyRelu;

static gboolean
leakyrelu_configure (DmlNode *node, GError **error)
{
  LeakyRelu *leaky = node->config;

  return dml_node_get_float (node, "alpha", 0.01f, &leaky->alpha, error);
}

static void
leakyrelu_span (void *data, size_t first, size_t n)
{
  const DmlUnaryCall *call = data;
  const LeakyRelu *leaky = call->node->config;

  call->kern->leaky_f32 (call->y + first, call->x + first, leaky->alpha, n);
}

static void
leakyrelu_forward (const DmlNode *node, DmlExec *exec)
{
  dml_unary_forward (node, exec, leakyrelu_span);
}

static void
leakyrelu_grad_span (void *data, size_t first, size_t n)
{
  const DmlUnaryCall *call = data;
  const LeakyRelu *leaky = call->node->config;

  call->kern->leaky_grad_f32 (call->dx + first, call->dy + first,
                              call->x + first, leaky->alpha, n);
}

static void
leakyrelu_backward (const DmlNode *node, DmlExec *exec)
{
  dml_unary_backward (node, exec, leakyrelu_grad_span);
}

const DmlOp dml_op_leakyrelu = {
  .onnx_name = "LeakyRelu",
  .min_in = 1,
  .max_in = 1,
  .min_out = 1,
  .max_out = 1,
  .config_size = sizeof (LeakyRelu),
  .configure = leakyrelu_configure,
  .infer_shape = dml_unary_infer_shape,
  .forward = leakyrelu_forward,
  .backward = leakyrelu_backward,
  .backward_in = 1,
  .flags = DML_OP_INPLACE,
};
