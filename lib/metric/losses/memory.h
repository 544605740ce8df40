/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Cross-batch memory (Wang et al. 2020, "Cross-Batch Memory for Embedding
 * Learning", algorithm 1): a ring of the last M embeddings with their labels,
 * further rows to compare a batch with. They carry no gradient.
 *
 *   push: the batch first, and which entry each row has just become
 *   view: the filled part as a reference set, in which nobody meets itself */
#pragma once

#include "metric/batch.h"

typedef struct {
  uint64_t n_steps; /* batches pushed since the start or the last reset */
  uint64_t next;    /* the entry to be written, < size */
  uint64_t n_used;  /* <= size */
} DmlMemoryState;

typedef struct {
  size_t size, d;
  DmlReal *x;      /* SIZE x D, zeros where unused */
  int32_t *labels; /* SIZE */
  int32_t *items;  /* SIZE: picture of the row, or -1 */
  DmlMemoryState state;
  int32_t *self; /* room for the batch's entries */
  size_t n_self;
} DmlMemory;

gboolean dml_memory_init (DmlMemory *memory, size_t size, size_t d,
                          GError **error);
void dml_memory_clear (DmlMemory *memory);
void dml_memory_reset (DmlMemory *memory);

/* Writes the batch into the ring. A batch larger than the ring leaves its last
 * rows there; the others have no entry of their own. Returns the mean distance
 * on the sphere between rows and what the ring held of the same pictures, the
 * newest of each; NaN where it held none, or batch->items is NULL. */
double dml_memory_push (DmlMemory *memory, const DmlBatch *batch);

/* The batch last pushed against the memory. Valid until the next push. */
DmlBatch dml_memory_view (const DmlMemory *memory, const DmlBatch *batch);
