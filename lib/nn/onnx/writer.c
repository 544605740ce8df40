/* SPDX-License-Identifier: LGPL-2.1-or-later
 * A graph to ONNX. The structs of protobuf-c are filled with pointers into a
 * clone of the graph, so that weights are copied once, by packing. */
#include "base/file.h"
#include "kernels/kernels.h"
#include "nn/onnx/convert.h"
#include "nn/onnx/onnx.h"
#include "nn/op.h"
#include "nn/ops/pool_gem.h"

#include <dml/dml-version.h>
#include <math.h>
#include <string.h>

#define WRITER_INPUT "image"
#define WRITER_OUTPUT "embedding"

typedef struct {
  DmlGraph *graph; /* a clone of ours, with what is not written taken off */
  const DmlOnnxWrite *options;
  GPtrArray *owned;                /* g_free each: structs, names, arrays */
  GPtrArray *tensors;              /* of DmlTensor: made while writing */
  GPtrArray *nodes, *initialisers; /* of the protos, in owned */
} Writer;

static void *
keep (Writer *w, void *block)
{
  g_ptr_array_add (w->owned, block);
  return block;
}

#define keep_new(w, Type, init)                                                \
  ((Type *) memcpy (keep ((w), g_new (Type, 1)), &(const Type) init,           \
                    sizeof (Type)))

/* protobuf-c's structs are not const, but packing only reads. */
static char *
text (const char *constant)
{
  return (char *) constant;
}

static char **
keep_names (Writer *w, const char *const *names, size_t n)
{
  return keep (w, g_memdup2 (names, n * sizeof *names));
}

/* ---- names ---- */

/* A name that no value of the graph has. */
static char *
writer_fresh (Writer *w, const char *stem, const char *ending)
{
  char *name = g_strconcat (stem, ending, NULL);

  while (dml_graph_find (w->graph, name) != NULL) {
    char *longer = g_strconcat (name, "_", NULL);

    g_free (name);
    name = longer;
  }
  return keep (w, name);
}

static gboolean
writer_rename (Writer *w, DmlValue *value, const char *name)
{
  DmlValue *other = dml_graph_find (w->graph, name);

  if (other == value)
    return TRUE;
  if (other != NULL) {
    g_hash_table_remove (w->graph->by_name, other->name);
    g_free (other->name);
    other->name = g_strdup (writer_fresh (w, name, "_inner"));
    g_hash_table_insert (w->graph->by_name, other->name, other);
  }
  g_hash_table_remove (w->graph->by_name, value->name);
  g_free (value->name);
  value->name = g_strdup (name);
  g_hash_table_insert (w->graph->by_name, value->name, value);
  return TRUE;
}

/* Takes off what does not belong into an encoder's file, and gives it the two
 * names that one has. */
static gboolean
writer_choose (Writer *w, GError **error)
{
  DmlGraph *graph = w->graph;
  DmlValue *chosen = NULL;

  for (guint i = 0; i < graph->outputs->len; i++) {
    DmlValue *value = g_ptr_array_index (graph->outputs, i);

    if (strcmp (value->name, w->options->embedding) == 0)
      chosen = value;
  }
  if (chosen == NULL)
    return dml_fail (error, INVALID, "the graph has no output \"%s\"",
                     w->options->embedding);
  if (graph->inputs->len != 1)
    return dml_fail (error, INVALID, "the graph has %u inputs, expected one",
                     graph->inputs->len);
  g_ptr_array_set_size (graph->outputs, 0);
  g_ptr_array_add (graph->outputs, chosen);
  return writer_rename (w, g_ptr_array_index (graph->inputs, 0),
                        WRITER_INPUT) &&
         writer_rename (w, chosen, WRITER_OUTPUT);
}

/* ---- nodes ---- */

static void
writer_node (Writer *w, const char *op_type, const char *name,
             const char *const *in, size_t n_in, const char *const *out,
             size_t n_out, DmlOnnx__AttributeProto **attrs, size_t n_attrs)
{
  DmlOnnx__NodeProto *node =
    keep_new (w, DmlOnnx__NodeProto, DML_ONNX__NODE_PROTO__INIT);

  node->op_type = text (op_type);
  node->name = text (name);
  node->input = keep_names (w, in, n_in);
  node->n_input = n_in;
  node->output = keep_names (w, out, n_out);
  node->n_output = n_out;
  node->attribute = attrs;
  node->n_attribute = n_attrs;
  g_ptr_array_add (w->nodes, node);
}

