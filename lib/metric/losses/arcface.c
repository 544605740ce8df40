/* SPDX-License-Identifier: LGPL-2.1-or-later
 * ArcFace (Deng et al. 2019, eq. 3) and sub-centre ArcFace (Deng et al. 2020):
 * cross-entropy of z_c = scale cos_c, and for the target, with theta its angle,
 *
 *   scale cos (theta + m)          where theta <= pi - m
 *   scale (cos theta - m sin m)    beyond
 *
 *   cos (theta + m) = cos theta cos m - sin theta sin m
 *   sin theta = sqrt (max (1 - cos^2, 1e-12)), constant at that floor: the
 *   slope of the root is infinite for an embedding along its weight row
 *
 * Sub-centres: cos_c is that of the nearest of K rows (the lowest of equals),
 * which alone gets the gradient. */
#include "metric/losses/classify.h"

#define ARCFACE_SIN2_FLOOR 1e-12

enum { SCALE = DML_LOSS_OWN, MARGIN_DEG, SMOOTHING, SUB_CENTRES };

#define ARCFACE_PARAMS                                                         \
  DML_LOSS_COMMON (MEAN, MEAN),                                                \
    DML_PARAM_NUMBER ("scale", 1e-3, 1000, 64, 64, "times the cosine"),        \
    DML_PARAM_NUMBER ("margin_deg", 0, 90, 0.5 * 180 / G_PI, 28.6,             \
                      "added to the target's angle, in degrees"),              \
    DML_CLASSIFY_SMOOTHING

static const DmlParam arcface_params[] = {
  ARCFACE_PARAMS,
  DML_LOSS_LR_SCALE (1),
  DML_PARAM_END,
};

static const DmlParam subcentre_params[] = {
  ARCFACE_PARAMS,
  DML_PARAM_WHOLE ("sub_centres", 1, DML_CLASSIFY_MAX_K, 3, 3,
                   "weight rows a class"),
  DML_LOSS_LR_SCALE (1),
  DML_PARAM_END,
};

static double
arcface_logit (const double *p, const DmlReal *s, size_t k, gboolean is_target,
               double *slope)
{
  const double m = p[MARGIN_DEG] * G_PI / 180;
  size_t best = 0;

  for (size_t r = 1; r < k; r++)
    if (s[r] > s[best])
      best = r;
  const double c = (double) s[best];
  double z = c, dz = 1;

  if (is_target && c < -cos (m)) {
    z = c - m * sin (m);
  } else if (is_target) {
    const double sin2 = 1 - c * c;
    const double root = sqrt (fmax (sin2, ARCFACE_SIN2_FLOOR));

    z = c * cos (m) - root * sin (m);
    dz = cos (m) + (sin2 > ARCFACE_SIN2_FLOOR ? c / root * sin (m) : 0);
  }
  if (slope)
    for (size_t r = 0; r < k; r++)
      slope[r] = r == best ? p[SCALE] * dz : 0;
  return p[SCALE] * z;
}

static void
arcface_row (const DmlLossRun *run, const DmlRow *row, const DmlReal *s,
             DmlReal *g, DmlTerms *terms)
{
  dml_classify_row (run, row->i, run->p[SMOOTHING], arcface_logit, s, g, terms);
}

static void
subcentre_weights_shape (const double *p, const DmlLossSetup *setup,
                         size_t *rows, size_t *cols)
{
  *rows = setup->n_classes * (size_t) p[SUB_CENTRES];
  *cols = setup->d;
}

const DmlLossClass dml_loss_arcface = {
  .info = { "arcface", "Deng et al. 2019, eq. 3",
            "softmax over cosines, a margin on the target's angle",
            arcface_params },
  .flags = DML_LOSS_CLASSES,
  .row = arcface_row,
  .weights_name = "weights",
};

const DmlLossClass dml_loss_subcentre_arcface = {
  .info = { "subcentre_arcface", "Deng et al. 2020",
            "ArcFace with several weight rows a class, for noisy labels",
            subcentre_params },
  .flags = DML_LOSS_CLASSES,
  .row = arcface_row,
  .weights_name = "weights",
  .weights_shape = subcentre_weights_shape,
};
