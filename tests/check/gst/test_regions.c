/* SPDX-License-Identifier: LGPL-2.1-or-later
 * dmlembed: which regions it looks at, and what becomes of them. */
#include "gst_testing.h"

#include <string.h>

static void
counts_useless_regions (void)
{
  const GstVideoInfo info = test_info (GST_VIDEO_FORMAT_I420, 320, 240);
  g_autoptr (GstHarness) h = test_harness ("dmlembed regions=roi", &info);
  GstBuffer *b = test_frame_at (&info, 1, 0), *out;
  GstDmlBox box;

  test_add_roi (b, "a", 0, 10, 10, 0, 50);           /* no size */
  test_add_roi (b, "a", 0, 10, 10, 50, 0);           /* no size */
  test_add_roi (b, "a", 0, 320, 0, 50, 50);          /* right of the frame */
  test_add_roi (b, "a", 0, 0, 5000, 50, 50);         /* below it */
  test_add_roi (b, "a", 0, (guint) -90, 10, 50, 50); /* left of it */
  test_add_roi (b, "a", 0, 10, 10, (guint) -5, 50);  /* a negative width */
  test_add_roi (b, "a", 0, 10, 10, 8, 50);           /* small */
  test_add_roi (b, "a", 0, 310, 10, 100, 100);       /* small once clamped */
  test_add_roi (b, "a", 0, (guint) -10, (guint) -20, 60, 80); /* sticks out */
  test_add_roi (b, "a", 0, (guint) -10, (guint) -20, 60, 80); /* twice */
  test_add_roi (b, "a", 0, 300, 200, G_MAXINT32,
                G_MAXINT32); /* would overflow */
  out = gst_harness_push_and_pull (h, b);

  g_assert_cmpuint (gst_dml_buffer_get_n_regions (out), ==, 2);
  g_assert_true (gst_dml_region_meta_get_box (
    gst_dml_buffer_get_region (out, 0), out, &box));
  g_assert_cmpint (box.x, ==, 0);
  g_assert_cmpint (box.y, ==, 0);
  g_assert_cmpint (box.width, ==, 50);
  g_assert_cmpint (box.height, ==, 60);
  g_assert_true (gst_dml_region_meta_get_box (
    gst_dml_buffer_get_region (out, 1), out, &box));
  g_assert_cmpint (box.x, ==, 300);
  g_assert_cmpint (box.width, ==, 20);
  g_assert_cmpint (box.height, ==, 40);
  g_assert_cmpuint (test_stat (test_element (h), "rois"), ==, 11);
  g_assert_cmpuint (test_stat (test_element (h), "rois-invalid"), ==, 6);
  g_assert_cmpuint (test_stat (test_element (h), "rois-too-small"), ==, 2);
  g_assert_cmpuint (test_stat (test_element (h), "rois-duplicate"), ==, 1);
  gst_buffer_unref (out);
}

static void
keeps_the_largest (void)
{
  const GstVideoInfo info = test_info (GST_VIDEO_FORMAT_I420, 320, 240);
  g_autoptr (GstHarness) h =
    test_harness ("dmlembed regions=roi max-regions=2", &info);
  GstBuffer *b = test_frame_at (&info, 1, 0), *out;

  test_add_roi (b, "a", 1, 0, 0, 60, 60);
  test_add_roi (b, "a", 2, 80, 0, 30, 30);
  test_add_roi (b, "a", 3, 120, 0, 60, 60);
  test_add_roi (b, "a", 4, 200, 0, 60, 60);
  out = gst_harness_push_and_pull (h, b);
  g_assert_cmpuint (gst_dml_buffer_get_n_regions (out), ==, 2);
  g_assert_cmpint (gst_dml_buffer_get_region (out, 0)->roi_id, ==, 1);
  g_assert_cmpint (gst_dml_buffer_get_region (out, 1)->roi_id, ==, 3);
  g_assert_cmpuint (test_stat (test_element (h), "rois-over-limit"), ==, 2);
  gst_buffer_unref (out);
}

