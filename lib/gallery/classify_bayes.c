/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Gaussian naive Bayes with shrunk variances: class c, feature d is normal with
 * the class's mean and
 *
 *   v = a pooled[d] + (1 - a) class[c][d] + floor,   a = kappa / (n_c + kappa)
 *
 * class divides by n_c, pooled by N - C, floor = 1e-9 max_d variance[d]. A
 * label of one item has variance 0 of its own; the pooled one keeps it finite.
 * Score of a class: log prior + log density; softmax of these is the
 * posterior. */
#include "gallery/classify.h"

#include <math.h>

#include "base/mem.h"

typedef struct {
  DmlClasses classes;
  guint dim;
  double *mean;     /* classes.n x dim */
  double *inv_var;  /* classes.n x dim */
  double *constant; /* classes.n: log prior - sum log (2 pi v) / 2 */
} Bayes;

static void
bayes_free (gpointer model)
{
  Bayes *bayes = model;

  dml_classes_clear (&bayes->classes);
  dml_mem_free (bayes->mean);
  dml_mem_free (bayes->inv_var);
  dml_mem_free (bayes->constant);
  g_free (bayes);
}

/* Means, and in inv_var each class's sum of squared deviations. */
static void
bayes_sums (Bayes *bayes, const DmlSnapshot *snapshot)
{
  const guint dim = bayes->dim;

  for (guint c = 0; c < bayes->classes.n; c++) {
    const guint label = bayes->classes.label[c];
    const guint begin = snapshot->first[label];
    const guint end = snapshot->first[label + 1];
    double *mean = bayes->mean + (size_t) c * dim;
    double *squares = bayes->inv_var + (size_t) c * dim;

    for (guint i = begin; i < end; i++) {
      const float *row = dml_snapshot_row (snapshot, snapshot->by_label[i]);

      for (guint d = 0; d < dim; d++)
        mean[d] += (double) row[d];
    }
    for (guint d = 0; d < dim; d++)
      mean[d] /= end - begin;
    for (guint i = begin; i < end; i++) {
      const float *row = dml_snapshot_row (snapshot, snapshot->by_label[i]);

      for (guint d = 0; d < dim; d++)
        squares[d] += ((double) row[d] - mean[d]) * ((double) row[d] - mean[d]);
    }
  }
}

/* Variance of each feature over all items; returns the largest. */
static double
total_variance (const DmlSnapshot *snapshot, double *variance)
{
  const guint dim = snapshot->space.dim, n = snapshot->n_items;
  g_autofree double *mean = g_new0 (double, dim);
  double largest = 0.0;

  for (guint i = 0; i < n; i++)
    for (guint d = 0; d < dim; d++)
      mean[d] += (double) dml_snapshot_row (snapshot, i)[d] / n;
  for (guint i = 0; i < n; i++)
    for (guint d = 0; d < dim; d++) {
      const double x = (double) dml_snapshot_row (snapshot, i)[d] - mean[d];

      variance[d] += x * x / n;
    }
  for (guint d = 0; d < dim; d++)
    largest = MAX (largest, variance[d]);
  return largest;
}

/* From sums of squares to inverse shrunk variances and the constants. */
static void
bayes_variances (Bayes *bayes, const DmlSnapshot *snapshot,
                 const DmlClassifyParams *params)
{
  const guint dim = bayes->dim, n = snapshot->n_items, n_c = bayes->classes.n;
  g_autofree double *pooled = g_new0 (double, dim);
  /* All alike: any width will do that is no division by zero. */
  const double floor = MAX (1e-9 * total_variance (snapshot, pooled), 1e-30);

  if (n > n_c) { /* with one item a label, what is pooled is all there is */
    for (guint d = 0; d < dim; d++)
      pooled[d] = 0.0;
    for (guint c = 0; c < n_c; c++)
      for (guint d = 0; d < dim; d++)
        pooled[d] += bayes->inv_var[(size_t) c * dim + d] / (n - n_c);
  }
  for (guint c = 0; c < n_c; c++) {
    const guint items = dml_snapshot_n_of (snapshot, bayes->classes.label[c]);
    const double a =
      isinf (params->kappa) ? 1.0 : params->kappa / (items + params->kappa);
    double *inv_var = bayes->inv_var + (size_t) c * dim;
    double constant =
      params->count_priors ? log ((double) items / n) : -log ((double) n_c);

    for (guint d = 0; d < dim; d++) {
      const double v = a * pooled[d] + (1.0 - a) * inv_var[d] / items + floor;

      constant -= 0.5 * log (2.0 * G_PI * v);
      inv_var[d] = 1.0 / v;
    }
    bayes->constant[c] = constant;
  }
}

static gpointer
bayes_train (const DmlSnapshot *snapshot, const DmlClassifyParams *params,
             GError **error)
{
  const guint dim = snapshot->space.dim;
  Bayes *bayes = g_new0 (Bayes, 1);

  bayes->dim = dim;
  if (dml_classes_init (&bayes->classes, snapshot, error)) {
    const size_t n = (size_t) bayes->classes.n * dim;

    if ((bayes->mean = dml_mem_new0 (double, n, error)) &&
        (bayes->inv_var = dml_mem_new0 (double, n, error)) &&
        (bayes->constant = dml_mem_new0 (double, bayes->classes.n, error))) {
      bayes_sums (bayes, snapshot);
      bayes_variances (bayes, snapshot, params);
      return bayes;
    }
  }
  bayes_free (bayes);
  return NULL;
}

static void
bayes_scores (gconstpointer model, const DmlQuery *query, guint first, guint n,
              double *scores)
{
  const Bayes *bayes = model;
  const guint dim = bayes->dim;

  for (guint i = 0; i < n; i++) {
    const double *mean = bayes->mean + (size_t) (first + i) * dim;
    const double *inv_var = bayes->inv_var + (size_t) (first + i) * dim;
    double sum = 0.0;

    for (guint d = 0; d < dim; d++) {
      const double x = (double) query->values[d] * query->inv_norm - mean[d];

      sum += x * x * inv_var[d];
    }
    scores[i] = bayes->constant[first + i] - 0.5 * sum;
  }
}

static void
bayes_judge (gconstpointer model, const DmlQuery *query, DmlVerdict *verdict)
{
  const Bayes *bayes = model;

  dml_judge_logits (&dml_classifier_bayes, model, query, &bayes->classes,
                    verdict);
}

const DmlClassifierClass dml_classifier_bayes = {
  .id = DML_CLASSIFIER_BAYES,
  .name = "bayes",
  .kind = "item",
  .train = bayes_train,
  .free = bayes_free,
  .judge = bayes_judge,
  .scores = bayes_scores,
};
