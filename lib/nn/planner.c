/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Greedy by size. */
#include "nn/planner.h"
#include "base/mem.h"

#include <stdlib.h>

/* Largest first; of equals the one that stands first, so that the plan does not
 * depend on the sorting routine. */
static int
by_size (const void *a, const void *b)
{
  const DmlPlanItem *x = *(DmlPlanItem *const *) a;
  const DmlPlanItem *y = *(DmlPlanItem *const *) b;

  if (x->size != y->size)
    return x->size < y->size ? 1 : -1;
  return x < y ? -1 : 1;
}

static gboolean
lives_meet (const DmlPlanItem *a, const DmlPlanItem *b)
{
  return a->first <= b->last && b->first <= a->last;
}

/* `placed` is sorted by offset. The lowest gap that is large enough among those
 * that live at the same time; n_before counts what lies below it. */
static void
place (DmlPlanItem *item, DmlPlanItem **placed, size_t n, size_t *n_before)
{
  size_t at = 0, where = 0;

  for (size_t i = 0; i < n; i++) {
    if (!lives_meet (item, placed[i]))
      continue;
    if (placed[i]->offset >= at && placed[i]->offset - at >= item->size)
      break;
    at = MAX (at, placed[i]->offset + placed[i]->size);
  }
  item->offset = at;
  while (where < n && placed[where]->offset <= at)
    where++;
  *n_before = where;
}

gboolean
dml_plan (DmlPlanItem *items, size_t n, size_t *size)
{
  g_autofree DmlPlanItem **order = g_new (DmlPlanItem *, n + 1);
  g_autofree DmlPlanItem **placed = g_new (DmlPlanItem *, n + 1);
  size_t total = 0;

  for (size_t i = 0; i < n; i++) {
    if (items[i].size > SIZE_MAX / 2)
      return FALSE;
    items[i].size = dml_mem_round (items[i].size);
    if (__builtin_add_overflow (total, items[i].size, &total))
      return FALSE; /* so that no offset below can wrap */
    order[i] = &items[i];
  }
  qsort (order, n, sizeof *order, by_size);
  *size = 0;
  for (size_t i = 0; i < n; i++) {
    size_t where;

    place (order[i], placed, i, &where);
    for (size_t k = i; k > where; k--)
      placed[k] = placed[k - 1];
    placed[where] = order[i];
    *size = MAX (*size, order[i]->offset + order[i]->size);
  }
  return TRUE;
}
