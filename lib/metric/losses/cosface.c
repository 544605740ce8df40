/* SPDX-License-Identifier: LGPL-2.1-or-later
 * CosFace (Wang et al. 2018, eq. 4): cross-entropy of
 *
 *   z_c = scale (cos (x, w_c) - margin [c is the target])
 *
 * Smooth everywhere, so the safer choice from scratch: scale 16 to 30 and a
 * margin that rises from 0. */
#include "metric/losses/classify.h"

enum { SCALE = DML_LOSS_OWN, MARGIN, SMOOTHING };

static const DmlParam cosface_params[] = {
  DML_LOSS_COMMON (MEAN, MEAN),
  DML_PARAM_NUMBER ("scale", 1e-3, 1000, 64, 64, "times the cosine"),
  DML_PARAM_NUMBER ("margin", 0, 2, 0.35, 0.35,
                    "taken off the target's cosine"),
  DML_CLASSIFY_SMOOTHING,
  DML_LOSS_LR_SCALE (1),
  DML_PARAM_END,
};

static double
cosface_logit (const double *p, const DmlReal *s, size_t k, gboolean is_target,
               double *slope)
{
  if (slope)
    *slope = p[SCALE];
  return p[SCALE] * ((double) *s - (is_target ? p[MARGIN] : 0));
}

static void
cosface_row (const DmlLossRun *run, const DmlRow *row, const DmlReal *s,
             DmlReal *g, DmlTerms *terms)
{
  dml_classify_row (run, row->i, run->p[SMOOTHING], cosface_logit, s, g, terms);
}

const DmlLossClass dml_loss_cosface = {
  .info = { "cosface", "Wang et al. 2018, eq. 4",
            "softmax over cosines, a margin off the target's", cosface_params },
  .flags = DML_LOSS_CLASSES,
  .row = cosface_row,
  .weights_name = "weights",
};
