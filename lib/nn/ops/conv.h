/* SPDX-License-Identifier: LGPL-2.1-or-later
 * What a Conv parsed, for the passes, and what conv.c and conv_depthwise.c
 * share. */
#pragma once

#include "nn/ops/window.h"

typedef struct {
  DmlWindow window;
  int64_t group;
  DmlWindow placed; /* for the shapes at hand: pads and kernel resolved */
} DmlConv;

/* The numbers of one layer. */
typedef struct {
  const DmlWindow *window;
  size_t n, c, h, w;     /* input: images, channels, rows, columns */
  size_t m, oh, ow;      /* output channels, rows, columns */
  size_t groups, cg, mg; /* channels of a group, in and out */
  size_t taps;           /* of the kernel */
} DmlConvLayer;

DmlConvLayer dml_conv_layer (const DmlNode *node);

/* y = clip (x + bias [+ residual]). */
typedef struct {
  const DmlKernels *kern;
  const float *bias, *residual; /* NULL where there is none */
  float lo, hi;
} DmlConvEnd;

DmlConvEnd dml_conv_end (const DmlNode *node, const DmlExec *exec);

/* n results of channel m into y, which is element `at` of the output; y may be
 * x. */
void dml_conv_end_row (const DmlConvEnd *end, float *y, const float *x,
                       size_t m, size_t at, size_t n);

/* A group a channel; conv_depthwise.c. */
void dml_conv_depthwise_sizes (const DmlNode *node, gboolean training,
                               DmlOpSizes *sizes);
void dml_conv_depthwise_forward (const DmlNode *node, DmlExec *exec);
void dml_conv_depthwise_backward (const DmlNode *node, DmlExec *exec);
