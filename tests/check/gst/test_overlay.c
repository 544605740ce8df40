/* SPDX-License-Identifier: LGPL-2.1-or-later
 * dmloverlay: where it draws, where it must not, and for whom. */
#include "gst_testing.h"

#include <string.h>

static char *gallery;

static GstHarness *
overlay_harness (const GstVideoInfo *info, const char *properties)
{
  g_autofree char *line = g_strdup_printf (
    "dmlembed ! dmlmatch gallery=%s smoothing=0 threshold=0.99 ! dmloverlay %s",
    gallery, properties);

  return test_harness (line, info);
}

static guint
luma_at (GstBuffer *b, const GstVideoInfo *info, gint x, gint y)
{
  GstVideoFrame f;
  guint v;

  g_assert_true (
    gst_video_frame_map (&f, (GstVideoInfo *) info, b, GST_MAP_READ));
  v = ((guint8 *) f.data[0])[y * f.info.stride[0] + x];
  gst_video_frame_unmap (&f);
  return v;
}

/* Pixels that differ from what came in. */
static guint
n_changed (GstBuffer *a, GstBuffer *b)
{
  GstMapInfo x, y;
  guint n = 0;

  gst_buffer_map (a, &x, GST_MAP_READ);
  gst_buffer_map (b, &y, GST_MAP_READ);
  g_assert_cmpuint (x.size, ==, y.size);
  for (gsize i = 0; i < x.size; i++)
    n += x.data[i] != y.data[i];
  gst_buffer_unmap (a, &x);
  gst_buffer_unmap (b, &y);
  return n;
}

static void
blends_without_touching_a_shared_buffer (void)
{
  const GstVideoInfo info = test_info (GST_VIDEO_FORMAT_I420, 320, 240);
  g_autoptr (GstHarness) h = overlay_harness (&info, "");
  GstBuffer *in = test_frame_at (&info, 1, 0), *out;
  GstBuffer *before = gst_buffer_copy_deep (in);

  gst_buffer_ref (in);
  out = gst_harness_push_and_pull (h, in);
  g_assert_cmpuint (n_changed (in, before), ==, 0);
  g_assert_cmpuint (n_changed (in, out), >, 500);
  g_assert_null (gst_buffer_get_video_overlay_composition_meta (out));
  /* The centre square's left side, not the frame's. */
  g_assert_cmpuint (luma_at (out, &info, 20, 120), ==,
                    luma_at (in, &info, 20, 120));
  gst_buffer_unref (in);
  gst_buffer_unref (out);
  gst_buffer_unref (before);
}

static void
draws_on_every_raw_format (void)
{
  guint n;
  const GstVideoFormat *formats = gst_video_formats_raw (&n);
  g_autoptr (GstHarness) h = overlay_harness (NULL, "");

  for (guint i = 0; i < n; i++) {
    const GstVideoInfo info = test_info (formats[i], 128, 128);
    g_autofree char *caps = test_caps (&info);
    GstBuffer *in = test_frame_at (&info, 2, i), *out;

    gst_harness_set_src_caps_str (h, caps);
    gst_buffer_ref (in);
    out = gst_harness_push_and_pull (h, in);
    if (n_changed (in, out) < 50)
      g_error ("%s: nothing drawn", gst_video_format_to_string (formats[i]));
    gst_buffer_unref (in);
    gst_buffer_unref (out);
  }
}

static void
attaches_where_downstream_draws (void)
{
  const GstVideoInfo info = test_info (GST_VIDEO_FORMAT_I420, 320, 240);
  g_autoptr (GstHarness) h = overlay_harness (&info, "");
  GstBuffer *in = test_frame_at (&info, 1, 0), *out;
  GstVideoOverlayCompositionMeta *meta;

  gst_harness_add_propose_allocation_meta (
    h, GST_VIDEO_OVERLAY_COMPOSITION_META_API_TYPE, NULL);
  gst_harness_set_sink_caps_str (
    h, "video/x-raw(memory:SystemMemory, meta:GstVideoOverlayComposition)");
  out = gst_harness_push_and_pull (h, in);
  g_assert_true (out == in); /* no copy, no pixel touched */
  meta = gst_buffer_get_video_overlay_composition_meta (out);
  g_assert_nonnull (meta);
  g_assert_cmpuint (gst_video_overlay_composition_n_rectangles (meta->overlay),
                    ==, 5); /* four sides and a label */
  gst_buffer_unref (out);
}

