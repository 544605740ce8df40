/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Answers over time, regions and their reuse: without an element around. */
#include "gst_testing.h"

#include "analytics.h"
#include "gstdmlerror.h"
#include "latency.h"
#include "quality.h"
#include "regions.h"
#include "reuse.h"
#include "smooth.h"

#include <string.h>

static DmlMatcher *matcher;
static DmlMatch *answers[4]; /* to pictures 0 .. 3; 3 is not enrolled */

static void
make_answers (void)
{
  g_autofree char *path = test_gallery ("smooth.bin", 3);
  g_autoptr (GError) error = NULL;
  g_autoptr (DmlGallery) gallery =
    dml_gallery_open (path, DML_GALLERY_READ, NULL, &error);
  g_autoptr (DmlSnapshot) snapshot = dml_gallery_get_snapshot (gallery, &error);
  DmlMatcherOptions options = DML_MATCHER_OPTIONS_INIT;

  options.threshold = 0.9999;
  matcher = dml_matcher_new (snapshot, NULL, &options, &error);
  g_assert_no_error (error);
  for (guint i = 0; i < 4; i++) {
    g_autofree float *query = test_embed (i);

    dml_matcher_match (matcher, query, 1, &answers[i]);
  }
}

static GstDmlRegionMeta
tracked (gint64 track)
{
  GstDmlRegionMeta meta = { 0 };

  meta.kind = GST_DML_REGION_ROI;
  meta.roi_type = g_quark_from_static_string ("x");
  meta.roi_id = 1;
  meta.track_id = track;
  return meta;
}

/* Feeds answers and compares what is shown, as digits. */
static void
assert_shown (const char *fed, const char *shown, guint frames,
              guint min_change)
{
  GstDmlSmooth *s = gst_dml_smooth_new ();
  const GstDmlRegionMeta meta = tracked (5);

  for (guint i = 0; fed[i] != '\0'; i++) {
    g_autoptr (DmlMatch) m = gst_dml_smooth_push (
      s, &meta, answers[fed[i] - '0'], frames, min_change, i * GST_SECOND / 30);
    const DmlMatch *want = answers[shown[i] - '0'];

    g_assert_cmpint (dml_match_get_decision (m), ==,
                     dml_match_get_decision (want));
    g_assert_cmpstr (dml_match_get_label (m), ==, dml_match_get_label (want));
  }
  gst_dml_smooth_free (s);
}

static void
majority_of_the_window (void)
{
  assert_shown ("0001000", "0000000", 5, 1); /* one outlier */
  assert_shown ("0011111", "0000111", 5, 1); /* a real change */
  assert_shown ("0101010", "0000000", 4, 1); /* a tie keeps what is shown */
  assert_shown ("3330000", "3333300", 5, 1); /* unknown is a vote too */
  assert_shown ("0120120", "0120120", 1, 1); /* no smoothing */
  assert_shown ("0120120", "0120120", 0, 9);
}

static void
vote_hysteresis (void)
{
  assert_shown ("00111111", "00000111", 3, 3);
  assert_shown ("00112211", "00000000", 1 + 1, 3);
}

static void
untracked_is_not_merged (void)
{
  GstDmlSmooth *s = gst_dml_smooth_new ();
  GstDmlRegionMeta meta = tracked (-1);
  GstDmlIdentity identity;

  g_assert_false (gst_dml_identity_of (&meta, &identity));
  for (guint i = 0; i < 8; i++) {
    g_autoptr (DmlMatch) m =
      gst_dml_smooth_push (s, &meta, answers[i % 2], 5, 1, 0);

    g_assert_true (m == answers[i % 2]);
  }
  gst_dml_smooth_free (s);
}

static void
forgets_what_was_away (void)
{
  GstDmlSmooth *s = gst_dml_smooth_new ();
  const GstDmlRegionMeta meta = tracked (1);
  GstClockTime t = 0;

  for (guint i = 0; i < 5; i++, t += GST_SECOND / 30)
    dml_match_unref (gst_dml_smooth_push (s, &meta, answers[0], 5, 1, t));
  {
    g_autoptr (DmlMatch) m =
      gst_dml_smooth_push (s, &meta, answers[1], 5, 1, t);

    g_assert_true (m == answers[0]);
  }
  {
    g_autoptr (DmlMatch) m =
      gst_dml_smooth_push (s, &meta, answers[1], 5, 1, t + 3 * GST_SECOND);

    g_assert_true (m == answers[1]);
  }
  /* Backwards as well. */
  {
    g_autoptr (DmlMatch) m =
      gst_dml_smooth_push (s, &meta, answers[2], 5, 1, 0);

    g_assert_true (m == answers[2]);
  }
  gst_dml_smooth_free (s);
}

