/* SPDX-License-Identifier: LGPL-2.1-or-later
 * To two dimensions (ONNX Flatten).
 *
 *   x  d0 x .. x dr;  y  (d0 .. d[axis-1]) x (d[axis] .. dr)
 */
#include "nn/ops/view.h"

typedef struct {
  int64_t axis;
} Flatten;

static gboolean
flatten_configure (DmlNode *node, GError **error)
{
  Flatten *flatten = node->config;

  return dml_node_get_int (node, "axis", 1, &flatten->axis, error);
}

static gboolean
flatten_infer_shape (DmlNode *node, GError **error)
{
  const Flatten *flatten = node->config;
  const DmlShape *in = dml_node_in_shape (node, 0);
  int axis = in->rank;

  /* axis == rank is allowed here: everything into the first dimension */
  if (flatten->axis != in->rank &&
      !dml_node_axis (node, flatten->axis, in->rank, &axis, error))
    return FALSE;
  return dml_node_set_out (
    node, 0, node->in[0]->dtype,
    &DML_SHAPE ((int64_t) dml_shape_span (in, 0, axis),
                (int64_t) dml_shape_span (in, axis, in->rank)),
    error);
}

const DmlOp dml_op_flatten = {
  .onnx_name = "Flatten",
  .min_in = 1,
  .max_in = 1,
  .min_out = 1,
  .max_out = 1,
  .config_size = sizeof (Flatten),
  .configure = flatten_configure,
  .infer_shape = flatten_infer_shape,
  .forward = dml_view_forward,
  .backward = dml_view_backward,
  .flags = DML_OP_VIEW,
};
