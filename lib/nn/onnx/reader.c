/* SPDX-License-Identifier: LGPL-2.1-or-later
 * ONNX to a graph: names to values, attributes as they stand. What an attribute
 * or input means at which opset is each operator's own business (configure). */
#include "base/file.h"
#include "kernels/kernels.h"
#include "nn/onnx/convert.h"
#include "nn/onnx/onnx.h"
#include "nn/op.h"

#include <string.h>

/* Of a graph; real ones have one of each. */
#define READER_MAX_ENDS 256u

typedef struct {
  DmlGraph *graph;
  GHashTable *initialised; /* set of names */
  GHashTable *halves;      /* set of float16 constants that were unfolded */
} Reader;

static gboolean
is_onnx_domain (const char *domain)
{
  return domain == NULL || *domain == '\0' || strcmp (domain, "ai.onnx") == 0;
}

static gboolean
read_opset (const DmlOnnx__ModelProto *model, int *opset, GError **error)
{
  gint64 version = 0;

  for (size_t i = 0; i < model->n_opset_import; i++)
    if (is_onnx_domain (model->opset_import[i]->domain))
      version = MAX (version, model->opset_import[i]->version);
  if (version == 0)
    return dml_fail (error, FORMAT,
                     "names no operator set (opset_import) of ONNX's; expected "
                     "an ONNX model");
  if (version < DML_ONNX_MIN_OPSET || version > DML_ONNX_MAX_OPSET)
    return dml_fail (error, UNSUPPORTED,
                     "opset %" G_GINT64_FORMAT "; %d to %d are read. Export "
                     "the model again with opset_version=%d",
                     version, DML_ONNX_MIN_OPSET, DML_ONNX_MAX_OPSET,
                     DML_ONNX_WRITE_OPSET);
  *opset = (int) version;
  return TRUE;
}

/* ---- constants ---- */

static gboolean
read_initialisers (Reader *r, DmlOnnx__GraphProto *proto, GError **error)
{
  if (proto->n_sparse_initializer > 0)
    return dml_fail (error, UNSUPPORTED,
                     "has sparse initialisers; store them densely");
  for (size_t i = 0; i < proto->n_initializer; i++) {
    DmlOnnx__TensorProto *init = proto->initializer[i];
    g_autoptr (DmlTensor) tensor = dml_onnx_tensor_read (init, error);

    if (tensor == NULL)
      return FALSE;
    if (init->name == NULL || *init->name == '\0')
      return dml_fail (error, FORMAT, "initialiser %zu has no name", i);
    if (!dml_graph_add_constant (r->graph, init->name, tensor, 0, error))
      return FALSE;
    g_hash_table_add (r->initialised, init->name);
  }
  return TRUE;
}

/* ---- inputs and outputs ---- */

static gboolean
read_input_shape (const DmlOnnx__TypeProto *type, DmlShape *shape,
                  GError **error)
{
  const DmlOnnx__TensorShapeProto *proto = type->tensor_type->shape;

  if (proto == NULL)
    return dml_fail (error, UNSUPPORTED,
                     "has no shape; export the model with one");
  if (proto->n_dim > DML_MAX_RANK)
    return dml_fail (error, LIMIT, "%zu dimensions; at most %d are read",
                     proto->n_dim, DML_MAX_RANK);
  shape->rank = (int) proto->n_dim;
  for (size_t i = 0; i < proto->n_dim; i++) {
    const DmlOnnx__TensorShapeProto__Dimension *dim = proto->dim[i];

    /* Some exporters write -1, and a few 0, for "free". */
    shape->dim[i] =
      dim->has_dim_value && dim->dim_value > 0 ? dim->dim_value : DML_DIM_FREE;
    if (dim->has_dim_value && dim->dim_value < -1)
      return dml_fail (error, FORMAT, "dimension %zu is %" G_GINT64_FORMAT, i,
                       dim->dim_value);
    if (shape->dim[i] > G_MAXINT32)
      return dml_fail (error, LIMIT, "dimension %zu is %" G_GINT64_FORMAT, i,
                       dim->dim_value);
  }
  return TRUE;
}

static gboolean
read_input (Reader *r, const DmlOnnx__ValueInfoProto *info, GError **error)
{
  const DmlOnnx__TypeProto *type = info->type;
  DmlDtype dtype;
  DmlShape shape;

  if (type == NULL || type->tensor_type == NULL)
    return dml_fail (error, UNSUPPORTED, "is not a tensor");
  dtype = dml_onnx_dtype (type->tensor_type->elem_type);
  if (dtype == DML_DTYPE_NONE)
    return dml_fail (error, UNSUPPORTED, "element type %d (%s)",
                     type->tensor_type->elem_type,
                     dml_onnx_data_type_name (type->tensor_type->elem_type));
  return read_input_shape (type, &shape, error) &&
         dml_graph_add_input (r->graph, info->name, dtype, &shape, error);
}

