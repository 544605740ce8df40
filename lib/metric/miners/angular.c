/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Triplets whose angle at the negative is large (Wang et al. 2017, section 3).
 *
 *   c = (a + p) / 2;  atan (|a - p| / (2 |n - c|)) > angle
 *   |n - c|^2 = (d_an^2 + d_pn^2) / 2 - d_ap^2 / 4
 *
 * Semantics paper: on unit embeddings; pml: on raw ones. */
#include "metric/miners/miner-class.h"

enum { SEMANTICS, ANGLE, NORMALISE };

static const DmlParam angular_params[] = {
  DML_PARAM_SEMANTICS,
  DML_PARAM_NUMBER ("angle", 0, 90, 20, 20, "in degrees"),
  DML_PARAM_SWITCH ("normalise", 1, 0, "on unit embeddings"),
  DML_PARAM_END,
};

static DmlDistance
angular_distance (const double *p)
{
  return p[NORMALISE] != 0 ? DML_DISTANCE_SQUARED_UNIT : DML_DISTANCE_SQUARED;
}

static void
angular_row (const DmlMinerRun *run, const DmlRow *row, const DmlReal *s,
             DmlPicks *picks)
{
  const double bound = run->p[ANGLE] * G_PI / 180;

  for (size_t k = 0; k < row->n_pos; k++) {
    const int32_t p = row->pos[k];
    const DmlReal *s_p = run->pairs.s + (size_t) p * run->pairs.m;

    for (size_t l = 0; l < row->n_neg; l++) {
      const int32_t n = row->neg[l];
      const double to_centre =
        0.5 * ((double) s[n] + (double) s_p[n]) - 0.25 * (double) s[p];
      const double angle =
        atan2 (sqrt ((double) s[p]), 2 * sqrt (fmax (to_centre, 0)));

      if (angle > bound)
        dml_pick_triplet (picks, p, n);
    }
  }
}

const DmlMinerClass dml_miner_angular = {
  .info = { "angular", "Wang et al. 2017, section 3",
            "triplets with a wide angle at the negative", angular_params },
  .is_triplets = TRUE,
  .self_only = TRUE,
  .row = angular_row,
  .distance = angular_distance,
};
