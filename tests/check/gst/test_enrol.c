/* SPDX-License-Identifier: LGPL-2.1-or-later
 * dmlgallery: enrolment by property and by signal, refusals, life of a file. */
#include "gst_testing.h"

#include <signal.h>
#include <string.h>
#include <sys/resource.h>

static GstVideoInfo square;

static GstHarness *
enrol_harness (const char *gallery, const char *properties)
{
  g_autofree char *line =
    g_strdup_printf ("dmlembed regions=frame ! dmlgallery gallery=\"%s\" %s",
                     gallery, properties);

  return test_harness (line, &square);
}

static GstElement *
gallery_of (GstHarness *h)
{
  return test_element_named (h, "dmlgallery");
}

/* The next dml-enrolled. */
static GstMessage *
next_answer (GstBus *bus)
{
  GstMessage *m = gst_bus_timed_pop_filtered (bus, TEST_PATIENCE_S * GST_SECOND,
                                              GST_MESSAGE_ELEMENT);

  g_assert_nonnull (m);
  g_assert_true (gst_message_has_name (m, "dml-enrolled"));
  return m;
}

static void
assert_answer (GstBus *bus, gboolean ok, const char *reason)
{
  GstMessage *m = next_answer (bus);
  const GstStructure *s = gst_message_get_structure (m);
  gboolean is;

  g_assert_true (gst_structure_get_boolean (s, "ok", &is));
  if (is != ok || g_strcmp0 (gst_structure_get_string (s, "reason"), reason))
    g_error ("got %s, expected %s", gst_structure_get_string (s, "reason"),
             reason);
  gst_message_unref (m);
}

static void
push (GstHarness *h, guint picture, guint n)
{
  gst_buffer_unref (
    gst_harness_push_and_pull (h, test_frame_at (&square, picture, n)));
}

static void
enrols_while_the_property_is_set (void)
{
  g_autofree char *path = test_path ("property.bin");
  g_autoptr (GstHarness) h =
    enrol_harness (path, "label=first interval=2 min-quality=0");
  GstBus *bus = test_watch_bus (h);
  guint n = 0;

  push (h, 0, n++);
  g_object_set (gallery_of (h), "enroll", TRUE, NULL);
  for (guint i = 0; i < 4; i++)
    push (h, i, n++);
  assert_answer (bus, TRUE, "enrolled");
  assert_answer (bus, TRUE, "enrolled");
  g_object_set (gallery_of (h), "enroll", FALSE, NULL);
  push (h, 5, n++);
  g_assert_cmpuint (test_items (path, "first"), ==, 2);
  g_assert_cmpuint (test_stat (gallery_of (h), "enrolled"), ==, 2);
  g_assert_cmpuint (test_stat (gallery_of (h), "frames"), ==, n);
  test_leave_bus (h, bus);
}

static void
stores_thumbnail_and_quality (void)
{
  g_autofree char *path = test_path ("thumb.bin");
  g_autoptr (GstHarness) h =
    enrol_harness (path, "label=x enroll=true min-quality=0.1");
  GstBus *bus = test_watch_bus (h);
  g_autoptr (GError) error = NULL;
  g_autoptr (DmlGallery) gallery = NULL;
  g_autoptr (GPtrArray) items = NULL;
  g_autoptr (GBytes) thumbnail = NULL;
  g_autoptr (DmlPicture) picture = NULL;

  push (h, 1, 0);
  assert_answer (bus, TRUE, "enrolled");
  gallery = dml_gallery_open (path, DML_GALLERY_READ, NULL, &error);
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
  test_leave_bus (h, bus);
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
  g_autofree char *path = test_path ("old.bin");
  g_autofree char *line = g_strdup_printf (
    "dmlembed regions=frame interval=5 ! dmlgallery gallery=%s label=x "
    "interval=1 min-quality=0",
    path);
  g_autoptr (GstHarness) h = test_harness (line, &square);
  GstBus *bus = test_watch_bus (h);

  push (h, 0, 0);
  g_object_set (gallery_of (h), "enroll", TRUE, NULL);
  push (h, 1, 1);
  assert_answer (bus, FALSE, "old-embedding");
  test_leave_bus (h, bus);
}

