/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Supervised contrastive loss (Khosla et al. 2020, eq. 2, L_out).
 *
 *   anchor: LSE_{j != i} s_ij/t - mean over positives of s_ip/t
 *
 * Anchors that lack a side are left out. Its floor is log |P(i)|. The authors'
 * code multiplies by t / 0.07: base_temperature. */
#include "metric/losses/loss-class.h"

enum { TEMPERATURE = DML_LOSS_OWN, BASE_TEMPERATURE };

static const DmlParam supcon_params[] = {
  DML_LOSS_COMMON (MEAN_ACTIVE, MEAN_ACTIVE),
  DML_PARAM_NUMBER ("temperature", 1e-3, 100, 0.1, 0.1,
                    "divides the similarities"),
  DML_PARAM_NUMBER ("base_temperature", 0, 100, 0, 0,
                    "the loss is times temperature by this; 0: once"),
  DML_LOSS_POS_CAP,
  DML_LOSS_MEMORY,
  DML_PARAM_END,
};

static void
supcon_row (const DmlLossRun *run, const DmlRow *row, const DmlReal *s,
            DmlReal *g, DmlTerms *terms)
{
  const double inv_t = 1 / run->p[TEMPERATURE];
  const double base = run->p[BASE_TEMPERATURE];
  const double factor = base > 0 ? run->p[TEMPERATURE] / base : 1;
  const double share = 1.0 / (double) MAX (row->n_pos, (size_t) 1);
  DmlLse lse = DML_LSE_EMPTY;
  double mean = 0;

  if (row->n_pos == 0 || row->n_neg == 0)
    return;
  for (size_t k = 0; k < row->n_pos; k++) {
    dml_lse_push (&lse, (double) s[row->pos[k]] * inv_t);
    mean += (double) s[row->pos[k]] * inv_t * share;
  }
  for (size_t k = 0; k < row->n_neg; k++)
    dml_lse_push (&lse, (double) s[row->neg[k]] * inv_t);
  const double all = dml_lse_value (&lse);

  dml_terms_add (terms, 0, factor * (all - mean));
  for (size_t k = 0; k < row->n_pos; k++) {
    const int32_t j = row->pos[k];

    g[j] =
      (DmlReal) (factor * inv_t * (exp ((double) s[j] * inv_t - all) - share));
  }
  for (size_t k = 0; k < row->n_neg; k++) {
    const int32_t j = row->neg[k];

    g[j] = (DmlReal) (factor * inv_t * exp ((double) s[j] * inv_t - all));
  }
}

const DmlLossClass dml_loss_supcon = {
  .info = { "supcon", "Khosla et al. 2020, eq. 2",
            "softmax of all positives against everything else", supcon_params },
  .flags = DML_LOSS_PAIRS,
  .row = supcon_row,
};
