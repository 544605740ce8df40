/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Batches prepared ahead by threads of their own.
 *
 * What a batch holds is planned in order, one batch after the other; its items
 * are filled in any order by any thread, each from random numbers named by
 * (seed, epoch, batch, place). So the same bytes come out for any number of
 * threads. Whoever waits for a batch helps to fill it.
 *
 *   loader = dml_loader_new (&options, first_batch)
 *   while ((batch = dml_loader_next (loader)) != NULL) ...
 *   dml_loader_free (loader) */
#pragma once

#include <glib.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
  uint64_t number; /* of the batch, over the whole run */
  size_t n;        /* items */
  uint32_t *items; /* what the plan wrote */
  float *data;     /* n x item_size */
  double seconds;  /* spent on filling it, summed over threads */
} DmlLoaderBatch;

typedef struct {
  unsigned n_threads; /* 0: the one that waits does it all */
  unsigned n_ahead;   /* batches prepared beside the one in use, at least 1 */
  size_t batch_max;   /* items */
  size_t item_size;   /* floats */

  /* Writes the items of a batch and returns how many, 0 = there is none any
   * more. Called in the order of numbers, by one thread at a time. */
  size_t (*plan) (gpointer data, uint64_t number, uint32_t *items);
  /* Fills the floats of the item at `place` of a batch. Called from any number
   * of threads; `worker` (0 .. n_threads) names scratch memory. */
  void (*fill) (gpointer data, uint64_t number, size_t place, uint32_t item,
                unsigned worker, float *out);
  gpointer data;
} DmlLoaderOptions;

typedef struct _DmlLoader DmlLoader;

DmlLoader *dml_loader_new (const DmlLoaderOptions *options, uint64_t first,
                           GError **error);

/* The next batch, valid until the next call; NULL when there is none. */
const DmlLoaderBatch *dml_loader_next (DmlLoader *loader);

/* Seconds that dml_loader_next spent waiting or helping, in all. */
double dml_loader_waited (const DmlLoader *loader);

void dml_loader_free (DmlLoader *loader);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DmlLoader, dml_loader_free)