static void
filters_types (void)
{
  const GstVideoInfo info = test_info (GST_VIDEO_FORMAT_I420, 320, 240);
  g_autoptr (GstHarness) h =
    test_harness ("dmlembed regions=auto roi-type=\"face, car\"", &info);
  GstBuffer *b = test_frame_at (&info, 1, 0), *out;

  test_add_roi (b, "face", 0, 0, 0, 60, 60);
  test_add_roi (b, "tree", 0, 80, 0, 60, 60);
  out = gst_harness_push_and_pull (h, b);
  g_assert_cmpuint (gst_dml_buffer_get_n_regions (out), ==, 1);
  g_assert_cmpstr (
    gst_dml_region_meta_get_roi_type (gst_dml_buffer_get_region (out, 0)), ==,
    "face");
  g_assert_cmpuint (test_stat (test_element (h), "rois-filtered"), ==, 1);
  gst_buffer_unref (out);

  /* auto: none of the wanted type is none at all. */
  b = test_frame_at (&info, 1, 1);
  test_add_roi (b, "tree", 0, 80, 0, 60, 60);
  out = gst_harness_push_and_pull (h, b);
  g_assert_cmpuint (gst_dml_buffer_get_n_regions (out), ==, 1);
  g_assert_cmpint (gst_dml_buffer_get_region (out, 0)->kind, ==,
                   GST_DML_REGION_CENTRE);
  gst_buffer_unref (out);
}

static void
centre_and_frame_and_roi (void)
{
  const GstVideoInfo info = test_info (GST_VIDEO_FORMAT_NV12, 320, 240);
  g_autoptr (GstHarness) h =
    test_harness ("dmlembed regions=frame+centre+roi", &info);
  GstBuffer *b = test_frame_at (&info, 1, 0), *out;
  GstVideoRegionOfInterestMeta *roi;
  gpointer state = NULL;
  guint n = 0;
  GstDmlBox box;

  test_add_roi (b, "face", 3, 10, 20, 60, 70);
  out = gst_harness_push_and_pull (h, b);
  g_assert_cmpuint (gst_dml_buffer_get_n_regions (out), ==, 3);
  g_assert_cmpint (gst_dml_buffer_get_region (out, 0)->kind, ==,
                   GST_DML_REGION_ROI);
  g_assert_cmpint (gst_dml_buffer_get_region (out, 1)->kind, ==,
                   GST_DML_REGION_FRAME);
  g_assert_cmpint (gst_dml_buffer_get_region (out, 2)->kind, ==,
                   GST_DML_REGION_CENTRE);
  gst_dml_region_meta_get_box (gst_dml_buffer_get_region (out, 2), out, &box);
  g_assert_cmpint (box.x, ==, 40);
  g_assert_cmpint (box.width, ==, 240);
  g_assert_cmpint (box.height, ==, 240);

  /* Mirrored: one region of interest each; the producer's own is left alone. */
  while (
    (roi = (GstVideoRegionOfInterestMeta *) gst_buffer_iterate_meta_filtered (
       out, &state, GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE)) != NULL)
    n++;
  g_assert_cmpuint (n, ==, 3);
  gst_buffer_unref (out);
}

/* A second dmlembed takes what the first one added for no detector's work. */
static void
looks_at_listed_boxes (void)
{
  const GstVideoInfo info = test_info (GST_VIDEO_FORMAT_I420, 320, 240);
  g_autoptr (GstHarness) h = test_harness (
    "dmlembed regions=list "
    "region-list=\"0,0,100,80; 160,120,200,200;-10,5,60,60; 400,0,50,50\"",
    &info);
  GstBuffer *out = gst_harness_push_and_pull (h, test_frame_at (&info, 1, 0));
  g_autoptr (GstElement) e = gst_harness_find_element (h, "dmlembed");
  static const gint widths[] = { 100, 160, 50 }; /* clamped */

  g_assert_cmpuint (gst_dml_buffer_get_n_regions (out), ==, 3);
  for (guint i = 0; i < 3; i++) {
    const GstDmlRegionMeta *meta = gst_dml_buffer_get_region (out, i);
    GstDmlBox box;

    g_assert_cmpint (meta->kind, ==, GST_DML_REGION_LIST);
    g_assert_cmpint (meta->roi_id, ==, (int) i);
    g_assert_true (gst_dml_region_meta_get_box (meta, out, &box));
    g_assert_cmpint (box.width, ==, widths[i]);
  }
  gst_buffer_unref (out);

  g_assert_cmpuint (test_stat (e, "rois-invalid"), ==, 1); /* outside */

  g_object_set (e, "region-list", "1,2,3", NULL); /* told, and none is taken */
  out = gst_harness_push_and_pull (h, test_frame_at (&info, 1, 1));
  g_assert_cmpuint (gst_dml_buffer_get_n_regions (out), ==, 0);
  gst_buffer_unref (out);
}

