/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Clean pictures through the network as it stands: for evaluation, and to give
 * batch norm statistics of what it will meet in use. */
#include "train/trainer.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/rng.h"
#include "base/threads.h"
#include "metric/metric.h"
#include "nn/passes/passes.h"

#include <math.h>

#include <string.h>

#define EMBED_BATCH 64
/* Batch norm's statistics: 50 to 200 batches are asked for; 4000 pictures
 * settle the third digit of the figures, and seeing one four times adds
 * nothing. */
#define ESTIMATE_PICTURES 4000
#define ESTIMATE_SIGHTS 4

typedef struct {
  DmlTrainer *t;
  const guint32 *places; /* in set->samples */
  float *out;
  size_t item_size;
  DmlPreprocessor **workers;
  uint64_t stream, first; /* names the random numbers of augmented views */
} Filling;

static void
fill_clean (void *data, size_t i, unsigned worker)
{
  const Filling *filling = data;
  g_autoptr (DmlPicture) hold = NULL;
  float *out = filling->out + i * filling->item_size;
  DmlImage view;

  if (!dml_dataset_view (filling->t->set, filling->places[i], &view, &hold,
                         NULL) ||
      !dml_preprocessor_run (filling->workers[worker], &view, NULL, out, NULL))
    memset (out, 0, filling->item_size * sizeof (float));
}

static void
fill_view (void *data, size_t i, unsigned worker)
{
  const Filling *filling = data;

  dml_feed_view (&filling->t->feed, filling->stream, filling->first + i,
                 filling->places[i], worker,
                 filling->out + i * filling->item_size);
}

static void
filling_clear (Filling *filling)
{
  for (unsigned i = 0; i < dml_threads_max (); i++)
    dml_preprocessor_free (filling->workers[i]);
  g_free (filling->workers);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Filling, filling_clear)

static gboolean
filling_init (Filling *filling, DmlTrainer *t, GError **error)
{
  const DmlPreprocess *p = &t->feed.preprocess;

  filling->t = t;
  filling->item_size =
    (size_t) p->width * (size_t) p->height * (size_t) p->channels;
  for (unsigned i = 0; i < dml_threads_max (); i++)
    if ((filling->workers[i] = dml_preprocessor_new (p, error)) == NULL)
      return FALSE;
  return TRUE;
}

gboolean
dml_trainer_embed (DmlTrainer *t, const guint32 *places, size_t n,
                   uint64_t stream, float *out, GCancellable *cancellable,
                   GError **error)
{
  g_autoptr (DmlGraph) graph = dml_model_encoder_graph (t->model);

  return dml_trainer_embed_with (t, graph, places, n, stream, out, cancellable,
                                 error);
}

gboolean
dml_trainer_embed_with (DmlTrainer *t, DmlGraph *graph, const guint32 *places,
                        size_t n, uint64_t stream, float *out,
                        GCancellable *cancellable, GError **error)
{
  const size_t d = t->model->d;
  g_autoptr (DmlInfer) infer = NULL;
  g_auto (Filling)
    filling = { .workers = g_new0 (DmlPreprocessor *, dml_threads_max ()) };

  filling.stream = stream;
  if (!filling_init (&filling, t, error) ||
      !dml_graph_optimise (graph, EMBED_BATCH, error))
    return FALSE;
  infer =
    dml_infer_new (graph, EMBED_BATCH, (unsigned) t->config->s.threads, error);
  if (infer == NULL)
    return FALSE;
  for (size_t first = 0; first < n; first += EMBED_BATCH) {
    const size_t rows = MIN (EMBED_BATCH, n - first);

    filling.places = places + first;
    filling.out = dml_infer_input (infer, 0);
    filling.first = first;
    dml_parallel_for (rows, (unsigned) t->config->s.threads,
                      stream ? fill_view : fill_clean, &filling);
    dml_infer_run (infer);
    memcpy (out + first * d, dml_infer_output (infer, 0),
            rows * d * sizeof (float));
    if (g_cancellable_is_cancelled (cancellable))
      return dml_fail (error, CANCELLED, "stopped while evaluating");
  }
  return TRUE;
}

/* Batch number `b` of clean training pictures, drawn uniformly, into the
 * network's input. */
static void
fill_uniform (Filling *filling, uint64_t b)
{
  DmlTrainer *t = filling->t;
  const size_t n = t->model->batch;
  g_autofree guint32 *places = g_new (guint32, n);
  DmlRng rng;

  dml_rng_init (&rng, t->config->s.seed,
                dml_rng_stream (DML_STREAM_ESTIMATE, b));
  for (size_t i = 0; i < n; i++)
    places[i] = t->feed.items[dml_rng_below (&rng, (uint32_t) t->feed.n)];
  filling->places = places;
  filling->out = dml_train_input (t->model->train, 0);
  dml_parallel_for (n, (unsigned) t->config->s.threads, fill_clean, filling);
}

gboolean
dml_trainer_estimate (DmlTrainer *t, GError **error)
{
  DmlModel *model = t->model;
  const size_t n_pictures =
    MIN (ESTIMATE_PICTURES, ESTIMATE_SIGHTS * t->feed.n);
  const size_t n_batches = (n_pictures + model->batch - 1) / model->batch;
  g_auto (Filling)
    filling = { .workers = g_new0 (DmlPreprocessor *, dml_threads_max ()) };

  if (!filling_init (&filling, t, error))
    return FALSE;
  dml_train_estimate_begin (model->train);
  for (size_t b = 0; b < n_batches; b++) {
    fill_uniform (&filling, b);
    dml_train_forward (model->train, DML_EXEC_TRAIN_ESTIMATE, b);
  }
  dml_train_estimate_end (model->train);
  return TRUE;
}

/* ---- what batch norm does to a batch ---- */

static double
unit_distance (const float *a, const float *b, size_t d)
{
  double aa = 0, bb = 0, ab = 0;

  for (size_t i = 0; i < d; i++) {
    aa += (double) a[i] * (double) a[i];
    bb += (double) b[i] * (double) b[i];
    ab += (double) a[i] * (double) b[i];
  }
  if (aa == 0 || bb == 0)
    return 0;
  return sqrt (MAX (0, 2 - 2 * ab / sqrt (aa * bb)));
}

gboolean
dml_trainer_examine (DmlTrainer *t, DmlNetHealth *health, GError **error)
{
  DmlModel *model = t->model;
  const size_t n = model->batch, d = model->d;
  g_auto (Filling)
    filling = { .workers = g_new0 (DmlPreprocessor *, dml_threads_max ()) };
  g_autofree float *x = g_new (float, n *d);
  g_autofree int32_t *labels = g_new0 (int32_t, n);
  const float *own;
  DmlSpread spread;

  if (!filling_init (&filling, t, error))
    return FALSE;
  fill_uniform (&filling, 0);
  dml_train_forward (model->train, DML_EXEC_EVAL, 0);
  memcpy (x, dml_train_output (model->train, (unsigned) model->out),
          n * d * sizeof (float));
  if (!dml_metric_spread (x, labels, n, d, &spread, error))
    return FALSE;
  fill_uniform (&filling, 0);
  dml_train_forward (model->train, DML_EXEC_TRAIN_QUIET, 0);
  own = dml_train_output (model->train, (unsigned) model->out);
  health->rank = spread.effective_rank;
  health->norm_gap = 0;
  for (size_t i = 0; i < n; i++)
    health->norm_gap += unit_distance (x + i * d, own + i * d, d) / (double) n;
  return TRUE;
}