static gboolean
read_inputs (Reader *r, const DmlOnnx__GraphProto *proto, GError **error)
{
  guint n = 0;

  for (size_t i = 0; i < proto->n_input; i++) {
    const DmlOnnx__ValueInfoProto *info = proto->input[i];

    if (info->name == NULL || *info->name == '\0')
      return dml_fail (error, FORMAT, "input %zu has no name", i);
    if (g_hash_table_contains (r->initialised, info->name))
      continue; /* up to IR version 3 every initialiser is an input as well */
    if (n++ == READER_MAX_ENDS)
      return dml_fail (error, LIMIT, "more than %u inputs", READER_MAX_ENDS);
    if (!read_input (r, info, error)) {
      g_autofree char *name = dml_error_quote (info->name);

      g_prefix_error (error, "input \"%s\": ", name);
      return FALSE;
    }
  }
  return TRUE;
}

static gboolean
read_outputs (Reader *r, const DmlOnnx__GraphProto *proto, GError **error)
{
  if (proto->n_output > READER_MAX_ENDS)
    return dml_fail (error, LIMIT, "more than %u outputs", READER_MAX_ENDS);
  for (size_t i = 0; i < proto->n_output; i++) {
    const char *name = proto->output[i]->name;
    DmlValue *value;

    if (name == NULL || *name == '\0')
      return dml_fail (error, FORMAT, "output %zu has no name", i);
    value = dml_graph_value (r->graph, name, error);
    if (value == NULL || !dml_graph_add_output (r->graph, value, error))
      return FALSE;
  }
  return TRUE;
}

/* ---- nodes ---- */

/* Old files leave the type out; what is filled in tells. */
static int32_t
attr_type (const DmlOnnx__AttributeProto *proto)
{
  if (proto->has_type && proto->type != 0)
    return proto->type;
  if (proto->has_f)
    return DML_ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT;
  if (proto->has_i)
    return DML_ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT;
  if (proto->has_s)
    return DML_ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING;
  if (proto->t != NULL)
    return DML_ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__TENSOR;
  if (proto->has_g)
    return DML_ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__GRAPH;
  if (proto->n_floats > 0)
    return DML_ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOATS;
  if (proto->n_strings > 0)
    return DML_ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRINGS;
  return DML_ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS;
}

static gboolean
read_attr (DmlNode *node, const DmlOnnx__AttributeProto *proto, GError **error)
{
  g_autofree char *name = dml_error_quote (proto->name);

  if (proto->name == NULL || *proto->name == '\0')
    return dml_node_fail (node, error, FORMAT, "an attribute without a name");
  if (dml_attrs_find (node->attrs, proto->name) != NULL)
    return dml_node_fail (node, error, FORMAT, "attribute %s stands twice",
                          name);
  switch (attr_type (proto)) {
  case DML_ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT:
    dml_attrs_set_float (node->attrs, proto->name, proto->f);
    return TRUE;
  case DML_ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT:
    dml_attrs_set_int (node->attrs, proto->name, proto->i);
    return TRUE;
  case DML_ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING: {
    g_autofree char *s = g_strndup ((const char *) proto->s.data, proto->s.len);

    dml_attrs_set_string (node->attrs, proto->name, s ? s : "");
    return TRUE;
  }
  case DML_ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS:
    dml_attrs_set_ints (node->attrs, proto->name, proto->ints, proto->n_ints);
    return TRUE;
  case DML_ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOATS:
    dml_attrs_set_floats (node->attrs, proto->name, proto->floats,
                          proto->n_floats);
    return TRUE;
  case DML_ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__TENSOR: {
    g_autoptr (DmlTensor) tensor = NULL;

    if (proto->t == NULL)
      return dml_node_fail (node, error, FORMAT, "attribute %s has no tensor",
                            name);
    tensor = dml_onnx_tensor_read (proto->t, error);
    if (tensor == NULL)
      return FALSE;
    dml_attrs_set_tensor (node->attrs, proto->name, tensor);
    return TRUE;
  }
  case DML_ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__GRAPH:
  case DML_ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__GRAPHS:
    return dml_node_fail (node, error, UNSUPPORTED,
                          "attribute %s is a graph; branches and loops are not "
                          "run",
                          name);
  default:
    return dml_node_fail (node, error, UNSUPPORTED,
                          "attribute %s is of type %d", name,
                          attr_type (proto));
  }
}

