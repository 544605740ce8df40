/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Rewriting a graph for inference. Every pass takes a finished graph that has
 * been inferred for a batch of 2 or more (or for the batch that the file fixes)
 * and leaves one that computes the same to rounding; what a pass may assume of
 * shapes then holds for every batch. None but dml_graph_merge_branches() is for
 * a graph that will be written, and none for one that will be trained. */
#pragma once

#include "nn/op.h"

/* All of them in the order below, then every operator's prepare. Parameters
 * become plain constants. `batch` is the one that the graph is fixed to, or 2
 * where it may be cloned and inferred for any batch afterwards. NO_MEMORY or
 * LIMIT; errors of dml_graph_infer. */
gboolean dml_graph_optimise (DmlGraph *graph, size_t batch, GError **error);

/* For a file: branches that were trained side by side are one convolution in it
 * too, as dml_pass_merge_branches() makes it, and all else is left as it was
 * trained. The result is a finished graph that can be written. NO_MEMORY or
 * LIMIT; errors of dml_graph_infer. */
gboolean dml_graph_merge_branches (DmlGraph *graph, GError **error);

/* What inference computed from constants alone, whatever the batch, becomes a
 * constant; nodes that only served it go. */
gboolean dml_pass_fold_constants (DmlGraph *graph, GError **error);

/* Identity, and Dropout when inferring: readers read its input. */
gboolean dml_pass_drop_identity (DmlGraph *graph, GError **error);

/* Sums of convolutions (with or without batch norm) and identities of one
 * value: one convolution, summed in double (RepVGG; Ding et al. 2021,
 * arXiv:2101.03697, section 3.3). */
gboolean dml_pass_merge_branches (DmlGraph *graph, GError **error);

/* Batch norm behind a Conv or Gemm that nobody else reads: into its weights and
 * bias, in double. */
gboolean dml_pass_fold_batchnorm (DmlGraph *graph, GError **error);

/* Relu, Clip and the addition of a value of the same shape behind a node whose
 * operator has DML_OP_EPILOGUE and whose result nobody else reads. */
gboolean dml_pass_fuse_activation (DmlGraph *graph, GError **error);

/* --- for the passes --- */

/* The only node that reads the value, or NULL (none, several, an output). */
DmlNode *dml_pass_only_reader (const DmlGraph *graph, const DmlValue *value);

/* A new constant named after `like`; takes a reference of the tensor. */
DmlValue *dml_pass_constant (DmlGraph *graph, const char *like, DmlTensor *t,
                             GError **error);

/* scale[c] and offset[c] of a BatchNormalization as stored: y = scale x +
 * offset, or FALSE where its inputs are not constants. Both hold C doubles. */
gboolean dml_pass_batchnorm_affine (const DmlNode *node, double *scale,
                                    double *offset);
