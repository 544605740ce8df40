/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The sampler object: items by class, going on or replaying, what was drawn. */
#include "metric/sampler.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "metric/samplers/sampler-class.h"

struct _DmlSampler {
  const DmlSamplerClass *klass;
  char *who;
  double p[DML_PARAM_MAX];
  DmlSamplerItems items;
  int32_t *supers;
  size_t batch_size, n_batches;
  void *state;
  size_t next;      /* running number of the batch that the state is before */
  uint8_t *drawn;   /* N: up to the last batch */
  uint32_t *unseen; /* room for batches that are replayed */
};

size_t
dml_sampler_n_members (void)
{
  return dml_sampler_table_n;
}

const DmlMemberInfo *
dml_sampler_member (size_t i)
{
  return &dml_sampler_table[i]->info;
}

static gboolean
is_taken (uint32_t card, const uint32_t *taken, size_t n)
{
  for (size_t t = 0; t < n; t++)
    if (taken[t] == card)
      return TRUE;
  return FALSE;
}

uint32_t
dml_deck_deal (DmlDeck *deck, uint64_t seed, const uint32_t *taken,
               size_t n_taken)
{
  uint32_t found;

  if (deck->at == deck->n) {
    DmlRng rng;

    dml_rng_init (&rng, seed, dml_rng_stream (deck->stream, deck->round++));
    dml_rng_shuffle (&rng, deck->cards, deck->n);
    deck->at = 0;
  }
  found = deck->at;
  /* Of n cards fewer than n are taken, those dealt from this deck among them:
   * one that is not is left. */
  while (n_taken < deck->n && is_taken (deck->cards[found], taken, n_taken))
    found++;
  const uint32_t card = deck->cards[found];

  memmove (&deck->cards[deck->at + 1], &deck->cards[deck->at],
           (found - deck->at) * sizeof *deck->cards);
  deck->cards[deck->at++] = card;
  return card;
}

static int
by_label (const void *a, const void *b, void *data)
{
  const int32_t *labels = data;
  const uint32_t x = *(const uint32_t *) a, y = *(const uint32_t *) b;

  if (labels[x] != labels[y])
    return labels[x] < labels[y] ? -1 : 1;
  return x < y ? -1 : x > y;
}

static void
sort_items (DmlSamplerItems *items, const int32_t *labels)
{
  const size_t n = items->n;

  items->items = g_new (uint32_t, n);
  items->first = g_new (uint32_t, n + 1);
  for (size_t i = 0; i < n; i++)
    items->items[i] = (uint32_t) i;
  g_qsort_with_data (items->items, (int) n, sizeof *items->items, by_label,
                     (void *) labels);
  for (size_t i = 0; i < n; i++)
    if (i == 0 || labels[items->items[i]] != labels[items->items[i - 1]])
      items->first[items->n_classes++] = (uint32_t) i;
  items->first[items->n_classes] = (uint32_t) n;
}

/* The row that the spec names, and its values. */
static const DmlSamplerClass *
read_spec (const char *spec, const char **settings, double *p, GError **error)
{
  const int i = dml_member_find (spec, "sampler", dml_sampler_table_n,
                                 dml_sampler_member, settings, error);
  g_autofree char *who = NULL;

  if (i < 0)
    return NULL;
  who = g_strconcat ("sampler ", dml_sampler_table[i]->info.name, NULL);
  return dml_param_resolve (dml_sampler_table[i]->info.params, who, *settings,
                            p, error)
           ? dml_sampler_table[i]
           : NULL;
}

gboolean
dml_sampler_check (const char *spec, GError **error)
{
  const char *settings;
  double p[DML_PARAM_MAX];

  return read_spec (spec, &settings, p, error) != NULL;
}

