/* SPDX-License-Identifier: LGPL-2.1-or-later
 * dmljson: lines in files and as buffers. */
#include "gst_testing.h"

#include <json-glib/json-glib.h>
#include <string.h>

static GstVideoInfo square;

static JsonObject *
parse (const char *line, JsonParser **parser)
{
  g_autoptr (GError) error = NULL;

  *parser = json_parser_new ();
  json_parser_load_from_data (*parser, line, -1, &error);
  g_assert_no_error (error);
  return json_node_get_object (json_parser_get_root (*parser));
}

static GstHarness *
json_harness (const char *gallery, const char *properties)
{
  g_autofree char *line = g_strdup_printf (
    "dmlembed regions=frame ! dmlmatch gallery=\"%s\" smoothing=0 "
    "threshold=0.999 ! dmljson %s",
    gallery, properties);

  return test_harness (line, &square);
}

static char *
text_of (GstBuffer *b)
{
  GstMapInfo map;
  char *text;

  g_assert_true (gst_buffer_map (b, &map, GST_MAP_READ));
  text = g_strndup ((const char *) map.data, map.size);
  gst_buffer_unmap (b, &map);
  return text;
}

static void
gives_lines_as_buffers (void)
{
  g_autofree char *gallery = test_gallery ("lines.bin", 2);
  g_autoptr (GstHarness) h = json_harness (gallery, "top-k=1");
  GstBuffer *out = gst_harness_push_and_pull (h, test_frame_at (&square, 1, 3));
  g_autofree char *text = text_of (out);
  g_autoptr (JsonParser) parser = NULL;
  g_autoptr (GstCaps) caps = gst_pad_get_current_caps (h->sinkpad);
  JsonObject *o = parse (text, &parser), *r;

  g_assert_true (gst_structure_has_name (gst_caps_get_structure (caps, 0),
                                         "application/x-json"));
  g_assert_cmpuint (GST_BUFFER_PTS (out), ==, GST_SECOND / 10);
  g_assert_true (g_str_has_suffix (text, "}\n"));
  g_assert_cmpint (json_object_get_int_member (o, "pts"), ==, GST_SECOND / 10);
  r = json_array_get_object_element (
    json_object_get_array_member (o, "regions"), 0);
  g_assert_cmpstr (json_object_get_string_member (r, "label"), ==, "picture-1");
  g_assert_cmpstr (json_object_get_string_member (r, "decision"), ==, "known");
  g_assert_cmpstr (json_object_get_string_member (r, "region"), ==, "frame");
  g_assert_cmpint (json_object_get_int_member (r, "frame_width"), ==, 128);
  g_assert_cmpuint (
    json_array_get_length (json_object_get_array_member (r, "hits")), ==, 1);
  g_assert_false (json_object_has_member (r, "embedding"));
  gst_buffer_unref (out);
}

/* Field by field what the metadata says. */
static void
agrees_with_the_metadata (void)
{
  g_autofree char *gallery = test_gallery ("fields.bin", 3);
  g_autofree char *path = test_path ("fields.jsonl");
  g_autofree char *properties =
    g_strdup_printf ("location=%s embedding=true", path);
  g_autofree char *text = NULL;
  g_autoptr (JsonParser) parser = NULL;
  g_autoptr (GstStructure) s = NULL;
  JsonObject *r;
  GstBuffer *out;
  {
    g_autoptr (GstHarness) h = json_harness (gallery, properties);

    out = gst_harness_push_and_pull (h, test_frame_at (&square, 2, 0));
    gst_harness_push_event (h, gst_event_new_eos ());
    g_file_get_contents (path, &text, NULL, NULL);
  }
  s = gst_dml_region_meta_to_structure (gst_dml_buffer_get_region (out, 0), out,
                                        "x", 5);
  r = json_array_get_object_element (
    json_object_get_array_member (parse (text, &parser), "regions"), 0);
  for (gint i = 0; i < gst_structure_n_fields (s); i++) {
    const char *name = gst_structure_nth_field_name (s, (guint) i);
    const GValue *v = gst_structure_get_value (s, name);

    g_assert_true (json_object_has_member (r, name));
    if (G_VALUE_HOLDS_STRING (v))
      g_assert_cmpstr (json_object_get_string_member (r, name), ==,
                       g_value_get_string (v));
    else if (G_VALUE_HOLDS_DOUBLE (v))
      g_assert_cmpfloat (json_object_get_double_member (r, name), ==,
                         g_value_get_double (v));
    else if (G_VALUE_HOLDS_INT (v))
      g_assert_cmpint (json_object_get_int_member (r, name), ==,
                       g_value_get_int (v));
  }
  g_assert_cmpuint (
    json_array_get_length (json_object_get_array_member (r, "embedding")), ==,
    gst_dml_embedding_get_dim (gst_dml_buffer_get_region (out, 0)->embedding));
  gst_buffer_unref (out);
}

