/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Contrastive loss (Hadsell et al. 2006, eq. 4).
 *
 *   distances:    v = d - m_pos of a positive, m_neg - d of a negative
 *   similarities: v = m_pos - s of a positive, s - m_neg of a negative
 *   paper: 1/2 [v]+^2, all pairs reduced together
 *   pml:   [v]+, positives and negatives reduced apart, then added */
#include "metric/losses/loss-class.h"

enum { DISTANCE = DML_LOSS_OWN, POS_MARGIN, NEG_MARGIN };

static const DmlParam contrastive_params[] = {
  DML_LOSS_COMMON (MEAN, MEAN_ACTIVE),
  DML_LOSS_DISTANCE (EUCLIDEAN_UNIT, EUCLIDEAN_UNIT, "of a pair"),
  DML_PARAM_NUMBER (
    "pos_margin", -4, 100, DML_PARAM_LATER, DML_PARAM_LATER,
    "positives nearer than this cost nothing; 0, similarities: 1"),
  DML_PARAM_NUMBER (
    "neg_margin", -4, 100, DML_PARAM_LATER, DML_PARAM_LATER,
    "negatives farther than this cost nothing; 1, similarities: 0.5"),
  DML_LOSS_POS_CAP,
  DML_LOSS_MEMORY,
  DML_PARAM_END,
};

static void
contrastive_settle (double *p)
{
  const gboolean similar = dml_distance_sign (dml_loss_own_distance (p)) < 0;

  if (isnan (p[POS_MARGIN]))
    p[POS_MARGIN] = similar ? 1 : 0;
  if (isnan (p[NEG_MARGIN]))
    p[NEG_MARGIN] = similar ? 0.5 : 1;
}

/* The term of violation v, whose slope towards S is sign. */
static void
contrastive_pair (const DmlLossRun *run, int group, double v, double sign,
                  DmlReal *g, DmlTerms *terms)
{
  v = fmax (v, 0);
  if (run->p[DML_LOSS_SEMANTICS] == DML_SEMANTICS_PAPER) {
    dml_terms_add (terms, 0, 0.5 * v * v);
    *g = (DmlReal) (sign * v);
  } else {
    dml_terms_add (terms, group, v);
    *g = (DmlReal) (v > 0 ? sign : 0);
  }
}

static void
contrastive_row (const DmlLossRun *run, const DmlRow *row, const DmlReal *s,
                 DmlReal *g, DmlTerms *terms)
{
  const double sign = dml_distance_sign (run->pairs.distance);

  for (size_t k = 0; k < row->n_pos; k++) {
    const int32_t j = row->pos[k];

    contrastive_pair (run, 0, sign * ((double) s[j] - run->p[POS_MARGIN]), sign,
                      &g[j], terms);
  }
  for (size_t k = 0; k < row->n_neg; k++) {
    const int32_t j = row->neg[k];

    contrastive_pair (run, 1, sign * (run->p[NEG_MARGIN] - (double) s[j]),
                      -sign, &g[j], terms);
  }
}

const DmlLossClass dml_loss_contrastive = {
  .info = { "contrastive", "Hadsell et al. 2006, eq. 4",
            "positives together, negatives beyond a margin",
            contrastive_params },
  .flags = DML_LOSS_PAIRS,
  .row = contrastive_row,
  .distance = dml_loss_own_distance,
  .settle = contrastive_settle,
};
