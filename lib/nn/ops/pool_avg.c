/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The mean of each window (ONNX AveragePool).
 *
 *   x  N x C x H x W;  y  N x C x OH x OW
 *   y = sum over the window / count;   dx += dy / count over the window
 *   count: pixels of the picture in the window, with count_include_pad those of
 *   the padding too (but never those that only ceil_mode reaches)
 */
#include "nn/ops/pool.h"

typedef struct {
  DmlPool pool;
  gboolean include_pad;
} AvgPool;

static gboolean
avgpool_configure (DmlNode *node, GError **error)
{
  AvgPool *avg = node->config;
  int64_t include;

  if (!dml_pool_configure (node, error) ||
      !dml_node_get_int (node, "count_include_pad", 0, &include, error))
    return FALSE;
  avg->include_pad = include != 0;
  return TRUE;
}

static gboolean
avgpool_infer_shape (DmlNode *node, GError **error)
{
  const AvgPool *avg = node->config;
  const int *dilation = avg->pool.window.dilation;

  if (!dml_pool_infer_shape (node, error))
    return FALSE;
  if (dilation[0] != 1 || dilation[1] != 1)
    return dml_node_fail (node, error, UNSUPPORTED, "dilations other than 1");
  return TRUE;
}

/* Rows (or columns) [*lo, *hi) of the picture that window i covers, and how
 * many count. */
static size_t
window_extent (const AvgPool *avg, int axis, size_t i, size_t size, size_t *lo,
               size_t *hi)
{
  const DmlWindow *window = &avg->pool.placed;
  const size_t pad = window->pad_begin[axis];
  const size_t begin = i * window->stride[axis]; /* from the padding on */
  const size_t end = begin + window->kernel[axis];

  *lo = begin > pad ? begin - pad : 0;
  *hi = MIN (end - MIN (end, pad), size);
  if (avg->include_pad)
    return MIN (end, pad + size + window->pad_end[axis]) - begin;
  return *hi - *lo;
}

static void
avgpool_plane (void *data, size_t i, unsigned worker)
{
  const DmlPoolPlanes *p = data;
  const DmlWindow *win = p->window;
  float *plane = dml_exec_worker (p->exec, worker);
  float *y = p->y + i * p->oh * p->ow;
  size_t lo, hi;

  dml_window_fill (plane, &p->border, p->x + i * p->h * p->w, p->h, p->w, 0);
  p->exec->kernels->pool_sum_f32 (y, p->ow, plane, p->border.w, p->oh, p->ow,
                                  win->kernel[0], win->kernel[1],
                                  win->stride[0], win->stride[1]);
  for (size_t r = 0; r < p->oh; r++) {
    const size_t rows = window_extent (p->config, 0, r, p->h, &lo, &hi);

    for (size_t c = 0; c < p->ow; c++)
      *y++ /= (float) (rows * window_extent (p->config, 1, c, p->w, &lo, &hi));
  }
}

static void
avgpool_forward (const DmlNode *node, DmlExec *exec)
{
  dml_pool_forward (node, exec, avgpool_plane);
}

static void
avgpool_grad_plane (void *data, size_t i, unsigned worker)
{
  const DmlPoolPlanes *p = data;
  const float *dy = p->dy + i * p->oh * p->ow;
  float *dx = p->dx + i * p->h * p->w;
  size_t top, bottom, left, right;

  for (size_t r = 0; r < p->oh; r++) {
    const size_t rows = window_extent (p->config, 0, r, p->h, &top, &bottom);

    for (size_t c = 0; c < p->ow; c++) {
      const size_t cols = window_extent (p->config, 1, c, p->w, &left, &right);
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
  dml_pool_backward (node, exec, avgpool_grad_plane);
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
  .sizes = dml_pool_sizes,
  .forward = avgpool_forward,
  .backward = avgpool_backward,
};
