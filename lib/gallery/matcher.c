/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Matchers: options checked, threshold chosen, classifier trained. */
#include "gallery/match.h"

#include <math.h>

#include "base/error.h"
#include "base/suggest.h"
#include "gallery/calibrate.h"
#include "gallery/gallery.h"

G_DEFINE_BOXED_TYPE (DmlMatcher, dml_matcher, dml_matcher_ref,
                     dml_matcher_unref)

/* The names are what gst-inspect-1.0 shows beside the nicks. */
GType
dml_classifier_get_type (void)
{
  static const GEnumValue values[] = {
    { DML_CLASSIFIER_AUTO, "what suits most galleries: nearest neighbours",
      "auto" },
    { DML_CLASSIFIER_KNN, "vote of the k nearest items, by similarity", "knn" },
    { DML_CLASSIFIER_PROTOTYPE, "nearest mean of a label's items",
      "prototype" },
    { DML_CLASSIFIER_SVM,
      "linear support vector machine, one label against the rest; is trained",
      "svm" },
    { DML_CLASSIFIER_BAYES, "Gaussian naive Bayes with pooled variances",
      "bayes" },
    { 0, NULL, NULL },
  };
  static gsize type;

  if (g_once_init_enter (&type))
    g_once_init_leave (&type, g_enum_register_static ("DmlClassifier", values));
  return type;
}

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
    near = dml_suggest (*wanted, labels->name, labels->n);
    shown = dml_error_quote (*wanted);
    shown_near = dml_error_quote (near);
    return dml_fail_null (error, INVALID, "labels: %s: no label %s%s%s%s",
                          snapshot->path, shown,
                          near != NULL ? "; did you mean " : "", shown_near,
                          near != NULL ? "?" : "");
  }
  return dml_snapshot_filter (snapshot, keep, error);
}

/* The stored lead for the largest rate that does not exceed the wished one,
 * else for the smallest there is. */
static const DmlStoredLead *
stored_lead (const DmlSnapshot *snapshot, gboolean prototype, double wished)
{
  const DmlStoredLead *best = NULL;
  const double most = wished * (1.0 + 1e-9); /* 0.01, however it was written */

  for (guint i = 0; i < snapshot->thresholds->len; i++) {
    const DmlStoredLead *t =
      &g_array_index (snapshot->thresholds, DmlStoredLead, i);
    const double rate = t->threshold.false_accept_rate;
    const double best_rate = best ? best->threshold.false_accept_rate : 0.0;

    if (t->prototype != prototype)
      continue;
    if (best == NULL || (rate <= most ? best_rate > most || rate > best_rate
                                      : best_rate > rate))
      best = t;
  }
  return best;
}

/* Numbers for people, with a point whatever the locale. */
static const char *
number (char *buffer, double value)
{
  return g_ascii_formatd (buffer, G_ASCII_DTOSTR_BUF_SIZE, "%.3g", value);
}

static guint
count_classes (const DmlSnapshot *snapshot)
{
  guint n = 0;

  for (guint l = 0; l < snapshot->labels->n; l++)
    n += dml_snapshot_n_of (snapshot, l) > 0;
  return n;
}

/* For a gallery that nobody has calibrated: a quick measurement of the same.
 * FALSE with *error unset where there are too few labels. */
static gboolean
measure_lead (const DmlSnapshot *snapshot, const DmlClassifierClass *klass,
              double wished, DmlStoredLead *lead, GError **error)
{
  g_auto (DmlLeads) leads = { 0 };
  DmlLeadFit fit;

  if (count_classes (snapshot) < DML_CALIBRATE_LABELS_MIN)
    return FALSE;
  if (!dml_leads_measure (snapshot, klass, DML_PROBES_QUICK, &leads, error))
    return FALSE;
  dml_leads_fit (&leads, wished, &fit);
  *lead = (DmlStoredLead){
    .threshold = { wished, fit.lead, leads.n_genuine, leads.n_labels, fit.lower,
                   fit.upper },
    .n_crowd = leads.n_crowd,
    .sure = fit.sure,
    .true_accept = fit.true_accept,
    .revision = snapshot->revision,
    .n_labels = leads.n_labels,
  };
  return TRUE;
}

