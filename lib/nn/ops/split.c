/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Split: parts of one dimension (ONNX Split). The lengths are an attribute
 * before opset 13 and an input since; without them the parts are equal, the
 * last one smaller since opset 18.
 *
 *   dx += dy of each part in its place */
#include "nn/op.h"
#include "nn/ops/strided.h"

typedef struct {
  int64_t axis;
  int resolved; /* axis in [0, rank), by infer_shape */
} SplitConfig;

static gboolean
split_configure (DmlNode *node, GError **error)
{
  SplitConfig *config = node->config;
  int64_t n_parts;

  if (!dml_node_get_int (node, "axis", 0, &config->axis, error) ||
      !dml_node_get_int (node, "num_outputs", node->n_out, &n_parts, error))
    return FALSE;
  if (n_parts != node->n_out)
    return dml_node_fail (node, error, FORMAT,
                          "num_outputs is %" G_GINT64_FORMAT ", but it has %u",
                          n_parts, node->n_out);
  return TRUE;
}

static gboolean
split_infer_shape (DmlNode *node, GError **error)
{
  SplitConfig *config = node->config;
  const DmlShape *x = dml_node_in_shape (node, 0);
  g_autofree int64_t *parts = g_new (int64_t, node->n_out);
  const int64_t n_out = node->n_out;
  int64_t left;
  size_t n;

  if (!dml_node_axis (node, config->axis, x->rank, &config->resolved, error) ||
      !(node->graph->opset < 13
          ? dml_node_get_ints (node, "split", node->n_out, parts, &n, error)
          : dml_node_known_ints (node, 1, node->n_out, parts, &n, error)))
    return FALSE;
  left = x->dim[config->resolved];
  if (n == 0) {
    const int64_t each = (left + n_out - 1) / n_out;

    if (node->graph->opset < 18 && left % n_out != 0)
      return dml_node_fail (node, error, FORMAT,
                            "%" G_GINT64_FORMAT " do not split into %u equal "
                            "parts",
                            left, node->n_out);
    for (; n < node->n_out; n++)
      parts[n] = CLAMP (left - (int64_t) n * each, 0, each);
  }
  if (n != node->n_out)
    return dml_node_fail (node, error, FORMAT, "%zu lengths for %u outputs", n,
                          node->n_out);
  for (unsigned i = 0; i < node->n_out; i++) {
    DmlShape y = *x;

    if (node->out[i] == NULL)
      return dml_node_fail (node, error, UNSUPPORTED, "output %u is left out",
                            i);
    if (parts[i] < 0 || parts[i] > left)
      return dml_node_fail (node, error, FORMAT,
                            "part %u is %" G_GINT64_FORMAT
                            " of the %" G_GINT64_FORMAT " that are left",
                            i, parts[i], left);
    left -= parts[i];
    y.dim[config->resolved] = parts[i];
    if (!dml_node_set_out (node, i, node->in[0]->dtype, &y, error))
      return FALSE;
  }
  if (left != 0)
    return dml_node_fail (node, error, FORMAT,
                          "%" G_GINT64_FORMAT " of axis %d are in no part",
                          left, config->resolved);
  return TRUE;
}

/* Where output i lies in the input, which begins `*before` along the axis. */
static DmlStrided
split_walk (const DmlNode *node, unsigned i, int64_t *before)
{
  const SplitConfig *config = node->config;
  const DmlShape *y = dml_node_out_shape (node, i);
  DmlStrided walk = { .rank = y->rank };

  dml_strided_of (dml_node_in_shape (node, 0), walk.stride);
  for (int k = 0; k < y->rank; k++)
    walk.dim[k] = y->dim[k];
  walk.offset = *before * walk.stride[config->resolved];
  *before += y->dim[config->resolved];
  return walk;
}

static void
split_forward (const DmlNode *node, DmlExec *exec)
{
  int64_t before = 0;

  for (unsigned i = 0; i < node->n_out; i++) {
    const DmlStrided walk = split_walk (node, i, &before);

    dml_strided_copy (&walk, dml_dtype_size (node->in[0]->dtype),
                      dml_exec_out (exec, node, i),
                      dml_exec_in (exec, node, 0));
  }
}

static void
split_backward (const DmlNode *node, DmlExec *exec)
{
  int64_t before = 0;

  for (unsigned i = 0; i < node->n_out; i++) {
    const DmlStrided walk = split_walk (node, i, &before);

    dml_strided_add (&walk, dml_exec_din (exec, node, 0),
                     dml_exec_dout (exec, node, i));
  }
}

const DmlOp dml_op_split = {
  .onnx_name = "Split",
  .min_in = 1,
  .max_in = 2,
  .min_out = 1,
  .max_out = DML_NODE_MAX_VALUES,
  .config_size = sizeof (SplitConfig),
  .configure = split_configure,
  .infer_shape = split_infer_shape,
  .forward = split_forward,
  .backward = split_backward,
};
