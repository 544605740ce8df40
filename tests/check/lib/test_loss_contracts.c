/* SPDX-License-Identifier: LGPL-2.1-or-later
 * What losses promise beside their formulas: messages, empty batches, memory,
 * mixes, hard rows, collapse values, threads. */
#include <math.h>
#include <string.h>

#include "base/rng.h"
#include "dml/dml-error.h"
#include "metric/loss.h"
#include "metric/metric.h"
#include "metric/sampler.h"

/* ---- helpers ------------------------------------------------------------ */

static DmlReal *
random_rows (size_t n, size_t d, uint64_t seed)
{
  DmlReal *x = g_new (DmlReal, n * d);
  DmlRng rng;

  dml_rng_init (&rng, seed, 0);
  for (size_t k = 0; k < n * d; k++)
    x[k] = (DmlReal) dml_rng_normal (&rng);
  return x;
}

/* 0 0 .. 1 1 .. : k rows a class */
static int32_t *
class_labels (size_t n, size_t k)
{
  int32_t *labels = g_new (int32_t, n);

  for (size_t i = 0; i < n; i++)
    labels[i] = (int32_t) (i / k);
  return labels;
}

static DmlLoss *
make_loss (const char *spec, size_t d)
{
  const DmlLossSetup setup = {
    .d = d, .n_classes = 64, .d_teacher = 6, .seed = 1
  };
  g_autoptr (GError) error = NULL;
  DmlLoss *loss = dml_loss_new (spec, &setup, &error);

  g_assert_no_error (error);
  return loss;
}

static DmlLossStats
run (DmlLoss *loss, const DmlBatch *batch, DmlReal *dx)
{
  g_autoptr (GError) error = NULL;
  DmlLossStats stats;

  dml_loss_run (loss, batch, dx, &stats, &error);
  g_assert_no_error (error);
  return stats;
}

static void
expect (GError **error, int code, const char *pattern)
{
  g_assert_error (*error, DML_ERROR, code);
  if (!g_pattern_match_simple (pattern, (*error)->message))
    g_error ("\"%s\" is not like \"%s\"", (*error)->message, pattern);
  g_clear_error (error);
}

static void
near (double got, double expected, double tolerance)
{
  g_assert_cmpfloat_with_epsilon (got, expected, tolerance);
}

/* ---- settings ----------------------------------------------------------- */