static void
writer_tensor (Writer *w, DmlOnnx__TensorProto *proto, const DmlTensor *tensor,
               const char *name)
{
  dml_onnx_tensor_write (proto, tensor);
  keep (w, proto->dims);
  proto->name = text (name);
}

static DmlOnnx__AttributeProto *
writer_attr (Writer *w, const DmlAttr *attr)
{
  static const int32_t types[] = {
    [DML_ATTR_INT] = DML_ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT,
    [DML_ATTR_FLOAT] = DML_ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT,
    [DML_ATTR_STRING] = DML_ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING,
    [DML_ATTR_INTS] = DML_ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS,
    [DML_ATTR_FLOATS] = DML_ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOATS,
    [DML_ATTR_TENSOR] = DML_ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__TENSOR,
  };
  DmlOnnx__AttributeProto *proto =
    keep_new (w, DmlOnnx__AttributeProto, DML_ONNX__ATTRIBUTE_PROTO__INIT);

  proto->name = attr->name;
  proto->has_type = TRUE;
  proto->type = types[attr->type];
  proto->has_i = attr->type == DML_ATTR_INT;
  proto->i = attr->i;
  proto->has_f = attr->type == DML_ATTR_FLOAT;
  proto->f = attr->f;
  if (attr->type == DML_ATTR_STRING) {
    proto->has_s = TRUE;
    proto->s.data = (uint8_t *) attr->s;
    proto->s.len = strlen (attr->s);
  } else if (attr->type == DML_ATTR_INTS) {
    proto->n_ints = attr->n;
    proto->ints = attr->ints;
  } else if (attr->type == DML_ATTR_FLOATS) {
    proto->n_floats = attr->n;
    proto->floats = attr->floats;
  } else if (attr->type == DML_ATTR_TENSOR) {
    proto->t = keep_new (w, DmlOnnx__TensorProto, DML_ONNX__TENSOR_PROTO__INIT);
    writer_tensor (w, proto->t, attr->t, NULL);
  }
  return proto;
}

static void
writer_plain (Writer *w, const DmlNode *node)
{
  g_autofree const char **in = g_new (const char *, node->n_in + 1);
  g_autofree const char **out = g_new (const char *, node->n_out + 1);
  DmlOnnx__AttributeProto **attrs =
    keep (w, g_new (DmlOnnx__AttributeProto *, node->attrs->len + 1));

  for (unsigned i = 0; i < node->n_in; i++)
    in[i] = node->in[i] ? node->in[i]->name : "";
  for (unsigned i = 0; i < node->n_out; i++)
    out[i] = node->out[i] ? node->out[i]->name : "";
  for (guint i = 0; i < node->attrs->len; i++)
    attrs[i] = writer_attr (w, &g_array_index (node->attrs, DmlAttr, i));
  writer_node (w, node->op_name, node->name, in, node->n_in, out, node->n_out,
               attrs, node->attrs->len);
}

/* ---- constants ---- */

static void
writer_initialiser (Writer *w, const DmlTensor *tensor, const char *name)
{
  DmlOnnx__TensorProto *proto =
    keep_new (w, DmlOnnx__TensorProto, DML_ONNX__TENSOR_PROTO__INIT);

  writer_tensor (w, proto, tensor, name);
  g_ptr_array_add (w->initialisers, proto);
}

/* The tensor as float16, or NULL where it does not fit or pays nothing. Vectors
 * stay: they are small, and a variance of 1e-6 is no normal half. */
static DmlTensor *
writer_halve (const DmlTensor *tensor, GError **error)
{
  const float *x = tensor->data;
  DmlTensor *half;

  if (tensor->dtype != DML_F32 || tensor->shape.rank < 2)
    return NULL;
  for (size_t i = 0; i < tensor->n; i++)
    if (!(fabsf (x[i]) <= 65504.0f)) /* its largest; NaN neither */
      return NULL;
  half = dml_tensor_new (DML_F16, &tensor->shape, error);
  if (half != NULL)
    dml_kernels ()->f32_to_f16 (half->data, x, tensor->n);
  return half;
}

