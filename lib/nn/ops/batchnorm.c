/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Batch normalisation (ONNX BatchNormalization; Ioffe and Szegedy 2015,
 * arXiv:1502.03167, algorithm 1).
 *
 *   x, y  N x C x ...;  scale, bias, mean, var  C
 *   y  = scale (x - mu) r + bias,   r = 1 / sqrt (v + epsilon)
 *   mu, v   of the batch when training, otherwise the running mean and var
 *
 *   batch statistics, S = elements of a channel, h = (x - mu) r:
 *     dscale += sum (dy h);   dbias += sum dy
 *     dx += scale r (dy - sum dy / S - h sum (dy h) / S)
 *   running statistics: dx += scale r dy
 *
 *   running = momentum running + (1 - momentum) batch. As in PyTorch the
 *   running variance takes the unbiased estimate (S - 1), ONNX's text the
 *   biased one; it matters for small S only (docs/numerics.md). */
#include "nn/ops/batchnorm.h"

#include <math.h>
#include <string.h>

/* Kept from forward to backward. */
typedef struct {
  float *mean, *rstd; /* C */
  gboolean *batch;    /* 1: they are the batch's, not the running ones */
} Kept;

/* What re-estimation gathers, over all batches seen. */
typedef struct {
  double *sum, *sumsq; /* C: of S mean, of S (var + mean^2) */
  double *weight;      /* 1: of S, the elements of a channel */
} Estimate;

static gboolean
batchnorm_configure (DmlNode *node, GError **error)
{
  DmlBatchNorm *bn = node->config;
  int64_t training;

  if (!dml_node_get_float (node, "epsilon", 1e-5f, &bn->epsilon, error) ||
      !dml_node_get_float (node, "momentum", 0.9f, &bn->momentum, error) ||
      !dml_node_get_int (node, "training_mode", 0, &training, error))
    return FALSE;
  for (unsigned i = 1; i < node->n_out; i++)
    if (node->out[i] != NULL &&
        dml_graph_count_readers (node->graph, node->out[i]) > 0)
      training = 1;
  if (training != 0)
    return dml_node_fail (node, error, UNSUPPORTED,
                          "exported in training mode; export the model after "
                          "model.eval ()");
  return TRUE;
}

static gboolean
batchnorm_infer_shape (DmlNode *node, GError **error)
{
  const DmlShape *x = dml_node_in_shape (node, 0);

  if (!dml_node_want_f32 (node, 0, -1, error))
    return FALSE;
  if (x->rank < 2)
    return dml_node_fail (node, error, FORMAT,
                          "input of rank %d, expected 2 "
                          "or more",
                          x->rank);
  for (unsigned i = 1; i < 5; i++) {
    if (!dml_node_want_f32 (node, i, 1, error))
      return FALSE;
    if (dml_node_in_shape (node, i)->dim[0] != x->dim[1])
      return dml_node_fail (node, error, FORMAT,
                            "input %u has %" G_GINT64_FORMAT
                            " numbers for %" G_GINT64_FORMAT " channels",
                            i, dml_node_in_shape (node, i)->dim[0], x->dim[1]);
  }
  for (unsigned i = 1; i < node->n_out; i++)
    if (!dml_node_set_out (node, i, DML_F32, dml_node_in_shape (node, 3),
                           error))
      return FALSE;
  return dml_node_set_out (node, 0, DML_F32, x, error);
}

static void
batchnorm_sizes (const DmlNode *node, gboolean training, DmlOpSizes *sizes)
{
  const size_t c = dml_node_in_shape (node, 0)->dim[1];

  if (training) {
    sizes->kept = 2 * c * sizeof (float) + sizeof (gboolean);
    sizes->state = (2 * c + 1) * sizeof (double);
  }
}

static Kept
kept_of (const DmlNode *node, const DmlExec *exec)
{
  const size_t c = dml_node_in_shape (node, 0)->dim[1];
  Kept kept = { .mean = dml_exec_kept (exec, node) };

  kept.rstd = kept.mean + c;
  kept.batch = (gboolean *) (kept.rstd + c);
  return kept;
}

static Estimate
estimate_of (const DmlNode *node, const DmlExec *exec)
{
  const size_t c = dml_node_in_shape (node, 0)->dim[1];
  Estimate estimate = { .sum = dml_exec_state (exec, node) };

  estimate.sumsq = estimate.sum + c;
  estimate.weight = estimate.sumsq + c;
  return estimate;
}

