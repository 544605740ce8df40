/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The classifiers against tests/golden/classifier_over_embeddings.json. */
#include "gallery_fixture.h"

#include <json-glib/json-glib.h>

#include "gallery/classify.h"
#include "gallery/rows.h"

/* A float implementation's tolerances (tests/golden/README.md). */
#define RTOL 1e-4
#define ATOL 1e-5

typedef struct {
  guint n_train, n_test, dim, n_classes;
  float *train, *test; /* unit rows: every case of the file normalises */
  guint32 *labels;
} Problem;

static JsonArray *
tensor (JsonObject *group, const char *name, guint *n_rows, guint *n_columns)
{
  JsonObject *t = json_object_get_object_member (group, name);
  JsonArray *shape = json_object_get_array_member (t, "shape");

  *n_rows = (guint) json_array_get_int_element (shape, 0);
  *n_columns = json_array_get_length (shape) > 1
                 ? (guint) json_array_get_int_element (shape, 1)
                 : 1;
  return json_object_get_array_member (t, "data");
}

static float *
unit_rows (JsonObject *inputs, const char *name, guint *n, guint *dim)
{
  JsonArray *data = tensor (inputs, name, n, dim);
  float *rows = g_new (float, *n **dim);

  for (guint i = 0; i < *n; i++) {
    double sum = 0;

    for (guint d = 0; d < *dim; d++)
      sum += pow (json_array_get_double_element (data, i * *dim + d), 2);
    for (guint d = 0; d < *dim; d++)
      rows[i * *dim + d] =
        (float) (json_array_get_double_element (data, i * *dim + d) /
                 sqrt (sum));
  }
  return rows;
}

static void
problem_read (Problem *problem, JsonObject *inputs)
{
  JsonArray *labels;
  guint n, one;

  problem->train =
    unit_rows (inputs, "train_embeddings", &problem->n_train, &problem->dim);
  problem->test =
    unit_rows (inputs, "test_embeddings", &problem->n_test, &problem->dim);
  labels = tensor (inputs, "train_labels", &n, &one);
  problem->labels = g_new (guint32, n);
  problem->n_classes = 0;
  for (guint i = 0; i < n; i++) {
    problem->labels[i] = (guint32) json_array_get_int_element (labels, i);
    problem->n_classes = MAX (problem->n_classes, problem->labels[i] + 1);
  }
}

static void
problem_clear (Problem *problem)
{
  g_free (problem->train);
  g_free (problem->test);
  g_free (problem->labels);
}

/* What a case asks for, in our terms. */
static const DmlClassifierClass *
read_params (JsonObject *golden, DmlClassifyParams *params, DmlMetric *metric,
             guint *k, gboolean *posterior)
{
  JsonObject *p = json_object_get_object_member (golden, "params");
  const char *id = json_object_get_string_member (golden, "id");

  *k = 5;
  *posterior = FALSE;
  *metric = DML_METRIC_COSINE;
  *params = dml_classify_params (*metric);
  if (g_str_has_prefix (id, "knn/")) {
    const char *weight = json_object_get_string_member (p, "weight");

    *k = (guint) json_object_get_int_member (p, "k");
    params->tau = json_object_get_double_member (p, "tau");
    params->vote = strcmp (weight, "uniform") == 0   ? DML_VOTE_UNIFORM
                   : strcmp (weight, "inverse") == 0 ? DML_VOTE_INVERSE
                                                     : DML_VOTE_SOFTMAX;
    return &dml_classifier_knn;
  }
  if (g_str_has_prefix (id, "prototype/")) {
    if (strcmp (id, "prototype/euclidean") == 0)
      *metric = DML_METRIC_EUCLIDEAN;
    return &dml_classifier_prototype;
  }
  if (g_str_has_prefix (id, "linear_svm/")) {
    params->svm_cost = json_object_get_double_member (p, "C");
    return &dml_classifier_svm;
  }
  g_assert_true (g_str_has_prefix (id, "gaussian_nb/"));
  *posterior = TRUE;
  params->count_priors =
    strcmp (json_object_get_string_member (p, "prior"), "counts") == 0;
  params->kappa = JSON_NODE_HOLDS_VALUE (json_object_get_member (p, "kappa")) &&
                      json_node_get_value_type (
                        json_object_get_member (p, "kappa")) == G_TYPE_STRING
                    ? (double) INFINITY
                    : json_object_get_double_member (p, "kappa");
  return &dml_classifier_bayes;
}

