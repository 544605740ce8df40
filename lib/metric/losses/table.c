/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The losses. A new one: a file here, a line below, a row in
 * tests/check/lib/test_losses.c and in docs/losses.md. */
#include "metric/losses/loss-class.h"

/* clang-format off */
#define DML_LOSSES(X)                                                          \
  X (contrastive) X (triplet) X (npairs) X (lifted) X (generalised_lifted)     \
  X (multi_similarity) X (margin) X (circle) X (ntxent) X (instance)           \
  X (supcon) X (angular) X (nca) X (tcm) X (proxy_nca) X (proxy_anchor)        \
  X (soft_triple) X (softmax) X (arcface) X (subcentre_arcface) X (cosface)    \
  X (distil) X (distil_relational)
/* clang-format on */

#define DECLARE(name) extern const DmlLossClass dml_loss_##name;
DML_LOSSES (DECLARE)

#define ROW(name) &dml_loss_##name,
const DmlLossClass *const dml_loss_table[] = { DML_LOSSES (ROW) };

const size_t dml_loss_table_n = G_N_ELEMENTS (dml_loss_table);
