/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Thresholds: how often unknown things pass them, and their way through the
 * file. */
#include "gallery_fixture.h"

#include "base/error.h"
#include "gallery/calibrate.h"
#include "gallery/rows.h"

enum { DIM = 24, N_SHOPS = 20, N = 40 };

/* ---- unknown things before a gallery ------------------------------------- */

/* A thing's embedding: things crowd round common directions, as products of a
 * kind do. */
static void
draw_thing (float *vector, DmlRng *rng)
{
  float kind[DIM];
  double sum = 0;

  fixture_vector (kind, DIM, 1000 + dml_rng_below (rng, 12));
  for (guint d = 0; d < DIM; d++) {
    vector[d] = kind[d] + (float) (0.25 * dml_rng_normal (rng));
    sum += (double) vector[d] * (double) vector[d];
  }
  for (guint d = 0; d < DIM; d++)
    vector[d] /= (float) sqrt (sum);
}

/* The same thing on a counter: everything has a bit of the counter in it. */
static void
put_on_counter (float *vector, DmlRng *rng)
{
  float counter[DIM];

  fixture_vector (counter, DIM, 5);
  for (guint d = 0; d < DIM; d++)
    vector[d] += 0.8f * counter[d] + (float) (0.1 * dml_rng_normal (rng));
}

/* Shares of unknown things that a lead lets in: as photographed for the
 * gallery, and on the counter. */
static void
count_accepted (const DmlSnapshot *snapshot, double lead, DmlRng *rng,
                double share[2])
{
  enum { N_UNKNOWN = 500 };
  DmlHit hit;
  DmlFound found = { .hits = &hit };

  share[0] = share[1] = 0;
  for (guint i = 0; i < N_UNKNOWN; i++) {
    float vector[DIM];

    draw_thing (vector, rng);
    for (guint on_counter = 0; on_counter < 2; on_counter++) {
      const DmlQuery query = {
        vector, dml_query_inv_norm (vector, DIM, DML_METRIC_COSINE), &found
      };
      DmlNear near;

      snapshot->index->klass->search (snapshot->index, vector, 1, &found);
      dml_near_items (snapshot, &query, &near);
      share[on_counter] +=
        near.similarity[0] - dml_crowd (&near, near.label[0], 5) > lead
          ? 1.0 / N_UNKNOWN
          : 0.0;
      put_on_counter (vector, rng);
    }
  }
}

/* N products with one photograph each: their rows. */
static DmlSnapshot *
open_shop (float *rows, DmlRng *rng)
{
  guint32 labels[N];

  for (guint i = 0; i < N; i++) {
    draw_thing (rows + i * DIM, rng);
    labels[i] = i;
  }
  return fixture_snapshot (rows, labels, N, N, DIM, DML_METRIC_COSINE);
}

/* One photograph a product, forty products: unknown things of the same sort
 * pass at the wished rate; on a counter, which takes all similarities down,
 * about as often. */
static void
test_unknown_things_are_rejected_at_the_wished_rate (void)
{
  double mean[2] = { 0, 0 };
  DmlRng rng;

  dml_rng_init (&rng, 11, 0);
  for (guint shop = 0; shop < N_SHOPS; shop++) {
    float rows[N * DIM];
    g_autoptr (DmlSnapshot) snapshot = NULL;
    g_auto (DmlLeads) leads = { 0 };
    double share[2];
    DmlLeadFit fit;

    snapshot = open_shop (rows, &rng);
    g_assert_true (
      dml_leads_measure (snapshot, &dml_classifier_knn, 1000, &leads, NULL));
    dml_leads_fit (&leads, 0.1, &fit);
    count_accepted (snapshot, fit.lead, &rng, share);
    mean[0] += share[0] / N_SHOPS;
    mean[1] += share[1] / N_SHOPS;
  }
  g_test_message ("wished 0.1, got %.3f, on a counter %.3f", mean[0], mean[1]);
  g_assert_cmpfloat (mean[0], >, 0.05);
  g_assert_cmpfloat (mean[0], <, 0.16);
  g_assert_cmpfloat (mean[1], >, 0.01);
  g_assert_cmpfloat (mean[1], <, 0.16);
}

