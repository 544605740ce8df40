/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The training executor.
 *
 * Values, their gradients and what operators keep lie in one arena, planned
 * over a whole step forward and back: a value stays as long as something reads
 * it, in backward too where the operator says so (backward_in, backward_out),
 * and no longer. Running allocates nothing. */
#include "nn/exec.h"
#include "nn/places.h"
#include "nn/planner.h"

#include <string.h>

struct _DmlTrain {
  DmlGraph *graph; /* a clone, inferred for the batch */
  DmlExec exec;
  gboolean *wants;    /* by value->index: has a gradient */
  unsigned *clear_at; /* by value->index: the step before which its gradient is
                         cleared, 0 where that is not the executor's */
  uint8_t *arena;     /* values, their gradients, what operators keep */
  GArray *params;     /* of DmlTrainParam */
  GArray *statistics; /* of DmlStatistic */
  size_t n_bytes;
};

static gboolean
value_is_trained (const DmlValue *value)
{
  return (value->flags & DML_VALUE_PARAM) && !(value->flags & DML_VALUE_FROZEN);
}

/* A value has a gradient if a parameter lies behind it. */
static gboolean
train_find_gradients (DmlTrain *train, GError **error)
{
  DmlGraph *graph = train->graph;

  for (unsigned i = 0; i < graph->values->len; i++)
    train->wants[i] = value_is_trained (dml_graph_value_at (graph, i));
  for (unsigned i = 0; i < graph->nodes->len; i++) {
    const DmlNode *node = dml_graph_node (graph, i);
    gboolean wanted = FALSE;

    for (unsigned k = 0; k < node->n_in; k++)
      wanted |= node->in[k] != NULL && train->wants[node->in[k]->index];
    /* A shape says nothing about the numbers: what inference knows has no
     * gradient, nor has anything but float32. */
    if (!wanted || !dml_node_runs (node) || node->out[0]->dtype != DML_F32)
      continue;
    if (node->op->backward == NULL)
      return dml_node_fail (node, error, UNSUPPORTED,
                            "cannot be trained through: this operator has no "
                            "backward; freeze what lies before it");
    for (unsigned k = 0; k < node->n_out; k++)
      if (node->out[k] != NULL && node->out[k]->dtype == DML_F32)
        train->wants[node->out[k]->index] = TRUE;
  }
  return TRUE;
}

/* --- places
 * -------------------------------------------------------------------
 *
 * A step of training: node i runs forward at step i + 1, the caller looks at
 * the outputs and writes their gradients at step n + 1, node i runs backward at
 * step 2 n + 1 - i. */

static unsigned
step_of_backward (const DmlTrain *train, unsigned node)
{
  return 2 * train->graph->nodes->len + 1 - node;
}

static gboolean
node_goes_back (const DmlTrain *train, const DmlNode *node)
{
  for (unsigned k = 0; k < node->n_out; k++)
    if (node->out[k] != NULL && train->wants[node->out[k]->index])
      return TRUE;
  return FALSE;
}

static void
read_at (DmlPlaces *p, const DmlValue *value, unsigned step)
{
  if (value != NULL)
    p->last_read[value->index] = MAX (p->last_read[value->index], step);
}

static void
find_last_reads (const DmlTrain *train, DmlPlaces *p)
{
  const DmlGraph *graph = train->graph;
  const unsigned end = 2 * graph->nodes->len + 1;

  for (unsigned i = 0; i < graph->nodes->len; i++) {
    const DmlNode *node = dml_graph_node (graph, i);
    const unsigned back = step_of_backward (train, i);

    if (!dml_node_runs (node))
      continue;
    for (unsigned k = 0; k < node->n_in; k++) {
      read_at (p, node->in[k], i + 1);
      if (k < 8 && node_goes_back (train, node) &&
          (node->op->backward_in >> k & 1))
        read_at (p, node->in[k], back);
    }
    for (unsigned k = 0; k < MIN (node->n_out, 8); k++)
      if (node_goes_back (train, node) && (node->op->backward_out >> k & 1))
        read_at (p, node->out[k], back);
  }
  for (unsigned i = 0; i < graph->inputs->len; i++)
    read_at (p, g_ptr_array_index (graph->inputs, i), end);
  for (unsigned i = 0; i < graph->outputs->len; i++)
    read_at (p, g_ptr_array_index (graph->outputs, i), end);
}

/* When the gradient of a value is first written: backward of its last reader,
 * or by the caller. 0 if never. */
static unsigned
first_gradient (const DmlTrain *train, const DmlValue *value,
                const unsigned *last_reader)
{
  if (g_ptr_array_find (train->graph->outputs, value, NULL))
    return train->graph->nodes->len + 1;
  return last_reader[value->index];
}

