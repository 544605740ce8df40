/* SPDX-License-Identifier: LGPL-2.1-or-later
 * dmlmatch: answers, mirrors, messages; what it takes. */
#include "gst_testing.h"

static GstVideoInfo square;

static GstElement *
match_of (GstHarness *h)
{
  return test_element_named (h, "dmlmatch");
}

static void
knows_what_is_enrolled (void)
{
  g_autofree char *gallery = test_gallery ("known.bin", 4);
  g_autoptr (GstHarness) h =
    test_match_harness (&square, gallery, "smoothing=0");

  for (guint i = 0; i < 4; i++) {
    GstBuffer *out =
      gst_harness_push_and_pull (h, test_frame_at (&square, i, i));
    const GstDmlRegionMeta *meta = test_matched (out);
    g_autofree char *label = g_strdup_printf ("picture-%u", i);

    g_assert_cmpstr (gst_dml_region_meta_get_label (meta), ==, label);
    g_assert_cmpstr (gst_dml_region_meta_get_decision (meta), ==, "known");
    g_assert_cmpfloat (gst_dml_region_meta_get_similarity (meta), >, 0.9999);
    g_assert_true (meta->match == meta->raw_match);
    gst_buffer_unref (out);
  }
  g_assert_cmpuint (test_stat (match_of (h), "known"), ==, 4);
}

static void
unknown_is_explicit (void)
{
  g_autofree char *gallery = test_gallery ("two.bin", 2);
  g_autoptr (GstHarness) h =
    test_match_harness (&square, gallery, "threshold=0.99999");
  GstBus *bus = test_watch_bus (h);
  GstBuffer *out = gst_harness_push_and_pull (h, test_frame_at (&square, 5, 0));
  const GstDmlRegionMeta *meta = test_matched (out);
  GstVideoRegionOfInterestMeta *roi =
    gst_buffer_get_video_region_of_interest_meta_id (out, 0);
  GstMessage *m = gst_bus_pop_filtered (bus, GST_MESSAGE_ELEMENT);
  const GstStructure *s;
  gdouble confidence;

  g_assert_cmpstr (gst_dml_region_meta_get_decision (meta), ==, "unknown");
  g_assert_null (gst_dml_region_meta_get_label (meta));
  s = gst_video_region_of_interest_meta_get_param (roi, "classification");
  g_assert_cmpstr (gst_structure_get_string (s, "label"), ==, "unknown");
  g_assert_false (gst_structure_has_field (s, "label_id"));
  g_assert_true (gst_structure_get_double (s, "confidence", &confidence));
  g_assert_cmpfloat (confidence, ==, 0);
  s = gst_video_region_of_interest_meta_get_param (roi, "dml");
  g_assert_cmpstr (gst_structure_get_string (s, "decision"), ==, "unknown");
  g_assert_cmpstr (gst_structure_get_string (s, "reason"), ==,
                   "below-threshold");
  g_assert_nonnull (gst_structure_get_string (s, "nearest"));
  g_assert_nonnull (m);
  g_assert_true (gst_message_has_name (m, "dml-match"));
  g_assert_cmpstr (
    gst_structure_get_string (gst_message_get_structure (m), "decision"), ==,
    "unknown");
  gst_message_unref (m);
  gst_buffer_unref (out);
  test_leave_bus (h, bus);
}

