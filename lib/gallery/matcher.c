/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Matchers: options checked, threshold chosen, classifier trained. */
#include "gallery/match.h"

#include <math.h>

#include "base/error.h"
#include "gallery/gallery.h"

G_DEFINE_BOXED_TYPE (DmlMatcher, dml_matcher, dml_matcher_ref,
                     dml_matcher_unref)
G_DEFINE_ENUM_TYPE (DmlClassifier, dml_classifier,
                    G_DEFINE_ENUM_VALUE (DML_CLASSIFIER_AUTO, "auto"),
                    G_DEFINE_ENUM_VALUE (DML_CLASSIFIER_KNN, "knn"),
                    G_DEFINE_ENUM_VALUE (DML_CLASSIFIER_PROTOTYPE, "prototype"),
                    G_DEFINE_ENUM_VALUE (DML_CLASSIFIER_SVM, "svm"),
                    G_DEFINE_ENUM_VALUE (DML_CLASSIFIER_BAYES, "bayes"))

static gboolean
check_options (const DmlMatcherOptions *o, GError **error)
{
  if (o->k < 1 || o->k > DML_K_MAX)
    return dml_fail (error, INVALID, "k is %u; it must be 1 to %d", o->k,
                     DML_K_MAX);
  if ((guint) o->classifier > DML_CLASSIFIER_BAYES)
    return dml_fail (error, INVALID,
                     "classifier is %d; it must be auto, knn, prototype, svm "
                     "or bayes",
                     (int) o->classifier);
  if (!isnan (o->threshold) && fabs (o->threshold) > 1.0)
    return dml_fail (error, INVALID,
                     "threshold is %g; a similarity lies between -1 and 1",
                     o->threshold);
  if (!(o->false_accept_rate > 0.0 && o->false_accept_rate < 1.0))
    return dml_fail (error, INVALID,
                     "false-accept rate is %g; it must lie between 0 and 1, "
                     "without these",
                     o->false_accept_rate);
  if (!(o->margin >= 0.0 && o->margin <= 2.0))
    return dml_fail (error, INVALID, "margin is %g; it must be 0 to 2",
                     o->margin);
  return TRUE;
}

/* The labels that count. */
static DmlSnapshot *
keep_labels (DmlSnapshot *snapshot, const char *const *wanted, GError **error)
{
  const DmlLabels *labels = snapshot->labels;
  g_autofree gboolean *keep = NULL;

  if (wanted == NULL)
    return dml_snapshot_ref (snapshot);
  keep = g_new0 (gboolean, labels->n + 1);
  for (; *wanted != NULL; wanted++) {
    const gint label = dml_labels_find (labels, *wanted);
    g_autofree char *shown = NULL, *shown_near = NULL;
    const char *near;

    if (label >= 0) {
      keep[label] = TRUE;
      continue;
    }
    near = dml_label_nearest (*wanted, labels->name, labels->n);
    shown = dml_error_quote (*wanted);
    shown_near = dml_error_quote (near);
    return dml_fail_null (error, INVALID, "labels: %s: no label %s%s%s%s",
                          snapshot->path, shown,
                          near != NULL ? "; did you mean " : "", shown_near,
                          near != NULL ? "?" : "");
  }
  return dml_snapshot_filter (snapshot, keep, error);
}

/* The stored threshold for the largest rate that does not exceed the wished
 * one, else for the smallest there is. */
static const DmlStoredThreshold *
stored_threshold (const DmlSnapshot *snapshot, const char *kind, double wished)
{
  const DmlStoredThreshold *best = NULL;

  for (guint i = 0; i < snapshot->thresholds->len; i++) {
    const DmlStoredThreshold *t =
      &g_array_index (snapshot->thresholds, DmlStoredThreshold, i);
    const double rate = t->threshold.false_accept_rate;
    /* A hair of room: 0.01 must find 0.01 however it was written. */
    const gboolean fits = rate <= wished * (1.0 + 1e-9);
    const gboolean best_fits =
      best != NULL &&
      best->threshold.false_accept_rate <= wished * (1.0 + 1e-9);

    if (!g_str_equal (t->kind, kind))
      continue;
    if (best == NULL || (fits && !best_fits) ||
        (fits == best_fits &&
         (rate > best->threshold.false_accept_rate) == fits))
      best = t;
  }
  return best;
}

static void
choose_threshold (DmlMatcher *matcher, const DmlMatcherOptions *options,
                  const DmlThreshold *encoders)
{
  const DmlStoredThreshold *stored = stored_threshold (
    matcher->snapshot, matcher->klass->kind, options->false_accept_rate);

  if (!isnan (options->threshold)) {
    matcher->threshold = options->threshold;
    matcher->origin = "option";
  } else if (stored != NULL) {
    matcher->threshold = stored->threshold.threshold;
    matcher->origin = "gallery";
  } else if (encoders != NULL) {
    matcher->threshold = encoders->threshold;
    matcher->origin = "encoder";
  } else {
    matcher->threshold = 0.5;
    matcher->origin = "default";
  }
}

DmlMatcher *
dml_matcher_new_with (DmlSnapshot *snapshot, const DmlThreshold *encoders,
                      const DmlMatcherOptions *options, GError **error)
{
  static const DmlMatcherOptions defaults = DML_MATCHER_OPTIONS_INIT;
  g_autoptr (DmlMatcher) matcher = NULL;
  DmlClassifyParams params;

  if (options == NULL)
    options = &defaults;
  if (!check_options (options, error))
    return NULL;
  matcher = g_new0 (DmlMatcher, 1);
  g_atomic_ref_count_init (&matcher->ref_count);
  matcher->snapshot = keep_labels (snapshot, options->labels, error);
  if (matcher->snapshot == NULL)
    return NULL;
  matcher->k = options->k;
  matcher->margin = options->margin;
  matcher->klass = dml_classifier_class (options->classifier);
  choose_threshold (matcher, options, encoders);
  params = dml_classify_params (matcher->snapshot->space.metric);
  if (matcher->snapshot->n_items > 0 &&
      !(matcher->model =
          matcher->klass->train (matcher->snapshot, &params, error)))
    return NULL;
  return g_steal_pointer (&matcher);
}

DmlMatcher *
dml_matcher_ref (DmlMatcher *matcher)
{
  g_atomic_ref_count_inc (&matcher->ref_count);
  return matcher;
}

void
dml_matcher_unref (DmlMatcher *matcher)
{
  if (!g_atomic_ref_count_dec (&matcher->ref_count))
    return;
  if (matcher->model != NULL)
    matcher->klass->free (matcher->model);
  g_clear_pointer (&matcher->snapshot, dml_snapshot_unref);
  g_free (matcher);
}

double
dml_matcher_get_threshold (const DmlMatcher *matcher)
{
  return matcher->threshold;
}

const char *
dml_matcher_get_threshold_origin (const DmlMatcher *matcher)
{
  return matcher->origin;
}

void
dml_matcher_match (const DmlMatcher *matcher, const float *queries, size_t n,
                   DmlMatch **matches)
{
  for (size_t i = 0; i < n; i++)
    matches[i] =
      dml_decide (matcher, queries + i * matcher->snapshot->space.dim);
}
