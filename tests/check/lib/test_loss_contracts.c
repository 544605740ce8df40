/* SPDX-License-Identifier: LGPL-2.1-or-later
 * What losses promise beside their formulas: settings, messages, empty batches,
 * mixes, hard rows. */
#include <math.h>
#include <string.h>

#include "dml/dml-error.h"
#include "loss_maker.h"
#include "metric/sampler.h"

/* ---- settings ----------------------------------------------------------- */

static void
expect_refusal (const char *spec, size_t n_classes, const char *pattern)
{
  const DmlLossSetup setup = { .d = 4, .n_classes = n_classes };
  GError *error = NULL;

  g_assert_null (dml_loss_new (spec, &setup, &error));
  expect_error (&error, DML_ERROR_INVALID, pattern);
}

static void
test_messages (void)
{
  expect_refusal ("tripplet", 4, "*\"tripplet\"*contrastive, triplet*");
  expect_refusal ("triplet:margn=1", 4, "*triplet*\"margn\"*margin, smooth*");
  expect_refusal ("triplet:margin=-1", 4, "*margin=-1*from 0 to*");
  expect_refusal ("triplet:margin=nan", 4, "*margin=nan*");
  expect_refusal ("triplet:margin=0.2x", 4, "*margin=0.2x*number*");
  expect_refusal ("triplet:swap=maybe", 4, "*swap=maybe*no|yes*");
  expect_refusal ("triplet:margin", 4, "*\"margin\"*key=value*");
  expect_refusal ("soft_triple:centres=2.5", 4, "*centres=2.5*whole number*");
  expect_refusal ("triplet@semihard", 4, "*\"semihard\"*semi_hard*");
  expect_refusal ("triplet:", 4, "*triplet: nothing stands behind*key=value*");
  expect_refusal ("triplet@", 4, "*name of a miner is missing*semi_hard*");
  expect_refusal (":margin=1", 4, "*name of a loss is missing*triplet*");
  expect_refusal ("triplet:margin=0.2,margin=0.3", 4, "*margin is given twice");
  expect_refusal ("softmax", 0, "*softmax*number of classes*");
  expect_refusal ("distil", 4, "*distil*teacher*");
  expect_refusal ("softmax@batch_hard", 4, "*softmax*miner*");
  expect_refusal ("instance@batch_hard", 4, "*instance*miner*");
  expect_refusal ("triplet:swap=yes,memory=64", 4, "*triplet*memory=0*");
  expect_refusal ("lifted:memory=64", 4, "*lifted*\"memory\"*");
}

static void
test_set (void)
{
  g_autoptr (DmlLoss) loss = make_loss ("cosface:margin=0", 4);
  g_autoptr (GError) error = NULL;

  g_assert_true (dml_loss_set (loss, "margin", 0.2, &error));
  g_assert_cmpfloat (dml_loss_get (loss, "margin"), ==, 0.2);
  g_assert_false (dml_loss_set (loss, "margin", 9, &error));
  expect_error (&error, DML_ERROR_INVALID, "*margin=9*");
  g_assert_false (dml_loss_set (loss, "margn", 0, &error));
  expect_error (&error, DML_ERROR_INVALID, "*\"margn\"*");
  g_autoptr (DmlLoss) centres = make_loss ("soft_triple", 4);

  g_assert_false (dml_loss_set (centres, "centres", 2, &error));
  expect_error (&error, DML_ERROR_INVALID, "*centres*cannot change*");
  g_assert_cmpfloat (dml_loss_get (centres, "centres"), ==, 10);
  g_autoptr (DmlLoss) triplet = make_loss ("triplet:memory=8", 4);

  g_assert_false (dml_loss_set (triplet, "memory", 16, &error));
  expect_error (&error, DML_ERROR_INVALID, "*memory*cannot change*");
  g_assert_false (dml_loss_set (triplet, "swap", 1, &error));
  expect_error (&error, DML_ERROR_INVALID, "*memory=0*");
  g_assert_cmpfloat (dml_loss_get (triplet, "swap"), ==, 0);
}

/* A row of docs/losses.md for every member, naming each of its settings. */
static void
check_page (const char *page, const DmlMemberInfo *info)
{
  g_autofree char *start = g_strdup_printf ("\n| `%s`", info->name);
  gboolean found = FALSE;

  /* A miner may be called like a loss: one row must have all settings. */
  for (const char *row = strstr (page, start); row && !found;
       row = strstr (row + 1, start)) {
    g_autofree char *line = g_strndup (row + 1, strcspn (row + 1, "\n"));

    found = TRUE;
    for (const DmlParam *p = info->params; p->name != NULL; p++) {
      g_autofree char *in_row = g_strdup_printf ("`%s=", p->name);
      g_autofree char *in_page = g_strdup_printf ("`%s`", p->name);

      found &= strstr (line, in_row) || strstr (page, in_page);
    }
  }
  if (!found)
    g_error ("docs/losses.md: no row for `%s` with all its settings",
             info->name);
}

