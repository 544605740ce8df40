/* SPDX-License-Identifier: LGPL-2.1-or-later
 * dmljson: results on the buffer to JSON lines. */

/**
 * SECTION:element-dmljson
 * @title: dmljson
 * @short_description: writes results as JSON lines
 *
 * With #GstDmlJson:location, one line a frame with results is appended to that
 * file and every buffer is passed on untouched. Without, the source pad gives
 * the lines as `application/x-json` buffers instead, for a sink that takes text
 * somewhere. Fields are listed in docs/metadata.md.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 videotestsrc num-buffers=30 ! dmlembed ! dmlmatch
 * gallery=shop.bin ! dmljson location=results.jsonl ! fakesink gst-launch-1.0
 * videotestsrc num-buffers=30 ! dmlembed ! dmlmatch gallery=shop.bin ! dmljson
 * ! filesink location=results.jsonl
 * ]|
 */
#include "gstdmljson.h"

#include <string.h>

#include "element.h"
#include "jsonline.h"
#include "linewriter.h"
#include "properties.h"

GST_DEBUG_CATEGORY_STATIC (dmljson_debug);
#define GST_CAT_DEFAULT dmljson_debug

#define JSON_CAPS "application/x-json"

typedef struct {
  GstDmlJsonOptions options;
  char *location;
} Settings;

#define OFFSET(field) G_STRUCT_OFFSET (Settings, field)

static const GstDmlProperty properties[] = {
  GST_DML_ROW_STRING ("location", "Location",
                      "File to append lines to; none = the source pad gives "
                      "them as application/x-json",
                      OFFSET (location), GST_PARAM_MUTABLE_READY, NULL),
  GST_DML_ROW_BOOLEAN (
    "unknown", "Unknown", "Also tell of regions that are not known",
    OFFSET (options.unknown), GST_PARAM_MUTABLE_PLAYING, TRUE),
  GST_DML_ROW_NUMBER (GST_DML_UINT, "top-k", "Top k",
                      "Nearest items to list with each region, at most as many "
                      "as dmlmatch's k",
                      OFFSET (options.top_k), GST_PARAM_MUTABLE_PLAYING, 5, 0,
                      100),
  GST_DML_ROW_BOOLEAN (
    "embedding", "Embedding", "Also write the embeddings, as arrays of numbers",
    OFFSET (options.embedding), GST_PARAM_MUTABLE_PLAYING, FALSE),
};

struct _GstDmlJson {
  GstBaseTransform parent;

  Settings settings; /* under the object lock */

  GstDmlLineWriter *writer; /* NULL: lines leave by the source pad */
};

G_DEFINE_FINAL_TYPE (GstDmlJson, gst_dml_json, GST_TYPE_BASE_TRANSFORM)
GST_ELEMENT_REGISTER_DEFINE (dmljson, "dmljson", GST_RANK_NONE,
                             GST_TYPE_DML_JSON);

static void
gst_dml_json_get_property (GObject *object, guint id, GValue *value,
                           GParamSpec *pspec)
{
  GstDmlJson *self = GST_DML_JSON (object);

  GST_OBJECT_LOCK (self);
  gst_dml_settings_get (&self->settings, &properties[id - 1], value);
  GST_OBJECT_UNLOCK (self);
}

static void
gst_dml_json_set_property (GObject *object, guint id, const GValue *value,
                           GParamSpec *pspec)
{
  GstDmlJson *self = GST_DML_JSON (object);

  GST_OBJECT_LOCK (self);
  gst_dml_settings_set (&self->settings, &properties[id - 1], value);
  GST_OBJECT_UNLOCK (self);
}

