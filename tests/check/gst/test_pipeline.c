/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Whole pipelines, as a user types them, with other people's elements. */
#include "gst_testing.h"

#include <math.h>
#include <string.h>

static char *gallery;

static GstPadProbeReturn
keep (GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
  gst_buffer_replace (data, GST_PAD_PROBE_INFO_BUFFER (info));
  return GST_PAD_PROBE_OK;
}

/* Runs a line that ends in `fakesink name=s` and returns its last buffer. */
static GstBuffer *
last_buffer (const char *line)
{
  g_autoptr (GError) error = NULL;
  GstElement *pipeline = gst_parse_launch (line, &error);
  GstBuffer *last = NULL;
  GstElement *sink;
  GstPad *pad;
  g_autoptr (TestRun) run = NULL;

  if (error != NULL)
    g_error ("%s: %s", line, error->message);
  sink = gst_bin_get_by_name (GST_BIN (pipeline), "s");
  pad = gst_element_get_static_pad (sink, "sink");
  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER, keep, &last, NULL);
  run = test_run_element (pipeline);
  if (!run->eos)
    g_error ("%s: no end of stream", line);
  gst_object_unref (pad);
  gst_object_unref (sink);
  gst_object_unref (pipeline);
  g_assert_nonnull (last);
  return last;
}

static gboolean
have (const char *elements)
{
  g_auto (GStrv) names = g_strsplit (elements, " ", -1);

  for (guint i = 0; names[i] != NULL; i++) {
    GstElementFactory *f = gst_element_factory_find (names[i]);

    if (f == NULL)
      return FALSE;
    gst_object_unref (f);
  }
  return TRUE;
}

static void
recognises_end_to_end (void)
{
  g_autofree char *line = g_strdup_printf (
    "videotestsrc num-buffers=30 ! dmlembed ! dmlmatch gallery=%s ! "
    "dmloverlay ! fakesink",
    gallery);
  g_autoptr (TestRun) run = test_run_pipeline (line);

  g_assert_null (run->error);
  g_assert_true (run->eos);
  g_assert_cmpuint (test_run_count (run, GST_MESSAGE_ELEMENT, "dml-match"), >=,
                    1);
}

typedef enum { SAME, SCALED, GONE } Fate;

/* What elements do to results (they stay) and to their places. */
static void
results_survive_elements (void)
{
  static const struct {
    const char *elements; /* needed, separated by blanks */
    const char *line;
    Fate box;
  } cases[] = {
    { "queue", "queue", SAME },
    { "identity", "identity", SAME },
    { "videoconvert", "videoconvert ! video/x-raw,format=RGBA", SAME },
    { "videoscale", "videoscale ! video/x-raw,width=320,height=240", SCALED },
    { "videoscale",
      "videoconvertscale ! video/x-raw,format=NV12,width=320,height=240",
      SCALED },
    { "videobalance", "videobalance saturation=0.5", SAME },
    { "videorate", "videorate ! video/x-raw,framerate=60/1", SAME },
    { "videocrop", "videocrop left=40 top=20", GONE },
    { "videoflip", "videoflip video-direction=180", GONE },
    { "videobox", "videobox left=-16 top=-16", GONE },
    { "jpegenc jpegdec", "jpegenc", SAME },
    { "x264enc", "x264enc tune=zerolatency", SAME },
    { "x264enc avdec_h264 h264parse",
      "x264enc tune=zerolatency ! h264parse ! avdec_h264", SAME },
    { "theoraenc", "theoraenc", SAME },
    { "rtpvrawpay rtpvrawdepay",
      "videoconvert ! video/x-raw,format=UYVY ! rtpvrawpay ! rtpvrawdepay",
      GONE },
  };
  guint n_skipped = 0;

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *line = g_strdup_printf (
      "videotestsrc num-buffers=3 ! video/x-raw,format=I420,width=640,"
      "height=480,framerate=30/1 ! dmlembed regions=frame ! "
      "dmlmatch gallery=%s ! %s ! fakesink name=s",
      gallery, cases[i].line);
    const gint w = cases[i].box == SCALED ? 320 : 640;
    const GstDmlRegionMeta *meta;
    GstBuffer *b;
    GstDmlBox box;

    if (!have (cases[i].elements)) {
      g_test_message ("skipped: %s is not there", cases[i].elements);
      n_skipped++;
      continue;
    }
    b = last_buffer (line);
    meta = gst_dml_buffer_get_region (b, 0);
    if (meta == NULL)
      g_error ("%s: the result is lost", cases[i].line);
    g_assert_nonnull (meta->match);
    g_assert_nonnull (meta->embedding);
    if (gst_dml_region_meta_get_box (meta, b, &box) == (cases[i].box == GONE))
      g_error ("%s: the box is %s", cases[i].line,
               cases[i].box == GONE ? "still there" : "lost");
    if (cases[i].box != GONE) {
      g_assert_cmpint (box.width, ==, w);
      g_assert_cmpint (box.frame_width, ==, w);
    }
    gst_buffer_unref (b);
  }
  g_assert_cmpuint (n_skipped, <, G_N_ELEMENTS (cases));
}

