/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Decision, explanation, options. */
#include "gallery_fixture.h"

#include "base/error.h"

/* Rows on a circle of two dimensions, by degrees, so that similarities can be
 * seen in the head; the rest of the eight are zero. */
enum { DIM = 8 };

static void
set_angle (float *row, double degrees)
{
  memset (row, 0, DIM * sizeof (float));
  row[0] = (float) cos (degrees * G_PI / 180);
  row[1] = (float) sin (degrees * G_PI / 180);
}

static DmlSnapshot *
circle (DmlMetric metric, guint n, const double *degrees, const guint32 *labels,
        guint n_labels)
{
  g_autofree float *rows = g_malloc_n (n, DIM * sizeof (float));

  for (guint i = 0; i < n; i++)
    set_angle (rows + i * DIM, degrees[i]);
  return fixture_snapshot (rows, labels, n, n_labels, DIM, metric);
}

static DmlMatch *
match_one (DmlSnapshot *snapshot, const DmlMatcherOptions *options,
           const float *query)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (DmlMatcher) matcher =
    dml_matcher_new_with (snapshot, NULL, options, &error);
  DmlMatch *match;

  g_assert_no_error (error);
  dml_matcher_match (matcher, query, 1, &match);
  return match;
}

static const double angles[] = { 0, 40, 44, 90 };
static const guint32 angle_labels[] = { 0, 1, 2, 3 };

static void
test_known_ambiguous_unknown (void)
{
  g_autoptr (DmlSnapshot) snapshot =
    circle (DML_METRIC_COSINE, 4, angles, angle_labels, 4);
  DmlMatcherOptions options = DML_MATCHER_OPTIONS_INIT;
  float query[DIM];

  options.threshold = 0.9;
  options.margin = 0.05;
  {
    set_angle (query, 5);
    g_autoptr (DmlMatch) match = match_one (snapshot, &options, query);

    g_assert_cmpint (dml_match_get_decision (match), ==, DML_DECISION_KNOWN);
    g_assert_cmpint (dml_match_get_reason (match), ==, DML_REASON_ACCEPTED);
    g_assert_cmpstr (dml_match_get_label (match), ==, "0");
    g_assert_cmpstr (dml_match_get_runner_up (match), ==, "1");
    g_assert_cmpint (dml_match_get_item (match), ==, 100);
    g_assert_cmpfloat (
      fabs (dml_match_get_similarity (match) - cos (5 * G_PI / 180)), <, 1e-6);
    g_assert_cmpfloat (fabs (dml_match_get_margin (match) -
                             cos (5 * G_PI / 180) + cos (35 * G_PI / 180)),
                       <, 1e-6);
    g_assert_cmpstr (dml_match_get_threshold_origin (match), ==, "option");
    g_assert_cmpstr (dml_match_get_explanation (match), ==,
                     "1.00 is above 0.90; 0 (item 100), runner-up 1 at 0.82");
  }
  {
    set_angle (query, 41);
    g_autoptr (DmlMatch) match = match_one (snapshot, &options, query);

    g_assert_cmpint (dml_match_get_decision (match), ==,
                     DML_DECISION_AMBIGUOUS);
    g_assert_cmpint (dml_match_get_reason (match), ==, DML_REASON_BELOW_MARGIN);
    g_assert_cmpstr (dml_match_get_label (match), ==, "1");
    g_assert_cmpstr (dml_match_get_explanation (match), ==,
                     "1.00 is above 0.90, but 1 (item 101) leads 2 by 0.00 "
                     "only, less than 0.05");
  }
  {
    set_angle (query, 200);
    g_autoptr (DmlMatch) match = match_one (snapshot, &options, query);

    g_assert_cmpint (dml_match_get_decision (match), ==, DML_DECISION_UNKNOWN);
    g_assert_cmpint (dml_match_get_reason (match), ==,
                     DML_REASON_BELOW_THRESHOLD);
    g_assert_cmpstr (
      dml_match_get_explanation (match), ==,
      "-0.34 is below 0.90; nearest is 3 (item 103), runner-up 2 at -0.91");
  }
}

