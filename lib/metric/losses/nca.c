/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Neighbourhood components analysis (Goldberger et al. 2004, eq. 1 to 4).
 *
 *   p_i = sum_p e^{-scale D2_ip} / sum_{j != i} e^{-scale D2_ij}
 *   paper: sum of -p_i, on raw embeddings
 *   pml:   mean of -log p_i, on unit embeddings
 *
 * Anchors without a positive are left out. Never the log of a quotient:
 * log p = LSE_pos - LSE_all. */
#include "metric/losses/loss-class.h"

enum { DISTANCE = DML_LOSS_OWN, SCALE };

static const DmlParam nca_params[] = {
  DML_LOSS_COMMON (SUM, MEAN),
  DML_LOSS_DISTANCE (SQUARED, SQUARED_UNIT, "of a pair"),
  DML_PARAM_NUMBER (
    "softmax_scale", 1e-3, 1000, 1, 1,
    "times the distances; on unit embeddings 10 or more learns faster"),
  DML_LOSS_POS_CAP,
  DML_LOSS_MEMORY,
  DML_PARAM_END,
};

static void
nca_row (const DmlLossRun *run, const DmlRow *row, const DmlReal *s, DmlReal *g,
         DmlTerms *terms)
{
  const double factor =
    -run->p[SCALE] * dml_distance_sign (run->pairs.distance);
  const gboolean pml = run->p[DML_LOSS_SEMANTICS] == DML_SEMANTICS_PML;
  DmlLse pos = DML_LSE_EMPTY, all = DML_LSE_EMPTY;

  if (row->n_pos == 0)
    return;
  for (size_t k = 0; k < row->n_pos; k++) {
    dml_lse_push (&pos, factor * (double) s[row->pos[k]]);
    dml_lse_push (&all, factor * (double) s[row->pos[k]]);
  }
  for (size_t k = 0; k < row->n_neg; k++)
    dml_lse_push (&all, factor * (double) s[row->neg[k]]);

  const double l_pos = dml_lse_value (&pos), l_all = dml_lse_value (&all);
  const double p = exp (l_pos - l_all);
  const double outer = factor * (pml ? 1 : p); /* -dp = -p d log p */

  dml_terms_add (terms, 0, pml ? l_all - l_pos : -p);
  for (size_t k = 0; k < row->n_pos; k++) {
    const int32_t j = row->pos[k];
    const double z = factor * (double) s[j];

    g[j] = (DmlReal) (outer * (exp (z - l_all) - exp (z - l_pos)));
  }
  for (size_t k = 0; k < row->n_neg; k++) {
    const int32_t j = row->neg[k];

    g[j] = (DmlReal) (outer * exp (factor * (double) s[j] - l_all));
  }
}

const DmlLossClass dml_loss_nca = {
  .info = { "nca", "Goldberger et al. 2004, eq. 1-4",
            "probability that a random neighbour is of the same class",
            nca_params },
  .flags = DML_LOSS_PAIRS,
  .row = nca_row,
  .distance = dml_loss_own_distance,
};
