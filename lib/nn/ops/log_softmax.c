/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Logarithm of Softmax, at inference (ONNX LogSoftmax). Before opset 13 it runs
 * over all dimensions from `axis` on together, since then over `axis` alone.
 *
 *   x, y  A x K x B, over K;  y = (x - m) - log sum exp (x - m), m = max x */
#include "nn/op.h"

#include <math.h>

typedef struct {
  int64_t axis;
  size_t outer, k, inner; /* A, K, B; by infer_shape */
} LogSoftmaxConfig;

static gboolean
log_softmax_configure (DmlNode *node, GError **error)
{
  LogSoftmaxConfig *config = node->config;

  return dml_node_get_int (node, "axis", node->graph->opset < 13 ? 1 : -1,
                           &config->axis, error);
}

static gboolean
log_softmax_infer_shape (DmlNode *node, GError **error)
{
  LogSoftmaxConfig *config = node->config;
  const DmlShape *x = dml_node_in_shape (node, 0);
  const gboolean one = node->graph->opset >= 13;
  int axis;

  if (!dml_node_want_f32 (node, 0, -1, error) ||
      !dml_node_axis (node, config->axis, x->rank, &axis, error))
    return FALSE;
  config->outer = dml_shape_span (x, 0, axis);
  config->k = dml_shape_span (x, axis, one ? axis + 1 : x->rank);
  config->inner = one ? dml_shape_span (x, axis + 1, x->rank) : 1;
  return dml_node_set_out (node, 0, DML_F32, x, error);
}

static void
log_softmax_forward (const DmlNode *node, DmlExec *exec)
{
  const LogSoftmaxConfig *config = node->config;
  const size_t k = config->k, b = config->inner;
  const float *x = dml_exec_in (exec, node, 0);
  float *y = dml_exec_out (exec, node, 0);

  for (size_t row = 0; row < config->outer * b; row++) {
    const size_t at = row / b * k * b + row % b;
    double most = (double) -INFINITY, sum = 0;

    for (size_t i = 0; i < k; i++) {
      const double v = (double) x[at + i * b];

      most = v > most || v != v ? v : most;
    }
    for (size_t i = 0; i < k; i++)
      sum += exp ((double) x[at + i * b] - most);
    for (size_t i = 0; i < k; i++)
      y[at + i * b] = (float) ((double) x[at + i * b] - most - log (sum));
  }
}

const DmlOp dml_op_log_softmax = {
  .onnx_name = "LogSoftmax",
  .min_in = 1,
  .max_in = 1,
  .min_out = 1,
  .max_out = 1,
  .config_size = sizeof (LogSoftmaxConfig),
  .configure = log_softmax_configure,
  .infer_shape = log_softmax_infer_shape,
  .forward = log_softmax_forward,
};