/* Means of many views lie nearer to each other than a camera's frames lie to
 * them: measured with themselves they ask for too much, with probes for what
 * was wished. */
static void
test_probes_stand_for_the_camera (void)
{
  double with = 0, without = 0, own = 0;
  DmlRng rng;

  dml_rng_init (&rng, 12, 0);
  for (guint shop = 0; shop < N_SHOPS; shop++) {
    float rows[N * DIM];
    g_autoptr (DmlSnapshot) snapshot = NULL;
    g_auto (DmlLeads) leads = { 0 }, plain = { 0 };
    double share[2];
    DmlLeadFit fit;

    snapshot = open_shop (rows, &rng);
    g_assert_true (
      dml_leads_measure (snapshot, &dml_classifier_knn, 1000, &plain, NULL));
    g_assert_cmpuint (plain.n_genuine, ==, 0);
    g_assert_true (dml_snapshot_alloc_probes (snapshot, N, NULL));
    for (guint i = 0; i < N; i++) {
      float *probe = snapshot->probes + i * DIM;

      memcpy (probe, rows + i * DIM, DIM * sizeof *probe);
      put_on_counter (probe, &rng);
      snapshot->probe_of[i] = i;
    }
    snapshot->n_probes = N;
    g_assert_true (
      dml_leads_measure (snapshot, &dml_classifier_knn, 1000, &leads, NULL));
    g_assert_cmpuint (leads.n_genuine, ==, N);
    dml_leads_fit (&plain, 0.1, &fit);
    count_accepted (snapshot, fit.lead, &rng, share);
    without += share[1] / N_SHOPS;
    dml_leads_fit (&leads, 0.1, &fit);
    count_accepted (snapshot, fit.lead, &rng, share);
    with += share[1] / N_SHOPS;
    own += fit.true_accept / N_SHOPS;
  }
  g_test_message ("wished 0.1, got %.3f with probes, %.3f without; own %.2f",
                  with, without, own);
  g_assert_cmpfloat (with, >, 0.05);
  g_assert_cmpfloat (with, <, 0.16);
  g_assert_cmpfloat (without, <, with);
  g_assert_cmpfloat (own, >, 0.2);
}

/* Taking a label out and showing it gives what a gallery without it says. */
static void
test_leads_are_those_of_the_rest (void)
{
  enum { N_ITEMS = 60, N_LABELS = 14 };
  float rows[N_ITEMS * DIM];
  guint32 labels[N_ITEMS];
  DmlRng rng;

  dml_rng_init (&rng, 4, 0);
  for (guint i = 0; i < N_ITEMS; i++) {
    draw_thing (rows + i * DIM, &rng);
    labels[i] = i % N_LABELS;
  }
  g_autoptr (DmlSnapshot) snapshot =
    fixture_snapshot (rows, labels, N_ITEMS, N_LABELS, DIM, DML_METRIC_COSINE);

  for (guint prototype = 0; prototype < 2; prototype++) {
    const DmlClassifierClass *klass =
      prototype ? &dml_classifier_prototype : &dml_classifier_knn;
    g_auto (DmlLeads) leads = { 0 };
    guint i = 0;

    g_assert_true (dml_leads_measure (snapshot, klass, 1000, &leads, NULL));
    g_assert_cmpuint (leads.n, ==, N_ITEMS);
    g_assert_cmpuint (leads.n_labels, ==, N_LABELS);
    g_assert_cmpuint (leads.n_genuine, ==, N_LABELS);
    for (guint l = 0; l < N_LABELS; l++) {
      gboolean keep[N_LABELS];
      g_autoptr (DmlSnapshot) rest = NULL;
      g_autoptr (DmlMatcher) matcher = NULL;
      DmlMatcherOptions options = DML_MATCHER_OPTIONS_INIT;

      for (guint other = 0; other < N_LABELS; other++)
        keep[other] = other != l;
      rest = dml_snapshot_filter (snapshot, keep, NULL);
      options.classifier = klass->id;
      options.k = 1;
      matcher = dml_matcher_new_with (rest, NULL, &options, NULL);
      for (guint row = l; row < N_ITEMS; row += N_LABELS, i++) {
        DmlMatch *match;

        matcher->n_crowd = DML_CROWD;
        matcher->lead = 0;
        dml_matcher_match (matcher, rows + row * DIM, 1, &match);
        g_assert_cmpfloat (
          fabs (leads.impostor[i] - (dml_match_get_similarity (match) -
                                     dml_match_get_threshold (match))),
          <, 1e-6);
        dml_match_unref (match);
      }
    }
  }
}

