/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Retrieval: golden values, the definition, tables. Built twice, with float and
 * (test_retrieval_double.c) with double. */
#include <dml/dml-error.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/threads.h"
#include "golden.h"
#include "metric/metric.h"
#include "reals.h"

static void
check_measures (const char *id, const DmlRetrievalMeasures *got,
                JsonObject *expected)
{
  static const char *const names[] = { "recall_at_1", "recall_at_2",
                                       "recall_at_4", "recall_at_8" };

  for (size_t i = 0; i < DML_N_RECALLS; i++)
    golden_near (id, names[i], 0, got->recall[i],
                 golden_number (expected, names[i]), 1e-12, 1e-12);
  golden_near (id, "r_precision", 0, got->r_precision,
               golden_number (expected, "r_precision"), 1e-12, 1e-12);
  golden_near (id, "map_at_r", 0, got->map_at_r,
               golden_number (expected, "map_at_r"), 1e-12, 1e-12);
  golden_near (id, "map", 0, got->map, golden_number (expected, "map"), 1e-12,
               1e-12);
  golden_near (id, "mrr", 0, got->mrr, golden_number (expected, "mrr"), 1e-12,
               1e-12);
}

static void
check_nearest (const GoldenCase *golden, const DmlRetrievalInput *input)
{
  g_autoptr (GoldenTensor) top = golden_tensor (golden->expected, "top8");
  g_autofree int32_t *index = g_new (int32_t, input->n_queries * 8);
  g_autoptr (GError) error = NULL;

  g_assert_true (dml_metric_nearest (input, 8, index, NULL, &error));
  g_assert_no_error (error);
  for (size_t i = 0; i < input->n_queries * 8; i++)
    golden_near (golden->id, "top8", i, index[i], top->data[i], 0, 0);
}

static void
check_retrieval (const GoldenCase *golden, void *unused)
{
  const char *rule = json_object_get_string_member (golden->params, "tie_rule");
  const DmlTies ties = strcmp (rule, "index") == 0 ? DML_TIES_INDEX
                       : strcmp (rule, "pessimistic") == 0
                         ? DML_TIES_PESSIMISTIC
                         : DML_TIES_OPTIMISTIC;
  DmlRetrievalInput input = { 0 };
  g_auto (DmlRetrieval) out = { 0 };
  g_autoptr (GError) error = NULL;
  g_autofree DmlReal *gallery = NULL;
  g_autofree int32_t *gallery_labels = NULL;
  g_autofree DmlReal *queries = golden_reals (
    golden->inputs, "query_embeddings", &input.n_queries, &input.d);
  size_t n, used = 0;
  g_autofree int32_t *labels = golden_ints (golden->inputs, "query_labels", &n);
  g_autofree int32_t *queries_used =
    golden_ints (golden->expected, "queries_used", &n);
  g_autoptr (GoldenTensor) per_query =
    golden_tensor (golden->expected, "per_query_map_at_r");

  input.queries = queries;
  input.query_labels = labels;
  input.exclude_self = golden_number (golden->params, "exclude_self") != 0;
  if (json_object_has_member (golden->inputs, "gallery_embeddings")) {
    size_t d;

    input.gallery = gallery =
      golden_reals (golden->inputs, "gallery_embeddings", &input.n_gallery, &d);
    input.gallery_labels = gallery_labels =
      golden_ints (golden->inputs, "gallery_labels", &d);
  }
  g_assert_true (dml_retrieval_run (&input, ties, &out, &error));
  g_assert_no_error (error);
  check_measures (golden->id, &out.mean,
                  json_object_get_object_member (golden->expected, "mean"));
  check_measures (
    golden->id, &out.macro,
    json_object_get_object_member (golden->expected, "macro_by_class"));
  g_assert_cmpuint (out.n_used, ==, n);
  g_assert_cmpuint (out.n_left_out, ==, input.n_queries - n);
  for (size_t i = 0; i < input.n_queries; i++)
    if (!isnan (out.query[i].mrr)) {
      g_assert_cmpuint (queries_used[used], ==, i);
      golden_near (golden->id, "per_query_map_at_r", i, out.query[i].map_at_r,
                   per_query->data[used++], 1e-12, 1e-12);
    }
  if (ties == DML_TIES_INDEX)
    check_nearest (golden, &input);
  if (strstr (golden->id, "degenerate"))
    g_assert_cmpuint (out.n_tied, >, 0);
}

