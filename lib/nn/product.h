/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Convolutions as matrix products, cut into pieces that stay in the cache.
 *
 *   dml_product_*       results = packed weights x columns: forward, and
 *                       backward to the input
 *   dml_product_grad_*  dw += dy x columns^T: backward to the weights
 *
 * Order of calls: fill the struct, _plan (which says how much each worker
 * needs), _run. Every result is one sum in one order, whatever the pieces, the
 * threads and the other images (kernels.h: gemm_tile_f32, gemm_nt_f32). */
#pragma once

#include "nn/columns.h"
#include "nn/op.h"

/* What is done with n results of row m, columns first .. first + n - 1. Rows
 * are numbered through the groups. Called once for every result. */
typedef void (*DmlProductEnd) (const void *data, size_t m, size_t first,
                               const float *result, size_t n);

typedef struct {
  DmlColumns g; /* of one group */
  size_t m, groups;
  const float *x; /* the source; group i begins x_group floats further on */
  size_t x_group;
  const float *a; /* packed weights, one group behind the other */
  DmlProductEnd end;
  const void *data;

  /* by dml_product_plan */
  size_t panels, n_bands;   /* panels of gemm_nr columns in a band */
  size_t depth;             /* rows of columns that are held at once */
  size_t m_split, n_splits; /* rows of weights in a piece */
} DmlProduct;

/* Cuts the product up (only g, m and groups have to be set) and says how many
 * bytes of dml_exec_worker it needs. */
size_t dml_product_plan (DmlProduct *product);
void dml_product_run (const DmlProduct *product, const DmlExec *exec);

/* The same for maps of a few pixels (DML_PRODUCT_SMALL and fewer an image);
 * `a` are the weights unpacked, m x channels x taps. The plan says how many
 * bytes of dml_exec_shared are needed as well. */
#define DML_PRODUCT_SMALL 11
size_t dml_product_small_plan (const DmlProduct *product, size_t *shared);
void dml_product_small_run (const DmlProduct *product, const DmlExec *exec);

/* Weights as they lie: row m (through all groups), channel ch of its group, tap
 * t = a n_tx + b at
 *   w[m m_step + ch ch_step + tap + a tap_step_y + b tap_step_x]
 * Backward to the input has channels and rows exchanged: then m counts the
 * channels of a group and ch its rows, and group_step leads to the next. */
typedef struct {
  const float *w;
  size_t m, ch, groups, n_ty, n_tx;
  size_t m_step, ch_step, group_step;
  ptrdiff_t tap, tap_step_y, tap_step_x;
} DmlWeights;

/* Floats that packed weights take. */
size_t dml_product_packed (const DmlWeights *weights);
void dml_product_pack (const DmlWeights *weights, float *a, unsigned n_threads);

/* dw[(group m + i) k + ch T + t] += sum over columns of dy row i times x of
 * channel ch at tap t; T taps, k = channels of a group x T. Row i of image j
 * lies at dy + j dy_image + (group m + i) P, P = gh gw. */
typedef struct {
  DmlColumns g;
  size_t m, groups;
  const float *x;
  size_t x_group;
  const float *dy;
  size_t dy_image;
  float *dw;

  /* by dml_product_grad_plan */
  size_t ch_block, n_blocks; /* channels in a piece */
  size_t m_split, n_splits;
  size_t columns; /* that are held at once */
} DmlProductGrad;

size_t dml_product_grad_plan (DmlProductGrad *grad);
void dml_product_grad_run (const DmlProductGrad *grad, const DmlExec *exec);