/* Names to values; "" is an optional one that is left out, and trailing ones
 * are dropped. Returns the length, or -1. */
static int
read_values (Reader *r, char *const *names, size_t n, DmlValue **values,
             GError **error)
{
  while (n > 0 && *names[n - 1] == '\0')
    n--;
  for (size_t i = 0; i < n; i++) {
    values[i] = NULL;
    if (*names[i] == '\0')
      continue;
    values[i] = dml_graph_value (r->graph, names[i], error);
    if (values[i] == NULL)
      return -1;
  }
  return (int) n;
}

/* A Constant is an initialiser that stands among the nodes. */
static gboolean
read_constant (Reader *r, const DmlOnnx__NodeProto *proto, DmlNode *node,
               GError **error)
{
  g_autoptr (DmlTensor) made = NULL;
  const DmlAttr *attr = NULL;

  if (proto->n_output != 1 || *proto->output[0] == '\0' || proto->n_input != 0)
    return dml_node_fail (node, error, FORMAT,
                          "%zu inputs and %zu outputs, expected 0 and 1",
                          proto->n_input, proto->n_output);
  if (node->attrs->len == 1)
    attr = &g_array_index (node->attrs, DmlAttr, 0);
  if (attr == NULL)
    return dml_node_fail (node, error, FORMAT, "%u attributes, expected one",
                          node->attrs->len);
  if (attr->type == DML_ATTR_TENSOR && strcmp (attr->name, "value") == 0)
    made = dml_tensor_ref (attr->t);
  else if (attr->type == DML_ATTR_FLOAT)
    made = dml_tensor_new_from (DML_F32, &DML_SHAPE_SCALAR, &attr->f, error);
  else if (attr->type == DML_ATTR_INT)
    made = dml_tensor_new_from (DML_I64, &DML_SHAPE_SCALAR, &attr->i, error);
  else if (attr->type == DML_ATTR_FLOATS)
    made = dml_tensor_new_from (DML_F32, &DML_SHAPE ((int64_t) attr->n),
                                attr->floats, error);
  else if (attr->type == DML_ATTR_INTS)
    made = dml_tensor_new_i64 (attr->ints, attr->n, error);
  else
    return dml_node_fail (node, error, UNSUPPORTED, "attribute %s", attr->name);
  return made != NULL &&
         dml_graph_add_constant (r->graph, proto->output[0], made, 0, error);
}

/* The float16 constant that a Cast to float32 reads, or NULL. */
static DmlValue *
cast_of_half (const Reader *r, const DmlOnnx__NodeProto *proto)
{
  DmlValue *half;

  if (g_strcmp0 (proto->op_type, "Cast") != 0 || proto->n_input != 1 ||
      proto->n_output != 1 || proto->n_attribute != 1 ||
      proto->attribute[0]->i != DML_ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT)
    return NULL;
  half = dml_graph_find (r->graph, proto->input[0]);
  return half != NULL && half->constant != NULL && half->dtype == DML_F16 &&
             !g_hash_table_contains (r->halves, half)
           ? half
           : NULL;
}

/* Weights stored as float16 with a Cast behind them, as our writer makes them:
 * unfolded here, once each, so that executors need not. A second Cast of the
 * same is left to inference and its budget: a small file must not become a
 * large graph. */
static gboolean
read_half (Reader *r, const DmlOnnx__NodeProto *proto, DmlValue *half,
           GError **error)
{
  g_autoptr (DmlTensor) full =
    dml_tensor_new (DML_F32, &half->constant->shape, error);

  if (full == NULL)
    return FALSE;
  dml_kernels ()->f16_to_f32 (full->data, half->constant->data, full->n);
  g_hash_table_add (r->halves, half);
  return dml_graph_add_constant (r->graph, proto->output[0], full, 0, error) !=
         NULL;
}

