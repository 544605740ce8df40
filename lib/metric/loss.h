/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Losses: embeddings and labels in; value, gradient and figures out.
 *
 *   spec := name[:key=value,...][@miner[:key=value,...]]
 *   loss = dml_loss_new ("multi_similarity:beta=40@multi_similarity", &setup,
 *                        &error);
 *   each step:  dml_loss_run (loss, &batch, dx, &stats, &error)
 *   optimiser:  dml_loss_weights (loss, &n): value and grad of proxies, class
 *               weights, beta, projection; grad is set by each run
 *   checkpoint: the values of dml_loss_weights, and dml_loss_state
 *
 * Settings that every loss has beside its own: `weight` (factor in a mix, 1),
 * `reduction` mean | mean_active | sum, `semantics` paper | pml; pair losses
 * also `pos_cap` (no positive pair pulls harder than this many times the mean
 * of those that pull; 0: as hard as it is: for wrong labels) and `memory` (rows
 * of a cross-batch memory, 0), `memory_warmup` (steps before it is used),
 * `memory_weight` (of the memory term beside the term within the batch;
 * semantics=pml has the memory term only).
 *
 * Memory: S and dL/dS, 2 N M floats, whatever the loss; see batch.h for the
 * bounds. Results are the same bytes for any number of threads.
 * Names and settings: losses/table.c, docs/losses.md. Thread-safety: caller's.
 */
#pragma once

#include "metric/batch.h"
#include "metric/miner.h"
#include "metric/param.h"

typedef struct _DmlLoss DmlLoss;

/* What must be known before the first batch. */
typedef struct {
  size_t d;         /* of an embedding */
  size_t n_classes; /* labels are below; 0 where no loss asks */
  size_t d_teacher; /* of a teacher's embedding; 0 where there is none */
  uint64_t seed;    /* of the initial weights */
} DmlLossSetup;

/* A trained matrix of the loss. Owned by it; initialised by dml_loss_new. */
typedef struct {
  const char *name;  /* "proxies", "weights", "beta", "projection" */
  size_t rows, cols; /* beta: 1 or C x 1 */
  DmlReal *value;    /* the optimiser changes it in place */
  DmlReal *grad;     /* of weight * loss; overwritten by dml_loss_run */
  double lr_scale;   /* times the trunk's learning rate */
  gboolean decay;    /* whether weight decay applies: no, for all of ours */
} DmlLossWeights;

/* What to keep beside the weights so that a run goes on to the bit: the
 * memory's rows and its counters. Fixed sizes for one loss; owned by it. */
typedef struct {
  const char *name;
  void *data;
  size_t n_bytes;
} DmlLossState;

/* Of one run. Distances are on the unit sphere, whatever the loss uses, and
 * over the batch's first 64 rows. */
typedef struct {
  double value;         /* weight * reduced loss */
  size_t n_terms;       /* pairs, triplets, anchors or samples: see the loss */
  size_t n_active;      /* terms that are not 0 */
  double mean_d_pos;    /* over positive pairs; NaN if none */
  double mean_d_neg;    /* over negative pairs; NaN if none */
  double mean_norm;     /* of x */
  double drift;         /* mean |u_new - u_old| of rows whose picture the memory
                           held; NaN if none: how stale it is */
  double max_grad_norm; /* largest |dx[i]| of this loss alone */
  size_t n_zero;        /* rows with |x| < 1e-12: no direction, no gradient */
  size_t n_tuples;      /* from the miner; 0 without one */
  gboolean empty;       /* of a pair loss: no two rows of a class (instance),
                           or no two of different ones */
  size_t n_empty;       /* such batches so far */
} DmlLossStats;

/* That many empty batches in a row are an error of dml_loss_run. */
#define DML_LOSS_MAX_EMPTY 20

/* INVALID for an unknown name or setting (named, with what there is), for
 * n_classes or d_teacher 0 where the loss needs it, for a miner or memory with
 * a loss that cannot use one. */
DmlLoss *dml_loss_new (const char *spec, const DmlLossSetup *setup,
                       GError **error);
void dml_loss_free (DmlLoss *loss);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (DmlLoss, dml_loss_free)

/* Adds weight * dL/dx to @dx (N x D, may be NULL when only the value is
 * wanted: the weights' gradients are then 0) and sets the gradients of the
 * weights. The normalisation's Jacobian is part of dx. Tuples come from the
 * spec's miner, if it names one. On failure @dx is as it was.
 *
 * LIMIT: too many rows or pairs; INVALID: a label out of range, instances or
 * teacher missing; DIVERGED: x, the value or the gradient is not finite, or
 * DML_LOSS_MAX_EMPTY batches in a row were empty; NO_MEMORY. */
gboolean dml_loss_run (DmlLoss *loss, const DmlBatch *batch, DmlReal *dx,
                       DmlLossStats *stats, GError **error);

/* The same with tuples from elsewhere. */
gboolean dml_loss_run_tuples (DmlLoss *loss, const DmlBatch *batch,
                              const DmlTuples *tuples, DmlReal *dx,
                              DmlLossStats *stats, GError **error);

DmlLossWeights *dml_loss_weights (DmlLoss *loss, size_t *n);
DmlLossState *dml_loss_state (DmlLoss *loss, size_t *n);

/* Forgets the memory: at a change of image size or of batch norm's mode. */
void dml_loss_reset_memory (DmlLoss *loss);

/* Changes a setting between steps (a margin that rises). INVALID as above, and
 * for settings that give weights or memory their size. */
gboolean dml_loss_set (DmlLoss *loss, const char *key, double value,
                       GError **error);
double dml_loss_get (const DmlLoss *loss, const char *key);

/* The value that this loss has when all embeddings of such a batch are one
 * point: what a collapsed net shows. NaN for losses with class weights. */
double dml_loss_collapse_value (DmlLoss *loss, const int32_t *labels, size_t n);

const char *dml_loss_name (const DmlLoss *loss);
/* Whether the loss needs `teacher` of a batch. */
gboolean dml_loss_needs_teacher (const DmlLoss *loss);

/* The table, for help texts and tests. */
size_t dml_loss_n_members (void);
const DmlMemberInfo *dml_loss_member (size_t i);