/* A model is learned once for what it depends on, and not at all when told. */
static void
test_models_are_shared_and_given_up (void)
{
  static const double at[] = { 20, 180, 50, 54 };
  static const guint32 label[] = { 0, 0, 1, 1 };
  static const char *const only[] = { "1", NULL };
  g_autoptr (DmlSnapshot) snapshot =
    circle (DML_METRIC_COSINE, 4, at, label, 2);
  g_autoptr (DmlSnapshot) other = circle (DML_METRIC_COSINE, 4, at, label, 2);
  g_autoptr (GError) error = NULL;
  const gint cancel = 1;
  float query[DIM];

  set_angle (query, 34);
  for (guint c = DML_CLASSIFIER_AUTO; c <= DML_CLASSIFIER_BAYES; c++) {
    DmlMatcherOptions options = DML_MATCHER_OPTIONS_INIT;
    g_autoptr (DmlMatcher) third = NULL, filtered = NULL, elsewhere = NULL;
    g_autoptr (DmlMatch) match = NULL;
    DmlMatcher *first, *second;

    options.classifier = (DmlClassifier) c;
    first = dml_matcher_new (snapshot, NULL, &options, &error);
    options.like = first;
    options.cancel = &cancel; /* nothing is trained that could be stopped */
    options.threshold = 0.5;
    second = dml_matcher_new (snapshot, NULL, &options, &error);
    g_assert_no_error (error);
    options.like = second;
    third = dml_matcher_new (snapshot, NULL, &options, &error);
    g_assert_true (dml_matcher_shares_model (first, second));
    g_assert_true (dml_matcher_shares_model (first, third));
    dml_matcher_unref (first);
    dml_matcher_unref (second);
    dml_matcher_match (third, query, 1, &match); /* the model is there still */
    g_assert_nonnull (dml_match_get_label (match));

    options.like = third;
    options.cancel = NULL;
    elsewhere = dml_matcher_new (other, NULL, &options, &error);
    g_assert_false (dml_matcher_shares_model (elsewhere, third));
    options.labels = only;
    filtered = dml_matcher_new (snapshot, NULL, &options, &error);
    g_assert_no_error (error);
    g_assert_false (dml_matcher_shares_model (filtered, third));
  }
  {
    DmlMatcherOptions options = DML_MATCHER_OPTIONS_INIT;

    options.classifier = DML_CLASSIFIER_SVM;
    options.cancel = &cancel;
    g_assert_null (dml_matcher_new (snapshot, NULL, &options, &error));
    g_assert_error (error, DML_ERROR, DML_ERROR_CANCELLED);
  }
}

/* The item at 20 degrees is nearest, its label is not the best by means. */
static void
test_best_label_need_not_be_nearest (void)
{
  static const double at[] = { 20, 180, 50, 54 };
  static const guint32 label[] = { 0, 0, 1, 1 };
  g_autoptr (DmlSnapshot) snapshot =
    circle (DML_METRIC_COSINE, 4, at, label, 2);
  DmlMatcherOptions options = DML_MATCHER_OPTIONS_INIT;
  float query[DIM];

  set_angle (query, 34);
  options.threshold = 0.99;
  options.k = 1;
  {
    g_autoptr (DmlMatch) match = match_one (snapshot, &options, query);

    g_assert_nonnull (
      strstr (dml_match_get_explanation (match), "nearest is 0 (item 100)"));
  }
  for (options.classifier = DML_CLASSIFIER_PROTOTYPE;
       options.classifier <= DML_CLASSIFIER_BAYES; options.classifier++) {
    g_autoptr (DmlMatch) match = match_one (snapshot, &options, query);
    const char *first;

    dml_match_get_hit (match, 0, &first, NULL, NULL);
    g_assert_cmpstr (first, ==, "0");
    g_assert_cmpint (dml_match_get_reason (match), ==,
                     DML_REASON_BELOW_THRESHOLD);
    if (options.classifier == DML_CLASSIFIER_PROTOTYPE)
      g_assert_cmpstr (dml_match_get_label (match), ==, "1");
    if (strcmp (dml_match_get_label (match), "1") == 0)
      g_assert_nonnull (
        strstr (dml_match_get_explanation (match), "best label is 1 ("));
  }
}

