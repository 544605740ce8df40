/* SPDX-License-Identifier: LGPL-2.1-or-later
 * SoftTriple (Qian et al. 2019, section 3): K centres a class.
 *
 *   S_c = sum_k softmax_k (s_ck / gamma) s_ck
 *   cross-entropy of la (S_c - delta [c is the target])
 *   + tau sum_c sum_{s<t} sqrt (2 - 2 w_cs.w_ct) / (C K (K - 1)): merges
 * centres
 *
 * The root has no slope below 1e-6, where two centres are one. */
#include "metric/losses/classify.h"

#define SOFT_TRIPLE_MERGED 1e-6

enum { LA = DML_LOSS_OWN, GAMMA, MARGIN, CENTRES, TAU, SMOOTHING };

static const DmlParam soft_triple_params[] = {
  DML_LOSS_COMMON (MEAN, MEAN),
  DML_PARAM_NUMBER ("la", 1e-3, 1000, 20, 20, "scale of the softmax"),
  DML_PARAM_NUMBER ("gamma", 1e-3, 10, 0.1, 0.1,
                    "temperature among a class's centres"),
  DML_PARAM_NUMBER ("margin", 0, 2, 0.01, 0.01,
                    "taken off the target's similarity"),
  DML_PARAM_WHOLE ("centres", 1, DML_CLASSIFY_MAX_K, 10, 10, "centres a class"),
  DML_PARAM_NUMBER ("tau", 0, 100, 0.2, 0, "price of centres that differ"),
  DML_CLASSIFY_SMOOTHING,
  DML_LOSS_LR_SCALE (10),
  DML_PARAM_END,
};

static double
soft_triple_logit (const double *p, const DmlReal *s, size_t k,
                   gboolean is_target, double *slope)
{
  DmlLse lse = DML_LSE_EMPTY;
  double relaxed = 0;

  for (size_t r = 0; r < k; r++)
    dml_lse_push (&lse, (double) s[r] / p[GAMMA]);
  const double all = dml_lse_value (&lse);

  for (size_t r = 0; r < k; r++)
    relaxed += exp ((double) s[r] / p[GAMMA] - all) * (double) s[r];
  for (size_t r = 0; slope && r < k; r++)
    slope[r] = p[LA] * exp ((double) s[r] / p[GAMMA] - all) *
               (1 + ((double) s[r] - relaxed) / p[GAMMA]);
  return p[LA] * (relaxed - (is_target ? p[MARGIN] : 0));
}

static void
soft_triple_row (const DmlLossRun *run, const DmlRow *row, const DmlReal *s,
                 DmlReal *g, DmlTerms *terms)
{
  dml_classify_row (run, row->i, run->p[SMOOTHING], soft_triple_logit, s, g,
                    terms);
}

/* Distances of the centres of one class among themselves. */
static gboolean
merge_centres (DmlLossRun *run, size_t c, GError **error)
{
  const size_t k = (size_t) run->p[CENTRES], d = run->batch->d;
  const double share =
    run->p[TAU] / ((double) run->n_classes * (double) (k * (k - 1)));
  DmlReal *w = run->weights->value + c * k * d;
  g_auto (DmlPairs) pairs = { 0 };

  if (!dml_pairs_init (&pairs, DML_DISTANCE_EUCLIDEAN_UNIT, w, k, NULL, 0, d,
                       TRUE, error))
    return FALSE;
  for (size_t s = 0; s < k; s++)
    for (size_t t = s + 1; t < k; t++) {
      run->value += share * (double) pairs.s[s * k + t];
      pairs.g[s * k + t] = (double) pairs.s[s * k + t] > SOFT_TRIPLE_MERGED;
    }
  return dml_pairs_gradient (&pairs, run->factor * share,
                             run->weights->grad + c * k * d, NULL, error);
}

static gboolean
soft_triple_run (DmlLossRun *run, GError **error)
{
  if (!dml_loss_begin (run, error))
    return FALSE;
  dml_loss_rows (run, soft_triple_row);
  dml_loss_reduce (run);
  if (!dml_loss_gradient (run, error))
    return FALSE;
  if (run->p[TAU] > 0 && run->p[CENTRES] > 1)
    for (size_t c = 0; c < run->n_classes; c++)
      if (!merge_centres (run, c, error))
        return FALSE;
  return TRUE;
}

static void
soft_triple_weights_shape (const double *p, const DmlLossSetup *setup,
                           size_t *rows, size_t *cols)
{
  *rows = setup->n_classes * (size_t) p[CENTRES];
  *cols = setup->d;
}

const DmlLossClass dml_loss_soft_triple = {
  .info = { "soft_triple", "Qian et al. 2019, section 3",
            "softmax over several centres a class", soft_triple_params },
  .flags = DML_LOSS_CLASSES,
  .run = soft_triple_run,
  .weights_name = "centres",
  .weights_shape = soft_triple_weights_shape,
};
