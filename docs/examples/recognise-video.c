/* SPDX-License-Identifier: LGPL-2.1-or-later
 * An application around the elements: plays a video file, tells what is seen,
 * and enrols what is new while it plays.
 *
 *   recognise-video VIDEO GALLERY [LABEL]
 *
 * With LABEL the first thing that is not known is enrolled under it, by the
 * action signal of dmlgallery, and dmlmatch knows it a moment later.
 * Shown are the ways of results to an application: GstDmlRegionMeta on the
 * buffers, `dml-match` messages on the bus, and signals of the elements.
 *
 *   cc recognise-video.c -o recognise-video \
 *     $(pkg-config --cflags --libs gstdml-1.0 gstreamer-app-1.0)
 */
#include <gst/app/gstappsink.h>
#include <gst/dml/gstdml.h>
#include <stdio.h>

/* dmlgallery stands behind dmlmatch: elements start from the sink upwards, so
 * that a gallery that is not there yet has been made when dmlmatch opens it.
 * sync=true plays at the video's own pace. */
#define PIPELINE                                                               \
  "filesrc name=file ! decodebin ! videoconvert ! queue ! dmlembed ! "         \
  "dmlmatch name=match ! dmlgallery name=enrol encoder=default ! "             \
  "appsink name=results sync=true"

typedef struct {
  GMainLoop *loop;
  GstElement *pipeline, *enrol;
  const char *label; /* what to enrol the first unknown thing as, or NULL */
  guint timer;       /* that tries to */
  gboolean ok;
  gint n_frames, n_known; /* counted in the streaming thread */
} App;

/* Streaming thread: every frame with everything that was found in it. */
static GstFlowReturn
on_sample (GstAppSink *sink, gpointer data)
{
  g_autoptr (GstSample) sample = gst_app_sink_pull_sample (sink);
  App *app = data;
  GstBuffer *buffer;
  GstDmlRegionMeta *meta;
  gpointer state = NULL;

  if (sample == NULL)
    return GST_FLOW_EOS;
  buffer = gst_sample_get_buffer (sample);
  g_atomic_int_inc (&app->n_frames);
  while ((meta = gst_dml_buffer_next_region (buffer, &state)) != NULL) {
    GstDmlBox box;

    if (gst_dml_region_meta_get_label (meta) == NULL)
      continue;
    g_atomic_int_inc (&app->n_known);
    if (gst_dml_region_meta_get_box (meta, buffer, &box))
      GST_DEBUG ("%s at %d,%d %dx%d", gst_dml_region_meta_get_label (meta),
                 box.x, box.y, box.width, box.height);
  }
  return GST_FLOW_OK;
}

/* Main thread. The signal comes back when the item is in the file, or was
 * refused, a blurred frame for instance: then the next one is tried. */
static gboolean
try_to_enrol (gpointer data)
{
  App *app = data;
  gint64 item = -1;

  g_signal_emit_by_name (app->enrol, "enroll", app->label, &item);
  if (item < 0)
    return G_SOURCE_CONTINUE;
  printf ("enrolled   %s is item %" G_GINT64_FORMAT "\n", app->label, item);
  return G_SOURCE_REMOVE;
}

/* A message of an element: the answer has changed, or an enrolment is done. */
static void
on_element_message (App *app, const GstStructure *fields)
{
  const char *decision = gst_structure_get_string (fields, "decision");
  const char *label = gst_structure_get_string (fields, "label");
  const char *why = gst_structure_get_string (fields, "explanation");
  guint64 time = 0;

  if (gst_structure_has_name (fields, "dml-match")) {
    gst_structure_get_uint64 (fields, "stream_time", &time);
    printf ("%6.2f s  %-9s %s (%s)\n", (double) time / GST_SECOND, decision,
            label != NULL ? label : "-", why);
    if (g_strcmp0 (decision, "known") != 0 && app->label != NULL &&
        app->timer == 0)
      app->timer = g_timeout_add (300, try_to_enrol, app);
  } else if (gst_structure_has_name (fields, "dml-enrolled")) {
    gboolean ok = FALSE;

    gst_structure_get_boolean (fields, "ok", &ok);
    if (!ok)
      printf ("refused    %s\n", why);
  }
}

