/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Broadcasting: shapes, and loops over rows. */
#include "nn/ops/broadcast.h"
#include "nn/ops/strided.h"

#define CHUNK 16384 /* elements that one piece of parallel work covers */

gboolean
dml_broadcast_shape (const DmlNode *node, DmlShape *out, GError **error)
{
  *out = DML_SHAPE_SCALAR;
  for (unsigned i = 0; i < node->n_in; i++)
    out->rank = MAX (out->rank, node->in[i]->shape.rank);
  for (int d = 0; d < out->rank; d++) {
    out->dim[d] = 1;
    for (unsigned i = 0; i < node->n_in; i++) {
      const DmlShape *s = &node->in[i]->shape;
      const int k = d - (out->rank - s->rank);
      const int64_t dim = k < 0 ? 1 : s->dim[k];

      if (dim == 1 || dim == out->dim[d])
        continue;
      if (out->dim[d] != 1) {
        g_autofree char *first = dml_shape_to_string (&node->in[0]->shape);
        g_autofree char *other = dml_shape_to_string (s);

        return dml_node_fail (node, error, FORMAT,
                              "%s and %s do not broadcast to each other", first,
                              other);
      }
      out->dim[d] = dim;
    }
  }
  return TRUE;
}

/* Element strides of `in` along the dimensions of `out`; 0 where it repeats. */
static void
strides_in (const DmlShape *in, const DmlShape *out, size_t *stride)
{
  size_t step = 1;

  for (int d = out->rank; d-- > 0;) {
    const int k = d - (out->rank - in->rank);

    stride[d] = k >= 0 && in->dim[k] != 1 ? step : 0;
    if (k >= 0)
      step *= (size_t) in->dim[k];
  }
}

void
dml_broadcast_init (DmlBroadcast *bc, const DmlShape *a, const DmlShape *b,
                    const DmlShape *out)
{
  size_t as[DML_MAX_RANK], bs[DML_MAX_RANK];
  size_t dim[DML_MAX_RANK + 1], am[DML_MAX_RANK + 1], bm[DML_MAX_RANK + 1];
  int rank = 0; /* merged dimensions, the innermost first */

  strides_in (a, out, as);
  strides_in (b, out, bs);
  for (int d = out->rank; d-- > 0;) {
    if (out->dim[d] == 1)
      continue;
    if (rank > 0 && as[d] == am[rank - 1] * dim[rank - 1] &&
        bs[d] == bm[rank - 1] * dim[rank - 1]) {
      dim[rank - 1] *= (size_t) out->dim[d];
      continue;
    }
    dim[rank] = (size_t) out->dim[d];
    am[rank] = as[d];
    bm[rank++] = bs[d];
  }
  *bc = (DmlBroadcast){ .n = 1, .n_rows = 1, .a_step = 1, .b_step = 1 };
  if (rank == 0)
    return;
  bc->n = dim[0];
  bc->a_step = am[0]; /* the innermost stride is 0 or 1 */
  bc->b_step = bm[0];
  bc->rank = rank - 1;
  for (int d = 0; d < bc->rank; d++) {
    bc->dim[d] = dim[rank - 1 - d];
    bc->a_stride[d] = am[rank - 1 - d];
    bc->b_stride[d] = bm[rank - 1 - d];
    bc->n_rows *= bc->dim[d];
  }
}

void
dml_broadcast_init_node (DmlBroadcast *bc, const DmlNode *node)
{
  dml_broadcast_init (bc, dml_node_in_shape (node, 0),
                      dml_node_in_shape (node, 1),
                      dml_node_out_shape (node, 0));
}

void
dml_broadcast_row (const DmlBroadcast *bc, size_t row, size_t *a, size_t *b)
{
  *a = *b = 0;
  for (int d = bc->rank; d-- > 0; row /= bc->dim[d]) {
    *a += row % bc->dim[d] * bc->a_stride[d];
    *b += row % bc->dim[d] * bc->b_stride[d];
  }
}

typedef struct {
  DmlBroadcast bc;
  DmlBinaryRow row;
  const uint8_t *a, *b;
  uint8_t *y;
  size_t in_size, out_size;
  size_t per_piece; /* rows, or elements of the only row */
} Run;