/* A small box in a corner is not hidden by its own label. */
static void
label_leaves_small_boxes_free (void)
{
  const GstVideoInfo info = test_info (GST_VIDEO_FORMAT_RGB, 320, 240);
  static const gint at[][2] = {
    { 0, 0 }, { 280, 0 }, { 0, 200 }, { 280, 200 }
  };
  g_autoptr (GstHarness) h = overlay_harness (&info, "");

  gst_harness_add_propose_allocation_meta (
    h, GST_VIDEO_OVERLAY_COMPOSITION_META_API_TYPE, NULL);
  gst_harness_set_sink_caps_str (
    h, "video/x-raw(memory:SystemMemory, meta:GstVideoOverlayComposition)");
  for (guint i = 0; i < G_N_ELEMENTS (at); i++) {
    GstBuffer *b = test_frame_at (&info, 1, i), *out;
    GstVideoOverlayComposition *drawn;
    gint x, y;
    guint n, w, height;

    test_add_roi (b, "thing", 0, (guint) at[i][0], (guint) at[i][1], 40, 40);
    out = gst_harness_push_and_pull (h, b);
    drawn = gst_buffer_get_video_overlay_composition_meta (out)->overlay;
    n = gst_video_overlay_composition_n_rectangles (drawn);
    g_assert_cmpuint (n, ==, 5); /* four sides, then the label */
    gst_video_overlay_rectangle_get_render_rectangle (
      gst_video_overlay_composition_get_rectangle (drawn, n - 1), &x, &y, &w,
      &height);
    g_assert_true (y >= at[i][1] + 40 || y + (gint) height <= at[i][1]);
    g_assert_cmpint (y, >=, 0);
    g_assert_cmpint (y + (gint) height, <=, 240);
    gst_buffer_unref (out);
  }
}

/* Somebody drew before: one meta holds both. */
static void
joins_an_overlay_that_is_there (void)
{
  const GstVideoInfo info = test_info (GST_VIDEO_FORMAT_I420, 320, 240);
  g_autoptr (GstHarness) h = overlay_harness (&info, "");
  GstBuffer *in, *out, *pixels;
  GstVideoOverlayRectangle *r;
  GstVideoOverlayComposition *c;
  GstVideoOverlayCompositionMeta *meta;
  gpointer state = NULL;
  guint n = 0;

  gst_harness_add_propose_allocation_meta (
    h, GST_VIDEO_OVERLAY_COMPOSITION_META_API_TYPE, NULL);
  gst_harness_set_sink_caps_str (
    h, "video/x-raw(memory:SystemMemory, meta:GstVideoOverlayComposition)");
  gst_harness_set_src_caps_str (
    h, "video/x-raw(memory:SystemMemory, meta:GstVideoOverlayComposition), "
       "format=I420, width=320, height=240, framerate=30/1");
  in = test_frame_at (&info, 1, 0);
  pixels = gst_buffer_new_allocate (NULL, 16 * 16 * 4, NULL);
  gst_buffer_memset (pixels, 0, 255, -1);
  gst_buffer_add_video_meta (pixels, 0,
                             GST_VIDEO_OVERLAY_COMPOSITION_FORMAT_RGB, 16, 16);
  r = gst_video_overlay_rectangle_new_raw (
    pixels, 0, 0, 16, 16, GST_VIDEO_OVERLAY_FORMAT_FLAG_PREMULTIPLIED_ALPHA);
  c = gst_video_overlay_composition_new (r);
  gst_buffer_add_video_overlay_composition_meta (in, c);
  gst_video_overlay_composition_unref (c);
  gst_video_overlay_rectangle_unref (r);
  gst_buffer_unref (pixels);

  out = gst_harness_push_and_pull (h, in);
  while (
    (meta =
       (GstVideoOverlayCompositionMeta *) gst_buffer_iterate_meta_filtered (
         out, &state, GST_VIDEO_OVERLAY_COMPOSITION_META_API_TYPE)) != NULL) {
    n++;
    g_assert_cmpuint (
      gst_video_overlay_composition_n_rectangles (meta->overlay), ==, 6);
  }
  g_assert_cmpuint (n, ==, 1);
  gst_buffer_unref (out);
}