static gboolean
on_message (GstBus *bus, GstMessage *message, gpointer data)
{
  App *app = data;

  switch (GST_MESSAGE_TYPE (message)) {
  case GST_MESSAGE_ELEMENT:
    on_element_message (app, gst_message_get_structure (message));
    break;
  case GST_MESSAGE_ERROR: {
    g_autoptr (GError) error = NULL;
    g_autofree char *detail = NULL;

    gst_message_parse_error (message, &error, &detail);
    fprintf (stderr, "recognise-video: %s: %s\n%s\n",
             GST_MESSAGE_SRC_NAME (message), error->message,
             detail != NULL ? detail : "");
    app->ok = FALSE;
    g_main_loop_quit (app->loop);
    break;
  }
  case GST_MESSAGE_EOS:
    g_main_loop_quit (app->loop);
    break;
  default:
    break;
  }
  return G_SOURCE_CONTINUE;
}

/* A thread of dmlmatch's own: what was enrolled is now being matched against.
 */
static void
on_gallery_changed (GstElement *match, gint64 revision, guint n_items,
                    gpointer data)
{
  printf ("gallery    revision %" G_GINT64_FORMAT ", %u items\n", revision,
          n_items);
}

static void
set_up (App *app, const char *video, const char *gallery)
{
  GstAppSinkCallbacks callbacks = { .new_sample = on_sample };
  g_autoptr (GstElement) file =
    gst_bin_get_by_name (GST_BIN (app->pipeline), "file");
  g_autoptr (GstElement) match =
    gst_bin_get_by_name (GST_BIN (app->pipeline), "match");
  g_autoptr (GstElement) results =
    gst_bin_get_by_name (GST_BIN (app->pipeline), "results");
  g_autoptr (GstBus) bus = gst_element_get_bus (app->pipeline);

  app->enrol = gst_bin_get_by_name (GST_BIN (app->pipeline), "enrol");
  g_object_set (file, "location", video, NULL);
  g_object_set (match, "gallery", gallery, NULL);
  g_object_set (app->enrol, "gallery", gallery, NULL);
  g_signal_connect (match, "gallery-changed", G_CALLBACK (on_gallery_changed),
                    app);
  gst_app_sink_set_callbacks (GST_APP_SINK (results), &callbacks, app, NULL);
  gst_bus_add_watch (bus, on_message, app);
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  App app = { .ok = TRUE };

  setvbuf (stdout, NULL, _IOLBF, 0);
  gst_init (&argc, &argv);
  if (argc < 3 || argc > 4) {
    fprintf (stderr, "usage: recognise-video VIDEO GALLERY [LABEL]\n");
    return 2;
  }
  app.label = argc == 4 ? argv[3] : NULL;
  app.pipeline = gst_parse_launch (PIPELINE, &error);
  if (error != NULL) {
    fprintf (stderr, "recognise-video: %s\n", error->message);
    g_clear_object (&app.pipeline);
    return 1;
  }
  app.loop = g_main_loop_new (NULL, FALSE);
  set_up (&app, argv[1], argv[2]);

  gst_element_set_state (app.pipeline, GST_STATE_PLAYING);
  g_main_loop_run (app.loop);
  gst_element_set_state (app.pipeline, GST_STATE_NULL);
  if (app.ok)
    printf ("%d frames, %d of them known\n", app.n_frames, app.n_known);

  gst_object_unref (app.enrol);
  gst_object_unref (app.pipeline);
  g_main_loop_unref (app.loop);
  return app.ok ? 0 : 1;
}