/* The items of the arena, and which pointers they are for. */
typedef struct {
  DmlPlanItem *items;
  void ***where;
  size_t n;
} Arena;

static void
arena_add (Arena *arena, void *where, size_t size, unsigned first,
           unsigned last)
{
  arena->items[arena->n] =
    (DmlPlanItem){ .size = size, .first = first, .last = last };
  arena->where[arena->n++] = where;
}

static size_t
value_bytes (const DmlValue *value)
{
  return dml_shape_span (&value->shape, 0, value->shape.rank) *
         dml_dtype_size (value->dtype);
}

static void
arena_add_data (const DmlTrain *train, const DmlPlaces *p, Arena *arena)
{
  for (unsigned i = 0; i < train->graph->values->len; i++)
    if (p->root[i] == i)
      arena_add (arena, &train->exec.data[i],
                 value_bytes (dml_graph_value_at (train->graph, i)),
                 p->first[i], p->last[i]);
}

/* Gradients of values live from the first that is added to backward of the node
 * that made the value; that node's reader clears them. */
static void
arena_add_gradients (DmlTrain *train, Arena *arena)
{
  const DmlGraph *graph = train->graph;
  g_autofree unsigned *last_reader = g_new0 (unsigned, graph->values->len);

  for (unsigned i = 0; i < graph->nodes->len; i++) {
    const DmlNode *node = dml_graph_node (graph, i);

    for (unsigned k = 0; node_goes_back (train, node) && k < node->n_in; k++)
      if (node->in[k] != NULL)
        last_reader[node->in[k]->index] = step_of_backward (train, i);
  }
  for (unsigned i = 0; i < graph->values->len; i++) {
    const DmlValue *value = dml_graph_value_at (graph, i);

    train->clear_at[i] = 0;
    if (!train->wants[i] || value->producer == NULL)
      continue;
    train->clear_at[i] = first_gradient (train, value, last_reader);
    if (train->clear_at[i] == 0) /* nobody adds to it, yet it may be read */
      train->clear_at[i] = step_of_backward (train, value->producer->index);
    arena_add (arena, &train->exec.grad[i], value_bytes (value),
               train->clear_at[i],
               step_of_backward (train, value->producer->index));
  }
}

static void
arena_add_kept (DmlTrain *train, Arena *arena)
{
  for (unsigned i = 0; i < train->graph->nodes->len; i++) {
    const DmlNode *node = dml_graph_node (train->graph, i);
    DmlOpSizes sizes = { 0 };

    if (node->op->sizes != NULL && dml_node_runs (node))
      node->op->sizes (node, TRUE, &sizes);
    arena_add (arena, &train->exec.kept[i], sizes.kept, i + 1,
               node_goes_back (train, node) ? step_of_backward (train, i)
                                            : i + 1);
  }
}

static gboolean
train_plan (DmlTrain *train, gboolean apart, GError **error)
{
  const DmlGraph *graph = train->graph;
  const size_t most = 2 * graph->values->len + graph->nodes->len;
  g_autofree DmlPlanItem *items = g_new0 (DmlPlanItem, most);
  g_autofree void ***where = g_new0 (void **, most);
  g_autoptr (DmlPlaces) p = dml_places_new (graph);
  Arena arena = { items, where, 0 };
  size_t size;

  p->training = TRUE;
  p->apart = apart;
  find_last_reads (train, p);
  dml_places_find (p);
  arena_add_data (train, p, &arena);
  arena_add_gradients (train, &arena);
  arena_add_kept (train, &arena);
  for (size_t i = 0; apart && i < arena.n; i++) {
    items[i].first = 0;
    items[i].last = G_MAXUINT;
  }
  if (!dml_plan (items, arena.n, &size) || size > DML_EXEC_MAX_BYTES)
    return dml_fail (error, LIMIT,
                     "training with a batch of %zu would need more than %zu "
                     "bytes",
                     graph->batch, DML_EXEC_MAX_BYTES);
  train->arena = dml_mem_alloc (size, 1, error);
  if (train->arena == NULL)
    return FALSE;
  dml_mem_advise_huge (train->arena, size);
  train->n_bytes = size;
  for (size_t i = 0; i < arena.n; i++)
    *where[i] = train->arena + items[i].offset;
  for (unsigned i = 0; i < graph->values->len; i++) {
    const DmlValue *value = dml_graph_value_at (graph, i);
    const DmlTensor *t = value->known ? value->known : value->constant;

    if (t != NULL)
      train->exec.data[i] = t->data;
    else if (p->root[i] != DML_NOWHERE)
      train->exec.data[i] = train->exec.data[p->root[i]];
  }
  return TRUE;
}

