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

static void
gemm_forward (const DmlNode *node, DmlExec *exec)
{
  const DmlGemm *gemm = node->config;
  const DmlShape *as = dml_node_in_shape (node, 0);
  const DmlShape *bs = dml_node_in_shape (node, 1);
  const size_t n = dml_node_out_shape (node, 0)->dim[0];
  const size_t m = dml_node_out_shape (node, 0)->dim[1];
  const size_t k = as->dim[!gemm->trans_a];
  const float *a = dml_exec_in (exec, node, 0);
  const float *b = dml_exec_in (exec, node, 1);
  const float *c = dml_exec_in (exec, node, 2);
  float *y = dml_exec_out (exec, node, 0);

  dml_sgemm (gemm->trans_a, gemm->trans_b, n, m, k, a, as->dim[1], b,
             bs->dim[1], 0, y, m);
  for (size_t i = 0; i < n; i++) {
    size_t step = 0;
    const float *row =
      c ? c + gemm_c_row (dml_node_in_shape (node, 2), i, &step) : NULL;

    for (size_t j = 0; j < m; j++) {
      float v = gemm->alpha * y[i * m + j];

      if (row != NULL)
        v += gemm->beta * row[j * step];
      y[i * m + j] = v;
    }
    if (node->epilogue.clamp)
      exec->kernels->clip_f32 (y + i * m, y + i * m, node->epilogue.lo,
                               node->epilogue.hi, m);
  }
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
