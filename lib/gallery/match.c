/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Answers: what they hold and how they explain themselves. */
#include "gallery/match.h"

#include <string.h>

#include "base/error.h"
#include "gallery/gallery.h"

G_DEFINE_BOXED_TYPE (DmlMatch, dml_match, dml_match_ref, dml_match_unref)

DmlMatch *
dml_match_alloc (DmlLabels *labels, guint n_hits)
{
  DmlMatch *match =
    g_malloc (sizeof (DmlMatch) + n_hits * sizeof (DmlMatchHit));

  *match = (DmlMatch){ .labels = dml_labels_ref (labels),
                       .label = -1,
                       .runner_up = -1,
                       .item = -1,
                       .n_hits = n_hits };
  match->ref_count = 1;
  return match;
}

DmlMatch *
dml_match_ref (DmlMatch *match)
{
  g_atomic_int_inc (&match->ref_count);
  return match;
}

void
dml_match_unref (DmlMatch *match)
{
  if (!g_atomic_int_dec_and_test (&match->ref_count))
    return;
  dml_labels_unref (match->labels);
  g_free (match->explanation);
  g_free (match);
}

const char *
dml_decision_to_string (DmlDecision decision)
{
  static const char *const words[] = {
    [DML_DECISION_UNKNOWN] = "unknown",
    [DML_DECISION_AMBIGUOUS] = "ambiguous",
    [DML_DECISION_KNOWN] = "known",
  };

  g_return_val_if_fail ((guint) decision < G_N_ELEMENTS (words), NULL);
  return words[decision];
}

const char *
dml_reason_to_string (DmlReason reason)
{
  static const char *const words[] = {
    [DML_REASON_ACCEPTED] = "accepted",
    [DML_REASON_BELOW_THRESHOLD] = "below-threshold",
    [DML_REASON_BELOW_MARGIN] = "below-margin",
    [DML_REASON_EMPTY_GALLERY] = "empty-gallery",
    [DML_REASON_NO_EMBEDDING] = "no-embedding",
  };

  g_return_val_if_fail ((guint) reason < G_N_ELEMENTS (words), NULL);
  return words[reason];
}

DmlDecision
dml_match_get_decision (const DmlMatch *match)
{
  return match->decision;
}

DmlReason
dml_match_get_reason (const DmlMatch *match)
{
  return match->reason;
}

const char *
dml_match_get_label (const DmlMatch *match)
{
  return match->label >= 0 ? match->labels->name[match->label] : NULL;
}

const char *
dml_match_get_label_data (const DmlMatch *match)
{
  return match->label >= 0 ? match->labels->data[match->label] : NULL;
}

double
dml_match_get_similarity (const DmlMatch *match)
{
  return match->similarity;
}

double
dml_match_get_margin (const DmlMatch *match)
{
  return match->margin;
}

double
dml_match_get_threshold (const DmlMatch *match)
{
  return match->threshold;
}

const char *
dml_match_get_threshold_origin (const DmlMatch *match)
{
  return match->origin;
}

double
dml_match_get_confidence (const DmlMatch *match)
{
  return match->confidence;
}

gint64
dml_match_get_item (const DmlMatch *match)
{
  return match->item;
}

const char *
dml_match_get_runner_up (const DmlMatch *match)
{
  return match->runner_up >= 0 ? match->labels->name[match->runner_up] : NULL;
}

guint
dml_match_get_n_hits (const DmlMatch *match)
{
  return match->n_hits;
}

void
dml_match_get_hit (const DmlMatch *match, guint i, const char **label,
                   gint64 *item, double *similarity)
{
  g_return_if_fail (i < match->n_hits);
  if (label != NULL)
    *label = match->labels->name[match->hits[i].label];
  if (item != NULL)
    *item = match->hits[i].item;
  if (similarity != NULL)
    *similarity = match->hits[i].similarity;
}

/* ---- explanation --------------------------------------------------------- */

typedef struct {
  char a[G_ASCII_DTOSTR_BUF_SIZE], b[G_ASCII_DTOSTR_BUF_SIZE];
} TwoNumbers;

/* Two numbers with as many digits as it takes to tell them apart, two at
 * least; always with a point, whatever the locale. */
