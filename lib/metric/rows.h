/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Who is an anchor's positive, who its negative: from labels, or from a
 * miner's tuples. The one place that knows; losses and miners read rows. */
#pragma once

#include "metric/batch.h"
#include "metric/miner.h"

/* Row i of the batch as an anchor. Columns are rows of x, or of ref. */
typedef struct {
  size_t i;
  size_t n_pos, n_neg;
  const int32_t *pos, *neg; /* columns, rising */
  const int32_t *times;     /* by column: how often that pair counts, >= 1 */
  size_t n_triplets;
  const int32_t (*triplets)[3]; /* when tuples of that kind are given */
} DmlRow;

typedef struct {
  const DmlBatch *batch;
  const int32_t *labels;   /* the batch's labels, or its instances */
  const DmlTuples *tuples; /* NULL: all pairs that the labels allow */
  /* Pairs count as often as triplets hold them, as pytorch-metric-learning
   * has it; without tuples, as often as all triplets would. */
  gboolean as_triplets;
  size_t m; /* columns */
} DmlRelation;

/* Room for one row; one for each worker. */
typedef struct {
  int32_t *pos, *neg, *times; /* m each */
} DmlRowRoom;

DmlRelation dml_relation (const DmlBatch *batch, const DmlTuples *tuples);

void dml_row_room_init (DmlRowRoom *room, size_t m);
void dml_row_room_clear (DmlRowRoom *room);

void dml_row_read (const DmlRelation *relation, size_t i, DmlRowRoom *room,
                   DmlRow *row);

/* +1 same class, -1 another, 0: not to be compared (itself, relatives). */
int dml_relation_of (const DmlRelation *relation, size_t i, size_t j);
