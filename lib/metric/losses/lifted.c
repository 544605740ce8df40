/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Lifted structure loss (Song et al. 2016, eq. 4).
 *
 *   L_i  = LSE over negatives n of i of (m_neg - D_in)
 *   J_ij = log (e^{L_i} + e^{L_j}) + D_ij - m_pos      of a positive pair
 *   mean over ordered pairs of [J_ij]+^2 / 2, the paper's 1/(2|P|) over
 *   unordered ones; a pair of which neither has a negative is left out
 *
 * Every pair that i takes part in pulls at D_in by e^{m_neg - D_in}, so one
 * number a row is enough: a_i = sum over these pairs of J e^{-log (...)}.
 * O(N^2) beyond S. */
#include "metric/losses/loss-class.h"

enum { DISTANCE = DML_LOSS_OWN, NEG_MARGIN, POS_MARGIN };

static const DmlParam lifted_params[] = {
  DML_LOSS_COMMON (MEAN, MEAN),
  DML_LOSS_LIFTED,
  DML_LOSS_POS_CAP,
  DML_PARAM_END,
};

/* extra = L_i */
static void
negatives_row (const DmlLossRun *run, const DmlRow *row, const DmlReal *s,
               DmlReal *g, DmlTerms *terms)
{
  const double sign = dml_distance_sign (run->pairs.distance);
  DmlLse lse = DML_LSE_EMPTY;

  for (size_t k = 0; k < row->n_neg; k++)
    dml_lse_push (&lse, sign * (run->p[NEG_MARGIN] - (double) s[row->neg[k]]));
  terms->extra = dml_lse_value (&lse);
}

/* Terms, dL/dD_ij, and a_i times e^{L_i}, which is what stays in range. */
static void
positives_row (const DmlLossRun *run, const DmlRow *row, const DmlReal *s,
               DmlReal *g, double *a)
{
  const double sign = dml_distance_sign (run->pairs.distance);
  const size_t i = row->i;
  const double l_i = run->terms[i].extra;

  for (size_t k = 0; k < row->n_pos; k++) {
    const int32_t j = row->pos[k];
    const double l_j = run->terms[j].extra;
    const double high = fmax (l_i, l_j);

    if (high == -HUGE_VAL)
      continue;
    const double both = high + log (exp (l_i - high) + exp (l_j - high));
    const double hinge =
      fmax (both + sign * ((double) s[j] - run->p[POS_MARGIN]), 0);

    dml_terms_add (&run->terms[i], 0, 0.5 * hinge * hinge);
    g[j] = (DmlReal) (sign * hinge);
    a[i] += hinge * exp (l_i - both);
    a[j] += hinge * exp (l_j - both);
  }
}

static void
pull_row (const DmlLossRun *run, const DmlRow *row, const DmlReal *s,
          DmlReal *g, DmlTerms *terms)
{
  const double sign = dml_distance_sign (run->pairs.distance);
  const double l_i = terms->extra;

  for (size_t k = 0; k < row->n_neg; k++) {
    const int32_t j = row->neg[k];
    const double z = sign * (run->p[NEG_MARGIN] - (double) s[j]);

    g[j] = (DmlReal) (-sign * terms->sum[1] * exp (z - l_i));
  }
}

static gboolean
lifted_run (DmlLossRun *run, GError **error)
{
  if (!dml_loss_begin (run, error))
    return FALSE;
  const size_t n = run->batch->n;
  g_autofree double *a = g_new0 (double, n);
  DmlRowRoom room;

  dml_loss_rows (run, negatives_row);
  dml_row_room_init (&room, run->relation.m);
  for (size_t i = 0; i < n; i++) {
    DmlRow row;

    dml_row_read (&run->relation, i, &room, &row);
    positives_row (run, &row, run->pairs.s + i * n, run->pairs.g + i * n, a);
  }
  dml_row_room_clear (&room);
  dml_loss_reduce (run);
  for (size_t i = 0; i < n; i++)
    run->terms[i].sum[1] = a[i]; /* reduced already: free for pull_row */
  dml_loss_rows (run, pull_row);
  return dml_loss_gradient (run, error);
}

const DmlLossClass dml_loss_lifted = {
  .info = { "lifted", "Song et al. 2016, eq. 4",
            "each positive pair against all negatives of both", lifted_params },
  .flags = DML_LOSS_PAIRS | DML_LOSS_SELF_ONLY,
  .run = lifted_run,
  .distance = dml_loss_own_distance,
};