static void
refuses_several_regions (void)
{
  const GstVideoInfo info = test_info (GST_VIDEO_FORMAT_RGB, 640, 360);
  g_autofree char *path = test_path ("several.bin");
  g_autofree char *line = g_strdup_printf (
    "dmlembed ! dmlgallery gallery=%s label=x enroll=true interval=1 "
    "min-quality=0",
    path);
  g_autoptr (GstHarness) h = test_harness (line, &info);
  GstBus *bus = test_watch_bus (h);
  GstBuffer *b = test_frame_at (&info, 0, 0);

  test_add_roi (b, "t", 0, 0, 0, 100, 100);
  test_add_roi (b, "t", 0, 200, 0, 90, 90);
  gst_buffer_unref (gst_harness_push_and_pull (h, b));
  assert_answer (bus, FALSE, "several-regions");
  b = test_frame_at (&info, 0, 1);
  test_add_roi (b, "t", 0, 0, 0, 200, 200); /* plainly the one that is meant */
  test_add_roi (b, "t", 0, 300, 0, 90, 90);
  gst_buffer_unref (gst_harness_push_and_pull (h, b));
  assert_answer (bus, TRUE, "enrolled");
  test_leave_bus (h, bus);
}

static void
refuses_smears (void)
{
  const GstVideoInfo info = test_info (GST_VIDEO_FORMAT_RGB, 24, 22);
  g_autofree char *path = test_path ("smear.bin");
  g_autofree char *line =
    g_strdup_printf ("dmlembed ! dmlgallery gallery=%s label=x "
                     "enroll=true interval=1",
                     path);
  g_autoptr (GstHarness) h = test_harness (line, &info);
  GstBus *bus = test_watch_bus (h);
  GstBuffer *b = test_frame_at (&info, 0, 0);

  gst_buffer_unref (gst_harness_push_and_pull (h, b));
  assert_answer (bus, FALSE, "low-quality");
  /* A grey frame has nothing to it. */
  b = test_frame_at (&info, 0, 1);
  gst_buffer_memset (b, 0, 128, -1);
  gst_buffer_unref (gst_harness_push_and_pull (h, b));
  assert_answer (bus, FALSE, "low-quality");
  test_leave_bus (h, bus);
}

static void
refuses_without_a_label_and_beyond_the_limit (void)
{
  g_autofree char *path = test_path ("limit.bin");
  g_autoptr (GstHarness) h = enrol_harness (
    path, "enroll=true interval=1 max-per-label=2 min-quality=0");
  GstBus *bus = test_watch_bus (h);

  push (h, 0, 0);
  assert_answer (bus, FALSE, "no-label");
  g_object_set (gallery_of (h), "label", "a\n\"quoted\" \360\237\215\216",
                NULL);
  for (guint i = 0; i < 3; i++)
    push (h, i, i + 1);
  assert_answer (bus, TRUE, "enrolled");
  assert_answer (bus, TRUE, "enrolled");
  assert_answer (bus, FALSE, "max-per-label");
  g_assert_cmpuint (test_items (path, "a\n\"quoted\" \360\237\215\216"), ==, 2);
  test_leave_bus (h, bus);
}

typedef struct {
  GstElement *element;
  const char *label;
  gint64 item;
  gint done; /* atomic */
} Call;

static gpointer
call_enroll (gpointer data)
{
  Call *call = data;

  g_signal_emit_by_name (call->element, "enroll", call->label, &call->item);
  g_atomic_int_set (&call->done, TRUE);
  return NULL;
}

static void
signals_from_another_thread (void)
{
  g_autofree char *path = test_path ("signals.bin");
  g_autoptr (GstHarness) h = enrol_harness (path, "min-quality=0");
  Call call = { .element = gallery_of (h), .label = "by signal" };
  GThread *thread;
  guint removed = 0, n = 0;
  gboolean renamed = FALSE;

  /* Frames flow on while the call waits for one of them. */
  thread = g_thread_new (NULL, call_enroll, &call);
  while (!g_atomic_int_get (&call.done)) {
    push (h, n % 3, n);
    n++;
    g_usleep (2000);
  }
  g_thread_join (thread);
  g_assert_cmpint (call.item, ==, 1);
  g_assert_cmpuint (test_items (path, "by signal"), ==, 1);

  g_signal_emit_by_name (gallery_of (h), "rename", "by signal", "new name",
                         &renamed);
  g_assert_true (renamed);
  g_signal_emit_by_name (gallery_of (h), "rename", "by signal", "x", &renamed);
  g_assert_false (renamed); /* gone */
  g_signal_emit_by_name (gallery_of (h), "remove", "new name", &removed);
  g_assert_cmpuint (removed, ==, 1);
  g_signal_emit_by_name (gallery_of (h), "remove", "new name", &removed);
  g_assert_cmpuint (removed, ==, 0);
}

