/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Pad: a border of a constant, of the edge, or mirrored (ONNX Pad). Widths are
 * an attribute before opset 11 and an input since, which must be known;
 * negative ones cut off.
 *
 *   dx += dy of every place that shows x; what was cut off gets nothing */
#include "nn/op.h"
#include "nn/ops/strided.h"

#include <string.h>

typedef enum { PAD_CONSTANT, PAD_REFLECT, PAD_EDGE, PAD_WRAP } PadMode;

typedef struct {
  PadMode mode;
  float value;                 /* of the attribute */
  int64_t begin[DML_MAX_RANK]; /* by infer_shape */
} PadConfig;

static gboolean
pad_configure (DmlNode *node, GError **error)
{
  static const char *const modes[] = { "constant", "reflect", "edge", "wrap" };
  PadConfig *config = node->config;
  const char *mode;

  if (!dml_node_get_string (node, "mode", "constant", &mode, error) ||
      !dml_node_get_float (node, "value", 0, &config->value, error))
    return FALSE;
  for (size_t i = 0; i < G_N_ELEMENTS (modes); i++)
    if (strcmp (mode, modes[i]) == 0) {
      config->mode = (PadMode) i;
      return TRUE;
    }
  return dml_node_fail (node, error, UNSUPPORTED, "mode %.32s", mode);
}

/* begin and end of every dimension, from attribute or inputs. */
static gboolean
pad_widths (const DmlNode *node, int64_t *begin, int64_t *end, GError **error)
{
  const int rank = dml_node_in_shape (node, 0)->rank;
  int64_t pads[2 * DML_MAX_RANK], axes[DML_MAX_RANK];
  size_t n, n_axes;

  if (!(node->graph->opset < 11
          ? dml_node_get_ints (node, "pads", 2 * DML_MAX_RANK, pads, &n, error)
          : dml_node_known_ints (node, 1, 2 * DML_MAX_RANK, pads, &n, error)) ||
      !dml_node_known_ints (node, 3, DML_MAX_RANK, axes, &n_axes, error))
    return FALSE;
  if (!dml_node_has_in (node, 3))
    for (; n_axes < (size_t) rank; n_axes++)
      axes[n_axes] = (int64_t) n_axes;
  if (n != 2 * n_axes)
    return dml_node_fail (node, error, FORMAT,
                          "%zu pads for %zu dimensions, expected %zu", n,
                          n_axes, 2 * n_axes);
  for (size_t i = 0; i < n_axes; i++) {
    int axis;

    if (!dml_node_axis (node, axes[i], rank, &axis, error))
      return FALSE;
    begin[axis] = pads[i];
    end[axis] = pads[n_axes + i];
  }
  return TRUE;
}

/* The constant to lay around must be known, and of the input's type. */
static gboolean
pad_check_value (const DmlNode *node, GError **error)
{
  const DmlTensor *value;

  if (!dml_node_has_in (node, 2))
    return TRUE;
  value = node->in[2]->known;
  if (value == NULL || value->n != 1 || value->dtype != node->in[0]->dtype)
    return dml_node_fail (node, error, UNSUPPORTED,
                          "constant_value must be one known element of the "
                          "input's type");
  return TRUE;
}

static gboolean
pad_infer_shape (DmlNode *node, GError **error)
{
  PadConfig *config = node->config;
  DmlShape y = *dml_node_in_shape (node, 0);
  int64_t end[DML_MAX_RANK] = { 0 };

  memset (config->begin, 0, sizeof config->begin);
  if (!pad_widths (node, config->begin, end, error) ||
      !pad_check_value (node, error))
    return FALSE;
  for (int i = 0; i < y.rank; i++) {
    const int64_t dim = y.dim[i], most = (int64_t) DML_VALUE_MAX_BYTES;

    /* A mirror has dim - 1 pixels on either side. */
    if (config->begin[i] < -dim || config->begin[i] > most || end[i] < -dim ||
        end[i] > most || config->begin[i] + dim + end[i] < 0 ||
        (config->mode == PAD_REFLECT &&
         (config->begin[i] >= dim || end[i] >= dim)) ||
        (config->mode != PAD_CONSTANT && dim == 0))
      return dml_node_fail (node, error, FORMAT,
                            "pads %" G_GINT64_FORMAT " and %" G_GINT64_FORMAT
                            " of dimension %d, which is %" G_GINT64_FORMAT,
                            config->begin[i], end[i], i, dim);
    y.dim[i] = config->begin[i] + dim + end[i];
  }
  return dml_node_set_out (node, 0, node->in[0]->dtype, &y, error);
}

