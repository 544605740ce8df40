/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Training an encoder: what dml-train does, for programs. */
#pragma once

#include <dml/dml-encoder.h>
#include <gio/gio.h>

G_BEGIN_DECLS

/**
 * DmlTrainConfig:
 *
 * The settings of a run, by name. docs/training.md lists them; dml-train has an
 * option of the same name for each. Not thread-safe. Reference-counting would
 * buy nothing: it belongs to whoever made it.
 */
typedef struct _DmlTrainConfig DmlTrainConfig;

#define DML_TYPE_TRAIN_CONFIG (dml_train_config_get_type ())
DML_API GType dml_train_config_get_type (void);

/**
 * dml_train_config_new:
 *
 * Returns: (transfer full): every setting at its default
 */
DML_API DmlTrainConfig *dml_train_config_new (void);
DML_API DmlTrainConfig *dml_train_config_copy (const DmlTrainConfig *config);
DML_API void dml_train_config_free (DmlTrainConfig *config);

/**
 * dml_train_config_set:
 * @config: a #DmlTrainConfig
 * @name: a setting, such as "epochs"
 * @value: its value as text, as on a command line
 * @error: (nullable): return location for a #GError
 *
 * Returns: %FALSE with #DML_ERROR_INVALID: no such setting (the nearest is
 *   named), not a number, or out of its range (the range is named)
 */
DML_API gboolean dml_train_config_set (DmlTrainConfig *config, const char *name,
                                       const char *value, GError **error);

/**
 * dml_train_config_get:
 * @config: a #DmlTrainConfig
 * @name: a setting
 *
 * Returns: (transfer full) (nullable): its value, %NULL for a name that is none
 */
DML_API char *dml_train_config_get (const DmlTrainConfig *config,
                                    const char *name);

/**
 * dml_train_config_is_given:
 * @config: a #DmlTrainConfig
 * @name: a setting
 *
 * Whether somebody set it, rather than the default standing.
 */
DML_API gboolean dml_train_config_is_given (const DmlTrainConfig *config,
                                            const char *name);

/**
 * dml_train_config_describe:
 * @i: counts the settings from 0
 * @name: (out) (optional) (transfer none): its name
 * @group: (out) (optional) (transfer none): data, model, augmentation, loss,
 *   batches, optimisation or run
 * @initial: (out) (optional) (transfer none): default, as text
 * @help: (out) (optional) (transfer none): a sentence
 *
 * Returns: %FALSE past the last one
 */
DML_API gboolean dml_train_config_describe (guint i, const char **name,
                                            const char **group,
                                            const char **initial,
                                            const char **help);

/**
 * dml_train_config_load:
 * @config: a #DmlTrainConfig
 * @path: (type filename): a key file such as a run's config.ini
 * @error: (nullable): return location for a #GError
 *
 * Sets what the file names, a group [train] of name = value. A name that is not
 * a setting is an error.
 *
 * Returns: %FALSE with #DML_ERROR_NOT_FOUND, #DML_ERROR_FORMAT or
 *   #DML_ERROR_INVALID
 */
DML_API gboolean dml_train_config_load (DmlTrainConfig *config,
                                        const char *path, GError **error);

/**
 * dml_train_config_to_text:
 * @config: a #DmlTrainConfig
 *
 * Returns: (transfer full): all settings as a key file, with their meaning
 */
DML_API char *dml_train_config_to_text (const DmlTrainConfig *config);

/**
 * DmlTrainStage:
 * @DML_TRAIN_STAGE_LOAD: reading and decoding pictures
 * @DML_TRAIN_STAGE_TEACH: embedding pictures with the teacher
 * @DML_TRAIN_STAGE_TRAIN: training
 * @DML_TRAIN_STAGE_EVALUATE: embedding held-out pictures
 *
 * What a progress report counts.
 */
