/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The mean of each window (ONNX AveragePool).
 *
 *   x  N x C x H x W;  y  N x C x OH x OW
 *   y = sum over the window / count;   dx += dy / count over the window
 *   count: pixels of the picture in the window, with count_include_pad those of
 *   the padding too (but never those that only ceil_mode reaches)
 */
#include "nn/ops/window.h"

typedef struct {
  DmlWindow window, placed;
  gboolean include_pad;
} AvgPool;

static gboolean
avgpool_configure (DmlNode *node, GError **error)
{
  AvgPool *pool = node->config;
  int64_t include;

  if (!dml_window_configure (node, &pool->window, error) ||
      !dml_node_get_int (node, "count_include_pad", 0, &include, error))
    return FALSE;
  pool->include_pad = include != 0;
  if (pool->window.kernel[0] == 0)
    return dml_node_fail (node, error, FORMAT, "kernel_shape is missing");
  return TRUE;
}

static gboolean
avgpool_infer_shape (DmlNode *node, GError **error)
{
  AvgPool *pool = node->config;
  const int64_t *x = dml_node_in_shape (node, 0)->dim;
  int64_t oh, ow;

  if (!dml_node_want_f32 (node, 0, 4, error) ||
      !dml_window_place (node, &pool->window, x[2], x[3], &pool->placed, &oh,
                         &ow, error))
    return FALSE;
  for (int i = 0; i < 2; i++) { /* or a window could lie in the padding alone */
    if (pool->placed.pad_begin[i] >= pool->placed.kernel[i])
      return dml_node_fail (node, error, UNSUPPORTED,
                            "the padding is as wide as the window");
    if (pool->placed.dilation[i] != 1)
      return dml_node_fail (node, error, UNSUPPORTED, "dilations other than 1");
  }
  return dml_node_set_out (node, 0, DML_F32, &DML_SHAPE (x[0], x[1], oh, ow),
                           error);
}

typedef struct {
  const AvgPool *pool;
  DmlExec *exec;
  size_t h, w, oh, ow;
  DmlBordered border;
  const float *x, *dy;
  float *y, *dx;
} Planes;

static Planes
planes_of (const DmlNode *node, DmlExec *exec)
{
  const AvgPool *pool = node->config;
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
avgpool_sizes (const DmlNode *node, gboolean training, DmlOpSizes *sizes)
{
  const Planes p = planes_of (node, NULL);

  sizes->worker = p.border.h * p.border.w * sizeof (float);
}

/* Rows (or columns) [*lo, *hi) of the picture that window i covers, and how
 * many count. */
static size_t
window_extent (const AvgPool *pool, int axis, size_t i, size_t size, size_t *lo,
               size_t *hi)
{
  const size_t pad = pool->placed.pad_begin[axis];
  const size_t begin = i * pool->placed.stride[axis]; /* from the padding on */
  const size_t end = begin + pool->placed.kernel[axis];

  *lo = begin > pad ? begin - pad : 0;
  *hi = MIN (end - MIN (end, pad), size);
  if (pool->include_pad)
    return MIN (end, pad + size + pool->placed.pad_end[axis]) - begin;
  return *hi - *lo;
}

static void
avgpool_plane (void *data, size_t i, unsigned worker)
{
  const Planes *p = data;
  const DmlWindow *win = &p->pool->placed;
  float *plane = dml_exec_worker (p->exec, worker);
  float *y = p->y + i * p->oh * p->ow;
  size_t lo, hi;

  dml_window_fill (plane, &p->border, p->x + i * p->h * p->w, p->h, p->w, 0);
  p->exec->kernels->pool_sum_f32 (y, p->ow, plane, p->border.w, p->oh, p->ow,
                                  win->kernel[0], win->kernel[1],
                                  win->stride[0], win->stride[1]);
  for (size_t r = 0; r < p->oh; r++) {
    const size_t rows = window_extent (p->pool, 0, r, p->h, &lo, &hi);

    for (size_t c = 0; c < p->ow; c++)
      *y++ /= (float) (rows * window_extent (p->pool, 1, c, p->w, &lo, &hi));
  }
}

static void
avgpool_forward (const DmlNode *node, DmlExec *exec)
{
  const DmlShape *x = dml_node_in_shape (node, 0);
  Planes p = planes_of (node, exec);

  p.x = dml_exec_in (exec, node, 0);
  p.y = dml_exec_out (exec, node, 0);
  dml_parallel_for (dml_shape_span (x, 0, 2), exec->n_threads, avgpool_plane,
                    &p);
}

static void
avgpool_grad_plane (void *data, size_t i, unsigned worker)
{
  const Planes *p = data;
  const float *dy = p->dy + i * p->oh * p->ow;
  float *dx = p->dx + i * p->h * p->w;
  size_t top, bottom, left, right;

  for (size_t r = 0; r < p->oh; r++) {
    const size_t rows = window_extent (p->pool, 0, r, p->h, &top, &bottom);

    for (size_t c = 0; c < p->ow; c++) {
      const size_t cols = window_extent (p->pool, 1, c, p->w, &left, &right);
      const float g = *dy++ / (float) (rows * cols);

      for (size_t k = top; k < bottom; k++)
        for (size_t j = left; j < right; j++)
          dx[k * p->w + j] += g;
    }
  }
}

static void
avgpool_backward (const DmlNode *node, DmlExec *exec)
{
  const DmlShape *x = dml_node_in_shape (node, 0);
  Planes p = planes_of (node, exec);

  p.dy = dml_exec_dout (exec, node, 0);
  p.dx = dml_exec_din (exec, node, 0);
  dml_parallel_for (dml_shape_span (x, 0, 2), exec->n_threads,
                    avgpool_grad_plane, &p);
}

const DmlOp dml_op_pool_avg = {
  .onnx_name = "AveragePool",
  .min_in = 1,
  .max_in = 1,
  .min_out = 1,
  .max_out = 1,
  .config_size = sizeof (AvgPool),
  .configure = avgpool_configure,
  .infer_shape = avgpool_infer_shape,
  .sizes = avgpool_sizes,
  .forward = avgpool_forward,
  .backward = avgpool_backward,
};