static void
run_piece (void *data, size_t piece, unsigned worker)
{
  const Run *run = data;
  const DmlBroadcast *bc = &run->bc;
  const size_t first = piece * run->per_piece;
  size_t a, b;

  if (bc->n_rows == 1) {
    run->row (run->y + first * run->out_size,
              run->a + first * bc->a_step * run->in_size, bc->a_step,
              run->b + first * bc->b_step * run->in_size, bc->b_step,
              MIN (run->per_piece, bc->n - first));
    return;
  }
  for (size_t r = first; r < MIN (first + run->per_piece, bc->n_rows); r++) {
    dml_broadcast_row (bc, r, &a, &b);
    run->row (run->y + r * bc->n * run->out_size, run->a + a * run->in_size,
              bc->a_step, run->b + b * run->in_size, bc->b_step, bc->n);
  }
}

void
dml_broadcast_run (const DmlNode *node, DmlExec *exec, DmlBinaryRow row,
                   size_t in_size, size_t out_size)
{
  Run run = { .row = row,
              .a = dml_exec_in (exec, node, 0),
              .b = dml_exec_in (exec, node, 1),
              .y = dml_exec_out (exec, node, 0),
              .in_size = in_size,
              .out_size = out_size };
  size_t n;

  dml_broadcast_init_node (&run.bc, node);
  if (run.bc.n == 0 || run.bc.n_rows == 0)
    return;
  n = run.bc.n_rows > 1 ? run.bc.n_rows : run.bc.n;
  run.per_piece = run.bc.n_rows > 1 ? MAX (1, CHUNK / run.bc.n) : CHUNK;
  dml_parallel_for ((n + run.per_piece - 1) / run.per_piece, exec->n_threads,
                    run_piece, &run);
}

gboolean
dml_broadcast_infer_shape (DmlNode *node, GError **error)
{
  DmlShape out;

  for (unsigned i = 1; i < node->n_in; i++)
    if (node->in[i]->dtype != node->in[0]->dtype)
      return dml_node_fail (node, error, FORMAT,
                            "inputs are %s and %s, expected one type",
                            dml_dtype_name (node->in[0]->dtype),
                            dml_dtype_name (node->in[i]->dtype));
  return dml_broadcast_shape (node, &out, error) &&
         dml_node_set_out (node, 0, node->in[0]->dtype, &out, error);
}

gboolean
dml_broadcast_infer_sums (DmlNode *node, GError **error)
{
  if (node->in[0]->dtype != DML_F32 && node->in[0]->dtype != DML_I64)
    return dml_node_fail (node, error, UNSUPPORTED,
                          "input is %s, expected float32 or int64",
                          dml_dtype_name (node->in[0]->dtype));
  return dml_broadcast_infer_shape (node, error);
}

void
dml_broadcast_run_sums (const DmlNode *node, DmlExec *exec, DmlBinaryRow f32,
                        DmlBinaryRow i64)
{
  if (node->in[0]->dtype == DML_F32)
    dml_broadcast_run (node, exec, f32, sizeof (float), sizeof (float));
  else
    dml_broadcast_run (node, exec, i64, sizeof (int64_t), sizeof (int64_t));
}

void
dml_expand_forward (const DmlNode *node, DmlExec *exec)
{
  const DmlStrided walk = dml_strided_expand (dml_node_in_shape (node, 0),
                                              dml_node_out_shape (node, 0));

  dml_strided_copy (&walk, dml_dtype_size (node->in[0]->dtype),
                    dml_exec_out (exec, node, 0), dml_exec_in (exec, node, 0));
}

void
dml_broadcast_run_back (const DmlNode *node, DmlExec *exec,
                        void (*row) (const DmlBinaryGrad *grad))
{
  const float *dy = dml_exec_dout (exec, node, 0);
  const float *a = dml_exec_in (exec, node, 0);
  const float *b = dml_exec_in (exec, node, 1);
  float *da = dml_exec_din (exec, node, 0), *db = dml_exec_din (exec, node, 1);
  DmlBroadcast bc;

  dml_broadcast_init_node (&bc, node);
  for (size_t r = 0; r < bc.n_rows; r++) {
    DmlBinaryGrad grad = {
      .n = bc.n, .a_step = bc.a_step, .b_step = bc.b_step, .dy = dy + r * bc.n
    };
    size_t i, k;

    dml_broadcast_row (&bc, r, &i, &k);
    grad.a = a != NULL ? a + i : NULL;
    grad.b = b != NULL ? b + k : NULL;
    grad.da = da != NULL ? da + i : NULL;
    grad.db = db != NULL ? db + k : NULL;
    row (&grad);
  }
}
