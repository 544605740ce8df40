/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The fingerprint: SHA-256 over what an embedding depends on and nothing else.
 *
 * Every value has a digest:
 *   the input           its shape
 *   a known value       type, shape, data; so it does not matter whether it is
 *                       an initialiser, a Constant, float16 behind a Cast
 *   Identity, Dropout   that of its input: neither changes anything here
 *   any other           operator, opset, attributes by name, the digests of the
 *                       inputs, and which output it is
 * The file's is that of its output's and of the preprocessing. Names and the
 * order of nodes do not enter; the price is that a file whose attributes spell
 * out a default has another fingerprint than one that leaves it out. */
#include "encoder/encoder.h"
#include "nn/op.h"

#include <string.h>

#define DIGEST_SIZE 32

typedef uint8_t Digest[DIGEST_SIZE];

static void
sum_int (GChecksum *sum, int64_t value)
{
  g_checksum_update (sum, (const guchar *) &value, sizeof value);
}

static void
sum_bytes (GChecksum *sum, const void *data, size_t n)
{
  sum_int (sum, (int64_t) n);
  /* g_checksum_update takes a signed size that fits every DmlTensor */
  g_checksum_update (sum, data, (gssize) n);
}

static void
sum_text (GChecksum *sum, const char *text)
{
  sum_bytes (sum, text, strlen (text));
}

static void
sum_shape (GChecksum *sum, const DmlShape *shape)
{
  sum_int (sum, shape->rank);
  for (int i = 0; i < shape->rank; i++)
    sum_int (sum, shape->dim[i]);
}

static void
sum_tensor (GChecksum *sum, const DmlTensor *tensor)
{
  sum_text (sum, dml_dtype_name (tensor->dtype));
  sum_shape (sum, &tensor->shape);
  sum_bytes (sum, tensor->data, dml_tensor_bytes (tensor));
}

static void
sum_attr (GChecksum *sum, const DmlAttr *attr)
{
  sum_text (sum, attr->name);
  sum_int (sum, attr->type);
  switch (attr->type) {
  case DML_ATTR_INT:
    sum_int (sum, attr->i);
    break;
  case DML_ATTR_FLOAT:
    sum_bytes (sum, &attr->f, sizeof attr->f);
    break;
  case DML_ATTR_STRING:
    sum_text (sum, attr->s);
    break;
  case DML_ATTR_INTS:
    sum_bytes (sum, attr->ints, attr->n * sizeof *attr->ints);
    break;
  case DML_ATTR_FLOATS:
    sum_bytes (sum, attr->floats, attr->n * sizeof *attr->floats);
    break;
  case DML_ATTR_TENSOR:
    sum_tensor (sum, attr->t);
    break;
  }
}

static int
attr_order (gconstpointer a, gconstpointer b)
{
  const DmlAttr *const *x = a, *const *y = b;

  return strcmp ((*x)->name, (*y)->name);
}

static void
sum_attrs (GChecksum *sum, const GArray *attrs)
{
  g_autoptr (GPtrArray) sorted = g_ptr_array_new ();

  for (guint i = 0; i < attrs->len; i++)
    g_ptr_array_add (sorted, &g_array_index (attrs, DmlAttr, i));
  g_ptr_array_sort (sorted, attr_order);
  sum_int (sum, sorted->len);
  for (guint i = 0; i < sorted->len; i++)
    sum_attr (sum, g_ptr_array_index (sorted, i));
}

static void
digest_end (GChecksum *sum, Digest digest)
{
  gsize size = DIGEST_SIZE;

  g_checksum_get_digest (sum, digest, &size);
  g_checksum_free (sum);
}

static void
digest_leaf (const DmlValue *value, Digest digest)
{
  GChecksum *sum = g_checksum_new (G_CHECKSUM_SHA256);
  const DmlTensor *t = value->known ? value->known : value->constant;

  sum_text (sum, t ? "data" : "input");
  if (t != NULL)
    sum_tensor (sum, t);
  else
    sum_shape (sum, &value->shape);
  digest_end (sum, digest);
}

static gboolean
node_is_nothing (const DmlNode *node)
{
  return *node->domain == '\0' && (strcmp (node->op_name, "Identity") == 0 ||
                                   strcmp (node->op_name, "Dropout") == 0);
}

static void
digest_node (const DmlNode *node, unsigned output, const Digest *of_value,
             Digest digest)
{
  GChecksum *sum;

  if (node_is_nothing (node) && output == 0) {
    memcpy (digest, of_value[node->in[0]->index], DIGEST_SIZE);
    return;
  }
  sum = g_checksum_new (G_CHECKSUM_SHA256);
  sum_text (sum, "node");
  sum_text (sum, node->op_name);
  sum_text (sum, node->domain);
  sum_int (sum, node->graph->opset);
  sum_attrs (sum, node->attrs);
  sum_int (sum, node->n_in);
  for (unsigned i = 0; i < node->n_in; i++) {
    if (node->in[i] != NULL)
      sum_bytes (sum, of_value[node->in[i]->index], DIGEST_SIZE);
    else
      sum_int (sum, 0);
  }
  sum_int (sum, output);
  digest_end (sum, digest);
}

static void
sum_input (GChecksum *sum, const DmlNet *net, const DmlTraits *traits)
{
  sum_int (sum, net->width);
  sum_int (sum, net->height);
  sum_int (sum, net->channels);
  sum_bytes (sum, traits->input.mean, sizeof traits->input.mean);
  sum_bytes (sum, traits->input.std, sizeof traits->input.std);
  sum_int (sum, traits->input.fit);
  sum_int (sum, traits->metric);
}

char *
dml_net_fingerprint (const DmlNet *net, const DmlTraits *traits)
{
  const DmlGraph *graph = net->graph;
  const DmlValue *out = g_ptr_array_index (graph->outputs, 0);
  g_autofree Digest *of_value = g_new0 (Digest, graph->values->len);
  GChecksum *sum = g_checksum_new (G_CHECKSUM_SHA256);
  char *text;

  for (guint i = 0; i < graph->values->len; i++) {
    const DmlValue *value = dml_graph_value_at (graph, i);

    if (value->producer == NULL || value->known != NULL)
      digest_leaf (value, of_value[i]);
  }
  for (guint i = 0; i < graph->nodes->len; i++) {
    const DmlNode *node = dml_graph_node (graph, i);

    for (unsigned k = 0; k < node->n_out; k++)
      if (node->out[k] != NULL && node->out[k]->known == NULL)
        digest_node (node, k, of_value, of_value[node->out[k]->index]);
  }
  sum_text (sum, "dml encoder 1");
  sum_bytes (sum, of_value[out->index], DIGEST_SIZE);
  sum_input (sum, net, traits);
  text = g_strdup (g_checksum_get_string (sum));
  g_checksum_free (sum);
  return text;
}
