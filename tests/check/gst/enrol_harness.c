/* SPDX-License-Identifier: LGPL-2.1-or-later
 * A harness that enrols. See enrol_harness.h. */
#include "enrol_harness.h"

Enrol
enrol_begin (char *path, const char *properties)
{
  const GstVideoInfo square = test_info (GST_VIDEO_FORMAT_RGB, 128, 128);

  return enrol_begin_with (&square, "regions=frame", path, properties);
}

Enrol
enrol_begin_with (const GstVideoInfo *info, const char *embed, char *path,
                  const char *properties)
{
  g_autofree char *line = g_strdup_printf (
    "dmlembed %s ! dmlgallery gallery=\"%s\" %s", embed, path, properties);
  GstHarness *harness = test_harness (line, info);

  return (Enrol){ .info = *info,
                  .path = path,
                  .harness = harness,
                  .bus = test_watch_bus (harness),
                  .gallery = test_element_named (harness, "dmlgallery") };
}

void
enrol_end (Enrol *enrol)
{
  test_leave_bus (enrol->harness, enrol->bus);
  gst_harness_teardown (enrol->harness);
  g_free (enrol->path);
}

GstBuffer *
enrol_frame (Enrol *enrol, guint picture)
{
  return test_frame_at (&enrol->info, picture, enrol->n_frames++);
}

void
enrol_push (Enrol *enrol, GstBuffer *frame)
{
  gst_buffer_unref (gst_harness_push_and_pull (enrol->harness, frame));
}

void
enrol_show (Enrol *enrol, guint picture)
{
  enrol_push (enrol, enrol_frame (enrol, picture));
}

GstMessage *
enrol_next_answer (Enrol *enrol)
{
  GstMessage *m = gst_bus_timed_pop_filtered (
    enrol->bus, TEST_PATIENCE_S * GST_SECOND, GST_MESSAGE_ELEMENT);

  g_assert_nonnull (m);
  g_assert_true (gst_message_has_name (m, "dml-enrolled"));
  return m;
}

void
enrol_expect (Enrol *enrol, gboolean ok, const char *reason)
{
  g_autoptr (GstMessage) m = enrol_next_answer (enrol);
  const GstStructure *s = gst_message_get_structure (m);
  gboolean is;

  g_assert_true (gst_structure_get_boolean (s, "ok", &is));
  if (is != ok || g_strcmp0 (gst_structure_get_string (s, "reason"), reason))
    g_error ("got %s, expected %s", gst_structure_get_string (s, "reason"),
             reason);
}