gboolean
dml_onnx_round_to_half (DmlGraph *graph, GError **error)
{
  for (guint i = 0; i < graph->values->len; i++) {
    DmlValue *value = dml_graph_value_at (graph, i);
    GError *failed = NULL;
    DmlTensor *half =
      value->constant ? writer_halve (value->constant, &failed) : NULL;
    DmlTensor *full =
      half ? dml_tensor_new (DML_F32, &half->shape, &failed) : NULL;

    if (full != NULL) {
      dml_kernels ()->f16_to_f32 (full->data, half->data, full->n);
      dml_tensor_unref (value->constant);
      value->constant = full;
    }
    g_clear_pointer (&half, dml_tensor_unref);
    if (failed != NULL) {
      g_propagate_error (error, failed);
      return FALSE;
    }
  }
  return TRUE;
}

static gboolean
writer_constant (Writer *w, const DmlValue *value, GError **error)
{
  const DmlTensor *tensor = value->constant;
  DmlTensor *half = NULL;
  GError *failed = NULL;

  if (w->options->half)
    half = writer_halve (tensor, &failed);
  if (failed != NULL) {
    g_propagate_error (error, failed);
    return FALSE;
  }
  if (half != NULL) {
    const char *name = writer_fresh (w, value->name, "_f16");
    DmlAttr to = { .name = text ("to"),
                   .type = DML_ATTR_INT,
                   .i = DML_ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT };
    DmlOnnx__AttributeProto **attrs =
      keep (w, g_new (DmlOnnx__AttributeProto *, 1));

    g_ptr_array_add (w->tensors, half);
    writer_initialiser (w, half, name);
    attrs[0] = writer_attr (w, &to);
    writer_node (w, "Cast", name, &name, 1, (const char *const *) &value->name,
                 1, attrs, 1);
    return TRUE;
  }
  writer_initialiser (w, tensor, value->name);
  return TRUE;
}

/* A constant of one number, for an expansion. */
static const char *
writer_scalar (Writer *w, const DmlNode *node, const char *ending, double value,
               GError **error)
{
  const float f = (float) value;
  const char *name = writer_fresh (w, node->out[0]->name, ending);
  DmlTensor *t = dml_tensor_new_from (DML_F32, &DML_SHAPE_SCALAR, &f, error);

  if (t == NULL)
    return NULL;
  g_ptr_array_add (w->tensors, t);
  writer_initialiser (w, t, name);
  return name;
}

/* ---- operators of ours ---- */

/* GeM: Max, Pow, GlobalAveragePool, Pow (ops/pool_gem.c). The exponent becomes
 * a number. */
static gboolean
writer_gem (Writer *w, const DmlNode *node, GError **error)
{
  const DmlTensor *t = node->in[1]->constant;
  const double p =
    t ? CLAMP ((double) *(const float *) t->data, GEM_P_MIN, GEM_P_MAX) : 3;
  const char *eps = writer_scalar (w, node, "_eps", GEM_EPS, error);
  const char *power = eps ? writer_scalar (w, node, "_p", p, error) : NULL;
  const char *root =
    power ? writer_scalar (w, node, "_root", 1 / p, error) : NULL;
  const char *out = node->out[0]->name;
  const char *z = writer_fresh (w, out, "_z"),
             *zp = writer_fresh (w, out, "_zp");
  const char *mean = writer_fresh (w, out, "_mean");

  if (root == NULL)
    return FALSE;
  writer_node (w, "Max", z, (const char *[]){ node->in[0]->name, eps }, 2, &z,
               1, NULL, 0);
  writer_node (w, "Pow", zp, (const char *[]){ z, power }, 2, &zp, 1, NULL, 0);
  writer_node (w, "GlobalAveragePool", mean, &zp, 1, &mean, 1, NULL, 0);
  writer_node (w, "Pow", node->name, (const char *[]){ mean, root }, 2, &out, 1,
               NULL, 0);
  return TRUE;
}

static const struct {
  const char *op_name;
  gboolean (*expand) (Writer *w, const DmlNode *node, GError **error);
} EXPANSIONS[] = {
  { "GeMPool", writer_gem },
};

static gboolean
writer_ours (Writer *w, const DmlNode *node, GError **error)
{
  for (size_t i = 0; i < G_N_ELEMENTS (EXPANSIONS); i++)
    if (strcmp (node->op_name, EXPANSIONS[i].op_name) == 0)
      return EXPANSIONS[i].expand (w, node, error);
  return dml_node_fail (node, error, UNSUPPORTED,
                        "has no form in ONNX's own operators");
}

/* ---- the whole ---- */