static void
expect_refusal (const char *spec, size_t n_classes, const char *pattern)
{
  const DmlLossSetup setup = { .d = 4, .n_classes = n_classes };
  GError *error = NULL;

  g_assert_null (dml_loss_new (spec, &setup, &error));
  expect (&error, DML_ERROR_INVALID, pattern);
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

/* Every default and every setting survives being printed and read. */
static void
test_describe (void)
{
  for (size_t i = 0; i < dml_loss_n_members (); i++) {
    g_autofree char *pml =
      g_strconcat (dml_loss_member (i)->name, ":semantics=pml", NULL);
    const char *specs[] = { dml_loss_member (i)->name, pml };

    for (size_t k = 0; k < G_N_ELEMENTS (specs); k++) {
      g_autoptr (DmlLoss) loss = make_loss (specs[k], 4);
      g_autofree char *text = dml_loss_describe (loss);
      g_autoptr (DmlLoss) again = make_loss (text, 4);
      g_autofree char *text_again = dml_loss_describe (again);

      g_assert_cmpstr (text, ==, text_again);
    }
  }
  g_autoptr (DmlLoss) mined = make_loss ("triplet@batch_hard:positive=easy", 4);
  g_autofree char *text = dml_loss_describe (mined);

  g_assert_true (strstr (text, "@batch_hard:positive=easy") != NULL);
}

static void
test_set (void)
{
  g_autoptr (DmlLoss) loss = make_loss ("cosface:margin=0", 4);
  g_autoptr (GError) error = NULL;

  g_assert_true (dml_loss_set (loss, "margin", 0.2, &error));
  g_assert_cmpfloat (dml_loss_get (loss, "margin"), ==, 0.2);
  g_assert_false (dml_loss_set (loss, "margin", 9, &error));
  expect (&error, DML_ERROR_INVALID, "*margin=9*");
  g_assert_false (dml_loss_set (loss, "margn", 0, &error));
  expect (&error, DML_ERROR_INVALID, "*\"margn\"*");
  g_autoptr (DmlLoss) centres = make_loss ("soft_triple", 4);

  g_assert_false (dml_loss_set (centres, "centres", 2, &error));
  expect (&error, DML_ERROR_INVALID, "*centres*cannot change*");
  g_assert_cmpfloat (dml_loss_get (centres, "centres"), ==, 10);
  g_autoptr (DmlLoss) triplet = make_loss ("triplet:memory=8", 4);

  g_assert_false (dml_loss_set (triplet, "memory", 16, &error));
  expect (&error, DML_ERROR_INVALID, "*memory*cannot change*");
  g_assert_false (dml_loss_set (triplet, "swap", 1, &error));
  expect (&error, DML_ERROR_INVALID, "*memory=0*");
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

  g_assert_true (dml_loss_needs_instances (instance));
  g_assert_true (dml_loss_needs_teacher (distil));
  g_assert_false (dml_loss_run (instance, &batch, NULL, NULL, &error));
  expect (&error, DML_ERROR_INVALID, "*instance*");
  g_assert_false (dml_loss_run (distil, &batch, NULL, NULL, &error));
  expect (&error, DML_ERROR_INVALID, "*teacher*");
  labels[3] = 64;
  g_assert_true (dml_loss_run (triplet, &batch, NULL, NULL, &error));
  g_assert_false (dml_loss_run (softmax, &batch, NULL, NULL, &error));
  expect (&error, DML_ERROR_INVALID, "*label 64 of row 3*64 classes*");
  labels[3] = -1;
  g_assert_false (dml_loss_run (triplet, &batch, NULL, NULL, &error));
  expect (&error, DML_ERROR_INVALID, "*label -1 of row 3*");
  labels[3] = 1;
  batch.d = 2;
  g_assert_false (dml_loss_run (triplet, &batch, NULL, NULL, &error));
  expect (&error, DML_ERROR_INVALID, "*of 2 numbers, expected 4*");
  batch.d = 4;
  x[9] = (DmlReal) NAN;
  g_assert_false (dml_loss_run (triplet, &batch, NULL, NULL, &error));
  expect (&error, DML_ERROR_DIVERGED, "*embedding 2*");
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
  expect (&error, DML_ERROR_DIVERGED, "*contrastive*gradient*learning rate*");
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
  expect (&error, DML_ERROR_LIMIT, "*4097 embeddings*4096*");
  g_assert_false (dml_loss_run (loss, &wide, NULL, NULL, &error));
  expect (&error, DML_ERROR_LIMIT, "*4096 embeddings against 32768*1024 MiB*");
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
      g_assert_true (run (loss, &empty, NULL).empty);
    g_assert_false (run (loss, &full, NULL).empty); /* the row is broken */
    for (int k = 0; k < DML_LOSS_MAX_EMPTY - 1; k++)
      run (loss, &empty, NULL);
    g_assert_false (dml_loss_run (loss, &empty, NULL, NULL, &error));
    expect (&error, DML_ERROR_DIVERGED, "*20 batches*pxk*");
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
  const DmlLossStats stats = run (loss, &batch, dx);

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
  const DmlLossStats stats = run (one, &batch, once);

  near (run (half, &batch, more).value, 0.5 * stats.value, 1e-6);
  run (half, &batch, more);
  for (size_t k = 0; k < 12 * 4; k++)
    near ((double) more[k], (double) once[k], 1e-6);
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
  const DmlLossStats s = run (sum, &batch, NULL);

  g_assert_cmpuint (s.n_terms, ==, 12 * 2 * 9);
  g_assert_cmpuint (s.n_active, <, s.n_terms);
  near (run (mean, &batch, NULL).value, s.value / (double) s.n_terms, 1e-6);
  near (run (active, &batch, NULL).value, s.value / (double) s.n_active, 1e-6);
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
    const DmlLossStats stats = run (loss, &batch, dx);
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
      const DmlLossStats stats = run (loss, &batch, dx);

      g_assert_cmpuint (stats.n_tuples, >, 0);
      for (size_t r = 0; r < n; r++) {
        double along = 0;

        for (size_t k = 0; k < d; k++)
          along += (double) dx[r * d + k] * (double) x[r * d + k];
        if (!g_str_equal (pair_losses[i], "angular")) /* raw negatives */
          near (along, 0, 2e-4);
      }
    }
}