/* No frame comes: the last one is meant. */
static void
signal_while_nothing_flows (void)
{
  g_autofree char *path = test_path ("paused.bin");
  g_autoptr (GstHarness) h = enrol_harness (path, "");
  GstBus *bus = test_watch_bus (h);
  Call call = { .element = gallery_of (h), .label = "still" };

  call_enroll (&call); /* nothing was seen yet */
  g_assert_cmpint (call.item, ==, -1);
  assert_answer (bus, FALSE, "no-region");
  push (h, 1, 0);
  call_enroll (&call);
  g_assert_cmpint (call.item, ==, 1);
  assert_answer (bus, TRUE, "enrolled");
  call_enroll (&call); /* the same picture */
  g_assert_cmpint (call.item, ==, -1);
  assert_answer (bus, FALSE, "repeated-frame");
  call.label = "";
  call_enroll (&call);
  g_assert_cmpint (call.item, ==, -1);
  assert_answer (bus, FALSE, "no-label");
  test_leave_bus (h, bus);
}

static GstPadProbeReturn
call_from_streaming_thread (GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
  Call *call = data;

  call_enroll (call);
  return GST_PAD_PROBE_REMOVE;
}

static void
signal_from_the_streaming_thread (void)
{
  g_autofree char *path = test_path ("streaming.bin");
  g_autoptr (GstHarness) h = enrol_harness (path, "");
  Call call = { .element = gallery_of (h), .label = "inside" };
  GstPad *pad = gst_element_get_static_pad (gallery_of (h), "src");

  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER, call_from_streaming_thread,
                     &call, NULL);
  push (h, 1, 0);
  g_assert_cmpint (call.item, ==, 1);
  gst_object_unref (pad);
}

static void
life_below_paused (void)
{
  g_autofree char *path = test_gallery ("ready.bin", 2);
  GstElement *e = gst_element_factory_make ("dmlgallery", NULL);
  gint64 item = 0;
  guint removed = 0;
  gboolean renamed = FALSE;

  g_object_set (e, "gallery", path, NULL);
  gst_element_set_state (e, GST_STATE_READY);
  g_signal_emit_by_name (e, "rename", "picture-0", "zero", &renamed);
  g_assert_true (renamed);
  g_signal_emit_by_name (e, "remove", "picture-1", &removed);
  g_assert_cmpuint (removed, ==, 1);
  g_signal_emit_by_name (e, "enroll", "x", &item);
  g_assert_cmpint (item, ==, -1);
  g_assert_cmpuint (test_items (path, "zero"), ==, 1);
  gst_element_set_state (e, GST_STATE_NULL);
  gst_object_unref (e);
}

/* Each is refused with words, and nothing is written. */
static void
labels_that_are_none (void)
{
  g_autofree char *path = test_gallery ("none.bin", 2);
  g_autofree char *long_label = g_strnfill (100000, 'x');
  const struct {
    const char *from, *to, *reason;
  } cases[] = {
    { "picture-0", NULL, "no-label" },
    { NULL, "z", "no-label" },
    { NULL, NULL, "no-label" },
    { "picture-0", "", "no-label" },
    { "", "z", "no-label" },
    { "picture-0", "picture-1", "label-exists" },
    { "picture-0", "\xff\xfe", "bad-label" },
    { "picture-0", long_label, "bad-label" },
    { "nobody", "z", "no-such-label" },
  };
  static const char *const removed[][2] = { { NULL, "no-label" },
                                            { "", "no-label" },
                                            { "\xff", "bad-label" },
                                            { "nobody", "no-such-label" } };
  g_autoptr (GstHarness) h = enrol_harness (path, "");
  GstBus *bus = test_watch_bus (h);

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    gboolean renamed = TRUE;

    g_signal_emit_by_name (gallery_of (h), "rename", cases[i].from, cases[i].to,
                           &renamed);
    g_assert_false (renamed);
    assert_answer (bus, FALSE, cases[i].reason);
  }
  for (guint i = 0; i < G_N_ELEMENTS (removed); i++) {
    guint n = 1;

    g_signal_emit_by_name (gallery_of (h), "remove", removed[i][0], &n);
    g_assert_cmpuint (n, ==, 0);
    assert_answer (bus, FALSE, removed[i][1]);
  }
  for (guint i = 0; i < 2; i++) {
    Call call = { .element = gallery_of (h), .label = i == 0 ? NULL : "" };

    call_enroll (&call);
    g_assert_cmpint (call.item, ==, -1);
    assert_answer (bus, FALSE, "no-label");
  }
  g_assert_cmpuint (test_items (path, "picture-0"), ==, 1);
  g_assert_cmpuint (test_items (path, "picture-1"), ==, 1);
  test_leave_bus (h, bus);
}