/* Thousands of tracks come and go: memory is bounded. */
static void
many_tracks (void)
{
  GstDmlSmooth *s = gst_dml_smooth_new ();

  for (guint i = 0; i < 5000; i++) {
    GstDmlRegionMeta meta = tracked (i);

    meta.match = answers[i % 3];
    dml_match_unref (
      gst_dml_smooth_push (s, &meta, answers[i % 3], 5, 1, i * GST_MSECOND));
    g_assert_true (gst_dml_smooth_is_news (s, &meta, i * GST_MSECOND));
    g_assert_false (gst_dml_smooth_is_news (s, &meta, i * GST_MSECOND));
  }
  gst_dml_smooth_free (s);
}

static void
news (void)
{
  GstDmlSmooth *s = gst_dml_smooth_new ();
  GstDmlRegionMeta one = tracked (1), anonymous = tracked (-1);
  GstDmlRegionMeta frame = { 0 };

  one.match = answers[0];
  g_assert_true (gst_dml_smooth_is_news (s, &one, 0));
  g_assert_false (gst_dml_smooth_is_news (s, &one, GST_SECOND));
  one.match = answers[1];
  g_assert_true (gst_dml_smooth_is_news (s, &one, GST_SECOND));
  one.match = answers[3]; /* from known to unknown */
  g_assert_true (gst_dml_smooth_is_news (s, &one, GST_SECOND));
  g_assert_false (gst_dml_smooth_is_news (s, &one, GST_SECOND));

  /* Nobody says which is which: a label is news when it was away. */
  anonymous.match = answers[0];
  g_assert_true (gst_dml_smooth_is_news (s, &anonymous, 0));
  g_assert_false (gst_dml_smooth_is_news (s, &anonymous, 0));
  anonymous.match = answers[1];
  g_assert_true (gst_dml_smooth_is_news (s, &anonymous, 0));
  anonymous.match = answers[0];
  g_assert_false (gst_dml_smooth_is_news (s, &anonymous, GST_SECOND / 2));
  g_assert_true (gst_dml_smooth_is_news (s, &anonymous, 2 * GST_SECOND));

  frame.track_id = -1;
  frame.match = answers[2];
  g_assert_true (gst_dml_smooth_is_news (s, &frame, 0));
  g_assert_false (gst_dml_smooth_is_news (s, &frame, 0));
  gst_dml_smooth_free (s);
}

static GstDmlRegion
region (gint id, gint64 track, gint x, gint y)
{
  return (GstDmlRegion){ GST_DML_REGION_ROI,
                         g_quark_from_static_string ("x"),
                         id,
                         track,
                         { x, y, 100, 100, 640, 480 } };
}

static void
reuse_is_certain_or_not_at_all (void)
{
  GstDmlReuse *r = gst_dml_reuse_new ();
  g_autoptr (DmlEncoder) encoder = dml_encoder_get_default ();
  g_autofree float *a = test_embed (0), *b = test_embed (1);
  g_autoptr (GstDmlEmbedding) first = gst_dml_embedding_new (encoder, a);
  g_autoptr (GstDmlEmbedding) second = gst_dml_embedding_new (encoder, b);
  GstDmlRegion by_track = region (0, 3, 0, 0), by_id = region (7, -1, 300, 0);
  GstDmlRegion by_place = region (0, -1, 0, 300), probe;
  GstClockTime pts;

  gst_dml_reuse_add (r, &by_track, first, 11);
  gst_dml_reuse_add (r, &by_id, second, 12);
  gst_dml_reuse_add (r, &by_place, first, 13);

  probe = region (0, 3, 400, 300); /* moved far, same track */
  g_assert_true (gst_dml_reuse_find (r, &probe, &pts) == first);
  g_assert_cmpuint (pts, ==, 11);
  g_assert_null (gst_dml_reuse_find (r, &probe, &pts)); /* given out once */
  gst_dml_reuse_begin (r);
  probe = region (0, 4, 0, 0); /* another track in its place */
  g_assert_null (gst_dml_reuse_find (r, &probe, &pts));
  probe = region (7, -1, 310, 0);
  g_assert_true (gst_dml_reuse_find (r, &probe, &pts) == second);
  gst_dml_reuse_begin (r);
  probe = region (0, -1, 20, 300);
  g_assert_true (gst_dml_reuse_find (r, &probe, &pts) == first);
  gst_dml_reuse_begin (r);
  probe = region (0, -1, 110, 300); /* followed: it was at 20, then far off */
  g_assert_null (gst_dml_reuse_find (r, &probe, &pts));
  probe = region (0, -1, 0, 300);
  probe.roi_type = g_quark_from_static_string ("y");
  g_assert_null (gst_dml_reuse_find (r, &probe, &pts));
  gst_dml_reuse_free (r);
}

