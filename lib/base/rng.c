/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Philox4x32-10. */
#include "base/rng.h"

#include <math.h>

static void
philox (DmlRng *rng)
{
  uint32_t c0 = rng->counter[0], c1 = rng->counter[1];
  uint32_t c2 = rng->counter[2], c3 = rng->counter[3];
  uint32_t k0 = rng->key[0], k1 = rng->key[1];

  for (int round = 0; round < 10; round++) {
    const uint64_t p0 = (uint64_t) 0xD2511F53u * c0;
    const uint64_t p1 = (uint64_t) 0xCD9E8D57u * c2;

    c0 = (uint32_t) (p1 >> 32) ^ c1 ^ k0;
    c1 = (uint32_t) p1;
    c2 = (uint32_t) (p0 >> 32) ^ c3 ^ k1;
    c3 = (uint32_t) p0;
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  rng->block[0] = c0;
  rng->block[1] = c1;
  rng->block[2] = c2;
  rng->block[3] = c3;
  rng->n_left = 4;
  if (++rng->counter[0] == 0) /* counter[2..3] name the stream */
    rng->counter[1]++;
}

void
dml_rng_init (DmlRng *rng, uint64_t seed, uint64_t stream)
{
  *rng = (DmlRng){
    .key = { (uint32_t) seed, (uint32_t) (seed >> 32) },
    .counter = { 0, 0, (uint32_t) stream, (uint32_t) (stream >> 32) },
  };
}

/* splitmix64's finaliser (Steele, Lea, Flood 2014), once a word. */
static uint64_t
mix (uint64_t z)
{
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return z ^ (z >> 31);
}

uint64_t
dml_rng_stream (uint64_t a, uint64_t b)
{
  return mix (mix (a + 0x9E3779B97F4A7C15u) + b);
}

uint32_t
dml_rng_u32 (DmlRng *rng)
{
  if (rng->n_left == 0)
    philox (rng);
  return rng->block[4 - rng->n_left--];
}

/* Lemire 2019, "Fast random integer generation in an interval". */
uint32_t
dml_rng_below (DmlRng *rng, uint32_t n)
{
  uint64_t m = (uint64_t) dml_rng_u32 (rng) * n;

  if ((uint32_t) m < n) {
    const uint32_t bias = -n % n;

    while ((uint32_t) m < bias)
      m = (uint64_t) dml_rng_u32 (rng) * n;
  }
  return (uint32_t) (m >> 32);
}

double
dml_rng_uniform (DmlRng *rng)
{
  const uint64_t high = dml_rng_u32 (rng) >> 5;
  const uint64_t low = dml_rng_u32 (rng) >> 6;

  return (double) (high << 26 | low) * 0x1p-53;
}

double
dml_rng_normal (DmlRng *rng)
{
  /* Box and Muller 1958; one of the two values, so that a draw's place in the
   * stream does not depend on the one before. */
  const double r = sqrt (-2.0 * log (1.0 - dml_rng_uniform (rng)));

  return r * cos (2.0 * 3.14159265358979323846 * dml_rng_uniform (rng));
}

void
dml_rng_shuffle (DmlRng *rng, uint32_t *items, size_t n)
{
  for (size_t i = n; i > 1; i--) {
    const uint32_t j = dml_rng_below (rng, (uint32_t) i);
    const uint32_t item = items[i - 1];

    items[i - 1] = items[j];
    items[j] = item;
  }
}
