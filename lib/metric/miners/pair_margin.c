/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Positives beyond, negatives within a distance (similarities: below, above).
 * pytorch-metric-learning's pair miner: what its contrastive loss would let
 * through. */
#include "metric/miners/miner-class.h"

enum { POS_MARGIN, NEG_MARGIN, DISTANCE };

static const DmlParam pair_margin_params[] = {
  DML_PARAM_NUMBER ("pos_margin", -4, 100, 0.2, 0.2,
                    "positives farther than this"),
  DML_PARAM_NUMBER ("neg_margin", -4, 100, 0.8, 0.8,
                    "negatives nearer than this"),
  DML_MINER_DISTANCE,
  DML_PARAM_END,
};

static DmlDistance
pair_margin_distance (const double *p)
{
  return (DmlDistance) p[DISTANCE];
}

static void
pair_margin_row (const DmlMinerRun *run, const DmlRow *row, const DmlReal *s,
                 DmlPicks *picks)
{
  const double sign = dml_distance_sign (run->pairs.distance);

  for (size_t k = 0; k < row->n_pos; k++)
    if (sign * ((double) s[row->pos[k]] - run->p[POS_MARGIN]) > 0)
      dml_pick_positive (picks, row->pos[k]);
  for (size_t l = 0; l < row->n_neg; l++)
    if (sign * (run->p[NEG_MARGIN] - (double) s[row->neg[l]]) > 0)
      dml_pick_negative (picks, row->neg[l]);
}

const DmlMinerClass dml_miner_pair_margin = {
  .info = { "pair_margin", "pytorch-metric-learning",
            "far positives and near negatives", pair_margin_params },
  .row = pair_margin_row,
  .distance = pair_margin_distance,
};
