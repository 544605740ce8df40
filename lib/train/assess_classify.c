/* SPDX-License-Identifier: LGPL-2.1-or-later
 * How often a classifier names the queries rightly: by neighbours that vote, or
 * by class means. */
#include "train/assess.h"
#include "base/mem.h"

#include <math.h>

#define VOTE_TEMPERATURE 0.07
#define RESAMPLES 500

/* Label with the largest sum of e^(s / t) over the k nearest; ties to the one
 * that is nearer. */
static int32_t
vote (const int32_t *index, const float *score, guint k, const int32_t *labels)
{
  double best = -1;
  int32_t label = -1;

  for (guint i = 0; i < k && index[i] >= 0; i++) {
    double sum = 0;

    for (guint j = 0; j < k && index[j] >= 0; j++)
      if (labels[index[j]] == labels[index[i]])
        sum += exp (((double) score[j] - 1) / VOTE_TEMPERATURE);
    if (sum > best) {
      best = sum;
      label = labels[index[i]];
    }
  }
  return label;
}

static gboolean
classify_by_neighbours (const DmlRetrievalInput *input, guint k,
                        int32_t *labels, GError **error)
{
  g_autoptr (DmlMem) index = dml_mem_new (int32_t, input->n_queries * k, error);
  g_autoptr (DmlMem) score = dml_mem_new (float, input->n_queries *k, error);

  if (index == NULL || score == NULL ||
      !dml_metric_nearest (input, k, index, score, error))
    return FALSE;
  for (size_t i = 0; i < input->n_queries; i++)
    labels[i] = vote ((int32_t *) index + i * k, (float *) score + i * k, k,
                      input->gallery_labels);
  return TRUE;
}

static double
length (const double *v, size_t d)
{
  double sum = 0;

  for (size_t i = 0; i < d; i++)
    sum += v[i] * v[i];
  return MAX (sqrt (sum), 1e-12);
}

/* Cosine to the mean of a class; where the query is in it, without the query.
 */
static gboolean
classify_by_prototypes (const DmlRetrievalInput *input, guint n_labels,
                        int32_t *labels, GError **error)
{
  const size_t d = input->d;
  g_autoptr (DmlMem) memory = dml_mem_new0 (double, n_labels *d, error);
  g_autofree guint *count = g_new0 (guint, n_labels);
  g_autofree double *mean = g_new (double, d);
  double *sum = memory;

  if (memory == NULL)
    return FALSE;
  for (size_t i = 0; i < input->n_gallery; i++) {
    count[input->gallery_labels[i]]++;
    for (size_t j = 0; j < d; j++)
      sum[(size_t) input->gallery_labels[i] * d + j] +=
        (double) input->gallery[i * d + j];
  }
  for (size_t i = 0; i < input->n_queries; i++) {
    const float *q = input->queries + i * d;
    double best = -2;

    labels[i] = -1;
    for (guint c = 0; c < n_labels; c++) {
      const gboolean own =
        input->exclude_self && input->gallery_labels[i] == (int32_t) c;
      double dot = 0;

      if (count[c] <= (guint) own)
        continue;
      for (size_t j = 0; j < d; j++) {
        mean[j] = sum[c * d + j] - (own ? (double) q[j] : 0);
        dot += mean[j] * (double) q[j];
      }
      dot /= length (mean, d);
      if (dot > best) {
        best = dot;
        labels[i] = (int32_t) c;
      }
    }
  }
  return TRUE;
}

/* Whether a query has anything of its label to be found. */
static gboolean
can_be_found (const DmlRetrievalInput *input, size_t i, const guint *count)
{
  return count[input->query_labels[i]] > (guint) input->exclude_self;
}

gboolean
dml_assess_classify (DmlAssessment *a, const DmlRetrievalInput *input,
                     GError **error)
{
  DmlEvaluation *out = a->out;
  const guint k =
    MIN (MIN (out->k, DML_ASSESS_K_MAX), (guint) input->n_gallery);
  g_autofree int32_t *labels = g_new (int32_t, MAX (1, input->n_queries));
  g_autofree int32_t *truth = g_new (int32_t, MAX (1, input->n_queries));
  g_autofree double *right = g_new (double, MAX (1, input->n_queries));
  g_autofree guint *count = g_new0 (guint, out->names->len);
  size_t n = 0;

  if (!(out->prototypes
          ? classify_by_prototypes (input, out->names->len, labels, error)
          : classify_by_neighbours (input, k, labels, error)))
    return FALSE;
  for (size_t i = 0; i < input->n_gallery; i++)
    count[input->gallery_labels[i]]++;
  out->accuracy = 0;
  for (size_t i = 0; i < input->n_queries; i++)
    if (can_be_found (input, i, count)) {
      truth[n] = input->query_labels[i];
      right[n] = labels[i] == truth[n];
      out->accuracy += right[n++];
    }
  out->accuracy /= (double) MAX (1, n);
  out->accuracy_range = dml_metric_bootstrap_mean (right, truth, n, RESAMPLES,
                                                   0.95, a->options->seed);
  return TRUE;
}