typedef struct {
  GstElement *element;
  guint step;
  gboolean renamed;
  gint64 item;
  gint64 took_us;
} Inside;

/* From the thread that writes: it would wait for itself. */
static GstBusSyncReply
call_back (GstBus *bus, GstMessage *message, gpointer data)
{
  Inside *inside = data;
  const gint64 start = g_get_monotonic_time ();

  if (!gst_message_has_name (message, "dml-enrolled"))
    return GST_BUS_PASS;
  if (inside->step++ == 0)
    g_signal_emit_by_name (inside->element, "rename", "first", "second",
                           &inside->renamed);
  else if (inside->step == 2)
    g_signal_emit_by_name (inside->element, "enroll", "third", &inside->item);
  inside->took_us = MAX (inside->took_us, g_get_monotonic_time () - start);
  return GST_BUS_PASS;
}

static void
signals_from_a_sync_handler (void)
{
  g_autofree char *path = test_path ("inside.bin");
  g_autoptr (GstHarness) h =
    enrol_harness (path, "label=first enroll=true min-quality=0");
  Inside inside = { .element = gallery_of (h) };
  GstBus *bus = test_watch_bus (h);
  Call call = { .element = gallery_of (h), .label = "fourth" };

  gst_bus_set_sync_handler (bus, call_back, &inside, NULL);
  push (h, 0, 0);
  assert_answer (bus, TRUE, "enrolled"); /* the innermost is told first */
  assert_answer (bus, TRUE, "renamed");
  assert_answer (bus, TRUE, "enrolled");
  g_assert_true (inside.renamed);
  g_assert_cmpint (inside.item, ==, 2);
  g_assert_cmpint (inside.took_us, <, 25 * G_TIME_SPAN_SECOND); /* of 30 */
  gst_bus_set_sync_handler (bus, NULL, NULL, NULL);
  g_object_set (gallery_of (h), "enroll", FALSE, NULL);
  push (h, 1, 1);
  call_enroll (&call);
  g_assert_cmpint (call.item, ==, 3);
  g_assert_cmpuint (test_items (path, "second"), ==, 1);
  g_assert_cmpuint (test_items (path, "third"), ==, 1);
  test_leave_bus (h, bus);
}

