/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The other two forms of a result. */
#include "mirror.h"

#include "analytics.h"

/* Scalers upstream round differently (GstVideo's ROI truncates): a pixel per
 * edge and scaling, two of which are common. */
#define EDGE_TOLERANCE 2

#define CLASSIFICATION "classification"
#define DML "dml"

typedef GstVideoRegionOfInterestMeta Roi;

GQuark
gst_dml_mirror_roi_type (GstDmlRegionKind kind, GQuark roi_type)
{
  switch (kind) {
  case GST_DML_REGION_FRAME:
    return g_quark_from_static_string (GST_DML_ROI_TYPE_FRAME);
  case GST_DML_REGION_CENTRE:
    return g_quark_from_static_string (GST_DML_ROI_TYPE_CENTRE);
  default:
    return roi_type;
  }
}

static gint64
edge_error (const GstDmlBox *box, gint64 x, gint64 y, gint64 w, gint64 h)
{
  gint64 worst = ABS (x - box->x);

  worst = MAX (worst, ABS (y - box->y));
  worst = MAX (worst, ABS (x + w - box->x - box->width));
  return MAX (worst, ABS (y + h - box->y - box->height));
}

/* The box as a producer may have given it, before it was clamped. */
static gint64
roi_error (const Roi *roi, const GstDmlBox *box)
{
  const gint64 x = (gint32) roi->x, y = (gint32) roi->y;
  const gint64 x1 = CLAMP (x, 0, box->frame_width);
  const gint64 y1 = CLAMP (y, 0, box->frame_height);
  const gint64 x2 = CLAMP (x + (gint32) roi->w, 0, box->frame_width);
  const gint64 y2 = CLAMP (y + (gint32) roi->h, 0, box->frame_height);

  return edge_error (box, x1, y1, x2 - x1, y2 - y1);
}

/* The region of interest that a result belongs to: same type and id and the
 * nearest place. Where the place is not known, only one that cannot be mistaken
 * for another: a label on the wrong object is worse than none. */
static Roi *
find_roi (GstBuffer *buffer, GQuark type, gint id, const GstDmlBox *box)
{
  Roi *roi, *best = NULL;
  gint64 best_error = G_MAXINT64;
  guint n = 0;
  gpointer state = NULL;

  while ((roi = (Roi *) gst_buffer_iterate_meta_filtered (
            buffer, &state, GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE)) !=
         NULL) {
    gint64 error;

    if (roi->roi_type != type || (id >= 0 && roi->id != id))
      continue;
    n++;
    error = box != NULL ? roi_error (roi, box) : 0;
    if (error < best_error) {
      best_error = error;
      best = roi;
    }
  }
  if (box == NULL)
    return n == 1 ? best : NULL;
  if (n == 1 && id > 0)
    return best; /* numbered, and the only one of its number */
  return best_error <= EDGE_TOLERANCE ? best : NULL;
}

typedef struct {
  GQuark type;
  gint id; /* -1 for any */
  const GstDmlBox *box;
  gint64 best_error;
  guint best_id, n;
} DetectionSearch;

static void
search_detection (const GstDmlDetection *d, gpointer data)
{
  DetectionSearch *s = data;
  gint64 error = 0;

  if (d->type != s->type || (s->id >= 0 && d->id != (guint) s->id))
    return;
  s->n++;
  if (s->box != NULL) {
    const gint64 w = s->box->frame_width, h = s->box->frame_height;
    const gint64 x1 = CLAMP ((gint64) d->x, 0, w);
    const gint64 y1 = CLAMP ((gint64) d->y, 0, h);

    error =
      edge_error (s->box, x1, y1, CLAMP ((gint64) d->x + d->width, 0, w) - x1,
                  CLAMP ((gint64) d->y + d->height, 0, h) - y1);
  }
  if (error < s->best_error) {
    s->best_error = error;
    s->best_id = d->id;
  }
}

static gboolean
find_detection (GstBuffer *buffer, GQuark type, gint id, const GstDmlBox *box,
                guint *found)
{
  DetectionSearch s = { type, id, box, G_MAXINT64, 0, 0 };

  gst_dml_analytics_foreach (buffer, search_detection, &s);
  *found = s.best_id;
  if (box == NULL)
    return s.n == 1;
  return s.best_error <= EDGE_TOLERANCE;
}