/* While playing the good boxes are kept, and each mistake is told once. */
static void
keeps_good_boxes_of_a_list (void)
{
  const GstVideoInfo info = test_info (GST_VIDEO_FORMAT_I420, 320, 240);
  g_autoptr (GstHarness) h = test_harness (
    "dmlembed regions=list "
    "region-list=\"0,0,100,80;10,10,0,50;900,900,50,50;20,20,60,60\"",
    &info);
  GstElement *e = test_element (h);
  GstBus *bus = gst_bus_new ();
  GstBuffer *out = gst_harness_push_and_pull (h, test_frame_at (&info, 1, 0));

  g_assert_cmpuint (gst_dml_buffer_get_n_regions (out), ==, 2);
  g_assert_cmpint (gst_dml_buffer_get_region (out, 1)->roi_id, ==, 3);
  g_assert_cmpuint (test_stat (e, "rois-invalid"), ==, 2);
  gst_buffer_unref (out);

  gst_element_set_bus (h->element, bus);
  g_object_set (e, "region-list", "0,0,100,80; nonsense; 20,20,60,60", NULL);
  g_assert_cmpuint (test_count_told (bus, GST_MESSAGE_WARNING, "nonsense"), ==,
                    1);
  g_object_set (e, "min-size", 20, NULL); /* another property says nothing */
  g_assert_cmpuint (test_count_told (bus, GST_MESSAGE_WARNING, ""), ==, 0);
  out = gst_harness_push_and_pull (h, test_frame_at (&info, 1, 1));
  g_assert_cmpuint (gst_dml_buffer_get_n_regions (out), ==, 2);
  gst_buffer_unref (out);
  test_leave_bus (h, bus);
}

