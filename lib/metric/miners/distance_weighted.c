/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Distance-weighted sampling (Wu et al. 2017, section 4): for each positive
 * pair one negative, drawn against the density of distances on the sphere.
 *
 *   log w = (2 - D) log d + (3 - D)/2 log (1 - d^2/4),   d >= cutoff
 *   w = 0 where d >= nonzero_loss_cutoff, and at d = 2
 *
 * In logs, less the row's largest over valid negatives: D in the hundreds
 * leaves no row without weight. A row without a valid negative yields none. */
#include "base/rng.h"
#include "metric/miners/miner-class.h"

enum { CUTOFF, NONZERO_LOSS_CUTOFF };

static const DmlParam distance_weighted_params[] = {
  DML_PARAM_NUMBER ("cutoff", 1e-3, 2, 0.5, 0.5,
                    "nearer negatives count as if at this distance"),
  DML_PARAM_NUMBER ("nonzero_loss_cutoff", 1e-3, 2, 1.4, 1.4,
                    "negatives from here outwards are not drawn"),
  DML_PARAM_END,
};

static DmlDistance
distance_weighted_distance (const double *p)
{
  return DML_DISTANCE_EUCLIDEAN_UNIT;
}

gboolean
dml_distance_weights (const DmlReal *s, const DmlRow *row, size_t d,
                      double cutoff, double nonzero_loss_cutoff,
                      double *weights)
{
  double most = -HUGE_VAL, total = 0;

  for (size_t l = 0; l < row->n_neg; l++) {
    const double raw = (double) s[row->neg[l]], dist = fmax (raw, cutoff);
    const double rest = 1 - 0.25 * dist * dist;

    weights[l] =
      raw < nonzero_loss_cutoff && rest > 0
        ? (2 - (double) d) * log (dist) + 0.5 * (3 - (double) d) * log (rest)
        : -HUGE_VAL;
    most = fmax (most, weights[l]);
  }
  if (most == -HUGE_VAL)
    return FALSE;
  for (size_t l = 0; l < row->n_neg; l++)
    total += weights[l] = exp (weights[l] - most);
  for (size_t l = 0; l < row->n_neg; l++)
    weights[l] /= total;
  return TRUE;
}

static void
distance_weighted_row (const DmlMinerRun *run, const DmlRow *row,
                       const DmlReal *s, DmlPicks *picks)
{
  g_autofree double *weights = g_new (double, row->n_neg);
  DmlRng rng;

  if (!dml_distance_weights (s, row, run->pairs.d, run->p[CUTOFF],
                             run->p[NONZERO_LOSS_CUTOFF], weights))
    return;
  dml_rng_init (&rng, run->batch->seed, row->i);
  for (size_t k = 0; k < row->n_pos; k++) {
    double left = dml_rng_uniform (&rng);
    int32_t drawn = -1;

    for (size_t l = 0; l < row->n_neg; l++) {
      if (weights[l] <= 0)
        continue;
      drawn = row->neg[l]; /* the last valid one takes what rounding leaves */
      left -= weights[l];
      if (left < 0)
        break;
    }
    dml_pick_triplet (picks, row->pos[k], drawn);
  }
}

const DmlMinerClass dml_miner_distance_weighted = {
  .info = { "distance_weighted", "Wu et al. 2017, section 4",
            "negatives at all distances alike", distance_weighted_params },
  .is_triplets = TRUE,
  .row = distance_weighted_row,
  .distance = distance_weighted_distance,
};
