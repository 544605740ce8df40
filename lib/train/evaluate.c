/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The end of an epoch: held-out figures, encoder.onnx where they are the best
 * so far (or are kept in any case), a line in run.jsonl. */
#include "train/trainer.h"
#include "train/report.h"
#include "base/error.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/rng.h"
#include "nn/onnx/onnx.h"

#include <math.h>
#include <string.h>

/* What is chosen by: right answers against false alarms, of new classes and of
 * things from one photograph (both ask for rank and for rejection at once), and
 * MAP@R, which moves first. */
static double
score_of (const DmlEpoch *epoch)
{
  const DmlMeasures *m = &epoch->val;
  const double closed = m->retrieval.map_at_r;

  if (!m->open || epoch->views.n_gallery == 0)
    return (m->retrieval.recall[DML_RECALL_AT_1] + closed) / 2;
  return (m->oscr + epoch->views.figures.oscr + closed) / 3;
}

static gboolean
measure (DmlTrainer *t, const GArray *members, gboolean intervals,
         DmlMeasures *out, float **keep, GCancellable *cancellable,
         GError **error)
{
  const size_t n = members->len, d = t->model->d;
  const guint32 *places = (const guint32 *) (const void *) members->data;
  g_autoptr (DmlMem) x = dml_mem_new (float, n *d, error);
  g_autofree int32_t *labels = g_new (int32_t, n);

  if (x == NULL)
    return FALSE;
  for (size_t i = 0; i < n; i++)
    labels[i] = (int32_t) dml_dataset_sample (t->set, places[i])->label;
  if (!dml_trainer_embed (t, places, n, 0, x, cancellable, error) ||
      !dml_measures_run (x, labels, n, d,
                         dml_rng_stream (t->config->s.seed, DML_STREAM_MEASURE),
                         intervals, out, error))
    return FALSE;
  if (keep != NULL)
    *keep = g_steal_pointer (&x);
  return TRUE;
}

/* ---- one photograph a thing ---- */

#define CLUTTER_PER_CLASS 12 /* pictures of a class, at most */

/* Up to CLUTTER_PER_CLASS pictures of every second held-out class go into
 * `gallery`, those of the others into `unknown`. */
static void
choose_clutter (const DmlTrainer *t, const GArray *members, GArray *gallery,
                GArray *unknown)
{
  guint32 last = G_MAXUINT32;
  guint n_classes = 0, n = 0;

  for (guint i = 0; i < members->len; i++) {
    const guint32 place = g_array_index (members, guint32, i);
    const guint32 label = dml_dataset_sample (t->set, place)->label;

    n = label == last ? n + 1 : 0;
    n_classes += label != last;
    last = label;
    if (n < CLUTTER_PER_CLASS)
      g_array_append_val (n_classes % 2 ? gallery : unknown, place);
  }
}

static gboolean
measure_views (DmlTrainer *t, const GArray *members, DmlViewFigures *out,
               GCancellable *cancellable, GError **error)
{
  const size_t d = t->model->d;
  g_autoptr (GArray) gallery = g_array_new (FALSE, FALSE, sizeof (guint32));
  g_autoptr (GArray) unknown = g_array_new (FALSE, FALSE, sizeof (guint32));
  g_autoptr (DmlMem) clean = NULL, known = NULL, other = NULL;

  choose_clutter (t, members, gallery, unknown);
  if (gallery->len == 0 || unknown->len == 0)
    return TRUE;
  out->n_gallery = gallery->len;
  out->n_unknown = unknown->len;
  clean = dml_mem_new (float, gallery->len *d, error);
  known = dml_mem_new (float, gallery->len *d, error);
  other = dml_mem_new (float, unknown->len *d, error);
  if (clean == NULL || known == NULL || other == NULL)
    return FALSE;
  const guint32 *in = (const guint32 *) (const void *) gallery->data;
  const guint32 *not_in = (const guint32 *) (const void *) unknown->data;

  return dml_trainer_embed (t, in, gallery->len, 0, clean, cancellable,
                            error) &&
         dml_trainer_embed (t, in, gallery->len, DML_STREAM_CLUTTER, known,
                            cancellable, error) &&
         dml_trainer_embed (t, not_in, unknown->len,
                            dml_rng_stream (DML_STREAM_CLUTTER, 1), other,
                            cancellable, error) &&
         dml_measures_one_shot (clean, gallery->len, known, other, unknown->len,
                                d, &out->figures, error);
}