typedef struct {
  const DmlNode *node;
  DmlExec *exec;
  const DmlBatchNorm *bn;
  size_t n, c, p; /* images, channels, elements of a plane */
  const float *x, *scale, *bias;
  float *mean, *var; /* running */
  float *y;
  Kept kept; /* NULLs when only inferring */
  Estimate estimate;
  const float *dy; /* backward only */
  float *dx, *dscale, *dbias;
} Batch;

static Batch
batch_of (const DmlNode *node, DmlExec *exec)
{
  const DmlShape *x = dml_node_in_shape (node, 0);

  return (Batch){ .node = node,
                  .exec = exec,
                  .bn = node->config,
                  .n = x->dim[0],
                  .c = x->dim[1],
                  .p = dml_shape_span (x, 2, x->rank),
                  .x = dml_exec_in (exec, node, 0),
                  .scale = dml_exec_in (exec, node, 1),
                  .bias = dml_exec_in (exec, node, 2),
                  .mean = dml_exec_in (exec, node, 3),
                  .var = dml_exec_in (exec, node, 4),
                  .y = dml_exec_out (exec, node, 0) };
}

/* Mean and biased variance of channel c. The batch is summed image by image in
 * double about the channel's first element. */
static void
batch_moments (const Batch *b, size_t c, double *mean, double *var)
{
  const double s = (double) b->n * (double) b->p;
  const float shift = b->x[c * b->p];
  double sum = 0, sumsq = 0;

  if (b->p == 1) { /* N x C: a channel is a column */
    for (size_t i = 0; i < b->n; i++) {
      const double d = (double) b->x[i * b->c + c] - (double) shift;

      sum += d;
      sumsq += d * d;
    }
  } else {
    for (size_t i = 0; i < b->n; i++)
      b->exec->kernels->moments_f32 (b->x + (i * b->c + c) * b->p, b->p, shift,
                                     &sum, &sumsq);
  }
  *mean = (double) shift + sum / s;
  *var = MAX (0.0, sumsq / s - (sum / s) * (sum / s));
}

/* What training does with the statistics of channel c. */
static void
batch_record (const Batch *b, size_t c, double mean, double var)
{
  const double s = (double) b->n * (double) b->p;
  const double m = (double) b->bn->momentum;

  if (b->exec->mode == DML_EXEC_TRAIN) {
    const double unbiased = s > 1 ? var * s / (s - 1) : var;

    b->mean[c] = (float) (m * (double) b->mean[c] + (1 - m) * mean);
    b->var[c] = (float) (m * (double) b->var[c] + (1 - m) * unbiased);
  } else if (b->exec->mode == DML_EXEC_TRAIN_ESTIMATE) {
    b->estimate.sum[c] += s * mean;
    b->estimate.sumsq[c] += s * (var + mean * mean);
  }
}

/* y = a x + o over the channel, and the epilogue; y may be x. */
static void
channel_affine (const Batch *b, size_t c, float a, float o)
{
  const DmlKernels *kern = b->exec->kernels;
  const DmlEpilogue *e = &b->node->epilogue;

  for (size_t i = 0; i < b->n; i++) {
    float *y = b->y + (i * b->c + c) * b->p;

    kern->affine_f32 (y, b->x + (i * b->c + c) * b->p, a, o, b->p);
    if (e->clamp)
      kern->clip_f32 (y, y, e->lo, e->hi, b->p);
  }
}

static void
batchnorm_channel (void *data, size_t c, unsigned worker)
{
  const Batch *b = data;
  double mean = (double) b->mean[c], var = (double) b->var[c], rstd, a;

  if (b->kept.batch != NULL && *b->kept.batch) {
    batch_moments (b, c, &mean, &var);
    batch_record (b, c, mean, var);
  }
  rstd = 1.0 / sqrt (var + (double) b->bn->epsilon);
  a = (double) b->scale[c] * rstd;
  if (b->kept.mean != NULL) {
    b->kept.mean[c] = (float) mean;
    b->kept.rstd[c] = (float) rstd;
  }
  channel_affine (b, c, (float) a, (float) ((double) b->bias[c] - a * mean));
}

