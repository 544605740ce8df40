/* SPDX-License-Identifier: LGPL-2.1-or-later
 * What the matcher says of one query, and why. */
#pragma once

#include <dml/dml-encoder.h>

G_BEGIN_DECLS

/**
 * DmlDecision:
 * @DML_DECISION_UNKNOWN: nothing enrolled is close enough
 * @DML_DECISION_AMBIGUOUS: close enough, but the runner-up is nearly as close
 * @DML_DECISION_KNOWN: the label is the answer
 */
typedef enum {
  DML_DECISION_UNKNOWN,
  DML_DECISION_AMBIGUOUS,
  DML_DECISION_KNOWN,
} DmlDecision;

/**
 * DmlReason:
 * @DML_REASON_ACCEPTED: similarity above threshold, margin wide enough
 * @DML_REASON_BELOW_THRESHOLD: nearest item not close enough
 * @DML_REASON_BELOW_MARGIN: runner-up too close
 * @DML_REASON_EMPTY_GALLERY: nothing is enrolled, or the label filter leaves
 *   nothing
 * @DML_REASON_NO_EMBEDDING: the query has no direction (all zero)
 *
 * Code of a decision's reason.
 */
typedef enum {
  DML_REASON_ACCEPTED,
  DML_REASON_BELOW_THRESHOLD,
  DML_REASON_BELOW_MARGIN,
  DML_REASON_EMPTY_GALLERY,
  DML_REASON_NO_EMBEDDING,
} DmlReason;

/**
 * DmlMatch:
 *
 * The answer to one query. Immutable, reference-counted.
 */
typedef struct _DmlMatch DmlMatch;

#define DML_TYPE_MATCH (dml_match_get_type ())
DML_API GType dml_match_get_type (void);
DML_API DmlMatch *dml_match_ref (DmlMatch *match);
DML_API void dml_match_unref (DmlMatch *match);

DML_API DmlDecision dml_match_get_decision (const DmlMatch *match);
DML_API DmlReason dml_match_get_reason (const DmlMatch *match);

/* "known", "ambiguous", "unknown"; "accepted", "below-threshold", ... : the
 * words of every JSON line, structure and message. */
DML_API const char *dml_decision_to_string (DmlDecision decision);
DML_API const char *dml_reason_to_string (DmlReason reason);

/**
 * dml_match_get_label:
 * @match: a #DmlMatch
 *
 * The best label, whatever the decision: show it to people only when that is
 * #DML_DECISION_KNOWN.
 *
 * Returns: (transfer none) (nullable): %NULL for an empty gallery
 */
DML_API const char *dml_match_get_label (const DmlMatch *match);

/**
 * dml_match_get_label_data:
 * @match: a #DmlMatch
 *
 * Returns: (transfer none) (nullable): the JSON that the user stored with the
 *   best label
 */
DML_API const char *dml_match_get_label_data (const DmlMatch *match);

/**
 * dml_match_get_explanation:
 * @match: a #DmlMatch
 *
 * A sentence for people: "0.52 is below 0.60; nearest is apple-green (item
 * 17), runner-up pear at 0.48".
 *
 * Returns: (transfer none): never %NULL
 */
DML_API const char *dml_match_get_explanation (const DmlMatch *match);

/**
 * dml_match_get_similarity:
 * @match: a #DmlMatch
 *
 * Of the nearest item (or prototype) of the best label, cosine or
 * 1 / (1 + distance). This is what the threshold is held against, whatever the
 * classifier.
 */
DML_API double dml_match_get_similarity (const DmlMatch *match);

/**
 * dml_match_get_margin:
 * @match: a #DmlMatch
 *
 * Best label's similarity less the runner-up label's; the similarity itself
 * where there is one label only.
 */
DML_API double dml_match_get_margin (const DmlMatch *match);

DML_API double dml_match_get_threshold (const DmlMatch *match);

/**
 * dml_match_get_threshold_origin:
 * @match: a #DmlMatch
 *
 * Returns: (transfer none): where the threshold comes from: "option",
 *   "gallery", "encoder" or "default"
 */
DML_API const char *dml_match_get_threshold_origin (const DmlMatch *match);

/**
 * dml_match_get_confidence:
 * @match: a #DmlMatch
 *
 * The classifier's score of the best label, in [0, 1]: share of the vote,
 * softmax of margins, posterior. Of the enrolled labels only: a stranger, or
 * whatever meets a gallery of one label, can have 1.
 */
DML_API double dml_match_get_confidence (const DmlMatch *match);

/**
 * dml_match_get_item:
 * @match: a #DmlMatch
 *
 * Returns: id of the nearest item of the best label, -1 where there is none
 */
DML_API gint64 dml_match_get_item (const DmlMatch *match);

/**
 * dml_match_get_runner_up:
 * @match: a #DmlMatch
 *
 * Returns: (transfer none) (nullable): the second best label
 */
DML_API const char *dml_match_get_runner_up (const DmlMatch *match);

/**
 * dml_match_get_n_hits:
 * @match: a #DmlMatch
 *
 * Returns: nearest items kept, at most k
 */
DML_API guint dml_match_get_n_hits (const DmlMatch *match);

/**
 * dml_match_get_hit:
 * @match: a #DmlMatch
 * @i: below dml_match_get_n_hits(), 0 is the nearest
 * @label: (out) (optional) (transfer none): its label
 * @item: (out) (optional): its id
 * @similarity: (out) (optional): its similarity
 *
 * One of the nearest items. Equal similarities are ordered by id.
 */
DML_API void dml_match_get_hit (const DmlMatch *match, guint i,
                                const char **label, gint64 *item,
                                double *similarity);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DmlMatch, dml_match_unref)

G_END_DECLS
