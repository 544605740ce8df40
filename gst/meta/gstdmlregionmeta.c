/* SPDX-License-Identifier: LGPL-2.1-or-later
 * What was recognised in one region of a frame. */
#include <gst/dml/gstdmlregionmeta.h>

GType
gst_dml_region_kind_get_type (void)
{
  static gsize type;

  if (g_once_init_enter (&type)) {
    static const GEnumValue values[] = {
      { GST_DML_REGION_FRAME, "the whole picture", "frame" },
      { GST_DML_REGION_CENTRE, "its centre square", "centre" },
      { GST_DML_REGION_ROI, "a region of interest", "roi" },
      { GST_DML_REGION_ANALYTICS, "an object detection", "analytics" },
      { GST_DML_REGION_LIST, "a listed box", "list" },
      { 0, NULL, NULL },
    };

    g_once_init_leave (&type,
                       g_enum_register_static ("GstDmlRegionKind", values));
  }
  return type;
}

const char *
gst_dml_region_kind_to_string (GstDmlRegionKind kind)
{
  static const char *const names[] = { "frame", "centre", "roi", "analytics",
                                       "list" };

  G_STATIC_ASSERT (G_N_ELEMENTS (names) == GST_DML_REGION_LIST + 1);
  g_return_val_if_fail ((guint) kind < G_N_ELEMENTS (names), NULL);
  return names[kind];
}

GType
gst_dml_region_meta_api_get_type (void)
{
  static gsize type;

  if (g_once_init_enter (&type)) {
    const gchar *tags[] = { NULL };

    g_once_init_leave (
      &type, gst_meta_api_type_register ("GstDmlRegionMetaAPI", tags));
  }
  return type;
}

static gboolean
gst_dml_region_meta_init (GstMeta *meta, gpointer params, GstBuffer *buffer)
{
  GstDmlRegionMeta *self = (GstDmlRegionMeta *) meta;

  self->id = 0;
  self->kind = GST_DML_REGION_FRAME;
  self->roi_type = 0;
  self->roi_id = -1;
  self->track_id = -1;
  self->origin = (GstDmlBox){ 0 };
  self->pts = GST_CLOCK_TIME_NONE;
  self->frames_ago = 0;
  self->embedding = NULL;
  self->match = NULL;
  self->raw_match = NULL;
  return TRUE;
}

static void
gst_dml_region_meta_free (GstMeta *meta, GstBuffer *buffer)
{
  GstDmlRegionMeta *self = (GstDmlRegionMeta *) meta;

  g_clear_pointer (&self->embedding, gst_dml_embedding_unref);
  g_clear_pointer (&self->match, dml_match_unref);
  g_clear_pointer (&self->raw_match, dml_match_unref);
}

/* A result stays true whatever happens to the pixels, so every transform that
 * GStreamer itself knows is a copy. An unknown one is refused before anything
 * is added: what it does is not known. */
static gboolean
is_known_transform (GQuark type)
{
  static gsize scale, matrix;

  if (g_once_init_enter (&scale))
    g_once_init_leave (&scale, g_quark_from_static_string ("gst-video-scale"));
  if (g_once_init_enter (&matrix))
    g_once_init_leave (&matrix,
                       g_quark_from_static_string ("gst-video-matrix"));
  return GST_META_TRANSFORM_IS_COPY (type) || type == scale || type == matrix;
}

static gboolean
gst_dml_region_meta_transform (GstBuffer *dest, GstMeta *meta,
                               GstBuffer *buffer, GQuark type, gpointer data)
{
  const GstDmlRegionMeta *self = (GstDmlRegionMeta *) meta;
  GstDmlRegionMeta *copy;

  if (!is_known_transform (type))
    return FALSE;
  copy = (GstDmlRegionMeta *) gst_buffer_add_meta (
    dest, GST_DML_REGION_META_INFO, NULL);
  if (copy == NULL)
    return FALSE;

  copy->id = self->id;
  copy->kind = self->kind;
  copy->roi_type = self->roi_type;
  copy->roi_id = self->roi_id;
  copy->track_id = self->track_id;
  copy->origin = self->origin;
  copy->pts = self->pts;
  copy->frames_ago = self->frames_ago;
  if (self->embedding != NULL)
    copy->embedding = gst_dml_embedding_ref (self->embedding);
  gst_dml_region_meta_set_match (copy, self->match, self->raw_match);
  return TRUE;
}

const GstMetaInfo *
gst_dml_region_meta_get_info (void)
{
  static const GstMetaInfo *info;

  if (g_once_init_enter (&info)) {
    const GstMetaInfo *mi = gst_meta_register (
      GST_DML_REGION_META_API_TYPE, "GstDmlRegionMeta",
      sizeof (GstDmlRegionMeta), gst_dml_region_meta_init,
      gst_dml_region_meta_free, gst_dml_region_meta_transform);

    g_once_init_leave (&info, mi);
  }
  return info;
}

