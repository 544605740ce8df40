/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Nodes that do nothing when inferring. */
#include "nn/passes/passes.h"

#include <string.h>

static gboolean
does_nothing (const DmlNode *node)
{
  return (node->op->flags & DML_OP_VIEW) &&
         dml_shape_equal (dml_node_in_shape (node, 0),
                          dml_node_out_shape (node, 0)) &&
         node->in[0]->producer != NULL; /* an input as output is a copy */
}

gboolean
dml_pass_drop_identity (DmlGraph *graph, GError **error)
{
  for (unsigned i = 0; i < graph->nodes->len; i++) {
    DmlNode *node = dml_graph_node (graph, i);

    if (does_nothing (node))
      dml_graph_redirect (graph, node->out[0], node->in[0]);
  }
  dml_graph_sweep (graph);
  return TRUE;
}
