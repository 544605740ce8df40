/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The training executor. */
#include "nn/exec.h"

#include <string.h>

struct _DmlTrain {
  DmlGraph *graph; /* a clone, inferred for the batch */
  DmlExec exec;
  gboolean *wants;    /* by value->index: has a gradient */
  void **owned;       /* by value->index */
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
    if (!wanted)
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

static gboolean
train_place_values (DmlTrain *train, GError **error)
{
  DmlGraph *graph = train->graph;

  for (unsigned i = 0; i < graph->values->len; i++) {
    DmlValue *value = dml_graph_value_at (graph, i);
    const DmlTensor *t = value->known ? value->known : value->constant;
    size_t n;

    if (!dml_shape_count (&value->shape, value->dtype, &n))
      continue;
    if (t != NULL) {
      train->exec.data[i] = t->data;
    } else {
      train->owned[i] = dml_mem_alloc (n, dml_dtype_size (value->dtype), error);
      if (train->owned[i] == NULL)
        return FALSE;
      train->exec.data[i] = train->owned[i];
      train->n_bytes += n * dml_dtype_size (value->dtype);
    }
    if (!train->wants[i])
      continue;
    train->exec.grad[i] = dml_mem_new0 (float, n, error);
    if (train->exec.grad[i] == NULL)
      return FALSE;
    if (t == NULL)
      train->n_bytes += n * sizeof (float);
  }
  return TRUE;
}

static gboolean
train_scratch (DmlTrain *train, GError **error)
{
  size_t shared = 0, worker = 0;

  for (unsigned i = 0; i < train->graph->nodes->len; i++) {
    const DmlNode *node = dml_graph_node (train->graph, i);
    DmlOpSizes sizes = { 0 };

    if (node->op->sizes != NULL)
      node->op->sizes (node, TRUE, &sizes);
    shared = MAX (shared, sizes.shared);
    worker = MAX (worker, sizes.worker);
    train->exec.kept[i] = dml_mem_alloc0 (sizes.kept, 1, error);
    if (train->exec.kept[i] == NULL)
      return FALSE;
    train->n_bytes += sizes.kept;
  }
  train->exec.worker_stride = dml_mem_round (worker);
  train->exec.shared = dml_mem_alloc (shared, 1, error);
  train->exec.worker =
    dml_mem_alloc (dml_threads_max (), train->exec.worker_stride, error);
  train->n_bytes += shared + dml_threads_max () * train->exec.worker_stride;
  return train->exec.shared != NULL && train->exec.worker != NULL;
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

DmlTrain *
dml_train_new (const DmlGraph *graph, size_t batch, unsigned n_threads,
               uint64_t seed, GError **error)
{
  g_autoptr (DmlTrain) train = g_new0 (DmlTrain, 1);
  const size_t n_values = graph->values->len;

  train->graph = dml_graph_clone (graph);
  train->exec.n_threads = n_threads;
  train->exec.kernels = dml_kernels ();
  train->exec.seed = seed;
  train->exec.data = g_new0 (void *, n_values);
  train->exec.grad = g_new0 (float *, n_values);
  train->exec.kept = g_new0 (void *, graph->nodes->len);
  train->owned = g_new0 (void *, n_values);
  train->wants = g_new0 (gboolean, n_values);
  train->params = g_array_new (FALSE, FALSE, sizeof (DmlTrainParam));
  train->statistics = g_array_new (FALSE, FALSE, sizeof (DmlStatistic));
  if (!dml_graph_infer (train->graph, batch, error) ||
      !train_find_gradients (train, error) ||
      !train_place_values (train, error) || !train_scratch (train, error))
    return NULL;
  train_list_params (train);
  return g_steal_pointer (&train);
}

void
dml_train_free (DmlTrain *train)
{
  if (train == NULL)
    return;
  for (unsigned i = 0; i < train->graph->values->len; i++) {
    dml_mem_free (train->owned[i]);
    dml_mem_free (train->exec.grad[i]);
  }
  for (unsigned i = 0; i < train->graph->nodes->len; i++)
    dml_mem_free (train->exec.kept[i]);
  dml_mem_free (train->exec.shared);
  dml_mem_free (train->exec.worker);
  g_free (train->exec.data);
  g_free (train->exec.grad);
  g_free (train->exec.kept);
  g_free (train->owned);
  g_free (train->wants);
  g_array_unref (train->params);
  g_array_unref (train->statistics);
  dml_graph_free (train->graph);
  g_free (train);
}

static gboolean
node_is_done (const DmlNode *node)
{
  for (unsigned i = 0; i < node->n_out; i++)
    if (node->out[i] != NULL && node->out[i]->known == NULL)
      return FALSE;
  return TRUE;
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

void
dml_train_forward (DmlTrain *train, DmlExecMode mode, uint64_t step)
{
  train->exec.mode = mode;
  train->exec.step = step;
  for (unsigned i = 0; i < train->graph->nodes->len; i++) {
    const DmlNode *node = dml_graph_node (train->graph, i);

    if (!node_is_done (node))
      node->op->forward (node, &train->exec);
  }
  for (unsigned i = 0; i < train->graph->values->len; i++) {
    const DmlValue *value = dml_graph_value_at (train->graph, i);
    size_t n;

    if (value->constant == NULL && train->exec.grad[i] != NULL &&
        dml_shape_count (&value->shape, value->dtype, &n))
      memset (train->exec.grad[i], 0, n * sizeof (float));
  }
}

void
dml_train_backward (DmlTrain *train)
{
  for (unsigned i = train->graph->nodes->len; i-- > 0;) {
    const DmlNode *node = dml_graph_node (train->graph, i);

    if (node->op->backward != NULL && node->out[0] != NULL &&
        train->exec.grad[node->out[0]->index] != NULL)
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
