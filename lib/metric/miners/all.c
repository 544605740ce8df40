/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Every pair, or every triplet, written out. A loss without a miner looks at
 * the same and needs no lists: this one is for looking at and for tests. */
#include "metric/miners/miner-class.h"

enum { FORM };

static const DmlParam all_params[] = {
  DML_PARAM_WORD ("form", 1, 0, 0, "pairs|triplets", "what is listed"),
  DML_PARAM_END,
};

static gboolean
all_emits_triplets (const double *p)
{
  return p[FORM] != 0;
}

static void
all_row (const DmlMinerRun *run, const DmlRow *row, const DmlReal *s,
         DmlPicks *picks)
{
  if (run->p[FORM] != 0) {
    for (size_t k = 0; k < row->n_pos; k++)
      for (size_t l = 0; l < row->n_neg; l++)
        dml_pick_triplet (picks, row->pos[k], row->neg[l]);
    return;
  }
  for (size_t k = 0; k < row->n_pos; k++)
    dml_pick_positive (picks, row->pos[k]);
  for (size_t l = 0; l < row->n_neg; l++)
    dml_pick_negative (picks, row->neg[l]);
}

const DmlMinerClass dml_miner_all = {
  .info = { "all", "-", "every pair or triplet, as lists", all_params },
  .emits_triplets = all_emits_triplets,
  .row = all_row,
};
