/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Bad pictures in a gallery are found, good ones left alone. */
#include "gallery_fixture.h"

#include <stdlib.h>

#include "base/error.h"

enum { DIM = 32, N_LABELS = 30, N_EACH = 4, N = N_LABELS * N_EACH };

typedef struct {
  float rows[N * DIM];
  guint32 labels[N];
} Shop;

/* Pictures of a thing: its own direction and a little of each picture's. */
static void
take_picture (float *row, guint64 thing, guint64 picture)
{
  float own[DIM], noise[DIM];
  double sum = 0;

  fixture_vector (own, DIM, thing);
  fixture_vector (noise, DIM, 10000 + picture);
  for (guint d = 0; d < DIM; d++) {
    row[d] = own[d] + 0.4f * noise[d];
    sum += (double) row[d] * (double) row[d];
  }
  for (guint d = 0; d < DIM; d++)
    row[d] /= (float) sqrt (sum);
}

static Shop *
shop_new (void)
{
  Shop *shop = g_new (Shop, 1);

  for (guint i = 0; i < N; i++) {
    shop->labels[i] = i / N_EACH;
    take_picture (shop->rows + i * DIM, shop->labels[i], i);
  }
  return shop;
}

static GPtrArray *
audit (const Shop *shop, const char *label)
{
  g_autoptr (DmlSnapshot) snapshot = fixture_snapshot (
    shop->rows, shop->labels, N, N_LABELS, DIM, DML_METRIC_COSINE);
  g_autoptr (GError) error = NULL;
  GPtrArray *findings = dml_snapshot_audit (snapshot, label, &error);

  g_assert_no_error (error);
  return findings;
}

static void
test_a_good_gallery_is_left_alone (void)
{
  g_autofree Shop *shop = shop_new ();
  g_autoptr (GPtrArray) findings = audit (shop, NULL);

  g_assert_cmpuint (findings->len, ==, 0);
}

/* A picture of nothing that is in the gallery. */
static void
test_outlier_is_found (void)
{
  g_autofree Shop *shop = shop_new ();
  g_autoptr (GPtrArray) findings = NULL;
  const DmlFinding *finding;

  take_picture (shop->rows + 17 * DIM, 777, 17);
  findings = audit (shop, NULL);
  g_assert_cmpuint (findings->len, ==, 1);
  finding = findings->pdata[0];
  g_assert_cmpint (finding->kind, ==, DML_FINDING_OUTLIER);
  g_assert_cmpint (finding->item, ==, 100 + 17);
  g_assert_cmpstr (finding->label, ==, "4");
  g_assert_cmpfloat (finding->similarity, <, 0.5);
  g_assert_cmpfloat (finding->expected, >, 0.7);
  assert_words (&(GError){ .message = finding->text }, "item 117 of 4",
                "like the label's others", NULL);

  /* Asked about a label alone: the same, and nothing of the others. */
  g_autoptr (GPtrArray) of_four = audit (shop, "4");
  g_autoptr (GPtrArray) of_five = audit (shop, "5");

  g_assert_cmpuint (of_four->len, ==, 1);
  g_assert_cmpuint (of_five->len, ==, 0);
}

/* A picture of another product than its label says, in a label of two: the
 * other's outlier statistics do not see it, its neighbours do. */
static void
test_wrong_label_is_found (void)
{
  g_autofree Shop *shop = shop_new ();
  g_autoptr (GPtrArray) findings = NULL;
  guint n_outliers = 0;

  for (guint i = 2; i < N_EACH; i++)
    take_picture (shop->rows + i * DIM, 888 + i, i), shop->labels[i] = 1;
  take_picture (shop->rows + 1 * DIM, 9, 1); /* labelled 0, shows 9 */
  findings = audit (shop, "0");
  for (guint i = 0; i < findings->len; i++) {
    const DmlFinding *finding = findings->pdata[i];

    if (finding->kind == DML_FINDING_OUTLIER && finding->item == 101) {
      g_assert_cmpstr (finding->other_label, ==, "9");
      n_outliers++;
    }
  }
  g_assert_cmpuint (n_outliers, ==, 1);
}

static void
test_confusable_and_duplicate_are_found (void)
{
  g_autofree Shop *shop = shop_new ();
  g_autoptr (GPtrArray) findings = NULL;
  guint n_confusable = 0, n_duplicates = 0;

  /* Label 20's things are label 3's. */
  for (guint i = 20 * N_EACH; i < 21 * N_EACH; i++)
    take_picture (shop->rows + i * DIM, 3, i);
  /* And one picture was enrolled twice. */
  memcpy (shop->rows + 11 * N_EACH * DIM, shop->rows + 7 * N_EACH * DIM,
          DIM * sizeof (float));
  findings = audit (shop, NULL);
  for (guint i = 0; i < findings->len; i++) {
    const DmlFinding *finding = findings->pdata[i];

    if (finding->kind == DML_FINDING_CONFUSABLE) {
      const int a = atoi (finding->label), b = atoi (finding->other_label);

      n_confusable += a + b == 3 + 20;
      g_assert_true (a + b == 3 + 20 || a + b == 7 + 11);
    }
    if (finding->kind == DML_FINDING_DUPLICATE) {
      n_duplicates++;
      g_assert_cmpfloat (finding->similarity, >, 0.999);
    }
  }
  g_assert_cmpuint (n_confusable, >=, 2);
  g_assert_cmpuint (n_duplicates, ==, 2); /* told from either side */
}

static void
test_odd_galleries (void)
{
  g_autofree Shop *shop = shop_new ();
  static const guint sizes[] = { 0, 1, 2, 3, 5, 9 };

  for (guint s = 0; s < G_N_ELEMENTS (sizes); s++)
    for (guint m = 0; m < 2; m++) {
      g_autoptr (DmlSnapshot) snapshot =
        fixture_snapshot (shop->rows, shop->labels, sizes[s], N_LABELS, DIM,
                          m ? DML_METRIC_EUCLIDEAN : DML_METRIC_COSINE);
      g_autoptr (GError) error = NULL;
      g_autoptr (GPtrArray) findings =
        dml_snapshot_audit (snapshot, NULL, &error);

      g_assert_no_error (error);
      g_assert_cmpuint (findings->len, ==, 0);
      g_assert_null (dml_snapshot_audit (snapshot, "nobody", &error));
      g_assert_error (error, DML_ERROR, DML_ERROR_NOT_FOUND);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/audit/a-good-gallery-is-left-alone",
                   test_a_good_gallery_is_left_alone);
  g_test_add_func ("/audit/outlier-is-found", test_outlier_is_found);
  g_test_add_func ("/audit/wrong-label-is-found", test_wrong_label_is_found);
  g_test_add_func ("/audit/confusable-and-duplicate-are-found",
                   test_confusable_and_duplicate_are_found);
  g_test_add_func ("/audit/odd-galleries", test_odd_galleries);
  return g_test_run ();
}
