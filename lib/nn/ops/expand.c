/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Expand and Tile: the same elements again (ONNX Expand, Tile).
 *
 *   Expand  to the broadcast of the input's shape and a known one;
 *           dx += dy, summed where it was repeated
 *   Tile    dimension i repeated repeats[i] times, repeats known */
#include "nn/op.h"
#include "nn/ops/broadcast.h"
#include "nn/ops/strided.h"

static gboolean
expand_infer_shape (DmlNode *node, GError **error)
{
  const DmlShape *x = dml_node_in_shape (node, 0);
  DmlShape y = { 0 };
  int64_t wanted[DML_MAX_RANK];
  size_t n;

  if (!dml_node_known_ints (node, 1, DML_MAX_RANK, wanted, &n, error))
    return FALSE;
  y.rank = MAX (x->rank, (int) n);
  for (int i = 0; i < y.rank; i++) { /* i counts from the last dimension */
    const int64_t a = i < x->rank ? x->dim[x->rank - 1 - i] : 1;
    const int64_t b = i < (int) n ? wanted[(int) n - 1 - i] : 1;

    if (b < 0 || (a != b && a != 1 && b != 1))
      return dml_node_fail (
        node, error, FORMAT,
        "%" G_GINT64_FORMAT " does not expand to %" G_GINT64_FORMAT, a, b);
    y.dim[y.rank - 1 - i] = a == 1 ? b : a;
  }
  return dml_node_set_out (node, 0, node->in[0]->dtype, &y, error);
}

static void
expand_backward (const DmlNode *node, DmlExec *exec)
{
  const DmlStrided walk = dml_strided_expand (dml_node_in_shape (node, 0),
                                              dml_node_out_shape (node, 0));

  dml_strided_add (&walk, dml_exec_din (exec, node, 0),
                   dml_exec_dout (exec, node, 0));
}

static gboolean
tile_infer_shape (DmlNode *node, GError **error)
{
  DmlShape y = *dml_node_in_shape (node, 0);
  int64_t repeats[DML_MAX_RANK];
  size_t n;

  if (!dml_node_known_ints (node, 1, DML_MAX_RANK, repeats, &n, error))
    return FALSE;
  if (n != (size_t) y.rank)
    return dml_node_fail (node, error, FORMAT,
                          "%zu repeats for an input of rank %d", n, y.rank);
  for (int i = 0; i < y.rank; i++)
    if (repeats[i] < 0 ||
        __builtin_mul_overflow (y.dim[i], repeats[i], &y.dim[i]))
      return dml_node_fail (node, error, LIMIT,
                            "repeats[%d] is %" G_GINT64_FORMAT, i, repeats[i]);
  return dml_node_set_out (node, 0, node->in[0]->dtype, &y, error);
}

/* One block for each place in the grid of repeats would be the obvious way; a
 * walk over twice the rank, repeats (stride 0) before each dimension, does the
 * same with the one copy loop, as long as that many dimensions fit. */
static void
tile_forward (const DmlNode *node, DmlExec *exec)
{
  const DmlShape *x = dml_node_in_shape (node, 0);
  const DmlShape *y = dml_node_out_shape (node, 0);
  const size_t n_bytes = dml_dtype_size (node->in[0]->dtype);
  const char *from = dml_exec_in (exec, node, 0);
  char *to = dml_exec_out (exec, node, 0);
  int64_t stride[DML_MAX_RANK];
  size_t n_rows;
  int64_t n;

  dml_strided_of (x, stride);
  if (x->rank == 0)
    return (void) dml_strided_copy (&(DmlStrided){ 0 }, n_bytes, to, from);
  /* Row by row of the output: its last dimension is its input's, repeated. */
  n = x->dim[x->rank - 1];
  n_rows = dml_shape_span (y, 0, y->rank - 1);
  for (size_t row = 0; n > 0 && row < n_rows; row++) {
    const DmlStrided walk = {
      .rank = 2,
      .dim = { y->dim[y->rank - 1] / n, n },
      .stride = { 0, 1 },
    };
    size_t rest = row;
    int64_t at = 0;

    for (int i = y->rank - 2; i >= 0; i--) {
      at += (int64_t) (rest % (size_t) y->dim[i]) % x->dim[i] * stride[i];
      rest /= (size_t) y->dim[i];
    }
    dml_strided_copy (&walk, n_bytes, to, from + (size_t) at * n_bytes);
    to += (size_t) y->dim[y->rank - 1] * n_bytes;
  }
}

const DmlOp dml_op_expand = {
  .onnx_name = "Expand",
  .min_in = 2,
  .max_in = 2,
  .min_out = 1,
  .max_out = 1,
  .infer_shape = expand_infer_shape,
  .forward = dml_expand_forward,
  .backward = expand_backward,
};

const DmlOp dml_op_tile = {
  .onnx_name = "Tile",
  .min_in = 2,
  .max_in = 2,
  .min_out = 1,
  .max_out = 1,
  .infer_shape = tile_infer_shape,
  .forward = tile_forward,
};
