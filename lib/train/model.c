/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The network that is trained. */
#include "train/model.h"
#include "base/error.h"
#include "base/rng.h"
#include "image/preprocess.h"
#include "nn/arch/arch.h"
#include "nn/passes/passes.h"

#include <string.h>

#define STREAM_WEIGHTS 0x776569u

static const float imagenet_mean[] = { 0.485f, 0.456f, 0.406f };
static const float imagenet_std[] = { 0.229f, 0.224f, 0.225f };

static gboolean
read_pool (const char *name, DmlArchPool *pool, GError **error)
{
  static const char *const names[] = { "average", "gem", "flatten" };

  for (unsigned i = 0; i < G_N_ELEMENTS (names); i++)
    if (strcmp (name, names[i]) == 0) {
      *pool = (DmlArchPool) i;
      return TRUE;
    }
  return dml_fail (error, INVALID,
                   "pool: '%s' is not one of average, gem, flatten", name);
}

/* Lets `to` hold the very weights of `from`, found by their names. */
static void
share_weights (const DmlGraph *from, DmlGraph *to)
{
  for (guint i = 0; i < to->values->len; i++) {
    DmlValue *value = dml_graph_value_at (to, i);
    const DmlValue *same = dml_graph_find (from, value->name);

    if (!(value->flags & (DML_VALUE_PARAM | DML_VALUE_STATISTIC)))
      continue;
    g_assert (same != NULL && same->constant != NULL);
    dml_tensor_unref (value->constant);
    value->constant = dml_tensor_ref (same->constant);
  }
}

static gboolean
build (DmlModel *model, const DmlTrainSettings *s, GError **error)
{
  /* What dml_arch_build() calls the layers after the pooling. */
  static const char *const head[] = { "embed.weight", "embed.bias",
                                      "neck.weight" };
  DmlArchOptions options = DML_ARCH_OPTIONS_DEFAULT;
  DmlValue *features;
  DmlRng rng;

  options.channels = model->channels;
  options.height = model->height;
  options.width = model->width;
  options.width_factor = s->width;
  options.dim = (int) s->embedding;
  options.neck = strcmp (s->neck, "none") != 0;
  options.normalise = FALSE;
  if (!read_pool (s->pool, &options.pool, error))
    return FALSE;
  dml_rng_init (&rng, s->seed, STREAM_WEIGHTS);
  model->graph = dml_arch_build (s->arch, &options, &rng, error);
  if (model->graph == NULL)
    return FALSE;
  for (size_t i = 0; i < G_N_ELEMENTS (head); i++)
    g_hash_table_add (model->head, g_strdup (head[i]));
  options.normalise = TRUE;
  dml_rng_init (&rng, s->seed, STREAM_WEIGHTS);
  model->encoder = dml_arch_build (s->arch, &options, &rng, error);
  if (model->encoder == NULL)
    return FALSE;
  features = dml_graph_find (model->encoder, "features");
  if (features != NULL) {
    g_ptr_array_remove (model->encoder->outputs, features);
    dml_graph_sweep (model->encoder);
  }
  share_weights (model->graph, model->encoder);
  model->output = g_strdup ("embedding");
  if (strcmp (s->neck, "split") == 0)
    model->before = g_strdup ("features");
  model->pool_built = model->neck_built = TRUE;
  return TRUE;
}

/* The graph that came from a file, with unit rows. */
static gboolean
normalise_clone (DmlModel *model, GError **error)
{
  g_autofree char *name = g_strconcat (model->prefix, "unit", NULL);
  DmlGraph *graph = dml_graph_clone (model->graph);
  DmlValue *in = dml_graph_find (graph, model->output);
  DmlNode *node;

  model->encoder = graph;
  node = dml_graph_add_node (graph, NULL, "LpNormalization", name, &in, 1, NULL,
                             1, error);
  if (node == NULL)
    return FALSE;
  dml_attrs_set_int (node->attrs, "axis", 1);
  dml_attrs_set_int (node->attrs, "p", 2);
  g_ptr_array_set_size (graph->outputs, 0);
  return dml_graph_add_output (graph, node->out[0], error) &&
         dml_graph_finish (graph, error);
}

DmlModel *
dml_model_new (const DmlTrainSettings *s, size_t batch, GError **error)
{
  g_autoptr (DmlModel) model = g_new0 (DmlModel, 1);
  const DmlTrainParam *params;
  size_t n;

  model->batch = batch;
  model->d = s->embedding;
  model->width = model->height = (int) s->input;
  model->channels = 3;
  memcpy (model->mean, imagenet_mean, sizeof model->mean);
  memcpy (model->std, imagenet_std, sizeof model->std);
  model->head = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  if (!dml_fit_parse (s->fit, &model->fit, error))
    return NULL;
  if (*s->init != '\0' ? !dml_model_from_file (model, s, error) ||
                           !normalise_clone (model, error)
                       : !build (model, s, error))
    return NULL;
  model->train =
    dml_train_new (model->graph, batch, (unsigned) s->threads, s->seed, error);
  if (model->train == NULL)
    return NULL;
  model->out = dml_train_find_output (model->train, model->output);
  model->out_before = model->before != NULL
                        ? dml_train_find_output (model->train, model->before)
                        : -1;
  params = dml_train_params (model->train, &n);
  for (size_t i = 0; i < n; i++)
    model->n_weights += params[i].n;
  return g_steal_pointer (&model);
}

void
dml_model_free (DmlModel *model)
{
  if (model == NULL)
    return;
  dml_train_free (model->train);
  dml_graph_free (model->encoder);
  dml_graph_free (model->graph);
  g_clear_pointer (&model->head, g_hash_table_unref);
  g_free (model->output);
  g_free (model->before);
  g_free (model);
}

DmlGraph *
dml_model_encoder_graph (const DmlModel *model)
{
  return dml_graph_clone (model->encoder);
}

DmlGraph *
dml_model_written_graph (const DmlModel *model, GError **error)
{
  g_autoptr (DmlGraph) graph = dml_graph_clone (model->encoder);

  return dml_graph_merge_branches (graph, error) ? g_steal_pointer (&graph)
                                                 : NULL;
}
