/* SPDX-License-Identifier: LGPL-2.1-or-later
 * dmlembed: what it takes, what it attaches, what it leaves alone. */
#include "gst_testing.h"

#include <string.h>

static void
same_in_tool_and_element (void)
{
  const GstVideoInfo info = test_info (GST_VIDEO_FORMAT_RGB, 128, 128);
  g_autoptr (GstHarness) h = test_harness ("dmlembed regions=frame", &info);

  for (guint i = 0; i < 4; i++) {
    g_autofree float *want = test_embed (i);
    GstBuffer *out = gst_harness_push_and_pull (h, test_frame_at (&info, i, i));
    const GstDmlRegionMeta *meta = gst_dml_buffer_get_region (out, 0);

    g_assert_nonnull (meta);
    g_assert_cmpuint (gst_dml_buffer_get_n_regions (out), ==, 1);
    g_assert_cmpmem (
      gst_dml_embedding_get_values (meta->embedding),
      gst_dml_embedding_get_dim (meta->embedding) * sizeof (float), want,
      gst_dml_embedding_get_dim (meta->embedding) * sizeof (float));
    g_assert_cmpint (meta->kind, ==, GST_DML_REGION_FRAME);
    g_assert_cmpuint (meta->pts, ==, GST_BUFFER_PTS (out));
    g_assert_cmpuint (meta->frames_ago, ==, 0);
    gst_buffer_unref (out);
  }
}

/* The embedding of a test frame without its colours. */
static GstDmlEmbedding *
embed_without_colour (guint number)
{
  const GstVideoInfo info = test_info (GST_VIDEO_FORMAT_I420, 128, 128);
  g_autoptr (GstHarness) h = test_harness ("dmlembed regions=frame", &info);
  GstBuffer *in = test_frame_at (&info, number, 0), *out;
  GstDmlEmbedding *embedding;
  GstVideoFrame frame;

  g_assert_true (gst_video_frame_map (&frame, &info, in, GST_MAP_WRITE));
  for (guint plane = 1; plane < 3; plane++)
    memset (GST_VIDEO_FRAME_PLANE_DATA (&frame, plane), 128,
            (gsize) GST_VIDEO_FRAME_PLANE_STRIDE (&frame, plane) *
              GST_VIDEO_FRAME_COMP_HEIGHT (&frame, plane));
  gst_video_frame_unmap (&frame);
  out = gst_harness_push_and_pull (h, in);
  embedding =
    gst_dml_embedding_ref (gst_dml_buffer_get_region (out, 0)->embedding);
  gst_buffer_unref (out);
  return embedding;
}

static void
negotiates_any_raw_format (void)
{
  guint n;
  const GstVideoFormat *formats = gst_video_formats_raw (&n);
  g_autofree float *want = test_embed (3);
  GstDmlEmbedding *grey = embed_without_colour (3);
  /* One element for all: each that starts tries its encoder on two pictures. */
  g_autoptr (GstHarness) h = test_harness ("dmlembed regions=frame", NULL);

  for (guint i = 0; i < n; i++) {
    const GstVideoInfo info = test_info (formats[i], 128, 128);
    g_autofree char *caps = test_caps (&info);
    GstBuffer *out;
    const GstDmlRegionMeta *meta;
    const gboolean coarse = GST_VIDEO_FORMAT_INFO_DEPTH (info.finfo, 0) < 8 ||
                            (info.finfo->flags & GST_VIDEO_FORMAT_FLAG_PALETTE);
    const float *expected = GST_VIDEO_INFO_IS_GRAY (&info)
                              ? gst_dml_embedding_get_values (grey)
                              : want;

    /* Chroma of four pixels each way shows at this size. */
    const double least = coarse ? 0.7
                         : GST_VIDEO_FORMAT_INFO_W_SUB (info.finfo, 1) > 1
                           ? 0.98
                           : 0.995;

    gst_harness_set_src_caps_str (h, caps);
    out = gst_harness_push_and_pull (h, test_frame_at (&info, 3, i));
    meta = gst_dml_buffer_get_region (out, 0);
    g_assert_nonnull (meta);
    if (test_cosine (meta->embedding, expected) < least)
      g_error ("%s: cosine %.4f", gst_video_format_to_string (formats[i]),
               test_cosine (meta->embedding, expected));
    gst_buffer_unref (out);
  }
  gst_dml_embedding_unref (grey);
}

