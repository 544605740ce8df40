/* SPDX-License-Identifier: LGPL-2.1-or-later
 * dmlgallery: which frames are enrolled while its property asks for it, which
 * are refused and why, files that cannot be had or written. */
#include "enrol_harness.h"

#include <signal.h>
#include <string.h>
#include <sys/resource.h>

static void
enrols_while_the_property_is_set (void)
{
  g_auto (Enrol) e = enrol_begin (test_path ("property.bin"),
                                  "label=first interval=2 min-quality=0");

  enrol_show (&e, 0);
  g_object_set (e.gallery, "enroll", TRUE, NULL);
  for (guint i = 0; i < 4; i++)
    enrol_show (&e, i);
  enrol_expect (&e, TRUE, "enrolled");
  enrol_expect (&e, TRUE, "enrolled");
  g_object_set (e.gallery, "enroll", FALSE, NULL);
  enrol_show (&e, 5);
  g_assert_cmpuint (test_items (e.path, "first"), ==, 2);
  g_assert_cmpuint (test_stat (e.gallery, "enrolled"), ==, 2);
  g_assert_cmpuint (test_stat (e.gallery, "frames"), ==, e.n_frames);
}

static void
stores_thumbnail_and_quality (void)
{
  g_auto (Enrol) e = enrol_begin (test_path ("thumb.bin"),
                                  "label=x enroll=true min-quality=0.1");
  g_autoptr (GError) error = NULL;
  g_autoptr (DmlGallery) gallery = NULL;
  g_autoptr (GPtrArray) items = NULL;
  g_autoptr (GBytes) thumbnail = NULL;
  g_autoptr (DmlPicture) picture = NULL;

  enrol_show (&e, 1);
  enrol_expect (&e, TRUE, "enrolled");
  gallery = dml_gallery_open (e.path, DML_GALLERY_READ, NULL, &error);
  g_assert_no_error (error);
  items = dml_gallery_get_items (gallery, "x", &error);
  g_assert_cmpuint (items->len, ==, 1);
  g_assert_cmpfloat (((DmlItem *) items->pdata[0])->quality, >, 0.1);
  thumbnail = dml_gallery_get_thumbnail (
    gallery, ((DmlItem *) items->pdata[0])->id, &error);
  g_assert_nonnull (thumbnail);
  picture = dml_picture_load_bytes (thumbnail, "thumbnail", &error);
  g_assert_no_error (error);
  g_assert_cmpint (dml_picture_get_width (picture), ==, 128);
}

static void
refuses_a_repeated_frame (void)
{
  g_autofree char *path = test_path ("repeat.bin");
  g_autofree char *line = g_strdup_printf (
    "videotestsrc num-buffers=3 ! video/x-raw,framerate=1/1 ! dmlembed ! "
    "videorate ! video/x-raw,framerate=30/1 ! dmlgallery gallery=%s label=x "
    "enroll=true interval=1 min-quality=0 name=g ! fakesink",
    path);
  g_autoptr (GError) error = NULL;
  GstElement *pipeline = gst_parse_launch (line, &error);
  GstElement *g = gst_bin_get_by_name (GST_BIN (pipeline), "g");
  g_autoptr (TestRun) run = NULL;

  g_assert_no_error (error);
  run = test_run_element (pipeline);
  g_assert_true (run->eos);
  g_assert_cmpuint (test_items (path, "x"), ==, 3);
  g_assert_cmpuint (test_stat (g, "duplicates"), >=, 30);
  g_assert_cmpuint (test_run_count (run, GST_MESSAGE_ELEMENT, "dml-enrolled"),
                    ==, 3);
  gst_object_unref (g);
  gst_object_unref (pipeline);
}

/* What interval attached again is no new picture. */
static void
refuses_an_old_embedding (void)
{
  const GstVideoInfo info = test_info (GST_VIDEO_FORMAT_RGB, 128, 128);
  g_auto (Enrol) e =
    enrol_begin_with (&info, "regions=frame interval=5", test_path ("old.bin"),
                      "label=x interval=1 min-quality=0");

  enrol_show (&e, 0);
  g_object_set (e.gallery, "enroll", TRUE, NULL);
  enrol_show (&e, 1);
  enrol_expect (&e, FALSE, "old-embedding");
}

static void
refuses_several_regions (void)
{
  const GstVideoInfo info = test_info (GST_VIDEO_FORMAT_RGB, 640, 360);
  g_auto (Enrol) e =
    enrol_begin_with (&info, "", test_path ("several.bin"),
                      "label=x enroll=true interval=1 min-quality=0");
  GstBuffer *b = enrol_frame (&e, 0);

  test_add_roi (b, "t", 0, 0, 0, 100, 100);
  test_add_roi (b, "t", 0, 200, 0, 90, 90);
  enrol_push (&e, b);
  enrol_expect (&e, FALSE, "several-regions");
  b = enrol_frame (&e, 0);
  test_add_roi (b, "t", 0, 0, 0, 200, 200); /* plainly the one that is meant */
  test_add_roi (b, "t", 0, 300, 0, 90, 90);
  enrol_push (&e, b);
  enrol_expect (&e, TRUE, "enrolled");
}

