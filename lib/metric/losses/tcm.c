/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Threshold-consistent margin (Zhang et al. 2024, section 4): a term added to
 * another loss so that one threshold suits all classes.
 *
 *   lambda_plus  mean over positives with s <= margin_plus  of margin_plus - s
 * + lambda_minus mean over negatives with s >= margin_minus of s - margin_minus
 *
 * To be switched on when the base loss has settled: margin_plus from the first
 * step can pull everything together. */
#include "metric/losses/loss-class.h"

enum { LAMBDA_PLUS = DML_LOSS_OWN, LAMBDA_MINUS, MARGIN_PLUS, MARGIN_MINUS };

static const DmlParam tcm_params[] = {
  DML_LOSS_COMMON (MEAN_ACTIVE, MEAN_ACTIVE),
  DML_PARAM_NUMBER ("lambda_plus", 0, 1000, 1, 1,
                    "factor of the positives' side"),
  DML_PARAM_NUMBER ("lambda_minus", 0, 1000, 1, 1,
                    "factor of the negatives' side"),
  DML_PARAM_NUMBER ("margin_plus", -1, 1, 0.9, 0.9,
                    "positives should be above"),
  DML_PARAM_NUMBER ("margin_minus", -1, 1, 0.5, 0.5,
                    "negatives should be below"),
  DML_LOSS_POS_CAP,
  DML_LOSS_MEMORY,
  DML_PARAM_END,
};

/* A pair on the margin counts, though its term is 0. */
static void
tcm_pair (int group, double v, double sign, double lambda, DmlReal *g,
          DmlTerms *terms)
{
  terms->n[group]++;
  if (v < 0)
    return;
  terms->n_active[group]++;
  terms->sum[group] += lambda * v;
  *g = (DmlReal) (sign * lambda);
}

static void
tcm_row (const DmlLossRun *run, const DmlRow *row, const DmlReal *s, DmlReal *g,
         DmlTerms *terms)
{
  const double *p = run->p;

  for (size_t k = 0; k < row->n_pos; k++) {
    const int32_t j = row->pos[k];

    tcm_pair (0, p[MARGIN_PLUS] - (double) s[j], -1, p[LAMBDA_PLUS], &g[j],
              terms);
  }
  for (size_t k = 0; k < row->n_neg; k++) {
    const int32_t j = row->neg[k];

    tcm_pair (1, (double) s[j] - p[MARGIN_MINUS], 1, p[LAMBDA_MINUS], &g[j],
              terms);
  }
}

const DmlLossClass dml_loss_tcm = {
  .info = { "tcm", "Zhang et al. 2024, section 4",
            "one threshold for all classes; beside another loss", tcm_params },
  .flags = DML_LOSS_PAIRS,
  .row = tcm_row,
};
