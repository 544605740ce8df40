/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Tables for reports: by class, confused pairs. */
#include <math.h>
#include <stdlib.h>

#include "metric/metric.h"
#include "metric/pairs.h"

/* A query that counts, its label and that of its nearest. */
typedef struct {
  int32_t label, found;
  size_t query;
} Answer;

static int
by_label (const void *a, const void *b)
{
  const Answer *x = a, *y = b;

  if (x->label != y->label)
    return x->label < y->label ? -1 : 1;
  if (x->found != y->found)
    return x->found < y->found ? -1 : 1;
  return x->query < y->query ? -1 : 1;
}

static Answer *
sort_answers (const DmlRetrievalInput *in, const DmlRetrieval *result,
              size_t *n)
{
  const int32_t *labels = in->gallery ? in->gallery_labels : in->query_labels;
  Answer *answers = g_new (Answer, MAX (in->n_queries, 1));

  *n = 0;
  for (size_t i = 0; i < in->n_queries; i++)
    if (!isnan (result->query[i].mrr) && result->nearest[i] >= 0)
      answers[(*n)++] =
        (Answer){ in->query_labels[i], labels[result->nearest[i]], i };
  qsort (answers, *n, sizeof *answers, by_label);
  return answers;
}

void
dml_metric_by_class (const DmlRetrievalInput *input, const DmlRetrieval *result,
                     DmlClassRow **rows, size_t *n_rows)
{
  size_t n;
  g_autofree Answer *answers = sort_answers (input, result, &n);
  DmlClassRow *row = NULL;

  *rows = g_new (DmlClassRow, MAX (n, 1));
  *n_rows = 0;
  for (size_t i = 0, run = 0; i < n; i++) {
    const DmlRetrievalMeasures *m = &result->query[answers[i].query];

    if (i == 0 || answers[i].label != answers[i - 1].label) {
      row = &(*rows)[(*n_rows)++];
      *row = (DmlClassRow){ .label = answers[i].label, .confused = -1 };
      run = i;
    } else if (answers[i].found != answers[i - 1].found)
      run = i;
    row->n++;
    row->recall_at_1 += m->recall[DML_RECALL_AT_1];
    row->map_at_r += m->map_at_r;
    if (answers[i].found != row->label && i - run + 1 > row->n_confused) {
      row->confused = answers[i].found;
      row->n_confused = i - run + 1;
    }
  }
  for (size_t r = 0; r < *n_rows; r++) {
    (*rows)[r].recall_at_1 /= (double) (*rows)[r].n;
    (*rows)[r].map_at_r /= (double) (*rows)[r].n;
  }
}

static int
by_pair (const void *a, const void *b)
{
  const DmlConfusedPair *x = a, *y = b;

  if (x->a != y->a)
    return x->a < y->a ? -1 : 1;
  return x->b < y->b ? -1 : x->b > y->b;
}

static int
most_first (const void *a, const void *b)
{
  const DmlConfusedPair *x = a, *y = b;

  if (x->n != y->n)
    return x->n > y->n ? -1 : 1;
  return by_pair (a, b);
}

/* Queries of a label: answers are sorted by it. */
static size_t
count_label (const Answer *answers, size_t n, int32_t label)
{
  size_t bounds[2];

  for (int upper = 0; upper < 2; upper++) {
    size_t low = 0, high = n;

    while (low < high) {
      const size_t mid = (low + high) / 2;

      if (answers[mid].label < label || (upper && answers[mid].label == label))
        low = mid + 1;
      else
        high = mid;
    }
    bounds[upper] = low;
  }
  return bounds[1] - bounds[0];
}

void
dml_metric_confused_pairs (const DmlRetrievalInput *input,
                           const DmlRetrieval *result, size_t max,
                           DmlConfusedPair **pairs, size_t *n_pairs)
{
  size_t n, n_all = 0, n_merged = 0;
  g_autofree Answer *answers = sort_answers (input, result, &n);
  DmlConfusedPair *all = g_new (DmlConfusedPair, MAX (n, 1));

  for (size_t i = 0; i < n; i++)
    if (answers[i].label != answers[i].found)
      all[n_all++] =
        (DmlConfusedPair){ .a = MIN (answers[i].label, answers[i].found),
                           .b = MAX (answers[i].label, answers[i].found),
                           .n = 1 };
  qsort (all, n_all, sizeof *all, by_pair);
  for (size_t i = 0; i < n_all; i++) {
    if (n_merged > 0 && by_pair (&all[n_merged - 1], &all[i]) == 0)
      all[n_merged - 1].n++;
    else
      all[n_merged++] = all[i];
  }
  qsort (all, n_merged, sizeof *all, most_first);
  *n_pairs = MIN (n_merged, max);
  for (size_t i = 0; i < *n_pairs; i++)
    all[i].share =
      (double) all[i].n / (double) MAX (count_label (answers, n, all[i].a) +
                                          count_label (answers, n, all[i].b),
                                        1);
  *pairs = all;
}