static void
refuses_smears (void)
{
  const GstVideoInfo info = test_info (GST_VIDEO_FORMAT_RGB, 24, 22);
  g_auto (Enrol) e = enrol_begin_with (&info, "", test_path ("smear.bin"),
                                       "label=x enroll=true interval=1");
  GstBuffer *b;

  enrol_show (&e, 0);
  enrol_expect (&e, FALSE, "low-quality");
  /* A grey frame has nothing to it. */
  b = enrol_frame (&e, 0);
  gst_buffer_memset (b, 0, 128, -1);
  enrol_push (&e, b);
  enrol_expect (&e, FALSE, "low-quality");
}

static void
refuses_without_a_label_and_beyond_the_limit (void)
{
  static const char label[] = "a\n\"quoted\" \360\237\215\216";
  g_auto (Enrol) e =
    enrol_begin (test_path ("limit.bin"),
                 "enroll=true interval=1 max-per-label=2 min-quality=0");

  enrol_show (&e, 0);
  enrol_expect (&e, FALSE, "no-label");
  g_object_set (e.gallery, "label", label, NULL);
  for (guint i = 0; i < 3; i++)
    enrol_show (&e, i);
  enrol_expect (&e, TRUE, "enrolled");
  enrol_expect (&e, TRUE, "enrolled");
  enrol_expect (&e, FALSE, "max-per-label");
  g_assert_cmpuint (test_items (e.path, label), ==, 2);
}

/* A dmlmatch in the same pipeline learns what is enrolled beside it. */
static void
enrol_while_matching (void)
{
  const GstVideoInfo info = test_info (GST_VIDEO_FORMAT_RGB, 128, 128);
  g_autofree char *path = test_path ("both.bin");
  g_autofree char *match =
    g_strdup_printf ("regions=frame ! dmlmatch gallery=\"%s\" "
                     "threshold=0.9999 smoothing=0",
                     path);
  g_auto (Enrol) e =
    enrol_begin_with (&info, match, g_steal_pointer (&path),
                      "encoder=default label=seen min-quality=0");
  const gint64 until =
    g_get_monotonic_time () + TEST_PATIENCE_S * G_TIME_SPAN_SECOND;
  gboolean known = FALSE;

  enrol_show (&e, 2);
  g_object_set (e.gallery, "enroll", TRUE, NULL);
  enrol_show (&e, 2);
  g_object_set (e.gallery, "enroll", FALSE, NULL);
  while (!known && g_get_monotonic_time () < until) {
    GstBuffer *out = gst_harness_push_and_pull (e.harness, enrol_frame (&e, 2));

    known = g_strcmp0 (gst_dml_region_meta_get_label (
                         gst_dml_buffer_get_region (out, 0)),
                       "seen") == 0;
    gst_buffer_unref (out);
  }
  g_assert_true (known);
}

static void
bad_path_is_an_error (void)
{
  static const struct {
    const char *properties;
    gint code;
  } cases[] = {
    { "", GST_RESOURCE_ERROR_SETTINGS },
    { "gallery=FOLDER/no/such/folder/x.bin", GST_RESOURCE_ERROR_NOT_FOUND },
    { "gallery=FOLDER/nothing-here.bin create=false",
      GST_RESOURCE_ERROR_NOT_FOUND },
    { "gallery=FOLDER/x.bin encoder=FOLDER/none.onnx",
      GST_RESOURCE_ERROR_NOT_FOUND },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_auto (GStrv) parts = g_strsplit (cases[i].properties, "FOLDER", -1);
    g_autofree char *properties = g_strjoinv (test_folder (), parts);
    g_autofree char *line = g_strdup_printf (
      "videotestsrc num-buffers=2 ! dmlembed ! dmlgallery %s ! fakesink",
      properties);
    g_autoptr (TestRun) run = test_run_pipeline (line);

    test_assert_error (run, GST_RESOURCE_ERROR, cases[i].code, "gallery", NULL);
  }
}

/* A whole pipeline with something between the two elements enrols one frame. */
static void
assert_one_is_enrolled (const char *path, const char *between,
                        const char *properties)
{
  g_autofree char *line = g_strdup_printf (
    "videotestsrc num-buffers=2 ! dmlembed ! %s ! dmlgallery gallery=%s "
    "label=x enroll=true %s ! fakesink",
    between, path, properties);
  g_autoptr (TestRun) run = test_run_pipeline (line);

  g_assert_true (run->eos);
  g_assert_cmpuint (test_items (path, "x"), ==, 1);
}