static void
test_documented (void)
{
  g_autofree char *path = g_build_filename (g_getenv ("DML_TEST_SOURCE_ROOT"),
                                            "docs", "losses.md", NULL);
  g_autofree char *page = NULL;
  g_autoptr (GError) error = NULL;

  g_file_get_contents (path, &page, NULL, &error);
  g_assert_no_error (error);
  for (size_t i = 0; i < dml_loss_n_members (); i++)
    check_page (page, dml_loss_member (i));
  for (size_t i = 0; i < dml_miner_n_members (); i++)
    check_page (page, dml_miner_member (i));
  for (size_t i = 0; i < dml_sampler_n_members (); i++)
    check_page (page, dml_sampler_member (i));
}

/* ---- batches ------------------------------------------------------------ */

static void
test_bad_batches (void)
{
  g_autofree DmlReal *x = random_rows (8, 4, 1);
  g_autofree int32_t *labels = class_labels (8, 2);
  DmlBatch batch = { .n = 8, .d = 4, .x = x, .labels = labels };
  g_autoptr (DmlLoss) softmax = make_loss ("softmax", 4);
  g_autoptr (DmlLoss) triplet = make_loss ("triplet", 4);
  g_autoptr (DmlLoss) instance = make_loss ("instance", 4);
  g_autoptr (DmlLoss) distil = make_loss ("distil", 4);
  GError *error = NULL;

  g_assert_true (dml_loss_needs_teacher (distil));
  g_assert_false (dml_loss_run (instance, &batch, NULL, NULL, &error));
  expect_error (&error, DML_ERROR_INVALID, "*instance*");
  g_assert_false (dml_loss_run (distil, &batch, NULL, NULL, &error));
  expect_error (&error, DML_ERROR_INVALID, "*teacher*");
  labels[3] = 64;
  g_assert_true (dml_loss_run (triplet, &batch, NULL, NULL, &error));
  g_assert_false (dml_loss_run (softmax, &batch, NULL, NULL, &error));
  expect_error (&error, DML_ERROR_INVALID, "*label 64 of row 3*64 classes*");
  labels[3] = -1;
  g_assert_false (dml_loss_run (triplet, &batch, NULL, NULL, &error));
  expect_error (&error, DML_ERROR_INVALID, "*label -1 of row 3*");
  labels[3] = 1;
  batch.d = 2;
  g_assert_false (dml_loss_run (triplet, &batch, NULL, NULL, &error));
  expect_error (&error, DML_ERROR_INVALID, "*of 2 numbers, expected 4*");
  batch.d = 4;
  x[9] = (DmlReal) NAN;
  g_assert_false (dml_loss_run (triplet, &batch, NULL, NULL, &error));
  expect_error (&error, DML_ERROR_DIVERGED, "*embedding 2*");
}

/* Numbers that overflow are told, and leave the gradient as it was. */
static void
test_overflow (void)
{
  g_autofree DmlReal *x = random_rows (8, 4, 1);
  g_autofree int32_t *labels = class_labels (8, 2);
  const DmlBatch batch = { .n = 8, .d = 4, .x = x, .labels = labels };
  g_autoptr (DmlLoss) loss =
    make_loss ("contrastive:distance=squared_euclidean,weight=1e6", 4);
  DmlReal dx[8 * 4] = { 7 };
  GError *error = NULL;

  for (size_t k = 0; k < 8 * 4; k++)
    x[k] *= (DmlReal) 1e18;
  g_assert_false (dml_loss_run (loss, &batch, dx, NULL, &error));
  expect_error (&error, DML_ERROR_DIVERGED,
                "*contrastive*gradient*learning rate*");
  g_assert_cmpfloat (dx[0], ==, 7);
  for (size_t k = 1; k < 8 * 4; k++)
    g_assert_cmpfloat (dx[k], ==, 0);
}

/* One more than the bound is refused with the figure, before any work. */
static void
test_too_large (void)
{
  const size_t n = DML_BATCH_MAX + 1;
  g_autofree DmlReal *x = random_rows (n, 2, 1);
  g_autofree int32_t *labels = class_labels (n, n);
  const DmlBatch batch = { .n = n, .d = 2, .x = x, .labels = labels };
  const DmlBatch wide = {
    .n = DML_BATCH_MAX,
    .d = 2,
    .x = x,
    .labels = labels,
    .n_ref = 1 << 15,
    .ref = x,
    .ref_labels = labels, /* never read */
  };
  GError *error = NULL;
  g_autoptr (DmlLoss) loss = make_loss ("contrastive", 2);

  g_assert_false (dml_loss_run (loss, &batch, NULL, NULL, &error));
  expect_error (&error, DML_ERROR_LIMIT, "*4097 embeddings*4096*");
  g_assert_false (dml_loss_run (loss, &wide, NULL, NULL, &error));
  expect_error (&error, DML_ERROR_LIMIT,
                "*4096 embeddings against 32768*1024 MiB*");
}