/* ---- through the file ---------------------------------------------------- */

static void
test_calibrate_and_match (Fixture *fixture, gconstpointer data)
{
  g_autoptr (DmlGallery) gallery = NULL;
  g_autoptr (GError) error = NULL;
  DmlThreshold threshold;
  gboolean from_gallery;
  gint64 revision;
  DmlRng rng;

  fixture->space = fixture_space (DIM, DML_METRIC_COSINE);
  gallery = fixture_open (fixture, DML_GALLERY_CREATE);
  dml_rng_init (&rng, 8, 0);
  for (guint l = 0; l < 30; l++) {
    g_autofree char *label = g_strdup_printf ("product %u", l);
    float vectors[2 * DIM];

    draw_thing (vectors, &rng);
    for (guint d = 0; d < DIM; d++)
      vectors[DIM + d] = vectors[d] + (float) (0.03 * dml_rng_normal (&rng));
    g_assert_true (
      dml_gallery_enroll (gallery, label, vectors, NULL, 2, NULL, &error));
  }
  g_assert_true (dml_gallery_calibrate_with (gallery, NULL, 0.03, &threshold,
                                             &from_gallery, &error));
  g_assert_no_error (error);
  g_assert_true (from_gallery);
  g_assert_cmpuint (threshold.n_impostor, ==, 30);
  g_assert_cmpuint (threshold.n_genuine, ==, 30);
  g_assert_cmpfloat (threshold.false_accept_rate, ==, 0.03);
  g_assert_cmpfloat (threshold.lower, <, 0.03);
  g_assert_cmpfloat (threshold.upper, >, 0.03);
  g_assert_true (dml_gallery_get_revision (gallery, &revision, NULL));
  g_assert_cmpint (revision, ==, 31);

  for (guint classifier = DML_CLASSIFIER_KNN;
       classifier <= DML_CLASSIFIER_PROTOTYPE; classifier++) {
    g_autoptr (DmlSnapshot) snapshot = dml_gallery_get_snapshot (gallery, NULL);
    g_autoptr (DmlMatcher) matcher = NULL;
    DmlMatcherOptions options = DML_MATCHER_OPTIONS_INIT;

    options.classifier = classifier;
    options.false_accept_rate = 0.03;
    matcher = dml_matcher_new_with (snapshot, NULL, &options, &error);
    g_assert_no_error (error);
    g_assert_cmpstr (dml_matcher_get_threshold_origin (matcher), ==, "gallery");
    if (classifier == DML_CLASSIFIER_KNN)
      g_assert_cmpfloat (
        fabs (dml_matcher_get_threshold (matcher) - threshold.threshold), <,
        1e-12);
    g_assert_nonnull (strstr (dml_matcher_describe_threshold (matcher),
                              "30 labels at revision 30"));
    g_assert_nonnull (
      strstr (dml_matcher_describe_threshold (matcher), "takes 198 labels"));
    g_assert_null (dml_matcher_get_warning (matcher));
  }
}