/* Several alike regions, in either order, with ids that tell nothing. */
static void
two_rois_labels_not_swapped (void)
{
  const GstVideoInfo info = test_info (GST_VIDEO_FORMAT_RGB, 640, 360);
  g_autofree char *gallery = test_gallery ("swap.bin", 4);
  g_autofree char *line =
    g_strdup_printf ("dmlembed ! dmlmatch gallery=%s", gallery);
  g_autoptr (GstHarness) h = test_harness (line, &info);
  static const gint x[3] = { 10, 210, 430 };

  for (guint round = 0; round < 4; round++) {
    GstBuffer *b = test_frame_at (&info, 7, round), *out;
    GstDmlRegionMeta *meta;
    gpointer state = NULL;
    guint n = 0;

    for (guint k = 0; k < 3; k++)
      test_paint_patch (b, &info, (k + round) % 4, x[k], 100, 128);
    for (guint k = 0; k < 3; k++) {
      const guint at = round & 1 ? 2 - k : k;

      test_add_roi (b, "thing", round < 2 ? 0 : 5, (guint) x[at], 100, 128,
                    128);
    }
    out = gst_harness_push_and_pull (h, b);
    while ((meta = gst_dml_buffer_next_region (out, &state)) != NULL) {
      g_autofree char *want = NULL;
      GstVideoRegionOfInterestMeta *roi;
      gpointer rois = NULL;
      GstDmlBox box;
      guint k = 0;

      g_assert_true (gst_dml_region_meta_get_box (meta, out, &box));
      while (x[k] != box.x)
        k++;
      want = g_strdup_printf ("picture-%u", (k + round) % 4);
      g_assert_cmpstr (gst_dml_region_meta_get_label (meta), ==, want);
      while (
        (roi =
           (GstVideoRegionOfInterestMeta *) gst_buffer_iterate_meta_filtered (
             out, &rois, GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE)) != NULL)
        if (roi->x == (guint) box.x) {
          const GstStructure *s =
            gst_video_region_of_interest_meta_get_param (roi, "classification");

          g_assert_nonnull (s);
          g_assert_cmpstr (gst_structure_get_string (s, "label"), ==, want);
          g_assert_cmpuint (g_list_length (roi->params), ==, 2);
        }
      n++;
    }
    g_assert_cmpuint (n, ==, 3);
    gst_buffer_unref (out);
  }
}

/* dmlmatch twice, as when a buffer comes by again: one answer, the last. */
static void
second_answer_replaces_the_first (void)
{
  g_autofree char *a = test_gallery ("first.bin", 1);
  g_autofree char *b = test_gallery ("second.bin", 3);
  g_autofree char *line = g_strdup_printf (
    "dmlembed regions=frame ! dmlmatch gallery=%s ! dmlmatch gallery=%s", a, b);
  g_autoptr (GstHarness) h = test_harness (line, &square);
  GstBuffer *out = gst_harness_push_and_pull (h, test_frame_at (&square, 2, 0));
  GstVideoRegionOfInterestMeta *roi =
    gst_buffer_get_video_region_of_interest_meta_id (out, 0);

  g_assert_cmpstr (gst_dml_region_meta_get_label (test_matched (out)), ==,
                   "picture-2");
  g_assert_cmpuint (g_list_length (roi->params), ==, 2);
  gst_buffer_unref (out);
}

/* Every second frame as after a drop in a leaky queue: no new start. */
static GstBuffer *
frame_after_drop (guint picture, guint i)
{
  GstBuffer *frame = test_frame_at (&square, picture, i);

  if (i & 1)
    GST_BUFFER_FLAG_SET (frame, GST_BUFFER_FLAG_DISCONT);
  return frame;
}

static void
messages_on_change_only (void)
{
  static const guint pictures[] = { 0, 0, 0, 1, 1, 0, 0, 0 };
  g_autofree char *gallery = test_gallery ("news.bin", 2);

  for (guint all = 0; all < 2; all++) {
    g_autoptr (GstHarness) h = test_match_harness (
      &square, gallery,
      all ? "smoothing=0 on-change-only=false" : "smoothing=0");
    GstBus *bus = test_watch_bus (h);

    for (guint i = 0; i < G_N_ELEMENTS (pictures); i++)
      gst_buffer_unref (
        gst_harness_push_and_pull (h, frame_after_drop (pictures[i], i)));
    g_assert_cmpuint (
      test_count_messages (bus, GST_MESSAGE_ELEMENT, "dml-match"), ==,
      all ? G_N_ELEMENTS (pictures) : 3);
    test_leave_bus (h, bus);
  }
}

static void
keep_structure (GstElement *element, const GstStructure *s, GPtrArray *all)
{
  g_ptr_array_add (all, gst_structure_copy (s));
}

