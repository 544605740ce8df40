/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The same data under another name (ONNX Identity), and the forward and
 * backward that every view shares (Reshape, Flatten, Squeeze, Unsqueeze).
 *
 *   y = x        dx += dy
 */
#include "nn/ops/view.h"

#include <string.h>

void
dml_view_forward (const DmlNode *node, DmlExec *exec)
{
  const DmlShape *shape = dml_node_in_shape (node, 0);
  const void *x = dml_exec_in (exec, node, 0);
  void *y = dml_exec_out (exec, node, 0);

  if (x != y)
    memcpy (y, x,
            dml_shape_span (shape, 0, shape->rank) *
              dml_dtype_size (node->in[0]->dtype));
}

void
dml_view_backward (const DmlNode *node, DmlExec *exec)
{
  const DmlShape *shape = dml_node_in_shape (node, 0);
  const size_t n = dml_shape_span (shape, 0, shape->rank);
  const float *dy = dml_exec_dout (exec, node, 0);
  float *dx = dml_exec_din (exec, node, 0);

  if (dx == dy)
    return; /* the executor has given both the same place */
  for (size_t i = 0; i < n; i++)
    dx[i] += dy[i];
}

static gboolean
identity_infer_shape (DmlNode *node, GError **error)
{
  return dml_node_set_out (node, 0, node->in[0]->dtype,
                           dml_node_in_shape (node, 0), error);
}

const DmlOp dml_op_identity = {
  .onnx_name = "Identity",
  .min_in = 1,
  .max_in = 1,
  .min_out = 1,
  .max_out = 1,
  .infer_shape = identity_infer_shape,
  .forward = dml_view_forward,
  .backward = dml_view_backward,
  .flags = DML_OP_VIEW,
};
