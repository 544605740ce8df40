/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The largest of each window (ONNX MaxPool, one output).
 *
 *   x  N x C x H x W;  y  N x C x OH x OW
 *   y = max over the window, the padding does not count; NaN stays NaN
 *   dx += dy at the first of the largest, row by row
 */
#include "nn/ops/window.h"

#include <math.h>

typedef struct {
  DmlWindow window, placed;
} MaxPool;

static gboolean
maxpool_configure (DmlNode *node, GError **error)
{
  MaxPool *pool = node->config;
  int64_t order;

  if (!dml_window_configure (node, &pool->window, error) ||
      !dml_node_get_int (node, "storage_order", 0, &order, error))
    return FALSE;
  if (pool->window.kernel[0] == 0)
    return dml_node_fail (node, error, FORMAT, "kernel_shape is missing");
  return TRUE;
}

static gboolean
maxpool_infer_shape (DmlNode *node, GError **error)
{
  MaxPool *pool = node->config;
  const int64_t *x = dml_node_in_shape (node, 0)->dim;
  int64_t oh, ow;

  if (!dml_node_want_f32 (node, 0, 4, error) ||
      !dml_window_place (node, &pool->window, x[2], x[3], &pool->placed, &oh,
                         &ow, error))
    return FALSE;
  for (int i = 0; i < 2; i++) /* or a window could lie in the padding alone */
    if (pool->placed.pad_begin[i] >=
        (pool->placed.kernel[i] - 1) * pool->placed.dilation[i] + 1)
      return dml_node_fail (node, error, UNSUPPORTED,
                            "the padding is as wide as the window");
  return dml_node_set_out (node, 0, DML_F32, &DML_SHAPE (x[0], x[1], oh, ow),
                           error);
}

typedef struct {
  const MaxPool *pool;
  DmlExec *exec;
  size_t h, w, oh, ow;
  DmlBordered border;
  const float *x, *dy;
  float *y, *dx;
} Planes;

static Planes
planes_of (const DmlNode *node, DmlExec *exec)
{
  const MaxPool *pool = node->config;
  const int64_t *x = dml_node_in_shape (node, 0)->dim;
  const int64_t *y = dml_node_out_shape (node, 0)->dim;

  return (Planes){ .pool = pool,
                   .exec = exec,
                   .h = x[2],
                   .w = x[3],
                   .oh = y[2],
                   .ow = y[3],
                   .border = dml_window_border (&pool->placed, x[2], x[3], y[2],
                                                y[3]) };
}

static void
maxpool_sizes (const DmlNode *node, gboolean training, DmlOpSizes *sizes)
{
  const Planes p = planes_of (node, NULL);

  sizes->worker = p.border.h * p.border.w * sizeof (float);
}

/* Any dilation: the largest of the window at (i, j). */
static float
window_max (const Planes *p, const float *plane, size_t i, size_t j)
{
  const DmlWindow *win = &p->pool->placed;
  float best = -INFINITY;

  for (int r = 0; r < win->kernel[0]; r++)
    for (int s = 0; s < win->kernel[1]; s++) {
      const float x =
        plane[(i * win->stride[0] + (size_t) (r * win->dilation[0])) *
                p->border.w +
              j * win->stride[1] + (size_t) (s * win->dilation[1])];

      if (x > best || isnan (x))
        best = x;
      if (isnan (best))
        return best;
    }
  return best;
}

static void
maxpool_plane (void *data, size_t i, unsigned worker)
{
  const Planes *p = data;
  const DmlWindow *win = &p->pool->placed;
  float *plane = dml_exec_worker (p->exec, worker);
  float *y = p->y + i * p->oh * p->ow;

  dml_window_fill (plane, &p->border, p->x + i * p->h * p->w, p->h, p->w,
                   -INFINITY);
  if (win->dilation[0] != 1 || win->dilation[1] != 1)
    for (size_t k = 0; k < p->oh * p->ow; k++)
      y[k] = window_max (p, plane, k / p->ow, k % p->ow);
  else
    p->exec->kernels->pool_max_f32 (y, p->ow, plane, p->border.w, p->oh, p->ow,
                                    win->kernel[0], win->kernel[1],
                                    win->stride[0], win->stride[1]);
}

static void
maxpool_forward (const DmlNode *node, DmlExec *exec)
{
  const DmlShape *x = dml_node_in_shape (node, 0);
  Planes p = planes_of (node, exec);

  p.x = dml_exec_in (exec, node, 0);
  p.y = dml_exec_out (exec, node, 0);
  dml_parallel_for (dml_shape_span (x, 0, 2), exec->n_threads, maxpool_plane,
                    &p);
}

/* The place in its plane of the first element of the window at (i, j) that is
 * y; of the window's first where there is none (y is a NaN). */
static size_t
window_find (const Planes *p, const float *x, size_t i, size_t j, float y)
{
  const DmlWindow *win = &p->pool->placed;
  size_t first = 0;
  gboolean any = FALSE;

  for (int r = 0; r < win->kernel[0]; r++) {
    const size_t row =
      i * win->stride[0] + (size_t) (r * win->dilation[0]) - win->pad_begin[0];

    if (row >= p->h) /* above wraps round */
      continue;
    for (int s = 0; s < win->kernel[1]; s++) {
      const size_t col = j * win->stride[1] + (size_t) (s * win->dilation[1]) -
                         win->pad_begin[1];

      if (col >= p->w)
        continue;
      if (x[row * p->w + col] == y)
        return row * p->w + col;
      if (!any)
        first = row * p->w + col;
      any = TRUE;
    }
  }
  return first;
}

static void
maxpool_grad_plane (void *data, size_t i, unsigned worker)
{
  const Planes *p = data;
  const float *x = p->x + i * p->h * p->w, *y = p->y + i * p->oh * p->ow;
  const float *dy = p->dy + i * p->oh * p->ow;
  float *dx = p->dx + i * p->h * p->w;

  for (size_t r = 0; r < p->oh; r++)
    for (size_t c = 0; c < p->ow; c++)
      dx[window_find (p, x, r, c, *y++)] += *dy++;
}

static void
maxpool_backward (const DmlNode *node, DmlExec *exec)
{
  const DmlShape *x = dml_node_in_shape (node, 0);
  Planes p = planes_of (node, exec);

  p.x = dml_exec_in (exec, node, 0);
  p.y = dml_exec_out (exec, node, 0);
  p.dy = dml_exec_dout (exec, node, 0);
  p.dx = dml_exec_din (exec, node, 0);
  dml_parallel_for (dml_shape_span (x, 0, 2), exec->n_threads,
                    maxpool_grad_plane, &p);
}

const DmlOp dml_op_pool_max = {
  .onnx_name = "MaxPool",
  .min_in = 1,
  .max_in = 1,
  .min_out = 1,
  .max_out = 1,
  .config_size = sizeof (MaxPool),
  .configure = maxpool_configure,
  .infer_shape = maxpool_infer_shape,
  .sizes = maxpool_sizes,
  .forward = maxpool_forward,
  .backward = maxpool_backward,
  .backward_in = 1,
  .backward_out = 1,
};
