/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Counter-based random numbers: Philox4x32-10 (Salmon, Moraes, Dror, Shaw
 * 2011, "Parallel random numbers: as easy as 1, 2, 3").
 *
 * A stream is named by (seed, stream); who draws, and in which thread, changes
 * nothing. Give every picture, batch or epoch a stream of its own instead of
 * sharing one generator. Streams cost nothing to make. */
#pragma once

#include <stddef.h>
#include <stdint.h>

typedef struct {
  uint32_t key[2];
  uint32_t counter[4];
  uint32_t block[4];
  unsigned n_left; /* words of block not handed out yet */
} DmlRng;

void dml_rng_init (DmlRng *rng, uint64_t seed, uint64_t stream);

/* One number that names a stream, from two that name it together. */
uint64_t dml_rng_stream (uint64_t a, uint64_t b);

uint32_t dml_rng_u32 (DmlRng *rng);
/* 0 .. n - 1, no bias; n > 0 */
uint32_t dml_rng_below (DmlRng *rng, uint32_t n);
double dml_rng_uniform (DmlRng *rng); /* [0, 1), 53 bits */
double dml_rng_normal (DmlRng *rng);  /* mean 0, variance 1 */
void dml_rng_shuffle (DmlRng *rng, uint32_t *items, size_t n);
