/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Miners: golden sets, contracts. Built twice, with float and
 * (test_miners_double.c) with double. */
#include <math.h>
#include <string.h>

#include "dml/dml-error.h"
#include "golden.h"
#include "metric/miner.h"
#include "metric/miners/miner-class.h"
#include "reals.h"

#ifdef DML_REAL_DOUBLE
#define IS_DOUBLE TRUE
#else
#define IS_DOUBLE FALSE
#endif

/* ---- golden sets -------------------------------------------------------- */

typedef struct {
  const char *file, *miner;
} Golden;

static const Golden goldens[] = {
  { "all_pairs", "all:form=pairs" },
  { "all_triplets", "all:form=triplets" },
  { "batch_hard", "batch_hard" },
  { "triplet_margin", "triplet_margin" },
  { "multi_similarity", "multi_similarity" },
  { "pair_margin", "pair_margin" },
  { "angular", "angular" },
};

static const char *
our_name (const char *golden)
{
  static const char *const names[][2] = { { "type_of_triplets", "type" },
                                          { "pos", "positive" },
                                          { "neg", "negative" } };

  for (size_t i = 0; i < G_N_ELEMENTS (names); i++)
    if (strcmp (names[i][0], golden) == 0)
      return names[i][1];
  return golden;
}

static char *
spec_of (const char *miner, JsonObject *params)
{
  GString *spec = g_string_new (miner);
  g_autoptr (GList) members = json_object_get_members (params);

  for (GList *l = members; l != NULL; l = l->next) {
    g_string_append_c (spec, strchr (spec->str, ':') ? ',' : ':');
    golden_add_setting (spec, our_name (l->data),
                        json_object_get_member (params, l->data));
  }
  return g_string_free (spec, FALSE);
}

/* Both lists are sorted, so sets are equal when lists are. */
static void
check_list (const GoldenCase *golden, const char *name, const int32_t *got,
            size_t n, size_t width)
{
  size_t n_expected;

  if (!json_object_has_member (golden->expected, name))
    return;
  g_autofree int32_t *expected =
    golden_ints (golden->expected, name, &n_expected);

  if (n != n_expected ||
      (n > 0 && memcmp (got, expected, n * width * sizeof *got) != 0))
    g_error ("%s: %s: %zu tuples, expected %zu, or others", golden->id, name, n,
             n_expected);
}

static void
check_golden_case (const GoldenCase *golden, void *data)
{
  const Golden *how = data;
  size_t n, d;
  g_autofree DmlReal *x = golden_reals (golden->inputs, "embeddings", &n, &d);
  g_autofree int32_t *labels = golden_ints (golden->inputs, "labels", NULL);
  g_autofree char *spec = spec_of (how->miner, golden->params);
  const DmlBatch batch = { .n = n, .d = d, .x = x, .labels = labels };
  g_autoptr (GError) error = NULL;
  g_autoptr (DmlMiner) miner = dml_miner_new (spec, &error);
  g_auto (DmlTuples) tuples = { 0 };

  g_assert_no_error (error);
  dml_miner_mine (miner, &batch, &tuples, &error);
  g_assert_no_error (error);
  check_list (golden, "positive_pairs", (const int32_t *) tuples.positive,
              tuples.n_positive, 2);
  check_list (golden, "negative_pairs", (const int32_t *) tuples.negative,
              tuples.n_negative, 2);
  check_list (golden, "triplets", (const int32_t *) tuples.triplets,
              tuples.n_triplets, 3);
}

static void
test_golden (const void *data)
{
  const Golden *how = data;
  g_autofree char *file = g_strconcat ("miner_", how->file, NULL);

  golden_each (file, check_golden_case, (void *) how);
}

/* ---- distance-weighted: probabilities, then draws ----------------------- */

static void
check_weights_case (const GoldenCase *golden, void *data)
{
  size_t n, d;
  g_autofree DmlReal *x = golden_reals (golden->inputs, "embeddings", &n, &d);
  g_autofree int32_t *labels = golden_ints (golden->inputs, "labels", NULL);
  g_autoptr (GoldenTensor) expected =
    golden_tensor (golden->expected, "negative_probabilities");
  const DmlBatch batch = { .n = n, .d = d, .x = x, .labels = labels };
  const DmlRelation relation = dml_relation (&batch, NULL);
  g_autofree double *weights = g_new (double, n);
  g_autofree double *drawn = g_new0 (double, n *n);
  const size_t n_seeds = 1500;
  g_autoptr (DmlMiner) miner = dml_miner_new ("distance_weighted", NULL);
  g_auto (DmlTuples) tuples = { 0 };
  g_auto (DmlPairs) pairs = { 0 };
  DmlRowRoom room;

  g_assert_true (dml_pairs_init (&pairs, DML_DISTANCE_EUCLIDEAN_UNIT, x, n,
                                 NULL, 0, d, FALSE, NULL));
  dml_row_room_init (&room, n);
  for (size_t i = 0; i < n; i++) {
    g_autofree double *got = g_new0 (double, n);
    DmlRow row;

    dml_row_read (&relation, i, &room, &row);
    if (dml_distance_weights (pairs.s + i * n, &row, d, 0.5, 1.4, weights))
      for (size_t l = 0; l < row.n_neg; l++)
        got[row.neg[l]] = weights[l];
    for (size_t j = 0; j < n; j++)
      golden_near (golden->id, "probability", i * n + j, got[j],
                   expected->data[i * n + j], IS_DOUBLE ? 1e-10 : 1e-3,
                   IS_DOUBLE ? 1e-12 : 1e-5);
  }
  dml_row_room_clear (&room);

  /* Shares of many draws are within five standard errors. */
  for (size_t seed = 0; seed < n_seeds; seed++) {
    DmlBatch again = batch;

    again.seed = seed;
    g_assert_true (dml_miner_mine (miner, &again, &tuples, NULL));
    for (size_t t = 0; t < tuples.n_triplets; t++) {
      const int32_t *a = tuples.triplets[t];

      if (t > 0 && tuples.triplets[t - 1][0] == a[0])
        continue; /* one draw an anchor and seed: independent */
      drawn[a[0] * (int32_t) n + a[2]]++;
    }
  }
  for (size_t i = 0; i < n * n; i++) {
    const double p = expected->data[i];
    double of_row = 0;

    for (size_t j = 0; j < n; j++)
      of_row += drawn[i / n * n + j];
    if (of_row == 0)
      continue; /* no positive: nothing is drawn for the anchor */
    golden_near (golden->id, "share", i, drawn[i] / of_row, p, 0,
                 5 * sqrt (p * (1 - p) / of_row) + 1e-9);
  }
}

