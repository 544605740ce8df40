/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Generalised mean over a channel, with one learned exponent (GeM; Radenovic,
 * Tolias and Chum 2019, arXiv:1711.02512, equation 3). Ours: the ONNX writer
 * expands it to Clip, Pow, GlobalAveragePool, Pow.
 *
 *   x  N x C x H x W;  p  one number;  y  N x C x 1 x 1;  P = H W
 *   z = max (x, EPS);   m = sum z^p / P;   y = m^(1/p)
 *   dx += dy y / (P m) z^(p-1)                    where x > EPS
 *   dp += sum dy y / p (sum z^p log z / (P m) - log (m) / p)
 *
 * p is clamped to [1, 8] (below it is no mean of peaks, above float32's range
 * ends); outside it has no gradient that leads further out. Powers are taken in
 * double: they are few and z^8 of a small z is not a normal float. */
#include "nn/op.h"
#include "nn/ops/pool_gem.h"

#include <math.h>

static gboolean
gem_infer_shape (DmlNode *node, GError **error)
{
  const DmlShape *x = dml_node_in_shape (node, 0);
  const DmlShape *p = dml_node_in_shape (node, 1);

  if (!dml_node_want_f32 (node, 0, 4, error) ||
      !dml_node_want_f32 (node, 1, -1, error))
    return FALSE;
  if (dml_shape_span (p, 0, p->rank) != 1)
    return dml_node_fail (node, error, FORMAT, "p is not one number");
  return dml_node_set_out (node, 0, DML_F32,
                           &DML_SHAPE (x->dim[0], x->dim[1], 1, 1), error);
}

/* Parts of dp, one a plane. */
static void
gem_sizes (const DmlNode *node, gboolean training, DmlOpSizes *sizes)
{
  if (training)
    sizes->shared =
      dml_shape_span (dml_node_in_shape (node, 0), 0, 2) * sizeof (double);
}

typedef struct {
  size_t n; /* elements of a plane */
  double p;
  const float *x, *dy;
  float *y, *dx;
  double *dp;
} Gem;

static Gem
gem_of (const DmlNode *node, DmlExec *exec)
{
  const float p = *(const float *) dml_exec_in (exec, node, 1);

  return (Gem){ .n = dml_shape_span (dml_node_in_shape (node, 0), 2, 4),
                .p = CLAMP ((double) p, GEM_P_MIN, GEM_P_MAX),
                .x = dml_exec_in (exec, node, 0),
                .y = dml_exec_out (exec, node, 0) };
}

/* z^p; p = 3 is where training starts and what most encoders keep. */
static double
gem_power (double z, double p)
{
  return p == 3.0 ? z * z * z : p == 1.0 ? z : pow (z, p);
}

static void
gem_plane (void *data, size_t i, unsigned worker)
{
  const Gem *g = data;
  const float *x = g->x + i * g->n;
  double sum = 0;

  for (size_t k = 0; k < g->n; k++) {
    const double z = (double) x[k];

    sum += gem_power (z < GEM_EPS ? GEM_EPS : z, g->p); /* NaN stays */
  }
  g->y[i] = (float) pow (sum / (double) g->n, 1 / g->p);
}

static void
gem_forward (const DmlNode *node, DmlExec *exec)
{
  Gem g = gem_of (node, exec);

  dml_parallel_for (dml_shape_span (dml_node_in_shape (node, 0), 0, 2),
                    exec->n_threads, gem_plane, &g);
}

static void
gem_grad_plane (void *data, size_t i, unsigned worker)
{
  const Gem *g = data;
  const float *x = g->x + i * g->n;
  const double n = (double) g->n;
  double sum = 0, sum_log = 0, m, y, scale;

  for (size_t k = 0; k < g->n; k++) {
    const double z = MAX ((double) x[k], GEM_EPS);
    const double power = gem_power (z, g->p);

    sum += power;
    sum_log += power * log (z);
  }
  m = sum / n;
  y = pow (m, 1 / g->p);
  scale = (double) g->dy[i] * y / sum;
  g->dp[i] = (double) g->dy[i] * y / g->p * (sum_log / sum - log (m) / g->p);
  for (size_t k = 0; g->dx != NULL && k < g->n; k++)
    if ((double) x[k] > GEM_EPS)
      g->dx[i * g->n + k] +=
        (float) (scale * gem_power ((double) x[k], g->p) / (double) x[k]);
}

static void
gem_backward (const DmlNode *node, DmlExec *exec)
{
  const size_t planes = dml_shape_span (dml_node_in_shape (node, 0), 0, 2);
  const float p = *(const float *) dml_exec_in (exec, node, 1);
  float *dp = dml_exec_din (exec, node, 1);
  Gem g = gem_of (node, exec);
  double sum = 0;

  g.dy = dml_exec_dout (exec, node, 0);
  g.dx = dml_exec_din (exec, node, 0);
  g.dp = dml_exec_shared (exec);
  dml_parallel_for (planes, exec->n_threads, gem_grad_plane, &g);
  if (dp == NULL)
    return;
  for (size_t i = 0; i < planes; i++)
    sum += g.dp[i];
  /* At a bound only the way back is open: a step goes against the gradient. */
  if (((double) p > GEM_P_MIN || sum < 0) &&
      ((double) p < GEM_P_MAX || sum > 0))
    *dp += (float) sum;
}

const DmlOp dml_op_pool_gem = {
  .onnx_name = "GeMPool",
  .domain = "dml",
  .min_in = 2,
  .max_in = 2,
  .min_out = 1,
  .max_out = 1,
  .infer_shape = gem_infer_shape,
  .sizes = gem_sizes,
  .forward = gem_forward,
  .backward = gem_backward,
  .backward_in = 1,
  .roles = { 0, DML_VALUE_PARAM | DML_VALUE_NO_DECAY },
  .flags = DML_OP_OURS,
};
