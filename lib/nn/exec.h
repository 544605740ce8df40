/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The two executors of a graph. Both run the same operators; they differ in
 * what they keep.
 *
 *   DmlInfer  one batch size, one arena, nothing allocated while running
 *   DmlTrain  keeps what backward needs, has gradients and parameters
 *
 * Both work on a clone of the graph that shares the constants' data, so what a
 * trainer writes into parameters is what the graph holds (and a DmlInfer made
 * of the unoptimised graph reads). Thread-safety: caller's, one thread at a
 * time for each executor; several executors of one graph may run at once. */
#pragma once

#include "nn/op.h"

/* No executor takes more for activations, whatever a file asks for. */
#define DML_EXEC_MAX_BYTES ((size_t) 1 << 33)

/* --- inference --- */

typedef struct _DmlInfer DmlInfer;

/* An executor for batches of exactly `batch` rows. `graph` is finished, and
 * optimised if it should be fast. n_threads: at most so many of the process's
 * pool, 0 = all; changes no result. Errors of dml_graph_infer, NO_MEMORY,
 * LIMIT. */
DmlInfer *dml_infer_new (const DmlGraph *graph, size_t batch,
                         unsigned n_threads, GError **error);
void dml_infer_free (DmlInfer *infer);

/* The same with every value in a place of its own; for tests of the planner. */
DmlInfer *dml_infer_new_apart (const DmlGraph *graph, size_t batch,
                               unsigned n_threads, GError **error);

/* Where input i lies; written before each run, unspecified after it. */
void *dml_infer_input (DmlInfer *infer, unsigned i);
const DmlShape *dml_infer_input_shape (const DmlInfer *infer, unsigned i);

/* Allocates nothing. Row r of the outputs depends on row r of the inputs only,
 * to the bit: not on its neighbours, the batch size or the threads. */
void dml_infer_run (DmlInfer *infer);

/* Where output i lies after a run, until the next. */
const void *dml_infer_output (const DmlInfer *infer, unsigned i);
const DmlShape *dml_infer_output_shape (const DmlInfer *infer, unsigned i);
DmlDtype dml_infer_output_dtype (const DmlInfer *infer, unsigned i);

/* Bytes of activations and scratch, without weights. */
size_t dml_infer_memory (const DmlInfer *infer);

/* --- training --- */

typedef struct _DmlTrain DmlTrain;

/* A trained tensor. All pointers stay valid as long as the executor. */
typedef struct {
  const char *name;
  float *data; /* the graph's own: write to it to train */
  float *grad; /* n, added to by backward, cleared by dml_train_zero_grad */
  size_t n;
  const DmlShape *shape;
  unsigned flags; /* DmlValueFlags; PARAM is always set, FROZEN never */
} DmlTrainParam;

/* A running statistic: written by forward in DML_EXEC_TRAIN and by
 * dml_train_estimate_end; belongs into checkpoints and averages of weights. */
typedef struct {
  const char *name;
  float *data;
  size_t n;
} DmlStatistic;

/* An executor for batches of exactly `batch` rows. Values flagged PARAM and not
 * FROZEN are trained; a BatchNormalization whose statistics are FROZEN runs as
 * in inference. `seed` names the random streams (Dropout). The graph stays the
 * caller's and must not be optimised. UNSUPPORTED names an operator without
 * backward that a gradient has to pass. */
DmlTrain *dml_train_new (const DmlGraph *graph, size_t batch,
                         unsigned n_threads, uint64_t seed, GError **error);
void dml_train_free (DmlTrain *train);

/* The same with everything in a place of its own; for tests of the planner. */
DmlTrain *dml_train_new_apart (const DmlGraph *graph, size_t batch,
                               unsigned n_threads, uint64_t seed,
                               GError **error);

/* Where input i lies; written before each forward. It survives forward, so that
 * a second forward may follow, and backward. */
float *dml_train_input (DmlTrain *train, unsigned i);

/* Mode EVAL, TRAIN, TRAIN_QUIET or TRAIN_ESTIMATE. `step` names the random
 * streams: the same step draws the same numbers again. Clears the gradients of
 * the outputs. */
void dml_train_forward (DmlTrain *train, DmlExecMode mode, uint64_t step);

unsigned dml_train_n_outputs (const DmlTrain *train);

/* Index of the output of that name, or -1. */
int dml_train_find_output (const DmlTrain *train, const char *name);
const float *dml_train_output (const DmlTrain *train, unsigned i);
const DmlShape *dml_train_output_shape (const DmlTrain *train, unsigned i);

/* d loss / d output i: zero after forward, filled in by the caller. NULL where
 * nothing that is trained lies behind the output. */
float *dml_train_output_grad (DmlTrain *train, unsigned i);

/* After a forward in TRAIN or TRAIN_QUIET: adds to the gradients of the
 * parameters. Same bytes for any number of threads. */
void dml_train_backward (DmlTrain *train);

void dml_train_zero_grad (DmlTrain *train);

/* In the order of the graph; the arrays belong to the executor. */
DmlTrainParam *dml_train_params (DmlTrain *train, size_t *n);
DmlStatistic *dml_train_statistics (DmlTrain *train, size_t *n);

/* Re-estimation of batch norm ("precise BN", Wu and Johnson 2021,
 * arXiv:2105.07576): _begin, any number of forwards in TRAIN_ESTIMATE, _end
 * writes mean and variance over all that was seen into the running statistics.
 * _end without a forward changes nothing. */
void dml_train_estimate_begin (DmlTrain *train);
void dml_train_estimate_end (DmlTrain *train);

/* Bytes of activations, gradients of activations and scratch; without
 * parameters and their gradients. */
size_t dml_train_memory (const DmlTrain *train);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DmlInfer, dml_infer_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (DmlTrain, dml_train_free)
