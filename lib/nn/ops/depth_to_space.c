/* SPDX-License-Identifier: LGPL-2.1-or-later
 * DepthToSpace and SpaceToDepth: channels to pixels and back, b = blocksize.
 *
 *   DepthToSpace  x N x C b b x H x W to y N x C x H b x W b; mode DCR has the
 *                 block's place in the outer part of the channel, CRD in the
 *                 inner one
 *   SpaceToDepth  the inverse of DCR */
#include "nn/op.h"
#include "nn/ops/strided.h"

#include <string.h>

typedef struct {
  int64_t block;
  gboolean crd, to_depth;
} DepthConfig;

static gboolean
depth_configure (DmlNode *node, GError **error)
{
  DepthConfig *config = node->config;
  const char *mode;

  if (!dml_node_get_int (node, "blocksize", 0, &config->block, error) ||
      !dml_node_get_string (node, "mode", "DCR", &mode, error))
    return FALSE;
  config->crd = strcmp (mode, "CRD") == 0;
  config->to_depth = strcmp (node->op_name, "SpaceToDepth") == 0;
  if (config->block < 1 || config->block > 1024)
    return dml_node_fail (node, error, FORMAT, "blocksize is %" G_GINT64_FORMAT,
                          config->block);
  return TRUE;
}

static gboolean
depth_infer_shape (DmlNode *node, GError **error)
{
  const DepthConfig *config = node->config;
  const int64_t b = config->block;
  const DmlShape *x = dml_node_in_shape (node, 0);
  g_autofree char *text = dml_shape_to_string (x);
  DmlShape y = *x;

  if (x->rank != 4 ||
      (config->to_depth ? x->dim[2] % b || x->dim[3] % b : x->dim[1] % (b * b)))
    return dml_node_fail (node, error, FORMAT,
                          "blocksize %" G_GINT64_FORMAT " does not divide %s",
                          b, text);
  y.dim[1] = config->to_depth ? x->dim[1] * b * b : x->dim[1] / (b * b);
  y.dim[2] = config->to_depth ? x->dim[2] / b : x->dim[2] * b;
  y.dim[3] = config->to_depth ? x->dim[3] / b : x->dim[3] * b;
  return dml_node_set_out (node, 0, node->in[0]->dtype, &y, error);
}

static void
depth_forward (const DmlNode *node, DmlExec *exec)
{
  const DepthConfig *config = node->config;
  const DmlShape *x = dml_node_in_shape (node, 0);
  const int64_t b = config->block, h = x->dim[2], w = x->dim[3];
  const int64_t c = config->to_depth ? x->dim[1] : x->dim[1] / (b * b);
  DmlStrided walk = { .rank = 6 };

  if (config->to_depth) /* y: N, b, b, C, H / b, W / b */
    walk = (DmlStrided){
      .rank = 6,
      .dim = { x->dim[0], b, b, c, h / b, w / b },
      .stride = { c * h * w, w, 1, h * w, b * w, b },
    };
  else /* y: N, C, H, b, W, b */
    walk = (DmlStrided){
      .rank = 6,
      .dim = { x->dim[0], c, h, b, w, b },
      .stride = { c * b * b * h * w, config->crd ? b * b * h * w : h * w, w,
                  config->crd ? b * h * w : b * c * h * w, 1,
                  config->crd ? h * w : c * h * w },
    };
  dml_strided_copy (&walk, dml_dtype_size (node->in[0]->dtype),
                    dml_exec_out (exec, node, 0), dml_exec_in (exec, node, 0));
}

#define DEPTH_OP(symbol, name)                                                 \
  const DmlOp dml_op_##symbol = {                                              \
    .onnx_name = name,                                                         \
    .min_in = 1,                                                               \
    .max_in = 1,                                                               \
    .min_out = 1,                                                              \
    .max_out = 1,                                                              \
    .config_size = sizeof (DepthConfig),                                       \
    .configure = depth_configure,                                              \
    .infer_shape = depth_infer_shape,                                          \
    .forward = depth_forward,                                                  \
  }

DEPTH_OP (depth_to_space, "DepthToSpace");
DEPTH_OP (space_to_depth, "SpaceToDepth");