/* ---- single losses ------------------------------------------------------ */

/* Every embedding at one point, 10 classes of 4: metric learning's collapse. */
static void
test_collapse_values (void)
{
  static const struct {
    const char *spec;
    double value, tolerance;
  } rows[] = {
    { "triplet:semantics=pml,margin=0.2", 0.2, 1e-6 },
    { "triplet:semantics=pml,margin=0,smooth=yes", 0.693147, 1e-5 },
    { "contrastive:semantics=pml", 1.0, 1e-6 },
    { "multi_similarity:semantics=pml", 0.9435, 1e-4 },
    { "supcon", 3.663562, 1e-5 }, /* log 39 */
    { "margin", 1.4, 1e-5 },
    { "lifted:semantics=pml", 13.9, 0.05 },
    { "circle", 59.0, 0.5 },
  };
  g_autofree int32_t *labels = class_labels (40, 4);

  for (size_t i = 0; i < G_N_ELEMENTS (rows); i++) {
    g_autoptr (DmlLoss) loss = make_loss (rows[i].spec, 16);

    near (dml_loss_collapse_value (loss, labels, 40), rows[i].value,
          rows[i].tolerance);
  }
  g_autoptr (DmlLoss) softmax = make_loss ("softmax", 16);

  g_assert_true (isnan (dml_loss_collapse_value (softmax, labels, 40)));
}

static double
cosine (const DmlReal *a, const DmlReal *b, size_t d)
{
  double ab = 0, aa = 0, bb = 0;

  for (size_t k = 0; k < d; k++) {
    ab += (double) a[k] * (double) b[k];
    aa += (double) a[k] * (double) a[k];
    bb += (double) b[k] * (double) b[k];
  }
  return ab / sqrt (aa * bb);
}

/* Straight from the definition: views of a picture are positives, the class's
 * other pictures count a quarter in the denominator. */
static void
test_instance (void)
{
  const size_t n = 8, d = 4;
  static const int32_t instances[] = { 0, 0, 1, 1, 2, 2, 3, 3 };
  static const int32_t labels[] = { 0, 0, 0, 0, 1, 1, 1, 1 };
  g_autofree DmlReal *x = random_rows (n, d, 11);
  const DmlBatch batch = {
    .n = n, .d = d, .x = x, .labels = labels, .instances = instances
  };
  g_autoptr (DmlLoss) loss = make_loss ("instance:temperature=0.2", d);
  double expected = 0;

  for (size_t i = 0; i < n; i++) {
    const size_t view = i ^ 1;
    const double own = exp (cosine (x + i * d, x + view * d, d) / 0.2);
    double others = own;

    for (size_t j = 0; j < n; j++)
      if (instances[j] != instances[i])
        others += (labels[j] == labels[i] ? 0.25 : 1) *
                  exp (cosine (x + i * d, x + j * d, d) / 0.2);
    expected += log (others / own) / (double) n;
  }
  near (run (loss, &batch, NULL).value, expected, 1e-5);
}

