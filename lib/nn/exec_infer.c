/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The inference executor.
 *
 * Made once for a batch size: a clone of the graph is inferred for it, every
 * value that is not a constant gets a place in one arena, views lie where their
 * input lies, in-place operators write over an input that dies there. Running
 * is a loop over the nodes and allocates nothing. */
#include "nn/exec.h"
#include "nn/places.h"
#include "nn/planner.h"

#include <string.h>

struct _DmlInfer {
  DmlGraph *graph; /* a clone, inferred for the batch */
  DmlExec exec;
  uint8_t *arena;
  size_t n_bytes;
};

static void
find_last_reads (DmlPlaces *p)
{
  for (unsigned i = 0; i < p->graph->nodes->len; i++) {
    const DmlNode *node = dml_graph_node (p->graph, i);

    for (unsigned k = 0; dml_node_runs (node) && k < node->n_in; k++)
      if (node->in[k] != NULL)
        p->last_read[node->in[k]->index] = i + 1;
  }
  for (unsigned i = 0; i < p->graph->outputs->len; i++) {
    const DmlValue *value = g_ptr_array_index (p->graph->outputs, i);

    p->last_read[value->index] = p->graph->nodes->len + 1;
  }
}

static gboolean
infer_plan (DmlInfer *infer, const DmlPlaces *p, GError **error)
{
  const unsigned n = infer->graph->values->len;
  g_autofree DmlPlanItem *items = g_new0 (DmlPlanItem, n);
  g_autofree unsigned *item_of = g_new0 (unsigned, n);
  size_t n_items = 0, size;

  for (unsigned i = 0; i < n; i++) {
    const DmlValue *value = dml_graph_value_at (infer->graph, i);

    if (p->root[i] != i)
      continue;
    item_of[i] = (unsigned) n_items;
    items[n_items++] = (DmlPlanItem){
      .size = dml_shape_span (&value->shape, 0, value->shape.rank) *
              dml_dtype_size (value->dtype),
      .first = p->apart ? 0 : p->first[i],
      .last = p->apart ? infer->graph->nodes->len + 1 : p->last[i],
    };
  }
  if (!dml_plan (items, n_items, &size) || size > DML_EXEC_MAX_BYTES)
    return dml_fail (error, LIMIT,
                     "a batch of %zu would need more than %zu bytes",
                     infer->graph->batch, DML_EXEC_MAX_BYTES);
  infer->arena = dml_mem_alloc (size, 1, error);
  if (infer->arena == NULL)
    return FALSE;
  dml_mem_advise_huge (infer->arena, size);
  infer->n_bytes = size;
  for (unsigned i = 0; i < n; i++) {
    const DmlValue *value = dml_graph_value_at (infer->graph, i);
    const DmlTensor *t = value->known ? value->known : value->constant;

    if (t != NULL)
      infer->exec.data[i] = t->data;
    else if (p->root[i] != DML_NOWHERE)
      infer->exec.data[i] = infer->arena + items[item_of[p->root[i]]].offset;
  }
  return TRUE;
}

static gboolean
infer_place_values (DmlInfer *infer, gboolean apart, GError **error)
{
  g_autoptr (DmlPlaces) p = dml_places_new (infer->graph);

  p->apart = apart;
  find_last_reads (p);
  dml_places_find (p);
  return infer_plan (infer, p, error);
}

static gboolean
infer_scratch (DmlInfer *infer, GError **error)
{
  size_t shared = 0, worker = 0;

  for (unsigned i = 0; i < infer->graph->nodes->len; i++) {
    const DmlNode *node = dml_graph_node (infer->graph, i);
    DmlOpSizes sizes = { 0 };

    if (node->op->sizes != NULL && dml_node_runs (node))
      node->op->sizes (node, FALSE, &sizes);
    shared = MAX (shared, sizes.shared);
    worker = MAX (worker, sizes.worker);
  }
  infer->exec.worker_stride = dml_mem_round (worker);
  infer->exec.shared = dml_mem_alloc (shared, 1, error);
  if (infer->exec.shared == NULL)
    return FALSE;
  infer->exec.worker =
    dml_mem_alloc (dml_threads_max (), infer->exec.worker_stride, error);
  infer->n_bytes += shared + dml_threads_max () * infer->exec.worker_stride;
  return infer->exec.worker != NULL;
}

static DmlInfer *
infer_new (const DmlGraph *graph, size_t batch, unsigned n_threads,
           gboolean apart, GError **error)
{
  g_autoptr (DmlInfer) infer = g_new0 (DmlInfer, 1);

  infer->graph = dml_graph_clone (graph);
  infer->exec.kernels = dml_kernels ();
  infer->exec.n_threads = n_threads;
  infer->exec.mode = DML_EXEC_INFER;
  infer->exec.data = g_new0 (void *, graph->values->len);
  if (!dml_graph_infer (infer->graph, batch, error) ||
      !infer_place_values (infer, apart, error) ||
      !infer_scratch (infer, error))
    return NULL;
  return g_steal_pointer (&infer);
}

DmlInfer *
dml_infer_new (const DmlGraph *graph, size_t batch, unsigned n_threads,
               GError **error)
{
  return infer_new (graph, batch, n_threads, FALSE, error);
}

DmlInfer *
dml_infer_new_apart (const DmlGraph *graph, size_t batch, unsigned n_threads,
                     GError **error)
{
  return infer_new (graph, batch, n_threads, TRUE, error);
}

void
dml_infer_free (DmlInfer *infer)
{
  if (infer == NULL)
    return;
  dml_mem_free (infer->arena);
  dml_mem_free (infer->exec.shared);
  dml_mem_free (infer->exec.worker);
  g_free (infer->exec.data);
  dml_graph_free (infer->graph);
  g_free (infer);
}

void
dml_infer_run (DmlInfer *infer)
{
  for (unsigned i = 0; i < infer->graph->nodes->len; i++) {
    const DmlNode *node = dml_graph_node (infer->graph, i);

    if (dml_node_runs (node))
      node->op->forward (node, &infer->exec);
  }
}

static const DmlValue *
infer_in (const DmlInfer *infer, unsigned i)
{
  return g_ptr_array_index (infer->graph->inputs, i);
}

static const DmlValue *
infer_out (const DmlInfer *infer, unsigned i)
{
  return g_ptr_array_index (infer->graph->outputs, i);
}

void *
dml_infer_input (DmlInfer *infer, unsigned i)
{
  return infer->exec.data[infer_in (infer, i)->index];
}

const DmlShape *
dml_infer_input_shape (const DmlInfer *infer, unsigned i)
{
  return &infer_in (infer, i)->shape;
}

const void *
dml_infer_output (const DmlInfer *infer, unsigned i)
{
  return infer->exec.data[infer_out (infer, i)->index];
}

const DmlShape *
dml_infer_output_shape (const DmlInfer *infer, unsigned i)
{
  return &infer_out (infer, i)->shape;
}

DmlDtype
dml_infer_output_dtype (const DmlInfer *infer, unsigned i)
{
  return infer_out (infer, i)->dtype;
}

size_t
dml_infer_memory (const DmlInfer *infer)
{
  return infer->n_bytes;
}