/* "0.90 is below 0.90" would help nobody. */
static void
test_close_numbers_get_more_digits (void)
{
  g_autoptr (DmlSnapshot) snapshot =
    circle (DML_METRIC_COSINE, 4, angles, angle_labels, 4);
  DmlMatcherOptions options = DML_MATCHER_OPTIONS_INIT;
  float query[DIM];

  set_angle (query, 60);
  options.threshold = cos (16 * G_PI / 180) + 0.0004;
  g_autoptr (DmlMatch) match = match_one (snapshot, &options, query);

  g_assert_cmpstr (
    dml_match_get_explanation (match), ==,
    "0.961 is below 0.962; nearest is 2 (item 102), runner-up 1 at 0.94");
}

/* Above, not at: rejects what is exactly on the threshold. */
static void
test_threshold_is_strict (void)
{
  const double at[] = { 90 };
  const guint32 label[] = { 0 };
  g_autoptr (DmlSnapshot) snapshot =
    circle (DML_METRIC_COSINE, 1, at, label, 1);
  DmlMatcherOptions options = DML_MATCHER_OPTIONS_INIT;
  float query[DIM] = { 0, 1 };

  options.threshold = 1.0;
  g_autoptr (DmlMatch) match = match_one (snapshot, &options, query);

  g_assert_cmpfloat (dml_match_get_similarity (match), ==, 1.0);
  g_assert_cmpint (dml_match_get_decision (match), ==, DML_DECISION_UNKNOWN);
  g_assert_cmpstr (dml_match_get_explanation (match), ==,
                   "1.000000 is not above 1.000000; nearest is 0 (item 100)");
}

/* The same photograph under two labels: no margin asked for, and yet nobody
 * can say which. */
static void
test_same_item_under_two_labels (void)
{
  const double twice[] = { 10, 10, 80 };
  const guint32 labels[] = { 0, 1, 2 };
  g_autoptr (DmlSnapshot) snapshot =
    circle (DML_METRIC_COSINE, 3, twice, labels, 3);
  float query[DIM];

  set_angle (query, 12);
  for (guint c = DML_CLASSIFIER_KNN; c <= DML_CLASSIFIER_PROTOTYPE; c++) {
    DmlMatcherOptions options = DML_MATCHER_OPTIONS_INIT;

    options.classifier = c;
    g_autoptr (DmlMatch) match = match_one (snapshot, &options, query);

    g_assert_cmpint (dml_match_get_decision (match), ==,
                     DML_DECISION_AMBIGUOUS);
    g_assert_cmpstr (dml_match_get_label (match), ==, "0");
    g_assert_nonnull (strstr (dml_match_get_explanation (match), "are tied"));
  }
}

static void
test_euclidean (void)
{
  const double degrees[] = { 0, 90 };
  const guint32 labels[] = { 0, 1 };
  g_autoptr (DmlSnapshot) snapshot =
    circle (DML_METRIC_EUCLIDEAN, 2, degrees, labels, 2);
  DmlMatcherOptions options = DML_MATCHER_OPTIONS_INIT;
  float query[DIM] = { 4, 0 }; /* 3 away from the first */

  options.threshold = 0.2;
  g_autoptr (DmlMatch) match = match_one (snapshot, &options, query);

  g_assert_cmpfloat (fabs (dml_match_get_similarity (match) - 0.25), <, 1e-6);
  g_assert_cmpfloat (
    fabs (dml_match_get_margin (match) - 0.25 + 1 / (1 + sqrt (17))), <, 1e-6);
  g_assert_cmpint (dml_match_get_decision (match), ==, DML_DECISION_KNOWN);
}

