/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Transpose: dimensions in another order (ONNX Transpose).
 *
 *   y[i_perm[0], i_perm[1], ...] = x[i_0, i_1, ...]; without perm, reversed
 *   dx += dy, transposed back */
#include "nn/op.h"
#include "nn/ops/strided.h"

typedef struct {
  size_t n; /* 0: reverse */
  int64_t perm[DML_MAX_RANK];
} TransposeConfig;

static gboolean
transpose_configure (DmlNode *node, GError **error)
{
  TransposeConfig *config = node->config;

  return dml_node_get_ints (node, "perm", DML_MAX_RANK, config->perm,
                            &config->n, error);
}

static int
transpose_from (const TransposeConfig *config, int rank, int i)
{
  return config->n ? (int) config->perm[i] : rank - 1 - i;
}

static gboolean
transpose_infer_shape (DmlNode *node, GError **error)
{
  const TransposeConfig *config = node->config;
  const DmlShape *x = dml_node_in_shape (node, 0);
  DmlShape y = { .rank = x->rank };
  unsigned seen = 0;

  if (config->n != 0 && config->n != (size_t) x->rank)
    return dml_node_fail (node, error, FORMAT,
                          "perm has %zu entries, its input rank %d", config->n,
                          x->rank);
  for (size_t i = 0; i < config->n; i++) {
    if (config->perm[i] < 0 || config->perm[i] >= x->rank ||
        (seen & 1u << config->perm[i]))
      return dml_node_fail (node, error, FORMAT,
                            "perm is no permutation of 0 to %d", x->rank - 1);
    seen |= 1u << config->perm[i];
  }
  for (int i = 0; i < x->rank; i++)
    y.dim[i] = x->dim[transpose_from (config, x->rank, i)];
  return dml_node_set_out (node, 0, node->in[0]->dtype, &y, error);
}

static DmlStrided
transpose_walk (const DmlNode *node)
{
  const DmlShape *x = dml_node_in_shape (node, 0);
  const DmlShape *y = dml_node_out_shape (node, 0);
  int64_t stride[DML_MAX_RANK];
  DmlStrided walk = { .rank = y->rank };

  dml_strided_of (x, stride);
  for (int i = 0; i < y->rank; i++) {
    walk.dim[i] = y->dim[i];
    walk.stride[i] = stride[transpose_from (node->config, x->rank, i)];
  }
  return walk;
}

static void
transpose_forward (const DmlNode *node, DmlExec *exec)
{
  const DmlStrided walk = transpose_walk (node);

  dml_strided_copy (&walk, dml_dtype_size (node->in[0]->dtype),
                    dml_exec_out (exec, node, 0), dml_exec_in (exec, node, 0));
}

static void
transpose_backward (const DmlNode *node, DmlExec *exec)
{
  const DmlStrided walk = transpose_walk (node);

  dml_strided_add (&walk, dml_exec_din (exec, node, 0),
                   dml_exec_dout (exec, node, 0));
}

const DmlOp dml_op_transpose = {
  .onnx_name = "Transpose",
  .min_in = 1,
  .max_in = 1,
  .min_out = 1,
  .max_out = 1,
  .config_size = sizeof (TransposeConfig),
  .configure = transpose_configure,
  .infer_shape = transpose_infer_shape,
  .forward = transpose_forward,
  .backward = transpose_backward,
};
