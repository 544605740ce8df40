/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Labels that are likely wrong. A wrong label pulls mined losses hardest, since
 * the hardest positive is usually one (docs/training.md, trap 6). */
#include "train/assess.h"
#include "base/error.h"
#include "base/mem.h"

#include <string.h>

#define TWINS_LIMIT 0.05 /* distance on the unit sphere */

void
dml_suspect_clear (gpointer data)
{
  DmlSuspect *suspect = data;

  g_free (suspect->picture);
  g_free (suspect->like);
}

void
dml_twins_clear (gpointer data)
{
  DmlTwins *twins = data;

  g_free (twins->a);
  g_free (twins->b);
}

static double
dot (const float *a, const float *b, size_t d)
{
  double sum = 0;

  for (size_t i = 0; i < d; i++)
    sum += (double) a[i] * (double) b[i];
  return sum;
}

/* Similarity of the nearest other picture of the same label; -2 = none. */
static double
nearest_own (const DmlRetrievalInput *in, size_t i)
{
  double best = -2;

  for (size_t j = 0; j < in->n_gallery; j++)
    if (j != i && in->gallery_labels[j] == in->query_labels[i])
      best = MAX (
        best, dot (in->queries + i * in->d, in->gallery + j * in->d, in->d));
  return best;
}

/* How many of the neighbours bear the label of the one at `at`. */
static guint
supporters (const DmlRetrievalInput *in, const int32_t *index, guint k,
            guint at)
{
  guint n = 0;

  for (guint j = 0; j < k; j++)
    n += in->gallery_labels[index[j]] == in->gallery_labels[index[at]];
  return n;
}

/* FALSE: a neighbour bears its label, or there is no other picture of it. */
static gboolean
is_suspect (const DmlRetrievalInput *in, const DmlAssessed *all, size_t i,
            const int32_t *index, const float *score, guint k, DmlSuspect *out)
{
  guint best = 0;

  for (guint j = 0; j < k; j++)
    if (in->gallery_labels[index[j]] == in->query_labels[i])
      return FALSE;
  for (guint j = 1; j < k; j++)
    if (supporters (in, index, k, j) > supporters (in, index, k, best))
      best = j;
  *out = (DmlSuspect){
    .label = in->query_labels[i],
    .other = in->gallery_labels[index[best]],
    .agree = supporters (in, index, k, best),
    .k = k,
    .nearest = (double) score[0],
    .own = nearest_own (in, i),
  };
  if (out->own < -1.5)
    return FALSE;
  out->picture = g_strdup (dml_dataset_sample (all->set, (guint) i)->name);
  out->like = g_strdup (dml_dataset_sample (all->set, (guint) index[0])->name);
  return TRUE;
}

/* The likeliest first: neighbours that agree, then by how much the nearest of
 * them is nearer than its own class. */
static int
compare_suspects (gconstpointer a, gconstpointer b)
{
  const DmlSuspect *x = a, *y = b;
  const double lead_x = x->nearest - x->own, lead_y = y->nearest - y->own;

  if (x->agree != y->agree)
    return x->agree > y->agree ? -1 : 1;
  if (lead_x != lead_y)
    return lead_x > lead_y ? -1 : 1;
  return strcmp (x->picture, y->picture);
}

static gboolean
find_twins (DmlAssessment *a, const DmlAssessed *all,
            const DmlRetrievalInput *input, GError **error)
{
  DmlNearPair *pairs = NULL;
  size_t n = 0;

  if (!dml_metric_near_pairs (input->queries, input->query_labels,
                              input->n_queries, input->d, TWINS_LIMIT,
                              a->options->suspects, &pairs, &n, error))
    return FALSE;
  for (size_t i = 0; i < n; i++) {
    const DmlTwins twins = {
      .a = g_strdup (dml_dataset_sample (all->set, pairs[i].a)->name),
      .b = g_strdup (dml_dataset_sample (all->set, pairs[i].b)->name),
      .label_a = input->query_labels[pairs[i].a],
      .label_b = input->query_labels[pairs[i].b],
      .distance = pairs[i].distance,
    };

    g_array_append_val (a->out->twins, twins);
  }
  g_free (pairs);
  return TRUE;
}

gboolean
dml_assess_suspects (DmlAssessment *a, const DmlAssessed *all,
                     const DmlRetrievalInput *input, GError **error)
{
  DmlEvaluation *out = a->out;
  const size_t n = input->n_queries;
  const guint k = (guint) MIN (DML_SUSPECT_K, n - MIN (n, 1));
  g_autoptr (DmlMem) index = NULL, score = NULL;

  out->suspects = g_array_new (FALSE, FALSE, sizeof (DmlSuspect));
  g_array_set_clear_func (out->suspects, dml_suspect_clear);
  out->twins = g_array_new (FALSE, FALSE, sizeof (DmlTwins));
  g_array_set_clear_func (out->twins, dml_twins_clear);
  if (k == 0)
    return TRUE;
  index = dml_mem_new (int32_t, n * k, error);
  score = dml_mem_new (float, n *k, error);
  if (index == NULL || score == NULL ||
      !dml_metric_nearest (input, k, index, score, error))
    return FALSE;
  for (size_t i = 0; i < n; i++) {
    DmlSuspect suspect;

    if (is_suspect (input, all, i, (int32_t *) index + i * k,
                    (float *) score + i * k, k, &suspect))
      g_array_append_val (out->suspects, suspect);
  }
  out->n_suspects = out->suspects->len;
  g_array_sort (out->suspects, compare_suspects);
  if (out->suspects->len > a->options->suspects)
    g_array_set_size (out->suspects, a->options->suspects);
  return find_twins (a, all, input, error);
}
