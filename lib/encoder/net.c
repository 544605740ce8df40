/* SPDX-License-Identifier: LGPL-2.1-or-later
 * From any graph to one that takes an image and gives an embedding, or words
 * about why it cannot. */
#include "base/error.h"
#include "encoder/encoder.h"
#include "nn/exec.h"
#include "nn/passes/passes.h"

DmlNet *
dml_net_ref (DmlNet *net)
{
  g_atomic_int_inc (&net->refs);
  return net;
}

void
dml_net_unref (DmlNet *net)
{
  if (net == NULL || !g_atomic_int_dec_and_test (&net->refs))
    return;
  dml_graph_free (net->graph);
  g_free (net);
}

/* ---- input ---- */

static gboolean
is_channels (int64_t dim)
{
  return dim == 1 || dim == 3;
}

/* The declared shape as N x C x H x W with every free size settled. */
static gboolean
net_input_size (DmlNet *net, const DmlValue *input, const DmlTraits *traits,
                GError **error)
{
  const DmlShape *shape = &input->declared;
  g_autofree char *text = dml_shape_to_string (shape);
  g_autofree char *name = dml_error_quote (input->name);
  const int64_t wanted[] = { traits->input.height, traits->input.width };
  int64_t size[2];

  if (input->dtype != DML_F32)
    return dml_fail (error, UNSUPPORTED,
                     "input \"%s\" is %s, expected float32; convert the model",
                     name, dml_dtype_name (input->dtype));
  if (shape->rank == 4 && is_channels (shape->dim[3]) &&
      !is_channels (shape->dim[1]) && shape->dim[1] != DML_DIM_FREE)
    return dml_fail (
      error, UNSUPPORTED,
      "input \"%s\" is %s, that is NHWC; expected N x 3 x H x W. "
      "Export it from PyTorch, or put a Transpose in front",
      name, text);
  if (shape->rank != 4 ||
      (shape->dim[1] != DML_DIM_FREE && !is_channels (shape->dim[1])))
    return dml_fail (error, UNSUPPORTED,
                     "input \"%s\" is %s, expected an image N x 3 x H x W or "
                     "N x 1 x H x W",
                     name, text);
  for (int i = 0; i < 2; i++) {
    size[i] = shape->dim[2 + i] != DML_DIM_FREE ? shape->dim[2 + i] : wanted[i];
    if (size[i] == 0)
      return dml_fail (error, UNSUPPORTED,
                       "input \"%s\" is %s without a size; say it in the "
                       "metadata key dml.input, such as 224x224",
                       name, text);
    if (wanted[i] != 0 && wanted[i] != size[i])
      return dml_fail (error, FORMAT,
                       "metadata dml.input is %dx%d, but input \"%s\" is %s",
                       traits->input.width, traits->input.height, name, text);
    if (size[i] > DML_PREPROCESS_MAX_SIDE)
      return dml_fail (error, LIMIT,
                       "input \"%s\" is %s; at most %d pixels a side", name,
                       text, DML_PREPROCESS_MAX_SIDE);
  }
  net->channels = shape->dim[1] == 1 ? 1 : 3;
  net->height = (int) size[0];
  net->width = (int) size[1];
  return TRUE;
}

static gboolean
net_settle_input (DmlNet *net, const DmlTraits *traits, GError **error)
{
  GPtrArray *inputs = net->graph->inputs;

  if (inputs->len != 1) {
    g_autofree char *a =
      dml_error_quote (((DmlValue *) g_ptr_array_index (inputs, 0))->name);
    g_autofree char *b =
      dml_error_quote (((DmlValue *) g_ptr_array_index (inputs, 1))->name);

    return dml_fail (error, UNSUPPORTED,
                     "has %u inputs (\"%s\", \"%s\" ...); expected one image",
                     inputs->len, a, b);
  }
  if (!net_input_size (net, g_ptr_array_index (inputs, 0), traits, error))
    return FALSE;
  return dml_graph_set_input_shape (
    net->graph, 0,
    &DML_SHAPE (DML_DIM_FREE, net->channels, net->height, net->width), error);
}

/* ---- output ---- */

