/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Another shape for the same data (ONNX Reshape).
 *
 *   shape  int64, known before running; 0 copies the input's dimension (unless
 *          allowzero), one -1 takes what is left
 */
#include "nn/ops/view.h"

typedef struct {
  int64_t allow_zero;
} Reshape;

static gboolean
reshape_configure (DmlNode *node, GError **error)
{
  Reshape *reshape = node->config;

  return dml_node_get_int (node, "allowzero", 0, &reshape->allow_zero, error);
}

static gboolean
reshape_infer_shape (DmlNode *node, GError **error)
{
  const Reshape *reshape = node->config;
  const DmlShape *in = dml_node_in_shape (node, 0);
  const size_t n = dml_shape_span (in, 0, in->rank);
  DmlShape out = { 0 };
  size_t rank, rest = 1, count;
  int left = -1;

  if (!dml_node_known_ints (node, 1, DML_MAX_RANK, out.dim, &rank, error))
    return FALSE;
  out.rank = (int) rank;
  for (int i = 0; i < out.rank; i++) {
    if (out.dim[i] == 0 && !reshape->allow_zero) {
      if (i >= in->rank)
        return dml_node_fail (node, error, FORMAT,
                              "dimension %d is copied from an input of rank %d",
                              i, in->rank);
      out.dim[i] = in->dim[i];
    }
    if (out.dim[i] == -1) {
      if (left >= 0)
        return dml_node_fail (node, error, FORMAT, "two dimensions are -1");
      left = i;
    } else if (out.dim[i] < 0 ||
               !dml_mem_mul (rest, (size_t) out.dim[i], &rest)) {
      return dml_node_fail (node, error, FORMAT,
                            "dimension %d is %" G_GINT64_FORMAT, i, out.dim[i]);
    }
  }
  if (left >= 0)
    out.dim[left] = rest > 0 ? (int64_t) (n / rest) : 0;
  if (!dml_shape_count (&out, node->in[0]->dtype, &count) || count != n) {
    g_autofree char *from = dml_shape_to_string (in);
    g_autofree char *to = dml_shape_to_string (&out);

    return dml_node_fail (node, error, FORMAT, "%s cannot become %s", from, to);
  }
  return dml_node_set_out (node, 0, node->in[0]->dtype, &out, error);
}

const DmlOp dml_op_reshape = {
  .onnx_name = "Reshape",
  .min_in = 2,
  .max_in = 2,
  .min_out = 1,
  .max_out = 1,
  .config_size = sizeof (Reshape),
  .configure = reshape_configure,
  .infer_shape = reshape_infer_shape,
  .forward = dml_view_forward,
  .backward = dml_view_backward,
  .flags = DML_OP_VIEW,
};