static void
batchnorm_forward (const DmlNode *node, DmlExec *exec)
{
  Batch b = batch_of (node, exec);

  if (dml_exec_kept (exec, node) != NULL) {
    b.kept = kept_of (node, exec);
    b.estimate = estimate_of (node, exec);
    *b.kept.batch =
      dml_exec_training (exec) && !(node->in[3]->flags & DML_VALUE_FROZEN);
    if (*b.kept.batch && exec->mode == DML_EXEC_TRAIN_ESTIMATE)
      *b.estimate.weight += (double) b.n * (double) b.p;
  }
  dml_parallel_for (b.c, exec->n_threads, batchnorm_channel, &b);
}

static void
batchnorm_backward_channel (void *data, size_t c, unsigned worker)
{
  const Batch *b = data;
  const DmlKernels *kern = b->exec->kernels;
  const double s = (double) b->n * (double) b->p;
  const double mean = (double) b->kept.mean[c];
  const double rstd = (double) b->kept.rstd[c];
  const double a = (double) b->scale[c] * rstd;
  double sum = 0, dot = 0, u = 0, o = 0; /* dx += a dy + u x + o */

  for (size_t i = 0; i < b->n; i++) {
    const size_t at = (i * b->c + c) * b->p;

    kern->grad_moments_f32 (b->dy + at, b->x + at, b->p, (float) mean, &sum,
                            &dot);
  }
  if (b->dscale != NULL)
    b->dscale[c] += (float) (dot * rstd);
  if (b->dbias != NULL)
    b->dbias[c] += (float) sum;
  if (b->dx == NULL)
    return;
  if (*b->kept.batch) {
    u = -a * rstd * rstd * dot / s;
    o = -a * sum / s - u * mean;
  }
  for (size_t i = 0; i < b->n; i++) {
    const size_t at = (i * b->c + c) * b->p;

    kern->add_affine2_f32 (b->dx + at, (float) a, b->dy + at, (float) u,
                           b->x + at, (float) o, b->p);
  }
}

static void
batchnorm_backward (const DmlNode *node, DmlExec *exec)
{
  Batch b = batch_of (node, exec);

  b.kept = kept_of (node, exec);
  b.dy = dml_exec_dout (exec, node, 0);
  b.dx = dml_exec_din (exec, node, 0);
  b.dscale = dml_exec_din (exec, node, 1);
  b.dbias = dml_exec_din (exec, node, 2);
  dml_parallel_for (b.c, exec->n_threads, batchnorm_backward_channel, &b);
}

static void
batchnorm_estimate_begin (const DmlNode *node, DmlExec *exec)
{
  const size_t c = dml_node_in_shape (node, 0)->dim[1];

  memset (estimate_of (node, exec).sum, 0, (2 * c + 1) * sizeof (double));
}

static void
batchnorm_estimate_end (const DmlNode *node, DmlExec *exec)
{
  const size_t c = dml_node_in_shape (node, 0)->dim[1];
  const Estimate seen = estimate_of (node, exec);
  float *mean = dml_exec_in (exec, node, 3), *var = dml_exec_in (exec, node, 4);
  const double s = *seen.weight;

  if (s <= 1)
    return; /* nothing seen, or frozen */
  for (size_t i = 0; i < c; i++) {
    const double m = seen.sum[i] / s;

    mean[i] = (float) m;
    var[i] = (float) (MAX (0.0, seen.sumsq[i] / s - m * m) * s / (s - 1));
  }
}

const DmlOp dml_op_batchnorm = {
  .onnx_name = "BatchNormalization",
  .min_in = 5,
  .max_in = 5,
  .min_out = 1,
  .max_out = 5,
  .config_size = sizeof (DmlBatchNorm),
  .configure = batchnorm_configure,
  .infer_shape = batchnorm_infer_shape,
  .sizes = batchnorm_sizes,
  .forward = batchnorm_forward,
  .backward = batchnorm_backward,
  .estimate_begin = batchnorm_estimate_begin,
  .estimate_end = batchnorm_estimate_end,
  .backward_in = 1,
  .roles = { 0, DML_VALUE_PARAM | DML_VALUE_NO_DECAY,
             DML_VALUE_PARAM | DML_VALUE_NO_DECAY, DML_VALUE_STATISTIC,
             DML_VALUE_STATISTIC },
  .flags = DML_OP_INPLACE | DML_OP_EPILOGUE,
};