static void
post_write_error (GstDmlJson *self, const GError *error, gboolean opening)
{
  gint code =
    opening ? GST_RESOURCE_ERROR_OPEN_WRITE : GST_RESOURCE_ERROR_WRITE;

  if (g_error_matches (error, G_FILE_ERROR, G_FILE_ERROR_NOSPC))
    code = GST_RESOURCE_ERROR_NO_SPACE_LEFT;
  else if (g_error_matches (error, G_FILE_ERROR, G_FILE_ERROR_NOENT))
    code = GST_RESOURCE_ERROR_NOT_FOUND;
  else if (g_error_matches (error, G_FILE_ERROR, G_FILE_ERROR_ACCES))
    code = GST_RESOURCE_ERROR_NOT_AUTHORIZED;
  gst_element_message_full (GST_ELEMENT (self), GST_MESSAGE_ERROR,
                            GST_RESOURCE_ERROR, code,
                            g_strdup_printf ("location: %s", error->message),
                            NULL, __FILE__, G_STRFUNC, __LINE__);
}

static gboolean
has_location (GstDmlJson *self)
{
  gboolean has;

  GST_OBJECT_LOCK (self);
  has = self->settings.location != NULL && self->settings.location[0] != '\0';
  GST_OBJECT_UNLOCK (self);
  return has;
}

static gboolean
gst_dml_json_start (GstBaseTransform *trans)
{
  GstDmlJson *self = GST_DML_JSON (trans);
  g_autoptr (GError) error = NULL;
  g_autofree char *location = NULL;

  if (has_location (self)) {
    GST_OBJECT_LOCK (self);
    location = g_strdup (self->settings.location);
    GST_OBJECT_UNLOCK (self);
    self->writer = gst_dml_line_writer_new (location, &error);
    if (self->writer == NULL) {
      post_write_error (self, error, TRUE);
      return FALSE;
    }
  }
  gst_base_transform_set_passthrough (trans, self->writer != NULL);
  return TRUE;
}

static gboolean
gst_dml_json_stop (GstBaseTransform *trans)
{
  GstDmlJson *self = GST_DML_JSON (trans);

  g_clear_pointer (&self->writer, gst_dml_line_writer_free);
  return TRUE;
}

static GstCaps *
gst_dml_json_transform_caps (GstBaseTransform *trans, GstPadDirection direction,
                             GstCaps *caps, GstCaps *filter)
{
  GstCaps *result, *some;

  if (has_location (GST_DML_JSON (trans)))
    result = gst_caps_ref (caps);
  else if (direction == GST_PAD_SINK)
    result = gst_caps_new_empty_simple (JSON_CAPS);
  else
    result = gst_caps_new_any ();
  if (filter == NULL)
    return result;
  some = gst_caps_intersect_full (filter, result, GST_CAPS_INTERSECT_FIRST);
  gst_caps_unref (result);
  return some;
}

static char *
make_line (GstDmlJson *self, GstBuffer *buffer)
{
  GstDmlJsonOptions options;
  g_autofree char *line = NULL;

  GST_OBJECT_LOCK (self);
  options = self->settings.options;
  GST_OBJECT_UNLOCK (self);
  line =
    gst_dml_json_line (buffer, &GST_BASE_TRANSFORM (self)->segment, &options);
  return line != NULL ? g_strconcat (line, "\n", NULL) : NULL;
}

/* With a location: the buffer, perhaps shared, is only looked at. */
static GstFlowReturn
gst_dml_json_transform_ip (GstBaseTransform *trans, GstBuffer *buffer)
{
  GstDmlJson *self = GST_DML_JSON (trans);
  g_autoptr (GError) error = NULL;
  char *line = make_line (self, buffer);

  if (line == NULL || gst_dml_line_writer_put (self->writer, line, &error))
    return GST_FLOW_OK;
  post_write_error (self, error, FALSE);
  return GST_FLOW_ERROR;
}

