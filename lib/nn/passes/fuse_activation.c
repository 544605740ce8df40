/* SPDX-License-Identifier: LGPL-2.1-or-later
 * What comes after a convolution, into its epilogue: y = clamp (conv + r). It
 * is then done on data that is still in the cache. */
#include "nn/passes/passes.h"
#include "nn/ops/clip.h"

#include <math.h>
#include <string.h>

/* The node whose epilogue may still take something over, or NULL. */
static DmlNode *
host_of (const DmlGraph *graph, const DmlValue *value, const DmlNode *reader)
{
  DmlNode *node = value->producer;

  return node != NULL && (node->op->flags & DML_OP_EPILOGUE) &&
             !node->epilogue.clamp &&
             dml_pass_only_reader (graph, value) == reader
           ? node
           : NULL;
}

static gboolean
fuse_clamp (DmlGraph *graph, DmlNode *node)
{
  DmlNode *host = host_of (graph, node->in[0], node);
  const gboolean relu = strcmp (node->op->onnx_name, "Relu") == 0;
  const DmlClip *clip = node->config;

  if (host == NULL || node->in[0]->dtype != DML_F32)
    return FALSE;
  if (!relu && strcmp (node->op->onnx_name, "Clip") != 0)
    return FALSE;
  host->epilogue.clamp = TRUE;
  host->epilogue.lo = relu ? 0 : clip->lo;
  host->epilogue.hi = relu ? INFINITY : clip->hi;
  dml_graph_redirect (graph, node->out[0], host->out[0]);
  return TRUE;
}

/* The residual is the last input, and its producer has to run before: nodes
 * are sorted again at the end. Of two hosts the later one is taken, since the
 * other's result is there by then. */
static gboolean
fuse_residual (DmlGraph *graph, DmlNode *node)
{
  DmlNode *a, *b, *host;
  DmlValue *other;

  if (strcmp (node->op->onnx_name, "Add") != 0 || node->in[0] == node->in[1] ||
      !dml_shape_equal (dml_node_in_shape (node, 0),
                        dml_node_in_shape (node, 1)) ||
      node->in[0]->known != NULL || node->in[1]->known != NULL)
    return FALSE;
  a = host_of (graph, node->in[0], node);
  b = host_of (graph, node->in[1], node);
  if (a != NULL && (a->epilogue.residual || !(a->op->flags & DML_OP_RESIDUAL)))
    a = NULL;
  if (b != NULL && (b->epilogue.residual || !(b->op->flags & DML_OP_RESIDUAL)))
    b = NULL;
  host = a && b ? (a->index > b->index ? a : b) : a ? a : b;
  if (host == NULL)
    return FALSE;
  other = host == a ? node->in[1] : node->in[0];
  dml_node_set_inputs (
    host,
    (DmlValue *[]){ host->in[0], host->in[1],
                    dml_node_has_in (host, 2) ? host->in[2] : NULL, other },
    4);
  host->epilogue.residual = TRUE;
  dml_graph_redirect (graph, node->out[0], host->out[0]);
  return TRUE;
}

gboolean
dml_pass_fuse_activation (DmlGraph *graph, GError **error)
{
  for (unsigned i = 0; i < graph->nodes->len; i++) {
    DmlNode *node = dml_graph_node (graph, i);

    if (fuse_residual (graph, node) || fuse_clamp (graph, node))
      node->n_in = 0; /* the rest of the pass must not see it as a reader */
  }
  if (!dml_graph_sort (graph, error))
    return FALSE;
  dml_graph_sweep (graph);
  return TRUE;
}