static gboolean
read_node (Reader *r, const DmlOnnx__NodeProto *proto, GError **error)
{
  g_autofree DmlValue **values = NULL;
  const char *op_type = proto->op_type ? proto->op_type : "";
  const char *domain = is_onnx_domain (proto->domain) ? "" : proto->domain;
  const gboolean constant = *domain == '\0' && !strcmp (op_type, "Constant");
  DmlValue *half = *domain == '\0' ? cast_of_half (r, proto) : NULL;
  int n_in = 0, n_out = 0;
  DmlNode *node;

  if (half != NULL)
    return read_half (r, proto, half, error);
  if (proto->n_input > DML_NODE_MAX_VALUES ||
      proto->n_output > DML_NODE_MAX_VALUES)
    return dml_fail (error, LIMIT, "a node has %zu inputs and %zu outputs",
                     proto->n_input, proto->n_output);
  values = g_new (DmlValue *, proto->n_input + proto->n_output + 1);
  if (!constant) {
    n_in = read_values (r, proto->input, proto->n_input, values, error);
    if (n_in < 0)
      return FALSE;
    n_out =
      read_values (r, proto->output, proto->n_output, values + n_in, error);
    if (n_out < 0)
      return FALSE;
  }
  node = dml_graph_add_node (r->graph, domain, op_type, proto->name, values,
                             (unsigned) n_in, values + n_in, (unsigned) n_out,
                             error);
  if (node == NULL)
    return FALSE;
  for (size_t i = 0; i < proto->n_attribute; i++)
    if (!read_attr (node, proto->attribute[i], error))
      return FALSE;
  if (!constant)
    return TRUE;
  if (!read_constant (r, proto, node, error))
    return FALSE;
  g_ptr_array_remove_index (r->graph->nodes, r->graph->nodes->len - 1);
  return TRUE;
}

/* ---- the whole ---- */

static gboolean
read_graph (Reader *r, DmlOnnx__GraphProto *proto, GError **error)
{
  if (!read_initialisers (r, proto, error) || !read_inputs (r, proto, error))
    return FALSE;
  for (size_t i = 0; i < proto->n_node; i++)
    if (!read_node (r, proto->node[i], error))
      return FALSE;
  return read_outputs (r, proto, error) && dml_graph_finish (r->graph, error);
}

static DmlOnnxMetadata *
read_metadata (const DmlOnnx__ModelProto *model)
{
  DmlOnnxMetadata *metadata =
    g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);

  for (size_t i = 0; i < model->n_metadata_props; i++) {
    const DmlOnnx__StringStringEntryProto *entry = model->metadata_props[i];

    if (entry->key != NULL && entry->value != NULL)
      g_hash_table_replace (metadata, g_strdup (entry->key),
                            g_strdup (entry->value));
  }
  return metadata;
}

static DmlGraph *
read_model (DmlOnnx__ModelProto *model, const char *name, GError **error)
{
  g_autoptr (DmlGraph) graph = NULL;
  g_autoptr (GHashTable) initialised =
    g_hash_table_new (g_str_hash, g_str_equal);
  g_autoptr (GHashTable) halves = g_hash_table_new (NULL, NULL);
  gboolean ok;
  int opset = 0;

  if (model->graph == NULL)
    return dml_fail_null (error, FORMAT,
                          "%s: has no graph; expected an ONNX model", name);
  ok = read_opset (model, &opset, error);
  if (ok) {
    Reader r = { .initialised = initialised, .halves = halves };

    r.graph = graph = dml_graph_new (name, opset);
    ok = read_graph (&r, model->graph, error);
  }
  if (!ok) {
    g_prefix_error (error, "%s: ", name);
    return NULL;
  }
  return g_steal_pointer (&graph);
}

DmlGraph *
dml_onnx_read (const uint8_t *data, size_t n_bytes, const char *name,
               DmlOnnxMetadata **metadata, GError **error)
{
  g_autoptr (DmlOnnx__ModelProto) model =
    dml_onnx_parse (data, n_bytes, name, error);
  DmlGraph *graph;

  if (model == NULL)
    return NULL;
  graph = read_model (model, name, error);
  if (graph != NULL && metadata != NULL)
    *metadata = read_metadata (model);
  return graph;
}

DmlGraph *
dml_onnx_read_file (const char *path, DmlOnnxMetadata **metadata,
                    GError **error)
{
  g_autoptr (DmlOnnx__ModelProto) model = NULL;
  GBytes *file = dml_file_read (path, DML_ONNX_MAX_FILE, error);
  const uint8_t *data;
  DmlGraph *graph;
  gsize n_bytes;

  if (file == NULL)
    return NULL;
  data = g_bytes_get_data (file, &n_bytes);
  if (n_bytes > 0)
    model = dml_onnx_parse (data, n_bytes, path, error);
  else
    g_set_error (error, DML_ERROR, DML_ERROR_FORMAT,
                 "%s: empty; expected an ONNX model", path);
  g_bytes_unref (file); /* before the graph is built: not both at once */
  if (model == NULL)
    return NULL;
  graph = read_model (model, path, error);
  if (graph != NULL && metadata != NULL)
    *metadata = read_metadata (model);
  return graph;
}