/* ---- the file ---- */

static gboolean
write_encoder (DmlTrainer *t, const DmlEpoch *epoch, GError **error)
{
  g_autoptr (DmlGraph) graph = dml_model_written_graph (t->model, error);
  g_autoptr (GHashTable) metadata = NULL;
  g_autofree char *path = g_build_filename (t->run, "encoder.onnx", NULL);
  DmlOnnxWrite how = { .half = t->config->s.half_weights != 0 };

  if (graph == NULL)
    return FALSE;
  how.metadata = metadata = dml_report_metadata (t, epoch);
  how.embedding = ((const DmlValue *) graph->outputs->pdata[0])->name;
  return dml_onnx_write_file (graph, path, &how, error) &&
         dml_report_check_encoder (t, path, error);
}

/* ---- statistics of the moving average are not those of training ---- */

static float **
statistics_copy (DmlTrainer *t)
{
  size_t n;
  DmlStatistic *statistics = dml_train_statistics (t->model->train, &n);
  float **copy = g_new0 (float *, n + 1);

  for (size_t i = 0; i < n; i++)
    copy[i] = g_memdup2 (statistics[i].data, statistics[i].n * sizeof (float));
  return copy;
}

static void
statistics_restore (DmlTrainer *t, float **copy)
{
  size_t n;
  DmlStatistic *statistics = dml_train_statistics (t->model->train, &n);

  for (size_t i = 0; i < n; i++) {
    memcpy (statistics[i].data, copy[i], statistics[i].n * sizeof (float));
    g_free (copy[i]);
  }
  g_free (copy);
}

static gboolean
evaluate_average (DmlTrainer *t, DmlEpoch *epoch, GCancellable *cancellable,
                  GError **error)
{
  const GArray *members = t->val; /* never the test classes */

  if (!dml_trainer_estimate (t, error) ||
      !dml_trainer_examine (t, &epoch->health, error))
    return FALSE;
  if (members->len > 0) {
    if (!measure (t, members, FALSE, &epoch->val, NULL, cancellable, error))
      return FALSE;
    if (!measure_views (t, members, &epoch->views, cancellable, error))
      return FALSE;
    epoch->score = score_of (epoch);
  } else {
    epoch->score = (double) epoch->epoch; /* nothing held out: the latest */
  }
  epoch->best = isnan (t->top.score) || epoch->score > t->top.score ||
                epoch->epoch == t->top.epoch; /* evaluated anew */
  epoch->kept = isnan (t->kept.score) || epoch->score > t->kept.score ||
                dml_trainer_keeps_last (t);
  if (!epoch->kept)
    return TRUE;
  /* thresholds are worth their second only for a file that is kept */
  if (members->len > 0 &&
      !measure (t, members, TRUE, &epoch->val, NULL, cancellable, error))
    return FALSE;
  return write_encoder (t, epoch, error);
}

gboolean
dml_trainer_evaluate (DmlTrainer *t, GCancellable *cancellable, GError **error)
{
  float **statistics = statistics_copy (t);
  gboolean ok;
  DmlEpoch epoch;

  memset (&epoch, 0, sizeof epoch);
  epoch.epoch = t->step / t->feed.per_epoch;
  epoch.loss = t->loss_n ? t->loss_sum / (double) t->loss_n : (double) NAN;
  dml_optim_swap_average (t->optim);
  ok = evaluate_average (t, &epoch, cancellable, error);
  dml_optim_swap_average (t->optim);
  statistics_restore (t, statistics);
  if (!ok)
    return FALSE;
  t->n_evaluated++;
  if (epoch.epoch == 0)
    t->untrained_recall = epoch.val.retrieval.recall[DML_RECALL_AT_1];
  t->since_best = epoch.best ? 0 : t->since_best + 1;
  if (epoch.best)
    t->top = (DmlTop){ epoch.score, epoch.epoch };
  if (epoch.kept) {
    t->kept.score = epoch.score;
    t->kept.epoch = epoch.epoch;
    t->kept.open = epoch.val.open;
    memcpy (t->kept.calibrated, epoch.val.calibrated,
            sizeof t->kept.calibrated);
  }
  if (!dml_report_epoch (t, &epoch, error))
    return FALSE;
  dml_health_after_evaluation (t, &epoch);
  return TRUE;
}
