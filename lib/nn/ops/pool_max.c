/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The largest of each window (ONNX MaxPool, one output).
 *
 *   x  N x C x H x W;  y  N x C x OH x OW
 *   y = max over the window, the padding does not count; NaN stays NaN
 *   dx += dy at the first of the largest, row by row
 */
#include "nn/ops/pool.h"

#include <math.h>

static gboolean
maxpool_configure (DmlNode *node, GError **error)
{
  int64_t order;

  return dml_pool_configure (node, error) &&
         dml_node_get_int (node, "storage_order", 0, &order, error);
}

/* Any dilation: the largest of the window at (i, j). */
static float
window_max (const DmlPoolPlanes *p, const float *plane, size_t i, size_t j)
{
  const DmlWindow *win = p->window;
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
  const DmlPoolPlanes *p = data;
  const DmlWindow *win = p->window;
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
  dml_pool_forward (node, exec, maxpool_plane);
}

/* The place in its plane of the first element of the window at (i, j) that is
 * y; of the window's first where there is none (y is a NaN). */
static size_t
window_find (const DmlPoolPlanes *p, const float *x, size_t i, size_t j,
             float y)
{
  const DmlWindow *win = p->window;
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
  const DmlPoolPlanes *p = data;
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
  dml_pool_backward (node, exec, maxpool_grad_plane);
}

const DmlOp dml_op_pool_max = {
  .onnx_name = "MaxPool",
  .min_in = 1,
  .max_in = 1,
  .min_out = 1,
  .max_out = 1,
  .config_size = sizeof (DmlPool),
  .configure = maxpool_configure,
  .infer_shape = dml_pool_infer_shape,
  .sizes = dml_pool_sizes,
  .forward = maxpool_forward,
  .backward = maxpool_backward,
  .backward_in = 1,
  .backward_out = 1,
};
