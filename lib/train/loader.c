/* SPDX-License-Identifier: LGPL-2.1-or-later
 * A ring of batches, filled item by item. */
#include "train/loader.h"
#include "base/error.h"
#include "base/mem.h"

#ifdef __linux__
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

#define NICE 5 /* those who compute go first; who waits helps anyway */

typedef struct {
  DmlLoaderBatch batch;
  size_t n_taken, n_done; /* n_done <= n_taken <= batch.n */
} Slot;

struct _DmlLoader {
  DmlLoaderOptions options;
  GMutex lock; /* guards all below */
  GCond filled, wanted;
  Slot *slots;
  size_t n_slots;
  uint64_t head;    /* number of the batch handed out next */
  uint64_t planned; /* number of the next one to plan; < head + n_slots */
  uint64_t filling; /* first one with items not taken; head <= it <= planned */
  gboolean in_use;  /* the batch before head is with the caller */
  gboolean ended;   /* the plan has said 0 */
  gboolean stopping;
  double waited;
  GThread **threads;
};

static Slot *
slot_of (DmlLoader *loader, uint64_t number)
{
  return &loader->slots[number % loader->n_slots];
}

/* Plans batches as far as there is room. Called with the lock held, which is
 * not given up: a plan is a matter of microseconds. */
static void
plan_ahead (DmlLoader *loader)
{
  const uint64_t oldest = loader->head - loader->in_use;

  while (!loader->ended && loader->planned < oldest + loader->n_slots) {
    Slot *slot = slot_of (loader, loader->planned);

    slot->batch.number = loader->planned;
    slot->batch.n = loader->options.plan (loader->options.data, loader->planned,
                                          slot->batch.items);
    g_assert (slot->batch.n <= loader->options.batch_max);
    slot->batch.seconds = 0;
    slot->n_taken = slot->n_done = 0;
    if (slot->batch.n == 0)
      loader->ended = TRUE;
    else
      loader->planned++;
  }
}

/* Takes one item of the first batch that has one below `limit` and fills it.
 * Called and returns with the lock held. FALSE: nothing to take. */
static gboolean
fill_one (DmlLoader *loader, uint64_t limit, unsigned worker)
{
  const DmlLoaderOptions *o = &loader->options;
  Slot *slot;
  size_t place;
  gint64 start;

  while (loader->filling < loader->planned &&
         slot_of (loader, loader->filling)->n_taken ==
           slot_of (loader, loader->filling)->batch.n)
    loader->filling++;
  if (loader->filling >= MIN (loader->planned, limit))
    return FALSE;
  slot = slot_of (loader, loader->filling);
  place = slot->n_taken++;
  g_mutex_unlock (&loader->lock);
  start = g_get_monotonic_time ();
  o->fill (o->data, slot->batch.number, place, slot->batch.items[place], worker,
           slot->batch.data + place * o->item_size);
  g_mutex_lock (&loader->lock);
  slot->batch.seconds += (double) (g_get_monotonic_time () - start) / 1e6;
  if (++slot->n_done == slot->batch.n)
    g_cond_broadcast (&loader->filled);
  return TRUE;
}

typedef struct {
  DmlLoader *loader;
  unsigned worker;
} Start;

static gpointer
loader_thread (gpointer data)
{
  Start *start = data;
  DmlLoader *loader = start->loader;
  const unsigned worker = start->worker;

  g_free (start);
#ifdef __linux__
  setpriority (PRIO_PROCESS, (id_t) syscall (SYS_gettid), NICE);
#endif
  g_mutex_lock (&loader->lock);
  while (!loader->stopping) {
    plan_ahead (loader);
    if (!fill_one (loader, UINT64_MAX, worker))
      g_cond_wait (&loader->wanted, &loader->lock);
  }
  g_mutex_unlock (&loader->lock);
  return NULL;
}

DmlLoader *
dml_loader_new (const DmlLoaderOptions *options, uint64_t first, GError **error)
{
  g_autoptr (DmlLoader) loader = g_new0 (DmlLoader, 1);
  size_t n_floats;

  loader->options = *options;
  loader->head = loader->planned = loader->filling = first;
  loader->n_slots = options->n_ahead + 1;
  loader->slots = g_new0 (Slot, loader->n_slots);
  loader->threads = g_new0 (GThread *, options->n_threads + 1);
  g_mutex_init (&loader->lock);
  g_cond_init (&loader->filled);
  g_cond_init (&loader->wanted);
  if (!dml_mem_mul (options->batch_max, options->item_size, &n_floats)) {
    dml_fail (error, LIMIT, "a batch of %zu pictures does not fit in memory",
              options->batch_max);
    return NULL;
  }
  for (size_t i = 0; i < loader->n_slots; i++) {
    DmlLoaderBatch *batch = &loader->slots[i].batch;

    batch->data = dml_mem_new (float, n_floats, error);
    batch->items = dml_mem_new (uint32_t, options->batch_max, error);
    if (batch->data == NULL || batch->items == NULL)
      return NULL;
  }
  for (unsigned i = 0; i < options->n_threads; i++) {
    Start *start = g_new (Start, 1);

    *start = (Start){ loader, i + 1 };
    loader->threads[i] = g_thread_new ("dml-loader", loader_thread, start);
  }
  return g_steal_pointer (&loader);
}

const DmlLoaderBatch *
dml_loader_next (DmlLoader *loader)
{
  const gint64 start = g_get_monotonic_time ();
  const DmlLoaderBatch *batch = NULL;
  Slot *slot;

  g_mutex_lock (&loader->lock);
  loader->in_use = FALSE;
  plan_ahead (loader);
  g_cond_broadcast (&loader->wanted);
  if (loader->head < loader->planned) {
    slot = slot_of (loader, loader->head);
    while (slot->n_done < slot->batch.n)
      if (!fill_one (loader, loader->head + 1, 0))
        g_cond_wait (&loader->filled, &loader->lock);
    loader->head++;
    loader->in_use = TRUE;
    batch = &slot->batch;
  }
  g_mutex_unlock (&loader->lock);
  loader->waited += (double) (g_get_monotonic_time () - start) / 1e6;
  return batch;
}

double
dml_loader_waited (const DmlLoader *loader)
{
  return loader->waited;
}

void
dml_loader_free (DmlLoader *loader)
{
  if (loader == NULL)
    return;
  g_mutex_lock (&loader->lock);
  loader->stopping = TRUE;
  g_cond_broadcast (&loader->wanted);
  g_mutex_unlock (&loader->lock);
  for (unsigned i = 0; i < loader->options.n_threads; i++)
    if (loader->threads[i] != NULL)
      g_thread_join (loader->threads[i]);
  for (size_t i = 0; i < loader->n_slots; i++) {
    dml_mem_free (loader->slots[i].batch.data);
    dml_mem_free (loader->slots[i].batch.items);
  }
  g_cond_clear (&loader->wanted);
  g_cond_clear (&loader->filled);
  g_mutex_clear (&loader->lock);
  g_free (loader->slots);
  g_free (loader->threads);
  g_free (loader);
}
