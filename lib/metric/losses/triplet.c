/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Triplet margin loss (Schroff et al. 2015, eq. 3; soft margin of Hermans et
 * al. 2017, section 2; swap of Balntas et al. 2016).
 *
 *   v = D_ap - D_an + margin         [v]+, or log (1 + e^v) when smooth
 *   smooth, paper: v = D_ap - D_an without the margin
 *   swap: min (D_an, D_pn) in place of D_an (similarities: the larger)
 *
 * Without tuples: every (a, p, n), swept in place, O(sum |P| |N|) time. */
#include "metric/losses/loss-class.h"

enum { DISTANCE = DML_LOSS_OWN, MARGIN, SMOOTH, SWAP };

static const DmlParam triplet_params[] = {
  DML_LOSS_COMMON (MEAN_ACTIVE, MEAN_ACTIVE),
  DML_LOSS_DISTANCE (SQUARED_UNIT, EUCLIDEAN_UNIT, "of a pair"),
  DML_PARAM_NUMBER ("margin", 0, 100, 0.2, 0.05,
                    "a negative must be farther than the positive by this"),
  DML_PARAM_SWITCH ("smooth", 0, 0, "softplus in place of the hinge"),
  DML_PARAM_SWITCH ("swap", 0, 0,
                    "the negative's distance to the nearer of "
                    "anchor and positive; without memory"),
  DML_LOSS_POS_CAP,
  DML_LOSS_MEMORY,
  DML_PARAM_END,
};

static void
triplet_term (const DmlLossRun *run, const DmlRow *row, int32_t p, int32_t n,
              const DmlReal *s, DmlReal *g, DmlTerms *terms)
{
  const double *param = run->p;
  const double sign = dml_distance_sign (run->pairs.distance);
  const size_t m = run->pairs.m;
  double d_n = sign * (double) s[n];
  DmlReal *g_n = &g[n];

  if (param[SWAP] != 0) {
    const double d_pn = sign * (double) run->pairs.s[(size_t) p * m + n];

    if (d_pn < d_n) {
      d_n = d_pn;
      g_n = &run->pairs.g[(size_t) p * m + n];
    }
  }
  const double v = sign * (double) s[p] - d_n;
  double slope;

  if (param[SMOOTH] != 0) {
    const double shift =
      param[DML_LOSS_SEMANTICS] == DML_SEMANTICS_PML ? param[MARGIN] : 0;

    dml_terms_add (terms, 0, dml_softplus (v + shift));
    slope = sign * dml_sigmoid (v + shift);
  } else {
    dml_terms_add (terms, 0, fmax (v + param[MARGIN], 0));
    if (v + param[MARGIN] <= 0)
      return;
    slope = sign;
  }
  dml_add (&g[p], slope);
  dml_add (g_n, -slope);
}

static void
triplet_row (const DmlLossRun *run, const DmlRow *row, const DmlReal *s,
             DmlReal *g, DmlTerms *terms)
{
  if (row->triplets) {
    for (size_t t = 0; t < row->n_triplets; t++)
      triplet_term (run, row, row->triplets[t][1], row->triplets[t][2], s, g,
                    terms);
    return;
  }
  for (size_t k = 0; k < row->n_pos; k++)
    for (size_t l = 0; l < row->n_neg; l++)
      triplet_term (run, row, row->pos[k], row->neg[l], s, g, terms);
}

/* The gradient of D_pn belongs into the positive's row, and the memory has no
 * rows of its own. */
static unsigned
triplet_more_flags (const double *p)
{
  return p[SWAP] != 0 ? DML_LOSS_SERIAL | DML_LOSS_SELF_ONLY : 0;
}

const DmlLossClass dml_loss_triplet = {
  .info = { "triplet", "Schroff et al. 2015, eq. 3",
            "the positive nearer than the negative by a margin",
            triplet_params },
  .flags = DML_LOSS_PAIRS,
  .more_flags = triplet_more_flags,
  .row = triplet_row,
  .distance = dml_loss_own_distance,
};
