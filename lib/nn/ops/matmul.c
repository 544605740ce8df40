/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Matrix product (ONNX MatMul) of a stack of matrices with one matrix, or of
 * two stacks of equal height.
 *
 *   a  S x N x K;  b  K x M or S x K x M;  y  S x N x M
 *   da += dy b^T;   db += a^T dy, summed over S where b is one matrix
 */
#include "nn/blas.h"
#include "nn/op.h"

static gboolean
matmul_infer_shape (DmlNode *node, GError **error)
{
  const DmlShape *a = dml_node_in_shape (node, 0);
  const DmlShape *b = dml_node_in_shape (node, 1);
  DmlShape out = *a;
  gboolean fits;

  if (!dml_node_want_f32 (node, 0, -1, error) ||
      !dml_node_want_f32 (node, 1, -1, error))
    return FALSE;
  fits = a->rank >= 2 && b->rank >= 2 && (b->rank == 2 || b->rank == a->rank) &&
         a->dim[a->rank - 1] == b->dim[b->rank - 2];
  for (int d = 0; fits && b->rank > 2 && d < a->rank - 2; d++)
    fits = a->dim[d] == b->dim[d];
  if (!fits) {
    g_autofree char *as = dml_shape_to_string (a);
    g_autofree char *bs = dml_shape_to_string (b);

    return dml_node_fail (node, error, UNSUPPORTED,
                          "%s times %s; the second is one matrix or a stack "
                          "like the first",
                          as, bs);
  }
  out.dim[out.rank - 1] = b->dim[b->rank - 1];
  return dml_node_set_out (node, 0, DML_F32, &out, error);
}

typedef struct {
  size_t s, n, k, m, b_stride; /* b_stride 0: one matrix for all */
} Sizes;

static Sizes
sizes_of (const DmlNode *node)
{
  const DmlShape *a = dml_node_in_shape (node, 0);
  const DmlShape *b = dml_node_in_shape (node, 1);
  Sizes z = { .s = dml_shape_span (a, 0, a->rank - 2),
              .n = a->dim[a->rank - 2],
              .k = a->dim[a->rank - 1],
              .m = b->dim[b->rank - 1] };

  z.b_stride = b->rank > 2 ? z.k * z.m : 0;
  return z;
}

static void
matmul_forward (const DmlNode *node, DmlExec *exec)
{
  const Sizes z = sizes_of (node);
  const float *a = dml_exec_in (exec, node, 0);
  const float *b = dml_exec_in (exec, node, 1);
  float *y = dml_exec_out (exec, node, 0);

  /* Row by row, so that a row's bits do not depend on how many there are. */
  for (size_t i = 0; i < z.s * z.n; i++)
    dml_sgemm (FALSE, FALSE, 1, z.m, z.k, a + i * z.k, z.k,
               b + i / z.n * z.b_stride, z.m, 0, y + i * z.m, z.m);
}

static void
matmul_backward (const DmlNode *node, DmlExec *exec)
{
  const Sizes z = sizes_of (node);
  const float *a = dml_exec_in (exec, node, 0);
  const float *b = dml_exec_in (exec, node, 1);
  const float *dy = dml_exec_dout (exec, node, 0);
  float *da = dml_exec_din (exec, node, 0), *db = dml_exec_din (exec, node, 1);

  for (size_t s = 0; s < z.s; s++) {
    const float *g = dy + s * z.n * z.m;

    if (da != NULL)
      dml_sgemm (FALSE, TRUE, z.n, z.k, z.m, g, z.m, b + s * z.b_stride, z.m, 1,
                 da + s * z.n * z.k, z.k);
    if (db != NULL)
      dml_sgemm (TRUE, FALSE, z.k, z.m, z.n, a + s * z.n * z.k, z.k, g, z.m, 1,
                 db + s * z.b_stride, z.m);
  }
}

const DmlOp dml_op_matmul = {
  .onnx_name = "MatMul",
  .min_in = 2,
  .max_in = 2,
  .min_out = 1,
  .max_out = 1,
  .infer_shape = matmul_infer_shape,
  .forward = matmul_forward,
  .backward = matmul_backward,
  .backward_in = 3,
  .roles = { DML_VALUE_PARAM, DML_VALUE_PARAM },
};
