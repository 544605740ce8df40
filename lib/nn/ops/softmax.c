/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Softmax (ONNX Softmax). Before opset 13 it runs over all dimensions from
 * `axis` on together, since then over `axis` alone.
 *
 *   x, y  A x K x B, over K;   y = exp (x - max x) / sum exp (x - max x)
 *   dx += y (dy - sum (y dy))
 */
#include "nn/op.h"

#include <math.h>

typedef struct {
  int64_t axis;
  size_t outer, k, inner; /* A, K, B for the shapes at hand */
} Softmax;

static gboolean
softmax_configure (DmlNode *node, GError **error)
{
  Softmax *softmax = node->config;

  return dml_node_get_int (node, "axis", node->graph->opset < 13 ? 1 : -1,
                           &softmax->axis, error);
}

static gboolean
softmax_infer_shape (DmlNode *node, GError **error)
{
  Softmax *softmax = node->config;
  const DmlShape *x = dml_node_in_shape (node, 0);
  int axis;

  if (!dml_node_want_f32 (node, 0, -1, error) ||
      !dml_node_axis (node, softmax->axis, x->rank, &axis, error))
    return FALSE;
  softmax->outer = dml_shape_span (x, 0, axis);
  if (node->graph->opset < 13) {
    softmax->k = dml_shape_span (x, axis, x->rank);
    softmax->inner = 1;
  } else {
    softmax->k = x->dim[axis];
    softmax->inner = dml_shape_span (x, axis + 1, x->rank);
  }
  return dml_node_set_out (node, 0, DML_F32, x, error);
}

static void
softmax_forward (const DmlNode *node, DmlExec *exec)
{
  const Softmax *s = node->config;
  const float *x = dml_exec_in (exec, node, 0);
  float *y = dml_exec_out (exec, node, 0); /* may be x */

  for (size_t row = 0; row < s->outer * s->inner; row++) {
    const size_t at = row / s->inner * s->k * s->inner + row % s->inner;
    float most = -INFINITY;
    double sum = 0;

    for (size_t k = 0; k < s->k; k++)
      most = MAX (most, x[at + k * s->inner]);
    for (size_t k = 0; k < s->k; k++) {
      const float e = expf (x[at + k * s->inner] - most);

      y[at + k * s->inner] = e;
      sum += (double) e;
    }
    for (size_t k = 0; k < s->k; k++)
      y[at + k * s->inner] = (float) ((double) y[at + k * s->inner] / sum);
  }
}

static void
softmax_backward (const DmlNode *node, DmlExec *exec)
{
  const Softmax *s = node->config;
  const float *y = dml_exec_out (exec, node, 0);
  const float *dy = dml_exec_dout (exec, node, 0);
  float *dx = dml_exec_din (exec, node, 0);

  for (size_t row = 0; row < s->outer * s->inner; row++) {
    const size_t at = row / s->inner * s->k * s->inner + row % s->inner;
    double dot = 0;

    for (size_t k = 0; k < s->k; k++)
      dot += (double) y[at + k * s->inner] * (double) dy[at + k * s->inner];
    for (size_t k = 0; k < s->k; k++)
      dx[at + k * s->inner] +=
        y[at + k * s->inner] * (dy[at + k * s->inner] - (float) dot);
  }
}

const DmlOp dml_op_softmax = {
  .onnx_name = "Softmax",
  .min_in = 1,
  .max_in = 1,
  .min_out = 1,
  .max_out = 1,
  .config_size = sizeof (Softmax),
  .configure = softmax_configure,
  .infer_shape = softmax_infer_shape,
  .forward = softmax_forward,
  .backward = softmax_backward,
  .backward_out = 1,
  .flags = DML_OP_INPLACE,
};
