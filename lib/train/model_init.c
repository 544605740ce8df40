/* SPDX-License-Identifier: LGPL-2.1-or-later
 * A network to fine-tune, from an ONNX file: its trunk as it is, a new head (or
 * its own, where the embedding keeps its size), frozen batch norm, layers
 * frozen by globs of their weights' names. */
#include "train/model.h"
#include "base/error.h"
#include "base/rng.h"
#include "encoder/encoder.h"
#include "nn/arch/builder.h"

#include <string.h>

#define STREAM_HEAD 0x68656164u
#define NAMES_SHOWN 12

/* ---- finding the end of the trunk ---- */

static gboolean
is_op (const DmlNode *node, const char *name)
{
  return node != NULL && strcmp (node->op_name, name) == 0;
}

/* What leads from the trunk's numbers to the embedding: unit length, batch norm
 * behind the linear layer. None of it is kept; a head makes its own. */
static DmlValue *
strip_norm (DmlValue *value)
{
  while (is_op (value->producer, "LpNormalization") ||
         is_op (value->producer, "Identity"))
    value = value->producer->in[0];
  return value;
}

static DmlValue *
strip_head (DmlValue *value)
{
  value = strip_norm (value);
  if (is_op (value->producer, "BatchNormalization") && value->shape.rank == 2)
    value = value->producer->in[0];
  if (is_op (value->producer, "Gemm"))
    value = value->producer->in[0];
  return value;
}

/* Max, Pow, GlobalAveragePool, Pow, as a file spells the generalised mean: back
 * to the one operator that can be trained through. NULL: it is not that. */
static DmlValue *
find_gem_input (DmlValue *value, float *exponent)
{
  const DmlNode *root = value->producer, *pool, *power, *floor_node;
  const DmlTensor *p;

  if (!is_op (root, "Pow"))
    return NULL;
  pool = root->in[0]->producer;
  if (!is_op (pool, "GlobalAveragePool"))
    return NULL;
  power = pool->in[0]->producer;
  if (!is_op (power, "Pow"))
    return NULL;
  floor_node = power->in[0]->producer;
  p = power->in[1]->known ? power->in[1]->known : power->in[1]->constant;
  if (!(is_op (floor_node, "Max") || is_op (floor_node, "Clip")) || p == NULL ||
      p->dtype != DML_F32 || p->n != 1)
    return NULL;
  *exponent = *(const float *) p->data;
  return floor_node->in[0];
}

/* A beginning that no name in the graph has, for what is added: an encoder that
 * was made from another one has names of ours already. */
static void
choose_prefix (const DmlGraph *graph, char *prefix, size_t size)
{
  gboolean taken = TRUE;

  for (guint n = 1; taken; n++) {
    g_snprintf (prefix, size, n > 1 ? "dml%u." : "dml.", n);
    taken = FALSE;
    for (guint i = 0; i < graph->values->len && !taken; i++)
      taken = g_str_has_prefix (dml_graph_value_at (graph, i)->name, prefix);
  }
}

static gboolean
restore_gem (DmlGraph *graph, DmlBuilder *b, const char *prefix)
{
  g_autofree char *exponent_name = g_strconcat (prefix, "pool.p", NULL);

  for (guint i = 0; i < graph->nodes->len; i++) {
    DmlValue *out = dml_graph_node (graph, i)->out[0], *in, *gem;
    float exponent;

    if (out == NULL || (in = find_gem_input (out, &exponent)) == NULL)
      continue;
    gem = dml_build_gem_pool (b, in, "%spool", prefix);
    if (gem == NULL)
      return FALSE;
    *(float *) dml_graph_find (graph, exponent_name)->constant->data = exponent;
    dml_graph_redirect (graph, out, gem);
    return TRUE;
  }
  return TRUE;
}

/* ---- a head ---- */

