/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The inference executor. */
#include "nn/exec.h"

struct _DmlInfer {
  DmlGraph *graph; /* a clone, inferred for the batch */
  DmlExec exec;
  void **owned; /* by value->index */
  size_t n_bytes;
};

static gboolean
infer_place_values (DmlInfer *infer, GError **error)
{
  DmlGraph *graph = infer->graph;

  for (unsigned i = 0; i < graph->values->len; i++) {
    DmlValue *value = dml_graph_value_at (graph, i);
    const DmlTensor *t = value->known ? value->known : value->constant;
    size_t n;

    if (t != NULL) {
      infer->exec.data[i] = t->data;
      continue;
    }
    if (!dml_shape_count (&value->shape, value->dtype, &n))
      continue; /* an optional output that nobody reads */
    infer->owned[i] = dml_mem_alloc (n, dml_dtype_size (value->dtype), error);
    if (infer->owned[i] == NULL)
      return FALSE;
    infer->exec.data[i] = infer->owned[i];
    infer->n_bytes += n * dml_dtype_size (value->dtype);
  }
  return TRUE;
}

static gboolean
infer_scratch (DmlInfer *infer, GError **error)
{
  size_t shared = 0, worker = 0;

  for (unsigned i = 0; i < infer->graph->nodes->len; i++) {
    const DmlNode *node = dml_graph_node (infer->graph, i);
    DmlOpSizes sizes = { 0 };

    if (node->op->sizes != NULL)
      node->op->sizes (node, FALSE, &sizes);
    shared = MAX (shared, sizes.shared);
    worker = MAX (worker, sizes.worker);
  }
  infer->exec.worker_stride = dml_mem_round (worker);
  infer->exec.shared = dml_mem_alloc (shared, 1, error);
  infer->exec.worker =
    dml_mem_alloc (dml_threads_max (), infer->exec.worker_stride, error);
  infer->n_bytes += shared + dml_threads_max () * infer->exec.worker_stride;
  return infer->exec.shared != NULL && infer->exec.worker != NULL;
}

DmlInfer *
dml_infer_new (const DmlGraph *graph, size_t batch, unsigned n_threads,
               GError **error)
{
  g_autoptr (DmlInfer) infer = g_new0 (DmlInfer, 1);

  infer->graph = dml_graph_clone (graph);
  infer->exec.n_threads = n_threads;
  infer->exec.kernels = dml_kernels ();
  infer->exec.mode = DML_EXEC_INFER;
  infer->exec.data = g_new0 (void *, graph->values->len);
  infer->owned = g_new0 (void *, graph->values->len);
  if (!dml_graph_infer (infer->graph, batch, error) ||
      !infer_place_values (infer, error) || !infer_scratch (infer, error))
    return NULL;
  return g_steal_pointer (&infer);
}

void
dml_infer_free (DmlInfer *infer)
{
  if (infer == NULL)
    return;
  for (unsigned i = 0; i < infer->graph->values->len; i++)
    dml_mem_free (infer->owned[i]);
  dml_mem_free (infer->exec.shared);
  dml_mem_free (infer->exec.worker);
  g_free (infer->owned);
  g_free (infer->exec.data);
  dml_graph_free (infer->graph);
  g_free (infer);
}

static gboolean
node_is_done (const DmlNode *node)
{
  for (unsigned i = 0; i < node->n_out; i++)
    if (node->out[i] != NULL && node->out[i]->known == NULL)
      return FALSE;
  return TRUE;
}

void
dml_infer_run (DmlInfer *infer)
{
  for (unsigned i = 0; i < infer->graph->nodes->len; i++) {
    const DmlNode *node = dml_graph_node (infer->graph, i);

    if (!node_is_done (node))
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
