/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Squeeze and Unsqueeze: dimensions of 1 taken out or put in; the data stays.
 * Axes are an attribute before opset 13 and an input since. */
#include "nn/ops/view.h"

/* *mask gets a bit for each axis; axes count from the back of `rank`. */
static gboolean
squeeze_axes (const DmlNode *node, int rank, unsigned *mask, size_t *n,
              GError **error)
{
  int64_t axes[DML_MAX_RANK];

  *mask = 0;
  if (!(node->graph->opset < 13
          ? dml_node_get_ints (node, "axes", DML_MAX_RANK, axes, n, error)
          : dml_node_known_ints (node, 1, DML_MAX_RANK, axes, n, error)))
    return FALSE;
  if (rank < 0) /* Unsqueeze: the rank grows by the number of axes */
    rank = dml_node_in_shape (node, 0)->rank + (int) *n;
  if (rank > DML_MAX_RANK)
    return dml_node_fail (node, error, LIMIT,
                          "its output has rank %d; at most %d are possible",
                          rank, DML_MAX_RANK);
  for (size_t i = 0; i < *n; i++) {
    int axis;

    if (!dml_node_axis (node, axes[i], rank, &axis, error))
      return FALSE;
    if (*mask & 1u << axis)
      return dml_node_fail (node, error, FORMAT, "axis %d stands twice", axis);
    *mask |= 1u << axis;
  }
  return TRUE;
}

static gboolean
squeeze_infer_shape (DmlNode *node, GError **error)
{
  const DmlShape *x = dml_node_in_shape (node, 0);
  DmlShape y = { 0 };
  unsigned mask;
  size_t n;

  if (!squeeze_axes (node, x->rank, &mask, &n, error))
    return FALSE;
  for (int i = 0; i < x->rank; i++) {
    if (n == 0 ? x->dim[i] == 1 : mask >> i & 1) {
      if (x->dim[i] != 1)
        return dml_node_fail (node, error, FORMAT,
                              "axis %d is %" G_GINT64_FORMAT ", not 1", i,
                              x->dim[i]);
    } else {
      y.dim[y.rank++] = x->dim[i];
    }
  }
  return dml_node_set_out (node, 0, node->in[0]->dtype, &y, error);
}

static gboolean
unsqueeze_infer_shape (DmlNode *node, GError **error)
{
  const DmlShape *x = dml_node_in_shape (node, 0);
  DmlShape y = { 0 };
  unsigned mask;
  size_t n;

  if (!squeeze_axes (node, -1, &mask, &n, error))
    return FALSE;
  y.rank = x->rank + (int) n;
  for (int i = 0, from = 0; i < y.rank; i++)
    y.dim[i] = mask >> i & 1 ? 1 : x->dim[from++];
  return dml_node_set_out (node, 0, node->in[0]->dtype, &y, error);
}

const DmlOp dml_op_squeeze = {
  .onnx_name = "Squeeze",
  .min_in = 1,
  .max_in = 2,
  .min_out = 1,
  .max_out = 1,
  .infer_shape = squeeze_infer_shape,
  .forward = dml_view_forward,
  .backward = dml_view_backward,
  .flags = DML_OP_VIEW,
};

const DmlOp dml_op_unsqueeze = {
  .onnx_name = "Unsqueeze",
  .min_in = 1,
  .max_in = 2,
  .min_out = 1,
  .max_out = 1,
  .infer_shape = unsqueeze_infer_shape,
  .forward = dml_view_forward,
  .backward = dml_view_backward,
  .flags = DML_OP_VIEW,
};
