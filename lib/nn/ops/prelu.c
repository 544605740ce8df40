/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Rectifier with a learned slope (ONNX PRelu; He et al. 2015,
 * arXiv:1502.01852, section 2.1).
 *
 *   x, y  N x C x ...;  a  one slope, or one a channel (C x 1 x 1)
 *   y = x > 0 ? x : a x
 *   dx += x > 0 ? dy : a dy;   da += sum of dy x where x < 0
 */
#include "nn/op.h"

static gboolean
prelu_infer_shape (DmlNode *node, GError **error)
{
  const DmlShape *x = dml_node_in_shape (node, 0);
  const DmlShape *a = dml_node_in_shape (node, 1);
  size_t n;
  int channel;

  if (!dml_node_want_f32 (node, 0, -1, error) ||
      !dml_node_want_f32 (node, 1, -1, error))
    return FALSE;
  n = dml_shape_span (a, 0, a->rank);
  /* PyTorch writes C x 1 x 1 for N x C x H x W; the dimension of x that a's
   * only long one meets has to be the channel. */
  channel = a->rank - (x->rank - 1);
  if (n != 1 && (x->rank < 2 || channel < 0 || channel >= a->rank ||
                 a->dim[channel] != x->dim[1] || n != (size_t) x->dim[1])) {
    g_autofree char *s = dml_shape_to_string (a);

    return dml_node_fail (node, error, UNSUPPORTED,
                          "slope of shape %s; one number or one a channel is "
                          "supported",
                          s);
  }
  return dml_node_set_out (node, 0, DML_F32, x, error);
}

typedef struct {
  DmlExec *exec;
  size_t n, c, p;  /* images, channels, elements of a plane */
  gboolean shared; /* one slope for all */
  const float *x, *a, *dy;
  float *y, *dx, *da;
} Prelu;

static Prelu
prelu_of (const DmlNode *node, DmlExec *exec)
{
  const DmlShape *x = dml_node_in_shape (node, 0);
  const DmlShape *a = dml_node_in_shape (node, 1);
  Prelu p = { .exec = exec,
              .n = x->rank > 0 ? (size_t) x->dim[0] : 1,
              .c = x->rank > 1 ? (size_t) x->dim[1] : 1,
              .p = dml_shape_span (x, 2, x->rank),
              .x = dml_exec_in (exec, node, 0),
              .a = dml_exec_in (exec, node, 1),
              .y = dml_exec_out (exec, node, 0) };

  p.shared = dml_shape_span (a, 0, a->rank) == 1;
  return p;
}

static void
prelu_plane (void *data, size_t i, unsigned worker)
{
  const Prelu *p = data;
  const float slope = p->a[p->shared ? 0 : i % p->c];

  p->exec->kernels->leaky_f32 (p->y + i * p->p, p->x + i * p->p, slope, p->p);
}

static void
prelu_forward (const DmlNode *node, DmlExec *exec)
{
  Prelu p = prelu_of (node, exec);

  dml_parallel_for (p.n * p.c, exec->n_threads, prelu_plane, &p);
}

/* A channel, over the images in order. */
static void
prelu_grad_channel (void *data, size_t c, unsigned worker)
{
  const Prelu *p = data;
  const DmlKernels *kern = p->exec->kernels;
  float da = 0;

  for (size_t i = 0; i < p->n; i++) {
    const size_t at = (i * p->c + c) * p->p;

    if (p->dx != NULL)
      kern->leaky_grad_f32 (p->dx + at, p->dy + at, p->x + at,
                            p->a[p->shared ? 0 : c], p->p);
    da += kern->leaky_dslope_f32 (p->dy + at, p->x + at, p->p);
  }
  if (p->da != NULL)
    p->da[p->shared ? 0 : c] += da;
}

static void
prelu_backward (const DmlNode *node, DmlExec *exec)
{
  Prelu p = prelu_of (node, exec);

  p.dy = dml_exec_dout (exec, node, 0);
  p.dx = dml_exec_din (exec, node, 0);
  p.da = dml_exec_din (exec, node, 1);
  /* All channels add to a shared slope: one after the other. */
  dml_parallel_for (p.c, p.shared ? 1 : exec->n_threads, prelu_grad_channel,
                    &p);
}

const DmlOp dml_op_prelu = {
  .onnx_name = "PRelu",
  .min_in = 2,
  .max_in = 2,
  .min_out = 1,
  .max_out = 1,
  .infer_shape = prelu_infer_shape,
  .forward = prelu_forward,
  .backward = prelu_backward,
  .backward_in = 3,
  .roles = { 0, DML_VALUE_PARAM | DML_VALUE_NO_DECAY },
  .flags = DML_OP_INPLACE,
};