static void
test_label_smoothing (void)
{
  const size_t n = 6, d = 4, n_classes = 64;
  g_autofree DmlReal *x = random_rows (n, d, 12);
  g_autofree int32_t *labels = class_labels (n, 2);
  const DmlBatch batch = { .n = n, .d = d, .x = x, .labels = labels };
  g_autoptr (DmlLoss) loss = make_loss ("softmax:smoothing=0.1,scale=16", d);
  double expected = 0;
  size_t n_weights;
  const DmlReal *w = dml_loss_weights (loss, &n_weights)->value;

  for (size_t i = 0; i < n; i++) {
    double sum = 0;

    for (size_t c = 0; c < n_classes; c++)
      sum += exp (16 * cosine (x + i * d, w + c * d, d));
    for (size_t c = 0; c < n_classes; c++) {
      const double q =
        0.1 / (double) n_classes + ((int32_t) c == labels[i] ? 0.9 : 0);

      expected -=
        q * (16 * cosine (x + i * d, w + c * d, d) - log (sum)) / (double) n;
    }
  }
  near (run (loss, &batch, NULL).value, expected, 1e-5);
}

/* A student that is the teacher turned round has relational loss 0; one whose
 * projection maps it onto the teacher has loss 0. */
static void
test_distillation (void)
{
  const size_t n = 8, d = 6;
  g_autofree DmlReal *x = random_rows (n, d, 13);
  g_autofree DmlReal *turned = g_new (DmlReal, n * d);
  g_autofree int32_t *labels = class_labels (n, 2);
  const DmlBatch batch = {
    .n = n, .d = d, .x = x, .labels = labels, .teacher = turned
  };
  g_autoptr (DmlLoss) distil = make_loss ("distil", d);
  g_autoptr (DmlLoss) relational = make_loss ("distil_relational", d);
  size_t n_weights;
  DmlLossWeights *p = dml_loss_weights (distil, &n_weights);

  g_assert_cmpuint (p->rows, ==, 6);
  g_assert_cmpuint (p->cols, ==, d);
  g_assert_cmpfloat (
    run (distil,
         &(DmlBatch){ .n = n, .d = d, .x = x, .labels = labels, .teacher = x },
         NULL)
      .value,
    >, 0.1);
  memset (p->value, 0, d * d * sizeof *p->value);
  for (size_t k = 0; k < d; k++) /* a permutation with signs */
    p->value[k * d + (k + 2) % d] = k % 2 ? -3 : 3;
  for (size_t i = 0; i < n; i++)
    for (size_t k = 0; k < d; k++)
      turned[i * d + k] = (k % 2 ? -1 : 1) * x[i * d + (k + 2) % d];
  near (run (distil, &batch, NULL).value, 0, 1e-6);
  near (run (relational, &batch, NULL).value, 0, 1e-6);
}

/* Row 0 is at home nowhere: its positives are the farthest. With the cap they
 * pull as hard as the mean, which is less; the value stays. */
static void
test_positive_cap (void)
{
  const size_t n = 6, d = 2;
  static const int32_t labels[] = { 0, 0, 0, 1, 1, 1 };
  const DmlReal x[] = { 0, -1, 1, 0, 1, 0.2f, 0, 1, 0.1f, 1, -0.1f, 1 };
  const DmlBatch batch = { .n = n, .d = d, .x = x, .labels = labels };
  g_autoptr (DmlLoss) free_loss = make_loss ("contrastive:neg_margin=0", d);
  g_autoptr (DmlLoss) wide =
    make_loss ("contrastive:neg_margin=0,pos_cap=1000", d);
  g_autoptr (DmlLoss) tight =
    make_loss ("contrastive:neg_margin=0,pos_cap=0.1", d);
  DmlReal a[12] = { 0 }, b[12] = { 0 }, c[12] = { 0 };
  const DmlLossStats as_is = run (free_loss, &batch, a);
  const DmlLossStats capped = run (tight, &batch, c);

  g_assert_cmpfloat (run (wide, &batch, b).value, ==, as_is.value);
  g_assert_cmpmem (a, sizeof a, b, sizeof b);
  g_assert_cmpfloat (capped.value, ==, as_is.value);
  /* Distances: 4 of 1.4, 8 below 0.3; a tenth of the mean is 0.06. */
  g_assert_cmpfloat (capped.max_grad_norm, <, 0.1 * as_is.max_grad_norm);
  g_assert_cmpfloat (capped.max_grad_norm, >, 0);
}

