/* SPDX-License-Identifier: LGPL-2.1-or-later
 * GstAnalytics in and out, against a stand-in for its library. */
#include "gst_testing.h"

#include "fake_analytics.h"

static GstVideoInfo info;
static char *gallery;

static GstHarness *
chain (const char *embed)
{
  g_autofree char *line = g_strdup_printf (
    "dmlembed %s ! dmlmatch gallery=%s threshold=0.999", embed, gallery);

  return test_harness (line, &info);
}

static guint
add_detection (GstBuffer *b, const char *type, gint x, gint y, gint w, gint h)
{
  gpointer meta = gst_buffer_get_analytics_relation_meta (b);
  FakeMtd mtd;

  if (meta == NULL)
    meta = gst_buffer_add_analytics_relation_meta (b);
  gst_analytics_relation_meta_add_od_mtd (meta, g_quark_from_string (type), x,
                                          y, w, h, 0.8f, &mtd);
  return mtd.id;
}

/* The first classification that a detection relates to. */
static const char *
label_of (GstBuffer *b, guint detection, guint *n)
{
  gpointer meta = gst_buffer_get_analytics_relation_meta (b), state = NULL;
  const char *label = NULL;
  FakeMtd mtd;

  *n = 0;
  while (gst_analytics_relation_meta_get_direct_related (
    meta, detection, RELATE_TO, gst_analytics_cls_mtd_get_mtd_type (), &state,
    &mtd)) {
    if (label == NULL)
      label = g_quark_to_string (gst_analytics_cls_mtd_get_quark (&mtd, 0));
    (*n)++;
  }
  return label;
}

static guint
n_detections (GstBuffer *b)
{
  gpointer meta = gst_buffer_get_analytics_relation_meta (b), state = NULL;
  guint n = 0;
  FakeMtd mtd;

  while (meta != NULL &&
         gst_analytics_relation_meta_iterate (
           meta, &state, gst_analytics_od_mtd_get_mtd_type (), &mtd))
    n++;
  return n;
}

static void
detections_are_regions (void)
{
  g_autoptr (GstHarness) h = chain ("");
  GstBuffer *b = test_frame_at (&info, 7, 0), *out;
  guint first, second, n;
  const GstDmlRegionMeta *meta;

  test_paint_patch (b, &info, 1, 20, 30, 128);
  test_paint_patch (b, &info, 2, 400, 30, 128);
  first = add_detection (b, "fruit", 400, 30, 128, 128);
  second = add_detection (b, "fruit", 20, 30, 128, 128);
  out = gst_harness_push_and_pull (h, b);
  g_assert_cmpuint (gst_dml_buffer_get_n_regions (out), ==, 2);
  meta = gst_dml_buffer_get_region (out, 0);
  g_assert_cmpint (meta->kind, ==, GST_DML_REGION_ANALYTICS);
  g_assert_cmpstr (gst_dml_region_meta_get_roi_type (meta), ==, "fruit");
  g_assert_cmpstr (gst_dml_region_meta_get_label (meta), ==, "picture-2");
  g_assert_cmpstr (label_of (out, first, &n), ==, "picture-2");
  g_assert_cmpuint (n, ==, 1);
  g_assert_cmpstr (label_of (out, second, &n), ==, "picture-1");
  g_assert_cmpuint (n_detections (out), ==, 2); /* none added */
  /* And as regions of interest, for those who read these. */
  g_assert_cmpuint (
    gst_buffer_get_n_meta (out, GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE), ==,
    2);
  gst_buffer_unref (out);
}

/* A detector that tells in both ways, an edge that sticks out, a track. */
static void
twins_count_once (void)
{
  g_autoptr (GstHarness) h = chain ("");
  GstBuffer *b = test_frame_at (&info, 3, 0), *out;
  const GstDmlRegionMeta *meta;
  FakeMtd track;
  guint id;

  test_add_roi (b, "fruit", 0, 0, 0, 90, 100);
  add_detection (b, "fruit", -10, 0, 100, 100);
  id = add_detection (b, "fruit", 300, 50, 100, 100);
  gst_analytics_relation_meta_add_tracking_mtd (
    gst_buffer_get_analytics_relation_meta (b), 77, 0, &track);
  gst_analytics_relation_meta_set_relation (
    gst_buffer_get_analytics_relation_meta (b), RELATE_TO, id, track.id);
  out = gst_harness_push_and_pull (h, b);
  g_assert_cmpuint (gst_dml_buffer_get_n_regions (out), ==, 2);
  meta = gst_dml_buffer_get_region (out, 0);
  g_assert_cmpint (meta->kind, ==, GST_DML_REGION_ROI);
  g_assert_cmpint (meta->track_id, ==, -1);
  meta = gst_dml_buffer_get_region (out, 1);
  g_assert_cmpint (meta->track_id, ==, 77);
  g_assert_cmpuint (n_detections (out), ==, 2);
  gst_buffer_unref (out);
}

static void
own_regions_get_a_detection (void)
{
  g_autoptr (GstHarness) h = chain ("regions=frame");
  GstBuffer *out = gst_harness_push_and_pull (h, test_frame_at (&info, 5, 0));
  gpointer state = NULL;
  FakeMtd mtd;
  guint n;

  g_assert_cmpuint (n_detections (out), ==, 1);
  g_assert_true (gst_analytics_relation_meta_iterate (
    gst_buffer_get_analytics_relation_meta (out), &state,
    gst_analytics_od_mtd_get_mtd_type (), &mtd));
  g_assert_cmpstr (g_quark_to_string (gst_analytics_od_mtd_get_obj_type (&mtd)),
                   ==, "dml-frame");
  g_assert_cmpstr (label_of (out, mtd.id, &n), ==, "unknown"); /* explicit */
  gst_buffer_unref (out);
}

static void
can_be_left_out (void)
{
  g_autofree char *line = g_strdup_printf (
    "dmlembed attach=roi ! dmlmatch attach=roi gallery=%s", gallery);
  g_autoptr (GstHarness) h = test_harness (line, &info);
  GstBuffer *out = gst_harness_push_and_pull (h, test_frame_at (&info, 1, 0));

  g_assert_null (gst_buffer_get_analytics_relation_meta (out));
  gst_buffer_unref (out);
}

int
main (int argc, char **argv)
{
  int status;

  test_init (&argc, &argv);
  info = test_info (GST_VIDEO_FORMAT_RGB, 640, 360);
  gallery = test_gallery ("analytics.bin", 4);
#define TEST(name, function) g_test_add_func ("/analytics/" name, function)
  TEST ("detections-are-regions", detections_are_regions);
  TEST ("twins-count-once", twins_count_once);
  TEST ("own-regions-get-a-detection", own_regions_get_a_detection);
  TEST ("can-be-left-out", can_be_left_out);
#undef TEST
  status = test_run ();
  g_free (gallery);
  return status;
}
