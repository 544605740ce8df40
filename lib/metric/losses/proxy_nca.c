/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Proxy-NCA (Movshovitz-Attias et al. 2017, section 3) and Proxy-NCA++ (Teh et
 * al. 2020, eq. 6), on unit embeddings and proxies.
 *
 *   scale D2(x, p_y) + LSE_z -scale D2(x, p_z)
 *
 *   paper: z over the other proxies; may be negative
 *   pml:   z over all proxies, which is Proxy-NCA++; its scale is 9 */
#include "metric/losses/loss-class.h"

enum { SCALE = DML_LOSS_OWN, INCLUDE_POSITIVE };

static const DmlParam proxy_nca_params[] = {
  DML_LOSS_COMMON (MEAN, MEAN),
  DML_PARAM_NUMBER ("softmax_scale", 1e-3, 1000, 1, 1,
                    "times the squared distances"),
  DML_PARAM_SWITCH ("include_positive", 0, 1,
                    "the sample's own proxy counts in the denominator"),
  DML_LOSS_LR_SCALE (10),
  DML_PARAM_END,
};

static DmlDistance
proxy_nca_distance (const double *p)
{
  return DML_DISTANCE_SQUARED_UNIT;
}

static void
proxy_nca_row (const DmlLossRun *run, const DmlRow *row, const DmlReal *s,
               DmlReal *g, DmlTerms *terms)
{
  const size_t target = (size_t) run->batch->labels[row->i];
  const gboolean all = run->p[INCLUDE_POSITIVE] != 0;
  const double scale = run->p[SCALE];
  DmlLse lse = DML_LSE_EMPTY;

  for (size_t c = 0; c < run->pairs.m; c++)
    if (all || c != target)
      dml_lse_push (&lse, -scale * (double) s[c]);
  const double others = dml_lse_value (&lse);

  if (others == -HUGE_VAL) /* one class, and it is left out */
    return;
  dml_terms_add (terms, 0, scale * (double) s[target] + others);
  for (size_t c = 0; c < run->pairs.m; c++)
    if (all || c != target)
      g[c] = (DmlReal) (-scale * exp (-scale * (double) s[c] - others));
  dml_add (&g[target], scale);
}

const DmlLossClass dml_loss_proxy_nca = {
  .info = { "proxy_nca", "Movshovitz-Attias et al. 2017, section 3",
            "nearest proxies as neighbours", proxy_nca_params },
  .flags = DML_LOSS_CLASSES,
  .row = proxy_nca_row,
  .distance = proxy_nca_distance,
  .weights_name = "proxies",
};