static void
test_empty_gallery_and_empty_query (void)
{
  g_autoptr (DmlSnapshot) none =
    circle (DML_METRIC_COSINE, 0, angles, angle_labels, 0);
  g_autoptr (DmlSnapshot) some =
    circle (DML_METRIC_COSINE, 4, angles, angle_labels, 4);
  const char *const nothing[] = { NULL };
  DmlMatcherOptions options = DML_MATCHER_OPTIONS_INIT;
  float query[DIM] = { 1 }, zero[DIM] = { 0 }, nan[DIM] = { NAN };

  for (guint c = DML_CLASSIFIER_AUTO; c <= DML_CLASSIFIER_BAYES; c++) {
    options.classifier = c;
    options.labels = NULL;
    g_autoptr (DmlMatch) empty = match_one (none, &options, query);
    g_autoptr (DmlMatch) blank = match_one (some, &options, zero);
    g_autoptr (DmlMatch) broken = match_one (some, &options, nan);

    options.labels = nothing;
    g_autoptr (DmlMatch) filtered = match_one (some, &options, query);

    g_assert_cmpint (dml_match_get_reason (empty), ==,
                     DML_REASON_EMPTY_GALLERY);
    g_assert_cmpint (dml_match_get_reason (filtered), ==,
                     DML_REASON_EMPTY_GALLERY);
    g_assert_cmpint (dml_match_get_reason (blank), ==, DML_REASON_NO_EMBEDDING);
    g_assert_cmpint (dml_match_get_reason (broken), ==,
                     DML_REASON_NO_EMBEDDING);
    g_assert_cmpint (dml_match_get_decision (blank), ==, DML_DECISION_UNKNOWN);
    g_assert_null (dml_match_get_label (empty));
    g_assert_null (dml_match_get_label_data (empty));
    g_assert_cmpint (dml_match_get_item (empty), ==, -1);
    g_assert_cmpuint (dml_match_get_n_hits (empty), ==, 0);
    g_assert_nonnull (dml_match_get_explanation (empty));
  }
}

static void
test_label_filter (void)
{
  g_autoptr (DmlSnapshot) snapshot =
    circle (DML_METRIC_COSINE, 4, angles, angle_labels, 4);
  const char *const some[] = { "0", "3", NULL };
  const char *const wrong[] = { "0", "33", NULL };
  DmlMatcherOptions options = DML_MATCHER_OPTIONS_INIT;
  g_autoptr (GError) error = NULL;
  float query[DIM];

  set_angle (query, 42);
  options.labels = some;
  g_autoptr (DmlMatch) match = match_one (snapshot, &options, query);

  g_assert_cmpstr (dml_match_get_label (match), ==, "0");
  g_assert_cmpstr (dml_match_get_runner_up (match), ==, "3");
  g_assert_cmpuint (dml_match_get_n_hits (match), ==, 2);
  options.labels = wrong;
  g_assert_null (dml_matcher_new_with (snapshot, NULL, &options, &error));
  g_assert_error (error, DML_ERROR, DML_ERROR_INVALID);
  assert_message_has (error, "no label 33", "did you mean 3?");
}

static void
test_impossible_options (void)
{
  g_autoptr (DmlSnapshot) snapshot =
    circle (DML_METRIC_COSINE, 4, angles, angle_labels, 4);
  const DmlMatcherOptions good = DML_MATCHER_OPTIONS_INIT;
  DmlMatcherOptions bad[9];

  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    bad[i] = good;
  bad[0].k = 0;
  bad[1].k = 101;
  bad[2].classifier = 9;
  bad[3].threshold = 1.5;
  bad[4].false_accept_rate = 0;
  bad[5].false_accept_rate = 1;
  bad[6].false_accept_rate = NAN;
  bad[7].margin = -0.1;
  bad[8].margin = NAN;
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++) {
    g_autoptr (GError) error = NULL;

    g_assert_null (dml_matcher_new_with (snapshot, NULL, &bad[i], &error));
    g_assert_error (error, DML_ERROR, DML_ERROR_INVALID);
  }
}

