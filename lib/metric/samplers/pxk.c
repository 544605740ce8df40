/* SPDX-License-Identifier: LGPL-2.1-or-later
 * P classes x K items by decks: one deck of classes, one of items for each
 * class (the batch of Hermans et al. 2017, section 2; decks so that no class
 * and no item is left out, docs/losses.md). */
#include "base/error.h"
#include "metric/samplers/sampler-class.h"

enum { P, K };

static const DmlParam pxk_params[] = {
  DML_PARAM_WHOLE ("p", 1, 4096, 16, 16, "classes a batch"),
  DML_PARAM_WHOLE ("k", 1, 4096, 4, 4, "items of each class"),
  DML_PARAM_END,
};

typedef struct {
  uint64_t seed;
  size_t n_classes;
  DmlDeck *decks;  /* of each class's items, then the deck of classes */
  uint32_t *cards; /* of all decks */
  uint32_t *drawn; /* P: the batch's classes so far */
} Pxk;

static void
pxk_rewind (void *state)
{
  Pxk *pxk = state;

  for (size_t c = 0; c <= pxk->n_classes; c++) {
    DmlDeck *deck = &pxk->decks[c];

    deck->at = deck->n; /* shuffled before the first card */
    deck->round = 0;
    for (uint32_t i = 0; i < deck->n;
         i++) /* shuffling permutes what it finds */
      deck->cards[i] = i;
  }
}

static gboolean
pxk_start (const DmlSamplerItems *items, const double *p, size_t *batch_size,
           size_t *n_batches, void **state, GError **error)
{
  const size_t n_p = (size_t) p[P], n_k = (size_t) p[K];
  const size_t n_classes = items->n_classes;
  size_t total = 0;
  Pxk *pxk;

  if (n_classes < n_p)
    return dml_fail (
      error, INVALID,
      "p=%zu classes a batch, but there are %zu; p=%zu would fit", n_p,
      n_classes, n_classes);
  for (size_t c = 0; c < n_classes; c++)
    total += MAX (dml_sampler_class_n (items, c), n_k);
  *batch_size = n_p * n_k;
  *n_batches = (total + *batch_size - 1) / *batch_size;

  pxk = g_new0 (Pxk, 1);
  pxk->seed = items->seed;
  pxk->n_classes = n_classes;
  pxk->cards = g_new (uint32_t, items->n + n_classes);
  pxk->decks = g_new0 (DmlDeck, n_classes + 1);
  pxk->drawn = g_new (uint32_t, n_p);
  for (size_t c = 0; c < n_classes; c++)
    pxk->decks[c] = (DmlDeck){ .cards = pxk->cards + items->first[c],
                               .n = dml_sampler_class_n (items, c),
                               .stream = c + 1 };
  pxk->decks[n_classes] =
    (DmlDeck){ .cards = pxk->cards + items->n, .n = (uint32_t) n_classes };
  pxk_rewind (pxk);
  *state = pxk;
  return TRUE;
}

static size_t
pxk_draw (const DmlSamplerItems *items, const double *p, void *state,
          size_t epoch, size_t batch, uint32_t *out)
{
  const size_t n_p = (size_t) p[P], n_k = (size_t) p[K];
  Pxk *pxk = state;

  for (size_t c = 0; c < n_p; c++) {
    const uint32_t klass =
      dml_deck_deal (&pxk->decks[pxk->n_classes], pxk->seed, pxk->drawn, c);
    uint32_t *group = out + c * n_k;

    pxk->drawn[c] = klass;
    for (size_t k = 0; k < n_k; k++)
      group[k] = dml_deck_deal (&pxk->decks[klass], pxk->seed, group, k);
    for (size_t k = 0; k < n_k; k++) /* places in the class to items */
      group[k] = items->items[items->first[klass] + group[k]];
  }
  return n_p * n_k;
}

static void
pxk_stop (void *state)
{
  Pxk *pxk = state;

  g_free (pxk->cards);
  g_free (pxk->decks);
  g_free (pxk->drawn);
  g_free (pxk);
}

const DmlSamplerClass dml_sampler_pxk = {
  .info = { "pxk", "Hermans et al. 2017, section 2",
            "P classes x K items, every class and item in its turn",
            pxk_params },
  .start = pxk_start,
  .rewind = pxk_rewind,
  .draw = pxk_draw,
  .stop = pxk_stop,
};
