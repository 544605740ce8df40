/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Clipping (ONNX Clip; ReLU6 as PyTorch exports it). Bounds are attributes
 * before opset 11 and inputs since, which must be known before running.
 *
 *   y = x < lo ? lo : x > hi ? hi : x        dx += dy where lo < x < hi
 */
#include "nn/ops/clip.h"

#include <float.h>
#include <math.h>

static gboolean
clip_configure (DmlNode *node, GError **error)
{
  DmlClip *clip = node->config;

  return dml_node_get_float (node, "min", -INFINITY, &clip->lo, error) &&
         dml_node_get_float (node, "max", INFINITY, &clip->hi, error);
}

static gboolean
clip_bound (const DmlNode *node, unsigned i, float *bound, GError **error)
{
  const DmlTensor *t;

  if (!dml_node_has_in (node, i))
    return TRUE;
  t = node->in[i]->known;
  if (t == NULL || t->dtype != DML_F32 || t->n != 1)
    return dml_node_fail (node, error, UNSUPPORTED,
                          "input %u is not one number that is known", i);
  *bound = *(const float *) t->data;
  return TRUE;
}

static gboolean
clip_infer_shape (DmlNode *node, GError **error)
{
  DmlClip *clip = node->config;

  return clip_bound (node, 1, &clip->lo, error) &&
         clip_bound (node, 2, &clip->hi, error) &&
         dml_unary_infer_shape (node, error);
}

static void
clip_span (void *data, size_t first, size_t n)
{
  const DmlUnaryCall *call = data;
  const DmlClip *clip = call->node->config;

  call->kern->clip_f32 (call->y + first, call->x + first, clip->lo, clip->hi,
                        n);
}

static void
clip_forward (const DmlNode *node, DmlExec *exec)
{
  dml_unary_forward (node, exec, clip_span);
}

static void
clip_grad_span (void *data, size_t first, size_t n)
{
  const DmlUnaryCall *call = data;
  const DmlClip *clip = call->node->config;

  /* y tells as much as x: at a bound it is the bound. */
  call->kern->clip_grad_f32 (call->dx + first, call->dy + first,
                             call->y + first, clip->lo, clip->hi, n);
}

static void
clip_backward (const DmlNode *node, DmlExec *exec)
{
  dml_unary_backward (node, exec, clip_grad_span);
}

const DmlOp dml_op_clip = {
  .onnx_name = "Clip",
  .min_in = 1,
  .max_in = 3,
  .min_out = 1,
  .max_out = 1,
  .config_size = sizeof (DmlClip),
  .configure = clip_configure,
  .infer_shape = clip_infer_shape,
  .forward = clip_forward,
  .backward = clip_backward,
  .backward_out = 1,
  .flags = DML_OP_INPLACE,
};