double
dml_sampler_setting (const char *spec, const char *key, gboolean *said)
{
  const char *settings;
  double p[DML_PARAM_MAX];
  const DmlSamplerClass *klass = read_spec (spec, &settings, p, NULL);
  const int i = klass ? dml_param_find (klass->info.params, key) : -1;
  g_autofree char *start = g_strconcat (key, "=", NULL);
  g_auto (GStrv) pairs = NULL;

  *said = FALSE;
  if (i < 0)
    return (double) NAN;
  pairs = g_strsplit (settings, ",", -1);
  for (size_t j = 0; pairs[j] != NULL; j++)
    *said |= g_str_has_prefix (pairs[j], start);
  return p[i];
}

DmlSampler *
dml_sampler_new (const char *spec, const DmlSamplerSetup *setup, GError **error)
{
  g_autoptr (DmlSampler) sampler = g_new0 (DmlSampler, 1);
  const char *settings;

  sampler->klass = read_spec (spec, &settings, sampler->p, error);
  if (sampler->klass == NULL)
    return NULL;
  sampler->who = g_strconcat ("sampler ", sampler->klass->info.name, NULL);
  if (setup->n == 0 || setup->n > INT32_MAX)
    return dml_fail_null (error, INVALID, "%s: %zu items cannot be sampled",
                          sampler->who, setup->n);
  for (size_t k = 0; k < setup->n; k++)
    if (setup->labels[k] < 0)
      return dml_fail_null (error, INVALID, "%s: item %zu has label %d",
                            sampler->who, k, setup->labels[k]);
  sampler->items = (DmlSamplerItems){ .n = setup->n, .seed = setup->seed };
  sort_items (&sampler->items, setup->labels);
  if (setup->supers)
    sampler->items.supers = sampler->supers =
      g_memdup2 (setup->supers, setup->n * sizeof *setup->supers);
  sampler->drawn = g_new0 (uint8_t, setup->n);
  if (!sampler->klass->start (&sampler->items, sampler->p, &sampler->batch_size,
                              &sampler->n_batches, &sampler->state, error)) {
    g_prefix_error (error, "%s: ", sampler->who);
    return NULL;
  }
  sampler->unseen = g_new (uint32_t, sampler->batch_size);
  return g_steal_pointer (&sampler);
}

void
dml_sampler_free (DmlSampler *sampler)
{
  if (sampler == NULL)
    return;
  if (sampler->klass && sampler->klass->stop && sampler->state)
    sampler->klass->stop (sampler->state);
  g_free (sampler->who);
  g_free (sampler->items.items);
  g_free (sampler->items.first);
  g_free (sampler->supers);
  g_free (sampler->drawn);
  g_free (sampler->unseen);
  g_free (sampler);
}

size_t
dml_sampler_batch_size (const DmlSampler *sampler)
{
  return sampler->batch_size;
}

size_t
dml_sampler_n_batches (const DmlSampler *sampler)
{
  return sampler->n_batches;
}

static size_t
draw_one (DmlSampler *sampler, size_t number, uint32_t *items)
{
  const size_t n = sampler->klass->draw (
    &sampler->items, sampler->p, sampler->state, number / sampler->n_batches,
    number % sampler->n_batches, items);

  for (size_t i = 0; i < n; i++)
    sampler->drawn[items[i]] = 1;
  sampler->next = number + 1;
  return n;
}

size_t
dml_sampler_draw (DmlSampler *sampler, size_t epoch, size_t batch,
                  uint32_t *items)
{
  const size_t number = epoch * sampler->n_batches + batch;

  g_return_val_if_fail (batch < sampler->n_batches, 0);
  if (number < sampler->next) {
    memset (sampler->drawn, 0, sampler->items.n);
    sampler->next = 0;
    if (sampler->klass->rewind)
      sampler->klass->rewind (sampler->state);
  }
  while (sampler->next < number)
    draw_one (sampler, sampler->next, sampler->unseen);
  return draw_one (sampler, number, items);
}

size_t
dml_sampler_n_never_drawn (const DmlSampler *sampler)
{
  size_t n = sampler->items.n;

  for (size_t i = 0; i < sampler->items.n; i++)
    n -= sampler->drawn[i];
  return n;
}
