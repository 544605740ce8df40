/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The inside of a training run, shared by the files that make it up:
 *   trainer.c   what programs call            plan.c    choosing settings
 *   setup.c     pictures, network, losses     feed.c    batches of views
 *   step.c      one step                      embed.c   pictures to embeddings
 *   evaluate.c  figures, encoder.onnx         state.c   checkpoints
 *   run.c       the loop                      teach.c   a teacher's embeddings
 *   speed.c     what a step takes         folder.c  the run's folder, locked
 *   idle.c      settings that do nothing
 *   health.c    alarms: collapse, nothing learned, pictures never shown
 */
#pragma once

#include "train/checkpoint.h"
#include "train/config.h"
#include "train/dataset.h"
#include "train/loader.h"
#include "train/measures.h"
#include "train/mix.h"
#include "train/model.h"
#include "train/optim.h"
#include "image/augment.h"
#include "image/preprocess.h"
#include "metric/sampler.h"

/* Streams of the run's random numbers (base/rng.h). */
enum {
  DML_STREAM_VIEWS = 1,
  DML_STREAM_ESTIMATE,
  DML_STREAM_MEASURE,
  DML_STREAM_PREVIEW,
  DML_STREAM_CLUTTER,
};

/* The pictures that are trained on and how a batch is made of them. */
typedef struct {
  const DmlDataset *set;
  uint32_t *items; /* n: places in set->samples */
  int32_t *labels; /* n: 0 .. n_classes - 1 */
  int32_t *supers; /* n: the folder above the class, 0 .. */
  size_t n, n_classes;
  DmlSampler *sampler;
  uint64_t seed, per_epoch; /* batches */
  size_t batch, views;      /* pictures in a batch, views of each */
  DmlAugment augment;
  DmlAugmenter **augmenters; /* one a worker */
  size_t n_augmenters;
  DmlPreprocess preprocess;
} DmlFeed;

typedef struct {
  double loss;         /* sum over the mix */
  double grad_norm;    /* before clipping */
  double d_pos, d_neg; /* mean distances on the unit sphere */
  double norm;         /* mean length of an embedding before it is 1 */
  double active; /* share of active terms of the first pair loss, or NaN */
  double drift;  /* how far pictures have moved since the memory met them, or
                    NaN */
  double loss_grad_norm; /* of class weights, proxies and the like */
  double rate;           /* learning rate */
  size_t n_zero;         /* embeddings without a direction */
  gboolean empty;        /* a pair loss found no pair to look at */
} DmlStepFigures;

/* The same, and what it took, over an epoch. Checkpoints keep it as it is: a
 * change to it is one of state.c's EPOCH_VERSION. */
typedef struct {
  DmlStepFigures sum;
  uint64_t n, n_active; /* steps; of them with a share of active terms */
  uint64_t n_drift, n_empty;
  double seconds, waited; /* in steps; of them waiting for the loader */
} DmlEpochTrain;

/* A thing from one photograph: clean pictures of half of the held-out classes
 * are the gallery, augmented views of them (other backgrounds, other light) the
 * known probes, views of the other half the unknown ones. */
typedef struct {
  guint n_gallery, n_unknown; /* 0: too few held-out classes */
  DmlOneShot figures;
} DmlViewFigures;

/* Of a batch of clean training pictures, embedded with batch norm's estimated
 * statistics. */
typedef struct {
  double norm_gap; /* how far they move when batch norm takes the batch's own
                      statistics: mean distance on the unit sphere */
  double rank;     /* directions that they fill (DmlSpread.effective_rank) */
} DmlNetHealth;

/* One line of run.jsonl and what the next decisions look back at. */
typedef struct {
  uint64_t epoch;
  double loss;
  DmlMeasures val;
  DmlViewFigures views;
  DmlNetHealth health;
  double score;  /* what the best epoch is chosen by */
  gboolean best; /* no other one of the run has a higher score */
  gboolean kept; /* encoder.onnx holds these weights */
} DmlEpoch;