GstDmlRegionMeta *
gst_dml_buffer_add_region (GstBuffer *buffer, GstDmlRegionKind kind,
                           const GstDmlBox *box, GstDmlEmbedding *embedding)
{
  static guint64 last_id; /* of the process */
  static GMutex lock;
  GstDmlRegionMeta *self;
  GstDmlBoxMeta *place;

  g_return_val_if_fail (GST_IS_BUFFER (buffer), NULL);
  g_return_val_if_fail (gst_buffer_is_writable (buffer), NULL);
  g_return_val_if_fail (box != NULL, NULL);
  g_return_val_if_fail (embedding != NULL, NULL);

  self = (GstDmlRegionMeta *) gst_buffer_add_meta (
    buffer, GST_DML_REGION_META_INFO, NULL);
  if (self == NULL)
    return NULL;
  g_mutex_lock (&lock);
  self->id = ++last_id;
  g_mutex_unlock (&lock);
  self->kind = kind;
  self->origin = *box;
  self->pts = GST_BUFFER_PTS (buffer);
  self->embedding = gst_dml_embedding_ref (embedding);

  place =
    (GstDmlBoxMeta *) gst_buffer_add_meta (buffer, GST_DML_BOX_META_INFO, NULL);
  if (place != NULL) {
    place->region = self->id;
    place->box = *box;
  }
  return self;
}

GstDmlRegionMeta *
gst_dml_buffer_next_region (GstBuffer *buffer, gpointer *state)
{
  return (GstDmlRegionMeta *) gst_buffer_iterate_meta_filtered (
    buffer, state, GST_DML_REGION_META_API_TYPE);
}

guint
gst_dml_buffer_get_n_regions (GstBuffer *buffer)
{
  g_return_val_if_fail (GST_IS_BUFFER (buffer), 0);
  return gst_buffer_get_n_meta (buffer, GST_DML_REGION_META_API_TYPE);
}

GstDmlRegionMeta *
gst_dml_buffer_get_region (GstBuffer *buffer, guint i)
{
  GstDmlRegionMeta *self;
  gpointer state = NULL;

  g_return_val_if_fail (GST_IS_BUFFER (buffer), NULL);
  while ((self = gst_dml_buffer_next_region (buffer, &state)) != NULL)
    if (i-- == 0)
      return self;
  return NULL;
}

gboolean
gst_dml_region_meta_get_box (const GstDmlRegionMeta *meta, GstBuffer *buffer,
                             GstDmlBox *box)
{
  const GstDmlBoxMeta *place;
  gpointer state = NULL;

  g_return_val_if_fail (meta != NULL, FALSE);
  g_return_val_if_fail (GST_IS_BUFFER (buffer), FALSE);
  g_return_val_if_fail (box != NULL, FALSE);

  while ((place = (GstDmlBoxMeta *) gst_buffer_iterate_meta_filtered (
            buffer, &state, GST_DML_BOX_META_API_TYPE)) != NULL) {
    if (place->region == meta->id) {
      *box = place->box;
      return TRUE;
    }
  }
  return FALSE;
}

void
gst_dml_region_meta_set_match (GstDmlRegionMeta *meta, DmlMatch *match,
                               DmlMatch *raw_match)
{
  g_return_if_fail (meta != NULL);

  if (match != NULL)
    dml_match_ref (match);
  if (raw_match != NULL)
    dml_match_ref (raw_match);
  g_clear_pointer (&meta->match, dml_match_unref);
  g_clear_pointer (&meta->raw_match, dml_match_unref);
  meta->match = match;
  meta->raw_match = raw_match;
}

GstDmlRegionKind
gst_dml_region_meta_get_kind (const GstDmlRegionMeta *meta)
{
  g_return_val_if_fail (meta != NULL, GST_DML_REGION_FRAME);
  return meta->kind;
}

const char *
gst_dml_region_meta_get_roi_type (const GstDmlRegionMeta *meta)
{
  g_return_val_if_fail (meta != NULL, NULL);
  return g_quark_to_string (meta->roi_type);
}

gint
gst_dml_region_meta_get_roi_id (const GstDmlRegionMeta *meta)
{
  g_return_val_if_fail (meta != NULL, -1);
  return meta->roi_id;
}

gint64
gst_dml_region_meta_get_track_id (const GstDmlRegionMeta *meta)
{
  g_return_val_if_fail (meta != NULL, -1);
  return meta->track_id;
}

GstClockTime
gst_dml_region_meta_get_pts (const GstDmlRegionMeta *meta)
{
  g_return_val_if_fail (meta != NULL, GST_CLOCK_TIME_NONE);
  return meta->pts;
}

guint
gst_dml_region_meta_get_frames_ago (const GstDmlRegionMeta *meta)
{
  g_return_val_if_fail (meta != NULL, 0);
  return meta->frames_ago;
}

GstDmlEmbedding *
gst_dml_region_meta_get_embedding (const GstDmlRegionMeta *meta)
{
  g_return_val_if_fail (meta != NULL, NULL);
  return meta->embedding;
}

DmlMatch *
gst_dml_region_meta_get_match (const GstDmlRegionMeta *meta)
{
  g_return_val_if_fail (meta != NULL, NULL);
  return meta->match;
}

const char *
gst_dml_region_meta_get_decision (const GstDmlRegionMeta *meta)
{
  g_return_val_if_fail (meta != NULL, NULL);
  if (meta->match == NULL)
    return NULL;
  return dml_decision_to_string (dml_match_get_decision (meta->match));
}

const char *
gst_dml_region_meta_get_label (const GstDmlRegionMeta *meta)
{
  g_return_val_if_fail (meta != NULL, NULL);
  if (meta->match == NULL ||
      dml_match_get_decision (meta->match) != DML_DECISION_KNOWN)
    return NULL;
  return dml_match_get_label (meta->match);
}

gdouble
gst_dml_region_meta_get_similarity (const GstDmlRegionMeta *meta)
{
  g_return_val_if_fail (meta != NULL, 0.0);
  return meta->match != NULL ? dml_match_get_similarity (meta->match) : 0.0;
}