static void
use_lead (DmlMatcher *matcher, const DmlStoredLead *stored, const char *how)
{
  char lead[G_ASCII_DTOSTR_BUF_SIZE], rate[G_ASCII_DTOSTR_BUF_SIZE];
  char lower[G_ASCII_DTOSTR_BUF_SIZE], upper[G_ASCII_DTOSTR_BUF_SIZE];
  char sure[G_ASCII_DTOSTR_BUF_SIZE];
  const double wished = stored->threshold.false_accept_rate;
  g_autofree char *more =
    isnan (stored->sure) ? g_strdup_printf ("to be sure of it takes %u labels",
                                            dml_labels_needed (wished))
                         : g_strdup_printf ("a lead of %s is sure to keep it",
                                            number (sure, stored->sure));
  g_autofree char *own =
    isnan (stored->true_accept)
      ? g_strdup ("")
      : g_strdup_printf (". About %.0f %% of what is enrolled here would be "
                         "known again",
                         100.0 * stored->true_accept);

  matcher->lead = stored->threshold.threshold;
  matcher->n_crowd = stored->n_crowd;
  matcher->origin = "gallery";
  matcher->in_words = g_strdup_printf (
    "the best label must exceed half the mean of the next %u by %s: %s on this "
    "gallery's %u labels at revision %" G_GINT64_FORMAT
    " for a false-accept rate of %s (95 %% interval %s to %s; %s)%s",
    stored->n_crowd, number (lead, matcher->lead), how, stored->n_labels,
    stored->revision, number (rate, wished),
    number (lower, stored->threshold.lower),
    number (upper, stored->threshold.upper), more, own);
}

/* Still used, but said: the range has changed by half since. */
static void
warn_if_stale (DmlMatcher *matcher, const DmlStoredLead *stored,
               guint n_classes)
{
  if (3 * n_classes < 2 * stored->n_labels ||
      2 * n_classes > 3 * stored->n_labels)
    matcher->warning = g_strdup_printf (
      "%s: calibrated with %u labels at revision %" G_GINT64_FORMAT
      "; there are %u now: calibrate again",
      matcher->snapshot->path, stored->n_labels, stored->revision, n_classes);
}

static void
use_threshold (DmlMatcher *matcher, double threshold, const char *origin,
               const char *why)
{
  char buffer[G_ASCII_DTOSTR_BUF_SIZE];

  matcher->threshold = threshold;
  matcher->origin = origin;
  matcher->in_words = g_strdup_printf ("the similarity must exceed %s: %s",
                                       number (buffer, threshold), why);
}

static void
use_encoders (DmlMatcher *matcher, const DmlThreshold *encoders, double wished)
{
  char rate[G_ASCII_DTOSTR_BUF_SIZE], asked[G_ASCII_DTOSTR_BUF_SIZE];
  const double told = encoders->false_accept_rate;
  const gboolean edge = fabs (told - wished) > 1e-9 * wished;
  g_autofree char *but =
    edge ? g_strdup_printf ("; it tells none for %s, and this is its %s",
                            number (asked, wished),
                            told < wished ? "loosest" : "strictest")
         : g_strdup ("");
  g_autofree char *why =
    g_strdup_printf ("the encoder's own for a false-accept rate of %s, for "
                     "want of labels to measure with%s",
                     number (rate, told), but);

  matcher->edge = edge ? told : 0.0;
  use_threshold (matcher, encoders->threshold, "encoder", why);
}

/* @all: the snapshot before the label filter. */
static gboolean
choose_threshold (DmlMatcher *matcher, const DmlSnapshot *all,
                  const DmlMatcherOptions *options,
                  const DmlThreshold *encoders, GError **error)
{
  const gboolean prototype = matcher->klass == &dml_classifier_prototype;
  const guint n_classes = count_classes (matcher->snapshot);
  const double wished = options->false_accept_rate;
  const DmlStoredLead *lead = stored_lead (all, prototype, wished);
  const gboolean stored = lead != NULL;
  DmlStoredLead measured;
  GError *why = NULL;

  if (!isnan (options->threshold)) {
    use_threshold (matcher, options->threshold, "option", "as asked for");
    return TRUE;
  }
  if (!stored &&
      measure_lead (all, prototype ? matcher->klass : &dml_classifier_knn,
                    wished, &measured, &why))
    lead = &measured;
  if (why != NULL) {
    g_propagate_error (error, why);
    return FALSE;
  }
  if (lead != NULL && lead->n_crowd < n_classes) {
    use_lead (matcher, lead, stored ? "calibrated" : "measured");
    if (stored)
      warn_if_stale (matcher, lead, count_classes (all));
    return TRUE;
  }
  if (lead != NULL)
    matcher->warning = g_strdup_printf (
      "%s: its own threshold is a lead over %u other label%s, and there %s %u: "
      "another one is used",
      all->path, lead->n_crowd, lead->n_crowd == 1 ? "" : "s",
      n_classes == 1 ? "is" : "are", n_classes);
  if (encoders != NULL)
    use_encoders (matcher, encoders, wished);
  else
    use_threshold (matcher, 0.5, "default",
                   "a guess, since there are too few labels to measure with "
                   "and the encoder has no threshold");
  return TRUE;
}

