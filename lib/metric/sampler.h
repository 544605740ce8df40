/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Samplers: which items make a batch. A batch is a function of (seed, epoch,
 * batch), so that a resumed run draws what the first would have drawn.
 *
 *   pxk           P classes x K items by decks: no class twice in a batch, no
 *                 item twice unless its class has fewer than K; class visits
 *                 never differ by more than 1; an item comes again only after
 *                 all of its class came
 *   balanced      each item with weight n_c^-power, independent draws
 *   hierarchical  a batch from few super-classes (folder above the class)
 *   uniform       every item once an epoch, in a new order
 *
 * Names and settings: samplers/table.c. Thread-safety: caller's. */
#pragma once

#include <glib.h>
#include <stdint.h>

#include "metric/param.h"

typedef struct _DmlSampler DmlSampler;

typedef struct {
  size_t n;              /* items */
  const int32_t *labels; /* N; any integers >= 0; copied */
  const int32_t *supers; /* N or NULL: super-class of each item; copied */
  uint64_t seed;
} DmlSamplerSetup;

/* @spec: `pxk:p=16,k=4`. INVALID for unknown names or settings, and where the
 * items cannot make one batch (fewer than P classes): the message gives both
 * figures and what would fit. */
DmlSampler *dml_sampler_new (const char *spec, const DmlSamplerSetup *setup,
                             GError **error);
void dml_sampler_free (DmlSampler *sampler);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (DmlSampler, dml_sampler_free)

/* Name and settings alone, before there are items. INVALID. */
gboolean dml_sampler_check (const char *spec, GError **error);
/* A setting of a valid spec, and whether it is said there or the default. NaN
 * where such samplers have none of that name. */
double dml_sampler_setting (const char *spec, const char *key, gboolean *said);

size_t dml_sampler_batch_size (const DmlSampler *sampler);
/* pxk: ceil (sum_c max (n_c, K) / (P K)); hierarchical: sets of super-classes x
 * batches; the others: ceil (N / batch) */
size_t dml_sampler_n_batches (const DmlSampler *sampler);

/* Writes the batch's items, batch_size of them (fewer only in the last batch
 * of `uniform`) and returns how many. Going on to the next batch is cheap;
 * any other jump replays the decks from the start (some 10 million items a
 * second). */
size_t dml_sampler_draw (DmlSampler *sampler, size_t epoch, size_t batch,
                         uint32_t *items);

/* Of the batches drawn up to the last one: items never drawn. */
size_t dml_sampler_n_never_drawn (const DmlSampler *sampler);

size_t dml_sampler_n_members (void);
const DmlMemberInfo *dml_sampler_member (size_t i);