/* What outlives a step: gradients of parameters, states of operators; and the
 * scratch memory. */
static gboolean
train_allocate (DmlTrain *train, GError **error)
{
  size_t shared = 0, worker = 0;

  for (unsigned i = 0; i < train->graph->values->len; i++) {
    const DmlValue *value = dml_graph_value_at (train->graph, i);

    if (!train->wants[i] || value->producer != NULL)
      continue;
    train->exec.grad[i] = dml_mem_new0 (float, value->constant->n, error);
    if (train->exec.grad[i] == NULL)
      return FALSE;
  }
  for (unsigned i = 0; i < train->graph->nodes->len; i++) {
    const DmlNode *node = dml_graph_node (train->graph, i);
    DmlOpSizes sizes = { 0 };

    if (node->op->sizes != NULL && dml_node_runs (node))
      node->op->sizes (node, TRUE, &sizes);
    shared = MAX (shared, sizes.shared);
    worker = MAX (worker, sizes.worker);
    train->exec.state[i] = dml_mem_alloc0 (sizes.state, 1, error);
    if (train->exec.state[i] == NULL)
      return FALSE;
    train->n_bytes += sizes.state;
  }
  train->exec.worker_stride = dml_mem_round (worker);
  train->exec.shared = dml_mem_alloc (shared, 1, error);
  if (train->exec.shared == NULL)
    return FALSE;
  train->exec.worker =
    dml_mem_alloc (dml_threads_max (), train->exec.worker_stride, error);
  train->n_bytes += shared + dml_threads_max () * train->exec.worker_stride;
  return train->exec.worker != NULL;
}

static void
train_list_params (DmlTrain *train)
{
  for (unsigned i = 0; i < train->graph->values->len; i++) {
    const DmlValue *value = dml_graph_value_at (train->graph, i);

    if (value->constant == NULL)
      continue;
    if (value_is_trained (value)) {
      const DmlTrainParam param = { .name = value->name,
                                    .data = value->constant->data,
                                    .grad = train->exec.grad[i],
                                    .n = value->constant->n,
                                    .shape = &value->constant->shape,
                                    .flags = value->flags };

      g_array_append_val (train->params, param);
    } else if (value->flags & DML_VALUE_STATISTIC) {
      const DmlStatistic statistic = { .name = value->name,
                                       .data = value->constant->data,
                                       .n = value->constant->n };

      g_array_append_val (train->statistics, statistic);
    }
  }
}

static DmlTrain *
train_new (const DmlGraph *graph, size_t batch, unsigned n_threads,
           uint64_t seed, gboolean apart, GError **error)
{
  g_autoptr (DmlTrain) train = g_new0 (DmlTrain, 1);
  size_t n_values, n_nodes;

  train->graph = dml_graph_clone (graph);
  dml_graph_sweep (train->graph); /* what leads nowhere has no gradient */
  n_values = train->graph->values->len;
  n_nodes = train->graph->nodes->len;
  train->exec.n_threads = n_threads;
  train->exec.kernels = dml_kernels ();
  train->exec.seed = seed;
  train->exec.data = g_new0 (void *, n_values);
  train->exec.grad = g_new0 (float *, n_values);
  train->exec.kept = g_new0 (void *, n_nodes);
  train->exec.state = g_new0 (void *, n_nodes);
  train->wants = g_new0 (gboolean, n_values);
  train->clear_at = g_new0 (unsigned, n_values);
  train->params = g_array_new (FALSE, FALSE, sizeof (DmlTrainParam));
  train->statistics = g_array_new (FALSE, FALSE, sizeof (DmlStatistic));
  if (!dml_graph_infer (train->graph, batch, error) ||
      !train_find_gradients (train, error) ||
      !train_plan (train, apart, error) || !train_allocate (train, error))
    return NULL;
  train_list_params (train);
  return g_steal_pointer (&train);
}

DmlTrain *
dml_train_new (const DmlGraph *graph, size_t batch, unsigned n_threads,
               uint64_t seed, GError **error)
{
  return train_new (graph, batch, n_threads, seed, FALSE, error);
}

DmlTrain *
dml_train_new_apart (const DmlGraph *graph, size_t batch, unsigned n_threads,
                     uint64_t seed, GError **error)
{
  return train_new (graph, batch, n_threads, seed, TRUE, error);
}

