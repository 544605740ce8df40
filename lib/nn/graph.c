/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Building graphs, copying and rewiring them. Sorting and validation are in
 * finish.c, shapes in infer.c. */
#include "nn/op.h"

#include <string.h>

void
dml_value_free (gpointer data)
{
  DmlValue *value = data;

  dml_tensor_unref (value->constant);
  dml_tensor_unref (value->known);
  g_free (value->name);
  g_free (value);
}

void
dml_node_free (gpointer data)
{
  DmlNode *node = data;

  dml_tensor_unref (node->prepared);
  g_array_unref (node->attrs);
  g_free (node->config);
  g_free (node->in);
  g_free (node->out);
  g_free (node->name);
  g_free (node->op_name);
  g_free (node->domain);
  g_free (node);
}

DmlGraph *
dml_graph_new (const char *name, int opset)
{
  DmlGraph *graph = g_new0 (DmlGraph, 1);

  graph->name = g_strdup (name ? name : "");
  graph->opset = opset;
  graph->values = g_ptr_array_new_with_free_func (dml_value_free);
  graph->nodes = g_ptr_array_new_with_free_func (dml_node_free);
  graph->inputs = g_ptr_array_new ();
  graph->outputs = g_ptr_array_new ();
  graph->by_name = g_hash_table_new (g_str_hash, g_str_equal);
  return graph;
}

void
dml_graph_free (DmlGraph *graph)
{
  if (graph == NULL)
    return;
  g_hash_table_unref (graph->by_name);
  g_ptr_array_unref (graph->inputs);
  g_ptr_array_unref (graph->outputs);
  g_ptr_array_unref (graph->nodes);
  g_ptr_array_unref (graph->values);
  g_free (graph->name);
  g_free (graph);
}

DmlValue *
dml_graph_find (const DmlGraph *graph, const char *name)
{
  return g_hash_table_lookup (graph->by_name, name);
}

DmlValue *
dml_graph_value (DmlGraph *graph, const char *name, GError **error)
{
  DmlValue *value = dml_graph_find (graph, name);

  if (value != NULL)
    return value;
  if (*name == '\0')
    return dml_fail_null (error, FORMAT, "a value without a name");
  if (graph->values->len >= DML_GRAPH_MAX_VALUES)
    return dml_fail_null (error, LIMIT, "more than %u values",
                          DML_GRAPH_MAX_VALUES);
  value = g_new0 (DmlValue, 1);
  value->name = g_strdup (name);
  value->index = graph->values->len;
  value->shape = value->declared = DML_SHAPE_UNKNOWN;
  g_ptr_array_add (graph->values, value);
  g_hash_table_insert (graph->by_name, value->name, value);
  return value;
}

/* Nothing may have been said yet about where the value comes from. */
static gboolean
value_is_open (const DmlGraph *graph, const DmlValue *value, GError **error)
{
  g_autofree char *name = NULL;

  if (value->producer == NULL && value->constant == NULL &&
      !g_ptr_array_find (graph->inputs, value, NULL))
    return TRUE;
  name = dml_error_quote (value->name);
  return dml_fail (error, FORMAT, "value \"%s\" comes from two places", name);
}

DmlValue *
dml_graph_add_input (DmlGraph *graph, const char *name, DmlDtype dtype,
                     const DmlShape *shape, GError **error)
{
  DmlValue *value = dml_graph_value (graph, name, error);

  if (value == NULL || !value_is_open (graph, value, error))
    return NULL;
  value->dtype = dtype;
  value->declared = *shape;
  g_ptr_array_add (graph->inputs, value);
  return value;
}

DmlValue *
dml_graph_add_constant (DmlGraph *graph, const char *name, DmlTensor *tensor,
                        unsigned flags, GError **error)
{
  DmlValue *value = dml_graph_value (graph, name, error);

  if (value == NULL || !value_is_open (graph, value, error))
    return NULL;
  value->constant = dml_tensor_ref (tensor);
  value->dtype = tensor->dtype;
  value->shape = tensor->shape;
  value->flags = flags;
  return value;
}

DmlNode *
dml_graph_add_node (DmlGraph *graph, const char *domain, const char *op_name,
                    const char *name, DmlValue *const *in, unsigned n_in,
                    DmlValue *const *out, unsigned n_out, GError **error)
{
  DmlNode *node;

  if (graph->nodes->len >= DML_GRAPH_MAX_NODES)
    return dml_fail_null (error, LIMIT, "more than %u nodes",
                          DML_GRAPH_MAX_NODES);
  if (n_in > DML_NODE_MAX_VALUES || n_out > DML_NODE_MAX_VALUES)
    return dml_fail_null (error, LIMIT,
                          "node \"%s\" has %u inputs and %u outputs; the limit "
                          "is %u",
                          name ? name : "", n_in, n_out, DML_NODE_MAX_VALUES);
  node = g_new0 (DmlNode, 1);
  node->graph = graph;
  node->name = g_strdup (name ? name : "");
  node->op_name = g_strdup (op_name);
  node->domain = g_strdup (domain ? domain : "");
  node->attrs = dml_attrs_new ();
  node->n_in = n_in;
  node->in = g_new0 (DmlValue *, n_in + 1);
  node->n_out = n_out;
  node->out = g_new0 (DmlValue *, n_out + 1);
  node->index = graph->nodes->len;
  if (n_in > 0)
    memcpy (node->in, in, n_in * sizeof *in);
  g_ptr_array_add (graph->nodes, node);

  for (unsigned i = 0; i < n_out; i++) {
    DmlValue *value;

    if (out != NULL) {
      value = out[i];
    } else {
      g_autofree char *made = i == 0
                                ? g_strdup_printf ("%s_out", node->name)
                                : g_strdup_printf ("%s_out%u", node->name, i);

      value = dml_graph_value (graph, made, error);
      if (value == NULL)
        return NULL;
    }
    if (value == NULL)
      continue;
    if (!value_is_open (graph, value, error))
      return NULL;
    value->producer = node;
    node->out[i] = value;
  }
  return node;
}

