/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Independent draws, each item with weight n_c^-power: 1 makes all classes
 * equally likely, 0.5 goes half way, 0 is the data as it is. */
#include <math.h>

#include "metric/samplers/sampler-class.h"

enum { BATCH, POWER };

static const DmlParam balanced_params[] = {
  DML_PARAM_WHOLE ("batch", 1, 65536, 64, 64, "items a batch"),
  DML_PARAM_NUMBER ("power", 0, 1, 1, 1, "an item's weight is n_c^-power"),
  DML_PARAM_END,
};

static gboolean
balanced_start (const DmlSamplerItems *items, const double *p,
                size_t *batch_size, size_t *n_batches, void **state,
                GError **error)
{
  double *sums = g_new (double, items->n_classes);
  double sum = 0;

  for (size_t c = 0; c < items->n_classes; c++)
    sums[c] = sum += pow (dml_sampler_class_n (items, c), 1 - p[POWER]);
  *batch_size = (size_t) p[BATCH];
  *n_batches = (items->n + *batch_size - 1) / *batch_size;
  *state = sums;
  return TRUE;
}

static size_t
balanced_draw (const DmlSamplerItems *items, const double *p, void *state,
               size_t epoch, size_t batch, uint32_t *out)
{
  const size_t n = (size_t) p[BATCH];
  const double *sums = state;
  DmlRng rng;

  dml_rng_init (&rng, items->seed, dml_rng_stream (epoch, batch));
  for (size_t i = 0; i < n; i++) {
    const double at = dml_rng_uniform (&rng) * sums[items->n_classes - 1];
    size_t low = 0, high = items->n_classes - 1;

    while (low < high) { /* the first class whose sum is beyond */
      const size_t mid = (low + high) / 2;

      if (sums[mid] > at)
        high = mid;
      else
        low = mid + 1;
    }
    out[i] =
      items->items[items->first[low] +
                   dml_rng_below (&rng, dml_sampler_class_n (items, low))];
  }
  return n;
}

const DmlSamplerClass dml_sampler_balanced = {
  .info = { "balanced", "", "independent draws, rare classes more often",
            balanced_params },
  .start = balanced_start,
  .draw = balanced_draw,
  .stop = g_free,
};
