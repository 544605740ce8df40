/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Convolution as training runs it: several images a matrix product. */
#pragma once

#include "nn/im2col.h"
#include "nn/op.h"

/* The numbers of a layer. */
typedef struct {
  DmlIm2col g;           /* of one group */
  size_t n, c, m;        /* images, channels in and out */
  size_t groups, cg, mg; /* groups, channels of a group in and out */
  size_t k, p;           /* rows of a weight, output pixels */
} DmlConvSize;

void dml_conv_train_sizes (const DmlConvSize *s, DmlOpSizes *sizes);

/* y without bias. */
void dml_conv_train_forward (const DmlConvSize *s, const float *x,
                             const float *w, float *y, DmlExec *exec);

/* Adds to dx, dw and db, each of which may be NULL. */
void dml_conv_train_backward (const DmlConvSize *s, const float *x,
                              const float *w, const float *dy, float *dx,
                              float *dw, float *db, DmlExec *exec);
