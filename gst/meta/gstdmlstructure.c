/* SPDX-License-Identifier: LGPL-2.1-or-later
 * A result as a GstStructure, under the names of docs/metadata.md. */
#include <gst/dml/gstdmlfields.h>
#include <gst/dml/gstdmlregionmeta.h>

static void
set_string (GstStructure *s, const char *field, const char *value)
{
  if (value != NULL)
    gst_structure_set (s, field, G_TYPE_STRING, value, NULL);
}

static void
set_place (GstStructure *s, const GstDmlRegionMeta *meta, GstBuffer *buffer)
{
  GstDmlBox box;

  set_string (s, GST_DML_FIELD_REGION,
              gst_dml_region_kind_to_string (meta->kind));
  set_string (s, GST_DML_FIELD_ROI_TYPE, g_quark_to_string (meta->roi_type));
  if (meta->roi_id >= 0)
    gst_structure_set (s, GST_DML_FIELD_ROI_ID, G_TYPE_INT, meta->roi_id, NULL);
  if (meta->track_id >= 0)
    gst_structure_set (s, GST_DML_FIELD_TRACK_ID, G_TYPE_INT64, meta->track_id,
                       NULL);
  if (gst_dml_region_meta_get_box (meta, buffer, &box))
    gst_structure_set (s, GST_DML_FIELD_X, G_TYPE_INT, box.x, GST_DML_FIELD_Y,
                       G_TYPE_INT, box.y, GST_DML_FIELD_WIDTH, G_TYPE_INT,
                       box.width, GST_DML_FIELD_HEIGHT, G_TYPE_INT, box.height,
                       GST_DML_FIELD_FRAME_WIDTH, G_TYPE_INT, box.frame_width,
                       GST_DML_FIELD_FRAME_HEIGHT, G_TYPE_INT, box.frame_height,
                       NULL);
  if (GST_CLOCK_TIME_IS_VALID (meta->pts))
    gst_structure_set (s, GST_DML_FIELD_PTS, G_TYPE_UINT64, meta->pts, NULL);
  gst_structure_set (s, GST_DML_FIELD_FRAMES_AGO, G_TYPE_UINT, meta->frames_ago,
                     NULL);
}

static void
set_hits (GstStructure *s, const DmlMatch *match, guint n)
{
  GValue array = G_VALUE_INIT;

  g_value_init (&array, GST_TYPE_ARRAY);
  for (guint i = 0; i < n; i++) {
    GValue value = G_VALUE_INIT;
    GstStructure *hit;
    const char *label;
    gint64 item;
    gdouble similarity;

    dml_match_get_hit (match, i, &label, &item, &similarity);
    hit = gst_structure_new ("hit", GST_DML_FIELD_LABEL, G_TYPE_STRING, label,
                             GST_DML_FIELD_ITEM, G_TYPE_INT64, item,
                             GST_DML_FIELD_SIMILARITY, G_TYPE_DOUBLE,
                             similarity, NULL);
    g_value_init (&value, GST_TYPE_STRUCTURE);
    g_value_take_boxed (&value, hit);
    gst_value_array_append_and_take_value (&array, &value);
  }
  gst_structure_take_value (s, GST_DML_FIELD_HITS, &array);
}

static void
set_match (GstStructure *s, const DmlMatch *match)
{
  const DmlDecision decision = dml_match_get_decision (match);

  set_string (s, GST_DML_FIELD_DECISION, dml_decision_to_string (decision));
  if (decision == DML_DECISION_KNOWN) {
    set_string (s, GST_DML_FIELD_LABEL, dml_match_get_label (match));
    set_string (s, GST_DML_FIELD_LABEL_DATA, dml_match_get_label_data (match));
  }
  set_string (s, GST_DML_FIELD_NEAREST, dml_match_get_label (match));
  set_string (s, GST_DML_FIELD_RUNNER_UP, dml_match_get_runner_up (match));
  gst_structure_set (
    s, GST_DML_FIELD_SIMILARITY, G_TYPE_DOUBLE,
    dml_match_get_similarity (match), GST_DML_FIELD_MARGIN, G_TYPE_DOUBLE,
    dml_match_get_margin (match), GST_DML_FIELD_THRESHOLD, G_TYPE_DOUBLE,
    dml_match_get_threshold (match), GST_DML_FIELD_CONFIDENCE, G_TYPE_DOUBLE,
    dml_match_get_confidence (match), GST_DML_FIELD_ITEM, G_TYPE_INT64,
    dml_match_get_item (match), NULL);
  set_string (s, GST_DML_FIELD_REASON,
              dml_reason_to_string (dml_match_get_reason (match)));
  set_string (s, GST_DML_FIELD_EXPLANATION, dml_match_get_explanation (match));
}

/* Only where smoothing made the two differ. */
static void
set_raw_match (GstStructure *s, const DmlMatch *raw)
{
  const DmlDecision decision = dml_match_get_decision (raw);

  set_string (s, GST_DML_FIELD_RAW_DECISION, dml_decision_to_string (decision));
  if (decision == DML_DECISION_KNOWN)
    set_string (s, GST_DML_FIELD_RAW_LABEL, dml_match_get_label (raw));
  gst_structure_set (s, GST_DML_FIELD_RAW_SIMILARITY, G_TYPE_DOUBLE,
                     dml_match_get_similarity (raw), NULL);
}

GstStructure *
gst_dml_region_meta_to_structure (const GstDmlRegionMeta *meta,
                                  GstBuffer *buffer, const char *name,
                                  guint n_hits)
{
  GstStructure *s;

  g_return_val_if_fail (meta != NULL, NULL);
  g_return_val_if_fail (GST_IS_BUFFER (buffer), NULL);
  g_return_val_if_fail (name != NULL, NULL);

  s = gst_structure_new_empty (name);
  set_place (s, meta, buffer);
  if (meta->embedding != NULL) {
    set_string (s, GST_DML_FIELD_ENCODER,
                gst_dml_embedding_get_encoder_name (meta->embedding));
    set_string (s, GST_DML_FIELD_FINGERPRINT,
                gst_dml_embedding_get_fingerprint (meta->embedding));
  }
  if (meta->match != NULL) {
    set_match (s, meta->match);
    n_hits = MIN (n_hits, dml_match_get_n_hits (meta->match));
    if (n_hits > 0)
      set_hits (s, meta->match, n_hits);
    if (meta->raw_match != NULL && meta->raw_match != meta->match)
      set_raw_match (s, meta->raw_match);
  }
  return s;
}
