/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Shapes, types and known data of every value, for one batch size.
 *
 * What follows from constants and shapes alone is computed here by the
 * operators' own forward, so that the Shape - Gather - Concat - Reshape chains
 * of exported files are numbers before anything runs. */
#include "nn/op.h"

#include <string.h>

size_t
dml_graph_fixed_batch (const DmlGraph *graph)
{
  const DmlValue *value;

  if (graph->inputs->len == 0)
    return 0;
  value = g_ptr_array_index (graph->inputs, 0);
  return value->declared.rank > 0 && value->declared.dim[0] > 0
           ? (size_t) value->declared.dim[0]
           : 0;
}

gboolean
dml_graph_set_input_shape (DmlGraph *graph, unsigned input,
                           const DmlShape *shape, GError **error)
{
  DmlValue *value = g_ptr_array_index (graph->inputs, input);
  DmlShape *declared = &value->declared;
  gboolean fits = declared->rank < 0 || declared->rank == shape->rank;

  for (int i = 0; fits && i < declared->rank; i++)
    fits = declared->dim[i] == DML_DIM_FREE || shape->dim[i] == DML_DIM_FREE ||
           declared->dim[i] == shape->dim[i];
  if (!fits) {
    g_autofree char *has = dml_shape_to_string (declared);
    g_autofree char *wants = dml_shape_to_string (shape);
    g_autofree char *name = dml_error_quote (value->name);

    return dml_fail (error, INVALID, "input \"%s\" is %s in the graph, not %s",
                     name, has, wants);
  }
  for (int i = 0; i < shape->rank; i++)
    if (declared->rank < 0 || shape->dim[i] != DML_DIM_FREE)
      declared->dim[i] = shape->dim[i];
  declared->rank = shape->rank;
  return TRUE;
}

void
dml_graph_forget (DmlGraph *graph)
{
  graph->batch = 0;
  for (unsigned i = 0; i < graph->values->len; i++) {
    DmlValue *value = dml_graph_value_at (graph, i);

    g_clear_pointer (&value->known, dml_tensor_unref);
    if (value->constant != NULL) {
      value->dtype = value->constant->dtype;
      value->shape = value->constant->shape;
      if (!(value->flags & (DML_VALUE_PARAM | DML_VALUE_STATISTIC)))
        value->known = dml_tensor_ref (value->constant);
    } else {
      value->shape = DML_SHAPE_UNKNOWN;
      if (value->producer != NULL)
        value->dtype = DML_DTYPE_NONE;
    }
  }
}

static gboolean
infer_inputs (DmlGraph *graph, size_t batch, GError **error)
{
  for (unsigned i = 0; i < graph->inputs->len; i++) {
    DmlValue *value = g_ptr_array_index (graph->inputs, i);
    g_autofree char *name = dml_error_quote (value->name);
    g_autofree char *s = dml_shape_to_string (&value->declared);
    size_t n;

    value->shape = value->declared;
    if (value->shape.rank > 0 && value->shape.dim[0] == DML_DIM_FREE)
      value->shape.dim[0] = (int64_t) batch;
    else if (i == 0 && value->shape.rank > 0 &&
             value->shape.dim[0] != (int64_t) batch)
      return dml_fail (error, INVALID,
                       "input \"%s\" is %s: the batch is fixed, %zu asked for",
                       name, s, batch);
    for (int k = 0; k < value->shape.rank; k++)
      if (value->shape.dim[k] == DML_DIM_FREE)
        return dml_fail (error, UNSUPPORTED,
                         "input \"%s\" is %s: only the first dimension may be "
                         "free; say the size (key dml.input, WxH)",
                         name, s);
    if (!dml_shape_count (&value->shape, value->dtype, &n) || n == 0)
      return dml_fail (error, LIMIT,
                       "input \"%s\" is %s %s, which is not possible", name,
                       dml_dtype_name (value->dtype), s);
  }
  return TRUE;
}

static gboolean
node_is_known (const DmlNode *node)
{
  if (node->n_in == 0 || (node->op->flags & DML_OP_RANDOM) ||
      node->op->forward == NULL)
    return FALSE;
  for (unsigned i = 0; i < node->n_in; i++)
    if (node->in[i] != NULL && node->in[i]->known == NULL)
      return FALSE;
  for (unsigned i = 0; i < node->n_out; i++)
    if (node->out[i] != NULL && node->out[i]->known != NULL)
      return FALSE; /* infer_shape has said it */
  return TRUE;
}

/* Runs the node on its known inputs. `data` has a zeroed slot for each value.
 */
static gboolean
node_compute (DmlNode *node, void **data, size_t *budget, GError **error)
{
  DmlOpSizes sizes = { 0 };
  DmlExec exec = { .kernels = dml_kernels (),
                   .n_threads = 1,
                   .mode = DML_EXEC_INFER,
                   .data = data };
  g_autoptr (DmlMem) shared = NULL;
  g_autoptr (DmlMem) worker = NULL;

  for (unsigned i = 0; i < node->n_out; i++) {
    DmlValue *value = node->out[i];
    DmlTensor *t;
    size_t n;

    if (value == NULL)
      continue;
    n = dml_shape_span (&value->shape, 0, value->shape.rank) *
        dml_dtype_size (value->dtype);
    if (n > *budget)
      return dml_node_fail (node, error, LIMIT,
                            "computed constants pass %zu bytes",
                            DML_FOLD_MAX_BYTES);
    *budget -= n;
    t = dml_tensor_new (value->dtype, &value->shape, error);
    if (t == NULL)
      return FALSE;
    dml_value_set_known (value, t);
    data[value->index] = t->data;
  }
  for (unsigned i = 0; i < node->n_in; i++)
    if (node->in[i] != NULL)
      data[node->in[i]->index] = node->in[i]->known->data;
  if (node->op->sizes != NULL)
    node->op->sizes (node, FALSE, &sizes);
  shared = dml_mem_alloc (sizes.shared, 1, error);
  worker = shared ? dml_mem_alloc (sizes.worker, 1, error) : NULL;
  if (worker == NULL)
    return FALSE;
  exec.shared = shared;
  exec.worker = worker;
  node->op->forward (node, &exec);
  return TRUE;
}

static gboolean
node_infer (DmlNode *node, GError **error)
{
  if (!node->op->infer_shape (node, error))
    return FALSE;
  for (unsigned i = 0; i < node->n_out; i++) {
    const DmlValue *value = node->out[i];
    size_t n;

    if (value == NULL)
      continue;
    if (!dml_shape_count (&value->shape, value->dtype, &n))
      return dml_node_fail (node, error, LIMIT, "output %u is too large", i);
    if (n == 0 && node->op->forward != NULL && value->known == NULL &&
        !node_is_known (node))
      return dml_node_fail (node, error, FORMAT,
                            "output %u would have no elements", i);
  }
  return TRUE;
}

gboolean
dml_graph_infer (DmlGraph *graph, size_t batch, GError **error)
{
  g_autofree void **data = g_new0 (void *, graph->values->len);
  size_t budget = DML_FOLD_MAX_BYTES;

  dml_graph_forget (graph);
  if (!infer_inputs (graph, batch, error))
    return FALSE;
  for (unsigned i = 0; i < graph->nodes->len; i++) {
    DmlNode *node = dml_graph_node (graph, i);

    if (!node_infer (node, error))
      return FALSE;
    if (node_is_known (node) && !node_compute (node, data, &budget, error))
      return FALSE;
  }
  graph->batch = batch;
  return TRUE;
}
