/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Product of two values with broadcasting (ONNX Mul): channel gates, SiLU.
 *
 *   y = a b        da += dy b,  db += dy a, summed where they repeat
 */
#include "nn/ops/broadcast.h"

static void
mul_row_f32 (void *yv, const void *av, size_t a_step, const void *bv,
             size_t b_step, size_t n)
{
  const float *a = av, *b = bv;

  if (a_step && b_step)
    dml_kernels ()->mul_f32 (yv, a, b, n);
  else if (a_step)
    dml_kernels ()->scale_f32 (yv, a, *b, n);
  else if (b_step)
    dml_kernels ()->scale_f32 (yv, b, *a, n);
  else
    for (size_t i = 0; i < n; i++)
      ((float *) yv)[i] = *a * *b;
}

static void
mul_row_i64 (void *yv, const void *av, size_t a_step, const void *bv,
             size_t b_step, size_t n)
{
  const int64_t *a = av, *b = bv;
  int64_t *y = yv;

  for (size_t i = 0; i < n; i++) /* unsigned: a file may make it wrap */
    y[i] = (int64_t) ((uint64_t) a[i * a_step] * (uint64_t) b[i * b_step]);
}

static void
mul_forward (const DmlNode *node, DmlExec *exec)
{
  dml_broadcast_run_sums (node, exec, mul_row_f32, mul_row_i64);
}

/* dx += dy z along one row; z is the other factor. */
static void
mul_backward_to (float *dx, size_t step, const float *dy, const float *z,
                 size_t z_step, size_t n)
{
  if (dx == NULL)
    return;
  if (step) {
    for (size_t i = 0; i < n; i++)
      dx[i] += dy[i] * z[i * z_step];
  } else {
    float sum = 0;

    for (size_t i = 0; i < n; i++)
      sum += dy[i] * z[i * z_step];
    *dx += sum;
  }
}

static void
mul_grad_row (const DmlBinaryGrad *g)
{
  mul_backward_to (g->da, g->a_step, g->dy, g->b, g->b_step, g->n);
  mul_backward_to (g->db, g->b_step, g->dy, g->a, g->a_step, g->n);
}

static void
mul_backward (const DmlNode *node, DmlExec *exec)
{
  dml_broadcast_run_back (node, exec, mul_grad_row);
}

const DmlOp dml_op_mul = {
  .onnx_name = "Mul",
  .min_in = 2,
  .max_in = 2,
  .min_out = 1,
  .max_out = 1,
  .infer_shape = dml_broadcast_infer_sums,
  .forward = mul_forward,
  .backward = mul_backward,
  .backward_in = 3,
  .flags = DML_OP_INPLACE,
};