static void
normalise_log (double *scores, guint n)
{
  double largest = -INFINITY, sum = 0;

  for (guint i = 0; i < n; i++)
    largest = MAX (largest, scores[i]);
  for (guint i = 0; i < n; i++)
    sum += exp (scores[i] - largest);
  for (guint i = 0; i < n; i++)
    scores[i] -= largest + log (sum);
}

/* The largest excess over the tolerance; 0 where there is none. */
static double
excess (double got, double want)
{
  return MAX (0, fabs (got - want) - (ATOL + RTOL * fabs (want)));
}

static void
check_query (const DmlClassifierClass *klass, gconstpointer model,
             const DmlSnapshot *snapshot, const Problem *problem, guint row,
             guint k, gboolean posterior, JsonArray *scores, guint want_label,
             const char *id)
{
  const float *values = problem->test + row * problem->dim;
  DmlHit hits[DML_K_MAX];
  DmlFound found = { .hits = hits };
  const DmlQuery query = {
    values,
    dml_query_inv_norm (values, problem->dim, snapshot->space.metric),
    &found,
  };
  g_autofree double *got = g_new (double, problem->n_classes);
  DmlVerdict verdict;

  snapshot->index->klass->search (snapshot->index, values, k, &found);
  klass->scores (model, &query, 0, problem->n_classes, got);
  if (posterior)
    normalise_log (got, problem->n_classes);
  for (guint c = 0; c < problem->n_classes; c++) {
    const double want =
      json_array_get_double_element (scores, row * problem->n_classes + c);

    if (excess (got[c], want) > 0)
      g_error ("%s, query %u, class %u: got %.9g, expected %.9g", id, row, c,
               got[c], want);
  }
  klass->judge (model, &query, &verdict);
  if ((guint) verdict.label != want_label)
    g_error ("%s, query %u: got label %d, expected %u", id, row, verdict.label,
             want_label);
  g_assert_cmpfloat (verdict.confidence, >, 0);
  g_assert_cmpfloat (verdict.confidence, <=, 1);
  g_assert_cmpint (verdict.runner_up, !=, verdict.label);
}

static void
check_case (JsonObject *golden)
{
  JsonObject *expected = json_object_get_object_member (golden, "expected");
  const char *id = json_object_get_string_member (golden, "id");
  g_autoptr (DmlSnapshot) snapshot = NULL;
  g_autoptr (GError) error = NULL;
  const DmlClassifierClass *klass;
  JsonArray *scores, *predictions;
  DmlClassifyParams params;
  gboolean posterior;
  DmlMetric metric;
  Problem problem;
  guint k, n, c;
  gpointer model;

  problem_read (&problem, json_object_get_object_member (golden, "inputs"));
  klass = read_params (golden, &params, &metric, &k, &posterior);
  snapshot = fixture_snapshot (problem.train, problem.labels, problem.n_train,
                               problem.n_classes, problem.dim, metric);
  model = klass->train (snapshot, &params, &error);
  g_assert_no_error (error);
  scores = tensor (expected, "scores", &n, &c);
  g_assert_cmpuint (n, ==, problem.n_test);
  g_assert_cmpuint (c, ==, problem.n_classes);
  predictions = tensor (expected, "predictions", &n, &c);
  for (guint i = 0; i < problem.n_test; i++)
    check_query (klass, model, snapshot, &problem, i, k, posterior, scores,
                 (guint) json_array_get_int_element (predictions, i), id);
  klass->free (model);
  problem_clear (&problem);
}

static void
test_golden (void)
{
  g_autoptr (JsonParser) parser = json_parser_new ();
  g_autoptr (GError) error = NULL;
  g_autofree char *path =
    g_build_filename (g_getenv ("DML_TEST_SOURCE_ROOT"), "tests", "golden",
                      "classifier_over_embeddings.json", NULL);
  JsonArray *cases;

  json_parser_load_from_file (parser, path, &error);
  g_assert_no_error (error);
  cases = json_object_get_array_member (
    json_node_get_object (json_parser_get_root (parser)), "cases");
  g_assert_cmpuint (json_array_get_length (cases), ==, 12);
  for (guint i = 0; i < json_array_get_length (cases); i++)
    check_case (json_array_get_object_element (cases, i));
}

