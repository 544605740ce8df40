/* SPDX-License-Identifier: LGPL-2.1-or-later
 * What a member of miners/ is made of: a function that is given one anchor's
 * positives and negatives and emits tuples. It runs twice, to count and to
 * store, and must emit the same both times. */
#pragma once

#include <math.h>

#include "metric/miner.h"
#include "metric/pairs.h"
#include "metric/rows.h"

/* Where an anchor's tuples go; NULL arrays: only counted. */
typedef struct {
  int32_t anchor;
  size_t n_positive, n_negative, n_triplets;
  int32_t (*positive)[2];
  int32_t (*negative)[2];
  int32_t (*triplets)[3];
} DmlPicks;

typedef struct {
  const struct _DmlMinerClass *klass;
  const double *p;
  const DmlBatch *batch;
  DmlRelation relation;
  DmlPairs pairs; /* S rounded, so that equal distances tie */
} DmlMinerRun;

typedef void (*DmlMinerRow) (const DmlMinerRun *run, const DmlRow *row,
                             const DmlReal *s, DmlPicks *picks);

typedef struct _DmlMinerClass {
  DmlMemberInfo info;
  gboolean is_triplets;
  /* The same as is_triplets, when a setting decides. */
  gboolean (*emits_triplets) (const double *p);
  gboolean self_only; /* reads rows of S that a memory has not */
  DmlMinerRow row;
  DmlDistance (*distance) (const double *p); /* NULL: cosine */
} DmlMinerClass;

#define DML_MINER_DISTANCE                                                     \
  DML_PARAM_WORD ("distance", 5, DML_DISTANCE_EUCLIDEAN_UNIT,                  \
                  DML_DISTANCE_EUCLIDEAN_UNIT, DML_DISTANCE_WORDS,             \
                  "of a pair")

static inline void
dml_pick_triplet (DmlPicks *picks, int32_t p, int32_t n)
{
  if (picks->triplets) {
    int32_t *t = picks->triplets[picks->n_triplets];

    t[0] = picks->anchor;
    t[1] = p;
    t[2] = n;
  }
  picks->n_triplets++;
}

static inline void
dml_pick_positive (DmlPicks *picks, int32_t j)
{
  if (picks->positive) {
    picks->positive[picks->n_positive][0] = picks->anchor;
    picks->positive[picks->n_positive][1] = j;
  }
  picks->n_positive++;
}

static inline void
dml_pick_negative (DmlPicks *picks, int32_t j)
{
  if (picks->negative) {
    picks->negative[picks->n_negative][0] = picks->anchor;
    picks->negative[picks->n_negative][1] = j;
  }
  picks->n_negative++;
}

/* Weights of the row's negatives in distance_weighted.c, summing to 1; FALSE
 * when none can be drawn. Here for its test. */
gboolean dml_distance_weights (const DmlReal *s, const DmlRow *row, size_t d,
                               double cutoff, double nonzero_loss_cutoff,
                               double *weights);

extern const DmlMinerClass *const dml_miner_table[];
extern const size_t dml_miner_table_n;