/* A dmlmatch in the same pipeline learns what is enrolled beside it. */
static void
enrol_while_matching (void)
{
  g_autofree char *path = test_path ("both.bin");
  g_autofree char *line = g_strdup_printf (
    "dmlembed regions=frame ! dmlmatch name=m gallery=%s threshold=0.9999 "
    "smoothing=0 ! dmlgallery gallery=%s encoder=default label=seen "
    "min-quality=0",
    path, path);
  g_autoptr (GstHarness) h = test_harness (line, &square);
  const gint64 until =
    g_get_monotonic_time () + TEST_PATIENCE_S * G_TIME_SPAN_SECOND;
  gboolean known = FALSE;
  guint n = 0;

  push (h, 2, n++);
  g_object_set (gallery_of (h), "enroll", TRUE, NULL);
  push (h, 2, n++);
  g_object_set (gallery_of (h), "enroll", FALSE, NULL);
  while (!known && g_get_monotonic_time () < until) {
    GstBuffer *out =
      gst_harness_push_and_pull (h, test_frame_at (&square, 2, n++));

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
    gboolean resource;
    gint code;
  } cases[] = {
    { "", TRUE, GST_RESOURCE_ERROR_SETTINGS },
    { "gallery=FOLDER/no/such/folder/x.bin", TRUE,
      GST_RESOURCE_ERROR_NOT_FOUND },
    { "gallery=FOLDER/nothing-here.bin create=false", TRUE,
      GST_RESOURCE_ERROR_NOT_FOUND },
    { "gallery=FOLDER/x.bin encoder=FOLDER/none.onnx", TRUE,
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

static void
other_encoders_gallery_is_an_error (void)
{
  /* Made for the built-in encoder, met by embeddings of it: fine. The other way
   * is dmlmatch's test, with a fingerprint that was changed. */
  g_autofree char *path = test_gallery ("mine.bin", 1);
  g_autofree char *line = g_strdup_printf (
    "videotestsrc num-buffers=2 ! dmlembed ! dmlgallery gallery=%s "
    "encoder=default label=x enroll=true min-quality=0 ! fakesink",
    path);
  g_autoptr (TestRun) run = test_run_pipeline (line);

  g_assert_true (run->eos);
  g_assert_cmpuint (test_items (path, "x"), ==, 1);
}

static void
outlier_reference_is_reported (void)
{
  g_autofree char *path = test_gallery ("outlier.bin", 4);
  g_autoptr (GstHarness) h = enrol_harness (
    path, "label=picture-0 enroll=true interval=1 min-quality=0");
  GstBus *bus = test_watch_bus (h);
  static const guint pictures[] = { 0, 0, 2 };

  for (guint i = 0; i < G_N_ELEMENTS (pictures); i++) {
    GstBuffer *b = test_frame_at (&square, pictures[i], i);
    GstMessage *m;
    gboolean outlier;

    gst_buffer_memset (b, 0, (guint8) (100 + i), 300); /* a little different */
    gst_buffer_unref (gst_harness_push_and_pull (h, b));
    m = next_answer (bus);
    gst_structure_get_boolean (gst_message_get_structure (m), "outlier",
                               &outlier);
    if (pictures[i] == 2) { /* picture-2's picture under picture-0's name */
      g_assert_true (outlier);
      g_assert_nonnull (strstr (
        gst_structure_get_string (gst_message_get_structure (m), "explanation"),
        "picture-2"));
    }
    gst_message_unref (m);
  }
  test_leave_bus (h, bus);
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
warnings_before_answer (GstHarness *h, GstBus *bus, guint n, gboolean ok)
{
  guint n_warnings = 0;

  push (h, n % 4, n);
  for (;;) {
    g_autoptr (GstMessage) m =
      gst_bus_timed_pop_filtered (bus, TEST_PATIENCE_S * GST_SECOND,
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
  g_autofree char *path = test_gallery ("full.bin", 1);
  g_autoptr (GstHarness) h = enrol_harness (
    path, "label=x enroll=true interval=1 max-per-label=0 min-quality=0");
  GstBus *bus = test_watch_bus (h);
  guint n = 0;

  signal (SIGXFSZ, SIG_IGN);
  for (guint round = 0; round < 2; round++) {
    limit_files (1024);
    g_assert_cmpuint (warnings_before_answer (h, bus, n++, FALSE), ==, 1);
    for (guint i = 0; i < 5; i++)
      g_assert_cmpuint (warnings_before_answer (h, bus, n++, FALSE), ==, 0);
    limit_files (RLIM_INFINITY);
    g_assert_cmpuint (warnings_before_answer (h, bus, n++, TRUE), ==, 0);
  }
  g_assert_cmpuint (test_items (path, "x"), ==, 2);
  test_leave_bus (h, bus);
}

static void
takes_any_caps (void)
{
  g_autofree char *path = test_path ("jpeg.bin");
  g_autofree char *line = g_strdup_printf (
    "videotestsrc num-buffers=2 ! dmlembed ! jpegenc ! dmlgallery gallery=%s "
    "label=x enroll=true ! fakesink",
    path);
  g_autoptr (TestRun) run = test_run_pipeline (line);

  g_assert_true (run->eos);
  g_assert_cmpuint (test_items (path, "x"), ==, 1);
}

int
main (int argc, char **argv)
{
  test_init (&argc, &argv);
  square = test_info (GST_VIDEO_FORMAT_RGB, 128, 128);
#define TEST(name, function) g_test_add_func ("/enrol/" name, function)
  TEST ("enrols-while-the-property-is-set", enrols_while_the_property_is_set);
  TEST ("stores-thumbnail-and-quality", stores_thumbnail_and_quality);
  TEST ("refuses-a-repeated-frame", refuses_a_repeated_frame);
  TEST ("refuses-an-old-embedding", refuses_an_old_embedding);
  TEST ("refuses-several-regions", refuses_several_regions);
  TEST ("refuses-smears", refuses_smears);
  TEST ("refuses-without-a-label-and-beyond-the-limit",
        refuses_without_a_label_and_beyond_the_limit);
  TEST ("signals-from-another-thread", signals_from_another_thread);
  TEST ("signal-while-nothing-flows", signal_while_nothing_flows);
  TEST ("signal-from-the-streaming-thread", signal_from_the_streaming_thread);
  TEST ("labels-that-are-none", labels_that_are_none);
  TEST ("signals-from-a-sync-handler", signals_from_a_sync_handler);
  TEST ("life-below-paused", life_below_paused);
  TEST ("enrol-while-matching", enrol_while_matching);
  TEST ("bad-path-is-an-error", bad_path_is_an_error);
  TEST ("other-encoders-gallery-is-an-error",
        other_encoders_gallery_is_an_error);
  TEST ("outlier-reference-is-reported", outlier_reference_is_reported);
  TEST ("full-disk-is-told-once", full_disk_is_told_once);
  TEST ("takes-any-caps", takes_any_caps);
#undef TEST
  return test_run ();
}