static void
negotiates_framerates (void)
{
  static const char *const rates[] = {
    "framerate=0/1",
    "framerate=30000/1001",
    "framerate=1/5",
    "framerate=0/1, max-framerate=60/1",
    "framerate=25/1, interlace-mode=mixed",
    "framerate=25/1, interlace-mode=interleaved, field-order=top-field-first",
  };
  const GstVideoInfo info = test_info (GST_VIDEO_FORMAT_I420, 64, 64);

  for (guint i = 0; i < G_N_ELEMENTS (rates); i++) {
    g_autofree char *caps = g_strdup_printf (
      "video/x-raw, format=I420, width=64, height=64, %s", rates[i]);
    g_autoptr (GstHarness) h = test_harness ("dmlembed", NULL);
    GstBuffer *out;

    gst_harness_set_src_caps_str (h, caps);
    out = gst_harness_push_and_pull (h, test_frame_at (&info, 1, 0));
    g_assert_cmpuint (gst_dml_buffer_get_n_regions (out), ==, 1);
    gst_buffer_unref (out);
  }
}

static void
takes_caps_features (void)
{
  static const char *const good[] = {
    "video/x-raw(memory:SystemMemory, meta:GstVideoOverlayComposition)",
    "video/x-raw(memory:DMABuf)"
  };
  static const char *const bad[] = { "video/x-raw(memory:GLMemory)",
                                     "video/x-raw(memory:NVMM)",
                                     "video/x-raw(format:Interlaced)" };
  GstElement *e = gst_element_factory_make ("dmlembed", NULL);
  GstPad *pad = gst_element_get_static_pad (e, "sink");
  g_autoptr (GstCaps) caps = gst_pad_get_pad_template_caps (pad);

  for (guint i = 0; i < G_N_ELEMENTS (good) + G_N_ELEMENTS (bad); i++) {
    const gboolean wanted = i < G_N_ELEMENTS (good);
    g_autofree char *text =
      g_strdup_printf ("%s, format=NV12, width=64, height=64, framerate=30/1",
                       wanted ? good[i] : bad[i - G_N_ELEMENTS (good)]);
    g_autoptr (GstCaps) some = gst_caps_from_string (text);

    if (gst_caps_can_intersect (some, caps) != wanted)
      g_error ("%s: %s", text, wanted ? "refused" : "taken");
  }
  gst_object_unref (pad);
  gst_object_unref (e);
}

static void
caps_change_midstream (void)
{
  static const struct {
    GstVideoFormat format;
    gint w, h;
    guint n;
  } steps[] = {
    { GST_VIDEO_FORMAT_I420, 320, 240, 1 },
    { GST_VIDEO_FORMAT_NV12, 33, 77, 1 },
    { GST_VIDEO_FORMAT_GRAY8, 1, 1, 0 }, /* smaller than min-size */
    { GST_VIDEO_FORMAT_RGB, 17, 16, 1 },
    { GST_VIDEO_FORMAT_NV12, 7680, 4320, 1 },
    { GST_VIDEO_FORMAT_v210, 50, 20, 1 },
    { GST_VIDEO_FORMAT_GRAY8, 1, 4000, 0 },
    { GST_VIDEO_FORMAT_BGRx, 640, 480, 1 },
  };
  g_autoptr (GstHarness) h = test_harness ("dmlembed", NULL);

  for (guint i = 0; i < G_N_ELEMENTS (steps); i++) {
    const GstVideoInfo info =
      test_info (steps[i].format, steps[i].w, steps[i].h);
    g_autofree char *caps = test_caps (&info);
    GstBuffer *b =
      gst_buffer_new_allocate (NULL, GST_VIDEO_INFO_SIZE (&info), NULL);
    GstBuffer *out;

    gst_buffer_memset (b, 0, 90, -1);
    gst_harness_set_src_caps_str (h, caps);
    out = gst_harness_push_and_pull (h, b);
    g_assert_cmpuint (gst_dml_buffer_get_n_regions (out), ==, steps[i].n);
    gst_buffer_unref (out);
  }
  g_assert_cmpuint (test_stat (test_element (h), "frames"), ==,
                    G_N_ELEMENTS (steps));
  g_assert_cmpuint (test_stat (test_element (h), "rois-too-small"), ==, 2);
}