/* What is remembered of the epoch in encoder.onnx: the one of the highest
 * score, or with keep=last the last one. */
typedef struct {
  double score;
  uint64_t epoch;
  uint64_t open; /* thresholds were calibrated */
  DmlCalibrated calibrated[DML_N_FARS];
} DmlKept;

/* The epoch of the highest score, kept or not. */
typedef struct {
  double score; /* NaN before the first evaluation */
  uint64_t epoch;
} DmlTop;

/* What of a resumed run's settings is other than before. */
typedef struct {
  gboolean any;
  gboolean shown;   /* such that encoder.onnx shows */
  gboolean widened; /* half-weights=false, which was true */
} DmlChanges;

/* Encoders that a run learns from. */
enum { DML_ORIGIN_INIT, DML_ORIGIN_TEACHER, DML_N_ORIGINS };

struct _DmlTrainer {
  char **sources; /* NULL-terminated */
  char *run;
  DmlTrainConfig *config; /* as resolved, once planned */
  DmlTrainListener listener;
  gboolean resumed;
  DmlChanges changes;   /* with which it goes on */
  int folder;           /* the run's, open and locked, or -1 */
  gboolean made_folder; /* by this trainer */

  DmlDataset *set;
  DmlFeed feed;
  GArray *val, *test; /* places in set->samples */
  DmlModel *model;
  DmlMix mix;
  DmlOptimParam *params;
  size_t n_params;
  GPtrArray *names; /* that params points to */
  DmlOptim *optim;
  DmlSchedule schedule;
  char *origin[DML_N_ORIGINS]; /* fingerprints; NULL where there is none */
  float *teacher; /* n x d_teacher, in the order of feed.items, or NULL */
  size_t d_teacher;

  uint64_t step, n_steps, n_epochs;
  double seconds; /* of sittings before this one */
  gint64 started; /* of this one */
  DmlKept kept;   /* score is NaN where there is no encoder.onnx yet */
  DmlTop top;
  uint64_t n_evaluated, since_best;
  double untrained_recall; /* at 1, of step 0; what training must beat */
  DmlEpochTrain train;     /* of the epoch so far */
  double loss_sum;         /* over the epoch so far */
  uint64_t loss_n;
  uint64_t collapsed_for;  /* steps in a row without spread */
  gboolean collapse_told;  /* of the last evaluation's epoch */
  gboolean evaluation_due; /* Ctrl-C came while evaluating: do it again first */
  double evaluation_seconds; /* of the last one; 0 = none yet */
  double last_checkpoint;    /* monotonic seconds */
};

void dml_trainer_say (const DmlTrainer *t, const char *format, ...)
  G_GNUC_PRINTF (2, 3);
void dml_trainer_warn (const DmlTrainer *t, const char *format, ...)
  G_GNUC_PRINTF (2, 3);
double dml_trainer_seconds (const DmlTrainer *t); /* since the run began */
gboolean dml_trainer_keeps_last (const DmlTrainer *t);

/* plan.c: fills in what stands at "chosen" and says why. */
gboolean dml_trainer_choose_input (DmlTrainer *t, GError **error);
uint64_t dml_trainer_cache_mb (const DmlTrainer *t);
gboolean dml_trainer_choose (DmlTrainer *t, GError **error);
void dml_trainer_choose_length (DmlTrainer *t, double step_seconds,
                                double evaluation_seconds);

void dml_trainer_replan (DmlTrainer *t, double epoch_seconds);

/* folder.c: makes the folder of a new run and takes it for this process: BUSY
 * where another has it. Leaving gives it back; one that was made and in which
 * nothing has been written goes. */
gboolean dml_trainer_check_fresh (const char *run, GError **error);
gboolean dml_trainer_enter (DmlTrainer *t, GError **error);
void dml_trainer_leave (DmlTrainer *t);

/* setup.c */
gboolean dml_trainer_load (DmlTrainer *t, GCancellable *cancellable,
                           GError **error);