static void
has_clock_times (void)
{
  g_autofree char *gallery = test_gallery ("times.bin", 1);
  g_autoptr (GstHarness) h = json_harness (gallery, "");
  GstBuffer *in = test_frame_at (&square, 0, 6), *out;
  g_autoptr (GstCaps) ntp = gst_caps_new_empty_simple ("timestamp/x-ntp");
  g_autofree char *text = NULL;
  g_autoptr (JsonParser) parser = NULL;
  g_autoptr (GDateTime) wall = NULL;
  g_autoptr (GDateTime) now = g_date_time_new_now_utc ();
  GstSegment segment;
  JsonObject *o;

  gst_segment_init (&segment, GST_FORMAT_TIME);
  segment.start = segment.position = GST_SECOND / 10;
  segment.time = 5 * GST_SECOND;
  gst_harness_push_event (h, gst_event_new_segment (&segment));
  gst_buffer_add_reference_timestamp_meta (in, ntp, 42 * GST_SECOND,
                                           GST_CLOCK_TIME_NONE);
  out = gst_harness_push_and_pull (h, in);
  text = text_of (out);
  o = parse (text, &parser);
  wall = g_date_time_new_from_iso8601 (
    json_object_get_string_member (o, "time"), NULL);
  g_assert_nonnull (wall);
  g_assert_cmpint (ABS (g_date_time_difference (wall, now)), <,
                   60 * G_TIME_SPAN_SECOND);
  g_assert_cmpint (json_object_get_int_member (o, "pts"), ==, GST_SECOND / 5);
  g_assert_cmpint (json_object_get_int_member (o, "running_time"), ==,
                   GST_SECOND / 10);
  g_assert_cmpint (json_object_get_int_member (o, "stream_time"), ==,
                   5 * GST_SECOND + GST_SECOND / 10);
  g_assert_cmpint (json_object_get_int_member (o, "reference_time"), ==,
                   42 * GST_SECOND);
  g_assert_cmpstr (json_object_get_string_member (o, "reference"), ==,
                   "timestamp/x-ntp");
  gst_buffer_unref (out);
}

static void
unknown_can_be_left_out (void)
{
  g_autofree char *gallery = test_gallery ("known-only.bin", 1);
  g_autoptr (GstHarness) h = json_harness (gallery, "unknown=false");
  GstEvent *e;
  gboolean gap = FALSE;

  g_assert_cmpint (gst_harness_push (h, test_frame_at (&square, 5, 0)), ==,
                   GST_FLOW_OK);
  g_assert_cmpuint (gst_harness_buffers_in_queue (h), ==, 0);
  while ((e = gst_harness_try_pull_event (h)) != NULL) {
    gap |= GST_EVENT_TYPE (e) == GST_EVENT_GAP;
    gst_event_unref (e);
  }
  g_assert_true (gap); /* whoever waits for this stream need not */
  gst_buffer_unref (
    gst_harness_push_and_pull (h, test_frame_at (&square, 0, 1)));
}