typedef enum {
  DML_TRAIN_STAGE_LOAD,
  DML_TRAIN_STAGE_TEACH,
  DML_TRAIN_STAGE_TRAIN,
  DML_TRAIN_STAGE_EVALUATE,
} DmlTrainStage;

/**
 * DmlTrainProgress:
 * @stage: what is being done
 * @done: pictures (while loading and evaluating) or batches (while training)
 * @total: of how many; 0 = not known yet
 * @epoch: from 1
 * @n_epochs: planned
 * @rate: pictures a second, smoothed
 * @loss: smoothed, while training
 * @seconds_left: of the whole run, NaN while unknown
 */
typedef struct {
  DmlTrainStage stage;
  guint64 done, total;
  guint epoch, n_epochs;
  double rate, loss, seconds_left;
} DmlTrainProgress;

/**
 * DmlTrainFigures:
 * @epoch: how many epochs the weights have seen; 0 = untrained
 * @loss: mean of the epoch
 * @recall_1: share of held-out pictures whose nearest other picture has the
 *   same label; NaN where nothing is held out
 * @map_r: MAP@R (Musgrave et al. 2020)
 * @auroc: known against unknown
 * @dir_1: found and right at 1 % false alarms
 * @one_photograph: share of augmented views (other background, other light)
 *   whose nearest clean picture is their own
 * @distance_same: mean distance of training views of one class on the unit
 *   sphere (0 to 2); NaN before the first epoch
 * @distance_other: of different classes; near 0 is a collapsed network
 * @n_classes: held-out classes these are of
 * @n_pictures: and their pictures
 * @best: whether its score is the highest so far; unless keep=last is set,
 *   encoder.onnx now holds these weights
 * @seconds: since the run began, over all its sittings
 */
typedef struct {
  guint epoch;
  double loss;
  double recall_1, map_r, auroc, dir_1, one_photograph;
  double distance_same, distance_other;
  guint n_classes, n_pictures;
  gboolean best;
  double seconds;
} DmlTrainFigures;

/**
 * DmlTrainListener:
 * @message: (nullable): a line for people: what was found, chosen, is wrong;
 *   @warning tells which of them ask for attention
 * @progress: (nullable): called a few times a second at most
 * @epoch: (nullable): after each evaluation
 * @data: handed to each
 *
 * Called from the thread that called dml_trainer_run(), with no lock held.
 */
typedef struct {
  void (*message) (const char *text, gboolean warning, gpointer data);
  void (*progress) (const DmlTrainProgress *progress, gpointer data);
  void (*epoch) (const DmlTrainFigures *figures, gpointer data);
  gpointer data;
} DmlTrainListener;

/**
 * DmlTrainer:
 *
 * One run. Not thread-safe; owned by one.
 */
typedef struct _DmlTrainer DmlTrainer;

/**
 * dml_trainer_new: (skip)
 * @data: (array zero-terminated=1): folders of folders, tar files (also
 *   compressed), CSV files
 * @run: (type filename): folder to make; one that holds a run is refused
 * @config: settings; copied
 * @listener: (nullable): who wants to hear; copied
 * @error: (nullable): return location for a #GError
 *
 * Checks the settings; reads no picture yet.
 *
 * Returns: (transfer full) (nullable): a trainer, or %NULL with
 *   #DML_ERROR_INVALID, #DML_ERROR_NOT_FOUND or #DML_ERROR_BUSY (@run exists)
 */
DML_API DmlTrainer *dml_trainer_new (const char *const *data, const char *run,
                                     const DmlTrainConfig *config,
                                     const DmlTrainListener *listener,
                                     GError **error);

/**
 * dml_trainer_resume: (skip)
 * @run: (type filename): the folder of a run
 * @data: (array zero-terminated=1) (nullable): where the pictures lie now, if
 *   they have moved; others than the run began with are refused as it runs
 * @changes: (nullable): settings given anew; one that cannot apply to a run
 *   that has begun is refused by name
 * @listener: (nullable): who wants to hear; copied
 * @error: (nullable): return location for a #GError
 *
 * Takes up a run where its last checkpoint left it. The result is to the bit
 * that of a run which was never stopped.
 *
 * Returns: (transfer full) (nullable): a trainer, or %NULL with
 *   #DML_ERROR_NOT_FOUND, #DML_ERROR_FORMAT (damaged checkpoint) or
 *   #DML_ERROR_INVALID
 */