/* ---- memory ------------------------------------------------------------- */

/* Within the batch until the memory is warm; then both terms, added. */
static void
test_memory_warmup (void)
{
  const size_t n = 8, d = 4;
  g_autofree DmlReal *x = random_rows (n, d, 21);
  g_autofree DmlReal *dx = g_new0 (DmlReal, n * d);
  g_autofree int32_t *labels = class_labels (n, 2);
  const int32_t self[] = { 0, 1, 2, 3, 4, 5, 6, 7 };
  const DmlBatch batch = { .n = n, .d = d, .x = x, .labels = labels };
  const DmlBatch against = {
    .n = n,
    .d = d,
    .x = x,
    .labels = labels,
    .n_ref = n,
    .ref = x,
    .ref_labels = labels,
    .ref_self = self,
  };
  g_autoptr (DmlLoss) plain = make_loss ("contrastive", d);
  g_autoptr (DmlLoss) loss =
    make_loss ("contrastive:memory=8,memory_warmup=2,memory_weight=0.5", d);
  const double within = run (plain, &batch, NULL).value;
  const double across = run (plain, &against, dx).value;

  near (run (loss, &batch, NULL).value, within, 1e-7);
  near (run (loss, &batch, NULL).value, within, 1e-7);
  /* The ring holds exactly this batch, nobody meets itself. */
  near (run (loss, &batch, NULL).value, within + 0.5 * across, 1e-6);
  near (across, within, 1e-6);
  dml_loss_reset_memory (loss);
  near (run (loss, &batch, NULL).value, within, 1e-7);
}

/* Saved and put back into another loss, it goes on to the bit. */
static void
test_memory_resumes (void)
{
  const char *spec = "supcon:memory=20,memory_warmup=1@multi_similarity";
  const size_t n = 8, d = 4;
  g_autofree int32_t *labels = class_labels (n, 2);
  g_autoptr (DmlLoss) whole = make_loss (spec, d);
  g_autoptr (DmlLoss) resumed = make_loss (spec, d);
  size_t n_state, n_other;

  for (uint64_t step = 0; step < 12; step++) {
    g_autofree DmlReal *x = random_rows (n, d, 100 + step);
    g_autofree DmlReal *a = g_new0 (DmlReal, n * d);
    g_autofree DmlReal *b = g_new0 (DmlReal, n * d);
    const DmlBatch batch = { .n = n, .d = d, .x = x, .labels = labels };
    const double value = run (whole, &batch, a).value;

    if (step < 5)
      continue;
    if (step == 5) {
      DmlLossState *from = dml_loss_state (whole, &n_state);
      DmlLossState *to = dml_loss_state (resumed, &n_other);

      g_assert_cmpuint (n_state, ==, n_other);
      for (size_t i = 0; i < n_state; i++) {
        g_assert_cmpstr (from[i].name, ==, to[i].name);
        g_assert_cmpuint (from[i].n_bytes, ==, to[i].n_bytes);
        memcpy (to[i].data, from[i].data, from[i].n_bytes);
      }
      continue;
    }
    g_assert_cmpfloat (run (resumed, &batch, b).value, ==, value);
    g_assert_cmpmem (a, n * d * sizeof *a, b, n * d * sizeof *b);
  }
}

/* A batch larger than the ring leaves its last rows there; the others have no
 * entry that could be mistaken for their own. */
