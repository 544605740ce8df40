/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Constants from constants: Constant nodes, Cast of float16 weights, sums of
 * scalars. What follows from a shape that the batch is part of is left: it is
 * known to each inference, but another one each time. */
#include "nn/passes/passes.h"

gboolean
dml_pass_fold_constants (DmlGraph *graph, GError **error)
{
  g_autofree gboolean *varies = g_new0 (gboolean, graph->values->len);

  for (unsigned i = 0; i < graph->inputs->len; i++) {
    const DmlValue *value = g_ptr_array_index (graph->inputs, i);

    varies[value->index] = TRUE;
  }
  for (unsigned i = 0; i < graph->nodes->len; i++) {
    const DmlNode *node = dml_graph_node (graph, i);
    gboolean varying = FALSE;

    for (unsigned k = 0; k < node->n_in; k++)
      varying |= node->in[k] != NULL && varies[node->in[k]->index];
    for (unsigned k = 0; k < node->n_out; k++) {
      DmlValue *value = node->out[k];

      if (value == NULL)
        continue;
      varies[value->index] = varying || value->known == NULL;
      if (varies[value->index])
        continue;
      value->constant = dml_tensor_ref (value->known);
      value->producer = NULL;
      node->out[k] = NULL;
    }
  }
  dml_graph_sweep (graph);
  return TRUE;
}
