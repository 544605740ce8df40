/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The samplers. A new one: a file here, a line below, a row in
 * tests/check/lib/test_samplers.c and in docs/losses.md. */
#include "metric/samplers/sampler-class.h"

#define DML_SAMPLERS(X) X (pxk) X (balanced) X (hierarchical) X (uniform)

#define DECLARE(name) extern const DmlSamplerClass dml_sampler_##name;
DML_SAMPLERS (DECLARE)

#define ROW(name) &dml_sampler_##name,
const DmlSamplerClass *const dml_sampler_table[] = { DML_SAMPLERS (ROW) };

const size_t dml_sampler_table_n = G_N_ELEMENTS (dml_sampler_table);