/* The whole list, sorted by the rule's own words. */
typedef struct {
  double score;
  int32_t index;
  gboolean relevant;
} Listed;

static int list_ties; /* of list_order: qsort hands nothing on */

static int
list_order (const void *a, const void *b)
{
  const Listed *x = a, *y = b;

  if (x->score != y->score)
    return x->score > y->score ? -1 : 1;
  if (list_ties != DML_TIES_INDEX && x->relevant != y->relevant)
    return x->relevant == (list_ties == DML_TIES_OPTIMISTIC) ? -1 : 1;
  return x->index - y->index;
}

static void
check_by_definition (const Listed *list, size_t n,
                     const DmlRetrievalMeasures *got)
{
  double map = 0, map_at_r = 0, r_precision = 0, mrr = 0;
  size_t r = 0, hits = 0;

  for (size_t k = 0; k < n; k++)
    r += (size_t) list[k].relevant;
  for (size_t k = 0; k < n; k++) {
    if (!list[k].relevant)
      continue;
    hits++;
    if (hits == 1)
      mrr = 1 / (double) (k + 1);
    map += (double) hits / (double) (k + 1) / (double) r;
    if (k < r) {
      map_at_r += (double) hits / (double) (k + 1) / (double) r;
      r_precision += 1 / (double) r;
    }
  }
  g_assert_cmpfloat_with_epsilon (got->map, map, 1e-12);
  g_assert_cmpfloat_with_epsilon (got->map_at_r, map_at_r, 1e-12);
  g_assert_cmpfloat_with_epsilon (got->r_precision, r_precision, 1e-12);
  g_assert_cmpfloat_with_epsilon (got->mrr, mrr, 1e-12);
  for (size_t i = 0; i < DML_N_RECALLS; i++)
    g_assert_cmpfloat (got->recall[i], ==, mrr >= 1.0 / (double) (1 << i));
}

/* Points of a coarse grid: most scores are tied, in every way there is. */
static void
test_retrieval_by_definition (void)
{
  enum { N = 90, D = 2 };
  DmlReal x[N * D];
  int32_t labels[N];
  DmlRng rng;

  dml_rng_init (&rng, 5, 0);
  for (size_t i = 0; i < N; i++) {
    labels[i] = (int32_t) dml_rng_below (&rng, 9);
    x[i * D] = (DmlReal) dml_rng_below (&rng, 4) - 2;
    x[i * D + 1] = 1;
  }
  const DmlRetrievalInput input = {
    .d = D,
    .n_queries = N,
    .queries = x,
    .query_labels = labels,
    .exclude_self = TRUE,
  };

  for (list_ties = 0; list_ties <= DML_TIES_OPTIMISTIC; list_ties++) {
    g_auto (DmlRetrieval) out = { 0 };

    g_assert_true (dml_retrieval_run (&input, (DmlTies) list_ties, &out, NULL));
    for (size_t i = 0; i < N; i++) {
      Listed list[N];
      size_t n = 0;

      for (size_t j = 0; j < N; j++) {
        const double a = (double) x[i * D], b = (double) x[j * D];
        const double dot = (a * b + 1) / sqrt ((a * a + 1) * (b * b + 1));

        if (j != i)
          list[n++] =
            (Listed){ rint (dot * 1e5), (int32_t) j, labels[j] == labels[i] };
      }
      qsort (list, n, sizeof *list, list_order);
      check_by_definition (list, n, &out.query[i]);
      g_assert_cmpint (out.nearest[i], ==, list[0].index);
    }
  }
}

static void
test_retrieval_golden (void)
{
  golden_each ("metric_retrieval", check_retrieval, NULL);
}