void
gst_dml_mirror_add_region (GstBuffer *buffer, GstDmlAttachFlags attach,
                           const GstDmlRegion *region)
{
  const GstDmlBox *box = &region->box;
  const GQuark type = gst_dml_mirror_roi_type (region->kind, region->roi_type);
  guint id;

  if ((attach & GST_DML_ATTACH_ROI) && region->kind != GST_DML_REGION_ROI &&
      find_roi (buffer, type, -1, box) == NULL)
    gst_buffer_add_video_region_of_interest_meta_id (
      buffer, type, (guint) box->x, (guint) box->y, (guint) box->width,
      (guint) box->height);
  if ((attach & GST_DML_ATTACH_ANALYTICS) &&
      region->kind != GST_DML_REGION_ANALYTICS &&
      !find_detection (buffer, type, -1, box, &id))
    gst_dml_analytics_add_detection (buffer, type, box->x, box->y, box->width,
                                     box->height, 1.0f, &id);
}

/* Ours of an earlier answer, told by what only we write. */
static void
drop_params (Roi *roi)
{
  for (GList *l = roi->params, *next; l != NULL; l = next) {
    GstStructure *s = l->data;

    next = l->next;
    if (gst_structure_has_name (s, DML) ||
        (gst_structure_has_name (s, CLASSIFICATION) &&
         g_strcmp0 (gst_structure_get_string (s, "layer_name"), DML) == 0)) {
      gst_structure_free (s);
      roi->params = g_list_delete_link (roi->params, l);
    }
  }
}

static const char *
shown_label (const GstDmlRegionMeta *meta)
{
  const char *label = gst_dml_region_meta_get_label (meta);

  /* Not known is an answer, and is given as one. */
  return label != NULL ? label : gst_dml_region_meta_get_decision (meta);
}

/* To others a label and its confidence are one thing: the classifier's score is
 * of the best label, and that is not what was answered here. */
static gdouble
shown_confidence (const GstDmlRegionMeta *meta)
{
  return gst_dml_region_meta_get_label (meta) != NULL
           ? dml_match_get_confidence (meta->match)
           : 0.0;
}

static void
add_params (Roi *roi, GstBuffer *buffer, const GstDmlRegionMeta *meta,
            gint label_id)
{
  GstStructure *s = gst_structure_new (
    CLASSIFICATION, "label", G_TYPE_STRING, shown_label (meta), "confidence",
    G_TYPE_DOUBLE, shown_confidence (meta), "model_name", G_TYPE_STRING,
    gst_dml_embedding_get_encoder_name (meta->embedding), "layer_name",
    G_TYPE_STRING, DML, NULL);

  if (label_id >= 0)
    gst_structure_set (s, "label_id", G_TYPE_INT, label_id, NULL);
  gst_video_region_of_interest_meta_add_param (roi, s);
  gst_video_region_of_interest_meta_add_param (
    roi, gst_dml_region_meta_to_structure (meta, buffer, DML,
                                           dml_match_get_n_hits (meta->match)));
}

void
gst_dml_mirror_add_match (GstBuffer *buffer, GstDmlAttachFlags attach,
                          const GstDmlRegionMeta *meta, gint label_id)
{
  const GQuark type = gst_dml_mirror_roi_type (meta->kind, meta->roi_type);
  GstDmlBox place;
  const GstDmlBox *box =
    gst_dml_region_meta_get_box (meta, buffer, &place) ? &place : NULL;

  if (meta->match == NULL || meta->embedding == NULL)
    return;
  if (attach & GST_DML_ATTACH_ROI) {
    const gint id = meta->kind == GST_DML_REGION_ROI ? meta->roi_id : -1;
    Roi *roi = find_roi (buffer, type, id, box);

    if (roi != NULL) {
      drop_params (roi);
      add_params (roi, buffer, meta, label_id);
    }
  }
  if (attach & GST_DML_ATTACH_ANALYTICS) {
    const gint id = meta->kind == GST_DML_REGION_ANALYTICS ? meta->roi_id : -1;
    guint found;

    if (find_detection (buffer, type, id, box, &found))
      gst_dml_analytics_classify (buffer, found,
                                  g_quark_from_string (shown_label (meta)),
                                  (gfloat) shown_confidence (meta));
  }
}