/* From any map or row to N x D, not normalised. */
static DmlValue *
build_head (DmlModel *model, const DmlTrainSettings *s, DmlBuilder *b,
            DmlValue *features, gboolean keep)
{
  const int64_t c = features->shape.dim[1];
  const char *ours = model->prefix;
  g_autofree char *neck = NULL;

  if (features->shape.rank == 4) {
    model->pool_built =
      features->shape.dim[2] != 1 || features->shape.dim[3] != 1;
    if (model->pool_built)
      features =
        strcmp (s->pool, "gem") == 0
          ? dml_build_gem_pool (b, features, "%spool", ours)
          : dml_build_simple (b, "GlobalAveragePool", features, "%spool", ours);
    features = dml_build_simple (b, "Flatten", features, "%sflat", ours);
  }
  if (keep)
    return features;
  model->neck_built = TRUE;
  features =
    dml_build_linear (b, features, (int) c, (int) model->d, "%shead", ours);
  g_hash_table_add (model->head, g_strconcat (ours, "head.weight", NULL));
  g_hash_table_add (model->head, g_strconcat (ours, "head.bias", NULL));
  if (strcmp (s->neck, "none") == 0)
    return features;
  neck = g_strconcat (ours, "neck", NULL);
  features = dml_build_batchnorm (b, features, (int) model->d, 1, "%s", neck);
  dml_build_freeze_bias (b, neck);
  g_hash_table_add (model->head, g_strconcat (neck, ".weight", NULL));
  return features;
}

/* What goes into the neck, where the head ends in one: a file's own head has
 * one where it was trained with it. */
static DmlValue *
find_before_neck (const DmlValue *embedding)
{
  const DmlNode *node = embedding->producer;

  return is_op (node, "BatchNormalization") ? node->in[0] : NULL;
}

/* ---- what stays as it is ---- */

static gboolean
glob_matches (char *const *globs, const char *name)
{
  for (guint i = 0; globs[i] != NULL; i++)
    if (*globs[i] != '\0' && g_pattern_match_simple (globs[i], name))
      return TRUE;
  return FALSE;
}

/* Some of the names that a glob could fit; all of a file are too many to read.
 * (transfer full) */
static char *
some_names (const DmlGraph *graph)
{
  GString *names = g_string_new (NULL);
  guint n = 0;

  for (guint i = 0; i < graph->values->len; i++) {
    const DmlValue *value = dml_graph_value_at (graph, i);

    if (!(value->flags & DML_VALUE_PARAM))
      continue;
    if (n++ < NAMES_SHOWN)
      g_string_append_printf (names, "%s%s", n > 1 ? ", " : "", value->name);
  }
  if (n > NAMES_SHOWN)
    g_string_append_printf (names, " and %u more", n - NAMES_SHOWN);
  return g_string_free (names, FALSE);
}

static gboolean
freeze (DmlGraph *graph, const DmlTrainSettings *s, const char *ours,
        GError **error)
{
  g_auto (GStrv) globs = g_strsplit (s->freeze, ",", -1);
  guint n_hits = 0, n_trained = 0;

  for (guint i = 0; globs[i] != NULL; i++)
    g_strstrip (globs[i]);
  for (guint i = 0; s->freeze_norm && i < graph->nodes->len; i++) {
    const DmlNode *node = dml_graph_node (graph, i);

    for (unsigned k = 1; is_op (node, "BatchNormalization") && k < node->n_in;
         k++)
      if (!g_str_has_prefix (node->in[k]->name, ours))
        node->in[k]->flags |= DML_VALUE_FROZEN;
  }
  for (guint i = 0; i < graph->values->len; i++) {
    DmlValue *value = dml_graph_value_at (graph, i);

    if (!(value->flags & (DML_VALUE_PARAM | DML_VALUE_STATISTIC)))
      continue;
    if (glob_matches (globs, value->name)) {
      value->flags |= DML_VALUE_FROZEN;
      n_hits++;
    }
    n_trained +=
      (value->flags & DML_VALUE_PARAM) && !(value->flags & DML_VALUE_FROZEN);
  }
  if (*s->freeze != '\0' && n_hits == 0) {
    g_autofree char *names = some_names (graph);

    return dml_fail (error, INVALID,
                     "freeze: no weight's name fits '%s'; %s calls them %s",
                     s->freeze, s->init, names);
  }
  return n_trained > 0 ||
         dml_fail (error, INVALID, "freeze: nothing is left to train");
}

