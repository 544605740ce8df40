/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Multi-similarity loss (Wang et al. 2019, eq. 15; mining eq. 11 and 12).
 *
 *   anchor: 1/alpha log (1 + sum_p e^{-alpha (s - base)})
 *         + 1/beta  log (1 + sum_n e^{ beta  (s - base)})
 *
 *   paper: without a miner, the paper's mining with epsilon; an anchor that
 *          lacks a side costs nothing
 *   pml:   no mining of its own, one-sided anchors stay
 *
 * base: the paper prints 1, where the negatives' side is nearly off; 0.5 is
 * what its authors' code has. */
#include "metric/losses/loss-class.h"

enum { ALPHA = DML_LOSS_OWN, BETA, BASE, EPSILON };

static const DmlParam multi_similarity_params[] = {
  DML_LOSS_COMMON (MEAN_ACTIVE, MEAN),
  DML_PARAM_NUMBER ("alpha", 1e-3, 1000, 2, 2, "sharpness of the positives"),
  DML_PARAM_NUMBER ("beta", 1e-3, 1000, 50, 50, "sharpness of the negatives"),
  DML_PARAM_NUMBER ("base", -1, 1, 0.5, 0.5,
                    "similarity where either side begins"),
  DML_PARAM_NUMBER (
    "epsilon", -1, 2, 0.1, -1,
    "margin of the mining inside, when no miner is given; -1: none"),
  DML_LOSS_POS_CAP,
  DML_LOSS_MEMORY,
  DML_PARAM_END,
};

/* Similarities that a positive must stay below, a negative above (eq. 11, 12):
 * the hardest of the other side, give or take epsilon. */
static void
mining_bounds (const DmlLossRun *run, const DmlRow *row, const DmlReal *s,
               double *pos_below, double *neg_above)
{
  const double epsilon = run->p[EPSILON];

  *pos_below = HUGE_VAL;
  *neg_above = -HUGE_VAL;
  if (epsilon < 0 || run->relation.tuples != NULL)
    return;
  double max_neg = -HUGE_VAL, min_pos = HUGE_VAL;

  for (size_t k = 0; k < row->n_neg; k++)
    max_neg = fmax (max_neg, (double) s[row->neg[k]]);
  for (size_t k = 0; k < row->n_pos; k++)
    min_pos = fmin (min_pos, (double) s[row->pos[k]]);
  *pos_below = max_neg + epsilon;
  *neg_above = min_pos - epsilon;
}

/* One side: log (1 + sum e^z) / sharpness of the columns inside the bound, and
 * its slopes. z = sign * sharpness * (s - base). */
static double
side (const int32_t *columns, size_t n, const DmlReal *s, DmlReal *g,
      double sign, double sharpness, double base, double bound)
{
  DmlLse lse = { 0, 1 }; /* the 1 of the logarithm */

  for (size_t k = 0; k < n; k++) {
    const double value = (double) s[columns[k]];

    if (sign * (value - bound) > 0)
      dml_lse_push (&lse, sign * sharpness * (value - base));
  }
  const double all = dml_lse_value (&lse);

  for (size_t k = 0; k < n; k++) {
    const int32_t j = columns[k];
    const double value = (double) s[j];

    if (sign * (value - bound) > 0)
      g[j] = (DmlReal) (sign * exp (sign * sharpness * (value - base) - all));
  }
  return all / sharpness;
}

static void
multi_similarity_row (const DmlLossRun *run, const DmlRow *row,
                      const DmlReal *s, DmlReal *g, DmlTerms *terms)
{
  const double *p = run->p;
  double pos_below, neg_above, value = 0;

  if (p[DML_LOSS_SEMANTICS] == DML_SEMANTICS_PML ||
      (row->n_pos > 0 && row->n_neg > 0)) {
    mining_bounds (run, row, s, &pos_below, &neg_above);
    value =
      side (row->pos, row->n_pos, s, g, -1, p[ALPHA], p[BASE], pos_below) +
      side (row->neg, row->n_neg, s, g, 1, p[BETA], p[BASE], neg_above);
  }
  dml_terms_add (terms, 0, value);
}

const DmlLossClass dml_loss_multi_similarity = {
  .info = { "multi_similarity", "Wang et al. 2019, eq. 15",
            "soft sums over positives and over negatives of an anchor",
            multi_similarity_params },
  .flags = DML_LOSS_PAIRS,
  .row = multi_similarity_row,
};