DML_API DmlTrainer *dml_trainer_resume (const char *run,
                                        const char *const *data,
                                        const DmlTrainConfig *changes,
                                        const DmlTrainListener *listener,
                                        GError **error);

/**
 * dml_trainer_run: (skip)
 * @trainer: a #DmlTrainer
 * @cancellable: (nullable): stops after the current batch, with all saved
 * @error: (nullable): return location for a #GError
 *
 * Trains to the end. Leaves encoder.onnx, last.ckpt, run.jsonl, report.html and
 * config.ini in the run's folder.
 *
 * Returns: %FALSE with #DML_ERROR_CANCELLED (saved; resume goes on),
 *   #DML_ERROR_DIVERGED (NaN or collapse, with a remedy), #DML_ERROR_FORMAT
 *   (too many unreadable pictures), #DML_ERROR_BUSY (another process trains in
 *   this folder), #DML_ERROR_NO_SPACE, ...
 */
DML_API gboolean dml_trainer_run (DmlTrainer *trainer,
                                  GCancellable *cancellable, GError **error);

/**
 * dml_trainer_plan: (skip)
 * @trainer: a #DmlTrainer
 * @cancellable: (nullable): stops
 * @error: (nullable): return location for a #GError
 *
 * Reads the pictures, says what was found and chosen, measures a step, and
 * writes nothing.
 */
DML_API gboolean dml_trainer_plan (DmlTrainer *trainer,
                                   GCancellable *cancellable, GError **error);

/**
 * DmlTrainSpeed:
 * @n_steps: steps that were measured, after two that were not
 * @n_views: pictures in a step's batch, every view counted
 * @n_threads: threads that computed
 * @seconds_min: of the fastest step, loading and update included
 * @seconds_median: of the one in the middle
 * @seconds_mean: of all
 * @waited: share of the time in which a batch was waited for, 0 to 1
 * @cores: processors that this process kept busy on average; what others on the
 *   machine took is not in it
 * @peak_mib: most memory that the process has held, in MiB
 *
 * What steps of training take.
 */
typedef struct {
  guint n_steps, n_views, n_threads;
  double seconds_min, seconds_median, seconds_mean;
  double waited, cores, peak_mib;
} DmlTrainSpeed;

/**
 * dml_trainer_measure: (skip)
 * @trainer: a #DmlTrainer, fresh; it has been trained a little afterwards and
 * is to be freed
 * @n_steps: steps to measure, at least 1
 * @speed: (out): what they took
 * @cancellable: (nullable): stops
 * @error: (nullable): return location for a #GError
 *
 * Reads the pictures and trains for some steps. Writes nothing.
 *
 * Returns: %FALSE on failure, as dml_trainer_run()
 */
DML_API gboolean dml_trainer_measure (DmlTrainer *trainer, guint n_steps,
                                      DmlTrainSpeed *speed,
                                      GCancellable *cancellable,
                                      GError **error);

/**
 * dml_trainer_preview: (skip)
 * @trainer: a #DmlTrainer
 * @path: (type filename): a PNG to write
 * @cancellable: (nullable): stops
 * @error: (nullable): return location for a #GError
 *
 * A sheet of pictures beside their augmented views, as training would see them.
 */
DML_API gboolean dml_trainer_preview (DmlTrainer *trainer, const char *path,
                                      GCancellable *cancellable,
                                      GError **error);

DML_API void dml_trainer_free (DmlTrainer *trainer);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DmlTrainConfig, dml_train_config_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (DmlTrainer, dml_trainer_free)

G_END_DECLS
