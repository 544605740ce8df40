/* SPDX-License-Identifier: LGPL-2.1-or-later
 * What AveragePool and MaxPool share: a window over each plane of
 * x  N x C x H x W  that gives  y  N x C x OH x OW. */
#pragma once

#include "nn/ops/window.h"

/* First in an operator's config. */
typedef struct {
  DmlWindow window, placed;
} DmlPool;

/* configure: the window's attributes, of which kernel_shape must be there. */
gboolean dml_pool_configure (DmlNode *node, GError **error);

/* infer_shape: no window may lie in the padding alone. */
gboolean dml_pool_infer_shape (DmlNode *node, GError **error);

/* sizes: a worker has room for a plane with its border. */
void dml_pool_sizes (const DmlNode *node, gboolean training, DmlOpSizes *sizes);

/* One run over the planes. */
typedef struct {
  const DmlWindow *window; /* placed */
  gconstpointer config;    /* the operator's */
  DmlExec *exec;
  size_t n, h, w, oh, ow; /* planes; their sizes */
  DmlBordered border;
  const float *x, *dy;
  float *y, *dx;
} DmlPoolPlanes;

/* forward and backward: @plane, with a DmlPoolPlanes as data, over all of them.
 * In backward x and y are those that the operator keeps (backward_in,
 * backward_out). */
void dml_pool_forward (const DmlNode *node, DmlExec *exec, DmlTask plane);
void dml_pool_backward (const DmlNode *node, DmlExec *exec, DmlTask plane);