static void
store_lead (DmlSnapshot *snapshot, double rate, double lead, guint n_crowd)
{
  const DmlStoredLead stored = {
    .threshold = { rate, lead, 0, 4, 0.0, 1.0 },
    .n_crowd = n_crowd,
    .sure = (double) NAN,
    .true_accept = (double) NAN,
    .revision = 1,
    .n_labels = 4,
  };

  g_array_append_val (snapshot->thresholds, stored);
}

/* Whom the threshold comes from: option before gallery before encoder. */
static void
test_threshold_origin (void)
{
  g_autoptr (DmlSnapshot) snapshot =
    circle (DML_METRIC_COSINE, 4, angles, angle_labels, 4);
  const DmlThreshold encoders = { 0.01, 0.61, 0, 0, 0, 0 };
  DmlMatcherOptions options = DML_MATCHER_OPTIONS_INIT;

  for (guint step = 0; step < 4; step++) {
    g_autoptr (DmlMatcher) matcher = NULL;

    if (step == 2) {
      store_lead (snapshot, 0.001, 0.8, 2);
      store_lead (snapshot, 0.1, 0.6, 2);
      store_lead (snapshot, 0.01, 0.7, 2);
    }
    if (step == 3)
      options.threshold = 0.3;
    matcher =
      dml_matcher_new_with (snapshot, step ? &encoders : NULL, &options, NULL);
    g_assert_cmpstr (
      dml_matcher_get_threshold_origin (matcher), ==,
      ((const char *[]){ "default", "encoder", "gallery", "option" })[step]);
    g_assert_cmpfloat (dml_matcher_get_threshold (matcher), ==,
                       ((const double[]){ 0.5, 0.61, 0.7, 0.3 })[step]);
    g_assert_cmpint (dml_matcher_is_relative (matcher), ==, step == 2);
    g_assert_null (dml_matcher_get_warning (matcher));
  }
  /* The largest rate that does not exceed the wished one, else the smallest. */
  options.threshold = (double) NAN;
  for (guint i = 0; i < 4; i++) {
    g_autoptr (DmlMatcher) matcher = NULL;

    options.false_accept_rate = ((const double[]){ 0.05, 0.5, 0.005, 1e-5 })[i];
    matcher = dml_matcher_new_with (snapshot, NULL, &options, NULL);
    g_assert_cmpfloat (dml_matcher_get_threshold (matcher), ==,
                       ((const double[]){ 0.7, 0.6, 0.8, 0.8 })[i]);
  }
}

/* A calibrated gallery asks for a lead over half the next labels' mean. */
static void
test_lead (void)
{
  g_autoptr (DmlSnapshot) snapshot =
    circle (DML_METRIC_COSINE, 4, angles, angle_labels, 4);
  const char *const two[] = { "0", "1", NULL };
  DmlMatcherOptions options = DML_MATCHER_OPTIONS_INIT;
  g_autoptr (DmlMatcher) filtered = NULL;
  double crowd;
  float query[DIM];

  store_lead (snapshot, 0.01, 0.6, 2);
  set_angle (query, -20); /* nearest 0 at 20 degrees, then 1 at 60, 2 at 64 */
  crowd = 0.5 * (cos (60 * G_PI / 180) + cos (64 * G_PI / 180)) / 2;
  for (guint c = DML_CLASSIFIER_KNN; c <= DML_CLASSIFIER_BAYES; c++) {
    options.classifier = c;
    if (c == DML_CLASSIFIER_PROTOTYPE) /* has a calibration of its own */
      continue;
    g_autoptr (DmlMatch) match = match_one (snapshot, &options, query);

    g_assert_cmpfloat (fabs (dml_match_get_threshold (match) - crowd - 0.6), <,
                       1e-6);
    g_assert_cmpint (dml_match_get_decision (match), ==, DML_DECISION_KNOWN);
  }
  options.classifier = DML_CLASSIFIER_KNN;
  set_angle (query, 55); /* 11 degrees from 2, but 15 from 1, its like */
  g_autoptr (DmlMatch) match = match_one (snapshot, &options, query);

  g_assert_cmpint (dml_match_get_decision (match), ==, DML_DECISION_UNKNOWN);
  g_assert_cmpfloat (dml_match_get_threshold (match), >, 0.98);
  /* The very picture is known, whatever is near it. */
  set_angle (query, 44);
  g_autoptr (DmlMatch) same = match_one (snapshot, &options, query);

  g_assert_cmpint (dml_match_get_decision (same), ==, DML_DECISION_KNOWN);
  g_assert_cmpfloat (dml_match_get_threshold (same), ==, 0.99);
  /* Two labels have no two others to lead. */
  options.labels = two;
  filtered = dml_matcher_new_with (snapshot, NULL, &options, NULL);
  g_assert_false (dml_matcher_is_relative (filtered));
  g_assert_nonnull (
    strstr (dml_matcher_get_warning (filtered), "a lead over 2 other labels"));
}

