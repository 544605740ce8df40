/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Angular loss (Wang et al. 2017, section 3), over ordered positive pairs.
 *
 *   t = tan (alpha);  f_apn = 4 t^2 (u_a + u_p).u_n - 2 (1 + t^2) u_a.u_p
 *   pair: log (1 + sum_n e^{f_apn})
 *
 *   paper: all three on the unit sphere
 *   pml:   the negative raw: |x_n| u_n in place of u_n. Its gradient then has a
 *          radial part beside the one that passes the Jacobian of u.
 *
 * O(#positives * N). */
#include "metric/losses/loss-class.h"

enum { ALPHA = DML_LOSS_OWN, RAW_NEGATIVES };

static const DmlParam angular_params[] = {
  DML_LOSS_COMMON (MEAN, MEAN),
  DML_PARAM_NUMBER ("alpha", 1, 89, 40, 40,
                    "upper bound of the angle at the negative"),
  DML_PARAM_SWITCH ("raw_negatives", 0, 1, "negatives are not normalised"),
  DML_LOSS_POS_CAP,
  DML_PARAM_END,
};

/* extra of row n: dL/d|x_n| */
static void
angular_row (const DmlLossRun *run, const DmlRow *row, const DmlReal *s,
             DmlReal *g, DmlTerms *terms)
{
  const gboolean raw = run->p[RAW_NEGATIVES] != 0;
  const double t = tan (run->p[ALPHA] * G_PI / 180);
  const double cross = 4 * t * t, own = 2 * (1 + t * t);
  const size_t m = run->pairs.m;

  if (row->n_neg == 0)
    return;
  for (size_t k = 0; k < row->n_pos; k++) {
    const int32_t p = row->pos[k];
    const DmlReal *s_p = run->pairs.s + (size_t) p * m;
    DmlReal *g_p = run->pairs.g + (size_t) p * m;
    DmlLse lse = { 0, 1 };

    for (size_t l = 0; l < row->n_neg; l++) {
      const int32_t n = row->neg[l];
      const double length = raw ? run->pairs.norm_x[n] : 1;

      dml_lse_push (&lse, cross * length * ((double) s[n] + (double) s_p[n]) -
                            own * (double) s[p]);
    }
    const double all = dml_lse_value (&lse);
    double total = 0;

    dml_terms_add (terms, 0, all);
    for (size_t l = 0; l < row->n_neg; l++) {
      const int32_t n = row->neg[l];
      const double length = raw ? run->pairs.norm_x[n] : 1;
      const double sum = (double) s[n] + (double) s_p[n];
      const double w = exp (cross * length * sum - own * (double) s[p] - all);

      dml_add (&g[n], w * cross * length);
      dml_add (&g_p[n], w * cross * length);
      if (raw)
        run->terms[n].extra += w * cross * sum;
      total += w;
    }
    dml_add (&g[p], -own * total);
  }
}

static gboolean
angular_run (DmlLossRun *run, GError **error)
{
  if (!dml_loss_begin (run, error))
    return FALSE;
  const DmlPairs *pairs = &run->pairs;

  dml_loss_rows (run, angular_row);
  dml_loss_reduce (run);
  if (run->dx && run->p[RAW_NEGATIVES] != 0)
    for (size_t n = 0; n < pairs->n; n++)
      for (size_t k = 0; k < pairs->d; k++)
        dml_add (&run->dx[n * pairs->d + k],
                 run->factor * run->scale[0] * run->terms[n].extra *
                   (double) pairs->u[n * pairs->d + k]);
  return dml_loss_gradient (run, error);
}

const DmlLossClass dml_loss_angular = {
  .info = { "angular", "Wang et al. 2017, section 3",
            "bounds the angle at the negative of each triangle",
            angular_params },
  .flags = DML_LOSS_PAIRS | DML_LOSS_SERIAL | DML_LOSS_SELF_ONLY,
  .run = angular_run,
};
