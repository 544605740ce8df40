/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Nothing is alive after everything was taken down: GStreamer's leaks tracer
 * counts. Run with GST_TRACERS=leaks. */
#include "gst_testing.h"

#include <string.h>

static GstTracer *
leaks_tracer (void)
{
  GList *all = gst_tracing_get_active_tracers (), *l;
  GstTracer *found = NULL;

  for (l = all; l != NULL; l = l->next)
    if (g_str_equal (G_OBJECT_TYPE_NAME (l->data), "GstLeaksTracer"))
      found = gst_object_ref (l->data);
  g_list_free_full (all, gst_object_unref);
  return found;
}

static guint
count_alive (GstTracer *tracer)
{
  GstStructure *alive = NULL;
  guint n;

  /* A task's thread lets go of it a moment after its element is gone, and the
   * tracer must not meet it then. */
  gst_task_cleanup_all ();
  g_signal_emit_by_name (tracer, "get-live-objects", &alive);
  n = gst_value_list_get_size (
    gst_structure_get_value (alive, "live-objects-list"));
  if (n > 0) {
    g_autofree char *text = gst_structure_to_string (alive);

    g_test_message ("%s", text);
  }
  gst_structure_free (alive);
  return n;
}

static void
no_alive_objects (void)
{
  g_autofree char *gallery = test_gallery ("leaks.bin", 3);
  g_autofree char *json = test_path ("leaks.jsonl");
  const char *const lines[] = {
    "videotestsrc num-buffers=20 ! dmlembed regions=frame+centre interval=2 ! "
    "dmlmatch gallery=GALLERY smoothing=5 ! dmloverlay ! dmljson location=JSON "
    "! fakesink",
    "videotestsrc num-buffers=20 ! tee name=t ! queue ! dmlembed ! "
    "dmlgallery gallery=GALLERY label=x enroll=true interval=3 min-quality=0 ! "
    "dmlmatch gallery=GALLERY ! dmljson ! fakesink t. ! queue ! dmlembed ! "
    "fakesink",
    "videotestsrc num-buffers=5 ! dmlembed ! dmlmatch gallery=/no/file ! "
    "fakesink",
    "videotestsrc num-buffers=5 ! dmlembed encoder=/no/file ! fakesink",
    "videotestsrc num-buffers=5 ! dmlembed ! dmlmatch gallery=GALLERY ! "
    "videoscale ! video/x-raw,width=64,height=48 ! videocrop left=2 ! fakesink",
  };
  GstTracer *tracer = leaks_tracer ();

  if (tracer == NULL) {
    g_test_skip ("the leaks tracer is not active");
    return;
  }
  for (guint i = 0; i < G_N_ELEMENTS (lines); i++) {
    g_auto (GStrv) a = g_strsplit (lines[i], "GALLERY", -1);
    g_autofree char *half = g_strjoinv (gallery, a);
    g_auto (GStrv) b = g_strsplit (half, "JSON", -1);
    g_autofree char *line = g_strjoinv (json, b);
    g_autoptr (TestRun) run = test_run_pipeline (line);

    g_assert_true (run->eos || run->error != NULL);
  }
  g_assert_cmpuint (count_alive (tracer), ==, 0);
  gst_object_unref (tracer);
}

/* One pipeline with every element, started and stopped. The tracer may not be
 * asked before it is gone: in 1.22 it drops references that it never took. */
static void
hundred_starts_and_stops (void)
{
  g_autofree char *gallery = test_gallery ("cycles.bin", 3);
  g_autofree char *enrolled = test_path ("cycles-enrolled.bin");
  g_autofree char *json = test_path ("cycles.jsonl");
  g_autofree char *line = g_strdup_printf (
    "videotestsrc ! video/x-raw,width=96,height=64 ! dmlembed ! queue ! "
    "dmlgallery gallery=%s label=x enroll=true interval=1000 min-quality=0 ! "
    "dmlmatch gallery=%s smoothing=5 ! dmloverlay ! dmljson location=%s ! "
    "fakesink async=true",
    enrolled, gallery, json);
  GstTracer *tracer = leaks_tracer ();
  GstElement *pipeline;
  guint n_files = 0;

  if (tracer == NULL) {
    g_test_skip ("the leaks tracer is not active");
    return;
  }
  pipeline = gst_parse_launch (line, NULL);
  g_assert_nonnull (pipeline);
  for (guint i = 0; i < 100; i++) {
    test_start_and_stop (pipeline);
    if (i == 0)
      n_files = test_count_files ();
  }
  g_assert_cmpuint (test_count_files (), ==, n_files);
  gst_object_unref (pipeline);
  g_assert_cmpuint (count_alive (tracer), ==, 0);
  gst_object_unref (tracer);
}

int
main (int argc, char **argv)
{
  test_init (&argc, &argv);
  g_test_add_func ("/leaks/no-alive-objects", no_alive_objects);
  if (g_test_slow ())
    g_test_add_func ("/leaks/hundred-starts-and-stops",
                     hundred_starts_and_stops);
  return test_run ();
}