/* In place, pixels untouched, on a buffer that somebody else holds too. */
static void
shares_pixels_of_shared_buffers (void)
{
  const GstVideoInfo info = test_info (GST_VIDEO_FORMAT_I420, 64, 64);
  g_autoptr (GstHarness) h = test_harness ("dmlembed", &info);
  GstBuffer *in = test_frame_at (&info, 2, 0), *out;
  g_autofree guint8 *before = NULL, *after = NULL;
  gsize size;

  gst_buffer_extract_dup (in, 0, -1, (gpointer *) &before, &size);
  gst_buffer_ref (in); /* as a tee does */
  out = gst_harness_push_and_pull (h, in);
  g_assert_true (out != in);
  g_assert_true (gst_buffer_peek_memory (out, 0) ==
                 gst_buffer_peek_memory (in, 0));
  g_assert_cmpuint (gst_dml_buffer_get_n_regions (in), ==, 0);
  g_assert_cmpuint (gst_dml_buffer_get_n_regions (out), ==, 1);
  gst_buffer_extract_dup (out, 0, -1, (gpointer *) &after, &size);
  g_assert_cmpmem (before, size, after, size);
  gst_buffer_unref (out);

  /* Unshared: the very same buffer. */
  out = gst_harness_push_and_pull (h, in);
  g_assert_true (out == in);
  g_assert_cmpuint (gst_dml_buffer_get_n_regions (out), ==, 1);
  gst_buffer_unref (out);
}

static void
reads_read_only_memory (void)
{
  const GstVideoInfo info = test_info (GST_VIDEO_FORMAT_RGB, 64, 64);
  g_autoptr (GstHarness) h = test_harness ("dmlembed", &info);
  static const guint8 pixels[64 * 64 * 3];
  GstBuffer *out = gst_harness_push_and_pull (
    h,
    gst_buffer_new_wrapped_full (GST_MEMORY_FLAG_READONLY, (gpointer) pixels,
                                 sizeof pixels, 0, sizeof pixels, NULL, NULL));

  g_assert_cmpuint (gst_dml_buffer_get_n_regions (out), ==, 1);
  g_assert_cmpuint (test_stat (test_element (h), "map-failures"), ==, 0);
  gst_buffer_unref (out);
}

static void
short_buffer_is_passed_on (void)
{
  const GstVideoInfo info = test_info (GST_VIDEO_FORMAT_I420, 64, 64);
  g_autoptr (GstHarness) h = test_harness ("dmlembed", &info);
  GstBus *bus = gst_bus_new ();
  GstMessage *m;

  gst_element_set_bus (h->element, bus);
  for (guint i = 0; i < 3; i++) {
    GstBuffer *out =
      gst_harness_push_and_pull (h, gst_buffer_new_allocate (NULL, 1000, NULL));

    g_assert_cmpuint (gst_dml_buffer_get_n_regions (out), ==, 0);
    g_assert_cmpuint (gst_buffer_get_size (out), ==, 1000);
    gst_buffer_unref (out);
  }
  g_assert_cmpuint (test_stat (test_element (h), "map-failures"), ==, 3);
  m = gst_bus_pop_filtered (bus, GST_MESSAGE_WARNING);
  g_assert_nonnull (m);
  gst_message_unref (m);
  g_assert_null (gst_bus_pop_filtered (bus, GST_MESSAGE_WARNING)); /* once */
  test_leave_bus (h, bus);
}

