/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Margin loss (Wu et al. 2017, section 4).
 *
 *   [margin + (D - beta)]+ of a positive, [margin - (D - beta)]+ of a negative
 *   beta: one number, or one a class (the anchor's)
 *   paper: each pair once, as triplets only when a miner gives some;
 *          + nu sum beta
 *   pml:   each pair as often as triplets hold it; + nu beta, or, per class,
 *          the sum over triplets of nu beta_a by the number of active terms */
#include "metric/losses/loss-class.h"

enum { DISTANCE = DML_LOSS_OWN, MARGIN, BETA, NU, PER_CLASS, LEARN, LR_SCALE };

static const DmlParam margin_params[] = {
  DML_LOSS_COMMON (MEAN_ACTIVE, MEAN_ACTIVE),
  DML_LOSS_DISTANCE (EUCLIDEAN_UNIT, EUCLIDEAN_UNIT, "of a pair"),
  DML_PARAM_NUMBER ("margin", 0, 100, 0.2, 0.2,
                    "half the gap between the sides"),
  DML_PARAM_NUMBER ("beta", 0, 100, 1.2, 1.2,
                    "boundary of same and different, at first"),
  DML_PARAM_NUMBER ("nu", 0, 100, 0, 0, "price of a large beta"),
  DML_PARAM_SWITCH ("per_class", 0, 0, "a boundary for each class"),
  DML_PARAM_SWITCH ("learn", 1, 0, "the boundary is trained"),
  DML_LOSS_LR_SCALE (0.1),
  DML_LOSS_POS_CAP,
  DML_LOSS_MEMORY,
  DML_PARAM_END,
};

static size_t
beta_place (const DmlLossRun *run, size_t i)
{
  return run->weights->rows > 1 ? (size_t) run->batch->labels[i] : 0;
}

/* extra = d (sum of the row's terms) / d beta */
static void
margin_side (const DmlLossRun *run, const DmlRow *row, const int32_t *columns,
             size_t n, double side, const DmlReal *s, DmlReal *g,
             DmlTerms *terms)
{
  const double sign = dml_distance_sign (run->pairs.distance);
  const double beta = (double) run->weights->value[beta_place (run, row->i)];

  for (size_t k = 0; k < n; k++) {
    const int32_t j = columns[k];
    const double times = row->times[j];
    const double v = run->p[MARGIN] + side * sign * ((double) s[j] - beta);

    terms->n[0] += (size_t) row->times[j];
    if (v <= 0)
      continue;
    terms->sum[0] += times * v;
    terms->n_active[0] += (size_t) row->times[j];
    terms->extra -= side * sign * times;
    g[j] = (DmlReal) (side * sign * times);
  }
}

static void
margin_row (const DmlLossRun *run, const DmlRow *row, const DmlReal *s,
            DmlReal *g, DmlTerms *terms)
{
  margin_side (run, row, row->pos, row->n_pos, 1, s, g, terms);
  margin_side (run, row, row->neg, row->n_neg, -1, s, g, terms);
  for (size_t k = 0; k < row->n_pos; k++) /* not reduced with the others */
    terms->sum[1] += row->times[row->pos[k]];
}

/* nu's term, and the gradient of beta. */
static void
margin_beta (DmlLossRun *run, const double *n_triplets)
{
  DmlLossWeights *beta = run->weights;
  const double nu = run->p[NU];
  const gboolean by_triplets =
    run->p[DML_LOSS_SEMANTICS] == DML_SEMANTICS_PML && beta->rows > 1;

  for (size_t i = 0; i < run->batch->n; i++) {
    const size_t c = beta_place (run, i);
    const double price = by_triplets ? nu * n_triplets[i] : 0;

    run->value += run->scale[0] * price * (double) beta->value[c];
    dml_add (&beta->grad[c],
             run->factor * run->scale[0] * (run->terms[i].extra + price));
  }
  if (!by_triplets && run->n_terms > 0)
    for (size_t c = 0; c < beta->rows; c++) {
      run->value += nu * (double) beta->value[c];
      dml_add (&beta->grad[c], run->factor * nu);
    }
}

static gboolean
margin_run (DmlLossRun *run, GError **error)
{
  if (!dml_loss_begin (run, error))
    return FALSE;
  const gboolean pml = run->p[DML_LOSS_SEMANTICS] == DML_SEMANTICS_PML;
  const size_t n = run->batch->n;
  g_autofree double *n_triplets = g_new (double, n);

  run->relation.as_triplets =
    pml || (run->relation.tuples && run->relation.tuples->is_triplets);
  dml_loss_rows (run, margin_row);
  for (size_t i = 0; i < n; i++) {
    n_triplets[i] = run->terms[i].sum[1];
    run->terms[i].sum[1] = 0;
  }
  dml_loss_reduce (run);
  margin_beta (run, n_triplets);
  return dml_loss_gradient (run, error);
}

static void
margin_weights_shape (const double *p, const DmlLossSetup *setup, size_t *rows,
                      size_t *cols)
{
  *rows = p[PER_CLASS] != 0 ? setup->n_classes : 1;
  *cols = 1;
}

static void
margin_weights_init (const double *p, DmlLossWeights *weights)
{
  for (size_t c = 0; c < weights->rows; c++)
    weights->value[c] = (DmlReal) p[BETA];
  if (p[LEARN] == 0)
    weights->lr_scale = 0;
}

const DmlLossClass dml_loss_margin = {
  .info = { "margin", "Wu et al. 2017, section 4",
            "positives inside, negatives outside a learned boundary",
            margin_params },
  .flags = DML_LOSS_PAIRS,
  .run = margin_run,
  .distance = dml_loss_own_distance,
  .weights_name = "beta",
  .weights_shape = margin_weights_shape,
  .weights_init = margin_weights_init,
};