static gboolean
same_labels (const char *const *a, const char *const *b)
{
  return a == NULL || b == NULL ? a == b : g_strv_equal (a, b);
}

/* Whether @like learned what a matcher with these options would. */
static gboolean
is_alike (const DmlMatcher *like, const DmlSnapshot *snapshot,
          const DmlMatcherOptions *options)
{
  return like != NULL && like->source == snapshot &&
         like->klass == dml_classifier_class (options->classifier) &&
         same_labels ((const char *const *) like->only, options->labels);
}

static gboolean
learn (DmlMatcher *matcher, const DmlMatcherOptions *options, gboolean alike,
       GError **error)
{
  DmlClassifyParams params =
    dml_classify_params (matcher->snapshot->space.metric);

  if (alike) {
    const DmlMatcher *like = options->like;

    matcher->lender = dml_matcher_ref (
      like->lender != NULL ? like->lender : (DmlMatcher *) like);
    matcher->model = like->model;
    return TRUE;
  }
  params.cancel = options->cancel;
  if (matcher->snapshot->n_items > 0)
    matcher->model = matcher->klass->train (matcher->snapshot, &params, error);
  return matcher->snapshot->n_items == 0 || matcher->model != NULL;
}

DmlMatcher *
dml_matcher_new_with (DmlSnapshot *snapshot, const DmlThreshold *encoders,
                      const DmlMatcherOptions *options, GError **error)
{
  static const DmlMatcherOptions defaults = DML_MATCHER_OPTIONS_INIT;
  g_autoptr (DmlMatcher) matcher = NULL;
  gboolean alike;

  if (options == NULL)
    options = &defaults;
  if (!check_options (options, error))
    return NULL;
  matcher = g_new0 (DmlMatcher, 1);
  matcher->ref_count = 1;
  alike = is_alike (options->like, snapshot, options);
  matcher->source = dml_snapshot_ref (snapshot);
  matcher->only = g_strdupv ((char **) options->labels);
  matcher->snapshot = alike ? dml_snapshot_ref (options->like->snapshot)
                            : keep_labels (snapshot, options->labels, error);
  if (matcher->snapshot == NULL)
    return NULL;
  matcher->k = options->k;
  matcher->margin = options->margin;
  matcher->klass = dml_classifier_class (options->classifier);
  if (!choose_threshold (matcher, snapshot, options, encoders, error) ||
      !learn (matcher, options, alike, error))
    return NULL;
  return g_steal_pointer (&matcher);
}

DmlMatcher *
dml_matcher_ref (DmlMatcher *matcher)
{
  g_atomic_int_inc (&matcher->ref_count);
  return matcher;
}

void
dml_matcher_unref (DmlMatcher *matcher)
{
  if (!g_atomic_int_dec_and_test (&matcher->ref_count))
    return;
  if (matcher->lender != NULL)
    dml_matcher_unref (matcher->lender);
  else if (matcher->model != NULL)
    matcher->klass->free (matcher->model);
  g_clear_pointer (&matcher->snapshot, dml_snapshot_unref);
  g_clear_pointer (&matcher->source, dml_snapshot_unref);
  g_strfreev (matcher->only);
  g_free (matcher->in_words);
  g_free (matcher->warning);
  g_free (matcher);
}

gboolean
dml_matcher_shares_model (const DmlMatcher *matcher, const DmlMatcher *other)
{
  return (matcher->lender != NULL ? matcher->lender : matcher) ==
         (other->lender != NULL ? other->lender : other);
}

double
dml_matcher_get_threshold (const DmlMatcher *matcher)
{
  return matcher->n_crowd > 0 ? matcher->lead : matcher->threshold;
}

gboolean
dml_matcher_is_relative (const DmlMatcher *matcher)
{
  return matcher->n_crowd > 0;
}

const char *
dml_matcher_describe_threshold (const DmlMatcher *matcher)
{
  return matcher->in_words;
}

const char *
dml_matcher_get_warning (const DmlMatcher *matcher)
{
  return matcher->warning;
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
