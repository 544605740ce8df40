/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Distillation from a teacher's embeddings t of the same pictures.
 *
 *   distil:            mean of 1 - cos (P x, t), P a trained projection that is
 *                      dropped afterwards (Romero et al. 2015; cosine in
 *                      place of the squared difference)
 *   distil_relational: mean over pairs i != j of
 *                      (cos (x_i, x_j) - cos (t_i, t_j))^2 (Park et al. 2019;
 *                      Passalis and Tefas 2018)
 *
 * P x is the S of the batch against the rows of P, so P's gradient is that of
 * class weights. A zero P x or t has cosine 0 and no gradient. */
#include "metric/losses/loss-class.h"

static const DmlParam distil_params[] = {
  DML_LOSS_COMMON (MEAN, MEAN),
  DML_LOSS_LR_SCALE (1),
  DML_PARAM_END,
};

static const DmlParam relational_params[] = {
  DML_LOSS_COMMON (MEAN, MEAN),
  DML_PARAM_END,
};

static DmlDistance
distil_distance (const double *p)
{
  return DML_DISTANCE_DOT;
}

static void
distil_row (const DmlLossRun *run, const DmlRow *row, const DmlReal *z,
            DmlReal *g, DmlTerms *terms)
{
  const size_t d = run->pairs.m;
  const DmlReal *t = run->batch->teacher + row->i * d;
  const double len_z = sqrt (dml_real_dot (z, z, d));
  const double len_t = sqrt (dml_real_dot (t, t, d));
  double cosine = 0;

  if (len_z > 1e-12 && len_t > 1e-12) {
    cosine = dml_real_dot (z, t, d) / (len_z * len_t);
    for (size_t k = 0; k < d; k++)
      g[k] =
        (DmlReal) ((cosine * (double) z[k] / len_z - (double) t[k] / len_t) /
                   len_z);
  }
  dml_terms_add (terms, 0, 1 - cosine);
}

static void
distil_weights_shape (const double *p, const DmlLossSetup *setup, size_t *rows,
                      size_t *cols)
{
  *rows = setup->d_teacher;
  *cols = setup->d;
}

static void
relational_row (const DmlLossRun *run, const DmlRow *row, const DmlReal *s,
                DmlReal *g, DmlTerms *terms)
{
  const size_t m = run->pairs.m;
  const DmlReal *t = run->teacher.s + row->i * m;

  for (size_t j = 0; j < m; j++) {
    const double diff = (double) s[j] - (double) t[j];

    if (j == row->i)
      continue;
    dml_terms_add (terms, 0, diff * diff);
    g[j] = (DmlReal) (2 * diff);
  }
}

static gboolean
relational_run (DmlLossRun *run, GError **error)
{
  const DmlBatch *b = run->batch;

  if (!dml_loss_begin (run, error) ||
      !dml_pairs_init (&run->teacher, DML_DISTANCE_COSINE, b->teacher, b->n,
                       NULL, 0, run->d_teacher, FALSE, error))
    return FALSE;
  dml_loss_rows (run, relational_row);
  dml_loss_reduce (run);
  return dml_loss_gradient (run, error);
}

const DmlLossClass dml_loss_distil = {
  .info = { "distil", "Romero et al. 2015",
            "the teacher's direction, through a projection", distil_params },
  .flags = DML_LOSS_CLASSES | DML_LOSS_TEACHER,
  .row = distil_row,
  .distance = distil_distance,
  .weights_name = "projection",
  .weights_shape = distil_weights_shape,
};

const DmlLossClass dml_loss_distil_relational = {
  .info = { "distil_relational", "Park et al. 2019",
            "the teacher's similarities within the batch", relational_params },
  .flags = DML_LOSS_TEACHER,
  .run = relational_run,
};
