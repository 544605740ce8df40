/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The order of the passes, and what they share. */
#include "nn/passes/passes.h"
#include "nn/ops/batchnorm.h"

#include <math.h>
#include <string.h>

DmlNode *
dml_pass_only_reader (const DmlGraph *graph, const DmlValue *value)
{
  DmlNode *reader = NULL;

  if (g_ptr_array_find (graph->outputs, value, NULL))
    return NULL;
  for (unsigned i = 0; i < graph->nodes->len; i++) {
    DmlNode *node = dml_graph_node (graph, i);

    for (unsigned k = 0; k < node->n_in; k++)
      if (node->in[k] == value) {
        if (reader != NULL)
          return NULL;
        reader = node;
      }
  }
  return reader;
}

DmlValue *
dml_pass_constant (DmlGraph *graph, const char *like, DmlTensor *t,
                   GError **error)
{
  g_autofree char *name = g_strdup (like);
  DmlValue *value;

  while (dml_graph_find (graph, name) != NULL) {
    char *longer = g_strconcat (name, "'", NULL);

    g_free (name);
    name = longer;
  }
  value = dml_graph_add_constant (graph, name, t, 0, error);
  if (value != NULL)
    value->known = dml_tensor_ref (t);
  return value;
}

gboolean
dml_pass_batchnorm_affine (const DmlNode *node, double *scale, double *offset)
{
  const double epsilon =
    (double) ((const DmlBatchNorm *) node->config)->epsilon;
  const float *in[5];

  for (unsigned i = 1; i < 5; i++) {
    if (node->in[i]->constant == NULL)
      return FALSE;
    in[i] = node->in[i]->constant->data;
  }
  for (int64_t c = 0; c < dml_node_in_shape (node, 1)->dim[0]; c++) {
    scale[c] = (double) in[1][c] / sqrt ((double) in[4][c] + epsilon);
    offset[c] = (double) in[2][c] - scale[c] * (double) in[3][c];
  }
  return TRUE;
}

static gboolean
graph_prepare (DmlGraph *graph, GError **error)
{
  for (unsigned i = 0; i < graph->nodes->len; i++) {
    DmlNode *node = dml_graph_node (graph, i);

    if (node->op->prepare != NULL && node->prepared == NULL &&
        !node->op->prepare (node, error))
      return FALSE;
  }
  return TRUE;
}

gboolean
dml_graph_optimise (DmlGraph *graph, size_t batch, GError **error)
{
  static gboolean (*const passes[]) (DmlGraph *, GError **) = {
    dml_pass_fold_constants, dml_pass_drop_identity,   dml_pass_merge_branches,
    dml_pass_fold_batchnorm, dml_pass_fuse_activation,
  };

  for (unsigned i = 0; i < graph->values->len; i++)
    dml_graph_value_at (graph, i)->flags = 0;
  if (!dml_graph_infer (graph, batch, error))
    return FALSE;
  for (size_t i = 0; i < G_N_ELEMENTS (passes); i++)
    if (!passes[i](graph, error))
      return FALSE;
  if (!graph_prepare (graph, error))
    return FALSE;
  dml_graph_forget (graph);
  return TRUE;
}

gboolean
dml_graph_merge_branches (DmlGraph *graph, GError **error)
{
  if (!dml_graph_infer (graph, 2, error) ||
      !dml_pass_merge_branches (graph, error))
    return FALSE;
  dml_graph_forget (graph);
  return TRUE;
}
