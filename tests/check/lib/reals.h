/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Rows of DmlReal, which is float or double by who includes this. */
#pragma once

#include <glib.h>

#include "base/rng.h"
#include "metric/real.h"

/* n x d normal numbers. (transfer full) */
static inline DmlReal *
random_rows (size_t n, size_t d, uint64_t seed)
{
  DmlReal *x = g_new (DmlReal, n * d);
  DmlRng rng;

  dml_rng_init (&rng, seed, 0);
  for (size_t k = 0; k < n * d; k++)
    x[k] = (DmlReal) dml_rng_normal (&rng);
  return x;
}

/* n rows of 20 classes on a noisy sphere. */
static inline void
class_rows (DmlReal *x, int32_t *labels, size_t n, size_t d)
{
  DmlRng rng;

  dml_rng_init (&rng, 3, 0);
  for (size_t i = 0; i < n; i++) {
    labels[i] = (int32_t) (i % 20);
    for (size_t k = 0; k < d; k++)
      x[i * d + k] =
        (DmlReal) (dml_rng_normal (&rng) + 3 * (k == (size_t) labels[i] % d));
  }
}
