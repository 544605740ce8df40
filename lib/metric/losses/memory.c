/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Cross-batch memory. */
#include "metric/losses/memory.h"

#include <string.h>

#include "base/mem.h"

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
  memory->labels = dml_mem_new0 (int32_t, size, error);
  return memory->labels != NULL;
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
  memory->state = (DmlMemoryState){ 0 };
}

void
dml_memory_push (DmlMemory *memory, const DmlBatch *batch)
{
  DmlMemoryState *s = &memory->state;

  if (batch->n > memory->n_self) {
    memory->self = g_renew (int32_t, memory->self, batch->n);
    memory->n_self = batch->n;
  }
  for (size_t i = 0; i < batch->n; i++) {
    memcpy (memory->x + s->next * memory->d, batch->x + i * memory->d,
            memory->d * sizeof *memory->x);
    memory->labels[s->next] = batch->labels[i];
    memory->self[i] = (int32_t) s->next;
    if (i >= memory->size) /* has just been overwritten */
      memory->self[i - memory->size] = -1;
    s->next = (s->next + 1) % memory->size;
    s->n_used = MIN (s->n_used + 1, memory->size);
  }
  s->n_steps++;
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
