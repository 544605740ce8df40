/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Batch norm into the weights before it:
 *
 *   scale (w x + b) + offset  =  (scale w) x + (scale b + offset)
 */
#include "nn/passes/passes.h"
#include "nn/ops/gemm.h"

#include <string.h>

/* Where output channel m's weights lie: `n` of them, `step` apart. */
typedef struct {
  size_t m, n, step, stride;
} Rows;

static gboolean
rows_of (const DmlNode *node, Rows *rows)
{
  const DmlShape *w = dml_node_in_shape (node, 1);

  if (strcmp (node->op->onnx_name, "Conv") == 0) {
    const size_t n = dml_shape_span (w, 1, 4);

    *rows = (Rows){ w->dim[0], n, 1, n };
    return TRUE;
  }
  if (strcmp (node->op->onnx_name, "Gemm") == 0) {
    const DmlGemm *gemm = node->config;
    const size_t a = w->dim[0], b = w->dim[1];

    *rows = gemm->trans_b ? (Rows){ a, b, 1, b } : (Rows){ b, a, b, 1 };
    return gemm->alpha == 1 && gemm->beta == 1 &&
           (!dml_node_has_in (node, 2) ||
            dml_shape_equal (dml_node_in_shape (node, 2),
                             &DML_SHAPE ((int64_t) rows->m)));
  }
  return FALSE;
}

static gboolean
can_fold (const DmlGraph *graph, const DmlNode *before, const DmlNode *bn,
          Rows *rows)
{
  return before != NULL && before->op != NULL && !before->epilogue.residual &&
         !before->epilogue.clamp && rows_of (before, rows) &&
         before->in[1]->constant != NULL &&
         (!dml_node_has_in (before, 2) || before->in[2]->constant != NULL) &&
         dml_pass_only_reader (graph, before->out[0]) == bn;
}

static DmlTensor *
folded_weights (const DmlTensor *w, const Rows *rows, const double *scale,
                GError **error)
{
  DmlTensor *t = dml_tensor_new_from (DML_F32, &w->shape, w->data, error);
  float *data;

  if (t == NULL)
    return NULL;
  data = t->data;
  for (size_t m = 0; m < rows->m; m++)
    for (size_t k = 0; k < rows->n; k++) {
      float *x = data + m * rows->stride + k * rows->step;

      *x = (float) (scale[m] * (double) *x);
    }
  return t;
}

static DmlTensor *
folded_bias (const DmlTensor *b, size_t n, const double *scale,
             const double *offset, GError **error)
{
  DmlTensor *t = dml_tensor_new (DML_F32, &DML_SHAPE ((int64_t) n), error);

  for (size_t m = 0; t != NULL && m < n; m++) {
    const double before = b ? (double) ((const float *) b->data)[m] : 0;

    ((float *) t->data)[m] = (float) (scale[m] * before + offset[m]);
  }
  return t;
}

static gboolean
fold (DmlGraph *graph, DmlNode *before, DmlNode *bn, const Rows *rows,
      GError **error)
{
  g_autofree double *scale = g_new (double, rows->m);
  g_autofree double *offset = g_new (double, rows->m);
  g_autoptr (DmlTensor) w = NULL;
  g_autoptr (DmlTensor) b = NULL;
  DmlValue *weights, *bias;

  if (!dml_pass_batchnorm_affine (bn, scale, offset))
    return TRUE;
  w = folded_weights (before->in[1]->constant, rows, scale, error);
  b = folded_bias (dml_node_has_in (before, 2) ? before->in[2]->constant : NULL,
                   rows->m, scale, offset, error);
  if (w == NULL || b == NULL)
    return FALSE;
  weights = dml_pass_constant (graph, before->in[1]->name, w, error);
  bias = weights ? dml_pass_constant (graph, bn->in[2]->name, b, error) : NULL;
  if (bias == NULL)
    return FALSE;
  dml_node_set_inputs (before, (DmlValue *[]){ before->in[0], weights, bias },
                       3);
  dml_graph_redirect (graph, bn->out[0], before->out[0]);
  return TRUE;
}

gboolean
dml_pass_fold_batchnorm (DmlGraph *graph, GError **error)
{
  for (unsigned i = 0; i < graph->nodes->len; i++) {
    DmlNode *bn = dml_graph_node (graph, i);
    DmlNode *before = bn->in[0]->producer;
    Rows rows;

    if (strcmp (bn->op->onnx_name, "BatchNormalization") == 0 &&
        can_fold (graph, before, bn, &rows) &&
        !fold (graph, before, bn, &rows, error))
      return FALSE;
  }
  dml_graph_sweep (graph);
  return TRUE;
}
