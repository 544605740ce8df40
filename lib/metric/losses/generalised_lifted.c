/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Generalised lifted structure loss (Hermans et al. 2017, section 2).
 *
 *   anchor: [ LSE_p (D_ap - m_pos) + LSE_n (m_neg - D_an) ]+
 *
 *   paper: anchors that lack a side are left out
 *   pml:   all anchors count; the LSE of an empty side is 0 */
#include "metric/losses/loss-class.h"

enum { DISTANCE = DML_LOSS_OWN, NEG_MARGIN, POS_MARGIN };

static const DmlParam generalised_lifted_params[] = {
  DML_LOSS_COMMON (MEAN_ACTIVE, MEAN),
  DML_LOSS_LIFTED,
  DML_LOSS_POS_CAP,
  DML_LOSS_MEMORY,
  DML_PARAM_END,
};

static void
generalised_lifted_row (const DmlLossRun *run, const DmlRow *row,
                        const DmlReal *s, DmlReal *g, DmlTerms *terms)
{
  const double *p = run->p;
  const double sign = dml_distance_sign (run->pairs.distance);
  const gboolean pml = p[DML_LOSS_SEMANTICS] == DML_SEMANTICS_PML;
  DmlLse pos = DML_LSE_EMPTY, neg = DML_LSE_EMPTY;

  if (!pml && (row->n_pos == 0 || row->n_neg == 0))
    return;
  for (size_t k = 0; k < row->n_pos; k++)
    dml_lse_push (&pos, sign * ((double) s[row->pos[k]] - p[POS_MARGIN]));
  for (size_t k = 0; k < row->n_neg; k++)
    dml_lse_push (&neg, sign * (p[NEG_MARGIN] - (double) s[row->neg[k]]));

  const double l_pos = row->n_pos ? dml_lse_value (&pos) : 0;
  const double l_neg = row->n_neg ? dml_lse_value (&neg) : 0;

  dml_terms_add (terms, 0, fmax (l_pos + l_neg, 0));
  if (l_pos + l_neg <= 0)
    return;
  for (size_t k = 0; k < row->n_pos; k++) {
    const int32_t j = row->pos[k];
    const double z = sign * ((double) s[j] - p[POS_MARGIN]);

    g[j] = (DmlReal) (sign * exp (z - l_pos));
  }
  for (size_t k = 0; k < row->n_neg; k++) {
    const int32_t j = row->neg[k];
    const double z = sign * (p[NEG_MARGIN] - (double) s[j]);

    g[j] = (DmlReal) (-sign * exp (z - l_neg));
  }
}

const DmlLossClass dml_loss_generalised_lifted = {
  .info = { "generalised_lifted", "Hermans et al. 2017, section 2",
            "all positives against all negatives of an anchor",
            generalised_lifted_params },
  .flags = DML_LOSS_PAIRS,
  .row = generalised_lifted_row,
  .distance = dml_loss_own_distance,
};
