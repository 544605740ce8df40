/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Cross-batch memory. */
#include "metric/losses/memory.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "metric/pairs.h"

gboolean
dml_memory_init (DmlMemory *memory, size_t size, size_t d, GError **error)
{
  size_t n_reals;

  *memory = (DmlMemory){ .size = size, .d = d };
  if (!dml_mem_mul (size, d, &n_reals))
    n_reals = G_MAXSIZE; /* dml_mem_new0 says so */
  memory->x = dml_mem_new0 (DmlReal, n_reals, error);
  if (memory->x == NULL)
    return FALSE;
  memory->labels = dml_mem_new0 (int32_t, 2 * size, error);
  if (memory->labels == NULL)
    return FALSE;
  memory->items = memory->labels + size;
  dml_memory_reset (memory);
  return TRUE;
}

void
dml_memory_clear (DmlMemory *memory)
{
  dml_mem_free (memory->x);
  dml_mem_free (memory->labels);
  g_free (memory->self);
  *memory = (DmlMemory){ 0 };
}

void
dml_memory_reset (DmlMemory *memory)
{
  if (memory->size == 0)
    return;
  memset (memory->x, 0, memory->size * memory->d * sizeof *memory->x);
  memset (memory->labels, 0, memory->size * sizeof *memory->labels);
  memset (memory->items, -1, memory->size * sizeof *memory->items);
  memory->state = (DmlMemoryState){ 0 };
}

/* The newest row of the picture, or NULL. */
static const DmlReal *
find_item (const DmlMemory *memory, int32_t item)
{
  const DmlMemoryState *s = &memory->state;

  for (size_t back = 1; back <= s->n_used; back++) {
    const size_t at = (s->next + memory->size - back) % memory->size;

    if (memory->items[at] == item)
      return memory->x + at * memory->d;
  }
  return NULL;
}

/* |a/|a| - b/|b|| */
static double
sphere_distance (const DmlReal *a, const DmlReal *b, size_t d)
{
  const double lengths = sqrt (dml_real_dot (a, a, d) * dml_real_dot (b, b, d));

  return lengths > 0 ? sqrt (fmax (2 - 2 * dml_real_dot (a, b, d) / lengths, 0))
                     : 0;
}

static double
measure_drift (const DmlMemory *memory, const DmlBatch *batch)
{
  double sum = 0;
  size_t n = 0;

  for (size_t i = 0; batch->items && i < batch->n; i++) {
    const DmlReal *old = find_item (memory, batch->items[i]);

    if (old == NULL)
      continue;
    sum += sphere_distance (batch->x + i * batch->d, old, batch->d);
    n++;
  }
  return n ? sum / (double) n : (double) NAN;
}

double
dml_memory_push (DmlMemory *memory, const DmlBatch *batch)
{
  DmlMemoryState *s = &memory->state;
  const double drift = measure_drift (memory, batch);

  if (batch->n > memory->n_self) {
    memory->self = g_renew (int32_t, memory->self, batch->n);
    memory->n_self = batch->n;
  }
  for (size_t i = 0; i < batch->n; i++) {
    memcpy (memory->x + s->next * memory->d, batch->x + i * memory->d,
            memory->d * sizeof *memory->x);
    memory->labels[s->next] = batch->labels[i];
    memory->items[s->next] = batch->items ? batch->items[i] : -1;
    memory->self[i] = (int32_t) s->next;
    if (i >= memory->size) /* has just been overwritten */
      memory->self[i - memory->size] = -1;
    s->next = (s->next + 1) % memory->size;
    s->n_used = MIN (s->n_used + 1, memory->size);
  }
  s->n_steps++;
  return drift;
}

DmlBatch
dml_memory_view (const DmlMemory *memory, const DmlBatch *batch)
{
  DmlBatch view = *batch;

  view.n_ref = memory->state.n_used;
  view.ref = memory->x;
  view.ref_labels = memory->labels;
  view.ref_self = memory->self;
  return view;
}
