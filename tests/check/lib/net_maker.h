/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Networks for tests. */
#pragma once

#include "nn/arch/arch.h"

/* Of dml_arch_build, weights of which `seed` draws. (transfer full) */
DmlGraph *net_of_arch (const char *name, const DmlArchOptions *options,
                       uint64_t seed);

/* Adds n nodes drawn at random, each upon one or two of `values` (DmlValue),
 * and their results to `values`: views, chains in place, values read late or
 * several times. */
void net_add_random_nodes (DmlGraph *graph, GPtrArray *values, unsigned n,
                           DmlRng *rng);