static void
test_retrieval_tables_add_up (void)
{
  enum { N = 300, D = 16 };
  g_autofree DmlReal *x = g_new (DmlReal, N * D);
  g_autofree int32_t *labels = g_new (int32_t, N);
  const DmlRetrievalInput input = { .d = D,
                                    .n_queries = N,
                                    .queries = x,
                                    .query_labels = labels,
                                    .exclude_self = TRUE };
  g_auto (DmlRetrieval) out = { 0 };
  g_autofree DmlClassRow *rows = NULL;
  g_autofree DmlConfusedPair *pairs = NULL;
  size_t n_rows, n_pairs, queries = 0, wrong = 0;
  double recall = 0;

  class_rows (x, labels, N, D);
  g_assert_true (dml_retrieval_run (&input, DML_TIES_INDEX, &out, NULL));
  dml_metric_by_class (&input, &out, &rows, &n_rows);
  g_assert_cmpuint (n_rows, ==, 20);
  for (size_t r = 0; r < n_rows; r++) {
    g_assert_cmpint (rows[r].label, ==, (int) r);
    g_assert_cmpint (rows[r].confused, !=, rows[r].label);
    queries += rows[r].n;
    recall += rows[r].recall_at_1 * (double) rows[r].n;
  }
  g_assert_cmpuint (queries, ==, N);
  g_assert_cmpfloat (fabs (recall / N - out.mean.recall[0]), <, 1e-12);
  dml_metric_confused_pairs (&input, &out, 1000, &pairs, &n_pairs);
  for (size_t p = 0; p < n_pairs; p++) {
    g_assert_cmpint (pairs[p].a, <, pairs[p].b);
    g_assert_true (p == 0 || pairs[p].n <= pairs[p - 1].n);
    wrong += pairs[p].n;
  }
  g_assert_cmpuint (wrong, ==, (size_t) (N * (1 - out.mean.recall[0]) + 0.5));
}

static void
test_nearest_fills_up (void)
{
  static const DmlReal x[] = { 1, 0, 0, 1, 1, 1 };
  static const int32_t labels[] = { 0, 1, 2 };
  const DmlRetrievalInput input = { .d = 2,
                                    .n_queries = 3,
                                    .queries = x,
                                    .query_labels = labels,
                                    .exclude_self = TRUE };
  int32_t index[12];

  g_assert_true (dml_metric_nearest (&input, 4, index, NULL, NULL));
  g_assert_cmpint (index[0], ==, 2);
  g_assert_cmpint (index[1], ==, 1);
  g_assert_cmpint (index[2], ==, -1);
  g_assert_cmpint (index[8], ==, 0); /* a tie: the lower index first */
  g_assert_cmpint (index[9], ==, 1);
}

static void
test_retrieval_refuses_nan (void)
{
  DmlReal x[] = { 1, 0, (DmlReal) NAN, 1 };
  static const int32_t labels[] = { 0, 0 };
  const DmlRetrievalInput input = { .d = 2,
                                    .n_queries = 2,
                                    .queries = x,
                                    .query_labels = labels,
                                    .exclude_self = TRUE };
  g_auto (DmlRetrieval) out = { 0 };
  g_autoptr (GError) error = NULL;

  g_assert_false (dml_retrieval_run (&input, DML_TIES_INDEX, &out, &error));
  g_assert_error (error, DML_ERROR, DML_ERROR_INVALID);
}

/* The same thing under two labels is told once, nearest first. */
static void
test_near_pairs_are_found (void)
{
  const DmlReal x[] = { 1, 0, 0, 1, 2, 0, -1, 0.1, 0, 5, -2, 0.21, 3, 3, 3, 3 };
  const int32_t labels[] = { 0, 1, 1, 2, 3, 4, 5, 5 };
  g_autofree DmlNearPair *pairs = NULL;
  g_autoptr (GError) error = NULL;
  size_t n;

  g_assert_true (
    dml_metric_near_pairs (x, labels, 8, 2, 0.05, 10, &pairs, &n, &error));
  g_assert_cmpuint (n, ==, 3);
  g_assert_cmpuint (pairs[0].a, ==, 0);
  g_assert_cmpuint (pairs[0].b, ==, 2);
  g_assert_cmpuint (pairs[1].a, ==, 1);
  g_assert_cmpuint (pairs[1].b, ==, 4);
  g_assert_cmpuint (pairs[2].a, ==, 3);
  g_assert_cmpuint (pairs[2].b, ==, 5);
  g_assert_cmpfloat (pairs[1].distance, <, 1e-6);
  g_assert_cmpfloat_with_epsilon (pairs[2].distance, 0.0049, 1e-3);
}

int
main (int argc, char **argv)
{
  dml_threads_set_max (3);
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/metrics/retrieval/golden", test_retrieval_golden);
  g_test_add_func ("/metrics/retrieval/by-definition",
                   test_retrieval_by_definition);
  g_test_add_func ("/metrics/retrieval/tables-add-up",
                   test_retrieval_tables_add_up);
  g_test_add_func ("/metrics/retrieval/refuses-nan",
                   test_retrieval_refuses_nan);
  g_test_add_func ("/metrics/nearest/fills-up", test_nearest_fills_up);
  g_test_add_func ("/metrics/near-pairs-are-found", test_near_pairs_are_found);
  return g_test_run ();
}
