/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Element-wise operators of one input. */
#include "nn/ops/unary.h"

gboolean
dml_unary_infer_shape (DmlNode *node, GError **error)
{
  return dml_node_want_f32 (node, 0, -1, error) &&
         dml_node_set_out (node, 0, DML_F32, dml_node_in_shape (node, 0),
                           error);
}

void
dml_unary_forward (const DmlNode *node, DmlExec *exec, DmlSpan span)
{
  const DmlShape *shape = dml_node_in_shape (node, 0);
  DmlUnaryCall call = { .node = node,
                        .kern = exec->kernels,
                        .x = dml_exec_in (exec, node, 0),
                        .y = dml_exec_out (exec, node, 0) };

  dml_exec_spans (exec, dml_shape_span (shape, 0, shape->rank), span, &call);
}

void
dml_unary_backward (const DmlNode *node, DmlExec *exec, DmlSpan span)
{
  const DmlShape *shape = dml_node_in_shape (node, 0);
  DmlUnaryCall call = { .node = node,
                        .kern = exec->kernels,
                        .x = dml_exec_in (exec, node, 0),
                        .y = dml_exec_out (exec, node, 0),
                        .dy = dml_exec_dout (exec, node, 0),
                        .dx = dml_exec_din (exec, node, 0) };

  dml_exec_spans (exec, dml_shape_span (shape, 0, shape->rank), span, &call);
}
