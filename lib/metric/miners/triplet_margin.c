/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Triplets by how far the negative lies behind the positive (Schroff et al.
 * 2015, section 3.2): gap = d_an - d_ap (similarities: s_ap - s_an).
 *
 *   all       gap <= margin          hard  gap <= 0 (and <= margin)
 *   semihard  0 < gap <= margin      easy  gap > margin */
#include "metric/miners/miner-class.h"

enum { MARGIN, DISTANCE, TYPE };
enum { ALL, HARD, SEMIHARD, EASY };

#define TRIPLET_MARGIN_PARAMS(margin)                                          \
  DML_PARAM_NUMBER ("margin", 0, 100, margin, margin, "widest gap wanted"),    \
    DML_MINER_DISTANCE

static const DmlParam triplet_margin_params[] = {
  TRIPLET_MARGIN_PARAMS (0.2),
  DML_PARAM_WORD ("type", 3, ALL, ALL, "all|hard|semihard|easy", "which gaps"),
  DML_PARAM_END,
};

static const DmlParam semi_hard_params[] = {
  TRIPLET_MARGIN_PARAMS (0.2),
  DML_PARAM_END,
};

static DmlDistance
triplet_margin_distance (const double *p)
{
  return (DmlDistance) p[DISTANCE];
}

static gboolean
is_wanted (double gap, double margin, int type)
{
  switch (type) {
  case HARD:
    return gap <= 0 && gap <= margin;
  case SEMIHARD:
    return gap > 0 && gap <= margin;
  case EASY:
    return gap > margin;
  default:
    return gap <= margin;
  }
}

static void
pick_gaps (const DmlMinerRun *run, const DmlRow *row, const DmlReal *s,
           int type, DmlPicks *picks)
{
  const double sign = dml_distance_sign (run->pairs.distance);

  for (size_t k = 0; k < row->n_pos; k++)
    for (size_t l = 0; l < row->n_neg; l++) {
      const int32_t p = row->pos[k], n = row->neg[l];
      const double gap = sign * ((double) s[n] - (double) s[p]);

      if (is_wanted (gap, run->p[MARGIN], type))
        dml_pick_triplet (picks, p, n);
    }
}

static void
triplet_margin_row (const DmlMinerRun *run, const DmlRow *row, const DmlReal *s,
                    DmlPicks *picks)
{
  pick_gaps (run, row, s, (int) run->p[TYPE], picks);
}

static void
semi_hard_row (const DmlMinerRun *run, const DmlRow *row, const DmlReal *s,
               DmlPicks *picks)
{
  pick_gaps (run, row, s, SEMIHARD, picks);
}

const DmlMinerClass dml_miner_triplet_margin = {
  .info = { "triplet_margin", "Schroff et al. 2015, section 3.2",
            "triplets by the gap between negative and positive",
            triplet_margin_params },
  .is_triplets = TRUE,
  .row = triplet_margin_row,
  .distance = triplet_margin_distance,
};

const DmlMinerClass dml_miner_semi_hard = {
  .info = { "semi_hard", "Schroff et al. 2015, section 3.2",
            "negatives behind the positive, but within the margin",
            semi_hard_params },
  .is_triplets = TRUE,
  .row = semi_hard_row,
  .distance = triplet_margin_distance,
};