static void
overlap (void)
{
  const GstDmlBox a = { 0, 0, 100, 100, 640, 480 };
  GstDmlBox b = a;

  g_assert_cmpfloat (gst_dml_regions_iou (&a, &b), ==, 1.0);
  b.x = 50;
  g_assert_cmpfloat_with_epsilon (gst_dml_regions_iou (&a, &b), 1. / 3, 1e-9);
  b.x = 100;
  g_assert_cmpfloat (gst_dml_regions_iou (&a, &b), ==, 0.0);
  b = (GstDmlBox){ G_MAXINT - 5, 0, G_MAXINT, G_MAXINT, 640, 480 };
  g_assert_cmpfloat (gst_dml_regions_iou (&a, &b), ==, 0.0);
  b = (GstDmlBox){ 0, 0, 100, 100, 320, 240 }; /* another frame's pixels */
  g_assert_cmpfloat (gst_dml_regions_iou (&a, &b), ==, 0.0);
}

static void
types_of_a_list (void)
{
  g_autoptr (GArray) types = gst_dml_regions_parse_types (" face,, car ,");

  g_assert_cmpuint (types->len, ==, 2);
  g_assert_cmpuint (g_array_index (types, GQuark, 1), ==,
                    g_quark_from_static_string ("car"));
  g_assert_null (gst_dml_regions_parse_types (NULL));
  g_assert_null (gst_dml_regions_parse_types (" , "));
}

/* The text for the log says which code it was, in words. */
static void
errors_name_their_code (void)
{
  g_autoptr (GstElement) bin = gst_object_ref_sink (gst_bin_new (NULL));
  g_autoptr (GstBus) bus = gst_bus_new ();
  const struct {
    GError error;
    const char *text;
  } cases[] = {
    { { DML_ERROR, DML_ERROR_NOT_FOUND, "a" }, "DML_ERROR_NOT_FOUND" },
    { { DML_ERROR, DML_ERROR_CANCELLED, "a" }, "DML_ERROR_CANCELLED" },
    { { G_FILE_ERROR, 2, "a" }, "g-file-error-quark, code 2" },
  };

  gst_element_set_bus (bin, bus);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *debug = NULL;
    GstMessage *m;

    gst_dml_post_error (bin, "gallery", &cases[i].error);
    m = gst_bus_pop_filtered (bus, GST_MESSAGE_ERROR);
    g_assert_nonnull (m);
    gst_message_parse_error (m, NULL, &debug);
    g_assert_nonnull (strstr (debug, cases[i].text));
    gst_message_unref (m);
  }
  gst_element_set_bus (bin, NULL);
}

static void
latency_is_told_when_it_grows (void)
{
  GstDmlLatency l = { 0 };
  GstQuery *q = gst_query_new_latency ();
  GstClockTime min, max;
  gboolean live;

  g_assert_false (gst_dml_latency_update (&l, GST_SECOND, 1)); /* not live */
  l.estimate = 10 * GST_MSECOND;
  gst_query_set_latency (q, TRUE, 5 * GST_MSECOND, GST_CLOCK_TIME_NONE);
  gst_dml_latency_answer (&l, q);
  gst_query_parse_latency (q, &live, &min, &max);
  g_assert_true (live);
  g_assert_cmpuint (min, ==, 15 * GST_MSECOND);
  g_assert_cmpuint (max, ==, GST_CLOCK_TIME_NONE);
  gst_query_unref (q);

  g_assert_false (gst_dml_latency_update (&l, 11 * GST_MSECOND, 2));
  g_assert_true (gst_dml_latency_update (&l, 13 * GST_MSECOND, 3));
  g_assert_false (gst_dml_latency_update (&l, 99 * GST_MSECOND, 4)); /* soon */
  g_assert_true (
    gst_dml_latency_update (&l, 99 * GST_MSECOND, 4 + G_USEC_PER_SEC));
}