/* Probes come back from the file, also where only a few items are new. */
static void
test_probes_are_stored (Fixture *fixture, gconstpointer data)
{
  g_autoptr (DmlGallery) gallery = NULL;
  g_autoptr (GError) error = NULL;
  DmlRng rng;

  fixture->space = fixture_space (DIM, DML_METRIC_COSINE);
  gallery = fixture_open (fixture, DML_GALLERY_CREATE);
  dml_rng_init (&rng, 9, 0);
  for (guint l = 0; l < 8; l++) {
    g_autofree char *label = g_strdup_printf ("%u", l);
    g_autoptr (DmlSnapshot) snapshot = NULL;
    float vectors[2 * DIM], probe[DIM];
    const DmlItemInfo infos[2] = { { .quality = -1 },
                                   { .quality = -1, .probe = probe } };

    draw_thing (vectors, &rng);
    draw_thing (vectors + DIM, &rng);
    fixture_vector (probe, DIM, l);
    if (l == 5)
      g_assert_true (dml_gallery_remove_label (gallery, "2", NULL, &error));
    g_assert_true (
      dml_gallery_enroll (gallery, label, vectors, infos, 2, NULL, &error));
    g_assert_no_error (error);
    snapshot = dml_gallery_get_snapshot (gallery, &error);
    g_assert_no_error (error);
    g_assert_cmpuint (snapshot->n_probes, ==, snapshot->labels->n);
    for (guint p = 0; p < snapshot->n_probes; p++) {
      const guint label_of = snapshot->label_of[snapshot->probe_of[p]];
      float want[DIM];

      fixture_vector (want, DIM,
                      (guint) atoi (snapshot->labels->name[label_of]));
      for (guint d = 0; d < DIM; d++)
        g_assert_cmpfloat (fabsf (snapshot->probes[p * DIM + d] - want[d]), <,
                           1e-6f);
    }
  }
}

/* Nobody calibrated: the matcher measures for itself, to the same result. */
static void
test_matcher_measures_for_itself (Fixture *fixture, gconstpointer data)
{
  g_autoptr (DmlGallery) gallery = fixture_open (fixture, DML_GALLERY_CREATE);
  const DmlThreshold encoders = { 0.01, 0.7, 100, 100, 0.005, 0.02 };
  g_autoptr (GError) error = NULL;

  for (guint l = 0; l < 12; l++) {
    g_autofree char *label = g_strdup_printf ("%u", l);
    g_autoptr (DmlSnapshot) snapshot = NULL;
    g_autoptr (DmlMatcher) matcher = NULL;

    fixture_enroll (gallery, label, l);
    snapshot = dml_gallery_get_snapshot (gallery, NULL);
    matcher = dml_matcher_new_with (snapshot, &encoders, NULL, &error);
    g_assert_no_error (error);
    g_assert_cmpint (dml_matcher_is_relative (matcher), ==,
                     l + 1 >= DML_CALIBRATE_LABELS_MIN);
    g_assert_null (dml_matcher_get_warning (matcher));
    g_assert_nonnull (strstr (dml_matcher_describe_threshold (matcher),
                              l + 1 >= DML_CALIBRATE_LABELS_MIN
                                ? "measured on this gallery's 1"
                                : "the encoder's own"));
    if (l == 11) {
      DmlThreshold threshold;

      g_assert_true (dml_gallery_calibrate_with (
        gallery, NULL, DML_FALSE_ACCEPT_RATE, &threshold, NULL, &error));
      g_assert_cmpfloat (dml_matcher_get_threshold (matcher), ==,
                         threshold.threshold);
    }
  }
}