static void
wrong_video_meta_is_an_error (void)
{
  const GstVideoInfo info = test_info (GST_VIDEO_FORMAT_I420, 64, 64);
  g_autoptr (GstHarness) h = test_harness ("dmlembed", &info);
  GstBus *bus = gst_bus_new ();
  GstBuffer *b = test_frame_at (&info, 0, 0);
  g_autoptr (GError) error = NULL;
  GstMessage *m;

  gst_element_set_bus (h->element, bus);
  gst_buffer_add_video_meta (b, 0, GST_VIDEO_FORMAT_NV12, 64, 64);
  g_assert_cmpint (gst_harness_push (h, b), ==, GST_FLOW_ERROR);
  m = gst_bus_pop_filtered (bus, GST_MESSAGE_ERROR);
  g_assert_nonnull (m);
  gst_message_parse_error (m, &error, NULL);
  g_assert_error (error, GST_STREAM_ERROR, GST_STREAM_ERROR_FORMAT);
  g_assert_nonnull (strstr (error->message, "NV12"));
  g_assert_nonnull (strstr (error->message, "I420"));
  gst_message_unref (m);
  test_leave_bus (h, bus);
}

static void
gap_and_empty_buffers_pass (void)
{
  const GstVideoInfo info = test_info (GST_VIDEO_FORMAT_I420, 64, 64);
  g_autoptr (GstHarness) h = test_harness ("dmlembed", &info);
  GstBuffer *b = test_frame_at (&info, 1, 0), *out;

  GST_BUFFER_FLAG_SET (b, GST_BUFFER_FLAG_GAP);
  out = gst_harness_push_and_pull (h, b);
  g_assert_cmpuint (gst_dml_buffer_get_n_regions (out), ==, 0);
  gst_buffer_unref (out);
  out = gst_harness_push_and_pull (h, gst_buffer_new ());
  g_assert_cmpuint (gst_dml_buffer_get_n_regions (out), ==, 0);
  gst_buffer_unref (out);
  g_assert_cmpuint (test_stat (test_element (h), "skipped-gap"), ==, 2);
  g_assert_true (gst_harness_push_event (
    h, gst_event_new_gap (GST_SECOND, GST_SECOND / 30)));
}

static void
qos_skips_inference_not_frames (void)
{
  const GstVideoInfo info = test_info (GST_VIDEO_FORMAT_I420, 64, 64);
  g_autoptr (GstHarness) h = test_harness ("dmlembed", &info);
  GstBuffer *out = gst_harness_push_and_pull (h, test_frame_at (&info, 1, 0));

  g_assert_cmpuint (gst_dml_buffer_get_n_regions (out), ==, 1);
  gst_buffer_unref (out);

  /* Frame 0 was 200 ms late: what is due before then is late as well. */
  gst_harness_push_upstream_event (
    h, gst_event_new_qos (GST_QOS_TYPE_UNDERFLOW, 2.0, 200 * GST_MSECOND, 0));
  for (guint i = 1; i < 10; i++) {
    out = gst_harness_push_and_pull (h, test_frame_at (&info, 1, i));
    g_assert_cmpuint (gst_dml_buffer_get_n_regions (out), ==, i > 6);
    gst_buffer_unref (out);
  }
  g_assert_cmpuint (test_stat (test_element (h), "frames"), ==, 10);
  g_assert_cmpuint (test_stat (test_element (h), "skipped-qos"), ==, 6);
  /* The event went on upstream as well. */
  for (;;) {
    GstEvent *e = gst_harness_try_pull_upstream_event (h);
    const gboolean found = e != NULL && GST_EVENT_TYPE (e) == GST_EVENT_QOS;

    g_assert_nonnull (e);
    gst_event_unref (e);
    if (found)
      break;
  }

  /* And not at all where the property says so. */
  g_object_set (test_element (h), "qos", FALSE, NULL);
  gst_harness_push_upstream_event (h, gst_event_new_qos (GST_QOS_TYPE_UNDERFLOW,
                                                         2.0, GST_SECOND,
                                                         9 * GST_SECOND / 30));
  out = gst_harness_push_and_pull (h, test_frame_at (&info, 1, 10));
  g_assert_cmpuint (gst_dml_buffer_get_n_regions (out), ==, 1);
  gst_buffer_unref (out);

  /* A flush forgets what was late. */
  g_object_set (test_element (h), "qos", TRUE, NULL);
  gst_harness_push_event (h, gst_event_new_flush_start ());
  gst_harness_push_event (h, gst_event_new_flush_stop (TRUE));
  {
    GstSegment segment;

    gst_segment_init (&segment, GST_FORMAT_TIME);
    gst_harness_push_event (h, gst_event_new_segment (&segment));
  }
  out = gst_harness_push_and_pull (h, test_frame_at (&info, 1, 11));
  g_assert_cmpuint (gst_dml_buffer_get_n_regions (out), ==, 1);
  gst_buffer_unref (out);
}