/* N x D, or N x D x 1 x 1; any batch. */
static gboolean
is_embedding (const DmlValue *value)
{
  const DmlShape *shape = &value->shape;

  if (value->dtype != DML_F32 || shape->rank < 2 || shape->dim[1] < 1)
    return FALSE;
  for (int i = 2; i < shape->rank; i++)
    if (shape->dim[i] != 1)
      return FALSE;
  return TRUE;
}

/* Keeps the first output that is an embedding and what it needs. */
static gboolean
net_settle_output (DmlNet *net, size_t batch, GError **error)
{
  GPtrArray *outputs = net->graph->outputs;
  DmlValue *chosen = NULL;

  for (guint i = 0; i < outputs->len && chosen == NULL; i++)
    if (is_embedding (g_ptr_array_index (outputs, i)))
      chosen = g_ptr_array_index (outputs, i);
  if (chosen == NULL || chosen->shape.dim[0] != (int64_t) batch) {
    const DmlValue *first = chosen ? chosen : g_ptr_array_index (outputs, 0);
    g_autofree char *name = dml_error_quote (first->name);
    g_autofree char *text = dml_shape_to_string (&first->shape);

    return dml_fail (error, UNSUPPORTED,
                     "output \"%s\" is %s %s for a batch of %zu; expected "
                     "float32 N x D. Take off what follows the embedding",
                     name, dml_dtype_name (first->dtype), text, batch);
  }
  if (chosen->shape.dim[1] > DML_ENCODER_MAX_DIM)
    return dml_fail (error, LIMIT,
                     "embeddings of %" G_GINT64_FORMAT " floats; at most %d",
                     chosen->shape.dim[1], DML_ENCODER_MAX_DIM);
  net->dim = (size_t) chosen->shape.dim[1];
  g_ptr_array_set_size (outputs, 0);
  g_ptr_array_add (outputs, chosen);
  dml_graph_sweep (net->graph);
  return TRUE;
}

/* A file of a few bytes can ask for any activation; real ones have a few MiB.
 */
static gboolean
net_check_sizes (const DmlNet *net, GError **error)
{
  for (guint i = 0; i < net->graph->values->len; i++) {
    const DmlValue *value = dml_graph_value_at (net->graph, i);
    size_t n = 0;

    if (value->known == NULL && value->constant == NULL &&
        dml_shape_count (&value->shape, value->dtype, &n) &&
        n * dml_dtype_size (value->dtype) > DML_ENCODER_MAX_VALUE) {
      g_autofree char *name = dml_error_quote (value->name);
      g_autofree char *text = dml_shape_to_string (&value->shape);

      return dml_fail (error, LIMIT,
                       "value \"%s\" is %s; at most %zu MiB for one picture",
                       name, text, DML_ENCODER_MAX_VALUE >> 20);
    }
  }
  return TRUE;
}

/* Whether the graph really takes any batch: exporters freeze the batch into
 * Reshape and still declare it free. */
static gboolean
net_takes_two (const DmlNet *net)
{
  g_autoptr (DmlGraph) trial = dml_graph_clone (net->graph);
  const DmlValue *out = g_ptr_array_index (trial->outputs, 0);

  return dml_graph_infer (trial, 2, NULL) && is_embedding (out) &&
         out->shape.dim[0] == 2 && out->shape.dim[1] == (int64_t) net->dim;
}

DmlNet *
dml_net_new (DmlGraph *graph, const DmlTraits *traits, GError **error)
{
  g_autoptr (DmlNet) net = g_new0 (DmlNet, 1);
  size_t batch;

  net->refs = 1;
  net->graph = graph;
  net->fixed_batch = dml_graph_fixed_batch (graph);
  batch = MAX (net->fixed_batch, 1);
  if (!net_settle_input (net, traits, error) ||
      !dml_graph_infer (graph, batch, error) ||
      !net_settle_output (net, batch, error) || !net_check_sizes (net, error))
    return NULL;
  if (net->fixed_batch == 0 && !net_takes_two (net))
    net->fixed_batch = 1;
  return g_steal_pointer (&net);
}

gboolean
dml_net_optimise (DmlNet *net, GError **error)
{
  return dml_graph_optimise (net->graph,
                             net->fixed_batch ? net->fixed_batch : 2, error);
}