/* An answer outlives matcher and snapshot, and does not care how long its
 * query was. */
static void
test_match_outlives_its_gallery (void)
{
  DmlSnapshot *snapshot =
    circle (DML_METRIC_COSINE, 4, angles, angle_labels, 4);
  DmlMatcher *matcher = dml_matcher_new_with (snapshot, NULL, NULL, NULL);
  float queries[3 * DIM];
  DmlMatch *matches[3];
  const char *label;
  gint64 item;
  double similarity;

  for (guint i = 0; i < 3; i++) {
    set_angle (queries + i * DIM, 88);
    for (guint d = 0; d < DIM; d++)
      queries[i * DIM + d] *= (float) pow (10, 4.0 * i);
  }
  dml_matcher_match (matcher, queries, 3, matches);
  dml_matcher_unref (matcher);
  dml_snapshot_unref (snapshot);
  for (guint i = 0; i < 3; i++) {
    g_assert_cmpstr (dml_match_get_label (matches[i]), ==, "3");
    g_assert_cmpfloat (
      fabs (dml_match_get_similarity (matches[i]) - cos (2 * G_PI / 180)), <,
      1e-6);
    dml_match_get_hit (matches[i], 1, &label, &item, &similarity);
    g_assert_cmpstr (label, ==, "2");
    g_assert_cmpint (item, ==, 102);
    g_assert_cmpfloat (fabs (similarity - cos (44 * G_PI / 180)), <, 1e-6);
    dml_match_unref (dml_match_ref (matches[i]));
    dml_match_unref (matches[i]);
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/match/known-ambiguous-unknown",
                   test_known_ambiguous_unknown);
  g_test_add_func ("/match/close-numbers-get-more-digits",
                   test_close_numbers_get_more_digits);
  g_test_add_func ("/match/best-label-need-not-be-nearest",
                   test_best_label_need_not_be_nearest);
  g_test_add_func ("/match/models-are-shared-and-given-up",
                   test_models_are_shared_and_given_up);
  g_test_add_func ("/match/threshold-is-strict", test_threshold_is_strict);
  g_test_add_func ("/match/same-item-under-two-labels",
                   test_same_item_under_two_labels);
  g_test_add_func ("/match/euclidean", test_euclidean);
  g_test_add_func ("/match/empty-gallery-and-empty-query",
                   test_empty_gallery_and_empty_query);
  g_test_add_func ("/match/label-filter", test_label_filter);
  g_test_add_func ("/match/impossible-options", test_impossible_options);
  g_test_add_func ("/match/threshold-origin", test_threshold_origin);
  g_test_add_func ("/match/lead", test_lead);
  g_test_add_func ("/match/match-outlives-its-gallery",
                   test_match_outlives_its_gallery);
  return g_test_run ();
}
