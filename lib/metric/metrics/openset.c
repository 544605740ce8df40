/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Open set: AUROC, OSCR (Dhamija et al. 2018), DIR at FPIR (Phillips, Grother,
 * Micheals 2011, rank 1), equal error rate. Known probes s_i with ok_i, unknown
 * ones u_j:
 *
 *   AUROC = mean_ij ([s_i > u_j] + 1/2 [s_i = u_j])
 *   OSCR  = mean_ij ok_i ([s_i > u_j] + 1/2 [s_i = u_j])
 *   DIR@f = share of known probes with ok_i and s_i > t, t the
 *           (floor (f U) + 1)-th largest u
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/order.h"
#include "metric/metric.h"

static double *
sorted (const double *x, size_t n)
{
  double *copy = g_new (double, MAX (n, 1));

  if (n > 0)
    memcpy (copy, x, n * sizeof *x);
  qsort (copy, n, sizeof *copy, dml_rising);
  return copy;
}

/* How many of the sorted x are < value (or <= value). */
static size_t
count_below (const double *x, size_t n, double value, gboolean or_equal)
{
  size_t low = 0;

  while (low < n) {
    const size_t mid = low + (n - low) / 2;

    if (x[mid] < value || (or_equal && x[mid] == value))
      low = mid + 1;
    else
      n = mid;
  }
  return low;
}

static double
area (const DmlOpenSetInput *in, gboolean only_right)
{
  g_autofree double *unknown = sorted (in->unknown, in->n_unknown);
  double sum = 0;

  if (in->n_known == 0 || in->n_unknown == 0)
    return (double) NAN;
  for (size_t i = 0; i < in->n_known; i++) {
    if (only_right && !in->known_ok[i])
      continue;
    sum += (double) (count_below (unknown, in->n_unknown, in->known[i], FALSE) +
                     count_below (unknown, in->n_unknown, in->known[i], TRUE)) /
           2;
  }
  return sum / (double) in->n_known / (double) in->n_unknown;
}

double
dml_openset_auroc (const DmlOpenSetInput *input)
{
  return area (input, FALSE);
}

double
dml_openset_oscr (const DmlOpenSetInput *input)
{
  return area (input, TRUE);
}

double
dml_openset_closed_accuracy (const DmlOpenSetInput *input)
{
  size_t n = 0;

  for (size_t i = 0; i < input->n_known; i++)
    n += input->known_ok[i] != 0;
  return input->n_known ? (double) n / (double) input->n_known : (double) NAN;
}

double
dml_openset_dir (const DmlOpenSetInput *in, double fpir, double *threshold,
                 double *reached)
{
  g_autofree double *unknown = sorted (in->unknown, in->n_unknown);
  const size_t n_pass = (size_t) (fpir * (double) in->n_unknown);
  size_t n = 0;

  *threshold = *reached = (double) NAN;
  if (in->n_known == 0 || in->n_unknown == 0)
    return (double) NAN;
  *threshold = unknown[in->n_unknown - 1 - MIN (n_pass, in->n_unknown - 1)];
  *reached =
    1 - (double) count_below (unknown, in->n_unknown, *threshold, TRUE) /
          (double) in->n_unknown;
  for (size_t i = 0; i < in->n_known; i++)
    n += in->known_ok[i] && in->known[i] > *threshold;
  return (double) n / (double) in->n_known;
}

/* Thresholds are the distinct scores and infinity; accepted is score >= t. */
double
dml_openset_eer (const DmlOpenSetInput *in, double *threshold)
{
  g_autofree double *known = sorted (in->known, in->n_known);
  g_autofree double *unknown = sorted (in->unknown, in->n_unknown);
  const double n_known = (double) in->n_known;
  const double n_unknown = (double) in->n_unknown;
  double far_before = 1, frr_before = 0;

  *threshold = (double) NAN;
  if (in->n_known == 0 || in->n_unknown == 0)
    return (double) NAN;
  for (size_t i = 0, j = 0;;) {
    const gboolean done = i == in->n_known && j == in->n_unknown;
    const double t = done                 ? (double) INFINITY
                     : i == in->n_known   ? unknown[j]
                     : j == in->n_unknown ? known[i]
                                          : MIN (known[i], unknown[j]);
    const double frr = (double) i / n_known; /* i: known scores below t */
    const double far = 1 - (double) j / n_unknown;

    if (frr >= far) {
      const double gap = (far_before - frr_before) - (far - frr);
      const double w = gap > 0 ? (far_before - frr_before) / gap : 0;

      if (!done)
        *threshold = t;
      return far_before + w * (far - far_before);
    }
    far_before = far;
    frr_before = frr;
    while (i < in->n_known && known[i] == t)
      i++;
    while (j < in->n_unknown && unknown[j] == t)
      j++;
  }
}

double
dml_openset_fpr_at_tpr (const DmlOpenSetInput *in, double tpr)
{
  g_autofree double *known = sorted (in->known, in->n_known);
  g_autofree double *unknown = sorted (in->unknown, in->n_unknown);

  if (in->n_known == 0 || in->n_unknown == 0)
    return (double) NAN;
  /* The value that leaves floor ((1 - tpr) n) genuine scores below. A ulp of
   * 1 - tpr must not cost a score. */
  const size_t below = (size_t) floor ((1 - tpr) * (double) in->n_known + 1e-9);
  const double t = known[MIN (below, in->n_known - 1)];

  return 1 - (double) count_below (unknown, in->n_unknown, t, FALSE) /
               (double) in->n_unknown;
}
