/* SPDX-License-Identifier: LGPL-2.1-or-later
 * One number a channel: its mean (ONNX GlobalAveragePool) or its largest
 * (GlobalMaxPool).
 *
 *   x  N x C x ...;  y  N x C x 1 ...;  P = elements of a channel
 *   mean:     y = sum x / P,   dx += dy / P
 *   largest:  y = max x,       dx += dy at the first of the largest
 */
#include "nn/op.h"

static gboolean
global_infer_shape (DmlNode *node, GError **error)
{
  DmlShape out = *dml_node_in_shape (node, 0);

  if (!dml_node_want_f32 (node, 0, -1, error))
    return FALSE;
  if (out.rank < 3)
    return dml_node_fail (node, error, FORMAT,
                          "input of rank %d, expected 3 or more", out.rank);
  for (int d = 2; d < out.rank; d++)
    out.dim[d] = 1;
  return dml_node_set_out (node, 0, DML_F32, &out, error);
}

typedef struct {
  const DmlKernels *kern;
  size_t p;
  const float *x, *dy;
  float *y, *dx;
} Global;

/* @dy and @dx: NULL going forward. */
static void
global_run (const DmlNode *node, DmlExec *exec, DmlTask plane, const float *dy,
            float *dx)
{
  const DmlShape *x = dml_node_in_shape (node, 0);
  Global g = { .kern = exec->kernels,
               .p = dml_shape_span (x, 2, x->rank),
               .x = dml_exec_in (exec, node, 0),
               .dy = dy,
               .y = dml_exec_out (exec, node, 0),
               .dx = dx };

  dml_parallel_for (dml_shape_span (x, 0, 2), exec->n_threads, plane, &g);
}

static void
global_forward (const DmlNode *node, DmlExec *exec, DmlTask plane)
{
  global_run (node, exec, plane, NULL, NULL);
}

static void
global_backward (const DmlNode *node, DmlExec *exec, DmlTask plane)
{
  global_run (node, exec, plane, dml_exec_dout (exec, node, 0),
              dml_exec_din (exec, node, 0));
}

static void
mean_plane (void *data, size_t i, unsigned worker)
{
  const Global *g = data;

  g->y[i] = g->kern->sum_f32 (g->x + i * g->p, g->p) / (float) g->p;
}

static void
mean_forward (const DmlNode *node, DmlExec *exec)
{
  global_forward (node, exec, mean_plane);
}

static void
mean_grad_plane (void *data, size_t i, unsigned worker)
{
  const Global *g = data;
  float *dx = g->dx + i * g->p;

  g->kern->add_scalar_f32 (dx, dx, g->dy[i] / (float) g->p, g->p);
}

static void
mean_backward (const DmlNode *node, DmlExec *exec)
{
  global_backward (node, exec, mean_grad_plane);
}

static void
max_plane (void *data, size_t i, unsigned worker)
{
  const Global *g = data;

  g->y[i] = g->kern->max_f32 (g->x + i * g->p, g->p);
}

static void
max_forward (const DmlNode *node, DmlExec *exec)
{
  global_forward (node, exec, max_plane);
}

static void
max_grad_plane (void *data, size_t i, unsigned worker)
{
  const Global *g = data;
  const float *x = g->x + i * g->p;
  size_t at = 0;

  while (at + 1 < g->p && x[at] != g->y[i])
    at++;
  g->dx[i * g->p + at] += g->dy[i];
}

static void
max_backward (const DmlNode *node, DmlExec *exec)
{
  global_backward (node, exec, max_grad_plane);
}

const DmlOp dml_op_pool_global_avg = {
  .onnx_name = "GlobalAveragePool",
  .min_in = 1,
  .max_in = 1,
  .min_out = 1,
  .max_out = 1,
  .infer_shape = global_infer_shape,
  .forward = mean_forward,
  .backward = mean_backward,
};

const DmlOp dml_op_pool_global_max = {
  .onnx_name = "GlobalMaxPool",
  .min_in = 1,
  .max_in = 1,
  .min_out = 1,
  .max_out = 1,
  .infer_shape = global_infer_shape,
  .forward = max_forward,
  .backward = max_backward,
  .backward_in = 1,
  .backward_out = 1,
};
