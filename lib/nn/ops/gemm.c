/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Linear layer (ONNX Gemm).
 *
 *   a  N x K (K x N with transA);  b  K x M (M x K with transB);  c  broadcasts
 *   to N x M or is left out;  y = alpha a b + beta c
 *   da += alpha dy b^T;  db += alpha a^T dy;  dc += beta dy, summed
 */
#include "nn/blas.h"
#include "nn/ops/gemm.h"

#include <string.h>

static gboolean
gemm_configure (DmlNode *node, GError **error)
{
  DmlGemm *gemm = node->config;
  int64_t ta, tb;

  if (!dml_node_get_int (node, "transA", 0, &ta, error) ||
      !dml_node_get_int (node, "transB", 0, &tb, error) ||
      !dml_node_get_float (node, "alpha", 1.0f, &gemm->alpha, error) ||
      !dml_node_get_float (node, "beta", 1.0f, &gemm->beta, error))
    return FALSE;
  gemm->trans_a = ta != 0;
  gemm->trans_b = tb != 0;
  return TRUE;
}

static gboolean
gemm_infer_shape (DmlNode *node, GError **error)
{
  const DmlGemm *gemm = node->config;
  const int64_t *a, *b;
  DmlShape out;

  if (!dml_node_want_f32 (node, 0, 2, error) ||
      !dml_node_want_f32 (node, 1, 2, error) ||
      (dml_node_has_in (node, 2) && !dml_node_want_f32 (node, 2, -1, error)))
    return FALSE;
  a = dml_node_in_shape (node, 0)->dim;
  b = dml_node_in_shape (node, 1)->dim;
  if (a[!gemm->trans_a] != b[gemm->trans_b])
    return dml_node_fail (node, error, FORMAT,
                          "inner dimensions are %" G_GINT64_FORMAT
                          " and %" G_GINT64_FORMAT,
                          a[!gemm->trans_a], b[gemm->trans_b]);
  out = DML_SHAPE (a[gemm->trans_a], b[!gemm->trans_b]);
  if (dml_node_has_in (node, 2)) {
    const DmlShape *c = dml_node_in_shape (node, 2);
    gboolean fits = c->rank <= 2;

    for (int d = 1; fits && d <= c->rank; d++)
      fits = c->dim[c->rank - d] == 1 || c->dim[c->rank - d] == out.dim[2 - d];
    if (!fits) {
      g_autofree char *s = dml_shape_to_string (c);

      return dml_node_fail (node, error, FORMAT,
                            "input 2 is %s, which does not broadcast", s);
    }
  }
  return dml_node_set_out (node, 0, DML_F32, &out, error);
}

/* Element of c that is added to row i, column 0, and its step along a row. */
static size_t
gemm_c_row (const DmlShape *c, size_t i, size_t *step)
{
  const size_t m = c->rank > 0 ? (size_t) c->dim[c->rank - 1] : 1;

  *step = m > 1;
  return c->rank == 2 && c->dim[0] > 1 ? i * m : 0;
}

#define OUTPUTS 64 /* of a piece: their weights are read once for all rows */

typedef struct {
  const DmlNode *node;
  DmlExec *exec;
  const float *a, *b, *c;
  float *y;
  size_t n, k, m;
} Forward;

/* alpha y + beta c, then the epilogue, for columns [j0, j1) of row i */
static void
gemm_end (const Forward *f, size_t i, size_t j0, size_t j1)
{
  const DmlGemm *gemm = f->node->config;
  const DmlEpilogue *e = &f->node->epilogue;
  size_t step = 0;
  const float *c =
    f->c ? f->c + gemm_c_row (dml_node_in_shape (f->node, 2), i, &step) : NULL;
  float *y = f->y + i * f->m;

  for (size_t j = j0; j < j1; j++) {
    y[j] *= gemm->alpha;
    if (c != NULL)
      y[j] += gemm->beta * c[j * step];
  }
  if (e->clamp)
    f->exec->kernels->clip_f32 (y + j0, y + j0, e->lo, e->hi, j1 - j0);
}

/* Some outputs of all rows, each a dot product: a row's bits do not depend on
 * how many rows there are, as those of a matrix product might. */
static void
gemm_piece (void *data, size_t piece, unsigned worker)
{
  const Forward *f = data;
  const size_t j0 = piece * OUTPUTS, j1 = MIN (j0 + OUTPUTS, f->m);

  for (size_t i = 0; i < f->n; i++) {
    f->exec->kernels->dot_rows_f32 (f->y + i * f->m + j0, f->a + i * f->k,
                                    f->b + j0 * f->k, f->k, j1 - j0, f->k);
    gemm_end (f, i, j0, j1);
  }
}