static DmlPicture *
checkers (int side, int square, int blur)
{
  DmlPicture *p = dml_picture_new_rgb (side, side, 3, NULL);
  int stride;
  uint8_t *pixels = dml_picture_get_pixels (p, &stride);

  for (int y = 0; y < side; y++)
    for (int x = 0; x < side; x++) {
      int sum = 0, n = 0;

      for (int dy = -blur; dy <= blur; dy++)
        for (int dx = -blur; dx <= blur; dx++, n++)
          sum += ((x + dx + 999 * square) / square +
                  (y + dy + 999 * square) / square) &
                     1
                   ? 220
                   : 40;
      for (int c = 0; c < 3; c++)
        pixels[y * stride + 3 * x + c] = (uint8_t) (sum / n);
    }
  return p;
}

static void
quality_tells_smears_from_pictures (void)
{
  g_autoptr (DmlPicture) sharp = checkers (128, 16, 0);
  g_autoptr (DmlPicture) soft = checkers (128, 16, 3);
  g_autoptr (DmlPicture) smear = checkers (128, 16, 8);
  g_autoptr (DmlPicture) white = dml_picture_new_rgb (128, 128, 3, NULL);
  GstDmlQuality a, b, c, d, small;

  gst_dml_quality_measure (sharp, 128, &a);
  gst_dml_quality_measure (soft, 128, &b);
  gst_dml_quality_measure (smear, 128, &c);
  gst_dml_quality_measure (white, 128, &d);
  gst_dml_quality_measure (sharp, 24, &small);
  g_assert_cmpfloat (a.total, >, 0.9);
  g_assert_cmpfloat (a.sharpness, >, b.sharpness);
  g_assert_cmpfloat (b.sharpness, >, c.sharpness);
  g_assert_cmpfloat (d.total, ==, 0); /* black, in truth */
  g_assert_cmpfloat_with_epsilon (small.size, 0.25, 1e-9);
}

/* Where the GStreamer at hand has no GstAnalytics, nothing happens; where it
 * has, a detection goes in and comes out. */
static void
found_detection (const GstDmlDetection *d, gpointer data)
{
  g_assert_cmpint (d->x, ==, -3);
  g_assert_cmpint (d->width, ==, 40);
  g_assert_cmpint (d->track_id, ==, -1);
  (*(guint *) data)++;
}

static void
analytics_where_there_is_any (void)
{
  GstBuffer *b = gst_buffer_new ();
  guint n = 0, id;

  if (!gst_dml_analytics_available ()) {
    g_assert_false (gst_dml_analytics_add_detection (b, 0, 0, 0, 1, 1, 1, &id));
    gst_dml_analytics_foreach (b, found_detection, &n);
    g_assert_cmpuint (n, ==, 0);
    g_test_skip ("this GStreamer has no libgstanalytics");
  } else {
    g_assert_true (gst_dml_analytics_add_detection (
      b, g_quark_from_static_string ("x"), -3, 4, 40, 50, 0.5f, &id));
    g_assert_true (gst_dml_analytics_classify (
      b, id, g_quark_from_static_string ("label"), 0.9f));
    gst_dml_analytics_foreach (b, found_detection, &n);
    g_assert_cmpuint (n, ==, 1);
  }
  gst_buffer_unref (b);
}

int
main (int argc, char **argv)
{
  int status;

  test_init (&argc, &argv);
  make_answers ();
#define TEST(name, function) g_test_add_func ("/parts/" name, function)
  TEST ("majority-of-the-window", majority_of_the_window);
  TEST ("vote-hysteresis", vote_hysteresis);
  TEST ("untracked-is-not-merged", untracked_is_not_merged);
  TEST ("forgets-what-was-away", forgets_what_was_away);
  TEST ("many-tracks", many_tracks);
  TEST ("news", news);
  TEST ("reuse-is-certain-or-not-at-all", reuse_is_certain_or_not_at_all);
  TEST ("overlap", overlap);
  TEST ("types-of-a-list", types_of_a_list);
  TEST ("errors-name-their-code", errors_name_their_code);
  TEST ("latency-is-told-when-it-grows", latency_is_told_when_it_grows);
  TEST ("quality-tells-smears-from-pictures",
        quality_tells_smears_from_pictures);
  TEST ("analytics-where-there-is-any", analytics_where_there_is_any);
#undef TEST
  status = test_run ();
  for (guint i = 0; i < G_N_ELEMENTS (answers); i++)
    dml_match_unref (answers[i]);
  dml_matcher_unref (matcher);
  return status;
}
