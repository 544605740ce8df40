/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Hard sigmoid (ONNX HardSigmoid).
 *
 *   y = clip (alpha x + beta, 0, 1)        dx += dy alpha inside
 */
#include "nn/ops/unary.h"

typedef struct {
  float alpha, beta;
} HardSigmoid;

static gboolean
hardsigmoid_configure (DmlNode *node, GError **error)
{
  HardSigmoid *hs = node->config;

  return dml_node_get_float (node, "alpha", 0.2f, &hs->alpha, error) &&
         dml_node_get_float (node, "beta", 0.5f, &hs->beta, error);
}

static void
hardsigmoid_span (void *data, size_t first, size_t n)
{
  const DmlUnaryCall *call = data;
  const HardSigmoid *hs = call->node->config;

  call->kern->hardsigmoid_f32 (call->y + first, call->x + first, hs->alpha,
                               hs->beta, n);
}

static void
hardsigmoid_forward (const DmlNode *node, DmlExec *exec)
{
  dml_unary_forward (node, exec, hardsigmoid_span);
}

static void
hardsigmoid_grad_span (void *data, size_t first, size_t n)
{
  const DmlUnaryCall *call = data;
  const HardSigmoid *hs = call->node->config;

  call->kern->hardsigmoid_grad_f32 (call->dx + first, call->dy + first,
                                    call->x + first, hs->alpha, hs->beta, n);
}

static void
hardsigmoid_backward (const DmlNode *node, DmlExec *exec)
{
  dml_unary_backward (node, exec, hardsigmoid_grad_span);
}

const DmlOp dml_op_hardsigmoid = {
  .onnx_name = "HardSigmoid",
  .min_in = 1,
  .max_in = 1,
  .min_out = 1,
  .max_out = 1,
  .config_size = sizeof (HardSigmoid),
  .configure = hardsigmoid_configure,
  .infer_shape = dml_unary_infer_shape,
  .forward = hardsigmoid_forward,
  .backward = hardsigmoid_backward,
  .backward_in = 1,
  .flags = DML_OP_INPLACE,
};