static void
test_much_change_is_warned_about (Fixture *fixture, gconstpointer data)
{
  g_autoptr (DmlGallery) gallery = fixture_open (fixture, DML_GALLERY_CREATE);
  g_autoptr (GError) error = NULL;

  for (guint l = 0; l < 40; l++) {
    g_autofree char *label = g_strdup_printf ("%u", l);

    fixture_enroll (gallery, label, l);
    if (l == 19)
      g_assert_true (
        dml_gallery_calibrate_with (gallery, NULL, 0.1, NULL, NULL, &error));
    if (l == 25 || l == 39) {
      g_autoptr (DmlSnapshot) snapshot =
        dml_gallery_get_snapshot (gallery, NULL);
      g_autoptr (DmlMatcher) matcher =
        dml_matcher_new_with (snapshot, NULL, NULL, NULL);

      if (l == 25)
        g_assert_null (dml_matcher_get_warning (matcher));
      else
        g_assert_nonnull (strstr (dml_matcher_get_warning (matcher),
                                  "there are 40 now: calibrate again"));
      g_assert_true (dml_matcher_is_relative (matcher)); /* still used */
    }
  }
}

static void
test_too_few_labels (Fixture *fixture, gconstpointer data)
{
  const DmlThreshold encoders = { 0.01, 0.7, 100, 100, 0.005, 0.02 };
  g_autoptr (DmlGallery) gallery = fixture_open (fixture, DML_GALLERY_CREATE);
  g_autoptr (GError) error = NULL;
  DmlThreshold threshold;
  gboolean from_gallery = TRUE;

  for (guint l = 0; l < 10; l++) {
    g_autofree char *label = g_strdup_printf ("%u", l);

    fixture_enroll (gallery, label, l);
  }
  g_assert_true (dml_gallery_calibrate_with (
    gallery, &encoders, 0.1, &threshold, &from_gallery, &error));
  g_assert_true (from_gallery);
  g_assert_true (dml_gallery_remove_label (gallery, "3", NULL, NULL));
  g_assert_false (dml_gallery_calibrate_with (gallery, NULL, 0.1, &threshold,
                                              &from_gallery, &error));
  g_assert_error (error, DML_ERROR, DML_ERROR_NOT_FOUND);
  assert_message_has (error, "9 labels", "10 are needed");
  g_clear_error (&error);
  g_assert_true (dml_gallery_calibrate_with (
    gallery, &encoders, 0.1, &threshold, &from_gallery, &error));
  g_assert_false (from_gallery);
  g_assert_cmpfloat (threshold.threshold, ==, 0.7);
  /* What was stored for ten labels is not used for nine. */
  g_autoptr (DmlSnapshot) snapshot = dml_gallery_get_snapshot (gallery, NULL);

  g_assert_cmpuint (snapshot->thresholds->len, ==, 0);
  for (guint i = 0; i < 3; i++) {
    g_assert_false (dml_gallery_calibrate_with (
      gallery, NULL, ((const double[]){ 0, 1, NAN })[i], NULL, NULL, &error));
    g_assert_error (error, DML_ERROR, DML_ERROR_INVALID);
    g_clear_error (&error);
  }
}

#define add(name, function)                                                    \
  g_test_add ("/calibrate/" name, Fixture, NULL, fixture_set_up, function,     \
              fixture_tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/calibrate/probes-stand-for-the-camera",
                   test_probes_stand_for_the_camera);
  g_test_add_func ("/calibrate/leads-are-those-of-the-rest",
                   test_leads_are_those_of_the_rest);
  g_test_add_func ("/calibrate/unknown-things-are-rejected-at-the-wished-rate",
                   test_unknown_things_are_rejected_at_the_wished_rate);
  add ("calibrate-and-match", test_calibrate_and_match);
  add ("probes-are-stored", test_probes_are_stored);
  add ("matcher-measures-for-itself", test_matcher_measures_for_itself);
  add ("much-change-is-warned-about", test_much_change_is_warned_about);
  add ("too-few-labels", test_too_few_labels);
  return g_test_run ();
}
