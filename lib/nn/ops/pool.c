/* SPDX-License-Identifier: LGPL-2.1-or-later
 * What AveragePool and MaxPool share. */
#include "nn/ops/pool.h"

gboolean
dml_pool_configure (DmlNode *node, GError **error)
{
  DmlPool *pool = node->config;

  if (!dml_window_configure (node, &pool->window, error))
    return FALSE;
  if (pool->window.kernel[0] == 0)
    return dml_node_fail (node, error, FORMAT, "kernel_shape is missing");
  return TRUE;
}

gboolean
dml_pool_infer_shape (DmlNode *node, GError **error)
{
  DmlPool *pool = node->config;
  const DmlWindow *placed = &pool->placed;
  const int64_t *x = dml_node_in_shape (node, 0)->dim;
  int64_t oh, ow;

  if (!dml_node_want_f32 (node, 0, 4, error) ||
      !dml_window_place (node, &pool->window, x[2], x[3], &pool->placed, &oh,
                         &ow, error))
    return FALSE;
  for (int i = 0; i < 2; i++)
    if (placed->pad_begin[i] >=
        (placed->kernel[i] - 1) * placed->dilation[i] + 1)
      return dml_node_fail (node, error, UNSUPPORTED,
                            "the padding is as wide as the window");
  return dml_node_set_out (node, 0, DML_F32, &DML_SHAPE (x[0], x[1], oh, ow),
                           error);
}

/* All but the buffers. */
static DmlPoolPlanes
pool_planes (const DmlNode *node, DmlExec *exec)
{
  const DmlPool *pool = node->config;
  const DmlShape *x = dml_node_in_shape (node, 0);
  const DmlShape *y = dml_node_out_shape (node, 0);

  return (DmlPoolPlanes){
    .window = &pool->placed,
    .config = pool,
    .exec = exec,
    .n = dml_shape_span (x, 0, 2),
    .h = x->dim[2],
    .w = x->dim[3],
    .oh = y->dim[2],
    .ow = y->dim[3],
    .border = dml_window_border (&pool->placed, x->dim[2], x->dim[3], y->dim[2],
                                 y->dim[3]),
  };
}

void
dml_pool_sizes (const DmlNode *node, gboolean training, DmlOpSizes *sizes)
{
  const DmlPoolPlanes p = pool_planes (node, NULL);

  sizes->worker = p.border.h * p.border.w * sizeof (float);
}

void
dml_pool_forward (const DmlNode *node, DmlExec *exec, DmlTask plane)
{
  DmlPoolPlanes p = pool_planes (node, exec);

  p.x = dml_exec_in (exec, node, 0);
  p.y = dml_exec_out (exec, node, 0);
  dml_parallel_for (p.n, exec->n_threads, plane, &p);
}

void
dml_pool_backward (const DmlNode *node, DmlExec *exec, DmlTask plane)
{
  DmlPoolPlanes p = pool_planes (node, exec);

  p.x = dml_exec_in (exec, node, 0);
  p.y = dml_exec_out (exec, node, 0);
  p.dy = dml_exec_dout (exec, node, 0);
  p.dx = dml_exec_din (exec, node, 0);
  dml_parallel_for (p.n, exec->n_threads, plane, &p);
}