/* As gst-launch-1.0 has it: set before there is a bus. */
static void
wrong_list_is_an_error (void)
{
  static const struct {
    const char *properties, *word;
  } cases[] = {
    { "regions=list region-list=1,2,3", "\"1,2,3\"" },
    { "regions=list region-list=\"0,0,50,50;a,b,c,d\"", "a,b,c,d" },
    { "region-list=\"1,2,3,4,5\"", "1,2,3,4,5" }, /* though not looked at */
    { "regions=list", "no box is set" },
    { "regions=frame+list region-list=\" ; \"", "no box is set" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *line =
      g_strdup_printf ("videotestsrc num-buffers=2 ! dmlembed %s ! fakesink",
                       cases[i].properties);
    g_autoptr (TestRun) run = test_run_pipeline (line);

    test_assert_error (run, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS,
                       "region-list", cases[i].word,
                       "\"x,y,width,height;...\" in pixels", NULL);
  }
}

static void
two_in_a_row (void)
{
  const GstVideoInfo info = test_info (GST_VIDEO_FORMAT_I420, 320, 240);
  g_autoptr (GstHarness) h =
    gst_harness_new_parse ("dmlembed ! dmlembed regions=auto");
  g_autofree char *caps = test_caps (&info);
  GstBuffer *out;

  gst_harness_set_src_caps_str (h, caps);
  out = gst_harness_push_and_pull (h, test_frame_at (&info, 1, 0));
  g_assert_cmpuint (gst_dml_buffer_get_n_regions (out), ==, 2);
  g_assert_cmpint (gst_dml_buffer_get_region (out, 1)->kind, ==,
                   GST_DML_REGION_CENTRE);
  g_assert_cmpuint (
    gst_buffer_get_n_meta (out, GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE), ==,
    1);
  gst_buffer_unref (out);
}

/* 60 x 60 pixels cut from 1280 x 720 are what the encoder sees, not 60 x 60
 * pixels of a smaller picture. */
static void
roi_is_cut_at_full_resolution (void)
{
  const GstVideoInfo info = test_info (GST_VIDEO_FORMAT_RGB, 1280, 720);
  const GstVideoInfo patch = test_info (GST_VIDEO_FORMAT_RGB, 128, 128);
  g_autoptr (GstHarness) h = test_harness ("dmlembed regions=roi", &info);
  g_autofree float *want = test_embed (1);
  GstBuffer *b = test_frame_at (&info, 0, 0), *small = test_frame (&patch, 1),
            *out;
  GstVideoFrame big, little;

  g_assert_true (
    gst_video_frame_map (&big, (GstVideoInfo *) &info, b, GST_MAP_WRITE));
  g_assert_true (gst_video_frame_map (&little, (GstVideoInfo *) &patch, small,
                                      GST_MAP_READ));
  for (gint y = 0; y < 128; y++)
    memcpy ((guint8 *) big.data[0] + (300 + y) * big.info.stride[0] + 3 * 501,
            (guint8 *) little.data[0] + y * little.info.stride[0], 3 * 128);
  gst_video_frame_unmap (&big);
  gst_video_frame_unmap (&little);
  gst_buffer_unref (small);
  test_add_roi (b, "thing", 0, 501, 300, 128, 128);
  out = gst_harness_push_and_pull (h, b);
  /* Shrinking reaches a pixel past the box: the edges differ by what is there.
   */
  g_assert_cmpfloat (
    test_cosine (gst_dml_buffer_get_region (out, 0)->embedding, want), >,
    0.999);
  gst_buffer_unref (out);
}

static void
interval_reuses_with_age (void)
{
  const GstVideoInfo info = test_info (GST_VIDEO_FORMAT_I420, 320, 240);
  g_autoptr (GstHarness) h =
    test_harness ("dmlembed regions=roi+centre interval=3", &info);
  const GstDmlEmbedding *first[2] = { NULL, NULL };

  for (guint i = 0; i < 7; i++) {
    GstBuffer *b = test_frame_at (&info, i % 4, i), *out;

    /* Two things that move, listed the other way round on odd frames. */
    if (i & 1)
      test_add_roi (b, "x", 0, 200 - 2 * i, 100, 80, 80);
    test_add_roi (b, "x", 0, 2 * i, 10, 90, 90);
    if (!(i & 1))
      test_add_roi (b, "x", 0, 200 - 2 * i, 100, 80, 80);
    out = gst_harness_push_and_pull (h, b);
    g_assert_cmpuint (gst_dml_buffer_get_n_regions (out), ==, 3);
    for (guint k = 0; k < 2; k++) {
      const GstDmlRegionMeta *meta = gst_dml_buffer_get_region (out, k);
      const guint which = meta->origin.width == 90 ? 0 : 1;

      g_assert_cmpuint (meta->frames_ago, ==, i % 3);
      g_assert_cmpuint (meta->pts, ==, (i - i % 3) * GST_SECOND / 30);
      if (i % 3 == 0)
        first[which] = meta->embedding;
      else
        g_assert_true (meta->embedding == first[which]);
    }
    gst_buffer_unref (out);
  }
  g_assert_cmpuint (test_stat (test_element (h), "embedded"), ==, 9);
  g_assert_cmpuint (test_stat (test_element (h), "reused"), ==, 12);
  g_assert_cmpuint (test_stat (test_element (h), "skipped-interval"), ==, 4);
}

static void
silence_is_explained_once (void)
{
  static const struct {
    const char *line, *type, *word;
    guint size;
  } cases[] = {
    { "dmlembed regions=roi interval=100", NULL, "no region of interest", 0 },
    { "dmlembed regions=roi roi-type=face interval=100", "tree", "seen: tree",
      60 },
    { "dmlembed regions=roi interval=100", "face", "min-size", 8 },
    { "dmlembed regions=list region-list=\"0,0,30,30;5000,5000,10,10\" "
      "interval=100",
      NULL, "region-list", 0 },
    { "dmlmatch gallery=SHOP", NULL, "a dmlembed before", 0 },
    { "dmlgallery gallery=SHOP enroll=true label=a", NULL, "a dmlembed before",
      0 },
  };
  const GstVideoInfo info = test_info (GST_VIDEO_FORMAT_GRAY8, 64, 64);
  g_autofree char *gallery = test_gallery ("silence.bin", 2);

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_auto (GStrv) parts = g_strsplit (cases[i].line, "SHOP", 2);
    g_autofree char *line = g_strjoinv (gallery, parts);
    g_autoptr (GstHarness) h = test_harness (line, &info);
    GstBus *bus = test_watch_bus (h);

    for (guint k = 0; k < 700; k++) {
      GstBuffer *b = gst_buffer_new_allocate (NULL, 64 * 64, NULL);

      if (cases[i].type != NULL)
        test_add_roi (b, cases[i].type, 0, 0, 0, cases[i].size, cases[i].size);
      gst_buffer_unref (gst_harness_push_and_pull (h, b));
    }
    g_assert_cmpuint (test_count_told (bus, GST_MESSAGE_INFO, cases[i].word),
                      ==, 1);
    test_leave_bus (h, bus);
  }
}