void
dml_train_free (DmlTrain *train)
{
  if (train == NULL)
    return;
  for (unsigned i = 0; i < train->graph->values->len; i++)
    if (dml_graph_value_at (train->graph, i)->producer == NULL)
      dml_mem_free (train->exec.grad[i]);
  for (unsigned i = 0; i < train->graph->nodes->len; i++)
    dml_mem_free (train->exec.state[i]);
  dml_mem_free (train->arena);
  dml_mem_free (train->exec.shared);
  dml_mem_free (train->exec.worker);
  g_free (train->exec.data);
  g_free (train->exec.grad);
  g_free (train->exec.kept);
  g_free (train->exec.state);
  g_free (train->clear_at);
  g_free (train->wants);
  g_array_unref (train->params);
  g_array_unref (train->statistics);
  dml_graph_free (train->graph);
  g_free (train);
}

static const DmlValue *
train_in (const DmlTrain *train, unsigned i)
{
  return g_ptr_array_index (train->graph->inputs, i);
}

static const DmlValue *
train_out (const DmlTrain *train, unsigned i)
{
  return g_ptr_array_index (train->graph->outputs, i);
}

static void
clear_gradient (const DmlTrain *train, const DmlValue *value, unsigned step)
{
  if (value != NULL && train->clear_at[value->index] == step)
    memset (train->exec.grad[value->index], 0, value_bytes (value));
}

void
dml_train_forward (DmlTrain *train, DmlExecMode mode, uint64_t step)
{
  train->exec.mode = mode;
  train->exec.step = step;
  for (unsigned i = 0; i < train->graph->nodes->len; i++) {
    const DmlNode *node = dml_graph_node (train->graph, i);

    if (dml_node_runs (node))
      node->op->forward (node, &train->exec);
  }
  for (unsigned i = 0; i < train->graph->outputs->len; i++)
    clear_gradient (train, train_out (train, i), train->graph->nodes->len + 1);
}

void
dml_train_backward (DmlTrain *train)
{
  for (unsigned i = train->graph->nodes->len; i-- > 0;) {
    const DmlNode *node = dml_graph_node (train->graph, i);

    if (!node_goes_back (train, node))
      continue;
    for (unsigned k = 0; k < node->n_in; k++)
      clear_gradient (train, node->in[k], step_of_backward (train, i));
    for (unsigned k = 0; k < node->n_out; k++)
      clear_gradient (train, node->out[k], step_of_backward (train, i));
    node->op->backward (node, &train->exec);
  }
}

void
dml_train_zero_grad (DmlTrain *train)
{
  for (guint i = 0; i < train->params->len; i++) {
    const DmlTrainParam *param =
      &g_array_index (train->params, DmlTrainParam, i);

    memset (param->grad, 0, param->n * sizeof (float));
  }
}

float *
dml_train_input (DmlTrain *train, unsigned i)
{
  return train->exec.data[train_in (train, i)->index];
}

unsigned
dml_train_n_outputs (const DmlTrain *train)
{
  return train->graph->outputs->len;
}

int
dml_train_find_output (const DmlTrain *train, const char *name)
{
  for (unsigned i = 0; i < train->graph->outputs->len; i++)
    if (strcmp (train_out (train, i)->name, name) == 0)
      return (int) i;
  return -1;
}

const float *
dml_train_output (const DmlTrain *train, unsigned i)
{
  return train->exec.data[train_out (train, i)->index];
}

const DmlShape *
dml_train_output_shape (const DmlTrain *train, unsigned i)
{
  return &train_out (train, i)->shape;
}

float *
dml_train_output_grad (DmlTrain *train, unsigned i)
{
  return train->exec.grad[train_out (train, i)->index];
}

DmlTrainParam *
dml_train_params (DmlTrain *train, size_t *n)
{
  *n = train->params->len;
  return (DmlTrainParam *) train->params->data;
}

DmlStatistic *
dml_train_statistics (DmlTrain *train, size_t *n)
{
  *n = train->statistics->len;
  return (DmlStatistic *) train->statistics->data;
}

void
dml_train_estimate_begin (DmlTrain *train)
{
  for (unsigned i = 0; i < train->graph->nodes->len; i++) {
    const DmlNode *node = dml_graph_node (train->graph, i);

    if (node->op->estimate_begin != NULL)
      node->op->estimate_begin (node, &train->exec);
  }
}

void
dml_train_estimate_end (DmlTrain *train)
{
  for (unsigned i = 0; i < train->graph->nodes->len; i++) {
    const DmlNode *node = dml_graph_node (train->graph, i);

    if (node->op->estimate_end != NULL)
      node->op->estimate_end (node, &train->exec);
  }
}

size_t
dml_train_memory (const DmlTrain *train)
{
  return train->n_bytes;
}
