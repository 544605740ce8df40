/* SPDX-License-Identifier: LGPL-2.1-or-later
 * What a member of samplers/ is made of. A batch is a function of the setup's
 * seed and of (epoch, batch); whatever a member keeps beside that is a cache.
 */
#pragma once

#include "base/rng.h"
#include "metric/sampler.h"

/* Items by class: class c has items[first[c] .. first[c + 1]). Classes are
 * numbered by rising label. */
typedef struct {
  size_t n, n_classes;
  uint32_t *items, *first;
  const int32_t *supers; /* N or NULL */
  uint64_t seed;
} DmlSamplerItems;

typedef struct {
  DmlMemberInfo info;
  /* Sets *batch_size, *n_batches and *state (which may stay NULL), or fails:
   * these items cannot make such a batch. */
  gboolean (*start) (const DmlSamplerItems *items, const double *p,
                     size_t *batch_size, size_t *n_batches, void **state,
                     GError **error);
  /* Back to before the first batch; NULL where a batch needs none before it. */
  void (*rewind) (void *state);
  size_t (*draw) (const DmlSamplerItems *items, const double *p, void *state,
                  size_t epoch, size_t batch, uint32_t *out);
  void (*stop) (void *state);
} DmlSamplerClass;

static inline uint32_t
dml_sampler_class_n (const DmlSamplerItems *items, size_t c)
{
  return items->first[c + 1] - items->first[c];
}

/* A shuffled deck of `n` cards, dealt from the front, shuffled anew (with the
 * next stream of its own) when it is used up. */
typedef struct {
  uint32_t *cards;
  uint32_t n, at;
  uint64_t stream, round;
} DmlDeck;

/* The next card that `taken` (n_taken cards) does not hold; a card that has to
 * wait keeps its place in this deck. With n_taken >= n any card comes. */
uint32_t dml_deck_deal (DmlDeck *deck, uint64_t seed, const uint32_t *taken,
                        size_t n_taken);

extern const DmlSamplerClass *const dml_sampler_table[];
extern const size_t dml_sampler_table_n;
