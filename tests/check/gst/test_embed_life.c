/* SPDX-License-Identifier: LGPL-2.1-or-later
 * dmlembed: starts and stops, encoders that fail or are shared, properties that
 * change. */
#include "../lib/onnx_maker.h"
#include "gst_testing.h"

#include <string.h>

static void
state_cycles (void)
{
  GstElement *e = gst_element_factory_make ("dmlembed", NULL);

  for (guint i = 0; i < 100; i++) {
    test_set_state (e, GST_STATE_PAUSED);
    test_set_state (e, i & 1 ? GST_STATE_NULL : GST_STATE_READY);
  }
  gst_element_set_state (e, GST_STATE_NULL);
  gst_object_unref (e);
}

static void
property_change_between_runs (void)
{
  const GstVideoInfo info = test_info (GST_VIDEO_FORMAT_I420, 64, 64);
  g_autofree char *caps = test_caps (&info);
  g_autoptr (GstHarness) h =
    test_harness ("dmlembed regions=frame interval=5", &info);
  GstElement *e = test_element (h);
  GstBuffer *out = gst_harness_push_and_pull (h, test_frame_at (&info, 1, 0));

  g_assert_cmpint (gst_dml_buffer_get_region (out, 0)->kind, ==,
                   GST_DML_REGION_FRAME);
  gst_buffer_unref (out);
  gst_element_set_state (h->element, GST_STATE_NULL);
  g_object_set (e, "interval", 1, "encoder", "default", "threads", 1, NULL);
  gst_util_set_object_arg (G_OBJECT (e), "regions", "centre");
  gst_element_set_state (h->element, GST_STATE_PLAYING);
  gst_harness_push_event (h, gst_event_new_stream_start ("again"));
  gst_harness_set_src_caps_str (h, caps);
  for (guint i = 0; i < 3; i++) {
    out = gst_harness_push_and_pull (h, test_frame_at (&info, 2, i));
    g_assert_cmpuint (gst_dml_buffer_get_n_regions (out), ==, 1);
    g_assert_cmpint (gst_dml_buffer_get_region (out, 0)->kind, ==,
                     GST_DML_REGION_CENTRE);
    g_assert_cmpuint (gst_dml_buffer_get_region (out, 0)->frames_ago, ==, 0);
    gst_buffer_unref (out);
  }
  g_assert_cmpuint (test_stat (test_element (h), "frames"), ==,
                    3); /* counts anew */
}

static void
model_is_shared_between_instances (void)
{
  const GstVideoInfo info = test_info (GST_VIDEO_FORMAT_I420, 64, 64);
  g_autoptr (GstHarness) a = test_harness ("dmlembed", &info);
  g_autoptr (GstHarness) b = test_harness ("dmlembed", &info);
  GstBuffer *x = gst_harness_push_and_pull (a, test_frame_at (&info, 1, 0));
  GstBuffer *y = gst_harness_push_and_pull (b, test_frame_at (&info, 1, 0));

  g_assert_true (gst_dml_embedding_get_encoder (
                   gst_dml_buffer_get_region (x, 0)->embedding) ==
                 gst_dml_embedding_get_encoder (
                   gst_dml_buffer_get_region (y, 0)->embedding));
  gst_buffer_unref (x);
  gst_buffer_unref (y);
}

static GstMessage *
start_and_fail (const char *encoder)
{
  GstElement *e = gst_element_factory_make ("dmlembed", NULL);
  GstBus *bus = gst_bus_new ();
  GstMessage *m;

  gst_element_set_bus (e, bus);
  g_object_set (e, "encoder", encoder, NULL);
  g_assert_cmpint (gst_element_set_state (e, GST_STATE_PAUSED), ==,
                   GST_STATE_CHANGE_FAILURE);
  m = gst_bus_pop_filtered (bus, GST_MESSAGE_ERROR);
  g_assert_nonnull (m);
  gst_element_set_state (e, GST_STATE_NULL);
  gst_element_set_bus (e, NULL);
  gst_object_unref (bus);
  gst_object_unref (e);
  return m;
}

