/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The miners. A new one: a file here, a line below, a row in
 * tests/check/lib/test_miners.c and in docs/losses.md. */
#include "metric/miners/miner-class.h"

/* clang-format off */
#define DML_MINERS(X)                                                          \
  X (all) X (triplet_margin) X (semi_hard) X (batch_hard)                      \
  X (distance_weighted) X (multi_similarity) X (pair_margin) X (angular)
/* clang-format on */

#define DECLARE(name) extern const DmlMinerClass dml_miner_##name;
DML_MINERS (DECLARE)

#define ROW(name) &dml_miner_##name,
const DmlMinerClass *const dml_miner_table[] = { DML_MINERS (ROW) };

const size_t dml_miner_table_n = G_N_ELEMENTS (dml_miner_table);
