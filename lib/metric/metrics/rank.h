/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Scores of queries against a gallery by blocks: what nearest.c and
 * retrieval.c share. */
#pragma once

#include "metric/metric.h"

#define DML_RANK_QUERIES 64 /* a block; results do not depend on it */

typedef struct {
  const DmlRetrievalInput *in;
  size_t n_gallery;
  const int32_t *gallery_labels;
  DmlReal *q, *g; /* unit rows; g may be q */
} DmlRank;

/* Checks that all is finite. INVALID, LIMIT, NO_MEMORY. */
gboolean dml_rank_init (DmlRank *rank, const DmlRetrievalInput *input,
                        GError **error);
void dml_rank_clear (DmlRank *rank);

/* What is done with the scores of one query: cosines rounded to 12 (double) or
 * 6 (float) digits. The query itself is not told apart here. */
typedef void (*DmlRankRow) (const DmlRank *rank, size_t query,
                            const DmlReal *scores, void *room, void *data);

/* Calls row for every query, from several threads; `room` is room_size bytes of
 * the thread's. */
gboolean dml_rank_each (const DmlRank *rank, size_t room_size, DmlRankRow row,
                        void *data, GError **error);

/* Whether gallery row j is the query itself. */
static inline gboolean
dml_rank_is_self (const DmlRank *rank, size_t query, size_t j)
{
  return rank->in->exclude_self && query == j;
}