static void
test_memory_overrun (void)
{
  const size_t n = 6, d = 4;
  g_autofree DmlReal *x = random_rows (n, d, 41);
  g_autofree DmlReal *ring = random_rows (4, d, 0);
  g_autofree int32_t *labels = class_labels (n, 2);
  static const int32_t held[] = { 4, 5, 2, 3 }, self[] = { -1, -1, 2, 3, 0, 1 };
  int32_t ring_labels[4];
  const DmlBatch batch = { .n = n, .d = d, .x = x, .labels = labels };
  g_autoptr (DmlLoss) loss = make_loss (
    "contrastive:semantics=pml,reduction=sum,neg_margin=2,memory=4", d);
  g_autoptr (DmlLoss) given =
    make_loss ("contrastive:semantics=pml,reduction=sum,neg_margin=2", d);

  for (size_t i = 0; i < 4; i++) {
    memcpy (ring + i * d, x + (size_t) held[i] * d, d * sizeof *ring);
    ring_labels[i] = labels[held[i]];
  }
  const DmlBatch against = {
    .n = n,
    .d = d,
    .x = x,
    .labels = labels,
    .n_ref = 4,
    .ref = ring,
    .ref_labels = ring_labels,
    .ref_self = self,
  };

  near (run (loss, &batch, NULL).value, run (given, &against, NULL).value,
        1e-6);
}

/* A picture that comes again tells how far it has moved. */
static void
test_memory_drift (void)
{
  const size_t n = 6, d = 2;
  g_autofree int32_t *labels = class_labels (n, 2);
  DmlReal x[12] = { 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0 };
  int32_t items[6] = { 0, 1, 2, 3, 4, 5 };
  const DmlBatch batch = {
    .n = n, .d = d, .x = x, .labels = labels, .items = items
  };
  g_autoptr (DmlLoss) loss =
    make_loss ("contrastive:memory=4,memory_warmup=0", d);

  g_assert_true (isnan (run (loss, &batch, NULL).drift));
  x[2 * 5] = 0; /* item 5 turns by 90 degrees, 2 to 4 stay, 0 and 1 are gone */
  x[2 * 5 + 1] = 3;
  near (run (loss, &batch, NULL).drift, sqrt (2) / 4, 1e-6);

  /* Held twice, the newest counts. */
  const int32_t same[2] = { 9, 9 };
  const DmlReal turning[4] = { 0, 1, 1, 0 }, now[2] = { -1, 0 };
  const DmlBatch twice = {
    .n = 2, .d = d, .x = turning, .labels = labels, .items = same
  };
  const DmlBatch again = {
    .n = 1, .d = d, .x = now, .labels = labels, .items = same
  };

  run (loss, &twice, NULL);
  near (run (loss, &again, NULL).drift, 2, 1e-6);
}

/* ---- threads ------------------------------------------------------------ */

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
    const DmlLossStats stats = run (loss, &batch, dx);
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
  g_test_add_func ("/losses/wrong-settings-are-named", test_messages);
  g_test_add_func ("/losses/described-as-read", test_describe);
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
  g_test_add_func ("/losses/collapse-values", test_collapse_values);
  g_test_add_func ("/losses/instance-by-definition", test_instance);
  g_test_add_func ("/losses/label-smoothing-by-definition",
                   test_label_smoothing);
  g_test_add_func ("/losses/distillation-reaches-zero", test_distillation);
  g_test_add_func ("/losses/positives-are-capped", test_positive_cap);
  g_test_add_func ("/losses/memory/warm-up", test_memory_warmup);
  g_test_add_func ("/losses/memory/goes-on-to-the-bit", test_memory_resumes);
  g_test_add_func ("/losses/memory/overrun", test_memory_overrun);
  g_test_add_func ("/losses/memory/drift", test_memory_drift);
  g_test_add_func ("/losses/same-bytes-for-any-threads", test_threads);
  return g_test_run ();
}
