/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Pairs that the hardest of the other side reaches, give or take epsilon (Wang
 * et al. 2019, eq. 11 and 12).
 *
 *   positive: s - epsilon < max over negatives
 *   negative: s + epsilon > min over positives
 *
 * An anchor that lacks a side keeps nothing. */
#include "metric/miners/miner-class.h"

enum { EPSILON };

static const DmlParam multi_similarity_params[] = {
  DML_PARAM_NUMBER ("epsilon", 0, 2, 0.1, 0.1, "width of the border"),
  DML_PARAM_END,
};

static void
multi_similarity_row (const DmlMinerRun *run, const DmlRow *row,
                      const DmlReal *s, DmlPicks *picks)
{
  const double epsilon = run->p[EPSILON];
  double max_neg = -HUGE_VAL, min_pos = HUGE_VAL;

  for (size_t k = 0; k < row->n_pos; k++)
    min_pos = fmin (min_pos, (double) s[row->pos[k]]);
  for (size_t l = 0; l < row->n_neg; l++)
    max_neg = fmax (max_neg, (double) s[row->neg[l]]);
  if (row->n_pos == 0 || row->n_neg == 0)
    return;
  for (size_t k = 0; k < row->n_pos; k++)
    if ((double) s[row->pos[k]] - epsilon < max_neg)
      dml_pick_positive (picks, row->pos[k]);
  for (size_t l = 0; l < row->n_neg; l++)
    if ((double) s[row->neg[l]] + epsilon > min_pos)
      dml_pick_negative (picks, row->neg[l]);
}

const DmlMinerClass dml_miner_multi_similarity = {
  .info = { "multi_similarity", "Wang et al. 2019, eq. 11-12",
            "pairs near the border between the sides",
            multi_similarity_params },
  .row = multi_similarity_row,
};