/* An encoder whose weights are all `weight`; the bias is never 0. */
static char *
write_encoder (const char *name, float weight)
{
  enum { SIDE = 16, N = 3 * SIDE * SIDE, DIM = 8 };
  static const int64_t image[] = { -1, 3, SIDE, SIDE };
  static const int64_t weights[] = { N, DIM }, biases[] = { DIM };
  float w[N * DIM], b[DIM];
  GByteArray *graph = g_byte_array_new ();
  g_autoptr (GByteArray) model = NULL;
  g_autoptr (GError) error = NULL;
  char *path = test_path (name);

  for (guint i = 0; i < N * DIM; i++)
    w[i] = weight * (float) ((i * 7919) % 101 - 50);
  for (guint i = 0; i < DIM; i++)
    b[i] = (float) i + 1;
  onnx_add_input (graph, "image", image, 4);
  onnx_add_floats (graph, "w", weights, 2, w);
  onnx_add_floats (graph, "b", biases, 1, b);
  onnx_add_node (graph, "Flatten", "flat", "image", "row");
  onnx_add_node (graph, "Gemm", "head", "row w b", "embedding");
  onnx_add_output (graph, "embedding");
  model = onnx_model (graph, 13);
  g_file_set_contents (path, (const char *) model->data, (gssize) model->len,
                       &error);
  g_assert_no_error (error);
  return path;
}

/* That everything looks alike to an encoder is told before the first frame. */
static void
collapsed_encoder_is_told (void)
{
  for (guint sound = 0; sound < 2; sound++) {
    g_autofree char *path =
      write_encoder (sound ? "sound.onnx" : "collapsed.onnx", sound ? 1 : 0);
    g_autofree char *line = g_strdup_printf (
      "videotestsrc num-buffers=2 ! dmlembed encoder=%s ! fakesink", path);
    g_autoptr (TestRun) run = test_run_pipeline (line);

    g_assert_true (run->eos);
    g_assert_cmpuint (
      test_run_count_warnings (run, "same embedding for different pictures"),
      ==, sound ? 0 : 1);
  }
}

/* Before the first frame, and without taking a lock twice. */
static void
wrong_model_is_an_error (void)
{
  static const struct {
    const char *name, *bytes;
    gsize size;
    gboolean resource;
    gint code;
  } cases[] = {
    { "none.onnx", NULL, 0, TRUE, GST_RESOURCE_ERROR_NOT_FOUND },
    { "empty.onnx", "", 0, FALSE, GST_STREAM_ERROR_WRONG_TYPE },
    { "text.onnx", "this is no network", 18, FALSE,
      GST_STREAM_ERROR_WRONG_TYPE },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *path = test_path (cases[i].name);
    g_autoptr (GError) error = NULL;
    GstMessage *m;

    if (cases[i].bytes != NULL)
      g_file_set_contents (path, cases[i].bytes, cases[i].size, NULL);
    m = start_and_fail (path);
    gst_message_parse_error (m, &error, NULL);
    g_test_message ("%s", error->message);
    g_assert_true (g_error_matches (
      error, cases[i].resource ? GST_RESOURCE_ERROR : GST_STREAM_ERROR,
      cases[i].code));
    g_assert_nonnull (strstr (error->message, cases[i].name));
    g_assert_true (g_str_has_prefix (error->message, "encoder: "));
    gst_message_unref (m);
  }
}

static void
set_while_playing (gpointer thread, gpointer data)
{
  GstHarness *h = data;
  static guint n;

  n++;
  g_object_set (test_element (h), "interval", 1 + n % 3, "min-size", 1 + n % 60,
                "roi-type", n & 1 ? "a" : NULL, "max-regions", 1 + n % 5, NULL);
  g_assert_cmpuint (test_stat (test_element (h), "map-failures"), ==, 0);
}

static void
properties_change_while_playing (void)
{
  const GstVideoInfo info = test_info (GST_VIDEO_FORMAT_I420, 64, 64);
  g_autoptr (GstHarness) h = test_harness ("dmlembed", &info);
  GstHarnessThread *t =
    gst_harness_stress_custom_start (h, NULL, set_while_playing, h, 200);

  for (guint i = 0; i < 200; i++) {
    GstBuffer *b = test_frame_at (&info, 1, i);

    test_add_roi (b, "a", 0, 0, 0, 40, 40);
    gst_buffer_unref (gst_harness_push_and_pull (h, b));
  }
  gst_harness_stress_thread_stop (t);
  g_assert_cmpuint (test_stat (test_element (h), "frames"), ==, 200);
}

int
main (int argc, char **argv)
{
  test_init (&argc, &argv);
#define TEST(name, function) g_test_add_func ("/embed/" name, function)
  TEST ("collapsed-encoder-is-told", collapsed_encoder_is_told);
  TEST ("state-cycles", state_cycles);
  TEST ("property-change-between-runs", property_change_between_runs);
  TEST ("model-is-shared-between-instances", model_is_shared_between_instances);
  TEST ("wrong-model-is-an-error", wrong_model_is_an_error);
  TEST ("properties-change-while-playing", properties_change_while_playing);
#undef TEST
  return test_run ();
}
