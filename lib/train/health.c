/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Whether a run is going well: what a step and an evaluation must not show, and
 * what to do where they do. */
#include "train/trainer.h"
#include "base/error.h"
#include "base/words.h"

#include <math.h>
#include <string.h>

#define SPREAD_MIN 0.05       /* mean distance of different classes */
#define COLLAPSED_STEPS 100   /* so long without spread ends the run */
#define COLLAPSED_TELLS 10    /* so long at an epoch's end is worth a word */
#define NEAR_COLLAPSE 0.01    /* of a loss's value at collapse */
#define OVERFIT_EVALUATIONS 8 /* so long without a better one: worth a word */
#define LEARNED_BY 2 /* epochs after which training must beat no training */

static gboolean
check_spread (DmlTrainer *t, const DmlStepFigures *figures, GError **error)
{
  const gboolean near = figures->d_neg < SPREAD_MIN;

  t->collapsed_for = near ? t->collapsed_for + 1 : 0;
  if (t->collapsed_for < COLLAPSED_STEPS)
    return TRUE;
  return dml_fail (error, DIVERGED,
                   "collapsed: for %d steps different classes have been %.3f "
                   "apart on average, so all pictures get the same embedding. "
                   "Add a softmax loss (cosface), lower lr (it is %g), or use "
                   "the miner semi_hard rather than batch_hard",
                   COLLAPSED_STEPS, figures->d_neg, t->config->s.lr);
}

/* A pair loss that stays at the value which it has when all embeddings are one
 * point, without their being one: it has not begun to learn. The value belongs
 * to the batch's labels, so only batches of one form have one, and only a loss
 * that looks at the batch alone. */
static void
watch_value (DmlTrainer *t, DmlMixPart *part, const DmlBatch *batch,
             const DmlStepFigures *figures)
{
  if (!part->measured) {
    part->measured = TRUE;
    if (strcmp (t->config->s.sampler, "pxk") == 0 &&
        !dml_loss_needs_teacher (part->loss) &&
        !(dml_loss_get (part->loss, "memory") > 0))
      part->collapse =
        dml_loss_collapse_value (part->loss, batch->labels, batch->n);
  }
  if (!(fabs (part->value - part->collapse) <=
        NEAR_COLLAPSE * fabs (part->collapse))) {
    part->collapsed_for = 0;
    return;
  }
  if (++part->collapsed_for == COLLAPSED_STEPS)
    dml_trainer_warn (t,
                      "for %d steps the loss %s has stood at %.4g, the value "
                      "that it has when all pictures get one embedding "
                      "(different classes are %.3f apart): it does not learn. "
                      "Add a softmax loss (cosface), or change lr (it is %g)",
                      COLLAPSED_STEPS, dml_loss_name (part->loss), part->value,
                      figures->d_neg, t->config->s.lr);
}

gboolean
dml_health_after_step (DmlTrainer *t, const DmlBatch *batch,
                       const DmlStepFigures *figures, GError **error)
{
  for (size_t i = 0; i < t->mix.n; i++)
    watch_value (t, &t->mix.part[i], batch, figures);
  if (figures->n_zero > 0 && t->train.sum.n_zero == 0)
    dml_trainer_warn (t,
                      "step %" G_GUINT64_FORMAT ": %zu picture%s got an "
                      "embedding of length 0, which has no direction and "
                      "learns nothing; lower lr (it is %g)",
                      t->step, figures->n_zero, DML_S (figures->n_zero),
                      t->config->s.lr);
  return check_spread (t, figures, error);
}

/* The epoch ended in collapse, but not yet for so long that the run does. */
static gboolean
ended_collapsed (DmlTrainer *t)
{
  const double apart = t->train.sum.d_neg / (double) MAX (1, t->train.n);
  const gboolean collapsed =
    t->train.n > 0 &&
    (apart < SPREAD_MIN || t->collapsed_for >= COLLAPSED_TELLS);

  if (collapsed && !t->collapse_told)
    dml_trainer_warn (t,
                      "collapsed: different classes were %.3f apart in this "
                      "epoch, so all pictures get nearly the same embedding. "
                      "Add a softmax loss (cosface), lower lr (it is %g), or "
                      "use the miner semi_hard rather than batch_hard",
                      apart, t->config->s.lr);
  t->collapse_told = collapsed;
  return collapsed;
}

void
dml_health_after_evaluation (DmlTrainer *t, const DmlEpoch *epoch)
{
  const double now = epoch->val.retrieval.recall[DML_RECALL_AT_1];
  const double then = t->untrained_recall;

  if (ended_collapsed (t))
    return; /* what the figures look like follows from that */
  if (epoch->epoch >= MIN (LEARNED_BY, t->n_epochs) && now < then)
    dml_trainer_warn (t,
                      "recall@1 is %.3f, below the %.3f of before training: %s "
                      "(it is %g)",
                      now, then,
                      *t->config->s.init
                        ? "usual while the learning rate is high; if it stays "
                          "so, freeze layers, or lower lr"
                        : "the loss falls without anything being learned. Add "
                          "a softmax loss (cosface), or lower lr",
                      t->config->s.lr);
  if (t->since_best == OVERFIT_EVALUATIONS)
    dml_trainer_warn (t,
                      "%u evaluations without a better one: it fits the "
                      "training pictures only. More pictures or stronger "
                      "augmentation help, or stop here; encoder.onnx is of "
                      "epoch %" G_GUINT64_FORMAT,
                      OVERFIT_EVALUATIONS, t->kept.epoch);
}

void
dml_health_at_the_end (DmlTrainer *t)
{
  const size_t never = dml_feed_n_never_shown (&t->feed, t->step);

  if (never > 0)
    dml_trainer_warn (t,
                      "%zu of %zu training pictures %s never shown: classes "
                      "get equal shares, and the largest were not through. "
                      "More epochs show them (there %s %u)",
                      never, t->feed.n, DML_WAS (never), DML_WAS (t->n_epochs),
                      (guint) t->n_epochs);
}