static gboolean
same_field (GQuark field, const GValue *value, gpointer other)
{
  const GValue *theirs = gst_structure_id_get_value (other, field);

  g_assert_nonnull (theirs);
  g_assert_cmpint (gst_value_compare (value, theirs), ==, GST_VALUE_EQUAL);
  return TRUE;
}

static void
mirrors_agree (void)
{
  g_autofree char *gallery = test_gallery ("agree.bin", 4);
  g_autoptr (GstHarness) h = test_match_harness (&square, gallery, "");
  g_autoptr (GPtrArray) signalled =
    g_ptr_array_new_with_free_func ((GDestroyNotify) gst_structure_free);
  GstBus *bus = test_watch_bus (h);
  g_autoptr (GstStructure) truth = NULL;
  GstVideoRegionOfInterestMeta *roi;
  const GstDmlRegionMeta *meta;
  const GstStructure *s;
  GstMessage *m;
  GstBuffer *out;
  gdouble confidence;
  gint label_id;

  g_signal_connect (match_of (h), "matched", G_CALLBACK (keep_structure),
                    signalled);
  out = gst_harness_push_and_pull (h, test_frame_at (&square, 3, 4));
  meta = test_matched (out);
  truth = gst_dml_region_meta_to_structure (meta, out, "dml", 100);
  roi = gst_buffer_get_video_region_of_interest_meta_id (out, 0);
  g_assert_nonnull (roi);
  g_assert_cmpstr (g_quark_to_string (roi->roi_type), ==, "dml-frame");
  s = gst_video_region_of_interest_meta_get_param (roi, "dml");
  g_assert_true (gst_structure_foreach (truth, same_field, (gpointer) s));
  g_assert_cmpint (gst_structure_n_fields (s), ==,
                   gst_structure_n_fields (truth));

  s = gst_video_region_of_interest_meta_get_param (roi, "classification");
  g_assert_true (gst_structure_get (s, "confidence", G_TYPE_DOUBLE, &confidence,
                                    "label_id", G_TYPE_INT, &label_id, NULL));
  g_assert_cmpfloat (confidence, ==, dml_match_get_confidence (meta->match));
  g_assert_cmpint (label_id, ==, 3);
  g_assert_cmpstr (gst_structure_get_string (s, "label"), ==, "picture-3");
  g_assert_cmpstr (gst_structure_get_string (s, "layer_name"), ==, "dml");
  g_assert_cmpstr (gst_structure_get_string (s, "model_name"), ==,
                   gst_dml_embedding_get_encoder_name (meta->embedding));

  m = gst_bus_pop_filtered (bus, GST_MESSAGE_ELEMENT);
  s = gst_message_get_structure (m);
  g_assert_true (gst_structure_foreach (truth, same_field, (gpointer) s));
  g_assert_true (gst_structure_has_field (s, "running_time"));
  g_assert_cmpuint (signalled->len, ==, 1);
  g_assert_true (
    gst_structure_foreach (truth, same_field, signalled->pdata[0]));
  gst_message_unref (m);
  gst_buffer_unref (out);
  test_leave_bus (h, bus);
}

/* A frame that comes again (videorate), or an embedding with its age. */
static void
repeated_embeddings_are_answered_once (void)
{
  g_autofree char *gallery = test_gallery ("again.bin", 2);
  g_autofree char *line = g_strdup_printf (
    "dmlembed regions=frame interval=4 ! dmlmatch gallery=%s", gallery);
  g_autoptr (GstHarness) h = test_harness (line, &square);

  for (guint i = 0; i < 8; i++) {
    GstBuffer *out =
      gst_harness_push_and_pull (h, test_frame_at (&square, 1, i));

    g_assert_cmpstr (gst_dml_region_meta_get_label (test_matched (out)), ==,
                     "picture-1");
    g_assert_cmpuint (test_matched (out)->frames_ago, ==, i % 4);
    gst_buffer_unref (out);
  }
  g_assert_cmpuint (test_stat (match_of (h), "repeated"), ==, 6);
}