/* Where element i of the output comes from along a dimension; -1: the border
 * of a constant. */
static int64_t
pad_source (PadMode mode, int64_t i, int64_t dim)
{
  if (i >= 0 && i < dim)
    return i;
  switch (mode) {
  case PAD_REFLECT:
    return i < 0 ? -i : 2 * (dim - 1) - i;
  case PAD_EDGE:
    return i < 0 ? 0 : dim - 1;
  case PAD_WRAP:
    return (i % dim + dim) % dim;
  default:
    return -1;
  }
}

static void
pad_row (const PadConfig *config, int64_t begin, int64_t dim, int64_t n,
         size_t n_bytes, const void *value, const char *x, char *y)
{
  for (int64_t i = 0; i < n; i++) {
    const int64_t from =
      x != NULL ? pad_source (config->mode, i - begin, dim) : -1;

    if (from >= 0 && from == i - begin) { /* inside: all of it at once */
      const int64_t run = MIN (dim - from, n - i);

      memcpy (y, x + (size_t) from * n_bytes, (size_t) run * n_bytes);
      y += (size_t) run * n_bytes;
      i += run - 1;
      continue;
    }
    memcpy (y, from >= 0 ? x + (size_t) from * n_bytes : value, n_bytes);
    y += n_bytes;
  }
}

/* Where row `row` of the output comes from, or -1: all of it is border. */
static int64_t
pad_row_source (const DmlNode *node, size_t row)
{
  const PadConfig *config = node->config;
  const DmlShape *xs = dml_node_in_shape (node, 0);
  const DmlShape *ys = dml_node_out_shape (node, 0);
  int64_t stride[DML_MAX_RANK], at = 0;

  dml_strided_of (xs, stride);
  for (int i = xs->rank - 1; i-- > 0; row /= (size_t) ys->dim[i]) {
    const int64_t from = pad_source (
      config->mode, (int64_t) (row % (size_t) ys->dim[i]) - config->begin[i],
      xs->dim[i]);

    at = from < 0 || at < 0 ? -1 : at + from * stride[i];
  }
  return at;
}

static void
pad_forward (const DmlNode *node, DmlExec *exec)
{
  const PadConfig *config = node->config;
  const DmlShape *xs = dml_node_in_shape (node, 0);
  const DmlShape *ys = dml_node_out_shape (node, 0);
  const size_t n_bytes = dml_dtype_size (node->in[0]->dtype);
  const int last = xs->rank - 1;
  const int64_t zero = 0;
  const void *value = dml_node_has_in (node, 2) ? node->in[2]->known->data
                      : node->in[0]->dtype == DML_F32
                        ? (const void *) &config->value
                        : &zero;
  const char *x = dml_exec_in (exec, node, 0);
  char *y = dml_exec_out (exec, node, 0);
  size_t n_rows;

  if (last < 0) {
    memcpy (y, x, n_bytes);
    return;
  }
  n_rows = dml_shape_span (ys, 0, last);
  for (size_t row = 0; row < n_rows; row++) {
    const int64_t at = pad_row_source (node, row);

    pad_row (config, config->begin[last], xs->dim[last], ys->dim[last], n_bytes,
             value, at < 0 ? NULL : x + (size_t) at * n_bytes, y);
    y += (size_t) ys->dim[last] * n_bytes;
  }
}

static void
pad_backward (const DmlNode *node, DmlExec *exec)
{
  const PadConfig *config = node->config;
  const DmlShape *xs = dml_node_in_shape (node, 0);
  const DmlShape *ys = dml_node_out_shape (node, 0);
  const int last = xs->rank - 1;
  const int64_t n = last < 0 ? 1 : ys->dim[last];
  const size_t n_rows = dml_shape_span (ys, 0, MAX (last, 0));
  const float *dy = dml_exec_dout (exec, node, 0);
  float *dx = dml_exec_din (exec, node, 0);

  for (size_t row = 0; row < n_rows; row++, dy += n) {
    const int64_t at = pad_row_source (node, row);

    for (int64_t i = 0; at >= 0 && i < n; i++) {
      const int64_t from =
        last < 0
          ? 0
          : pad_source (config->mode, i - config->begin[last], xs->dim[last]);

      if (from >= 0)
        dx[at + from] += dy[i];
    }
  }
}

const DmlOp dml_op_pad = {
  .onnx_name = "Pad",
  .min_in = 1,
  .max_in = 4,
  .min_out = 1,
  .max_out = 1,
  .config_size = sizeof (PadConfig),
  .configure = pad_configure,
  .infer_shape = pad_infer_shape,
  .forward = pad_forward,
  .backward = pad_backward,
};
