/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Sum of two values with broadcasting (ONNX Add): residual connections, biases.
 *
 *   y = a + b        da += dy,  db += dy, summed where they repeat
 */
#include "nn/ops/broadcast.h"

static void
add_row_f32 (void *yv, const void *av, size_t a_step, const void *bv,
             size_t b_step, size_t n)
{
  const float *a = av, *b = bv;

  if (a_step && b_step)
    dml_kernels ()->add_f32 (yv, a, b, n);
  else if (a_step)
    dml_kernels ()->add_scalar_f32 (yv, a, *b, n);
  else if (b_step)
    dml_kernels ()->add_scalar_f32 (yv, b, *a, n);
  else
    for (size_t i = 0; i < n; i++)
      ((float *) yv)[i] = *a + *b;
}

static void
add_row_i64 (void *yv, const void *av, size_t a_step, const void *bv,
             size_t b_step, size_t n)
{
  const int64_t *a = av, *b = bv;
  int64_t *y = yv;

  for (size_t i = 0; i < n; i++) /* unsigned: a file may make it wrap */
    y[i] = (int64_t) ((uint64_t) a[i * a_step] + (uint64_t) b[i * b_step]);
}

static void
add_forward (const DmlNode *node, DmlExec *exec)
{
  dml_broadcast_run_sums (node, exec, add_row_f32, add_row_i64);
}

static void
add_backward_to (float *dx, const float *dy, size_t step, size_t n)
{
  if (dx == NULL)
    return;
  if (step) {
    for (size_t i = 0; i < n; i++)
      dx[i] += dy[i];
  } else {
    float sum = 0;

    for (size_t i = 0; i < n; i++)
      sum += dy[i];
    *dx += sum;
  }
}

static void
add_grad_row (const DmlBinaryGrad *g)
{
  add_backward_to (g->da, g->dy, g->a_step, g->n);
  add_backward_to (g->db, g->dy, g->b_step, g->n);
}

typedef struct {
  const DmlKernels *kern;
  const float *dy;
  float *da, *db; /* NULL where nobody wants it */
} Same;

static void
add_grad_span (void *data, size_t first, size_t n)
{
  const Same *same = data;
  float *const to[2] = { same->da, same->db };

  for (unsigned i = 0; i < 2; i++)
    if (to[i] != NULL)
      same->kern->add_f32 (to[i] + first, to[i] + first, same->dy + first, n);
}

static void
add_backward (const DmlNode *node, DmlExec *exec)
{
  Same same = { exec->kernels, dml_exec_dout (exec, node, 0),
                dml_exec_din (exec, node, 0), dml_exec_din (exec, node, 1) };
  DmlBroadcast bc;

  dml_broadcast_init_node (&bc, node);
  if (bc.n_rows == 1 && bc.a_step && bc.b_step)
    dml_exec_spans (exec, bc.n, add_grad_span, &same);
  else
    dml_broadcast_run_back (node, exec, add_grad_row);
}

const DmlOp dml_op_add = {
  .onnx_name = "Add",
  .min_in = 2,
  .max_in = 2,
  .min_out = 1,
  .max_out = 1,
  .infer_shape = dml_broadcast_infer_sums,
  .forward = add_forward,
  .backward = add_backward,
  .flags = DML_OP_INPLACE,
};