static void
latency_query_reports_inference (void)
{
  const GstVideoInfo info = test_info (GST_VIDEO_FORMAT_I420, 64, 64);
  g_autoptr (GstHarness) h = test_harness ("dmlembed", &info);
  GstClockTime latency, estimate;

  gst_harness_set_upstream_latency (h, 40 * GST_MSECOND);
  gst_buffer_unref (gst_harness_push_and_pull (h, test_frame_at (&info, 1, 0)));
  estimate = test_stat (test_element (h), "latency-ns");
  latency = gst_harness_query_latency (h);
  g_assert_cmpuint (estimate, >, 0);
  g_assert_cmpuint (latency, ==, 40 * GST_MSECOND + estimate);
}

static void
interlaced_and_segments (void)
{
  const GstVideoInfo info = test_info (GST_VIDEO_FORMAT_I420, 64, 64);
  g_autoptr (GstHarness) h = test_harness ("dmlembed", &info);
  GstSegment segment;
  GstBuffer *out;

  /* Reverse playback and a segment that is not in time. */
  gst_segment_init (&segment, GST_FORMAT_TIME);
  segment.rate = -1.0;
  segment.start = 0;
  segment.stop = GST_SECOND;
  gst_harness_push_event (h, gst_event_new_segment (&segment));
  out = gst_harness_push_and_pull (h, test_frame_at (&info, 1, 20));
  g_assert_cmpuint (gst_dml_buffer_get_n_regions (out), ==, 1);
  gst_buffer_unref (out);
  out = gst_harness_push_and_pull (h, test_frame_at (&info, 1, 19));
  g_assert_cmpuint (gst_dml_buffer_get_n_regions (out), ==, 1);
  gst_buffer_unref (out);
  gst_segment_init (&segment, GST_FORMAT_BYTES);
  gst_harness_push_event (h, gst_event_new_segment (&segment));
  out = gst_harness_push_and_pull (h, test_frame_at (&info, 1, 21));
  g_assert_cmpuint (gst_dml_buffer_get_n_regions (out), ==, 1);
  gst_buffer_unref (out);
}

static void
eos_without_buffers (void)
{
  g_autoptr (GstHarness) h = test_harness ("dmlembed", NULL);
  GstEvent *e;

  gst_harness_push_event (h, gst_event_new_stream_start ("s"));
  g_assert_true (gst_harness_push_event (h, gst_event_new_eos ()));
  while ((e = gst_harness_try_pull_event (h)) != NULL) {
    const gboolean eos = GST_EVENT_TYPE (e) == GST_EVENT_EOS;

    gst_event_unref (e);
    if (eos)
      return;
  }
  g_assert_not_reached ();
}

int
main (int argc, char **argv)
{
  test_init (&argc, &argv);
#define TEST(name, function) g_test_add_func ("/embed/" name, function)
  TEST ("same-in-tool-and-element", same_in_tool_and_element);
  TEST ("negotiates-any-raw-format", negotiates_any_raw_format);
  TEST ("negotiates-framerates", negotiates_framerates);
  TEST ("takes-caps-features", takes_caps_features);
  TEST ("caps-change-midstream", caps_change_midstream);
  TEST ("shares-pixels-of-shared-buffers", shares_pixels_of_shared_buffers);
  TEST ("reads-read-only-memory", reads_read_only_memory);
  TEST ("short-buffer-is-passed-on", short_buffer_is_passed_on);
  TEST ("wrong-video-meta-is-an-error", wrong_video_meta_is_an_error);
  TEST ("gap-and-empty-buffers-pass", gap_and_empty_buffers_pass);
  TEST ("qos-skips-inference-not-frames", qos_skips_inference_not_frames);
  TEST ("latency-query-reports-inference", latency_query_reports_inference);
  TEST ("interlaced-and-segments", interlaced_and_segments);
  TEST ("eos-without-buffers", eos_without_buffers);
#undef TEST
  return test_run ();
}
