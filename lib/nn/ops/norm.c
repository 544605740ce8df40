/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Normalisation over stretches of memory, at inference: InstanceNormalization
 * (Ulyanov et al. 2016, arXiv:1607.08022), LayerNormalization (Ba et al. 2016,
 * arXiv:1607.06450), GroupNormalization (Wu & He 2018, arXiv:1803.08494).
 *
 *   x as R stretches of S elements; scale and bias every `step` elements
 *   y = (x - mean) / sqrt (var + epsilon) * scale[i] + bias[i]
 *
 *   Instance  R = N C, S = H W;        scale and bias a channel
 *   Layer     S = dimensions from axis on; scale and bias an element
 *   Group     R = N groups, S = C / groups H W;  a channel (opset 21) */
#include "nn/op.h"

#include <math.h>
#include <string.h>

typedef struct {
  float epsilon;
  int64_t axis, n_groups;
  size_t n_rows, n; /* R, S; by infer_shape */
  size_t period;    /* rows until scale and bias begin again */
  size_t step;      /* elements that share one scale and bias */
} NormConfig;

static gboolean
norm_configure (DmlNode *node, GError **error)
{
  NormConfig *config = node->config;

  if (strcmp (node->op_name, "GroupNormalization") == 0 &&
      node->graph->opset < 21)
    return dml_node_fail (node, error, UNSUPPORTED,
                          "before opset 21 its scale is one a group; export "
                          "the model with opset 21 or 17");
  return dml_node_get_float (node, "epsilon", 1e-5f, &config->epsilon, error) &&
         dml_node_get_int (node, "axis", -1, &config->axis, error) &&
         dml_node_get_int (node, "num_groups", 1, &config->n_groups, error);
}

/* R, S, step of the shape at hand; FALSE where it does not fit. */
static gboolean
norm_layout (const DmlNode *node, NormConfig *config, GError **error)
{
  const DmlShape *x = dml_node_in_shape (node, 0);
  int axis;

  if (strcmp (node->op_name, "LayerNormalization") == 0) {
    if (!dml_node_axis (node, config->axis, x->rank, &axis, error))
      return FALSE;
    config->n_rows = dml_shape_span (x, 0, axis);
    config->n = dml_shape_span (x, axis, x->rank);
    config->period = config->step = 1;
    return TRUE;
  }
  if (x->rank < 3)
    return dml_node_fail (node, error, UNSUPPORTED,
                          "input of rank %d, expected N x C x ...", x->rank);
  if (strcmp (node->op_name, "InstanceNormalization") == 0)
    config->n_groups = x->dim[1];
  if (config->n_groups < 1 || x->dim[1] % config->n_groups != 0)
    return dml_node_fail (node, error, FORMAT,
                          "%" G_GINT64_FORMAT
                          " groups do not divide %" G_GINT64_FORMAT " channels",
                          config->n_groups, x->dim[1]);
  config->period = (size_t) config->n_groups;
  config->n_rows = (size_t) x->dim[0] * config->period;
  config->step = dml_shape_span (x, 2, x->rank);
  config->n = (size_t) (x->dim[1] / config->n_groups) * config->step;
  return TRUE;
}

/* LayerNormalization also gives mean and 1 / deviation of each stretch. */
static gboolean
norm_set_statistics (DmlNode *node, GError **error)
{
  const NormConfig *config = node->config;
  DmlShape shape = *dml_node_in_shape (node, 0);
  int axis;

  if (node->n_out == 1)
    return TRUE;
  if (!dml_node_axis (node, config->axis, shape.rank, &axis, error))
    return FALSE;
  for (; axis < shape.rank; axis++)
    shape.dim[axis] = 1;
  return dml_node_set_out (node, 1, DML_F32, &shape, error) &&
         dml_node_set_out (node, 2, DML_F32, &shape, error);
}

