/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Cross-entropy over class weights. */
#include "metric/losses/classify.h"

void
dml_classify_row (const DmlLossRun *run, size_t i, double smoothing,
                  DmlClassLogit logit, const DmlReal *s, DmlReal *g,
                  DmlTerms *terms)
{
  const size_t n_classes = run->n_classes, k = run->pairs.m / n_classes;
  const size_t target = (size_t) run->batch->labels[i];
  const double spread = smoothing / (double) n_classes;
  DmlLse lse = DML_LSE_EMPTY;
  double expected = 0; /* sum_c q_c z_c */

  for (size_t c = 0; c < n_classes; c++) {
    const double z = logit (run->p, s + c * k, k, c == target, NULL);

    dml_lse_push (&lse, z);
    expected += (spread + (c == target ? 1 - smoothing : 0)) * z;
  }
  const double all = dml_lse_value (&lse);

  dml_terms_add (terms, 0, all - expected);
  for (size_t c = 0; c < n_classes; c++) {
    double slope[DML_CLASSIFY_MAX_K];
    const double z = logit (run->p, s + c * k, k, c == target, slope);
    const double q = spread + (c == target ? 1 - smoothing : 0);
    const double w = exp (z - all) - q;

    for (size_t r = 0; r < k; r++)
      g[c * k + r] = (DmlReal) (w * slope[r]);
  }
}
