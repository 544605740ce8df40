/* SPDX-License-Identifier: LGPL-2.1-or-later
 * L2 normalisation: every row to unit length (ONNX LpNormalization, p = 2).
 *
 *   x, y  N x D;  r  N, kept for backward
 *   r  = 1 / max (|x|, EPS)        y  = r x
 *   dx += r (dy - y <y, dy>)       where |x| > EPS
 *   dx += r dy                     elsewhere: r is a constant there
 */
#include "nn/op.h"

#include <math.h>

#define L2NORM_EPS 1e-12f /* a zero row stays zero, as ONNX asks */

typedef struct {
  int64_t axis;
  size_t n, d; /* for the shape at hand */
} L2norm;

static gboolean
l2norm_configure (DmlNode *node, GError **error)
{
  L2norm *norm = node->config;
  int64_t p;

  if (!dml_node_get_int (node, "p", 2, &p, error) ||
      !dml_node_get_int (node, "axis", -1, &norm->axis, error))
    return FALSE;
  if (p != 2)
    return dml_node_fail (node, error, UNSUPPORTED,
                          "p is %" G_GINT64_FORMAT ", only 2 is supported", p);
  return TRUE;
}

static gboolean
l2norm_infer_shape (DmlNode *node, GError **error)
{
  L2norm *norm = node->config;
  const DmlShape *x = dml_node_in_shape (node, 0);
  int axis;

  if (!dml_node_want_f32 (node, 0, -1, error) ||
      !dml_node_axis (node, norm->axis, x->rank, &axis, error))
    return FALSE;
  if (dml_shape_span (x, axis + 1, x->rank) != 1)
    return dml_node_fail (node, error, UNSUPPORTED,
                          "axis %d is not the last one", axis);
  norm->n = dml_shape_span (x, 0, axis);
  norm->d = x->dim[axis];
  return dml_node_set_out (node, 0, DML_F32, x, error);
}

static void
l2norm_sizes (const DmlNode *node, gboolean training, DmlOpSizes *sizes)
{
  const L2norm *norm = node->config;

  if (training)
    sizes->kept = norm->n * sizeof (float);
}

static void
l2norm_forward (const DmlNode *node, DmlExec *exec)
{
  const DmlKernels *kern = exec->kernels;
  const size_t n = ((const L2norm *) node->config)->n;
  const size_t d = ((const L2norm *) node->config)->d;
  const float *x = dml_exec_in (exec, node, 0);
  float *y = dml_exec_out (exec, node, 0); /* may be x */
  float *r = dml_exec_kept (exec, node);   /* NULL when only inferring */

  for (size_t i = 0; i < n; i++, x += d, y += d) {
    const float norm = sqrtf (kern->sumsq_f32 (x, d));
    const float inv = 1.0f / MAX (L2NORM_EPS, norm); /* NaN passes this way */

    kern->scale_f32 (y, x, inv, d);
    if (r != NULL)
      r[i] = inv;
  }
}

/* Adds to dx: several nodes may read the same x. */
static void
l2norm_backward (const DmlNode *node, DmlExec *exec)
{
  const DmlKernels *kern = exec->kernels;
  const size_t n = ((const L2norm *) node->config)->n;
  const size_t d = ((const L2norm *) node->config)->d;
  const float *r = dml_exec_kept (exec, node);
  const float *y = dml_exec_out (exec, node, 0);
  const float *dy = dml_exec_dout (exec, node, 0);
  float *dx = dml_exec_din (exec, node, 0);

  for (size_t i = 0; i < n; i++, y += d, dy += d, dx += d) {
    kern->axpy_f32 (dx, r[i], dy, d);
    if (r[i] < 1.0f / L2NORM_EPS)
      kern->axpy_f32 (dx, -r[i] * kern->dot_f32 (y, dy, d), y, d);
  }
}

const DmlOp dml_op_l2norm = {
  .onnx_name = "LpNormalization",
  .min_in = 1,
  .max_in = 1,
  .min_out = 1,
  .max_out = 1,
  .config_size = sizeof (L2norm),
  .configure = l2norm_configure,
  .infer_shape = l2norm_infer_shape,
  .sizes = l2norm_sizes,
  .forward = l2norm_forward,
  .backward = l2norm_backward,
  .backward_out = 1,
  .flags = DML_OP_INPLACE,
};