/* ---- all of it ---- */

static gboolean
take_traits (DmlModel *model, const DmlTrainSettings *s, DmlGraph *graph,
             const DmlTraits *traits, GError **error)
{
  const DmlShape *in = &((DmlValue *) graph->inputs->pdata[0])->declared;
  DmlShape shape = *in;

  memcpy (model->mean, traits->input.mean, sizeof model->mean);
  memcpy (model->std, traits->input.std, sizeof model->std);
  if (graph->inputs->len != 1 || in->rank != 4 || in->dim[1] != 3)
    return dml_fail (error, UNSUPPORTED,
                     "%s: one input N x 3 x H x W is needed to train it",
                     s->init);
  model->channels = 3;
  shape.dim[2] = in->dim[2] > 0 ? in->dim[2] : (int64_t) s->input;
  shape.dim[3] = in->dim[3] > 0 ? in->dim[3] : (int64_t) s->input;
  if (shape.dim[2] != (int64_t) s->input || shape.dim[3] != (int64_t) s->input)
    return dml_fail (
      error, INVALID, "input: %u; %s takes %u x %u pixels and no others",
      (guint) s->input, s->init, (guint) in->dim[3], (guint) in->dim[2]);
  model->width = model->height = (int) s->input;
  return dml_graph_set_input_shape (graph, 0, &shape, error);
}

static DmlValue *
first_embedding (DmlGraph *graph)
{
  for (guint i = 0; i < graph->outputs->len; i++) {
    DmlValue *value = graph->outputs->pdata[i];

    if (value->dtype == DML_F32 &&
        (value->shape.rank == 2 || value->shape.rank == 4))
      return value;
  }
  return NULL;
}

gboolean
dml_model_from_file (DmlModel *model, const DmlTrainSettings *s, GError **error)
{
  g_autoptr (GHashTable) metadata = NULL;
  g_autoptr (DmlGraph) graph =
    dml_encoder_read_graph (s->init, &metadata, error);
  DmlTraits traits = { 0 };
  DmlValue *out, *features, *before = NULL;
  DmlRng rng;
  DmlBuilder b = { graph, &rng, NULL };
  gboolean ok, keep;

  if (graph == NULL)
    return FALSE;
  ok = dml_traits_parse (&traits, metadata, error) &&
       take_traits (model, s, graph, &traits, error) &&
       dml_graph_infer (graph, 2, error);
  dml_traits_clear (&traits);
  if (!ok)
    return FALSE;
  out = first_embedding (graph);
  if (out == NULL)
    return dml_fail (error, UNSUPPORTED, "%s: no output of rank 2 or 4",
                     s->init);
  dml_rng_init (&rng, s->seed, STREAM_HEAD);
  choose_prefix (graph, model->prefix, sizeof model->prefix);
  keep = out->shape.rank == 2 && out->shape.dim[1] == (int64_t) model->d;
  features = keep ? strip_norm (out) : strip_head (out);
  dml_graph_mark_params (graph);
  features = build_head (model, s, &b, features, keep);
  ok = features != NULL && restore_gem (graph, &b, model->prefix);
  if (b.error != NULL) {
    g_propagate_prefixed_error (error, b.error, "%s: ", s->init);
    return FALSE;
  }
  if (!ok)
    return FALSE;
  if (strcmp (s->neck, "split") == 0)
    before = find_before_neck (features);
  g_ptr_array_set_size (graph->outputs, 0);
  if (!dml_graph_add_output (graph, features, error) ||
      (before != NULL && !dml_graph_add_output (graph, before, error)))
    return FALSE;
  model->output = g_strdup (features->name);
  if (before != NULL)
    model->before = g_strdup (before->name);
  dml_graph_forget (graph);
  if (!dml_graph_finish (graph, error)) /* sorted, which sweeping asks for */
    return FALSE;
  dml_graph_sweep (graph);
  if (!freeze (graph, s, model->prefix, error))
    return FALSE;
  model->graph = g_steal_pointer (&graph);
  return TRUE;
}