static DmlOnnx__ValueInfoProto *
writer_end (Writer *w, const DmlValue *value, const DmlShape *shape,
            gboolean free_batch)
{
  DmlOnnx__ValueInfoProto *info =
    keep_new (w, DmlOnnx__ValueInfoProto, DML_ONNX__VALUE_INFO_PROTO__INIT);
  DmlOnnx__TypeProto *type =
    keep_new (w, DmlOnnx__TypeProto, DML_ONNX__TYPE_PROTO__INIT);
  DmlOnnx__TypeProto__Tensor *tensor = keep_new (
    w, DmlOnnx__TypeProto__Tensor, DML_ONNX__TYPE_PROTO__TENSOR__INIT);
  DmlOnnx__TensorShapeProto *dims =
    keep_new (w, DmlOnnx__TensorShapeProto, DML_ONNX__TENSOR_SHAPE_PROTO__INIT);

  info->name = value->name;
  info->type = type;
  type->tensor_type = tensor;
  tensor->has_elem_type = TRUE;
  tensor->elem_type = dml_onnx_data_type (value->dtype);
  tensor->shape = dims;
  dims->n_dim = (size_t) shape->rank;
  dims->dim =
    keep (w, g_new (DmlOnnx__TensorShapeProto__Dimension *, dims->n_dim + 1));
  for (int i = 0; i < shape->rank; i++) {
    DmlOnnx__TensorShapeProto__Dimension *dim =
      keep_new (w, DmlOnnx__TensorShapeProto__Dimension,
                DML_ONNX__TENSOR_SHAPE_PROTO__DIMENSION__INIT);

    if (shape->dim[i] == DML_DIM_FREE || (i == 0 && free_batch)) {
      static const char *const names[] = { "n", "c", "h", "w" };

      dim->dim_param = text (i < 4 ? names[i] : "d");
    } else {
      dim->has_dim_value = TRUE;
      dim->dim_value = shape->dim[i];
    }
    dims->dim[i] = dim;
  }
  return info;
}

/* The values that something in the file will read: the rest was a parameter of
 * what is expanded, or of nothing. */
static void
writer_mark_read (const Writer *w, GHashTable *read)
{
  for (guint i = 0; i < w->graph->nodes->len; i++) {
    const DmlNode *node = dml_graph_node (w->graph, i);

    for (unsigned k = 0; !(node->op->flags & DML_OP_OURS) && k < node->n_in;
         k++)
      g_hash_table_add (read, node->in[k]);
  }
  for (guint i = 0; i < w->graph->outputs->len; i++)
    g_hash_table_add (read, g_ptr_array_index (w->graph->outputs, i));
}

static gboolean
writer_graph (Writer *w, DmlOnnx__GraphProto *proto, GError **error)
{
  const DmlGraph *graph = w->graph;
  const gboolean free_batch = dml_graph_fixed_batch (graph) == 0;
  g_autoptr (GHashTable) read = g_hash_table_new (NULL, NULL);

  writer_mark_read (w, read);
  for (guint i = 0; i < graph->values->len; i++) {
    const DmlValue *value = dml_graph_value_at (graph, i);

    if (value->constant != NULL && g_hash_table_contains (read, value) &&
        !writer_constant (w, value, error))
      return FALSE;
  }
  for (guint i = 0; i < graph->nodes->len; i++) {
    const DmlNode *node = dml_graph_node (graph, i);

    if (!(node->op->flags & DML_OP_OURS))
      writer_plain (w, node);
    else if (!writer_ours (w, node, error))
      return FALSE;
  }
  proto->name = text ("dml");
  proto->node = (DmlOnnx__NodeProto **) w->nodes->pdata;
  proto->n_node = w->nodes->len;
  proto->initializer = (DmlOnnx__TensorProto **) w->initialisers->pdata;
  proto->n_initializer = w->initialisers->len;
  proto->n_input = graph->inputs->len;
  proto->input =
    keep (w, g_new (DmlOnnx__ValueInfoProto *, graph->inputs->len + 1));
  for (guint i = 0; i < graph->inputs->len; i++) {
    const DmlValue *value = g_ptr_array_index (graph->inputs, i);

    proto->input[i] = writer_end (w, value, &value->declared, FALSE);
  }
  proto->n_output = graph->outputs->len;
  proto->output =
    keep (w, g_new (DmlOnnx__ValueInfoProto *, graph->outputs->len + 1));
  for (guint i = 0; i < graph->outputs->len; i++) {
    const DmlValue *value = g_ptr_array_index (graph->outputs, i);

    proto->output[i] = writer_end (w, value, &value->shape, free_batch);
  }
  return TRUE;
}

