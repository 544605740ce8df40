/* SPDX-License-Identifier: LGPL-2.1-or-later
 * One triplet an anchor (Hermans et al. 2017, eq. 5; easy positives: Xuan et
 * al. 2020). Ties fall to the lower index.
 *
 *   positive: hard = farthest, easy = nearest
 *   negative: hard = nearest, easy = farthest, semihard = nearest of those
 *             farther than the positive (no such: the anchor yields nothing) */
#include "metric/miners/miner-class.h"

enum { POSITIVE, NEGATIVE, DISTANCE };
enum { HARD, EASY, SEMIHARD };

static const DmlParam batch_hard_params[] = {
  DML_PARAM_WORD ("positive", 1, HARD, HARD, "hard|easy", "which positive"),
  DML_PARAM_WORD ("negative", 2, HARD, HARD, "hard|easy|semihard",
                  "which negative"),
  DML_MINER_DISTANCE,
  DML_PARAM_END,
};

static DmlDistance
batch_hard_distance (const double *p)
{
  return (DmlDistance) p[DISTANCE];
}

/* Column with the largest sign * S above @over, or -1. */
static int32_t
largest (const int32_t *columns, size_t n, const DmlReal *s, double sign)
{
  int32_t best = -1;

  for (size_t k = 0; k < n; k++)
    if (best < 0 || sign * (double) s[columns[k]] > sign * (double) s[best])
      best = columns[k];
  return best;
}

static int32_t
nearest_beyond (const int32_t *columns, size_t n, const DmlReal *s, double sign,
                double limit)
{
  int32_t best = -1;

  for (size_t k = 0; k < n; k++) {
    const double d = sign * (double) s[columns[k]];

    if (d > limit && (best < 0 || d < sign * (double) s[best]))
      best = columns[k];
  }
  return best;
}

static void
batch_hard_row (const DmlMinerRun *run, const DmlRow *row, const DmlReal *s,
                DmlPicks *picks)
{
  const double sign = dml_distance_sign (run->pairs.distance);
  const int how = (int) run->p[NEGATIVE];

  if (row->n_pos == 0 || row->n_neg == 0)
    return;
  const int32_t p =
    largest (row->pos, row->n_pos, s, run->p[POSITIVE] == HARD ? sign : -sign);
  const int32_t n =
    how == SEMIHARD
      ? nearest_beyond (row->neg, row->n_neg, s, sign, sign * (double) s[p])
      : largest (row->neg, row->n_neg, s, how == HARD ? -sign : sign);

  if (n >= 0)
    dml_pick_triplet (picks, p, n);
}

const DmlMinerClass dml_miner_batch_hard = {
  .info = { "batch_hard", "Hermans et al. 2017, eq. 5",
            "the farthest positive and the nearest negative of each anchor",
            batch_hard_params },
  .is_triplets = TRUE,
  .row = batch_hard_row,
  .distance = batch_hard_distance,
};
