/* SPDX-License-Identifier: LGPL-2.1-or-later
 * From loose nodes to a graph that can run: operators by name, arity,
 * attributes, running order; and the removal of what no output needs. */
#include "nn/op.h"

static gboolean
node_resolve (DmlNode *node, GError **error)
{
  const DmlOp *op = dml_op_find (node->domain, node->op_name);

  if (op == NULL)
    return dml_node_fail (node, error, UNSUPPORTED,
                          "this operator is not known here (domain \"%s\", "
                          "opset %d); docs/onnx.md lists those that are",
                          node->domain, node->graph->opset);
  node->op = op;
  if (node->n_in < op->min_in || node->n_in > op->max_in)
    return dml_node_fail (node, error, FORMAT, "%u inputs, expected %u to %u",
                          node->n_in, op->min_in, op->max_in);
  if (node->n_out < op->min_out || node->n_out > op->max_out)
    return dml_node_fail (node, error, FORMAT, "%u outputs, expected %u to %u",
                          node->n_out, op->min_out, op->max_out);
  for (unsigned i = 0; i < node->n_in; i++) {
    const DmlValue *value = node->in[i];

    if (value == NULL && i < op->min_in)
      return dml_node_fail (node, error, FORMAT,
                            "input %u is left out but needed", i);
    if (value != NULL && value->producer == NULL && value->constant == NULL &&
        !g_ptr_array_find (node->graph->inputs, value, NULL)) {
      g_autofree char *name = dml_error_quote (value->name);

      return dml_node_fail (node, error, FORMAT,
                            "nothing produces its input \"%s\"", name);
    }
  }
  for (unsigned i = 0; i < op->min_out; i++)
    if (node->out[i] == NULL)
      return dml_node_fail (node, error, FORMAT,
                            "output %u is left out but needed", i);
  g_free (node->config);
  node->config = op->config_size ? g_malloc0 (op->config_size) : NULL;
  return op->configure == NULL || op->configure (node, error);
}

/* Kahn 1962, always taking the ready node that stands first, so that a sorted
 * file keeps its order. */
typedef struct {
  guint *n_waiting;   /* by node: inputs whose producer has not run */
  GArray **reader_of; /* by value: indices of nodes that read it, or NULL */
  guint *heap;        /* ready nodes, smallest index first */
  guint n_heap;
} Sort;

static void
heap_push (Sort *s, guint node)
{
  guint i = s->n_heap++;

  while (i > 0 && s->heap[(i - 1) / 2] > node) {
    s->heap[i] = s->heap[(i - 1) / 2];
    i = (i - 1) / 2;
  }
  s->heap[i] = node;
}

static guint
heap_pop (Sort *s)
{
  const guint top = s->heap[0], last = s->heap[--s->n_heap];
  guint i = 0;

  for (;;) {
    guint child = 2 * i + 1;

    if (child + 1 < s->n_heap && s->heap[child + 1] < s->heap[child])
      child++;
    if (child >= s->n_heap || s->heap[child] > last)
      break;
    s->heap[i] = s->heap[child];
    i = child;
  }
  s->heap[i] = last;
  return top;
}

static void
sort_begin (Sort *s, const DmlGraph *graph)
{
  s->n_waiting = g_new0 (guint, graph->nodes->len);
  s->reader_of = g_new0 (GArray *, graph->values->len);
  s->heap = g_new (guint, graph->nodes->len + 1);
  s->n_heap = 0;
  for (guint i = 0; i < graph->nodes->len; i++) {
    const DmlNode *node = dml_graph_node (graph, i);

    for (guint k = 0; k < node->n_in; k++) {
      const DmlValue *value = node->in[k];

      if (value == NULL || value->producer == NULL)
        continue;
      if (s->reader_of[value->index] == NULL)
        s->reader_of[value->index] = g_array_new (FALSE, FALSE, sizeof (guint));
      g_array_append_val (s->reader_of[value->index], i);
      s->n_waiting[i]++;
    }
    if (s->n_waiting[i] == 0)
      heap_push (s, i);
  }
}

static void
sort_end (Sort *s, const DmlGraph *graph)
{
  for (guint i = 0; i < graph->values->len; i++)
    if (s->reader_of[i] != NULL)
      g_array_unref (s->reader_of[i]);
  g_free (s->reader_of);
  g_free (s->n_waiting);
  g_free (s->heap);
}

