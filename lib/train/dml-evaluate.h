/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Measuring an encoder on pictures that it has not seen: what dml-eval does,
 * for programs. */
#pragma once

#include <dml/dml-train.h>

G_BEGIN_DECLS

/**
 * DmlProtocol:
 * @DML_PROTOCOL_LEAVE_ONE_OUT: every picture looks for its nearest other one;
 *   for the open set half of the classes are enrolled, in several draws
 * @DML_PROTOCOL_GALLERY_QUERY: one set is enrolled, another one is looked up;
 *   queries whose label is not enrolled are the unknown ones
 * @DML_PROTOCOL_ONE_SHOT: trials of one picture a class; from a list, or drawn
 *
 * Who is enrolled and who is looked up.
 */
typedef enum {
  DML_PROTOCOL_LEAVE_ONE_OUT,
  DML_PROTOCOL_GALLERY_QUERY,
  DML_PROTOCOL_ONE_SHOT,
} DmlProtocol;

/**
 * DmlEvaluateOptions:
 * @protocol: see #DmlProtocol
 * @data: (nullable): sources as for training; for %DML_PROTOCOL_GALLERY_QUERY
 *   the gallery
 * @queries: (nullable): sources of queries, for %DML_PROTOCOL_GALLERY_QUERY
 * @split: (nullable) (type filename): lines of `train|val|test|drop GLOB` as
 * for training; of @data only the classes of @part are read
 * @part: (nullable): train, val or test; %NULL is test where @split is given,
 *   else all. Without @split a table's own column says it
 * @trials: (nullable): CSV `trial,role,path,label` with role gallery or query,
 *   for %DML_PROTOCOL_ONE_SHOT instead of @data
 * @ways: classes of a drawn trial
 * @n_trials: trials to draw
 * @group: (nullable): classes of a drawn trial share their label up to this
 *   text: "__" for "Latin__character01"
 * @prototypes: decide by class means instead of @k neighbours
 * @k: neighbours that vote, weighted by e^(similarity / 0.07)
 * @suspects: for %DML_PROTOCOL_LEAVE_ONE_OUT: name so many pictures whose label
 *   is likely wrong
 * @seed: of draws and resamples
 * @n_threads: 0 = all
 * @bad_pictures: share of unreadable pictures above which it fails
 * @clusters: for %DML_PROTOCOL_LEAVE_ONE_OUT: compare the labels with k-means
 * of as many clusters. Takes pictures x labels x numbers of an embedding
 */
typedef struct {
  DmlProtocol protocol;
  const char *const *data;
  const char *const *queries;
  const char *split, *part;
  const char *trials;
  guint ways, n_trials;
  const char *group;
  gboolean prototypes;
  guint k, suspects;
  guint64 seed;
  guint n_threads;
  double bad_pictures;
  gboolean clusters;
} DmlEvaluateOptions;

#define DML_EVALUATE_OPTIONS_INIT                                              \
  {                                                                            \
    .ways = 20, .n_trials = 400, .k = 1, .seed = 1, .bad_pictures = 0.05       \
  }

/**
 * DmlEvaluation:
 *
 * The outcome. Immutable; owned by one.
 */
typedef struct _DmlEvaluation DmlEvaluation;

/**
 * dml_evaluate: (skip)
 * @encoder: what to measure
 * @options: how
 * @listener: (nullable): who wants to hear what was found, and progress
 * @cancellable: (nullable): stops
 * @error: (nullable): return location for a #GError
 *
 * Reads the pictures, embeds them as a pipeline would and measures. Figures of
 * classes that the encoder was trained on say little: nothing here can know.
 *
 * Returns: (transfer full) (nullable): the outcome, or %NULL with
 *   #DML_ERROR_INVALID, #DML_ERROR_NOT_FOUND, #DML_ERROR_FORMAT or
 *   #DML_ERROR_CANCELLED
 */
DML_API DmlEvaluation *dml_evaluate (DmlEncoder *encoder,
                                     const DmlEvaluateOptions *options,
                                     const DmlTrainListener *listener,
                                     GCancellable *cancellable, GError **error);
DML_API void dml_evaluation_free (DmlEvaluation *evaluation);

/**
 * dml_evaluation_to_json:
 * @evaluation: an outcome
 *
 * Returns: (transfer full): one line of JSON, schema dml-eval/1
 *   (docs/programs.md)
 */
DML_API char *dml_evaluation_to_json (const DmlEvaluation *evaluation);

/**
 * dml_evaluation_to_text:
 * @evaluation: an outcome
 * @n_rows: rows of the tables of classes and of confused pairs, the worst first
 *
 * Returns: (transfer full): tables for people
 */
DML_API char *dml_evaluation_to_text (const DmlEvaluation *evaluation,
                                      guint n_rows);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DmlEvaluation, dml_evaluation_free)

G_END_DECLS
