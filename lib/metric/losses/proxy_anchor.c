/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Proxy-Anchor (Kim et al. 2020, eq. 4): each proxy against the whole batch.
 *
 *   1/|C+| sum over classes in the batch of log (1 + sum_{y = c} e^{-a (s -
 * d)})
 * + 1/C    sum over all classes of          log (1 + sum_{y != c} e^{a (s +
 * d)})
 *
 * a: alpha, d: margin. Proxies of absent classes are pushed off as well. */
#include "base/threads.h"
#include "metric/losses/loss-class.h"

#define PROXY_COLUMNS 16 /* proxies a piece of work */

enum { ALPHA = DML_LOSS_OWN, MARGIN };

/* The loss has its own divisors: reduction can only be mean. */
static const DmlParam proxy_anchor_params[] = {
  DML_PARAM_NUMBER ("weight", 0, 1e6, 1, 1, "factor of this loss in a mix"),
  DML_PARAM_SEMANTICS,
  DML_PARAM_WORD ("reduction", 0, 0, 0, "mean", "its own: mean over proxies"),
  DML_PARAM_NUMBER ("alpha", 1e-3, 1000, 32, 32, "sharpness"),
  DML_PARAM_NUMBER ("margin", 0, 2, 0.1, 0.1, "beyond which a side is done"),
  DML_LOSS_LR_SCALE (10),
  DML_PARAM_END,
};

typedef struct {
  DmlLossRun *run;
  size_t *n_members; /* C: samples of the class in the batch */
  double *value;     /* C: the proxy's part of the loss */
  size_t n_present;
} Proxies;

/* One proxy: both sums, then its column of G. */
static void
proxy_column (Proxies *proxies, size_t c)
{
  const DmlLossRun *run = proxies->run;
  const DmlPairs *pairs = &run->pairs;
  const double alpha = run->p[ALPHA], margin = run->p[MARGIN];
  DmlLse pos = { 0, 1 }, neg = { 0, 1 };

  for (size_t i = 0; i < pairs->n; i++) {
    const double s = (double) pairs->s[i * pairs->m + c];

    if ((size_t) run->batch->labels[i] == c)
      dml_lse_push (&pos, -alpha * (s - margin));
    else
      dml_lse_push (&neg, alpha * (s + margin));
  }
  const double l_pos = dml_lse_value (&pos), l_neg = dml_lse_value (&neg);
  const double share_pos = 1.0 / (double) MAX (proxies->n_present, (size_t) 1);
  const double share_neg = 1.0 / (double) run->n_classes;

  proxies->value[c] = l_neg * share_neg;
  if (proxies->n_members[c] > 0)
    proxies->value[c] += l_pos * share_pos;
  for (size_t i = 0; i < pairs->n; i++) {
    const double s = (double) pairs->s[i * pairs->m + c];

    pairs->g[i * pairs->m + c] =
      (DmlReal) ((size_t) run->batch->labels[i] == c
                   ? -alpha * share_pos * exp (-alpha * (s - margin) - l_pos)
                   : alpha * share_neg * exp (alpha * (s + margin) - l_neg));
  }
}

static void
proxy_columns (void *data, size_t piece, unsigned worker)
{
  Proxies *proxies = data;
  const size_t first = piece * PROXY_COLUMNS;
  const size_t last = MIN (first + PROXY_COLUMNS, proxies->run->n_classes);

  for (size_t c = first; c < last; c++)
    proxy_column (proxies, c);
}

static gboolean
proxy_anchor_run (DmlLossRun *run, GError **error)
{
  if (!dml_loss_begin (run, error))
    return FALSE;
  const size_t n_classes = run->n_classes;
  g_autofree size_t *n_members = g_new0 (size_t, n_classes);
  g_autofree double *value = g_new0 (double, n_classes);
  Proxies proxies = { run, n_members, value, 0 };

  for (size_t i = 0; i < run->batch->n; i++)
    if (n_members[run->batch->labels[i]]++ == 0)
      proxies.n_present++;
  dml_parallel_for ((n_classes + PROXY_COLUMNS - 1) / PROXY_COLUMNS, 0,
                    proxy_columns, &proxies);
  for (size_t c = 0; c < n_classes; c++)
    run->value += value[c];
  run->n_terms = run->n_active = n_classes + proxies.n_present;
  run->scale[0] = 1;
  return dml_loss_gradient (run, error);
}

const DmlLossClass dml_loss_proxy_anchor = {
  .info = { "proxy_anchor", "Kim et al. 2020, eq. 4",
            "each class proxy as the anchor of the batch",
            proxy_anchor_params },
  .flags = DML_LOSS_CLASSES,
  .run = proxy_anchor_run,
  .weights_name = "proxies",
};
