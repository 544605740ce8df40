/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The inference executor.
 *
 * Made once for a batch size: a clone of the graph is inferred for it, every
 * value that is not a constant gets a place in one arena, views lie where their
 * input lies, in-place operators write over an input that dies there. Running
 * is a loop over the nodes and allocates nothing. */
#include "nn/exec.h"
#include "nn/planner.h"

#include <string.h>

#define NOWHERE G_MAXUINT

struct _DmlInfer {
  DmlGraph *graph; /* a clone, inferred for the batch */
  DmlExec exec;
  uint8_t *arena;
  size_t n_bytes;
};

/* Who lies where, while planning. Step 0 is before the first node, node i runs
 * at step i + 1, outputs stay until after the last. */
typedef struct {
  const DmlGraph *graph;
  gboolean apart;      /* no sharing of any kind */
  unsigned *last_read; /* by value: the step of its last reader, or 0 */
  unsigned *root;      /* by value: the one whose place it has, or NOWHERE */
  unsigned *first;     /* by root: steps that its place is taken, */
  unsigned *last;      /* over all values that lie there so far */
} Places;

/* Nodes whose results inference knows do not run. */
static gboolean
node_runs (const DmlNode *node)
{
  for (unsigned i = 0; i < node->n_out; i++)
    if (node->out[i] != NULL && node->out[i]->known == NULL)
      return TRUE;
  return FALSE;
}

static gboolean
is_data (const DmlValue *value)
{
  return value != NULL && value->known == NULL && value->constant == NULL;
}

static void
find_last_reads (Places *p)
{
  for (unsigned i = 0; i < p->graph->nodes->len; i++) {
    const DmlNode *node = dml_graph_node (p->graph, i);

    for (unsigned k = 0; node_runs (node) && k < node->n_in; k++)
      if (node->in[k] != NULL)
        p->last_read[node->in[k]->index] = i + 1;
  }
  for (unsigned i = 0; i < p->graph->outputs->len; i++) {
    const DmlValue *value = g_ptr_array_index (p->graph->outputs, i);

    p->last_read[value->index] = p->graph->nodes->len + 1;
  }
}

/* Whether output 0 may be written over input 0: the node says so, and it is the
 * last to read what lies there. */
static gboolean
may_overwrite (const Places *p, const DmlNode *node)
{
  const unsigned root = p->root[node->in[0]->index];

  if (!(node->op->flags & DML_OP_INPLACE) || p->last[root] > node->index + 1 ||
      node->in[0]->dtype != node->out[0]->dtype ||
      !dml_shape_equal (dml_node_in_shape (node, 0),
                        dml_node_out_shape (node, 0)))
    return FALSE;
  for (unsigned k = 1; k < node->n_in; k++)
    if (is_data (node->in[k]) && p->root[node->in[k]->index] == root &&
        node->in[k] != node->in[0])
      return FALSE; /* the same place in another shape */
  return TRUE;
}

static void
place_output (Places *p, const DmlNode *node, unsigned k)
{
  const DmlValue *value = node->out[k];
  const unsigned v = value->index;

  if (k == 0 && !p->apart && node->n_in > 0 && is_data (node->in[0]) &&
      ((node->op->flags & DML_OP_VIEW) || may_overwrite (p, node))) {
    p->root[v] = p->root[node->in[0]->index];
  } else {
    p->root[v] = v;
    p->first[v] = p->last[v] = node->index + 1;
  }
  p->last[p->root[v]] = MAX (p->last[p->root[v]], p->last_read[v]);
}

static void
find_places (Places *p)
{
  find_last_reads (p);
  for (unsigned i = 0; i < p->graph->values->len; i++)
    p->root[i] = NOWHERE;
  for (unsigned i = 0; i < p->graph->inputs->len; i++) {
    const DmlValue *value = g_ptr_array_index (p->graph->inputs, i);

    p->root[value->index] = value->index;
    p->last[value->index] = p->last_read[value->index];
  }
  for (unsigned i = 0; i < p->graph->nodes->len; i++) {
    const DmlNode *node = dml_graph_node (p->graph, i);

    for (unsigned k = 0; node_runs (node) && k < node->n_out; k++)
      if (is_data (node->out[k]))
        place_output (p, node, k);
  }
}

static gboolean
infer_plan (DmlInfer *infer, const Places *p, GError **error)
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
    else if (p->root[i] != NOWHERE)
      infer->exec.data[i] = infer->arena + items[item_of[p->root[i]]].offset;
  }
  return TRUE;
}

static gboolean
infer_place_values (DmlInfer *infer, gboolean apart, GError **error)
{
  const unsigned n = infer->graph->values->len;
  g_autofree unsigned *numbers = g_new0 (unsigned, 4 * (size_t) n);
  Places p = { .graph = infer->graph,
               .apart = apart,
               .last_read = numbers,
               .root = numbers + n,
               .first = numbers + 2 * (size_t) n,
               .last = numbers + 3 * (size_t) n };

  find_places (&p);
  return infer_plan (infer, &p, error);
}

static gboolean
infer_scratch (DmlInfer *infer, GError **error)
{
  size_t shared = 0, worker = 0;

  for (unsigned i = 0; i < infer->graph->nodes->len; i++) {
    const DmlNode *node = dml_graph_node (infer->graph, i);
    DmlOpSizes sizes = { 0 };

    if (node->op->sizes != NULL && node_runs (node))
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

    if (node_runs (node))
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
