/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Losses whose values follow from their definitions, without golden files. */
#include <math.h>
#include <string.h>

#include "loss_maker.h"

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

    assert_near (dml_loss_collapse_value (loss, labels, 40), rows[i].value,
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
  assert_near (run_loss (loss, &batch, NULL).value, expected, 1e-5);
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
  assert_near (run_loss (loss, &batch, NULL).value, expected, 1e-5);
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
    run_loss (
      distil,
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
  assert_near (run_loss (distil, &batch, NULL).value, 0, 1e-6);
  assert_near (run_loss (relational, &batch, NULL).value, 0, 1e-6);
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
  const DmlLossStats as_is = run_loss (free_loss, &batch, a);
  const DmlLossStats capped = run_loss (tight, &batch, c);

  g_assert_cmpfloat (run_loss (wide, &batch, b).value, ==, as_is.value);
  g_assert_cmpmem (a, sizeof a, b, sizeof b);
  g_assert_cmpfloat (capped.value, ==, as_is.value);
  /* Distances: 4 of 1.4, 8 below 0.3; a tenth of the mean is 0.06. */
  g_assert_cmpfloat (capped.max_grad_norm, <, 0.1 * as_is.max_grad_norm);
  g_assert_cmpfloat (capped.max_grad_norm, >, 0);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/losses/collapse-values", test_collapse_values);
  g_test_add_func ("/losses/instance-by-definition", test_instance);
  g_test_add_func ("/losses/label-smoothing-by-definition",
                   test_label_smoothing);
  g_test_add_func ("/losses/distillation-reaches-zero", test_distillation);
  g_test_add_func ("/losses/positives-are-capped", test_positive_cap);
  return g_test_run ();
}
