/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Normalised softmax (Zhai and Wu 2019, section 3): cross-entropy of
 *
 *   z_c = scale cos (x, w_c)                     scale = 1 / temperature */
#include "metric/losses/classify.h"

enum { SCALE = DML_LOSS_OWN, SMOOTHING };

static const DmlParam softmax_params[] = {
  DML_LOSS_COMMON (MEAN, MEAN),
  DML_PARAM_NUMBER ("scale", 1e-3, 1000, 20, 20, "times the cosine"),
  DML_CLASSIFY_SMOOTHING,
  DML_LOSS_LR_SCALE (1),
  DML_PARAM_END,
};

static double
softmax_logit (const double *p, const DmlReal *s, size_t k, gboolean is_target,
               double *slope)
{
  if (slope)
    *slope = p[SCALE];
  return p[SCALE] * (double) *s;
}

static void
softmax_row (const DmlLossRun *run, const DmlRow *row, const DmlReal *s,
             DmlReal *g, DmlTerms *terms)
{
  dml_classify_row (run, row->i, run->p[SMOOTHING], softmax_logit, s, g, terms);
}

const DmlLossClass dml_loss_softmax = {
  .info = { "softmax", "Zhai and Wu 2019, section 3",
            "softmax over cosines to class weights", softmax_params },
  .flags = DML_LOSS_CLASSES,
  .row = softmax_row,
  .weights_name = "weights",
};
