/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Who decides over a snapshot, by which classifier and which threshold. */
#pragma once

#include <dml/dml-match.h>
#include <dml/dml-snapshot.h>
#include <math.h>

G_BEGIN_DECLS

/**
 * DmlClassifier:
 * @DML_CLASSIFIER_AUTO: nearest neighbours: needs no training, points to the
 *   item that decided, and was best for products (docs/thresholds.md)
 * @DML_CLASSIFIER_KNN: k nearest neighbours, votes weighted by similarity
 * @DML_CLASSIFIER_PROTOTYPE: nearest mean of a label
 * @DML_CLASSIFIER_SVM: linear, one against rest
 * @DML_CLASSIFIER_BAYES: Gaussian naive Bayes with shrunk pooled variances
 */
typedef enum {
  DML_CLASSIFIER_AUTO,
  DML_CLASSIFIER_KNN,
  DML_CLASSIFIER_PROTOTYPE,
  DML_CLASSIFIER_SVM,
  DML_CLASSIFIER_BAYES,
} DmlClassifier;

#define DML_TYPE_CLASSIFIER (dml_classifier_get_type ())
DML_API GType dml_classifier_get_type (void);

/**
 * DML_FALSE_ACCEPT_RATE:
 *
 * The share of unknown things that may get a name where nobody says otherwise:
 * a shelf's, not a door's.
 */
#define DML_FALSE_ACCEPT_RATE 0.05

/**
 * DML_FALSE_ACCEPT_RATE_LEAST:
 *
 * The smallest rate that programs and elements let one ask for.
 */
#define DML_FALSE_ACCEPT_RATE_LEAST 0.000001

/**
 * DML_FALSE_ACCEPT_RATE_MOST:
 *
 * The largest rate that programs and elements let one ask for.
 */
#define DML_FALSE_ACCEPT_RATE_MOST 0.5

/**
 * DmlMatcher:
 *
 * Options and what was learned from one snapshot (means, SVM). Immutable: make
 * a new one, off the streaming thread, when options or snapshot change.
 * Reference-counted.
 */
typedef struct _DmlMatcher DmlMatcher;

/**
 * DmlMatcherOptions:
 * @k: neighbours, 1..100
 * @classifier: who decides the label
 * @threshold: similarity that must be exceeded; NaN = calibrated
 * @false_accept_rate: for the calibrated threshold, in (0, 1)
 * @margin: by how much the best label must lead; 0 = none asked for
 * @labels: (nullable): only these count; %NULL = all
 * @like: (nullable): what was learned for it is taken over where the snapshot,
 *   @classifier and @labels are the same: nothing is trained then
 * @cancel: (nullable): set to 1, atomically, from another thread it ends the
 *   training of an SVM, between two labels, with #DML_ERROR_CANCELLED
 */
typedef struct {
  guint k;
  DmlClassifier classifier;
  double threshold;
  double false_accept_rate;
  double margin;
  const char *const *labels;
  const DmlMatcher *like;
  const gint *cancel;
} DmlMatcherOptions;

#define DML_MATCHER_OPTIONS_INIT                                               \
  {                                                                            \
    5, DML_CLASSIFIER_AUTO, (double) NAN, DML_FALSE_ACCEPT_RATE, 0.0, NULL,    \
      NULL, NULL                                                               \
  }

#define DML_TYPE_MATCHER (dml_matcher_get_type ())
DML_API GType dml_matcher_get_type (void);

/**
 * dml_matcher_new: (skip)
 * @snapshot: what to match against
 * @encoder: (nullable): for its thresholds, used where the gallery has none
 * @options: (nullable): %NULL for the defaults
 * @error: (nullable): return location for a #GError
 *
 * Trains the classifier where it needs training. The threshold is @options',
 * else the lead that was stored by dml_gallery_calibrate(), else one that is
 * measured here in the same way on at most 400 items, else, where there are
 * fewer than ten labels, the encoder's, else 0.5.
 *
 * Returns: (transfer full) (nullable): the matcher, or %NULL with
 *   #DML_ERROR_INVALID (an option out of range; a label filter that names a
 *   label which is not there), #DML_ERROR_MISMATCH (another encoder's),
 *   #DML_ERROR_LIMIT (an SVM that would train for many minutes),
 *   #DML_ERROR_CANCELLED or #DML_ERROR_NO_MEMORY
 */
DML_API DmlMatcher *dml_matcher_new (DmlSnapshot *snapshot, DmlEncoder *encoder,
                                     const DmlMatcherOptions *options,
                                     GError **error);
DML_API DmlMatcher *dml_matcher_ref (DmlMatcher *matcher);
DML_API void dml_matcher_unref (DmlMatcher *matcher);

/**
 * dml_matcher_shares_model:
 * @matcher: a #DmlMatcher
 * @other: a #DmlMatcher
 *
 * Returns: whether both decide by what was learned once, as `like` of
 *   #DmlMatcherOptions has it
 */
DML_API gboolean dml_matcher_shares_model (const DmlMatcher *matcher,
                                           const DmlMatcher *other);

/**
 * dml_matcher_get_threshold:
 * @matcher: a #DmlMatcher
 *
 * Returns: the similarity to be exceeded; or the lead, where
 *   dml_matcher_is_relative()
 */
DML_API double dml_matcher_get_threshold (const DmlMatcher *matcher);

/**
 * dml_matcher_is_relative:
 * @matcher: a #DmlMatcher
 *
 * Whether the threshold comes from the gallery's own calibration: then it is
 * the lead that the best label must have over the mean of the next five, and
 * the similarity asked for differs from query to query
 * (dml_match_get_threshold()).
 */
DML_API gboolean dml_matcher_is_relative (const DmlMatcher *matcher);

/**
 * dml_matcher_describe_threshold:
 * @matcher: a #DmlMatcher
 *
 * Returns: (transfer none): what must be exceeded and who says so, in words
 */
DML_API const char *dml_matcher_describe_threshold (const DmlMatcher *matcher);

/**
 * dml_matcher_get_warning:
 * @matcher: a #DmlMatcher
 *
 * Returns: (transfer none) (nullable): why the threshold may be out of date: it
 *   was calibrated when there were far more or fewer labels
 */
DML_API const char *dml_matcher_get_warning (const DmlMatcher *matcher);

/**
 * dml_matcher_get_threshold_origin:
 * @matcher: a #DmlMatcher
 *
 * Returns: (transfer none): "option", "gallery", "encoder" or "default"
 */
DML_API const char *
dml_matcher_get_threshold_origin (const DmlMatcher *matcher);

/**
 * dml_matcher_match: (skip)
 * @matcher: a #DmlMatcher
 * @queries: @n x D floats, finite
 * @n: how many, at least 1
 * @matches: (out caller-allocates): room for @n; each (transfer full)
 *
 * Decides. Thread-safe: any number at once.
 */
DML_API void dml_matcher_match (const DmlMatcher *matcher, const float *queries,
                                size_t n, DmlMatch **matches);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DmlMatcher, dml_matcher_unref)

G_END_DECLS
