/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Slice: a range with a step of some dimensions (ONNX Slice). Ranges are
 * attributes before opset 10 and inputs since; they must be known.
 *
 *   dx += dy where it was taken from */
#include "nn/op.h"
#include "nn/ops/strided.h"

#include <string.h>

typedef struct {
  gboolean by_attr;
  size_t n, n_axes;
  int64_t starts[DML_MAX_RANK], ends[DML_MAX_RANK], axes[DML_MAX_RANK],
    steps[DML_MAX_RANK];
  DmlStrided walk; /* filled by infer_shape */
} SliceConfig;

static gboolean
slice_configure (DmlNode *node, GError **error)
{
  SliceConfig *config = node->config;
  size_t n_ends;

  config->by_attr = node->graph->opset < 10;
  if (!config->by_attr)
    return TRUE;
  return dml_node_get_ints (node, "starts", DML_MAX_RANK, config->starts,
                            &config->n, error) &&
         dml_node_get_ints (node, "ends", DML_MAX_RANK, config->ends, &n_ends,
                            error) &&
         dml_node_get_ints (node, "axes", DML_MAX_RANK, config->axes,
                            &config->n_axes, error) &&
         (n_ends == config->n ||
          dml_node_fail (node, error, FORMAT, "%zu starts and %zu ends",
                         config->n, n_ends));
}

/* Ranges from attributes or inputs, in full, with their defaults. */
static gboolean
slice_ranges (DmlNode *node, SliceConfig *config, GError **error)
{
  size_t n_ends = config->n, n_steps = 0;

  if (!config->by_attr &&
      (!dml_node_known_ints (node, 1, DML_MAX_RANK, config->starts, &config->n,
                             error) ||
       !dml_node_known_ints (node, 2, DML_MAX_RANK, config->ends, &n_ends,
                             error) ||
       !dml_node_known_ints (node, 3, DML_MAX_RANK, config->axes,
                             &config->n_axes, error) ||
       !dml_node_known_ints (node, 4, DML_MAX_RANK, config->steps, &n_steps,
                             error)))
    return FALSE;
  if (n_ends != config->n ||
      (config->n_axes != 0 && config->n_axes != config->n) ||
      (n_steps != 0 && n_steps != config->n))
    return dml_node_fail (node, error, FORMAT,
                          "%zu starts, %zu ends, %zu axes, %zu steps",
                          config->n, n_ends, config->n_axes, n_steps);
  for (size_t i = 0; i < config->n; i++) {
    if (config->n_axes == 0)
      config->axes[i] = (int64_t) i;
    if (n_steps == 0)
      config->steps[i] = 1;
    if (config->steps[i] == 0 || config->steps[i] < -G_MAXINT32)
      return dml_node_fail (node, error, FORMAT,
                            "step %" G_GINT64_FORMAT
                            " of axis %" G_GINT64_FORMAT,
                            config->steps[i], config->axes[i]);
  }
  return TRUE;
}

/* Negative ends count from the back; both ends are clamped into the dimension,
 * as in ONNX's text. Returns the number of elements. */
static int64_t
slice_clamp (int64_t dim, int64_t step, int64_t *start, int64_t end)
{
  if (*start < 0)
    *start += dim;
  if (end < 0)
    end += dim;
  if (step > 0) {
    *start = CLAMP (*start, 0, dim);
    end = CLAMP (end, 0, dim);
    return end > *start ? (end - *start - 1) / step + 1 : 0;
  }
  *start = CLAMP (*start, 0, dim - 1);
  end = CLAMP (end, -1, dim - 1);
  return *start > end ? (*start - end - 1) / -step + 1 : 0;
}

static gboolean
slice_infer_shape (DmlNode *node, GError **error)
{
  SliceConfig *config = node->config;
  const DmlShape *x = dml_node_in_shape (node, 0);
  DmlShape y = *x;
  DmlStrided *walk = &config->walk;
  unsigned seen = 0;

  if (!slice_ranges (node, config, error))
    return FALSE;
  *walk = (DmlStrided){ .rank = x->rank };
  memcpy (walk->dim, x->dim, sizeof walk->dim);
  dml_strided_of (x, walk->stride);
  for (size_t i = 0; i < config->n; i++) {
    const int64_t step = config->steps[i];
    int64_t start = config->starts[i];
    int axis;

    if (!dml_node_axis (node, config->axes[i], x->rank, &axis, error))
      return FALSE;
    if (seen & 1u << axis)
      return dml_node_fail (node, error, FORMAT, "axis %d stands twice", axis);
    seen |= 1u << axis;
    y.dim[axis] = slice_clamp (x->dim[axis], step, &start, config->ends[i]);
    if (y.dim[axis] > 0)
      walk->offset += start * walk->stride[axis];
    walk->dim[axis] = y.dim[axis];
    /* With one element the step is never taken; it may be enormous. */
    walk->stride[axis] = y.dim[axis] > 1 ? walk->stride[axis] * step : 0;
  }
  return dml_node_set_out (node, 0, node->in[0]->dtype, &y, error);
}

static void
slice_forward (const DmlNode *node, DmlExec *exec)
{
  const SliceConfig *config = node->config;

  dml_strided_copy (&config->walk, dml_dtype_size (node->in[0]->dtype),
                    dml_exec_out (exec, node, 0), dml_exec_in (exec, node, 0));
}

static void
slice_backward (const DmlNode *node, DmlExec *exec)
{
  const SliceConfig *config = node->config;

  dml_strided_add (&config->walk, dml_exec_din (exec, node, 0),
                   dml_exec_dout (exec, node, 0));
}

const DmlOp dml_op_slice = {
  .onnx_name = "Slice",
  .min_in = 1,
  .max_in = 5,
  .min_out = 1,
  .max_out = 1,
  .config_size = sizeof (SliceConfig),
  .configure = slice_configure,
  .infer_shape = slice_infer_shape,
  .forward = slice_forward,
  .backward = slice_backward,
};
