/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Circle loss (Sun et al. 2020, eq. 6), an anchor at a time.
 *
 *   softplus ( LSE_n  gamma [s + m]+ (s - m)
 *            + LSE_p -gamma [1 + m - s]+ (s - (1 - m)) )
 *
 * The weights [..]+ are constants to the gradient. Anchors that lack a side
 * are left out. Values are large: times weight = 1/gamma in a mix. */
#include "metric/losses/loss-class.h"

enum { M = DML_LOSS_OWN, GAMMA };

static const DmlParam circle_params[] = {
  DML_LOSS_COMMON (MEAN_ACTIVE, MEAN_ACTIVE),
  DML_PARAM_NUMBER ("m", -1, 1, 0.4, 0.4, "relaxation"),
  DML_PARAM_NUMBER ("gamma", 1e-3, 1000, 80, 80, "scale"),
  DML_LOSS_POS_CAP,
  DML_LOSS_MEMORY,
  DML_PARAM_END,
};

typedef struct {
  double z, slope; /* dz/ds */
} Logit;

static Logit
positive (const double *p, double s)
{
  const double alpha = fmax (1 + p[M] - s, 0);

  return (Logit){ -p[GAMMA] * alpha * (s - (1 - p[M])), -p[GAMMA] * alpha };
}

static Logit
negative (const double *p, double s)
{
  const double alpha = fmax (s + p[M], 0);

  return (Logit){ p[GAMMA] * alpha * (s - p[M]), p[GAMMA] * alpha };
}

static void
circle_row (const DmlLossRun *run, const DmlRow *row, const DmlReal *s,
            DmlReal *g, DmlTerms *terms)
{
  const double *p = run->p;
  DmlLse pos = DML_LSE_EMPTY, neg = DML_LSE_EMPTY;

  if (row->n_pos == 0 || row->n_neg == 0)
    return;
  for (size_t k = 0; k < row->n_pos; k++)
    dml_lse_push (&pos, positive (p, (double) s[row->pos[k]]).z);
  for (size_t k = 0; k < row->n_neg; k++)
    dml_lse_push (&neg, negative (p, (double) s[row->neg[k]]).z);

  const double l_pos = dml_lse_value (&pos), l_neg = dml_lse_value (&neg);
  const double outer = dml_sigmoid (l_pos + l_neg);

  dml_terms_add (terms, 0, dml_softplus (l_pos + l_neg));
  for (size_t k = 0; k < row->n_pos; k++) {
    const Logit l = positive (p, (double) s[row->pos[k]]);

    g[row->pos[k]] = (DmlReal) (outer * exp (l.z - l_pos) * l.slope);
  }
  for (size_t k = 0; k < row->n_neg; k++) {
    const Logit l = negative (p, (double) s[row->neg[k]]);

    g[row->neg[k]] = (DmlReal) (outer * exp (l.z - l_neg) * l.slope);
  }
}

const DmlLossClass dml_loss_circle = {
  .info = { "circle", "Sun et al. 2020, eq. 6",
            "each similarity weighted by how far it is from its goal",
            circle_params },
  .flags = DML_LOSS_PAIRS,
  .row = circle_row,
};
