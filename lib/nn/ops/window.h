/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The sliding window that convolutions and pools share: kernel, strides, pads,
 * dilations, auto_pad, ceil_mode of two spatial dimensions. */
#pragma once

#include "nn/op.h"

typedef enum {
  DML_PAD_NOTSET, /* pads as given */
  DML_PAD_SAME_UPPER,
  DML_PAD_SAME_LOWER,
  DML_PAD_VALID,
} DmlAutoPad;

/* Index 0 is the rows (height), 1 the columns (width). */
typedef struct {
  int kernel[2]; /* 0 where the node does not say: the weights' */
  int stride[2], dilation[2];
  int pad_begin[2], pad_end[2]; /* of dml_window_place: resolved */
  DmlAutoPad auto_pad;
  gboolean ceil_mode;
} DmlWindow;

/* Reads kernel_shape, strides, pads, dilations, auto_pad and ceil_mode. */
gboolean dml_window_configure (const DmlNode *node, DmlWindow *window,
                               GError **error);

/* Resolves auto_pad for an input of h x w and says the output's size, which is
 * at least 1 x 1; FORMAT where the window does not fit. */
gboolean dml_window_place (const DmlNode *node, const DmlWindow *window,
                           int64_t h, int64_t w, DmlWindow *placed,
                           int64_t *out_h, int64_t *out_w, GError **error);

/* A plane with its border, for kernels that read without tests. */
typedef struct {
  size_t h, w; /* with the border; w is the row stride too */
  size_t top, left;
} DmlBordered;

/* How large the plane of an h x w input must be so that every window of an
 * oh x ow output lies in it. */
DmlBordered dml_window_border (const DmlWindow *placed, size_t h, size_t w,
                               size_t oh, size_t ow);

/* Copies an h x w plane into its border of `fill`. */
void dml_window_fill (float *plane, const DmlBordered *b, const float *x,
                      size_t h, size_t w, float fill);
