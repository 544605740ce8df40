/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Dropout (ONNX Dropout; Srivastava et al. 2014): nothing when inferring.
 *
 *   training: y = x keep / (1 - ratio), keep ~ Bernoulli (1 - ratio)
 *   dx += dy keep / (1 - ratio)
 *
 * The mask is drawn from (seed, step, node, image): the same for any number of
 * threads, and again for a second forward of the step. */
#include "base/rng.h"
#include "nn/ops/view.h"

typedef struct {
  float ratio; /* [0, 1) */
} Dropout;

static gboolean
dropout_configure (DmlNode *node, GError **error)
{
  Dropout *dropout = node->config;
  const DmlTensor *ratio =
    dml_node_has_in (node, 1) ? node->in[1]->constant : NULL;

  if (!dml_node_get_float (node, "ratio", 0.5f, &dropout->ratio, error))
    return FALSE;
  if (ratio != NULL && ratio->dtype == DML_F32 && ratio->n == 1)
    dropout->ratio = *(const float *) ratio->data;
  if (!(dropout->ratio >= 0 && dropout->ratio < 1))
    return dml_node_fail (node, error, FORMAT,
                          "ratio is %g, expected 0 or more and below 1",
                          (double) dropout->ratio);
  if (node->n_out > 1 && node->out[1] != NULL &&
      dml_graph_count_readers (node->graph, node->out[1]) > 0)
    return dml_node_fail (node, error, UNSUPPORTED, "its mask is read");
  return TRUE;
}

static gboolean
dropout_infer_shape (DmlNode *node, GError **error)
{
  const DmlShape *x = dml_node_in_shape (node, 0);

  return dml_node_want_f32 (node, 0, -1, error) &&
         (node->n_out < 2 || dml_node_set_out (node, 1, DML_BOOL, x, error)) &&
         dml_node_set_out (node, 0, DML_F32, x, error);
}

typedef struct {
  const DmlNode *node;
  const DmlExec *exec;
  size_t n; /* elements of an image */
  const float *from;
  float *to;
  gboolean add;
} Mask;

/* to = (or +=) from * mask / (1 - ratio), for one image */
static void
dropout_image (void *data, size_t i, unsigned worker)
{
  const Mask *mask = data;
  const float ratio = ((const Dropout *) mask->node->config)->ratio;
  const float scale = 1 / (1 - ratio);
  const uint32_t below = (uint32_t) ((double) ratio * 0x1p32);
  DmlRng rng;

  dml_rng_init (
    &rng, mask->exec->seed,
    dml_rng_stream (dml_rng_stream (mask->exec->step, mask->node->index), i));
  for (size_t k = i * mask->n; k < (i + 1) * mask->n; k++) {
    const float v = dml_rng_u32 (&rng) < below ? 0 : mask->from[k] * scale;

    mask->to[k] = mask->add ? mask->to[k] + v : v;
  }
}

static void
dropout_forward (const DmlNode *node, DmlExec *exec)
{
  const DmlShape *x = dml_node_in_shape (node, 0);
  Mask mask = { .node = node,
                .exec = exec,
                .n = dml_shape_span (x, 1, x->rank),
                .from = dml_exec_in (exec, node, 0),
                .to = dml_exec_out (exec, node, 0) };

  if (!dml_exec_training (exec))
    dml_view_forward (node, exec);
  else
    dml_parallel_for (x->rank > 0 ? x->dim[0] : 1, exec->n_threads,
                      dropout_image, &mask);
}

static void
dropout_backward (const DmlNode *node, DmlExec *exec)
{
  const DmlShape *x = dml_node_in_shape (node, 0);
  Mask mask = { .node = node,
                .exec = exec,
                .n = dml_shape_span (x, 1, x->rank),
                .from = dml_exec_dout (exec, node, 0),
                .to = dml_exec_din (exec, node, 0),
                .add = TRUE };

  dml_parallel_for (x->rank > 0 ? x->dim[0] : 1, exec->n_threads, dropout_image,
                    &mask);
}

const DmlOp dml_op_dropout = {
  .onnx_name = "Dropout",
  .min_in = 1,
  .max_in = 3,
  .min_out = 1,
  .max_out = 2,
  .config_size = sizeof (Dropout),
  .configure = dropout_configure,
  .infer_shape = dropout_infer_shape,
  .forward = dropout_forward,
  .backward = dropout_backward,
  .flags = DML_OP_VIEW | DML_OP_RANDOM,
};
