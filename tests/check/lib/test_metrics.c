/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Measures: golden values, contracts. Built twice, with float and
 * (test_metrics_double.c) with double. */
#include <math.h>
#include <string.h>

#include "base/threads.h"
#include "golden.h"
#include "metric/metric.h"
#include "metric/pairs.h"
#include "reals.h"

#ifdef DML_REAL_DOUBLE
#define RTOL 1e-10
#define ATOL 1e-12
#else
#define RTOL 1e-4
#define ATOL 1e-5
#endif

/* ---- open set ----------------------------------------------------------- */

static void
check_openset (const GoldenCase *golden, void *unused)
{
  static const char *const rates[] = { "0.01", "0.05", "0.1", "0.2" };
  JsonObject *e = golden->expected;
  g_autoptr (GoldenTensor) known =
    golden_tensor (golden->inputs, "known_scores");
  g_autoptr (GoldenTensor) unknown =
    golden_tensor (golden->inputs, "unknown_scores");
  size_t n;
  g_autofree int32_t *ok =
    golden_ints (golden->inputs, "known_top1_correct", &n);
  g_autofree uint8_t *bytes = g_new (uint8_t, n);
  DmlOpenSetInput input = { n, unknown->rows, known->data, bytes,
                            unknown->data };
  double threshold, reached;

  for (size_t i = 0; i < n; i++)
    bytes[i] = (uint8_t) ok[i];
#define NEAR(name, value)                                                      \
  golden_near (golden->id, name, 0, value, golden_number (e, name), 1e-10,     \
               1e-12)
  NEAR ("auroc", dml_openset_auroc (&input));
  NEAR ("oscr", dml_openset_oscr (&input));
  NEAR ("closed_accuracy", dml_openset_closed_accuracy (&input));
  NEAR ("eer", dml_openset_eer (&input, &threshold));
  if (json_object_get_null_member (e, "eer_threshold"))
    g_assert_true (isnan (threshold));
  else
    NEAR ("eer_threshold", threshold);
  NEAR ("fpr_at_tpr_0.95", dml_openset_fpr_at_tpr (&input, 0.95));
  for (size_t i = 0; i < G_N_ELEMENTS (rates); i++) {
    g_autofree char *dir = g_strconcat ("dir_at_fpir_", rates[i], NULL);
    g_autofree char *at = g_strconcat ("dir_threshold_", rates[i], NULL);
    g_autofree char *fpir = g_strconcat ("fpir_reached_", rates[i], NULL);

    NEAR (dir, dml_openset_dir (&input, g_ascii_strtod (rates[i], NULL),
                                &threshold, &reached));
    NEAR (at, threshold);
    NEAR (fpir, reached);
  }
}

static void
test_openset_golden (void)
{
  golden_each ("metric_openset", check_openset, NULL);
}

/* ---- clustering --------------------------------------------------------- */

static void
check_kmeans (const GoldenCase *golden, int32_t *clusters, size_t n)
{
  size_t d, k;
  g_autofree DmlReal *x = golden_reals (golden->inputs, "embeddings", &n, &d);
  g_autofree int32_t *rows = golden_ints (golden->inputs, "init_rows", &k);
  g_autoptr (GoldenTensor) want = golden_tensor (golden->expected, "centres");
  g_autofree DmlReal *centres = g_new (DmlReal, k * d);
  g_autofree DmlReal *u = g_new (DmlReal, n * d);
  g_autofree double *norms = g_new (double, n);
  DmlKMeans result;

  dml_rows_normalise (x, n, d, u, norms);
  for (size_t c = 0; c < k; c++)
    memcpy (centres + c * d, u + (size_t) rows[c] * d, d * sizeof *u);
  dml_metric_kmeans (u, n, d, k, centres, clusters, &result);
  for (size_t i = 0; i < k * d; i++)
    golden_near (golden->id, "centres", i, (double) centres[i], want->data[i],
                 RTOL, ATOL);
  golden_near (golden->id, "inertia", 0, result.inertia,
               golden_number (golden->expected, "inertia"), RTOL, ATOL);
}

static void
check_clustering (const GoldenCase *golden, void *unused)
{
  size_t n, m;
  g_autofree int32_t *labels = golden_ints (golden->inputs, "labels", &n);
  g_autofree int32_t *clusters = NULL;
  DmlClusterAgreement got;

  if (json_object_has_member (golden->inputs, "clusters"))
    clusters = golden_ints (golden->inputs, "clusters", &m);
  else {
    g_autofree int32_t *want = golden_ints (golden->expected, "clusters", &m);

    clusters = g_new (int32_t, n);
    check_kmeans (golden, clusters, n);
    g_assert_cmpmem (clusters, n * sizeof *clusters, want, m * sizeof *want);
  }
  got = dml_metric_agreement (labels, clusters, n);
  golden_near (golden->id, "nmi", 0, got.nmi,
               golden_number (golden->expected, "nmi"), 1e-10, 1e-12);
  golden_near (golden->id, "ami", 0, got.ami,
               golden_number (golden->expected, "ami"), 1e-10, 1e-12);
  if (!json_object_has_member (golden->expected, "mutual_information"))
    return;
  golden_near (golden->id, "mutual_information", 0, got.mutual_information,
               golden_number (golden->expected, "mutual_information"), 1e-10,
               1e-12);
  golden_near (golden->id, "expected_mutual_information", 0,
               got.expected_mutual_information,
               golden_number (golden->expected, "expected_mutual_information"),
               1e-10, 1e-12);
}