static const char *const pair_losses[] = {
  "contrastive", "triplet",          "npairs", "lifted",  "generalised_lifted",
  "circle",      "ntxent",           "supcon", "angular", "nca",
  "tcm",         "multi_similarity",
};

/* No two of a class: 0 or one-sided, never NaN; counted, and in the end an
 * error that says what to do. */
static void
test_empty_batches (void)
{
  g_autofree DmlReal *x = random_rows (8, 4, 1);
  g_autofree int32_t *alone = class_labels (8, 1);
  g_autofree int32_t *paired = class_labels (8, 2);
  const DmlBatch empty = { .n = 8, .d = 4, .x = x, .labels = alone };
  const DmlBatch full = { .n = 8, .d = 4, .x = x, .labels = paired };

  for (size_t i = 0; i < G_N_ELEMENTS (pair_losses); i++) {
    g_autoptr (DmlLoss) loss = make_loss (pair_losses[i], 4);
    GError *error = NULL;

    for (int k = 0; k < DML_LOSS_MAX_EMPTY - 1; k++)
      g_assert_true (run_loss (loss, &empty, NULL).empty);
    g_assert_false (run_loss (loss, &full, NULL).empty); /* the row is broken */
    for (int k = 0; k < DML_LOSS_MAX_EMPTY - 1; k++)
      run_loss (loss, &empty, NULL);
    g_assert_false (dml_loss_run (loss, &empty, NULL, NULL, &error));
    expect_error (&error, DML_ERROR_DIVERGED, "*20 batches*pxk*");
  }
}

/* A miner that finds nothing is no empty batch: 0, and gradient 0. */
static void
test_nothing_mined (void)
{
  g_autofree int32_t *labels = class_labels (8, 2);
  DmlReal x[8 * 4] = { 0 }, dx[8 * 4] = { 0 };
  const DmlBatch batch = { .n = 8, .d = 4, .x = x, .labels = labels };
  g_autoptr (DmlLoss) loss = make_loss ("triplet@semi_hard:margin=0.1", 4);

  for (size_t i = 0; i < 8; i++)
    x[i * 4 + i / 2] = 1; /* classes orthogonal, members equal */
  const DmlLossStats stats = run_loss (loss, &batch, dx);

  g_assert_cmpfloat (stats.value, ==, 0);
  g_assert_cmpuint (stats.n_tuples, ==, 0);
  g_assert_false (stats.empty);
  for (size_t k = 0; k < 8 * 4; k++)
    g_assert_cmpfloat (dx[k], ==, 0);
}

/* dx is added to; weight scales value and gradient; figures of the batch. */
static void
test_mix (void)
{
  g_autofree DmlReal *x = random_rows (12, 4, 3);
  g_autofree int32_t *labels = class_labels (12, 3);
  const DmlBatch batch = { .n = 12, .d = 4, .x = x, .labels = labels };
  g_autofree DmlReal *once = g_new0 (DmlReal, 12 * 4);
  g_autofree DmlReal *more = g_new0 (DmlReal, 12 * 4);
  g_autoptr (DmlLoss) one = make_loss ("supcon", 4);
  g_autoptr (DmlLoss) half = make_loss ("supcon:weight=0.5", 4);
  const DmlLossStats stats = run_loss (one, &batch, once);

  assert_near (run_loss (half, &batch, more).value, 0.5 * stats.value, 1e-6);
  run_loss (half, &batch, more);
  for (size_t k = 0; k < 12 * 4; k++)
    assert_near ((double) more[k], (double) once[k], 1e-6);
  g_assert_cmpuint (stats.n_terms, ==, 12);
  g_assert_cmpfloat (stats.mean_d_pos, >, 0);
  g_assert_cmpfloat (stats.mean_d_neg, <, 2);
  g_assert_cmpfloat (stats.max_grad_norm, >, 0);
}

