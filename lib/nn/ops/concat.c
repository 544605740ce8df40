/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Values one behind the other along an axis (ONNX Concat), of any type.
 *
 *   x_i  A x n_i x B;  y  A x sum n_i x B;        dx_i += its part of dy
 */
#include "nn/op.h"

#include <string.h>

typedef struct {
  int64_t axis;
  int at; /* the same in [0, rank) */
} Concat;

static gboolean
concat_configure (DmlNode *node, GError **error)
{
  Concat *concat = node->config;

  return dml_node_get_int (node, "axis", 1, &concat->axis, error);
}

static gboolean
concat_infer_shape (DmlNode *node, GError **error)
{
  Concat *concat = node->config;
  DmlShape out = *dml_node_in_shape (node, 0);

  if (!dml_node_axis (node, concat->axis, out.rank, &concat->at, error))
    return FALSE;
  for (unsigned i = 1; i < node->n_in; i++) {
    const DmlShape *s;
    gboolean fits;

    if (node->in[i] == NULL)
      return dml_node_fail (node, error, FORMAT, "input %u is left out", i);
    s = dml_node_in_shape (node, i);
    fits = s->rank == out.rank && node->in[i]->dtype == node->in[0]->dtype;
    for (int d = 0; fits && d < out.rank; d++)
      fits = d == concat->at || s->dim[d] == out.dim[d];
    if (!fits || s->dim[concat->at] > G_MAXINT32) {
      g_autofree char *have = dml_shape_to_string (s);
      g_autofree char *want = dml_shape_to_string (dml_node_in_shape (node, 0));

      return dml_node_fail (node, error, FORMAT,
                            "input %u is %s %s, the first is %s %s", i,
                            dml_dtype_name (node->in[i]->dtype), have,
                            dml_dtype_name (node->in[0]->dtype), want);
    }
    out.dim[concat->at] += s->dim[concat->at];
  }
  return dml_node_set_out (node, 0, node->in[0]->dtype, &out, error);
}

static void
concat_forward (const DmlNode *node, DmlExec *exec)
{
  const Concat *concat = node->config;
  const DmlShape *y = dml_node_out_shape (node, 0);
  const size_t outer = dml_shape_span (y, 0, concat->at);
  const size_t size = dml_dtype_size (node->in[0]->dtype);
  const size_t stride = dml_shape_span (y, concat->at, y->rank) * size;
  uint8_t *to = dml_exec_out (exec, node, 0);

  for (unsigned i = 0; i < node->n_in; i++) {
    const DmlShape *s = dml_node_in_shape (node, i);
    const size_t n = dml_shape_span (s, concat->at, s->rank) * size;
    const uint8_t *x = dml_exec_in (exec, node, i);

    for (size_t o = 0; o < outer; o++)
      memcpy (to + o * stride, x + o * n, n);
    to += n;
  }
}

static void
concat_backward (const DmlNode *node, DmlExec *exec)
{
  const Concat *concat = node->config;
  const DmlShape *y = dml_node_out_shape (node, 0);
  const size_t outer = dml_shape_span (y, 0, concat->at);
  const size_t stride = dml_shape_span (y, concat->at, y->rank);
  const float *dy = dml_exec_dout (exec, node, 0);

  for (unsigned i = 0; i < node->n_in; i++) {
    const DmlShape *s = dml_node_in_shape (node, i);
    const size_t n = dml_shape_span (s, concat->at, s->rank);
    float *dx = dml_exec_din (exec, node, i);

    for (size_t o = 0; dx != NULL && o < outer; o++)
      exec->kernels->axpy_f32 (dx + o * n, 1.0f, dy + o * stride, n);
    dy += n;
  }
}

const DmlOp dml_op_concat = {
  .onnx_name = "Concat",
  .min_in = 1,
  .max_in = DML_NODE_MAX_VALUES,
  .min_out = 1,
  .max_out = 1,
  .config_size = sizeof (Concat),
  .configure = concat_configure,
  .infer_shape = concat_infer_shape,
  .forward = concat_forward,
  .backward = concat_backward,
};
