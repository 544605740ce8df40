/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Losses, miners and measures give the same bytes for any number of threads. */
#include <stdio.h>

#include "loss_maker.h"
#include "metric/metric.h"

static void
digest_measures (const DmlBatch *batch, GChecksum *sum)
{
  const DmlRetrievalInput input = {
    .d = batch->d,
    .n_queries = batch->n,
    .queries = batch->x,
    .query_labels = batch->labels,
    .exclude_self = TRUE,
  };
  g_auto (DmlRetrieval) found = { 0 };
  g_autofree DmlNearPair *pairs = NULL;
  DmlClusterAgreement agreement;
  size_t n_pairs;

  g_assert_true (dml_retrieval_run (&input, DML_TIES_INDEX, &found, NULL));
  g_checksum_update (sum, (const guchar *) &found.mean, sizeof found.mean);
  g_checksum_update (sum, (const guchar *) found.query,
                     (gssize) (batch->n * sizeof *found.query));
  g_assert_true (dml_metric_near_pairs (batch->x, batch->labels, batch->n,
                                        batch->d, 1.2, 50, &pairs, &n_pairs,
                                        NULL));
  g_assert_cmpuint (n_pairs, >, 0);
  for (size_t i = 0; i < n_pairs; i++)
    g_checksum_update (sum, (const guchar *) &pairs[i].a,
                       2 * sizeof pairs[i].a);
  g_assert_true (dml_metric_cluster (batch->x, batch->labels, batch->n,
                                     batch->d, 1, &agreement, NULL));
  g_checksum_update (sum, (const guchar *) &agreement, sizeof agreement);
}

/* Prints a digest of all values and gradients; the test runs it in processes
 * that differ in their number of threads. */
static int
print_digest (void)
{
  const size_t n = 200, d = 24;
  g_autofree DmlReal *x = random_rows (n, d, 31);
  g_autofree DmlReal *teacher = random_rows (n, 6, 32);
  g_autofree int32_t *labels = class_labels (n, 4);
  g_autofree int32_t *instances = class_labels (n, 2);
  const DmlBatch batch = {
    .n = n,
    .d = d,
    .x = x,
    .labels = labels,
    .instances = instances,
    .teacher = teacher,
  };
  g_autoptr (GChecksum) sum = g_checksum_new (G_CHECKSUM_SHA256);

  for (size_t i = 0; i < dml_loss_n_members (); i++) {
    g_autoptr (DmlLoss) loss = make_loss (dml_loss_member (i)->name, d);
    g_autofree DmlReal *dx = g_new0 (DmlReal, n * d);
    const DmlLossStats stats = run_loss (loss, &batch, dx);
    size_t n_weights;
    const DmlLossWeights *w = dml_loss_weights (loss, &n_weights);

    g_checksum_update (sum, (const guchar *) &stats.value, sizeof (double));
    g_checksum_update (sum, (const guchar *) dx, n * d * sizeof *dx);
    if (n_weights)
      g_checksum_update (sum, (const guchar *) w->grad,
                         (gssize) (w->rows * w->cols * sizeof *w->grad));
  }
  for (size_t m = 0; m < dml_miner_n_members (); m++) {
    g_autoptr (DmlMiner) miner =
      dml_miner_new (dml_miner_member (m)->name, NULL);
    g_auto (DmlTuples) t = { 0 };

    g_assert_true (dml_miner_mine (miner, &batch, &t, NULL));
    g_checksum_update (sum, (const guchar *) t.positive,
                       (gssize) (t.n_positive * sizeof *t.positive));
    g_checksum_update (sum, (const guchar *) t.negative,
                       (gssize) (t.n_negative * sizeof *t.negative));
    g_checksum_update (sum, (const guchar *) t.triplets,
                       (gssize) (t.n_triplets * sizeof *t.triplets));
  }
  digest_measures (&batch, sum);
  puts (g_checksum_get_string (sum));
  return 0;
}

static const char *self_path;

static void
test_threads (void)
{
  g_autofree char *first = NULL;

  for (int n_threads = 1; n_threads <= 7; n_threads += 3) {
    g_autofree char *number = g_strdup_printf ("%d", n_threads);
    char *argv[] = { (char *) self_path, (char *) "--digest", NULL };
    g_auto (GStrv) env =
      g_environ_setenv (g_get_environ (), "DML_THREADS", number, TRUE);
    g_autofree char *out = NULL;
    g_autoptr (GError) error = NULL;
    int status;

    g_spawn_sync (NULL, argv, env, G_SPAWN_DEFAULT, NULL, NULL, &out, NULL,
                  &status, &error);
    g_assert_no_error (error);
    g_assert_true (g_spawn_check_wait_status (status, NULL));
    if (first == NULL)
      first = g_strdup (out);
    g_assert_cmpstr (out, ==, first);
  }
}

int
main (int argc, char **argv)
{
  if (argc > 1 && g_str_equal (argv[1], "--digest"))
    return print_digest ();
  self_path = argv[0];
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/losses/same-bytes-for-any-threads", test_threads);
  return g_test_run ();
}