static void
test_distance_weighted (void)
{
  golden_each ("miner_distance_weighted", check_weights_case, NULL);
}

/* ---- contracts ---------------------------------------------------------- */

/* Relatives are no negatives, an unknown name or setting is named. */
static void
test_groups (void)
{
  g_autofree DmlReal *x = random_rows (6, 4, 1);
  const int32_t labels[] = { 0, 0, 1, 1, 2, 2 };
  const int32_t groups[] = { 7, 7, 7, 7, -1, -1 };
  const DmlBatch batch = {
    .n = 6, .d = 4, .x = x, .labels = labels, .groups = groups
  };
  g_autoptr (DmlMiner) miner = dml_miner_new ("all", NULL);
  g_auto (DmlTuples) tuples = { 0 };

  g_assert_true (dml_miner_mine (miner, &batch, &tuples, NULL));
  g_assert_cmpuint (tuples.n_positive, ==, 6);
  g_assert_cmpuint (tuples.n_negative, ==, 16); /* 24 less 0-1 and 1-0 */
  for (size_t t = 0; t < tuples.n_negative; t++)
    g_assert_true (labels[tuples.negative[t][0]] == 2 ||
                   labels[tuples.negative[t][1]] == 2);
}

static void
expect_message (const char *spec, const char *pattern)
{
  g_autoptr (GError) error = NULL;
  DmlMiner *miner = dml_miner_new (spec, &error);

  g_assert_null (miner);
  g_assert_error (error, DML_ERROR, DML_ERROR_INVALID);
  if (!g_pattern_match_simple (pattern, error->message))
    g_error ("%s: \"%s\" is not like \"%s\"", spec, error->message, pattern);
}

static void
test_messages (void)
{
  expect_message ("semihard", "*\"semihard\"*semi_hard*batch_hard*");
  expect_message ("semi_hard:margn=1",
                  "*semi_hard*\"margn\"*margin, distance*");
  expect_message ("semi_hard:margin=-1", "*margin=-1*from 0 to 100*");
  expect_message ("semi_hard:margin=x", "*margin=x*number*");
  expect_message ("batch_hard:positive=soft", "*positive=soft*hard|easy*");
  expect_message ("batch_hard:positive", "*\"positive\"*key=value*");
}

/* 1024 points of two classes have 2^28 triplets: refused, not listed. */
static void
test_too_many (void)
{
  const size_t n = 1024;
  g_autofree DmlReal *x = random_rows (n, 2, 2);
  g_autofree int32_t *labels = g_new (int32_t, n);
  const DmlBatch batch = { .n = n, .d = 2, .x = x, .labels = labels };
  g_autoptr (DmlMiner) miner = dml_miner_new ("all:form=triplets", NULL);
  g_autoptr (GError) error = NULL;
  g_auto (DmlTuples) tuples = { 0 };

  for (size_t i = 0; i < n; i++)
    labels[i] = i % 2;
  g_assert_false (dml_miner_mine (miner, &batch, &tuples, &error));
  g_assert_error (error, DML_ERROR, DML_ERROR_LIMIT);
  g_assert_true (strstr (error->message, "MiB") != NULL);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  for (size_t i = 0; i < G_N_ELEMENTS (goldens); i++) {
    g_autofree char *path =
      g_strconcat ("/miners/golden/", goldens[i].file, NULL);

    g_test_add_data_func (path, &goldens[i], test_golden);
  }
  g_test_add_func ("/miners/golden/distance_weighted", test_distance_weighted);
  g_test_add_func ("/miners/relatives-are-no-negatives", test_groups);
  g_test_add_func ("/miners/wrong-settings-are-named", test_messages);
  g_test_add_func ("/miners/too-many-tuples-are-refused", test_too_many);
  return g_test_run ();
}