/* Somebody rebuilds the regions of interest: ours stay. */
static GstPadProbeReturn
drop_rois (GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
  GstBuffer *b = gst_buffer_make_writable (GST_PAD_PROBE_INFO_BUFFER (info));
  GstMeta *meta;

  while ((meta = gst_buffer_get_meta (
            b, GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE)) != NULL)
    gst_buffer_remove_meta (b, meta);
  GST_PAD_PROBE_INFO_DATA (info) = b;
  return GST_PAD_PROBE_OK;
}

static void
results_survive_rewritten_rois (void)
{
  g_autofree char *line = g_strdup_printf (
    "dmlembed ! identity name=i ! dmlmatch gallery=%s", gallery);
  const GstVideoInfo info = test_info (GST_VIDEO_FORMAT_I420, 64, 64);
  g_autoptr (GstHarness) h = test_harness (line, &info);
  GstPad *pad =
    gst_element_get_static_pad (test_element_named (h, "identity"), "src");
  GstBuffer *out;

  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER, drop_rois, NULL, NULL);
  out = gst_harness_push_and_pull (h, test_frame_at (&info, 0, 0));
  g_assert_cmpuint (gst_dml_buffer_get_n_regions (out), ==, 1);
  g_assert_nonnull (gst_dml_buffer_get_region (out, 0)->match);
  gst_object_unref (pad);
  gst_buffer_unref (out);
}

static void
branches_of_a_tee_are_apart (void)
{
  g_autofree char *line = g_strdup_printf (
    "videotestsrc num-buffers=20 ! tee name=t "
    "t. ! queue ! dmlembed regions=frame ! dmlmatch gallery=%s ! dmloverlay ! "
    "fakesink "
    "t. ! queue ! dmlembed regions=centre ! fakesink "
    "t. ! queue ! fakesink name=s",
    gallery);
  GstBuffer *b = last_buffer (line);

  g_assert_cmpuint (gst_dml_buffer_get_n_regions (b), ==, 0);
  gst_buffer_unref (b);
}

static double
cosine (const GstDmlEmbedding *a, const GstDmlEmbedding *b)
{
  const float *x = gst_dml_embedding_get_values (a);
  const float *y = gst_dml_embedding_get_values (b);
  double dot = 0, xx = 0, yy = 0;

  for (guint i = 0; i < gst_dml_embedding_get_dim (a); i++) {
    dot += (double) x[i] * (double) y[i];
    xx += (double) x[i] * (double) x[i];
    yy += (double) y[i] * (double) y[i];
  }
  return dot / sqrt (xx * yy);
}

/* A photograph and a video of that photograph: full range of one matrix, then
 * limited range of another. */
static void
still_and_video_are_alike (void)
{
  static const char *const ways[] = {
    "jpegenc quality=95 ! jpegdec",
    "videoconvert ! video/x-raw,format=I420,colorimetry=bt709 ! x264enc "
    "tune=zerolatency ! h264parse ! avdec_h264",
  };
  const char *source = "videotestsrc num-buffers=3 pattern=smpte100 ! "
                       "video/x-raw,format=RGB,width=640,height=480";
  g_autofree char *plain =
    g_strdup_printf ("%s ! dmlembed ! fakesink name=s", source);
  GstBuffer *still = last_buffer (plain);

  for (guint i = 0; i < G_N_ELEMENTS (ways); i++) {
    g_autofree char *line = g_strdup_printf (
      "%s ! videoconvert ! %s ! dmlembed ! fakesink name=s", source, ways[i]);
    GstBuffer *b;

    if (!have (i == 0 ? "jpegenc jpegdec" : "x264enc h264parse avdec_h264")) {
      g_test_skip ("an encoder or decoder is not there");
      continue;
    }
    b = last_buffer (line);
    g_assert_cmpfloat (cosine (gst_dml_buffer_get_region (still, 0)->embedding,
                               gst_dml_buffer_get_region (b, 0)->embedding),
                       >, 0.98);
    gst_buffer_unref (b);
  }
  gst_buffer_unref (still);
}

