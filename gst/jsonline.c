/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The results of a frame as one line of JSON. Made from the same structure as
 * messages and ROI parameters, field by field, so that the names agree. */
#include "jsonline.h"

#include <json-glib/json-glib.h>

static void add_structure (JsonBuilder *b, const GstStructure *s);

static void
add_value (JsonBuilder *b, const GValue *value)
{
  if (G_VALUE_HOLDS_STRING (value))
    json_builder_add_string_value (b, g_value_get_string (value));
  else if (G_VALUE_HOLDS_BOOLEAN (value))
    json_builder_add_boolean_value (b, g_value_get_boolean (value));
  else if (G_VALUE_HOLDS_INT (value))
    json_builder_add_int_value (b, g_value_get_int (value));
  else if (G_VALUE_HOLDS_UINT (value))
    json_builder_add_int_value (b, g_value_get_uint (value));
  else if (G_VALUE_HOLDS_INT64 (value))
    json_builder_add_int_value (b, g_value_get_int64 (value));
  else if (G_VALUE_HOLDS_UINT64 (value))
    json_builder_add_int_value (b, (gint64) g_value_get_uint64 (value));
  else if (G_VALUE_HOLDS_DOUBLE (value))
    json_builder_add_double_value (b, g_value_get_double (value));
  else if (GST_VALUE_HOLDS_STRUCTURE (value))
    add_structure (b, gst_value_get_structure (value));
  else if (GST_VALUE_HOLDS_ARRAY (value)) {
    json_builder_begin_array (b);
    for (guint i = 0; i < gst_value_array_get_size (value); i++)
      add_value (b, gst_value_array_get_value (value, i));
    json_builder_end_array (b);
  } else {
    json_builder_add_null_value (b);
  }
}

/* What the user stored with a label is JSON already, and stays what it is. */
static gboolean
add_label_data (JsonBuilder *b, const GValue *value)
{
  JsonNode *node = json_from_string (g_value_get_string (value), NULL);

  if (node == NULL)
    return FALSE;
  json_builder_add_value (b, node);
  return TRUE;
}

static gboolean
add_field (GQuark field, const GValue *value, gpointer data)
{
  JsonBuilder *b = data;
  const char *name = g_quark_to_string (field);

  json_builder_set_member_name (b, name);
  if (g_strcmp0 (name, GST_DML_FIELD_LABEL_DATA) != 0 ||
      !add_label_data (b, value))
    add_value (b, value);
  return TRUE;
}

static void
add_structure (JsonBuilder *b, const GstStructure *s)
{
  json_builder_begin_object (b);
  gst_structure_foreach (s, add_field, b);
  json_builder_end_object (b);
}

static void
add_embedding (JsonBuilder *b, const GstDmlEmbedding *embedding)
{
  const float *values = gst_dml_embedding_get_values (embedding);

  json_builder_set_member_name (b, GST_DML_FIELD_EMBEDDING);
  json_builder_begin_array (b);
  for (guint i = 0; i < gst_dml_embedding_get_dim (embedding); i++)
    json_builder_add_double_value (b, (double) values[i]);
  json_builder_end_array (b);
}

static void
add_region (JsonBuilder *b, GstBuffer *buffer, const GstDmlRegionMeta *meta,
            const GstDmlJsonOptions *options)
{
  g_autoptr (GstStructure) s =
    gst_dml_region_meta_to_structure (meta, buffer, "region", options->top_k);

  json_builder_begin_object (b);
  gst_structure_foreach (s, add_field, b);
  if (options->embedding && meta->embedding != NULL)
    add_embedding (b, meta->embedding);
  json_builder_end_object (b);
}

static void
add_time (JsonBuilder *b, const char *name, GstClockTime time)
{
  if (!GST_CLOCK_TIME_IS_VALID (time))
    return;
  json_builder_set_member_name (b, name);
  json_builder_add_int_value (b, (gint64) time);
}

static void
add_times (JsonBuilder *b, GstBuffer *buffer, const GstSegment *segment)
{
  g_autoptr (GDateTime) now = g_date_time_new_now_utc ();
  g_autofree char *seconds = g_date_time_format (now, "%Y-%m-%dT%H:%M:%S");
  g_autofree char *wall = g_strdup_printf (
    "%s.%03dZ", seconds, g_date_time_get_microsecond (now) / 1000);
  const GstClockTime pts = GST_BUFFER_PTS (buffer);
  const GstReferenceTimestampMeta *reference =
    gst_buffer_get_reference_timestamp_meta (buffer, NULL);

  json_builder_set_member_name (b, GST_DML_FIELD_TIME);
  json_builder_add_string_value (b, wall);
  add_time (b, GST_DML_FIELD_PTS, pts);
  if (segment->format == GST_FORMAT_TIME && GST_CLOCK_TIME_IS_VALID (pts)) {
    add_time (b, GST_DML_FIELD_RUNNING_TIME,
              gst_segment_to_running_time (segment, GST_FORMAT_TIME, pts));
    add_time (b, GST_DML_FIELD_STREAM_TIME,
              gst_segment_to_stream_time (segment, GST_FORMAT_TIME, pts));
  }
  if (reference != NULL) {
    g_autofree char *caps = gst_caps_to_string (reference->reference);

    add_time (b, GST_DML_FIELD_REFERENCE_TIME, reference->timestamp);
    json_builder_set_member_name (b, GST_DML_FIELD_REFERENCE);
    json_builder_add_string_value (b, caps);
  }
}

static gboolean
is_told (const GstDmlRegionMeta *meta, const GstDmlJsonOptions *options)
{
  return options->unknown || gst_dml_region_meta_get_label (meta) != NULL;
}

char *
gst_dml_json_line (GstBuffer *buffer, const GstSegment *segment,
                   const GstDmlJsonOptions *options)
{
  g_autoptr (JsonBuilder) b = NULL;
  g_autoptr (JsonGenerator) generator = NULL;
  g_autoptr (JsonNode) root = NULL;
  GstDmlRegionMeta *meta;
  gpointer state = NULL;
  guint n = 0;

  while ((meta = gst_dml_buffer_next_region (buffer, &state)) != NULL)
    n += is_told (meta, options);
  if (n == 0)
    return NULL;

  b = json_builder_new ();
  json_builder_begin_object (b);
  add_times (b, buffer, segment);
  json_builder_set_member_name (b, GST_DML_FIELD_REGIONS);
  json_builder_begin_array (b);
  state = NULL;
  while ((meta = gst_dml_buffer_next_region (buffer, &state)) != NULL)
    if (is_told (meta, options))
      add_region (b, buffer, meta, options);
  json_builder_end_array (b);
  json_builder_end_object (b);

  root = json_builder_get_root (b);
  generator = json_generator_new ();
  json_generator_set_root (generator, root);
  return json_generator_to_data (generator, NULL);
}
