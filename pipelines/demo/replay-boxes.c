/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Stands in for a detector: runs a pipeline and marks the boxes of a truth file
 * as regions of interest on the buffers that leave its element named "boxes",
 * line n of the file on buffer n. Counts the frames on stderr, on a terminal in
 * one line, else now and then; prints how long it took.
 *
 *   replay-boxes truth.jsonl filesrc location=clip.mkv ! decodebin !
 *     videoconvert ! identity name=boxes ! dmlembed ! ... ! fakesink
 */
#include <gst/gst.h>
#include <gst/video/video.h>
#include <json-glib/json-glib.h>
#include <stdio.h>
#include <unistd.h>

typedef struct {
  int x, y, w, h;
} Box;

typedef struct {
  GArray *boxes;
  guint n_buffers; /* atomic: counted by one thread and told by another */
} Replay;

/* Lines are {"box": [x, y, w, h], ...}. */
static GArray *
read_boxes (const char *path, GError **error)
{
  g_autoptr (JsonParser) parser = json_parser_new ();
  g_autofree char *text = NULL;
  g_auto (GStrv) lines = NULL;
  GArray *boxes;

  if (!g_file_get_contents (path, &text, NULL, error))
    return NULL;
  lines = g_strsplit (g_strchomp (text), "\n", -1);
  boxes = g_array_new (FALSE, FALSE, sizeof (Box));
  for (guint i = 0; lines[i] != NULL; i++) {
    JsonObject *row;
    JsonArray *corner;
    Box box;

    if (!json_parser_load_from_data (parser, lines[i], -1, error)) {
      g_prefix_error (error, "%s: line %u: ", path, i + 1);
      g_array_unref (boxes);
      return NULL;
    }
    row = json_node_get_object (json_parser_get_root (parser));
    corner = json_object_get_array_member (row, "box");
    box.x = (int) json_array_get_int_element (corner, 0);
    box.y = (int) json_array_get_int_element (corner, 1);
    box.w = (int) json_array_get_int_element (corner, 2);
    box.h = (int) json_array_get_int_element (corner, 3);
    g_array_append_val (boxes, box);
  }
  return boxes;
}

static GstPadProbeReturn
mark (GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
  Replay *replay = data;
  guint n = (guint) g_atomic_int_add (&replay->n_buffers, 1);
  GstBuffer *buffer =
    gst_buffer_make_writable (GST_PAD_PROBE_INFO_BUFFER (info));

  if (n < replay->boxes->len) {
    const Box *box = &g_array_index (replay->boxes, Box, n);

    gst_buffer_add_video_region_of_interest_meta (
      buffer, "thing", (guint) box->x, (guint) box->y, (guint) box->w,
      (guint) box->h);
  }
  GST_PAD_PROBE_INFO_DATA (info) = buffer;
  return GST_PAD_PROBE_OK;
}

static void
tell (Replay *replay, const char *begin, const char *end)
{
  fprintf (stderr, "%s  %d frames", begin,
           g_atomic_int_get (&replay->n_buffers));
  if (replay->boxes->len > 0)
    fprintf (stderr, " of %u", replay->boxes->len);
  fputs (end, stderr);
}

/* Until the end of the stream or an error. */
static gboolean
play (GstElement *pipeline, Replay *replay)
{
  g_autoptr (GstBus) bus = gst_element_get_bus (pipeline);
  g_autoptr (GstMessage) message = NULL;
  gboolean terminal = isatty (STDERR_FILENO);
  const char *begin = terminal ? "\r" : "", *end = terminal ? "" : "\n";
  GstClockTime pause = terminal ? GST_SECOND / 4 : 10 * GST_SECOND;

  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  while ((message = gst_bus_timed_pop_filtered (
            bus, pause, GST_MESSAGE_ERROR | GST_MESSAGE_EOS)) == NULL)
    tell (replay, begin, end);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  tell (replay, begin, "\n");
  if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_ERROR) {
    g_autoptr (GError) error = NULL;

    gst_message_parse_error (message, &error, NULL);
    g_printerr ("replay-boxes: %s: %s\n", GST_MESSAGE_SRC_NAME (message),
                error->message);
    return FALSE;
  }
  return TRUE;
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GstElement) pipeline = NULL, boxes = NULL;
  g_autoptr (GstPad) pad = NULL;
  Replay replay = { 0 };
  gint64 start;
  gboolean ok;

  gst_init (&argc, &argv);
  if (argc < 3) {
    g_printerr ("usage: replay-boxes TRUTH.jsonl PIPELINE\n");
    return 2;
  }
  replay.boxes = read_boxes (argv[1], &error);
  if (replay.boxes != NULL)
    pipeline = gst_parse_launchv ((const char **) (void *) (argv + 2), &error);
  if (error != NULL) {
    g_printerr ("replay-boxes: %s\n", error->message);
    return 1;
  }
  boxes = gst_bin_get_by_name (GST_BIN (pipeline), "boxes");
  if (boxes == NULL) {
    g_printerr ("replay-boxes: the pipeline has no element named boxes\n");
    return 2;
  }
  pad = gst_element_get_static_pad (boxes, "src");
  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER, mark, &replay, NULL);
  start = g_get_monotonic_time ();
  ok = play (pipeline, &replay);
  if (ok)
    printf ("{\"frames\": %u, \"seconds\": %.3f}\n", replay.n_buffers,
            (double) (g_get_monotonic_time () - start) / G_USEC_PER_SEC);
  g_array_unref (replay.boxes);
  return ok ? 0 : 1;
}