/* Seeks, pauses, rates and the end, over and over, on a real pipeline. */
static void
scenarios (void)
{
  g_autofree char *line = g_strdup_printf (
    "videotestsrc num-buffers=2000 ! video/x-raw,width=64,height=64 ! "
    "dmlembed ! dmlmatch gallery=%s ! dmloverlay ! fakesink sync=false name=s",
    gallery);
  g_autoptr (GError) error = NULL;
  GstElement *p = gst_parse_launch (line, &error);

  g_assert_no_error (error);
  for (guint round = 0; round < 3; round++) {
    gst_element_set_state (p, GST_STATE_PAUSED);
    gst_element_get_state (p, NULL, NULL, TEST_PATIENCE_S * GST_SECOND);
    for (guint i = 0; i < 4; i++) {
      g_assert_true (gst_element_seek_simple (
        p, GST_FORMAT_TIME, GST_SEEK_FLAG_FLUSH | GST_SEEK_FLAG_ACCURATE,
        (4 - i) * GST_SECOND));
      gst_element_get_state (p, NULL, NULL, TEST_PATIENCE_S * GST_SECOND);
      gst_element_set_state (p, i & 1 ? GST_STATE_PAUSED : GST_STATE_PLAYING);
    }
    g_assert_true (gst_element_seek (
      p, round == 1 ? -1.0 : 2.0, GST_FORMAT_TIME, GST_SEEK_FLAG_FLUSH,
      GST_SEEK_TYPE_SET, 0, GST_SEEK_TYPE_SET, GST_SECOND));
    gst_element_set_state (p, GST_STATE_PLAYING);
    {
      g_autoptr (GstBus) bus = gst_element_get_bus (p);
      GstMessage *m = gst_bus_timed_pop_filtered (
        bus, TEST_PATIENCE_S * GST_SECOND, GST_MESSAGE_EOS | GST_MESSAGE_ERROR);

      g_assert_nonnull (m);
      g_assert_cmpint (GST_MESSAGE_TYPE (m), ==, GST_MESSAGE_EOS);
      gst_message_unref (m);
    }
    gst_element_set_state (p, round & 1 ? GST_STATE_READY : GST_STATE_NULL);
  }
  gst_element_set_state (p, GST_STATE_NULL);
  gst_object_unref (p);
}

/* To NULL while inference may be running, from another thread. */
static void
stops_at_any_time (void)
{
  g_autofree char *line = g_strdup_printf (
    "videotestsrc ! video/x-raw,width=320,height=240 ! dmlembed ! "
    "dmlmatch gallery=%s ! fakesink",
    gallery);

  for (guint i = 0; i < 10; i++) {
    g_autoptr (GError) error = NULL;
    GstElement *p = gst_parse_launch (line, &error);

    g_assert_no_error (error);
    gst_element_set_state (p, GST_STATE_PLAYING);
    g_usleep (1000 * i);
    gst_element_set_state (p, GST_STATE_NULL);
    gst_object_unref (p);
  }
}

/* The inherited property may be set, and a sink may complain. */
static void
no_frame_is_dropped_for_qos (void)
{
  static const char *const elements[] = {
    "dmlembed qos=true", "dmlmatch qos=true gallery=",
    "dmlgallery qos=true gallery=", "dmloverlay qos=true",
    "dmljson qos=true location=/dev/null"
  };
  const GstVideoInfo info = test_info (GST_VIDEO_FORMAT_RGB, 128, 128);

  for (guint e = 0; e < G_N_ELEMENTS (elements); e++) {
    g_autofree char *line = g_strconcat (
      elements[e], g_str_has_suffix (elements[e], "=") ? gallery : NULL, NULL);
    g_autoptr (GstHarness) h = test_harness (line, &info);
    GstEvent *event;

    for (guint i = 0; i < 2; i++)
      gst_buffer_unref (
        gst_harness_push_and_pull (h, test_frame_at (&info, 0, i)));
    gst_harness_push_upstream_event (
      h, gst_event_new_qos (GST_QOS_TYPE_UNDERFLOW, 2.0, GST_SECOND, 0));
    while ((event = gst_harness_try_pull_upstream_event (h)) != NULL) {
      const gboolean is_qos = GST_EVENT_TYPE (event) == GST_EVENT_QOS;

      gst_event_unref (event);
      if (is_qos)
        break; /* others may want to know of it */
    }
    g_assert_nonnull (event);
    for (guint i = 2; i < 12; i++)
      gst_harness_push (h, test_frame_at (&info, 0, i));
    g_assert_cmpuint (gst_harness_buffers_received (h), ==, 12);
  }
}

int
main (int argc, char **argv)
{
  int status;

  test_init (&argc, &argv);
  gallery = test_gallery ("pipeline.bin", 4);
#define TEST(name, function) g_test_add_func ("/pipeline/" name, function)
  TEST ("recognises-end-to-end", recognises_end_to_end);
  TEST ("results-survive-elements", results_survive_elements);
  TEST ("results-survive-rewritten-rois", results_survive_rewritten_rois);
  TEST ("branches-of-a-tee-are-apart", branches_of_a_tee_are_apart);
  TEST ("still-and-video-are-alike", still_and_video_are_alike);
  TEST ("scenarios", scenarios);
  TEST ("no-frame-is-dropped-for-qos", no_frame_is_dropped_for_qos);
  TEST ("stops-at-any-time", stops_at_any_time);
#undef TEST
  status = test_run ();
  g_free (gallery);
  return status;
}
