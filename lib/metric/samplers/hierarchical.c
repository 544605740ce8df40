/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Batches from few super-classes, so that the negatives are near: every set of
 * super-classes gets some batches an epoch, in a new order. A super-class with
 * too few classes gives more items of each (in pytorch-metric-learning the
 * batch comes out short there). */
#include "base/error.h"
#include "metric/samplers/sampler-class.h"

#define SETS_MAX 1000000 /* a million batches an epoch is a mistake */
#define SUPERS_MAX 8

enum { BATCH, K, SUPERS, BATCHES };

static const DmlParam hierarchical_params[] = {
  DML_PARAM_WHOLE ("batch", 1, 65536, 64, 64,
                   "items a batch, a multiple of supers x k"),
  DML_PARAM_WHOLE ("k", 1, 4096, 4, 4, "items of each class"),
  DML_PARAM_WHOLE ("supers", 1, SUPERS_MAX, 2, 2, "super-classes a batch"),
  DML_PARAM_WHOLE ("batches", 1, 1000, 4, 4,
                   "batches of each set of super-classes an epoch"),
  DML_PARAM_END,
};

typedef struct {
  size_t n_supers, n_sets;
  uint32_t *first;   /* n_supers + 1, into classes */
  uint32_t *classes; /* by super-class */
  size_t epoch;      /* that the order is of; SIZE_MAX: none */
  uint32_t *order;   /* of sets x batches */
} Hierarchical;

/* n over k, or SETS_MAX + 1 where it is more. */
static size_t
choose (size_t n, size_t k)
{
  double ways = 1;

  if (k > n)
    return 0;
  for (size_t i = 0; i < k; i++)
    ways = ways * (double) (n - i) / (double) (i + 1);
  return ways > SETS_MAX ? SETS_MAX + 1 : (size_t) (ways + 0.5);
}

/* The t-th set of k out of n in lexicographic order. */
static void
unrank (size_t t, size_t n, size_t k, uint32_t *set)
{
  size_t next = 0;

  for (size_t i = 0; i < k; i++) {
    size_t with; /* sets that go on with `next` */

    while (t >= (with = choose (n - next - 1, k - i - 1))) {
      t -= with;
      next++;
    }
    set[i] = (uint32_t) next++;
  }
}

/* Numbers the super-classes in order of their first class. */
static gboolean
gather_supers (const DmlSamplerItems *items, Hierarchical *h, GError **error)
{
  g_autoptr (GHashTable) numbers = g_hash_table_new (NULL, NULL);
  g_autofree uint32_t *super_of = g_new (uint32_t, items->n_classes);
  g_autofree uint32_t *fill = NULL;

  for (size_t c = 0; c < items->n_classes; c++) {
    const int32_t super = items->supers[items->items[items->first[c]]];
    gpointer number;

    for (uint32_t i = items->first[c]; i < items->first[c + 1]; i++)
      if (items->supers[items->items[i]] != super)
        return dml_fail (error, INVALID,
                         "items of one class lie in two super-classes, %d and "
                         "%d",
                         super, items->supers[items->items[i]]);
    if (!g_hash_table_lookup_extended (numbers, GINT_TO_POINTER (super), NULL,
                                       &number)) {
      number = GSIZE_TO_POINTER (h->n_supers++);
      g_hash_table_insert (numbers, GINT_TO_POINTER (super), number);
    }
    super_of[c] = (uint32_t) GPOINTER_TO_SIZE (number);
  }
  h->first = g_new0 (uint32_t, h->n_supers + 1);
  h->classes = g_new (uint32_t, items->n_classes);
  for (size_t c = 0; c < items->n_classes; c++)
    h->first[super_of[c] + 1]++;
  for (size_t s = 0; s < h->n_supers; s++)
    h->first[s + 1] += h->first[s];
  fill = g_memdup2 (h->first, h->n_supers * sizeof *fill);
  for (size_t c = 0; c < items->n_classes; c++)
    h->classes[fill[super_of[c]]++] = (uint32_t) c;
  return TRUE;
}