static void
flags_say_what_is_drawn (void)
{
  static const struct {
    const char *show;
    guint picture, n;
  } cases[] = {
    { "box", 0, 4 },
    { "label", 0, 1 },
    { "label+similarity", 0, 1 },
    { "box+label", 7, 0 }, /* unknown: hidden */
    { "box+label+unknown", 7, 5 },
    { "0", 0, 0 },
  };
  const GstVideoInfo info = test_info (GST_VIDEO_FORMAT_RGB, 128, 128);

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *properties = g_strdup_printf ("show=%s", cases[i].show);
    g_autoptr (GstHarness) h = overlay_harness (&info, properties);
    GstVideoOverlayCompositionMeta *meta;
    GstBuffer *out;

    gst_harness_add_propose_allocation_meta (
      h, GST_VIDEO_OVERLAY_COMPOSITION_META_API_TYPE, NULL);
    gst_harness_set_sink_caps_str (
      h, "video/x-raw(memory:SystemMemory, meta:GstVideoOverlayComposition)");
    out =
      gst_harness_push_and_pull (h, test_frame_at (&info, cases[i].picture, 0));
    meta = gst_buffer_get_video_overlay_composition_meta (out);
    g_assert_cmpuint (
      meta != NULL ? gst_video_overlay_composition_n_rectangles (meta->overlay)
                   : 0,
      ==, cases[i].n);
    gst_buffer_unref (out);
  }
}

/* A pad probe keeps the last buffer of a pipeline. */
static GstPadProbeReturn
keep (GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
  gst_buffer_replace (data, GST_PAD_PROBE_INFO_BUFFER (info));
  return GST_PAD_PROBE_OK;
}

static GstBuffer *
last_buffer (const char *between, const char *show)
{
  g_autofree char *line = g_strdup_printf (
    "videotestsrc num-buffers=2 pattern=black ! "
    "video/x-raw,format=I420,width=640,height=480 ! dmlembed regions=frame "
    "min-size=1 ! dmlmatch gallery=%s threshold=0.999 ! %s ! "
    "dmloverlay show=%s ! fakesink name=s",
    gallery, between, show);
  g_autoptr (GError) error = NULL;
  GstElement *pipeline = gst_parse_launch (line, &error);
  GstElement *sink = gst_bin_get_by_name (GST_BIN (pipeline), "s");
  GstPad *pad = gst_element_get_static_pad (sink, "sink");
  GstBuffer *last = NULL;
  g_autoptr (TestRun) run = NULL;

  g_assert_no_error (error);
  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER, keep, &last, NULL);
  run = test_run_element (pipeline);
  g_assert_true (run->eos);
  gst_object_unref (pad);
  gst_object_unref (sink);
  gst_object_unref (pipeline);
  g_assert_nonnull (last);
  return last;
}

static guint
n_bright (GstBuffer *b, gint w, gint h, gint from_row)
{
  const GstVideoInfo info = test_info (GST_VIDEO_FORMAT_I420, w, h);
  guint n = 0;

  for (gint y = from_row; y < h; y++)
    for (gint x = 0; x < w; x++)
      n += luma_at (b, &info, x, y) > 60;
  return n;
}

static void
box_follows_a_scaler (void)
{
  GstBuffer *b = last_buffer ("videoscale ! video/x-raw,width=320,height=240",
                              "box+unknown");
  GstDmlBox box;

  g_assert_true (
    gst_dml_region_meta_get_box (gst_dml_buffer_get_region (b, 0), b, &box));
  g_assert_cmpint (box.width, ==, 320);
  g_assert_cmpint (box.height, ==, 240);
  /* The corners of unknown things, at the corners of the smaller picture. */
  g_assert_cmpuint (n_bright (b, 320, 240, 200), >, 50);
  gst_buffer_unref (b);
}

static void
stale_box_is_never_drawn (void)
{
  static const char *const moved[] = {
    "videocrop left=40 top=20",
    "videoflip video-direction=horiz",
    "videobox left=-20 right=-20 ! video/x-raw,width=680",
    "videoscale ! video/x-raw,width=320,height=320,pixel-aspect-ratio=1/1",
  };

  for (guint i = 0; i < G_N_ELEMENTS (moved); i++) {
    GstBuffer *b = last_buffer (moved[i], "box+unknown");
    GstDmlBox box;

    /* The result is there, its place is not. */
    g_assert_cmpuint (gst_dml_buffer_get_n_regions (b), ==, 1);
    if (gst_dml_region_meta_get_box (gst_dml_buffer_get_region (b, 0), b, &box))
      g_error ("%s: a box of %dx%d was kept", moved[i], box.width, box.height);
    gst_buffer_unref (b);
  }
}

