/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Where: one of two values by a condition, with broadcasting; and Not.
 *
 *   y = condition ? a : b */
#include "nn/ops/broadcast.h"
#include "nn/ops/strided.h"

#include <string.h>

static gboolean
where_infer_shape (DmlNode *node, GError **error)
{
  const DmlDtype dtype = node->in[1]->dtype;
  DmlShape y;

  if (node->in[0]->dtype != DML_BOOL || dtype != node->in[2]->dtype)
    return dml_node_fail (node, error, FORMAT,
                          "inputs are %s, %s and %s, expected bool and two of "
                          "one type",
                          dml_dtype_name (node->in[0]->dtype),
                          dml_dtype_name (dtype),
                          dml_dtype_name (node->in[2]->dtype));
  return dml_broadcast_shape (node, &y, error) &&
         dml_node_set_out (node, 0, dtype, &y, error);
}

/* Strides of input i along the output's dimensions; 0 where it repeats. */
static DmlStrided
where_walk (const DmlNode *node, unsigned i)
{
  const DmlShape *x = dml_node_in_shape (node, i);
  const DmlShape *y = dml_node_out_shape (node, 0);
  const int lead = y->rank - x->rank;
  DmlStrided walk = { .rank = y->rank };
  int64_t stride[DML_MAX_RANK];

  dml_strided_of (x, stride);
  memcpy (walk.dim, y->dim, sizeof walk.dim);
  for (int k = lead; k < y->rank; k++)
    if (x->dim[k - lead] != 1)
      walk.stride[k] = stride[k - lead];
  return walk;
}

static void
where_forward (const DmlNode *node, DmlExec *exec)
{
  const DmlShape *shape = dml_node_out_shape (node, 0);
  const size_t n = dml_shape_span (shape, 0, shape->rank);
  const size_t n_bytes = dml_dtype_size (node->out[0]->dtype);
  const DmlStrided walk[3] = { where_walk (node, 0), where_walk (node, 1),
                               where_walk (node, 2) };
  const uint8_t *condition = dml_exec_in (exec, node, 0);
  const char *from[2] = { dml_exec_in (exec, node, 1),
                          dml_exec_in (exec, node, 2) };
  char *y = dml_exec_out (exec, node, 0);
  int64_t at[3][DML_MAX_RANK] = { 0 }, offset[3] = { 0 };

  for (size_t i = 0; i < n; i++, y += n_bytes) {
    const int pick = condition[offset[0]] ? 0 : 1;

    memcpy (y, from[pick] + offset[1 + pick] * (int64_t) n_bytes, n_bytes);
    for (int k = 0; k < 3; k++)
      dml_strided_step (&walk[k], shape->rank, at[k], &offset[k]);
  }
}

static gboolean
not_infer_shape (DmlNode *node, GError **error)
{
  if (node->in[0]->dtype != DML_BOOL)
    return dml_node_fail (node, error, FORMAT, "input is %s, expected bool",
                          dml_dtype_name (node->in[0]->dtype));
  return dml_node_set_out (node, 0, DML_BOOL, dml_node_in_shape (node, 0),
                           error);
}

static void
not_forward (const DmlNode *node, DmlExec *exec)
{
  const DmlShape *shape = dml_node_in_shape (node, 0);
  const size_t n = dml_shape_span (shape, 0, shape->rank);
  const uint8_t *x = dml_exec_in (exec, node, 0);
  uint8_t *y = dml_exec_out (exec, node, 0);

  for (size_t i = 0; i < n; i++)
    y[i] = !x[i];
}

const DmlOp dml_op_where = {
  .onnx_name = "Where",
  .min_in = 3,
  .max_in = 3,
  .min_out = 1,
  .max_out = 1,
  .infer_shape = where_infer_shape,
  .forward = where_forward,
};

const DmlOp dml_op_not = {
  .onnx_name = "Not",
  .min_in = 1,
  .max_in = 1,
  .min_out = 1,
  .max_out = 1,
  .infer_shape = not_infer_shape,
  .forward = not_forward,
};