static void
hierarchical_stop (void *state)
{
  Hierarchical *h = state;

  g_free (h->first);
  g_free (h->classes);
  g_free (h->order);
  g_free (h);
}

static gboolean
hierarchical_start (const DmlSamplerItems *items, const double *p,
                    size_t *batch_size, size_t *n_batches, void **state,
                    GError **error)
{
  const size_t supers = (size_t) p[SUPERS], k = (size_t) p[K];
  Hierarchical *h;

  *batch_size = (size_t) p[BATCH];
  if (*batch_size % (supers * k) != 0)
    return dml_fail (error, INVALID,
                     "batch=%zu is not a multiple of supers=%zu x k=%zu",
                     *batch_size, supers, k);
  if (items->supers == NULL)
    return dml_fail (error, INVALID,
                     "the data has no super-classes (a folder above each "
                     "class's folder)");
  *state = h = g_new0 (Hierarchical, 1); /* freed with the sampler */
  h->epoch = SIZE_MAX;
  if (!gather_supers (items, h, error))
    return FALSE;
  h->n_sets = choose (h->n_supers, supers);
  if (h->n_sets == 0 || h->n_sets > SETS_MAX)
    return dml_fail (
      error, INVALID, "supers=%zu a batch of the %zu that there are: %s",
      supers, h->n_supers, h->n_sets == 0 ? "too many" : "over a million sets");
  *n_batches = h->n_sets * (size_t) p[BATCHES];
  h->order = g_new (uint32_t, *n_batches);
  return TRUE;
}

/* `n` items of one super-class, evenly of each of its classes. */
static void
draw_super (const DmlSamplerItems *items, const Hierarchical *h, uint32_t super,
            size_t n, size_t k, DmlRng *rng, uint32_t *out)
{
  const uint32_t n_classes = h->first[super + 1] - h->first[super];
  const size_t wanted = MIN (n / k, n_classes);
  g_autofree uint32_t *classes =
    g_memdup2 (h->classes + h->first[super], n_classes * sizeof *classes);
  size_t done = 0;

  dml_rng_shuffle (rng, classes, n_classes);
  for (size_t c = 0; c < wanted; c++) {
    const size_t upto = n * (c + 1) / wanted;
    const uint32_t size = dml_sampler_class_n (items, classes[c]);
    g_autofree uint32_t *deck =
      g_memdup2 (items->items + items->first[classes[c]], size * sizeof *deck);

    dml_rng_shuffle (rng, deck, size);
    for (size_t i = 0; done < upto; i++)
      out[done++] = deck[i % size];
  }
}

static size_t
hierarchical_draw (const DmlSamplerItems *items, const double *p, void *state,
                   size_t epoch, size_t batch, uint32_t *out)
{
  const size_t supers = (size_t) p[SUPERS], size = (size_t) p[BATCH];
  const size_t n_batches = (size_t) p[BATCHES];
  Hierarchical *h = state;
  uint32_t set[SUPERS_MAX];
  DmlRng rng;

  if (h->epoch != epoch) {
    for (size_t i = 0; i < h->n_sets * n_batches; i++)
      h->order[i] = (uint32_t) i;
    dml_rng_init (&rng, items->seed, dml_rng_stream (epoch, 0));
    dml_rng_shuffle (&rng, h->order, h->n_sets * n_batches);
    h->epoch = epoch;
  }
  dml_rng_init (&rng, items->seed, dml_rng_stream (epoch, batch + 1));
  unrank (h->order[batch] / n_batches, h->n_supers, supers, set);
  for (size_t s = 0; s < supers; s++)
    draw_super (items, h, set[s], size / supers, (size_t) p[K], &rng,
                out + s * (size / supers));
  return size;
}

const DmlSamplerClass dml_sampler_hierarchical = {
  .info = { "hierarchical", "", "a batch from few super-classes",
            hierarchical_params },
  .start = hierarchical_start,
  .draw = hierarchical_draw,
  .stop = hierarchical_stop,
};