static void
test_clustering_golden (void)
{
  golden_each ("metric_clustering", check_clustering, NULL);
}

/* Two centres on one point: the lower takes the rows, the other one takes the
 * farthest. */
static void
test_kmeans_ties_and_empty (void)
{
  const DmlReal x[] = { 1, 0, 1, 0, 0, 1 };
  DmlReal centres[] = { 1, 0, 1, 0 };
  int32_t clusters[3];
  DmlKMeans result;

  dml_metric_kmeans (x, 3, 2, 2, centres, clusters, &result);
  g_assert_cmpint (clusters[0], ==, clusters[1]);
  g_assert_cmpint (clusters[0], !=, clusters[2]);
  g_assert_cmpfloat (result.inertia, <, 1e-6);
}

static void
test_clustering_finds_clear_groups (void)
{
  enum { N = 200, D = 16 };
  g_autofree DmlReal *x = g_new0 (DmlReal, N * D);
  g_autofree int32_t *labels = g_new (int32_t, N);
  DmlClusterAgreement got;
  DmlRng rng;

  dml_rng_init (&rng, 1, 1);
  for (size_t i = 0; i < N; i++) {
    labels[i] = (int32_t) (i % 10);
    for (size_t k = 0; k < D; k++)
      x[i * D + k] =
        (DmlReal) (0.05 * dml_rng_normal (&rng) + (k == (size_t) labels[i]));
  }
  g_assert_true (dml_metric_cluster (x, labels, N, D, 7, &got, NULL));
  g_assert_cmpfloat (got.ami, >, 0.999);
}

/* ---- intervals, spread -------------------------------------------------- */

static void
test_bootstrap_covers_the_mean (void)
{
  enum { N = 400 };
  double values[N];
  int32_t labels[N];
  double mean = 0;
  DmlRng rng;

  dml_rng_init (&rng, 2, 0);
  for (size_t i = 0; i < N; i++) {
    labels[i] = (int32_t) (i / 10);
    values[i] = dml_rng_normal (&rng) + 0.5 * (labels[i] % 3);
    mean += values[i] / N;
  }
  const DmlInterval a =
    dml_metric_bootstrap_mean (values, labels, N, 1000, 0.95, 4);
  const DmlInterval b =
    dml_metric_bootstrap_mean (values, labels, N, 1000, 0.95, 4);

  g_assert_cmpuint (a.n_classes, ==, 40);
  g_assert_cmpfloat (a.low, <, mean);
  g_assert_cmpfloat (a.high, >, mean);
  /* standard error about sqrt (1/400 + .17/40) = .08 */
  g_assert_cmpfloat (a.high - a.low, >, 0.2);
  g_assert_cmpfloat (a.high - a.low, <, 0.45);
  g_assert_cmpfloat (a.low, ==, b.low);
  values[3] = (double) NAN; /* no part of it */
  g_assert_false (
    isnan (dml_metric_bootstrap_mean (values, labels, N, 100, 0.95, 4).low));
}

static void
test_spread_sees_collapse (void)
{
  enum { N = 64, D = 8 };
  g_autofree DmlReal *x = g_new (DmlReal, N * D);
  g_autofree int32_t *labels = g_new (int32_t, N);
  DmlSpread wide, flat, point;

  class_rows (x, labels, N, D);
  g_assert_true (dml_metric_spread (x, labels, N, D, &wide, NULL));
  g_assert_cmpfloat (wide.effective_rank, >, 5);
  g_assert_cmpfloat (wide.effective_rank, <=, D);
  for (size_t i = 0; i < N; i++)
    for (size_t k = 2; k < D; k++)
      x[i * D + k] = 0;
  g_assert_true (dml_metric_spread (x, labels, N, D, &flat, NULL));
  g_assert_cmpfloat (flat.effective_rank, <, 2.001);
  for (size_t i = 0; i < N * D; i++)
    x[i] = 1;
  g_assert_true (dml_metric_spread (x, labels, N, D, &point, NULL));
  g_assert_cmpfloat (point.effective_rank, <, 0.001);
  g_assert_cmpfloat (point.mean_d_neg, <, 1e-3);
}

int
main (int argc, char **argv)
{
  dml_threads_set_max (3);
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/metrics/openset/golden", test_openset_golden);
  g_test_add_func ("/metrics/clustering/golden", test_clustering_golden);
  g_test_add_func ("/metrics/clustering/finds-clear-groups",
                   test_clustering_finds_clear_groups);
  g_test_add_func ("/metrics/clustering/ties-and-empty",
                   test_kmeans_ties_and_empty);
  g_test_add_func ("/metrics/bootstrap/covers-the-mean",
                   test_bootstrap_covers_the_mean);
  g_test_add_func ("/metrics/spread/sees-collapse", test_spread_sees_collapse);
  return g_test_run ();
}
