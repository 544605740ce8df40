/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Element-wise operators of two inputs with ONNX's (numpy's) broadcasting. */
#pragma once

#include "nn/op.h"

/* The output as rows of n elements. A step is 0 where the input repeats one
 * element along the row, otherwise 1. Dimensions that lie one behind the other
 * in both inputs are merged, so that equal shapes are a single row and a
 * channel gate has a row a channel. */
typedef struct {
  size_t n;              /* elements in a row */
  size_t n_rows;         /* rows in all */
  size_t a_step, b_step; /* 0 or 1 */
  int rank;              /* of the loop over rows */
  size_t dim[DML_MAX_RANK], a_stride[DML_MAX_RANK], b_stride[DML_MAX_RANK];
} DmlBroadcast;

/* The common shape of all inputs of a node; FORMAT where they do not fit. */
gboolean dml_broadcast_shape (const DmlNode *node, DmlShape *out,
                              GError **error);

/* How a and b, which fit, become `out`. */
void dml_broadcast_init (DmlBroadcast *bc, const DmlShape *a, const DmlShape *b,
                         const DmlShape *out);

/* How inputs 0 and 1 of a node become its output. */
void dml_broadcast_init_node (DmlBroadcast *bc, const DmlNode *node);

/* Where row i begins in a and b; in the output it begins at i * n. */
void dml_broadcast_row (const DmlBroadcast *bc, size_t row, size_t *a,
                        size_t *b);

/* y[i] = f (a[i * a_step], b[i * b_step]), i < n */
typedef void (*DmlBinaryRow) (void *y, const void *a, size_t a_step,
                              const void *b, size_t b_step, size_t n);

/* Runs `row` over inputs 0 and 1 of a node into output 0; in_size and out_size
 * are the element sizes. */
void dml_broadcast_run (const DmlNode *node, DmlExec *exec, DmlBinaryRow row,
                        size_t in_size, size_t out_size);

/* One row of a backward pass in float32. */
typedef struct {
  size_t n, a_step, b_step;
  const float *dy;    /* n */
  const float *a, *b; /* only where the operator keeps them (backward_in) */
  float *da, *db;     /* added to; NULL where nobody wants it */
} DmlBinaryGrad;

/* Runs `row` over the rows of a node's gradients in order. */
void dml_broadcast_run_back (const DmlNode *node, DmlExec *exec,
                             void (*row) (const DmlBinaryGrad *grad));

/* infer_shape of arithmetic on two inputs of one type that is the result's. */
gboolean dml_broadcast_infer_shape (DmlNode *node, GError **error);

/* The same for float32 and int64 alone, and forward with a row for each. */
gboolean dml_broadcast_infer_sums (DmlNode *node, GError **error);
void dml_broadcast_run_sums (const DmlNode *node, DmlExec *exec,
                             DmlBinaryRow f32, DmlBinaryRow i64);

/* Forward of Expand: the first input, laid out over the output's shape. */
void dml_expand_forward (const DmlNode *node, DmlExec *exec);