static void
gemm_forward (const DmlNode *node, DmlExec *exec)
{
  const DmlGemm *gemm = node->config;
  const DmlShape *as = dml_node_in_shape (node, 0);
  const DmlShape *bs = dml_node_in_shape (node, 1);
  Forward f = { .node = node,
                .exec = exec,
                .a = dml_exec_in (exec, node, 0),
                .b = dml_exec_in (exec, node, 1),
                .c = dml_exec_in (exec, node, 2),
                .y = dml_exec_out (exec, node, 0),
                .n = dml_node_out_shape (node, 0)->dim[0],
                .k = as->dim[!gemm->trans_a],
                .m = dml_node_out_shape (node, 0)->dim[1] };

  if (exec->mode == DML_EXEC_INFER && !gemm->trans_a && gemm->trans_b) {
    dml_parallel_for ((f.m + OUTPUTS - 1) / OUTPUTS, exec->n_threads,
                      gemm_piece, &f);
    return;
  }
  if (exec->mode == DML_EXEC_INFER && !gemm->trans_a)
    for (size_t i = 0; i < f.n; i++) /* one by one for the same reason */
      dml_sgemm (FALSE, FALSE, 1, f.m, f.k, f.a + i * f.k, f.k, f.b, f.m, 0,
                 f.y + i * f.m, f.m);
  else
    dml_sgemm (gemm->trans_a, gemm->trans_b, f.n, f.m, f.k, f.a, as->dim[1],
               f.b, bs->dim[1], 0, f.y, f.m);
  for (size_t i = 0; i < f.n; i++)
    gemm_end (&f, i, 0, f.m);
}

static void
gemm_sizes (const DmlNode *node, gboolean training, DmlOpSizes *sizes)
{
  const DmlShape *y = dml_node_out_shape (node, 0);

  if (training) /* alpha dy */
    sizes->shared = dml_shape_span (y, 0, 2) * sizeof (float);
}

static void
gemm_backward (const DmlNode *node, DmlExec *exec)
{
  const DmlGemm *gemm = node->config;
  const DmlShape *as = dml_node_in_shape (node, 0);
  const DmlShape *bs = dml_node_in_shape (node, 1);
  const size_t n = dml_node_out_shape (node, 0)->dim[0];
  const size_t m = dml_node_out_shape (node, 0)->dim[1];
  const size_t k = as->dim[!gemm->trans_a];
  const float *a = dml_exec_in (exec, node, 0);
  const float *b = dml_exec_in (exec, node, 1);
  const float *dy = dml_exec_dout (exec, node, 0);
  float *da = dml_exec_din (exec, node, 0), *db = dml_exec_din (exec, node, 1);
  float *dc = dml_exec_din (exec, node, 2);
  float *g = dml_exec_shared (exec);

  for (size_t i = 0; i < n; i++) {
    size_t step = 0;
    float *row =
      dc ? dc + gemm_c_row (dml_node_in_shape (node, 2), i, &step) : NULL;

    for (size_t j = 0; j < m; j++) {
      g[i * m + j] = gemm->alpha * dy[i * m + j];
      if (row != NULL)
        row[j * step] += gemm->beta * dy[i * m + j];
    }
  }
  if (da != NULL && !gemm->trans_a)
    dml_sgemm (FALSE, !gemm->trans_b, n, k, m, g, m, b, bs->dim[1], 1, da, k);
  else if (da != NULL)
    dml_sgemm (gemm->trans_b, TRUE, k, n, m, b, bs->dim[1], g, m, 1, da, n);
  if (db != NULL && !gemm->trans_b)
    dml_sgemm (!gemm->trans_a, FALSE, k, m, n, a, as->dim[1], g, m, 1, db, m);
  else if (db != NULL)
    dml_sgemm (TRUE, gemm->trans_a, m, k, n, g, m, a, as->dim[1], 1, db, k);
}

const DmlOp dml_op_gemm = {
  .onnx_name = "Gemm",
  .min_in = 2,
  .max_in = 3,
  .min_out = 1,
  .max_out = 1,
  .config_size = sizeof (DmlGemm),
  .configure = gemm_configure,
  .infer_shape = gemm_infer_shape,
  .sizes = gemm_sizes,
  .forward = gemm_forward,
  .backward = gemm_backward,
  .backward_in = 3,
  .flags = DML_OP_EPILOGUE,
  .roles = { 0, DML_VALUE_PARAM, DML_VALUE_PARAM | DML_VALUE_NO_DECAY },
};