/* Made for the built-in encoder, met by embeddings of it. The other way is
 * dmlmatch's test, with a fingerprint that was changed. */
static void
takes_a_gallery_of_the_same_encoder (void)
{
  g_autofree char *path = test_gallery ("mine.bin", 1);

  assert_one_is_enrolled (path, "identity", "encoder=default min-quality=0");
}

static void
takes_any_caps (void)
{
  g_autofree char *path = test_path ("jpeg.bin");

  assert_one_is_enrolled (path, "jpegenc", "");
}

static void
outlier_reference_is_reported (void)
{
  g_auto (Enrol) e =
    enrol_begin (test_gallery ("outlier.bin", 4),
                 "label=picture-0 enroll=true interval=1 min-quality=0");
  static const guint pictures[] = { 0, 0, 2 };

  for (guint i = 0; i < G_N_ELEMENTS (pictures); i++) {
    GstBuffer *b = enrol_frame (&e, pictures[i]);
    g_autoptr (GstMessage) m = NULL;
    const GstStructure *s;
    gboolean outlier;

    gst_buffer_memset (b, 0, (guint8) (100 + i), 300); /* a little different */
    enrol_push (&e, b);
    m = enrol_next_answer (&e);
    s = gst_message_get_structure (m);
    gst_structure_get_boolean (s, "outlier", &outlier);
    if (pictures[i] == 2) { /* picture-2's picture under picture-0's name */
      g_assert_true (outlier);
      g_assert_nonnull (
        strstr (gst_structure_get_string (s, "explanation"), "picture-2"));
    }
  }
}

/* As a full disk: files of this process grow no further than this. */
static void
limit_files (rlim_t n_bytes)
{
  struct rlimit limit;

  g_assert_cmpint (getrlimit (RLIMIT_FSIZE, &limit), ==, 0);
  limit.rlim_cur = n_bytes;
  g_assert_cmpint (setrlimit (RLIMIT_FSIZE, &limit), ==, 0);
}

/* Pushes a frame and takes what is told of it; warnings that came before. */
static guint
warnings_before_answer (Enrol *enrol, gboolean ok)
{
  guint n_warnings = 0;

  enrol_show (enrol, enrol->n_frames % 4);
  for (;;) {
    g_autoptr (GstMessage) m =
      gst_bus_timed_pop_filtered (enrol->bus, TEST_PATIENCE_S * GST_SECOND,
                                  GST_MESSAGE_ELEMENT | GST_MESSAGE_WARNING);
    gboolean is;

    g_assert_nonnull (m);
    if (GST_MESSAGE_TYPE (m) == GST_MESSAGE_WARNING) {
      n_warnings++;
      continue;
    }
    g_assert_true (
      gst_structure_get_boolean (gst_message_get_structure (m), "ok", &is));
    g_assert_cmpint (is, ==, ok);
    return n_warnings;
  }
}

static void
full_disk_is_told_once (void)
{
  g_auto (Enrol) e = enrol_begin (
    test_gallery ("full.bin", 1),
    "label=x enroll=true interval=1 max-per-label=0 min-quality=0");

  signal (SIGXFSZ, SIG_IGN);
  for (guint round = 0; round < 2; round++) {
    limit_files (1024);
    g_assert_cmpuint (warnings_before_answer (&e, FALSE), ==, 1);
    for (guint i = 0; i < 5; i++)
      g_assert_cmpuint (warnings_before_answer (&e, FALSE), ==, 0);
    limit_files (RLIM_INFINITY);
    g_assert_cmpuint (warnings_before_answer (&e, TRUE), ==, 0);
  }
  g_assert_cmpuint (test_items (e.path, "x"), ==, 2);
}

int
main (int argc, char **argv)
{
  test_init (&argc, &argv);
#define TEST(name, function) g_test_add_func ("/enrol-frames/" name, function)
  TEST ("enrols-while-the-property-is-set", enrols_while_the_property_is_set);
  TEST ("stores-thumbnail-and-quality", stores_thumbnail_and_quality);
  TEST ("refuses-a-repeated-frame", refuses_a_repeated_frame);
  TEST ("refuses-an-old-embedding", refuses_an_old_embedding);
  TEST ("refuses-several-regions", refuses_several_regions);
  TEST ("refuses-smears", refuses_smears);
  TEST ("refuses-without-a-label-and-beyond-the-limit",
        refuses_without_a_label_and_beyond_the_limit);
  TEST ("enrol-while-matching", enrol_while_matching);
  TEST ("bad-path-is-an-error", bad_path_is_an_error);
  TEST ("takes-a-gallery-of-the-same-encoder",
        takes_a_gallery_of_the_same_encoder);
  TEST ("takes-any-caps", takes_any_caps);
  TEST ("outlier-reference-is-reported", outlier_reference_is_reported);
  TEST ("full-disk-is-told-once", full_disk_is_told_once);
#undef TEST
  return test_run ();
}