/* Then the label goes to the corner. */
static void
label_without_a_box_is_in_the_corner (void)
{
  GstBuffer *b = last_buffer ("videocrop left=40 top=20", "label+unknown");

  g_assert_cmpuint (n_bright (b, 600, 460, 0), >, 100);
  g_assert_cmpuint (n_bright (b, 600, 460, 60), ==, 0);
  gst_buffer_unref (b);
}

/* Styles change while frames flow, and any text is a label. */
static void
survives_styles_and_labels (void)
{
  const GstVideoInfo info = test_info (GST_VIDEO_FORMAT_I420, 33, 31);
  g_autofree char *path = test_gallery ("odd-labels.bin", 0);
  g_autofree char *line = g_strdup_printf (
    "dmlembed regions=frame ! dmlmatch gallery=%s ! dmloverlay", path);
  g_autofree char *longest = g_strnfill (10000, 'x');
  GstElement *overlay;
  guint n = 0;

  test_enroll (path, longest, 0);
  test_enroll (path, "<b>markup & \"quotes\"</b>\nsecond line", 1);
  test_enroll (path, "\360\237\215\216 \327\251\327\234\327\225\327\235", 2);
  {
    g_autoptr (GstHarness) h = test_harness (line, &info);

    overlay = test_element_named (h, "dmloverlay");
    for (guint i = 0; i < 12; i++) {
      g_object_set (overlay, "font", i & 1 ? "Serif 40" : "no such font",
                    "line-width", i * 9, "colour-known", 0x80ff0000u + i, NULL);
      gst_buffer_unref (
        gst_harness_push_and_pull (h, test_frame_at (&info, i % 3, n++)));
    }
  }
}

static void
caps_change_midstream (void)
{
  static const gint sizes[][2] = {
    { 320, 240 }, { 64, 48 }, { 1, 1 }, { 1920, 1080 }, { 17, 301 }
  };
  g_autoptr (GstHarness) h = overlay_harness (NULL, "");

  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++) {
    const GstVideoInfo info =
      test_info (GST_VIDEO_FORMAT_NV12, sizes[i][0], sizes[i][1]);
    g_autofree char *caps = test_caps (&info);

    gst_harness_set_src_caps_str (h, caps);
    gst_buffer_unref (
      gst_harness_push_and_pull (h, test_frame_at (&info, 1, i)));
  }
}

static void
refuses_memory_that_nobody_draws_on (void)
{
  GstElement *e = gst_element_factory_make ("dmloverlay", NULL);
  GstHarness *h = gst_harness_new_with_element (e, "sink", "src");
  GstPad *pad = gst_element_get_static_pad (e, "sink");
  g_autoptr (GstCaps) gl = gst_caps_from_string (
    "video/x-raw(memory:GLMemory), format=RGBA, width=64, height=64, "
    "framerate=30/1");
  g_autoptr (GstEvent) event = gst_event_new_caps (gl);

  gst_harness_set_sink_caps_str (h, "video/x-raw(memory:GLMemory)");
  gst_element_set_state (e, GST_STATE_PLAYING);
  gst_pad_send_event (pad, gst_event_new_stream_start ("s"));
  g_assert_false (gst_pad_send_event (pad, gst_event_ref (event)));
  gst_object_unref (pad);
  gst_harness_teardown (h);
  gst_object_unref (e);
}

int
main (int argc, char **argv)
{
  int status;

  test_init (&argc, &argv);
  gallery = test_gallery ("overlay.bin", 3);
#define TEST(name, function) g_test_add_func ("/overlay/" name, function)
  TEST ("label-leaves-small-boxes-free", label_leaves_small_boxes_free);
  TEST ("blends-without-touching-a-shared-buffer",
        blends_without_touching_a_shared_buffer);
  TEST ("draws-on-every-raw-format", draws_on_every_raw_format);
  TEST ("attaches-where-downstream-draws", attaches_where_downstream_draws);
  TEST ("joins-an-overlay-that-is-there", joins_an_overlay_that_is_there);
  TEST ("flags-say-what-is-drawn", flags_say_what_is_drawn);
  TEST ("box-follows-a-scaler", box_follows_a_scaler);
  TEST ("stale-box-is-never-drawn", stale_box_is_never_drawn);
  TEST ("label-without-a-box-is-in-the-corner",
        label_without_a_box_is_in_the_corner);
  TEST ("survives-styles-and-labels", survives_styles_and_labels);
  TEST ("caps-change-midstream", caps_change_midstream);
  TEST ("refuses-memory-that-nobody-draws-on",
        refuses_memory_that_nobody_draws_on);
#undef TEST
  status = test_run ();
  g_free (gallery);
  return status;
}
