/* SPDX-License-Identifier: LGPL-2.1-or-later
 * NT-Xent (Chen et al. 2020, eq. 1), by class labels and by instances.
 *
 *   positive pair: log (e^{s_ip/t} + sum_n w_n e^{s_in/t}) - s_ip/t
 *
 * Other positives are not in the denominator; with two views a class this is
 * the paper's. "instance": positives are the other views of the same picture;
 * everything else is negative, other pictures of the same class with weight
 * same_class, for they may look alike (0: not at all). */
#include "metric/losses/loss-class.h"

enum { TEMPERATURE = DML_LOSS_OWN, SAME_CLASS };

#define NTXENT_TEMPERATURE(paper, pml)                                         \
  DML_PARAM_NUMBER ("temperature", 1e-3, 100, paper, pml,                      \
                    "divides the similarities")

static const DmlParam ntxent_params[] = {
  DML_LOSS_COMMON (MEAN, MEAN),
  NTXENT_TEMPERATURE (0.1, 0.07),
  DML_LOSS_POS_CAP,
  DML_LOSS_MEMORY,
  DML_PARAM_END,
};

static const DmlParam instance_params[] = {
  DML_LOSS_COMMON (MEAN, MEAN),
  NTXENT_TEMPERATURE (0.1, 0.1),
  DML_PARAM_NUMBER (
    "same_class", 0, 1, 0.25, 0.25,
    "weight in the denominator of other pictures of the same class"),
  DML_LOSS_POS_CAP,
  DML_PARAM_END,
};

/* Logarithm of a negative's term. */
static double
ntxent_logit (const DmlLossRun *run, size_t i, int32_t j, double s)
{
  const double z = s / run->p[TEMPERATURE];

  if (!(run->flags & DML_LOSS_INSTANCES) ||
      run->batch->labels[i] != run->batch->labels[j])
    return z;
  return z + log (run->p[SAME_CLASS]); /* -inf: left out */
}

static void
ntxent_row (const DmlLossRun *run, const DmlRow *row, const DmlReal *s,
            DmlReal *g, DmlTerms *terms)
{
  const double inv_t = 1 / run->p[TEMPERATURE];
  DmlLse lse = DML_LSE_EMPTY;
  double pull = 0; /* sum over positives of the negatives' share */

  if (row->n_pos == 0)
    return;
  for (size_t k = 0; k < row->n_neg; k++)
    dml_lse_push (
      &lse, ntxent_logit (run, row->i, row->neg[k], (double) s[row->neg[k]]));
  const double l_neg = dml_lse_value (&lse);

  for (size_t k = 0; k < row->n_pos; k++) {
    const int32_t j = row->pos[k];
    /* log (e^z + e^l_neg) - z */
    const double gap = l_neg - (double) s[j] * inv_t;
    const double share = dml_sigmoid (gap);

    dml_terms_add (terms, 0, dml_softplus (gap));
    g[j] = (DmlReal) (-share * inv_t);
    pull += share;
  }
  if (pull == 0)
    return;
  for (size_t k = 0; k < row->n_neg; k++) {
    const int32_t j = row->neg[k];
    const double z = ntxent_logit (run, row->i, j, (double) s[j]);

    g[j] = (DmlReal) (pull * exp (z - l_neg) * inv_t);
  }
}

const DmlLossClass dml_loss_ntxent = {
  .info = { "ntxent", "Chen et al. 2020, eq. 1",
            "softmax of each positive against the anchor's negatives",
            ntxent_params },
  .flags = DML_LOSS_PAIRS,
  .row = ntxent_row,
};

const DmlLossClass dml_loss_instance = {
  .info = { "instance", "Chen et al. 2020, eq. 1; Wu et al. 2018",
            "each picture its own class, its views the positives",
            instance_params },
  .flags = DML_LOSS_PAIRS | DML_LOSS_INSTANCES | DML_LOSS_SELF_ONLY,
  .row = ntxent_row,
};