static void
format_two (TwoNumbers *text, double a, double b)
{
  char format[8];

  for (int digits = 2; digits <= 6; digits++) {
    g_snprintf (format, sizeof format, "%%.%df", digits);
    g_ascii_formatd (text->a, sizeof text->a, format, a);
    g_ascii_formatd (text->b, sizeof text->b, format, b);
    if (strcmp (text->a, text->b) != 0)
      break;
  }
}

/* " (item 17)", or nothing where the mean of the items is what was compared. */
static char *
describe_item (const DmlMatch *match)
{
  return match->item < 0
           ? g_strdup ("")
           : g_strdup_printf (" (%sitem %" G_GINT64_FORMAT ")",
                              match->prototype ? "nearest " : "", match->item);
}

/* Whether the item whose similarity this is, is nearer than any other. Of a
 * classifier that looks at more than one it need not be. */
static gboolean
is_nearest (const DmlMatch *match)
{
  return !match->prototype && match->n_hits > 0 &&
         match->hits[0].item == match->item;
}

static char *
explain (const DmlMatch *match)
{
  g_autofree char *label = NULL, *runner_up = NULL, *item = NULL;
  g_autofree char *text = NULL;
  TwoNumbers sim, two;
  const char *against;

  if (match->reason == DML_REASON_EMPTY_GALLERY)
    return g_strdup ("nothing is enrolled that this could be");
  if (match->reason == DML_REASON_NO_EMBEDDING)
    return g_strdup ("the picture gave no embedding to compare");
  label = dml_error_quote (dml_match_get_label (match));
  item = describe_item (match);
  format_two (&sim, match->similarity, match->threshold);
  if (match->runner_up >= 0) {
    runner_up = dml_error_quote (dml_match_get_runner_up (match));
    format_two (&two, match->similarity, match->similarity - match->margin);
  }
  if (match->reason == DML_REASON_BELOW_THRESHOLD) {
    against =
      match->similarity < match->threshold ? "is below" : "is not above";
    text = g_strdup_printf ("%s %s %s; %s is %s%s", sim.a, against, sim.b,
                            is_nearest (match) ? "nearest" : "best label",
                            label, item);
    return match->runner_up < 0 ? g_steal_pointer (&text)
                                : g_strdup_printf ("%s, runner-up %s at %s",
                                                   text, runner_up, two.b);
  }
  if (match->runner_up < 0)
    return g_strdup_printf ("%s is above %s; %s%s is the only label", sim.a,
                            sim.b, label, item);
  if (match->reason == DML_REASON_ACCEPTED)
    return g_strdup_printf ("%s is above %s; %s%s, runner-up %s at %s", sim.a,
                            sim.b, label, item, runner_up, two.b);
  if (match->margin >= match->least_margin)
    return g_strdup_printf ("%s is above %s, but %s%s and %s are tied", sim.a,
                            sim.b, label, item, runner_up);
  format_two (&two, match->margin, match->least_margin);
  return g_strdup_printf (
    "%s is above %s, but %s%s leads %s by %s only, less than %s", sim.a, sim.b,
    label, item, runner_up, two.a, two.b);
}

/* Where the threshold is not for the wished rate, that belongs to the answer.
 */
static char *
explain_edge (const DmlMatch *match)
{
  g_autofree char *text = explain (match);
  char rate[G_ASCII_DTOSTR_BUF_SIZE];

  if (match->edge <= 0.0)
    return g_steal_pointer (&text);
  return g_strdup_printf (
    "%s; the threshold is for a false-accept rate of %s, "
    "as the encoder tells none nearer to the wished one",
    text, g_ascii_formatd (rate, sizeof rate, "%.3g", match->edge));
}

const char *
dml_match_get_explanation (const DmlMatch *match)
{
  char **place = &((DmlMatch *) match)->explanation;
  char *text = g_atomic_pointer_get (place);

  if (text == NULL) { /* most answers are never asked */
    text = explain_edge (match);
    if (!g_atomic_pointer_compare_and_exchange (place, NULL, text)) {
      g_free (text);
      text = g_atomic_pointer_get (place);
    }
  }
  return text;
}