/* Every classifier of the table, at its defaults, in either metric: labels of
 * one item, one label only, labels without items, identical items. */
static void
test_odd_galleries (void)
{
  enum { DIM = 16, N = 30 };
  float rows[N * DIM], query[DIM];
  guint32 labels[N];

  for (guint i = 0; i < N; i++)
    fixture_vector (rows + i * DIM, DIM, i);
  fixture_vector (query, DIM, 3);
  for (guint shape = 0; shape < 5; shape++) {
    const guint n = shape == 1 ? 1 : N;

    for (guint i = 0; i < n; i++) {
      labels[i] = shape == 0 || shape == 1 ? i : shape == 2 ? 0 : 1 + i % 3;
      if (shape == 4) /* all alike */
        memcpy (rows + i * DIM, rows, DIM * sizeof (float));
    }
    for (guint c = DML_CLASSIFIER_AUTO; c <= DML_CLASSIFIER_BAYES; c++)
      for (guint m = 0; m < 2; m++) {
        g_autoptr (DmlSnapshot) snapshot = fixture_snapshot (
          rows, labels, n, N + 2, DIM, m ? DML_METRIC_EUCLIDEAN : 0);
        g_autoptr (DmlMatcher) matcher = NULL;
        g_autoptr (DmlMatch) match = NULL;
        g_autoptr (GError) error = NULL;
        DmlMatcherOptions options = DML_MATCHER_OPTIONS_INIT;

        options.classifier = c;
        matcher = dml_matcher_new_with (snapshot, NULL, &options, &error);
        g_assert_no_error (error);
        dml_matcher_match (matcher, query, 1, &match);
        g_assert_true (isfinite (dml_match_get_similarity (match)));
        g_assert_true (isfinite (dml_match_get_margin (match)));
        g_assert_true (isfinite (dml_match_get_confidence (match)));
        g_assert_cmpfloat (dml_match_get_confidence (match), >, 0);
        if (shape == 0 || shape == 3) /* the query is row 3 */
          g_assert_cmpfloat (dml_match_get_similarity (match), >,
                             shape == 0 || c != DML_CLASSIFIER_PROTOTYPE ? 0.999
                                                                         : 0.1);
        if (shape == 0)
          g_assert_cmpstr (dml_match_get_label (match), ==, "3");
        if (shape == 1 || shape == 2)
          g_assert_null (dml_match_get_runner_up (match));
        if (shape == 4) { /* nothing tells the three labels apart */
          if (c == DML_CLASSIFIER_PROTOTYPE || c == DML_CLASSIFIER_BAYES)
            g_assert_cmpint (dml_match_get_margin (match) == 0, ==, TRUE);
        }
      }
  }
}

/* The SVM of two labels is one vector with two signs. */
static void
test_svm_of_two (void)
{
  enum { DIM = 4, N = 8 };
  float rows[N * DIM];
  guint32 labels[N];

  for (guint i = 0; i < N; i++) {
    fixture_vector (rows + i * DIM, DIM, i);
    /* The first item is of the second label: liblinear numbers by sight. */
    labels[i] = (i + 1) % 2;
    rows[i * DIM] += i % 2 ? 2.0f : -2.0f;
  }
  g_autoptr (DmlSnapshot) snapshot =
    fixture_snapshot (rows, labels, N, 2, DIM, DML_METRIC_EUCLIDEAN);
  DmlClassifyParams params = dml_classify_params (DML_METRIC_EUCLIDEAN);
  gpointer model = dml_classifier_svm.train (snapshot, &params, NULL);

  for (guint i = 0; i < N; i++) {
    const DmlQuery query = { rows + i * DIM, 1.0, NULL };
    double scores[2];

    dml_classifier_svm.scores (model, &query, 0, 2, scores);
    g_assert_cmpfloat (fabs (scores[0] + scores[1]), <, 1e-5);
    g_assert_cmpfloat (scores[labels[i]], >, 0);
  }
  dml_classifier_svm.free (model);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/classify/golden", test_golden);
  g_test_add_func ("/classify/odd-galleries", test_odd_galleries);
  g_test_add_func ("/classify/svm-of-two", test_svm_of_two);
  return g_test_run ();
}