/* Without: a buffer of text for each frame with results, a gap for others. */
static GstFlowReturn
gst_dml_json_prepare_output_buffer (GstBaseTransform *trans, GstBuffer *input,
                                    GstBuffer **out)
{
  GstDmlJson *self = GST_DML_JSON (trans);
  char *line;

  if (gst_base_transform_is_passthrough (trans)) {
    *out = input;
    return GST_FLOW_OK;
  }
  line = make_line (self, input);
  if (line == NULL) {
    *out = gst_buffer_new (); /* dropped by transform */
    return GST_FLOW_OK;
  }
  *out = gst_buffer_new_wrapped (line, strlen (line));
  GST_BUFFER_PTS (*out) = GST_BUFFER_PTS (input);
  GST_BUFFER_DTS (*out) = GST_BUFFER_DTS (input);
  GST_BUFFER_DURATION (*out) = GST_BUFFER_DURATION (input);
  return GST_FLOW_OK;
}

static GstFlowReturn
gst_dml_json_transform (GstBaseTransform *trans, GstBuffer *input,
                        GstBuffer *out)
{
  if (gst_buffer_get_size (out) > 0)
    return GST_FLOW_OK;
  if (GST_BUFFER_PTS_IS_VALID (input))
    gst_pad_push_event (
      GST_BASE_TRANSFORM_SRC_PAD (trans),
      gst_event_new_gap (GST_BUFFER_PTS (input), GST_BUFFER_DURATION (input)));
  return GST_BASE_TRANSFORM_FLOW_DROPPED;
}

static gboolean
gst_dml_json_sink_event (GstBaseTransform *trans, GstEvent *event)
{
  GstDmlJson *self = GST_DML_JSON (trans);
  g_autoptr (GError) error = NULL;

  if (GST_EVENT_TYPE (event) == GST_EVENT_EOS && self->writer != NULL &&
      !gst_dml_line_writer_flush (self->writer, &error))
    post_write_error (self, error, FALSE);
  return GST_BASE_TRANSFORM_CLASS (gst_dml_json_parent_class)
    ->sink_event (trans, event);
}

static void
gst_dml_json_finalize (GObject *object)
{
  gst_dml_settings_clear (&GST_DML_JSON (object)->settings, properties,
                          G_N_ELEMENTS (properties));
  G_OBJECT_CLASS (gst_dml_json_parent_class)->finalize (object);
}

static void
gst_dml_json_init (GstDmlJson *self)
{
  GstBaseTransform *trans = GST_BASE_TRANSFORM (self);

  gst_dml_settings_init (&self->settings, properties,
                         G_N_ELEMENTS (properties));
  gst_base_transform_set_in_place (trans, FALSE);
  gst_base_transform_set_qos_enabled (trans, FALSE);
  gst_base_transform_set_gap_aware (trans, TRUE);
}

static void
gst_dml_json_class_init (GstDmlJsonClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);
  GstBaseTransformClass *trans_class = GST_BASE_TRANSFORM_CLASS (klass);
  g_autoptr (GstCaps) caps = gst_caps_new_any ();

  GST_DEBUG_CATEGORY_INIT (dmljson_debug, "dmljson", 0, "JSON lines");

  object_class->get_property = gst_dml_json_get_property;
  object_class->set_property = gst_dml_json_set_property;
  object_class->finalize = gst_dml_json_finalize;
  gst_dml_properties_install (object_class, properties,
                              G_N_ELEMENTS (properties));

  gst_dml_element_add_pads (element_class, caps);
  gst_element_class_set_static_metadata (
    element_class, "DML JSON writer", "Filter/Analyzer/Video",
    "Writes what dmlmatch found as JSON lines. Example: gst-launch-1.0 "
    "videotestsrc num-buffers=30 ! dmlembed ! dmlmatch gallery=shop.bin ! "
    "dmljson location=results.jsonl ! fakesink",
    "The dml authors");

  gst_dml_element_keep_late_frames (trans_class);
  trans_class->start = gst_dml_json_start;
  trans_class->stop = gst_dml_json_stop;
  trans_class->transform_caps = gst_dml_json_transform_caps;
  trans_class->transform_ip = gst_dml_json_transform_ip;
  trans_class->prepare_output_buffer = gst_dml_json_prepare_output_buffer;
  trans_class->transform = gst_dml_json_transform;
  trans_class->sink_event = gst_dml_json_sink_event;
}
