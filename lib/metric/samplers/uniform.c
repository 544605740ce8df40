/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Every item once an epoch, in a new order. */
#include "metric/samplers/sampler-class.h"

enum { BATCH };

static const DmlParam uniform_params[] = {
  DML_PARAM_WHOLE ("batch", 1, 65536, 64, 64, "items a batch"),
  DML_PARAM_END,
};

typedef struct {
  size_t epoch; /* that the order is of; SIZE_MAX: none */
  uint32_t *order;
} Uniform;

static gboolean
uniform_start (const DmlSamplerItems *items, const double *p,
               size_t *batch_size, size_t *n_batches, void **state,
               GError **error)
{
  Uniform *uniform = g_new0 (Uniform, 1);

  uniform->epoch = SIZE_MAX;
  uniform->order = g_new (uint32_t, items->n);
  *batch_size = (size_t) p[BATCH];
  *n_batches = (items->n + *batch_size - 1) / *batch_size;
  *state = uniform;
  return TRUE;
}

static size_t
uniform_draw (const DmlSamplerItems *items, const double *p, void *state,
              size_t epoch, size_t batch, uint32_t *out)
{
  const size_t size = (size_t) p[BATCH], first = batch * size;
  const size_t n = MIN (size, items->n - first);
  Uniform *uniform = state;

  if (uniform->epoch != epoch) {
    DmlRng rng;

    for (size_t i = 0; i < items->n; i++)
      uniform->order[i] = (uint32_t) i;
    dml_rng_init (&rng, items->seed, dml_rng_stream (epoch, 0));
    dml_rng_shuffle (&rng, uniform->order, items->n);
    uniform->epoch = epoch;
  }
  for (size_t i = 0; i < n; i++)
    out[i] = uniform->order[first + i];
  return n;
}

static void
uniform_stop (void *state)
{
  Uniform *uniform = state;

  g_free (uniform->order);
  g_free (uniform);
}

const DmlSamplerClass dml_sampler_uniform = {
  .info = { "uniform", "", "every item once an epoch", uniform_params },
  .start = uniform_start,
  .draw = uniform_draw,
  .stop = uniform_stop,
};