gboolean
dml_graph_add_output (DmlGraph *graph, DmlValue *value, GError **error)
{
  if (g_ptr_array_find (graph->outputs, value, NULL)) {
    g_autofree char *name = dml_error_quote (value->name);

    return dml_fail (error, FORMAT, "output \"%s\" is named twice", name);
  }
  g_ptr_array_add (graph->outputs, value);
  return TRUE;
}

static DmlValue *
mapped (const DmlGraph *copy, const DmlValue *value)
{
  return value ? dml_graph_value_at (copy, value->index) : NULL;
}

static void
clone_node (DmlGraph *copy, const DmlNode *node)
{
  DmlNode *c = g_new0 (DmlNode, 1);

  c->graph = copy;
  c->name = g_strdup (node->name);
  c->op_name = g_strdup (node->op_name);
  c->domain = g_strdup (node->domain);
  c->op = node->op;
  c->attrs = dml_attrs_copy (node->attrs);
  c->n_in = node->n_in;
  c->in = g_new0 (DmlValue *, node->n_in + 1);
  for (unsigned i = 0; i < node->n_in; i++)
    c->in[i] = mapped (copy, node->in[i]);
  c->n_out = node->n_out;
  c->out = g_new0 (DmlValue *, node->n_out + 1);
  for (unsigned i = 0; i < node->n_out; i++) {
    c->out[i] = mapped (copy, node->out[i]);
    if (c->out[i] != NULL)
      c->out[i]->producer = c;
  }
  c->index = node->index;
  if (node->config != NULL)
    c->config = g_memdup2 (node->config, node->op->config_size);
  if (node->prepared != NULL)
    c->prepared = dml_tensor_ref (node->prepared);
  c->epilogue = node->epilogue;
  g_ptr_array_add (copy->nodes, c);
}

DmlGraph *
dml_graph_clone (const DmlGraph *graph)
{
  DmlGraph *copy = dml_graph_new (graph->name, graph->opset);

  copy->batch = graph->batch;
  for (unsigned i = 0; i < graph->values->len; i++) {
    const DmlValue *value = dml_graph_value_at (graph, i);
    DmlValue *c = g_new (DmlValue, 1);

    *c = *value;
    c->name = g_strdup (value->name);
    c->producer = NULL;
    if (c->constant != NULL)
      dml_tensor_ref (c->constant);
    if (c->known != NULL)
      dml_tensor_ref (c->known);
    g_ptr_array_add (copy->values, c);
    g_hash_table_insert (copy->by_name, c->name, c);
  }
  for (unsigned i = 0; i < graph->nodes->len; i++)
    clone_node (copy, dml_graph_node (graph, i));
  for (unsigned i = 0; i < graph->inputs->len; i++)
    g_ptr_array_add (copy->inputs,
                     mapped (copy, g_ptr_array_index (graph->inputs, i)));
  for (unsigned i = 0; i < graph->outputs->len; i++)
    g_ptr_array_add (copy->outputs,
                     mapped (copy, g_ptr_array_index (graph->outputs, i)));
  return copy;
}

unsigned
dml_graph_count_readers (const DmlGraph *graph, const DmlValue *value)
{
  unsigned n = 0;

  for (unsigned i = 0; i < graph->nodes->len; i++) {
    const DmlNode *node = dml_graph_node (graph, i);

    for (unsigned k = 0; k < node->n_in; k++)
      n += node->in[k] == value;
  }
  for (unsigned i = 0; i < graph->outputs->len; i++)
    n += g_ptr_array_index (graph->outputs, i) == value;
  return n;
}

void
dml_graph_redirect (DmlGraph *graph, DmlValue *from, DmlValue *to)
{
  for (unsigned i = 0; i < graph->nodes->len; i++) {
    DmlNode *node = dml_graph_node (graph, i);

    for (unsigned k = 0; k < node->n_in; k++)
      if (node->in[k] == from)
        node->in[k] = to;
  }
  for (unsigned i = 0; i < graph->outputs->len; i++)
    if (g_ptr_array_index (graph->outputs, i) == from)
      g_ptr_array_index (graph->outputs, i) = to;
}

void
dml_graph_mark_params (DmlGraph *graph)
{
  for (unsigned i = 0; i < graph->nodes->len; i++) {
    const DmlNode *node = dml_graph_node (graph, i);

    for (unsigned k = 0; k < MIN (node->n_in, DML_OP_MAX_ROLES); k++)
      if (node->in[k] != NULL && node->in[k]->constant != NULL &&
          node->in[k]->dtype == DML_F32)
        node->in[k]->flags |= node->op->roles[k];
  }
}
