/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Exact search: every row, in blocks that stay in the cache. O(n dim) a query,
 * no memory beyond the rows. */
#include "gallery/index.h"

#include "gallery/rows.h"

#define FLAT_BLOCK 256 /* scores of a block: 1 KiB of stack */

typedef struct {
  DmlIndex base;
  DmlRowSet set;
} DmlIndexFlat;

static DmlIndex *
flat_build (const DmlRowSet *set, GError **error)
{
  DmlIndexFlat *flat = g_new (DmlIndexFlat, 1);

  flat->base.klass = &dml_index_flat;
  flat->set = *set;
  return &flat->base;
}

static void
flat_free (DmlIndex *index)
{
  g_free (index);
}

/* Rows come in rising order, so a later equal score never goes before an
 * earlier one: ties fall to the lower id by themselves. */
static void
insert_hit (DmlFound *found, guint k, DmlHit hit)
{
  guint i = found->n_hits < k ? found->n_hits++ : k - 1;

  for (; i > 0 && found->hits[i - 1].score < hit.score; i--)
    found->hits[i] = found->hits[i - 1];
  found->hits[i] = hit;
}

static void
insert_best (DmlFound *found, const guint32 *label_of, DmlHit hit)
{
  DmlHit *best = found->best;
  guint i = 0;

  while (i < found->n_best && label_of[best[i].row] != label_of[hit.row])
    i++;
  if (i < found->n_best) {
    if (hit.score <= best[i].score)
      return;
  } else if (found->n_best < DML_NEAREST_LABELS)
    found->n_best++;
  else
    i--; /* the last one makes room */
  for (; i > 0 && best[i - 1].score < hit.score; i--)
    best[i] = best[i - 1];
  best[i] = hit;
}

static void
flat_search (const DmlIndex *index, const float *query, guint k,
             DmlFound *found)
{
  const DmlRowSet *set = &((const DmlIndexFlat *) index)->set;
  float scores[FLAT_BLOCK];

  found->n_hits = found->n_best = 0;
  for (guint first = 0; first < set->n; first += FLAT_BLOCK) {
    const guint n = MIN (FLAT_BLOCK, set->n - first);

    dml_rows_score (scores, query, set->rows + (size_t) first * set->dim,
                    set->dim, n, set->metric);
    for (guint i = 0; i < n; i++) {
      const DmlHit hit = { scores[i], first + i };

      if (found->n_hits < k || hit.score > found->hits[k - 1].score)
        insert_hit (found, k, hit);
      if (found->n_best < DML_NEAREST_LABELS ||
          hit.score > found->best[DML_NEAREST_LABELS - 1].score)
        insert_best (found, set->label_of, hit);
    }
  }
}

const DmlIndexClass dml_index_flat = {
  .name = "flat",
  .build = flat_build,
  .search = flat_search,
  .free = flat_free,
};