/* sum = mean x terms = mean over active x active terms */
static void
test_reductions (void)
{
  g_autofree DmlReal *x = random_rows (12, 4, 3);
  g_autofree int32_t *labels = class_labels (12, 3);
  const DmlBatch batch = { .n = 12, .d = 4, .x = x, .labels = labels };
  g_autoptr (DmlLoss) mean = make_loss ("triplet:reduction=mean", 4);
  g_autoptr (DmlLoss) active = make_loss ("triplet:reduction=mean_active", 4);
  g_autoptr (DmlLoss) sum = make_loss ("triplet:reduction=sum", 4);
  const DmlLossStats s = run_loss (sum, &batch, NULL);

  g_assert_cmpuint (s.n_terms, ==, 12 * 2 * 9);
  g_assert_cmpuint (s.n_active, <, s.n_terms);
  assert_near (run_loss (mean, &batch, NULL).value,
               s.value / (double) s.n_terms, 1e-6);
  assert_near (run_loss (active, &batch, NULL).value,
               s.value / (double) s.n_active, 1e-6);
}

/* Rows without direction, duplicates within and across classes: finite, and no
 * gradient for what has no direction. */
static void
test_hard_rows (void)
{
  static const int32_t instances[12] = { 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5 };
  g_autofree DmlReal *x = random_rows (12, 4, 5);
  g_autofree DmlReal *teacher = random_rows (12, 6, 6);
  g_autofree int32_t *labels = class_labels (12, 3);
  const DmlBatch batch = {
    .n = 12,
    .d = 4,
    .x = x,
    .labels = labels,
    .instances = instances,
    .teacher = teacher,
  };

  memset (x, 0, 4 * sizeof *x);
  memcpy (x + 2 * 4, x + 1 * 4, 4 * sizeof *x); /* same class */
  memcpy (x + 3 * 4, x + 1 * 4, 4 * sizeof *x); /* another class */
  memset (teacher + 5 * 6, 0, 6 * sizeof *teacher);
  for (size_t i = 0; i < dml_loss_n_members (); i++) {
    g_autoptr (DmlLoss) loss = make_loss (dml_loss_member (i)->name, 4);
    DmlReal dx[12 * 4] = { 0 };
    const DmlLossStats stats = run_loss (loss, &batch, dx);
    const int place = dml_param_find (dml_loss_member (i)->params, "distance");
    const gboolean raw = place >= 0 && (dml_loss_get (loss, "distance") == 0 ||
                                        dml_loss_get (loss, "distance") == 2 ||
                                        dml_loss_get (loss, "distance") == 5);

    g_assert_cmpuint (stats.n_zero, ==, 1);
    for (size_t k = 0; k < 12 * 4; k++)
      g_assert_true (isfinite (dx[k]));
    for (size_t k = 0; k < 4 && !raw; k++)
      g_assert_cmpfloat (dx[k], ==, 0);
  }
}

/* Scaling an embedding changes nothing on the sphere, so the gradient has no
 * part along it. Any miner with any pair loss. */
static void
test_every_miner_with_every_loss (void)
{
  const size_t n = 24, d = 5;
  g_autofree DmlReal *x = random_rows (n, d, 7);
  g_autofree int32_t *labels = class_labels (n, 4);
  const DmlBatch batch = { .n = n, .d = d, .x = x, .labels = labels };

  for (size_t i = 0; i < G_N_ELEMENTS (pair_losses); i++)
    for (size_t m = 0; m < dml_miner_n_members (); m++) {
      g_autofree char *spec = g_strconcat (pair_losses[i], ":semantics=pml@",
                                           dml_miner_member (m)->name, NULL);
      g_autoptr (DmlLoss) loss = make_loss (spec, d);
      g_autofree DmlReal *dx = g_new0 (DmlReal, n * d);
      const DmlLossStats stats = run_loss (loss, &batch, dx);

      g_assert_cmpuint (stats.n_tuples, >, 0);
      for (size_t r = 0; r < n; r++) {
        double along = 0;

        for (size_t k = 0; k < d; k++)
          along += (double) dx[r * d + k] * (double) x[r * d + k];
        if (!g_str_equal (pair_losses[i], "angular")) /* raw negatives */
          assert_near (along, 0, 2e-4);
      }
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/losses/wrong-settings-are-named", test_messages);
  g_test_add_func ("/losses/documented", test_documented);
  g_test_add_func ("/losses/settings-change-between-steps", test_set);
  g_test_add_func ("/losses/bad-batches-are-refused", test_bad_batches);
  g_test_add_func ("/losses/overflow-is-told", test_overflow);
  g_test_add_func ("/losses/too-large-is-refused", test_too_large);
  g_test_add_func ("/losses/empty-batches-are-counted", test_empty_batches);
  g_test_add_func ("/losses/nothing-mined-is-nothing", test_nothing_mined);
  g_test_add_func ("/losses/weight-and-sum-of-losses", test_mix);
  g_test_add_func ("/losses/reductions-agree", test_reductions);
  g_test_add_func ("/losses/zero-rows-and-duplicates", test_hard_rows);
  g_test_add_func ("/losses/every-miner-with-every-pair-loss",
                   test_every_miner_with_every_loss);
  return g_test_run ();
}
