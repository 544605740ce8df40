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
  int32_t *arg; /* where the largest lies in its plane; NULL when inferring */
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
  const DmlShape *y = dml_node_out_shape (node, 0);

  sizes->worker = p.border.h * p.border.w * sizeof (float);
  if (training)
    sizes->kept = dml_shape_span (y, 0, 4) * sizeof (int32_t);
}

/* The place of the first largest in the window at (i, j), or of the first NaN.
 */
static int32_t
window_argmax (const Planes *p, const float *x, size_t i, size_t j)
{
  const DmlWindow *win = &p->pool->placed;
  float best = -INFINITY;
  int32_t at = -1;

  for (int r = 0; r < win->kernel[0]; r++) {
    const size_t row =
      i * win->stride[0] + (size_t) r * win->dilation[0] - win->pad_begin[0];

    if (row >= p->h) /* above wraps round */
      continue;
    for (int s = 0; s < win->kernel[1]; s++) {
      const size_t col =
        j * win->stride[1] + (size_t) s * win->dilation[1] - win->pad_begin[1];
      const size_t k = row * p->w + col;

      if (col < p->w && (at < 0 || x[k] > best || isnan (x[k]))) {
        best = x[k];
        at = (int32_t) k;
        if (isnan (best))
          return at;
      }
    }
  }
  return at;
}

static void
maxpool_plane (void *data, size_t i, unsigned worker)
{
  const Planes *p = data;
  const DmlWindow *win = &p->pool->placed;
  const float *x = p->x + i * p->h * p->w;
  float *y = p->y + i * p->oh * p->ow;

  if (p->arg != NULL || win->dilation[0] != 1 || win->dilation[1] != 1) {
    for (size_t k = 0; k < p->oh * p->ow; k++) {
      const int32_t at = window_argmax (p, x, k / p->ow, k % p->ow);

      y[k] = x[at];
      if (p->arg != NULL)
        p->arg[i * p->oh * p->ow + k] = at;
    }
  } else {
    float *plane = dml_exec_worker (p->exec, worker);

    dml_window_fill (plane, &p->border, x, p->h, p->w, -INFINITY);
    p->exec->kernels->pool_max_f32 (y, p->ow, plane, p->border.w, p->oh, p->ow,
                                    win->kernel[0], win->kernel[1],
                                    win->stride[0], win->stride[1]);
  }
}

static void
maxpool_forward (const DmlNode *node, DmlExec *exec)
{
  const DmlShape *x = dml_node_in_shape (node, 0);
  Planes p = planes_of (node, exec);

  p.x = dml_exec_in (exec, node, 0);
  p.y = dml_exec_out (exec, node, 0);
  p.arg = dml_exec_kept (exec, node);
  dml_parallel_for (dml_shape_span (x, 0, 2), exec->n_threads, maxpool_plane,
                    &p);
}

static void
maxpool_grad_plane (void *data, size_t i, unsigned worker)
{
  const Planes *p = data;
  const size_t n = p->oh * p->ow;
  float *dx = p->dx + i * p->h * p->w;

  for (size_t k = 0; k < n; k++)
    dx[p->arg[i * n + k]] += p->dy[i * n + k];
}

static void
maxpool_backward (const DmlNode *node, DmlExec *exec)
{
  const DmlShape *x = dml_node_in_shape (node, 0);
  Planes p = planes_of (node, exec);

  p.dy = dml_exec_dout (exec, node, 0);
  p.dx = dml_exec_din (exec, node, 0);
  p.arg = dml_exec_kept (exec, node);
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
};
