/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Search: scores, and the nearest rows and labels. */
#include "gallery_fixture.h"

#include "gallery/rows.h"

typedef struct {
  double score;
  guint32 row;
} Exact;

static int
compare_exact (const void *a, const void *b)
{
  const Exact *x = a, *y = b;

  if (x->score != y->score)
    return x->score < y->score ? 1 : -1;
  return (x->row > y->row) - (x->row < y->row);
}

/* Finds what sorting everything finds, for every k, both metrics, every number
 * of rows around a block's end, with ties. */
static void
test_flat_finds_what_sorting_finds (void)
{
  static const guint ns[] = { 1, 2, 255, 256, 257, 700 };
  enum { D = 19, N_LABELS = 9 };
  DmlRng rng;

  dml_rng_init (&rng, 5, 0);
  for (guint t = 0; t < G_N_ELEMENTS (ns) * 2 * 6; t++) {
    const guint n = ns[t % G_N_ELEMENTS (ns)];
    const DmlMetric metric = t / G_N_ELEMENTS (ns) % 2;
    const guint k = ((const guint[]){ 1, 2, 5, 10, 50, 100 })[t / 12];
    g_autofree float *rows = g_malloc_n (n, D * sizeof (float));
    g_autofree guint32 *labels = g_new (guint32, n);
    g_autofree Exact *exact = g_new (Exact, n);
    g_autofree float *scores = g_new (float, n);
    float query[D];
    DmlHit hits[100];
    DmlFound found = { .hits = hits };

    for (guint i = 0; i < n; i++) {
      /* Every third row stands there twice, so that there are ties. */
      fixture_vector (rows + i * D, D, i % 3 == 2 ? i - 1 : i);
      labels[i] = dml_rng_below (&rng, N_LABELS);
    }
    fixture_vector (query, D, 1000 + t);
    g_autoptr (DmlSnapshot) snapshot =
      fixture_snapshot (rows, labels, n, N_LABELS, D, metric);

    dml_rows_score (scores, query, rows, D, n, metric);
    for (guint i = 0; i < n; i++)
      exact[i] = (Exact){ (double) scores[i], i };
    qsort (exact, n, sizeof (Exact), compare_exact);
    snapshot->index->klass->search (snapshot->index, query, k, &found);
    g_assert_cmpuint (found.n_hits, ==, MIN (k, n));
    for (guint i = 0; i < found.n_hits; i++)
      g_assert_cmpuint (hits[i].row, ==, exact[i].row);
    guint n_best = 0;
    gboolean seen[N_LABELS] = { FALSE };

    for (guint i = 0; i < n && n_best < DML_NEAREST_LABELS; i++) {
      const guint32 label = labels[exact[i].row];

      if (!seen[label]) {
        g_assert_cmpuint (found.best[n_best++].row, ==, exact[i].row);
        seen[label] = TRUE;
      }
    }
    g_assert_cmpuint (found.n_best, ==, n_best);
  }
}

static void
test_scores_are_right (void)
{
  for (guint d = 1; d < 70; d += 3) {
    g_autofree float *a = g_new (float, d);
    g_autofree float *b = g_new (float, d);
    double product = 0, square = 0;
    float score;

    fixture_vector (a, d, d);
    fixture_vector (b, d, 500 + d);
    for (guint i = 0; i < d; i++) {
      product += (double) a[i] * (double) b[i];
      square += pow ((double) a[i] - (double) b[i], 2);
    }
    dml_rows_score (&score, a, b, d, 1, DML_METRIC_COSINE);
    g_assert_cmpfloat (fabs ((double) score - product), <, 1e-6);
    dml_rows_score (&score, a, b, d, 1, DML_METRIC_EUCLIDEAN);
    g_assert_cmpfloat (fabs ((double) score + square), <, 1e-5);
  }
}

static void
test_similarity (void)
{
  static const float a[] = { 3, 4 }, b[] = { -8, 6 }, zero[] = { 0, 0 };
  static const float c[] = { 6, 8 };

  g_assert_cmpfloat (dml_similarity (DML_METRIC_COSINE, a, b, 2), ==, 0.0);
  g_assert_cmpfloat (dml_similarity (DML_METRIC_COSINE, a, c, 2), ==, 1.0);
  g_assert_true (isnan (dml_similarity (DML_METRIC_COSINE, a, zero, 2)));
  g_assert_cmpfloat (dml_similarity (DML_METRIC_EUCLIDEAN, a, a, 2), ==, 1.0);
  g_assert_cmpfloat (dml_similarity (DML_METRIC_EUCLIDEAN, a, c, 2), ==,
                     1.0 / 6.0);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/match/flat-finds-what-sorting-finds",
                   test_flat_finds_what_sorting_finds);
  g_test_add_func ("/match/scores-are-right", test_scores_are_right);
  g_test_add_func ("/match/similarity", test_similarity);
  return g_test_run ();
}
