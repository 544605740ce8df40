/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Gather: slices of one dimension by a list of indices (ONNX Gather). The
 * indices must be known at inference, so that they are checked before the
 * first picture instead of in it.
 *
 *   x  A x K x B;  indices  M;  y  A x M x B:  y[a, m, b] = x[a, indices[m], b]
 */
#include "nn/op.h"

#include <string.h>

typedef struct {
  int64_t axis;
  int resolved; /* axis in [0, rank), by infer_shape */
} GatherConfig;

static gboolean
gather_configure (DmlNode *node, GError **error)
{
  GatherConfig *config = node->config;

  return dml_node_get_int (node, "axis", 0, &config->axis, error);
}

static int64_t
gather_index (const DmlTensor *indices, size_t i)
{
  return indices->dtype == DML_I64 ? ((const int64_t *) indices->data)[i]
                                   : ((const int32_t *) indices->data)[i];
}

static gboolean
gather_infer_shape (DmlNode *node, GError **error)
{
  GatherConfig *config = node->config;
  const DmlShape *x = dml_node_in_shape (node, 0);
  const DmlTensor *indices = node->in[1]->known;
  DmlShape y = { 0 };
  int64_t k;

  if (!dml_node_axis (node, config->axis, x->rank, &config->resolved, error))
    return FALSE;
  if (indices == NULL)
    return dml_node_fail (node, error, UNSUPPORTED,
                          "its indices depend on the picture; they must follow "
                          "from shapes and constants");
  if (indices->dtype != DML_I64 && indices->dtype != DML_I32)
    return dml_node_fail (node, error, FORMAT, "indices of type %s",
                          dml_dtype_name (indices->dtype));
  if (x->rank - 1 + indices->shape.rank > DML_MAX_RANK)
    return dml_node_fail (node, error, LIMIT, "its output has rank %d",
                          x->rank - 1 + indices->shape.rank);
  k = x->dim[config->resolved];
  for (size_t i = 0; i < indices->n; i++)
    if (gather_index (indices, i) < -k || gather_index (indices, i) >= k)
      return dml_node_fail (node, error, FORMAT,
                            "index %" G_GINT64_FORMAT " of %" G_GINT64_FORMAT,
                            gather_index (indices, i), k);
  for (int i = 0; i < config->resolved; i++)
    y.dim[y.rank++] = x->dim[i];
  for (int i = 0; i < indices->shape.rank; i++)
    y.dim[y.rank++] = indices->shape.dim[i];
  for (int i = config->resolved + 1; i < x->rank; i++)
    y.dim[y.rank++] = x->dim[i];
  return dml_node_set_out (node, 0, node->in[0]->dtype, &y, error);
}

static void
gather_forward (const DmlNode *node, DmlExec *exec)
{
  const GatherConfig *config = node->config;
  const DmlShape *x = dml_node_in_shape (node, 0);
  const DmlTensor *indices = node->in[1]->known;
  const size_t n_outer = dml_shape_span (x, 0, config->resolved);
  const size_t k = (size_t) x->dim[config->resolved];
  const size_t n_bytes = dml_shape_span (x, config->resolved + 1, x->rank) *
                         dml_dtype_size (node->in[0]->dtype);
  const char *from = dml_exec_in (exec, node, 0);
  char *to = dml_exec_out (exec, node, 0);

  for (size_t a = 0; a < n_outer; a++, from += k * n_bytes) {
    for (size_t m = 0; m < indices->n; m++, to += n_bytes) {
      const int64_t at = gather_index (indices, m);

      memcpy (to, from + (size_t) (at < 0 ? at + (int64_t) k : at) * n_bytes,
              n_bytes);
    }
  }
}

const DmlOp dml_op_gather = {
  .onnx_name = "Gather",
  .min_in = 2,
  .max_in = 2,
  .min_out = 1,
  .max_out = 1,
  .config_size = sizeof (GatherConfig),
  .configure = gather_configure,
  .infer_shape = gather_infer_shape,
  .forward = gather_forward,
};