static gboolean
norm_infer_shape (DmlNode *node, GError **error)
{
  NormConfig *config = node->config;
  const DmlShape *x = dml_node_in_shape (node, 0);
  size_t wanted;

  if (!dml_node_want_f32 (node, 0, -1, error) ||
      !norm_layout (node, config, error))
    return FALSE;
  wanted = config->step ? config->n * config->period / config->step : 0;
  for (unsigned i = 1; i < node->n_in; i++) {
    const DmlShape *shape =
      dml_node_has_in (node, i) ? dml_node_in_shape (node, i) : NULL;

    if (shape == NULL)
      continue;
    if (!dml_node_want_f32 (node, i, -1, error))
      return FALSE;
    if (dml_shape_span (shape, 0, shape->rank) != wanted)
      return dml_node_fail (node, error, FORMAT,
                            "input %u has %zu elements, expected %zu", i,
                            dml_shape_span (shape, 0, shape->rank), wanted);
  }
  return norm_set_statistics (node, error) &&
         dml_node_set_out (node, 0, DML_F32, x, error);
}

static void
norm_row (const NormConfig *config, const float *x, const float *scale,
          const float *bias, float *y, float *mean_out, float *inv_out)
{
  double mean = 0, var = 0, inv;

  for (size_t i = 0; i < config->n; i++)
    mean += (double) x[i];
  mean /= (double) config->n;
  for (size_t i = 0; i < config->n; i++)
    var += ((double) x[i] - mean) * ((double) x[i] - mean);
  inv = 1 / sqrt (var / (double) config->n + (double) config->epsilon);
  if (mean_out != NULL)
    *mean_out = (float) mean;
  if (inv_out != NULL)
    *inv_out = (float) inv;
  for (size_t i = 0, k = 0; i < config->n; k++) {
    const float a = (float) inv * scale[k], b = bias ? bias[k] : 0;

    for (const size_t end = i + config->step; i < end; i++)
      y[i] = (float) ((double) x[i] - mean) * a + b;
  }
}

typedef struct {
  const NormConfig *config;
  const float *x, *scale, *bias;
  float *y, *mean, *inv; /* the last two may be NULL */
} NormWork;

static void
norm_piece (void *data, size_t row, unsigned worker)
{
  const NormWork *work = data;
  const NormConfig *config = work->config;
  const size_t k = row % config->period * (config->n / config->step);

  norm_row (config, work->x + row * config->n, work->scale + k,
            work->bias ? work->bias + k : NULL, work->y + row * config->n,
            work->mean ? work->mean + row : NULL,
            work->inv ? work->inv + row : NULL);
}

static void
norm_forward (const DmlNode *node, DmlExec *exec)
{
  NormWork work = { .config = node->config,
                    .x = dml_exec_in (exec, node, 0),
                    .scale = dml_exec_in (exec, node, 1),
                    .bias = dml_exec_in (exec, node, 2),
                    .y = dml_exec_out (exec, node, 0),
                    .mean = dml_exec_out (exec, node, 1),
                    .inv = dml_exec_out (exec, node, 2) };

  if (work.config->n > 0)
    dml_parallel_for (work.config->n_rows, exec->n_threads, norm_piece, &work);
}

#define NORM_OP(symbol, name, least, most)                                     \
  const DmlOp dml_op_##symbol = {                                              \
    .onnx_name = name,                                                         \
    .min_in = least,                                                           \
    .max_in = 3,                                                               \
    .min_out = 1,                                                              \
    .max_out = most,                                                           \
    .config_size = sizeof (NormConfig),                                        \
    .configure = norm_configure,                                               \
    .infer_shape = norm_infer_shape,                                           \
    .forward = norm_forward,                                                   \
  }

NORM_OP (instance_norm, "InstanceNormalization", 3, 1);
NORM_OP (layer_norm, "LayerNormalization", 2, 3);
NORM_OP (group_norm, "GroupNormalization", 3, 1);
