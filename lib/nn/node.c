/* SPDX-License-Identifier: LGPL-2.1-or-later
 * What operators ask of their node: attributes, known inputs, errors. */
#include "nn/op.h"

#include <string.h>

void
dml_node_set_error (const DmlNode *node, GError **error, DmlError code,
                    const char *format, ...)
{
  g_autofree char *raw = NULL;
  g_autofree char *what = NULL;
  g_autofree char *op_name = dml_error_quote (node->op_name);
  g_autofree char *name = dml_error_quote (node->name);
  va_list args;

  va_start (args, format);
  raw = g_strdup_vprintf (format, args);
  va_end (args);
  what = dml_error_quote_long (raw, 500); /* it may name values of a file */
  g_set_error (error, DML_ERROR, code, "node %u (%s \"%s\"): %s", node->index,
               op_name, name, what);
}

void
dml_node_set_inputs (DmlNode *node, DmlValue *const *in, unsigned n_in)
{
  DmlValue **old = node->in;

  node->in = g_new0 (DmlValue *, n_in + 1);
  memcpy (node->in, in, n_in * sizeof *in);
  node->n_in = n_in;
  g_free (old);
}

/* The attribute, or NULL; *wrong (with the error set) where its type is not
 * the one that the operator asks for. */
static const DmlAttr *
node_attr (const DmlNode *node, const char *name, DmlAttrType type,
           gboolean *wrong, GError **error)
{
  static const char *const types[] = { "an integer",        "a number",
                                       "a string",          "integers",
                                       "a list of numbers", "a tensor" };
  const DmlAttr *attr = dml_attrs_find (node->attrs, name);

  *wrong = attr != NULL && attr->type != type;
  if (*wrong)
    dml_node_set_error (node, error, DML_ERROR_FORMAT,
                        "attribute %s is %s, expected %s", name,
                        types[attr->type], types[type]);
  return attr;
}

gboolean
dml_node_get_int (const DmlNode *node, const char *name, int64_t fallback,
                  int64_t *value, GError **error)
{
  gboolean wrong;
  const DmlAttr *attr = node_attr (node, name, DML_ATTR_INT, &wrong, error);

  if (wrong)
    return FALSE;
  *value = attr ? attr->i : fallback;
  return TRUE;
}

gboolean
dml_node_get_float (const DmlNode *node, const char *name, float fallback,
                    float *value, GError **error)
{
  gboolean wrong;
  const DmlAttr *attr = node_attr (node, name, DML_ATTR_FLOAT, &wrong, error);

  if (wrong)
    return FALSE;
  *value = attr ? attr->f : fallback;
  return TRUE;
}

gboolean
dml_node_get_string (const DmlNode *node, const char *name,
                     const char *fallback, const char **s, GError **error)
{
  gboolean wrong;
  const DmlAttr *attr = node_attr (node, name, DML_ATTR_STRING, &wrong, error);

  if (wrong)
    return FALSE;
  *s = attr ? attr->s : fallback;
  return TRUE;
}

gboolean
dml_node_get_ints (const DmlNode *node, const char *name, size_t max,
                   int64_t *ints, size_t *n, GError **error)
{
  gboolean wrong;
  const DmlAttr *attr = node_attr (node, name, DML_ATTR_INTS, &wrong, error);

  if (wrong)
    return FALSE;
  *n = attr ? attr->n : 0;
  if (*n > max)
    return dml_node_fail (node, error, UNSUPPORTED,
                          "attribute %s has %zu integers, at most %zu expected",
                          name, *n, max);
  if (*n > 0)
    memcpy (ints, attr->ints, *n * sizeof *ints);
  return TRUE;
}

gboolean
dml_node_known_ints (const DmlNode *node, unsigned i, size_t max, int64_t *ints,
                     size_t *n, GError **error)
{
  const DmlTensor *t;

  *n = 0;
  if (!dml_node_has_in (node, i))
    return TRUE;
  t = node->in[i]->known;
  if (t == NULL)
    return dml_node_fail (
      node, error, UNSUPPORTED,
      "input %u (\"%.64s\") depends on the picture; it must "
      "follow from shapes and constants",
      i, node->in[i]->name);
  if (t->dtype != DML_I64 && t->dtype != DML_I32)
    return dml_node_fail (node, error, FORMAT, "input %u is %s, expected int64",
                          i, dml_dtype_name (t->dtype));
  if (t->n > max)
    return dml_node_fail (node, error, UNSUPPORTED,
                          "input %u has %zu items, at most %zu expected", i,
                          t->n, max);
  for (size_t k = 0; k < t->n; k++)
    ints[k] = t->dtype == DML_I64 ? ((const int64_t *) t->data)[k]
                                  : ((const int32_t *) t->data)[k];
  *n = t->n;
  return TRUE;
}

gboolean
dml_node_axis (const DmlNode *node, int64_t axis, int rank, int *out,
               GError **error)
{
  if (axis < -rank || axis >= rank)
    return dml_node_fail (node, error, FORMAT,
                          "axis %" G_GINT64_FORMAT " of a value of rank %d",
                          axis, rank);
  *out = (int) (axis < 0 ? axis + rank : axis);
  return TRUE;
}

gboolean
dml_node_want_f32 (const DmlNode *node, unsigned i, int rank, GError **error)
{
  const DmlValue *value = node->in[i];
  g_autofree char *s = NULL;

  if (value->dtype == DML_F32 && (rank < 0 || value->shape.rank == rank))
    return TRUE;
  s = dml_shape_to_string (&value->shape);
  if (rank < 0)
    return dml_node_fail (node, error, UNSUPPORTED,
                          "input %u is %s %s, expected float32", i,
                          dml_dtype_name (value->dtype), s);
  return dml_node_fail (node, error, UNSUPPORTED,
                        "input %u is %s %s, expected float32 of rank %d", i,
                        dml_dtype_name (value->dtype), s, rank);
}

gboolean
dml_node_set_out (DmlNode *node, unsigned i, DmlDtype dtype,
                  const DmlShape *shape, GError **error)
{
  size_t n;

  if (!dml_shape_count (shape, dtype, &n)) {
    g_autofree char *s = dml_shape_to_string (shape);

    return dml_node_fail (node, error, LIMIT,
                          "output %u would be %s %s; the limit is %zu bytes", i,
                          dml_dtype_name (dtype), s, DML_VALUE_MAX_BYTES);
  }
  if (i < node->n_out && node->out[i] != NULL) {
    node->out[i]->dtype = dtype;
    node->out[i]->shape = *shape;
  }
  return TRUE;
}

void
dml_value_set_known (DmlValue *value, DmlTensor *tensor)
{
  dml_tensor_unref (value->known);
  value->known = tensor;
  value->dtype = tensor->dtype;
  value->shape = tensor->shape;
}

#define SPAN 16384 /* floats: 64 KiB, a few microseconds of work */

typedef struct {
  DmlSpan fn;
  void *data;
  size_t n;
} Spans;

static void
spans_piece (void *data, size_t i, unsigned worker)
{
  const Spans *spans = data;

  spans->fn (spans->data, i * SPAN, MIN (SPAN, spans->n - i * SPAN));
}

void
dml_exec_spans (const DmlExec *exec, size_t n, DmlSpan fn, void *data)
{
  Spans spans = { fn, data, n };

  dml_parallel_for ((n + SPAN - 1) / SPAN, exec->n_threads, spans_piece,
                    &spans);
}