static void
label_data_stays_json (void)
{
  g_autofree char *gallery = test_gallery ("data.bin", 1);
  g_autoptr (GError) error = NULL;
  g_autoptr (JsonParser) parser = NULL;
  g_autofree char *text = NULL;
  GstBuffer *out;
  JsonObject *r;
  {
    g_autoptr (DmlGallery) g =
      dml_gallery_open (gallery, DML_GALLERY_WRITE, NULL, &error);

    dml_gallery_set_label_data (
      g, "picture-0", "{\"price\": 1.5, \"sku\": \"a\\\"b\"}", &error);
    g_assert_no_error (error);
  }
  {
    g_autoptr (GstHarness) h = json_harness (gallery, "");

    out = gst_harness_push_and_pull (h, test_frame_at (&square, 0, 0));
    text = text_of (out);
    gst_buffer_unref (out);
  }
  r = json_array_get_object_element (
    json_object_get_array_member (parse (text, &parser), "regions"), 0);
  r = json_object_get_object_member (r, "label_data");
  g_assert_cmpfloat (json_object_get_double_member (r, "price"), ==, 1.5);
  g_assert_cmpstr (json_object_get_string_member (r, "sku"), ==, "a\"b");
}

static void
appends_whole_lines (void)
{
  g_autofree char *gallery = test_gallery ("append.bin", 1);
  g_autofree char *path = test_path ("append.jsonl");
  g_autofree char *text = NULL;
  g_auto (GStrv) lines = NULL;
  guint n = 0;

  g_file_set_contents (path, "{\"mine\":1}\n", -1, NULL);
  for (guint run = 0; run < 2; run++) {
    g_autofree char *line = g_strdup_printf (
      "videotestsrc num-buffers=20 ! dmlembed ! dmlmatch gallery=%s ! "
      "tee name=t ! queue ! dmljson location=%s ! fakesink "
      "t. ! queue ! dmljson location=%s ! fakesink",
      gallery, path, path);
    g_autoptr (TestRun) r = test_run_pipeline (line);

    g_assert_true (r->eos);
  }
  g_file_get_contents (path, &text, NULL, NULL);
  g_assert_true (g_str_has_suffix (text, "\n"));
  lines = g_strsplit (text, "\n", -1);
  for (; lines[n][0] != '\0'; n++) {
    g_autoptr (JsonParser) parser = NULL;

    parse (lines[n], &parser);
  }
  g_assert_cmpuint (n, ==, 1 + 2 * 2 * 20);
}

static void
passes_buffers_untouched (void)
{
  g_autofree char *path = test_path ("untouched.jsonl");
  g_autofree char *line = g_strdup_printf ("dmljson location=%s", path);
  g_autoptr (GstHarness) h = test_harness (line, &square);
  GstBuffer *in = test_frame_at (&square, 0, 0), *out;

  gst_buffer_ref (in); /* shared: there is nothing to copy it for */
  out = gst_harness_push_and_pull (h, in);
  g_assert_true (in == out);
  gst_buffer_unref (in);
  gst_buffer_unref (out);
}

static void
bad_location_is_an_error (void)
{
  static const struct {
    const char *location;
    gint code;
  } cases[] = {
    { "/no/such/folder/x.jsonl", GST_RESOURCE_ERROR_NOT_FOUND },
    { "/", GST_RESOURCE_ERROR_OPEN_WRITE },
    { "/dev/full", GST_RESOURCE_ERROR_NO_SPACE_LEFT },
  };
  g_autofree char *gallery = test_gallery ("bad-location.bin", 1);

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *line = g_strdup_printf (
      "videotestsrc num-buffers=50 ! dmlembed ! dmlmatch gallery=%s ! "
      "dmljson location=%s ! fakesink",
      gallery, cases[i].location);
    g_autoptr (TestRun) run = test_run_pipeline (line);

    test_assert_error (run, GST_RESOURCE_ERROR, cases[i].code,
                       cases[i].location, "location", NULL);
  }
}

int
main (int argc, char **argv)
{
  test_init (&argc, &argv);
  square = test_info (GST_VIDEO_FORMAT_RGB, 128, 128);
#define TEST(name, function) g_test_add_func ("/json/" name, function)
  TEST ("gives-lines-as-buffers", gives_lines_as_buffers);
  TEST ("agrees-with-the-metadata", agrees_with_the_metadata);
  TEST ("has-clock-times", has_clock_times);
  TEST ("unknown-can-be-left-out", unknown_can_be_left_out);
  TEST ("label-data-stays-json", label_data_stays_json);
  TEST ("appends-whole-lines", appends_whole_lines);
  TEST ("passes-buffers-untouched", passes_buffers_untouched);
  TEST ("bad-location-is-an-error", bad_location_is_an_error);
#undef TEST
  return test_run ();
}
