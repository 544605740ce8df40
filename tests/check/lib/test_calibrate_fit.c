/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The statistics of thresholds: bounds of a rate, the fit to leads. */
#include <json-glib/json-glib.h>
#include <math.h>

#include "base/rng.h"
#include "gallery/calibrate.h"
#include "metric/metric.h"

/* ---- bounds -------------------------------------------------------------- */

static double
number (JsonObject *group, const char *name, guint i)
{
  JsonObject *tensor = json_object_get_object_member (group, name);

  return json_array_get_double_element (
    json_object_get_array_member (tensor, "data"), i);
}

static void
assert_close (double got, double want)
{
  if (fabs (got - want) > 1e-12 + 1e-10 * fabs (want))
    g_error ("got %.17g, expected %.17g", got, want);
}

static void
test_golden_bounds (void)
{
  g_autoptr (JsonParser) parser = json_parser_new ();
  g_autofree char *path =
    g_build_filename (g_getenv ("DML_TEST_SOURCE_ROOT"), "tests", "golden",
                      "calibration_threshold.json", NULL);
  JsonObject *golden, *inputs, *expected;

  g_assert_true (json_parser_load_from_file (parser, path, NULL));
  golden = json_array_get_object_element (
    json_object_get_array_member (
      json_node_get_object (json_parser_get_root (parser)), "cases"),
    0);
  g_assert_cmpstr (json_object_get_string_member (golden, "id"), ==,
                   "calibration/binomial_bounds");
  inputs = json_object_get_object_member (golden, "inputs");
  expected = json_object_get_object_member (golden, "expected");
  for (guint i = 0; i < 8; i++) {
    const size_t k = (size_t) number (inputs, "k_n", 2 * i);
    const size_t n = (size_t) number (inputs, "k_n", 2 * i + 1);

    assert_close (dml_binomial_lower (k, n, 0.025),
                  number (expected, "clopper_pearson_two_sided", 2 * i));
    assert_close (dml_binomial_upper (k, n, 0.025),
                  number (expected, "clopper_pearson_two_sided", 2 * i + 1));
    assert_close (dml_binomial_upper (k, n, 0.05),
                  number (expected, "clopper_pearson_upper_one_sided", i));
  }
}

/* Against the sum of the binomial's terms, where that is short. */
static void
test_bounds_solve_their_equation (void)
{
  for (size_t n = 1; n < 400; n = n * 2 + 1)
    for (size_t k = 0; k < MIN (n, 40); k += 3) {
      const double p = dml_binomial_upper (k, n, 0.05);
      double sum = 0;

      for (size_t i = 0; i <= k; i++)
        sum += exp (lgamma (n + 1.0) - lgamma (i + 1.0) - lgamma (n - i + 1.0) +
                    (double) i * log (p) + (double) (n - i) * log1p (-p));
      g_assert_cmpfloat (fabs (sum - 0.05), <, 1e-9);
    }
}

/* ---- the fit ------------------------------------------------------------- */

typedef struct {
  double impostor[400], genuine[400], weight[400];
  DmlLeads leads;
} Sample;

static void
sample_init (Sample *sample, guint n)
{
  for (guint i = 0; i < n; i++) {
    sample->genuine[i] = NAN;
    sample->weight[i] = 1.0;
  }
  sample->leads = (DmlLeads){
    .n_labels = n,
    .n_crowd = 5,
    .n = n,
    .impostor = sample->impostor,
    .genuine = sample->genuine,
    .weight = sample->weight,
  };
}

/* Exponential leads: the estimate hits the rate on the average, its interval
 * holds the true rate, and the sure lead keeps it. */
static void
test_fit_of_known_leads (void)
{
  static const double rates[] = { 0.2, 0.1, 0.05, 0.01 };
  enum { N_TIMES = 400, N = 120 };
  g_autofree Sample *sample = g_new (Sample, 1);
  DmlRng rng;

  dml_rng_init (&rng, 3, 0);
  for (guint r = 0; r < G_N_ELEMENTS (rates); r++) {
    guint n_inside = 0, n_sure = 0, n_broken = 0;
    double mean = 0;

    for (guint t = 0; t < N_TIMES; t++) {
      DmlLeadFit fit;
      double rate;

      sample_init (sample, N);
      for (guint i = 0; i < N; i++)
        sample->impostor[i] = -0.1 * log1p (-dml_rng_uniform (&rng));
      dml_leads_fit (&sample->leads, rates[r], &fit);
      rate = exp (-fit.lead / 0.1);
      mean += rate / N_TIMES;
      n_inside += rate >= fit.lower && rate <= fit.upper;
      if (!isnan (fit.sure)) {
        n_sure++;
        n_broken += exp (-fit.sure / 0.1) > rates[r];
      }
      g_assert_cmpfloat (fit.lower, <, rates[r]);
      g_assert_cmpfloat (fit.upper, >, rates[r]);
    }
    g_assert_cmpfloat (fabs (mean / rates[r] - 1), <, 0.25);
    g_assert_cmpuint (n_inside, >, N_TIMES * 95 / 100);
    /* 120 labels are 60 units: enough for 5 %, not for 1 %. */
    g_assert_cmpuint (n_sure, ==, rates[r] > 0.04 ? N_TIMES : 0);
    g_assert_cmpuint (n_broken, <, N_TIMES * 5 / 100);
  }
  g_assert_cmpuint (dml_labels_needed (0.01), ==, 598);
}

/* Several items of a label are one unit; ties, equal leads, few labels. */
static void
test_fit_of_odd_leads (void)
{
  g_autofree Sample *sample = g_new (Sample, 1);
  DmlLeadFit fit, once;

  sample_init (sample, 40);
  for (guint i = 0; i < 40; i++)
    sample->impostor[i] = 0.01 * i;
  dml_leads_fit (&sample->leads, 0.05, &once);
  sample_init (sample, 80);
  sample->leads.n_labels = 40;
  for (guint i = 0; i < 80; i++) {
    sample->impostor[i] = 0.01 * (i / 2);
    sample->weight[i] = 0.5;
  }
  dml_leads_fit (&sample->leads, 0.05, &fit);
  g_assert_cmpfloat (fabs (fit.lead - once.lead), <, 1e-9);
  g_assert_cmpfloat (fabs (fit.upper - once.upper), <, 1e-9);

  for (guint n = 3; n < 30; n += 9) {
    sample_init (sample, n);
    for (guint i = 0; i < n; i++)
      sample->impostor[i] = 0.25;
    dml_leads_fit (&sample->leads, 0.01, &fit);
    g_assert_cmpfloat (fit.lead, ==, 0.25);
    g_assert_cmpfloat (fit.upper, >=, 0.01);
    g_assert_true (isnan (fit.true_accept));
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/calibrate/golden-bounds", test_golden_bounds);
  g_test_add_func ("/calibrate/bounds-solve-their-equation",
                   test_bounds_solve_their_equation);
  g_test_add_func ("/calibrate/fit-of-known-leads", test_fit_of_known_leads);
  g_test_add_func ("/calibrate/fit-of-odd-leads", test_fit_of_odd_leads);
  return g_test_run ();
}