static void
mirrors_can_be_left_out (void)
{
  const GstVideoInfo info = test_info (GST_VIDEO_FORMAT_I420, 64, 64);
  g_autoptr (GstHarness) h = test_harness ("dmlembed attach=0", &info);
  GstBuffer *out = gst_harness_push_and_pull (h, test_frame_at (&info, 1, 0));

  g_assert_cmpuint (gst_dml_buffer_get_n_regions (out), ==, 1);
  g_assert_cmpuint (
    gst_buffer_get_n_meta (out, GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE), ==,
    0);
  gst_buffer_unref (out);
}

/* Regions are looked for in the visible picture, boxes count in the frame. */
static void
crop_meta_is_the_picture (void)
{
  const GstVideoInfo info = test_info (GST_VIDEO_FORMAT_I420, 320, 240);
  g_autoptr (GstHarness) h =
    test_harness ("dmlembed regions=centre+roi", &info);
  GstBuffer *b = test_frame_at (&info, 1, 0), *out;
  GstVideoCropMeta *crop = gst_buffer_add_video_crop_meta (b);
  GstDmlBox box;

  crop->x = 100;
  crop->y = 40;
  crop->width = 120;
  crop->height = 100;
  test_add_roi (b, "in", 0, 90, 50, 60, 60);
  test_add_roi (b, "out", 0, 10, 10, 60, 60);
  out = gst_harness_push_and_pull (h, b);
  g_assert_cmpuint (gst_dml_buffer_get_n_regions (out), ==, 2);
  gst_dml_region_meta_get_box (gst_dml_buffer_get_region (out, 0), out, &box);
  g_assert_cmpint (box.x, ==, 100);
  g_assert_cmpint (box.width, ==, 50);
  gst_dml_region_meta_get_box (gst_dml_buffer_get_region (out, 1), out, &box);
  g_assert_cmpint (box.x, ==, 110);
  g_assert_cmpint (box.y, ==, 40);
  g_assert_cmpint (box.width, ==, 100);
  g_assert_cmpuint (test_stat (test_element (h), "rois-invalid"), ==, 1);
  gst_buffer_unref (out);
}

/* A tracker upstream, in DL Streamer's terms; without one all is well too. */
static void
track_id_is_taken_over (void)
{
  const GstVideoInfo info = test_info (GST_VIDEO_FORMAT_I420, 320, 240);
  g_autoptr (GstHarness) h = test_harness ("dmlembed", &info);
  GstBuffer *b = test_frame_at (&info, 1, 0), *out;
  GstVideoRegionOfInterestMeta *roi = test_add_roi (b, "x", 0, 0, 0, 80, 80);

  gst_video_region_of_interest_meta_add_param (
    roi, gst_structure_new ("object_id", "id", G_TYPE_INT, 12, NULL));
  gst_video_region_of_interest_meta_add_param (
    roi, gst_structure_new ("detection", "confidence", G_TYPE_DOUBLE, 0.5,
                            NULL)); /* no label_id */
  test_add_roi (b, "x", 0, 100, 0, 80, 80);
  out = gst_harness_push_and_pull (h, b);
  g_assert_cmpint (gst_dml_buffer_get_region (out, 0)->track_id, ==, 12);
  g_assert_cmpint (gst_dml_buffer_get_region (out, 1)->track_id, ==, -1);
  gst_buffer_unref (out);
}

int
main (int argc, char **argv)
{
  test_init (&argc, &argv);
#define TEST(name, function) g_test_add_func ("/regions/" name, function)
  TEST ("counts-useless-regions", counts_useless_regions);
  TEST ("keeps-the-largest", keeps_the_largest);
  TEST ("filters-types", filters_types);
  TEST ("centre-and-frame-and-roi", centre_and_frame_and_roi);
  TEST ("looks-at-listed-boxes", looks_at_listed_boxes);
  TEST ("two-in-a-row", two_in_a_row);
  TEST ("roi-is-cut-at-full-resolution", roi_is_cut_at_full_resolution);
  TEST ("interval-reuses-with-age", interval_reuses_with_age);
  TEST ("keeps-good-boxes-of-a-list", keeps_good_boxes_of_a_list);
  TEST ("wrong-list-is-an-error", wrong_list_is_an_error);
  TEST ("silence-is-explained-once", silence_is_explained_once);
  TEST ("mirrors-can-be-left-out", mirrors_can_be_left_out);
  TEST ("crop-meta-is-the-picture", crop_meta_is_the_picture);
  TEST ("track-id-is-taken-over", track_id_is_taken_over);
#undef TEST
  return test_run ();
}
