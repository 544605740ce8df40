/* SPDX-License-Identifier: LGPL-2.1-or-later
 * What takes its time: a real clock, ten thousand frames, killed processes. */
#include "gst_testing.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

/* This program as a child: enrols frame after frame until it is killed. */
static int
enrol_for_ever (const char *path)
{
  g_autofree char *line = g_strdup_printf (
    "videotestsrc ! dmlembed ! dmlgallery gallery=%s label=x enroll=true "
    "interval=1 min-quality=0 max-per-label=0 ! fakesink",
    path);

  gst_init (NULL, NULL);
  gst_element_set_state (gst_parse_launch (line, NULL), GST_STATE_PLAYING);
  for (;;)
    pause ();
  return 1;
}

/* Killed in the middle of enrolling, again and again: what is in the file is
 * whole. */
static void
kill_during_enrol_keeps_gallery (void)
{
  g_autofree char *path = test_gallery ("killed.bin", 1);
  guint last = 0;

  for (guint round = 0; round < 4; round++) {
    const char *words[] = { "/proc/self/exe", "--enrol", path, NULL };
    g_autoptr (GError) error = NULL;
    g_autoptr (DmlGallery) gallery = NULL;
    g_auto (GStrv) problems = NULL;
    const gint64 until =
      g_get_monotonic_time () + TEST_PATIENCE_S * G_TIME_SPAN_SECOND;
    GPid pid;

    g_spawn_async (NULL, (char **) words, NULL,
                   G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_STDOUT_TO_DEV_NULL |
                     G_SPAWN_STDERR_TO_DEV_NULL,
                   NULL, NULL, &pid, &error);
    g_assert_no_error (error);
    while (test_items (path, "x") <= last + 2 &&
           g_get_monotonic_time () < until)
      g_usleep (3000 + 1000 * round);
    kill (pid, SIGKILL);
    waitpid (pid, NULL, 0);
    g_spawn_close_pid (pid);

    gallery = dml_gallery_open (path, DML_GALLERY_WRITE, NULL, &error);
    g_assert_no_error (error);
    g_assert_true (dml_gallery_verify (gallery, &problems, &error));
    g_assert_no_error (error);
    g_assert_cmpuint (g_strv_length (problems), ==, 0);
    g_assert_cmpuint (test_items (path, "x"), >, last);
    last = test_items (path, "x");
  }
}

static gsize
resident_bytes (void)
{
  FILE *f = fopen ("/proc/self/statm", "r");
  unsigned long size, resident;

  if (f == NULL || fscanf (f, "%lu %lu", &size, &resident) != 2)
    g_error ("/proc/self/statm cannot be read");
  fclose (f);
  return resident * (gsize) sysconf (_SC_PAGESIZE);
}

static void
memory_is_flat_over_10000_frames (void)
{
  const GstVideoInfo info = test_info (GST_VIDEO_FORMAT_I420, 160, 120);
  g_autofree char *gallery = test_gallery ("flat.bin", 4);
  g_autofree char *json = test_path ("flat.jsonl");
  g_autofree char *line = g_strdup_printf (
    "dmlembed ! dmlmatch gallery=%s ! dmloverlay ! dmljson location=%s",
    gallery, json);
  g_autoptr (GstHarness) h = test_harness (line, &info);
  GstBuffer *frames[4];
  gsize early = 0, late;

  for (guint i = 0; i < G_N_ELEMENTS (frames); i++)
    frames[i] = test_frame (&info, i);
  for (guint i = 0; i < 10000; i++) {
    GstBuffer *b = gst_buffer_copy_deep (frames[i % 4]);

    GST_BUFFER_PTS (b) = i * GST_SECOND / 30;
    test_add_roi (b, "thing", (gint) i, i % 40, 5, 100, 100);
    gst_buffer_unref (gst_harness_push_and_pull (h, b));
    if (i == 2000)
      early = resident_bytes ();
  }
  late = resident_bytes ();
  g_test_message ("%zu kB after 2000 frames, %zu kB after 10000", early / 1024,
                  late / 1024);
  if (SANITIZED)
    g_test_skip ("a sanitizer keeps what was freed");
  else
    g_assert_cmpuint (late, <, early + 2 * 1024 * 1024);
  for (guint i = 0; i < G_N_ELEMENTS (frames); i++)
    gst_buffer_unref (frames[i]);
}

