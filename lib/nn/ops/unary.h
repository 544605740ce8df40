/* SPDX-License-Identifier: LGPL-2.1-or-later
 * What element-wise operators of one input share. */
#pragma once

#include "nn/op.h"

/* y has the float32 x's shape. */
gboolean dml_unary_infer_shape (DmlNode *node, GError **error);

/* The arrays of one call, for the functions that spans run. */
typedef struct {
  const DmlNode *node;
  const DmlKernels *kern;
  const float *x;
  float *y;        /* may be x */
  const float *dy; /* these two in backward only */
  float *dx;
} DmlUnaryCall;

/* Runs `span` over all elements with a DmlUnaryCall as data. */
void dml_unary_forward (const DmlNode *node, DmlExec *exec, DmlSpan span);
void dml_unary_backward (const DmlNode *node, DmlExec *exec, DmlSpan span);
