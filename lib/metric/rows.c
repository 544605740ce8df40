/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Rows of positives and negatives. */
#include "metric/rows.h"

#include <string.h>

DmlRelation
dml_relation (const DmlBatch *batch, const DmlTuples *tuples)
{
  return (DmlRelation){
    .batch = batch,
    .labels = batch->labels,
    .tuples = tuples,
    .m = batch->ref ? batch->n_ref : batch->n,
  };
}

void
dml_row_room_init (DmlRowRoom *room, size_t m)
{
  room->pos = g_new (int32_t, 3 * m);
  room->neg = room->pos + m;
  room->times = room->neg + m;
}

void
dml_row_room_clear (DmlRowRoom *room)
{
  g_clear_pointer (&room->pos, g_free);
}

int
dml_relation_of (const DmlRelation *r, size_t i, size_t j)
{
  const DmlBatch *b = r->batch;

  if (b->ref) {
    if (b->ref_self && b->ref_self[i] == (int32_t) j)
      return 0;
    return b->ref_labels[j] == r->labels[i] ? 1 : -1;
  }
  if (i == j)
    return 0;
  if (r->labels[i] == r->labels[j])
    return 1;
  if (b->groups && b->groups[i] >= 0 && b->groups[i] == b->groups[j] &&
      b->labels[i] != b->labels[j])
    return 0;
  return -1;
}

/* First of the @n tuples of @width numbers whose anchor is not below @i. */
static size_t
first_of (const int32_t *tuples, size_t n, size_t width, size_t i)
{
  size_t low = 0;

  while (low < n) {
    const size_t mid = low + (n - low) / 2;

    if (tuples[mid * width] < (int32_t) i)
      low = mid + 1;
    else
      n = mid;
  }
  return low;
}

/* Counts how often the tuples of anchor i hold each column. */
static void
count_tuples (const int32_t *tuples, size_t n, size_t width, size_t place,
              size_t i, int32_t *times)
{
  for (size_t t = first_of (tuples, n, width, i);
       t < n && tuples[t * width] == (int32_t) i; t++)
    times[tuples[t * width + place]]++;
}

/* Lists the columns that were counted and are not listed yet. A column is of
 * one side only, so both sides share `times`. */
static size_t
list_counted (const DmlRelation *r, size_t i, int sign, const int32_t *times,
              int32_t *list)
{
  size_t n = 0;

  for (size_t j = 0; j < r->m; j++)
    if (times[j] > 0 && dml_relation_of (r, i, j) == sign)
      list[n++] = (int32_t) j;
  return n;
}

static void
read_tuples (const DmlRelation *r, size_t i, DmlRowRoom *room, DmlRow *row)
{
  const DmlTuples *t = r->tuples;
  const int32_t *triplets = (const int32_t *) t->triplets;

  memset (room->times, 0, r->m * sizeof *room->times);
  if (t->is_triplets) {
    const size_t first = first_of (triplets, t->n_triplets, 3, i);

    row->triplets = (const int32_t (*)[3]) t->triplets + first;
    row->n_triplets = first_of (triplets, t->n_triplets, 3, i + 1) - first;
    count_tuples (triplets, t->n_triplets, 3, 1, i, room->times);
    count_tuples (triplets, t->n_triplets, 3, 2, i, room->times);
  } else {
    count_tuples ((const int32_t *) t->positive, t->n_positive, 2, 1, i,
                  room->times);
    count_tuples ((const int32_t *) t->negative, t->n_negative, 2, 1, i,
                  room->times);
  }
  row->n_pos = list_counted (r, i, 1, room->times, room->pos);
  row->n_neg = list_counted (r, i, -1, room->times, room->neg);
  if (!(r->as_triplets && t->is_triplets))
    for (size_t j = 0; j < r->m; j++)
      room->times[j] = 1;
}

static void
read_labels (const DmlRelation *r, size_t i, DmlRowRoom *room, DmlRow *row)
{
  for (size_t j = 0; j < r->m; j++) {
    const int sign = dml_relation_of (r, i, j);

    if (sign > 0)
      room->pos[row->n_pos++] = (int32_t) j;
    else if (sign < 0)
      room->neg[row->n_neg++] = (int32_t) j;
    room->times[j] = 1;
  }
}

/* Pairs counted as the triplets that they make. */
static void
count_as_triplets (DmlRowRoom *room, DmlRow *row)
{
  for (size_t k = 0; k < row->n_pos; k++)
    room->times[room->pos[k]] = (int32_t) row->n_neg;
  for (size_t k = 0; k < row->n_neg; k++)
    room->times[room->neg[k]] = (int32_t) row->n_pos;
  if (row->n_pos == 0 || row->n_neg == 0)
    row->n_pos = row->n_neg = 0;
}

void
dml_row_read (const DmlRelation *relation, size_t i, DmlRowRoom *room,
              DmlRow *row)
{
  *row = (DmlRow){
    .i = i, .pos = room->pos, .neg = room->neg, .times = room->times
  };
  if (relation->tuples)
    read_tuples (relation, i, room, row);
  else
    read_labels (relation, i, room, row);
  if (relation->as_triplets && row->triplets == NULL)
    count_as_triplets (room, row);
}