/* Two hundred regions a frame: far more than there is time for. */
static GstPadProbeReturn
add_many_rois (GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
  GstBuffer *b = gst_buffer_make_writable (GST_PAD_PROBE_INFO_BUFFER (info));

  for (guint i = 0; i < 200; i++)
    test_add_roi (b, "thing", 0, 3 * i, i, 300, 300);
  GST_PAD_PROBE_INFO_DATA (info) = b;
  return GST_PAD_PROBE_OK;
}

static GstPadProbeReturn
count_frame (GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
  g_atomic_int_inc ((gint *) data);
  return GST_PAD_PROBE_OK;
}

/* A live camera, a sink that keeps the clock, an encoder that cannot: the video
 * goes on at its rate, labels come less often. On a machine that is too slow
 * for the video itself, far faster than if every frame had its labels. */
static void
live_slow_model_keeps_video_rate (void)
{
  g_autoptr (GError) error = NULL;
  GstElement *p = gst_parse_launch (
    "videotestsrc is-live=true num-buffers=90 ! "
    "video/x-raw,format=I420,width=1280,height=720,framerate=30/1 ! "
    "identity name=i ! dmlembed name=e max-regions=1000 ! "
    "fakesink name=s sync=true qos=true",
    &error);
  GstElement *e = gst_bin_get_by_name (GST_BIN (p), "e");
  GstElement *i = gst_bin_get_by_name (GST_BIN (p), "i");
  GstElement *s = gst_bin_get_by_name (GST_BIN (p), "s");
  GstPad *from = gst_element_get_static_pad (i, "src");
  GstPad *to = gst_element_get_static_pad (s, "sink");
  const gint64 start = g_get_monotonic_time ();
  g_autoptr (TestRun) run = NULL;
  gint n = 0;
  double seconds, of_each;

  g_assert_no_error (error);
  gst_pad_add_probe (from, GST_PAD_PROBE_TYPE_BUFFER, add_many_rois, NULL,
                     NULL);
  gst_pad_add_probe (to, GST_PAD_PROBE_TYPE_BUFFER, count_frame, &n, NULL);
  run = test_run_element (p);
  seconds = (double) (g_get_monotonic_time () - start) / G_USEC_PER_SEC;
  of_each = (double) test_stat (e, "avg-time-ns") / 1e9;
  g_assert_true (run->eos);
  g_test_message ("%d frames in %.1f s, %" G_GUINT64_FORMAT
                  " without inference, one of 200 regions takes %.0f ms",
                  n, seconds, test_stat (e, "skipped-qos"), 1e3 * of_each);
  g_assert_cmpint (n, ==, 90);
  g_assert_cmpuint (test_stat (e, "frames"), ==, 90);
  g_assert_cmpuint (test_stat (e, "skipped-qos"), >, 0);
  g_assert_cmpfloat (seconds, <, MAX (3 + 2, 90 * of_each / 2));
  gst_object_unref (from);
  gst_object_unref (to);
  gst_object_unref (e);
  gst_object_unref (i);
  gst_object_unref (s);
  gst_object_unref (p);
}

int
main (int argc, char **argv)
{
  if (argc == 3 && g_str_equal (argv[1], "--enrol"))
    return enrol_for_ever (argv[2]);
  test_init (&argc, &argv);
#define TEST(name, function) g_test_add_func ("/slow/" name, function)
  TEST ("kill-during-enrol-keeps-gallery", kill_during_enrol_keeps_gallery);
  TEST ("memory-is-flat-over-10000-frames", memory_is_flat_over_10000_frames);
  TEST ("live-slow-model-keeps-video-rate", live_slow_model_keeps_video_rate);
#undef TEST
  return test_run ();
}
