/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Local response normalisation across channels (ONNX LRN; Krizhevsky et al.
 * 2012, section 3.3).
 *
 *   x, y  N x C x P;  s[n, c, p] = sum of x[n, k, p]^2 for the channels k from
 *   c - floor ((size - 1) / 2) to c + ceil ((size - 1) / 2)
 *   y = x / (bias + alpha / size s)^beta */
#include "nn/op.h"

#include <math.h>

typedef struct {
  int64_t size;
  float alpha, beta, bias;
} LrnConfig;

static gboolean
lrn_configure (DmlNode *node, GError **error)
{
  LrnConfig *config = node->config;

  if (!dml_node_get_int (node, "size", 0, &config->size, error) ||
      !dml_node_get_float (node, "alpha", 1e-4f, &config->alpha, error) ||
      !dml_node_get_float (node, "beta", 0.75f, &config->beta, error) ||
      !dml_node_get_float (node, "bias", 1, &config->bias, error))
    return FALSE;
  return (config->size >= 1 && config->size <= G_MAXINT32) ||
         dml_node_fail (node, error, FORMAT, "size is %" G_GINT64_FORMAT,
                        config->size);
}

static gboolean
lrn_infer_shape (DmlNode *node, GError **error)
{
  if (!dml_node_want_f32 (node, 0, -1, error))
    return FALSE;
  if (dml_node_in_shape (node, 0)->rank < 2)
    return dml_node_fail (node, error, FORMAT, "input has no channels");
  return dml_node_set_out (node, 0, DML_F32, dml_node_in_shape (node, 0),
                           error);
}

typedef struct {
  const LrnConfig *config;
  const float *x;
  float *y;
  int64_t n_channels;
  size_t n_pixels;
} LrnWork;

/* A plane of the output: channel i % C of picture i / C. */
static void
lrn_piece (void *data, size_t i, unsigned worker)
{
  const LrnWork *work = data;
  const LrnConfig *config = work->config;
  const size_t plane = work->n_pixels;
  const int64_t c = (int64_t) i % work->n_channels;
  const int64_t before = (config->size - 1) / 2, after = config->size / 2;
  const int64_t first = MAX (c - before, 0);
  const int64_t last = MIN (c + after, work->n_channels - 1);
  const float *x = work->x + i * plane;
  const float scale = config->alpha / (float) config->size;

  for (size_t p = 0; p < plane; p++) {
    float sum = 0;

    for (int64_t k = first; k <= last; k++) {
      const float v = x[(k - c) * (int64_t) plane + (int64_t) p];

      sum += v * v;
    }
    work->y[i * plane + p] =
      x[p] * powf (config->bias + scale * sum, -config->beta);
  }
}

static void
lrn_forward (const DmlNode *node, DmlExec *exec)
{
  const DmlShape *shape = dml_node_in_shape (node, 0);
  LrnWork work = { .config = node->config,
                   .x = dml_exec_in (exec, node, 0),
                   .y = dml_exec_out (exec, node, 0),
                   .n_channels = shape->dim[1],
                   .n_pixels = dml_shape_span (shape, 2, shape->rank) };

  dml_parallel_for (dml_shape_span (shape, 0, 2), exec->n_threads, lrn_piece,
                    &work);
}

const DmlOp dml_op_lrn = {
  .onnx_name = "LRN",
  .min_in = 1,
  .max_in = 1,
  .min_out = 1,
  .max_out = 1,
  .config_size = sizeof (LrnConfig),
  .configure = lrn_configure,
  .infer_shape = lrn_infer_shape,
  .forward = lrn_forward,
};