static int
key_order (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

static void
writer_metadata (Writer *w, DmlOnnx__ModelProto *model)
{
  g_autofree gpointer *keys = NULL;
  guint n;

  if (w->options->metadata == NULL)
    return;
  keys = g_hash_table_get_keys_as_array (w->options->metadata, &n);
  qsort (keys, n, sizeof *keys, key_order);
  model->n_metadata_props = n;
  model->metadata_props =
    keep (w, g_new (DmlOnnx__StringStringEntryProto *, n + 1));
  for (guint i = 0; i < n; i++) {
    DmlOnnx__StringStringEntryProto *entry =
      keep_new (w, DmlOnnx__StringStringEntryProto,
                DML_ONNX__STRING_STRING_ENTRY_PROTO__INIT);

    entry->key = keys[i];
    entry->value = g_hash_table_lookup (w->options->metadata, keys[i]);
    model->metadata_props[i] = entry;
  }
}

/* The IR version that an opset came with. */
static int
ir_version (int opset)
{
  return opset >= 21 ? 10 : opset >= 19 ? 9 : 8;
}

static GBytes *
writer_pack (const DmlOnnx__ModelProto *model, GError **error)
{
  const size_t n = dml_onnx__model_proto__get_packed_size (model);
  uint8_t *data;

  if (n > DML_ONNX_MAX_FILE)
    return dml_fail_null (error, LIMIT,
                          "%zu bytes; an ONNX file has at most %zu", n,
                          DML_ONNX_MAX_FILE);
  data = dml_mem_alloc (n, 1, error);
  if (data == NULL)
    return NULL;
  dml_onnx__model_proto__pack (model, data);
  return g_bytes_new_with_free_func (data, n, dml_mem_free, data);
}

static GBytes *
writer_run (Writer *w, GError **error)
{
  DmlOnnx__ModelProto model = DML_ONNX__MODEL_PROTO__INIT;
  DmlOnnx__GraphProto graph = DML_ONNX__GRAPH_PROTO__INIT;
  DmlOnnx__OperatorSetIdProto opset = DML_ONNX__OPERATOR_SET_ID_PROTO__INIT;
  DmlOnnx__OperatorSetIdProto *opsets[] = { &opset };
  const size_t batch = dml_graph_fixed_batch (w->graph);

  if (w->options->embedding != NULL && !writer_choose (w, error))
    return NULL;
  dml_graph_sweep (w->graph);
  if (!dml_graph_infer (w->graph, batch ? batch : 1, error) ||
      !writer_graph (w, &graph, error))
    return NULL;
  opset.domain = text ("");
  opset.has_version = TRUE;
  opset.version = w->graph->opset;
  model.has_ir_version = TRUE;
  model.ir_version = ir_version (w->graph->opset);
  model.producer_name = text ("dml");
  model.producer_version = text (DML_VERSION_STRING);
  model.graph = &graph;
  model.n_opset_import = 1;
  model.opset_import = opsets;
  writer_metadata (w, &model);
  return writer_pack (&model, error);
}

GBytes *
dml_onnx_write_bytes (const DmlGraph *graph, const DmlOnnxWrite *options,
                      GError **error)
{
  Writer w = {
    .graph = dml_graph_clone (graph),
    .options = options,
    .owned = g_ptr_array_new_with_free_func (g_free),
    .tensors =
      g_ptr_array_new_with_free_func ((GDestroyNotify) dml_tensor_unref),
    .nodes = g_ptr_array_new (),
    .initialisers = g_ptr_array_new (),
  };
  GBytes *bytes = writer_run (&w, error);

  g_ptr_array_unref (w.initialisers);
  g_ptr_array_unref (w.nodes);
  g_ptr_array_unref (w.tensors);
  g_ptr_array_unref (w.owned);
  dml_graph_free (w.graph);
  return bytes;
}

gboolean
dml_onnx_write_file (const DmlGraph *graph, const char *path,
                     const DmlOnnxWrite *options, GError **error)
{
  g_autoptr (GBytes) bytes = dml_onnx_write_bytes (graph, options, error);
  gsize n;
  gconstpointer data;

  if (bytes == NULL) {
    g_prefix_error (error, "%s: ", path);
    return FALSE;
  }
  data = g_bytes_get_data (bytes, &n);
  return dml_file_replace (path, data, n, error);
}