gboolean dml_trainer_build (DmlTrainer *t, GError **error);

/* All of it, for what looks or measures and trains nothing. */
gboolean dml_trainer_rehearse (DmlTrainer *t, GCancellable *cancellable,
                               GError **error);

/* idle.c: what is wrong with settings before a picture is read; which ones
 * change nothing, once all is built. */
gboolean dml_trainer_check_settings (const DmlTrainConfig *config,
                                     GError **error);
void dml_trainer_warn_idle (const DmlTrainer *t);

/* feed.c */
/* P and K as the sampler's own settings and those of the run say, 0 where
 * neither does. INVALID where they contradict each other, but for a run that
 * was begun so: it goes on as the sampler has it. */
gboolean dml_feed_sizes (const DmlTrainSettings *s, gboolean resumed,
                         uint64_t *p, uint64_t *k, GError **error);
gboolean dml_feed_init (DmlFeed *feed, const DmlTrainer *t, GError **error);
void dml_feed_clear (DmlFeed *feed);
/* Pictures that none of the first n_batches of the run has shown. */
size_t dml_feed_n_never_shown (DmlFeed *feed, uint64_t n_batches);
DmlLoader *dml_feed_start (DmlFeed *feed, unsigned n_loaders, uint64_t step,
                           GError **error);
/* An augmented view of any picture of the set, drawn from the stream that
 * (stream, place) name; what may lie behind it is a training picture. */
void dml_feed_view (DmlFeed *feed, uint64_t stream, uint64_t place,
                    guint32 sample, unsigned worker, float *out);

/* step.c */
gboolean dml_trainer_step (DmlTrainer *t, const DmlLoaderBatch *batch,
                           gboolean probe, DmlStepFigures *figures,
                           GError **error);

/* speed.c: seconds of a step, without changing anything that is trained. */
gboolean dml_trainer_probe (DmlTrainer *t, double *seconds,
                            GCancellable *cancellable, GError **error);

/* embed.c: pictures through the weights as they stand, BN statistics as stored;
 * clean where stream is 0, else an augmented view each. out: n x D. */
gboolean dml_trainer_embed (DmlTrainer *t, const guint32 *places, size_t n,
                            uint64_t stream, float *out,
                            GCancellable *cancellable, GError **error);
/* The same through a graph such as dml_model_encoder_graph(), which is
 * optimised by this. */
gboolean dml_trainer_embed_with (DmlTrainer *t, DmlGraph *graph,
                                 const guint32 *places, size_t n,
                                 uint64_t stream, float *out,
                                 GCancellable *cancellable, GError **error);
/* Batch norm's statistics anew, over uniform batches of clean pictures. */
gboolean dml_trainer_estimate (DmlTrainer *t, GError **error);
gboolean dml_trainer_examine (DmlTrainer *t, DmlNetHealth *health,
                              GError **error);

/* health.c */
/* After each step. DIVERGED: collapsed, with a remedy. */
gboolean dml_health_after_step (DmlTrainer *t, const DmlBatch *batch,
                                const DmlStepFigures *figures, GError **error);
void dml_health_after_evaluation (DmlTrainer *t, const DmlEpoch *epoch);
/* Once the loader is gone. */
void dml_health_at_the_end (DmlTrainer *t);

/* evaluate.c */
gboolean dml_trainer_evaluate (DmlTrainer *t, GCancellable *cancellable,
                               GError **error);

/* state.c */
gboolean dml_trainer_find_origins (DmlTrainer *t, GError **error);
gboolean dml_trainer_save (DmlTrainer *t, GError **error);
gboolean dml_trainer_restore (DmlTrainer *t, const DmlCheckpoint *cp,
                              GError **error);

/* teach.c: what the teacher says of each picture; or noise of its size, for
 * steps that teach nothing. */
gboolean dml_trainer_teach (DmlTrainer *t, GCancellable *cancellable,
                            GError **error);
gboolean dml_trainer_pretend_teacher (DmlTrainer *t, GError **error);
