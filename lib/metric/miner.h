/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Miners: which pairs or triplets of a batch a loss should look at. They carry
 * no gradient. Any miner serves any pair or triplet loss: triplets read as
 * pairs (a,p), (a,n), each counted once (with semantics=pml as often as it
 * occurs); pairs read as every triplet that their anchors allow.
 *
 *   dml_miner_new ("semi_hard:margin=0.2", &error) -> dml_miner_mine -> loss
 *
 * Names and settings: miners/table.c, docs/losses.md. Thread-safety: caller's;
 * mining itself uses the pool and gives the same tuples for any thread count.
 */
#pragma once

#include <stdio.h>

#include "metric/batch.h"
#include "metric/param.h"

/* Sorted by anchor, then partner. Indices are rows of x (anchor) and of x or
 * ref (partners). A miner yields pairs or triplets, never both. */
typedef struct {
  gboolean is_triplets;
  size_t n_positive, n_negative, n_triplets;
  int32_t (*positive)[2]; /* anchor, positive */
  int32_t (*negative)[2]; /* anchor, negative */
  int32_t (*triplets)[3]; /* anchor, positive, negative */
  size_t n_anchors;       /* that have at least one tuple */
  size_t n_empty;         /* anchors with a positive and a negative, yet none */
} DmlTuples;

void dml_tuples_clear (DmlTuples *tuples);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (DmlTuples, dml_tuples_clear)

/* Lists larger than this are refused with the figure. */
#define DML_TUPLES_MAX_BYTES ((size_t) 256 << 20)

typedef struct _DmlMiner DmlMiner;

/* @spec: `name[:key=value,...]`. INVALID for an unknown name or setting, which
 * is named together with what there is. */
DmlMiner *dml_miner_new (const char *spec, GError **error);
void dml_miner_free (DmlMiner *miner);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (DmlMiner, dml_miner_free)

/* Replaces *tuples (start with a zeroed one; clear it at the end). LIMIT when
 * the batch or the lists are too large, NO_MEMORY. */
gboolean dml_miner_mine (DmlMiner *miner, const DmlBatch *batch,
                         DmlTuples *tuples, GError **error);

/* The table, for help texts and tests. */
size_t dml_miner_n_members (void);
const DmlMemberInfo *dml_miner_member (size_t i);