static void
takes_any_caps (void)
{
  g_autofree char *gallery = test_gallery ("caps.bin", 1);
  g_autofree char *line = g_strdup_printf (
    "videotestsrc num-buffers=3 ! dmlembed ! jpegenc ! dmlmatch gallery=%s "
    "on-change-only=false ! fakesink",
    gallery);
  g_autoptr (TestRun) run = test_run_pipeline (line);

  g_assert_true (run->eos);
  g_assert_cmpuint (test_run_count (run, GST_MESSAGE_ELEMENT, "dml-match"), ==,
                    3);
}

static void
frames_without_results_pass (void)
{
  g_autofree char *gallery = test_gallery ("pass.bin", 1);
  g_autofree char *line = g_strdup_printf ("dmlmatch gallery=%s", gallery);
  g_autoptr (GstHarness) h = test_harness (line, &square);
  GstBuffer *in = test_frame_at (&square, 0, 0);
  GstBuffer *out = gst_harness_push_and_pull (h, in);

  g_assert_true (in == out);
  gst_buffer_unref (out);
}

static void
state_cycles (void)
{
  g_autofree char *gallery = test_gallery ("cycles.bin", 2);
  GstElement *e = gst_element_factory_make ("dmlmatch", NULL);

  g_object_set (e, "gallery", gallery, NULL);
  for (guint i = 0; i < 50; i++) {
    test_set_state (e, GST_STATE_PAUSED);
    if (i % 5 == 0)
      g_object_set (e, "threshold", 0.1, NULL); /* while the thread runs */
    test_set_state (e, i & 1 ? GST_STATE_NULL : GST_STATE_READY);
  }
  gst_element_set_state (e, GST_STATE_NULL);
  gst_object_unref (e);
}

static void
live_labels_hold_still (void)
{
  static const guint pictures[] = { 0, 0, 0, 1, 0, 0, 1, 1, 1, 1 };
  static const guint shown[] = { 0, 0, 0, 0, 0, 0, 0, 1, 1, 1 };
  g_autofree char *gallery = test_gallery ("still.bin", 2);
  /* A harness says that it is live; smoothing is 5 then. */
  g_autoptr (GstHarness) h = test_match_harness (&square, gallery, "");

  for (guint i = 0; i < G_N_ELEMENTS (pictures); i++) {
    GstBuffer *out =
      gst_harness_push_and_pull (h, frame_after_drop (pictures[i], i));
    const GstDmlRegionMeta *meta = test_matched (out);
    g_autofree char *label = g_strdup_printf ("picture-%u", shown[i]);
    g_autofree char *raw = g_strdup_printf ("picture-%u", pictures[i]);

    g_assert_cmpstr (gst_dml_region_meta_get_label (meta), ==, label);
    g_assert_cmpstr (dml_match_get_label (meta->raw_match), ==, raw);
    gst_buffer_unref (out);
  }
}

int
main (int argc, char **argv)
{
  test_init (&argc, &argv);
  square = test_info (GST_VIDEO_FORMAT_RGB, 128, 128);
#define TEST(name, function) g_test_add_func ("/match/" name, function)
  TEST ("knows-what-is-enrolled", knows_what_is_enrolled);
  TEST ("unknown-is-explicit", unknown_is_explicit);
  TEST ("two-rois-labels-not-swapped", two_rois_labels_not_swapped);
  TEST ("second-answer-replaces-the-first", second_answer_replaces_the_first);
  TEST ("messages-on-change-only", messages_on_change_only);
  TEST ("mirrors-agree", mirrors_agree);
  TEST ("repeated-embeddings-are-answered-once",
        repeated_embeddings_are_answered_once);
  TEST ("takes-any-caps", takes_any_caps);
  TEST ("frames-without-results-pass", frames_without_results_pass);
  TEST ("state-cycles", state_cycles);
  TEST ("live-labels-hold-still", live_labels_hold_still);
#undef TEST
  return test_run ();
}