gboolean
dml_graph_sort (DmlGraph *graph, GError **error)
{
  const guint n = graph->nodes->len;
  g_autofree gpointer *order = g_new (gpointer, n + 1);
  guint n_sorted = 0;
  gboolean ok = TRUE;
  Sort s;

  sort_begin (&s, graph);
  while (s.n_heap > 0) {
    DmlNode *node = dml_graph_node (graph, heap_pop (&s));

    order[n_sorted++] = node;
    for (guint k = 0; k < node->n_out; k++) {
      const GArray *readers =
        node->out[k] ? s.reader_of[node->out[k]->index] : NULL;

      for (guint r = 0; readers != NULL && r < readers->len; r++) {
        const guint reader = g_array_index (readers, guint, r);

        if (--s.n_waiting[reader] == 0)
          heap_push (&s, reader);
      }
    }
  }
  if (n_sorted < n) {
    guint stuck = 0;

    while (s.n_waiting[stuck] == 0)
      stuck++;
    ok = dml_node_fail (dml_graph_node (graph, stuck), error, FORMAT,
                        "is part of a cycle, or waits for one");
  }
  sort_end (&s, graph);
  if (!ok)
    return FALSE;
  for (guint i = 0; i < n; i++) {
    graph->nodes->pdata[i] = order[i];
    dml_graph_node (graph, i)->index = i;
  }
  return TRUE;
}

gboolean
dml_graph_finish (DmlGraph *graph, GError **error)
{
  if (graph->inputs->len == 0)
    return dml_fail (error, FORMAT, "the graph has no input");
  if (graph->outputs->len == 0)
    return dml_fail (error, FORMAT, "the graph has no output");
  for (guint i = 0; i < graph->outputs->len; i++) {
    const DmlValue *value = g_ptr_array_index (graph->outputs, i);

    if (value->producer == NULL && value->constant == NULL &&
        !g_ptr_array_find (graph->inputs, value, NULL)) {
      g_autofree char *name = dml_error_quote (value->name);

      return dml_fail (error, FORMAT, "nothing produces the output \"%s\"",
                       name);
    }
  }
  for (guint i = 0; i < graph->nodes->len; i++)
    if (!node_resolve (dml_graph_node (graph, i), error))
      return FALSE;
  return dml_graph_sort (graph, error);
}

/* Marks values from the outputs backward; nodes are in running order, so one
 * pass from the last to the first is enough. */
static void
mark_needed (const DmlGraph *graph, gboolean *node_needed, gboolean *needed)
{
  for (guint i = 0; i < graph->outputs->len; i++)
    needed[((DmlValue *) g_ptr_array_index (graph->outputs, i))->index] = TRUE;
  for (guint i = 0; i < graph->inputs->len; i++)
    needed[((DmlValue *) g_ptr_array_index (graph->inputs, i))->index] = TRUE;
  for (guint i = graph->nodes->len; i-- > 0;) {
    const DmlNode *node = dml_graph_node (graph, i);

    for (guint k = 0; k < node->n_out; k++)
      if (node->out[k] != NULL && needed[node->out[k]->index])
        node_needed[i] = TRUE;
    if (!node_needed[i])
      continue;
    for (guint k = 0; k < node->n_in; k++)
      if (node->in[k] != NULL)
        needed[node->in[k]->index] = TRUE;
    for (guint k = 0; k < node->n_out; k++)
      if (node->out[k] != NULL)
        needed[node->out[k]->index] = TRUE;
  }
}

/* Frees the items whose mark is not set; the rest keep their order. */
static void
compact (GPtrArray *items, const gboolean *keep, GDestroyNotify item_free)
{
  guint n = 0;

  for (guint i = 0; i < items->len; i++) {
    gpointer item = items->pdata[i];

    items->pdata[i] = NULL;
    if (keep[i])
      items->pdata[n++] = item;
    else
      item_free (item);
  }
  items->len = n;
}

void
dml_graph_sweep (DmlGraph *graph)
{
  g_autofree gboolean *node_needed = g_new0 (gboolean, graph->nodes->len + 1);
  g_autofree gboolean *needed = g_new0 (gboolean, graph->values->len + 1);

  mark_needed (graph, node_needed, needed);
  for (guint i = 0; i < graph->values->len; i++)
    if (!needed[i])
      g_hash_table_remove (graph->by_name, dml_graph_value_at (graph, i)->name);
  compact (graph->nodes, node_needed, dml_node_free);
  compact (graph->values, needed, dml_value_free);
  for (guint i = 0; i < graph->nodes->len; i++)
    dml_graph_node (graph, i)->index = i;
  for (guint i = 0; i < graph->values->len; i++)
    dml_graph_value_at (graph, i)->index = i;
}
