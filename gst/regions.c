/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Where boxes come from.
 *
 * Numbers on buffers are somebody else's: they are taken as signed (a
 * producer's -10 arrives as 4294967286), added in 64 bits, clamped to the
 * visible picture and counted when they are of no use. */
#include "regions.h"

#include <stdio.h>
#include <string.h>

#include "analytics.h"
#include "gstdmlframe.h"

typedef struct {
  const GstDmlRegionRules *rules;
  GstVideoRectangle picture;
  gint frame_width, frame_height;
  GArray *regions;
  guint first; /* where ours start in regions */
  GstDmlRegionCounters *counters;
  GHashTable *seen_types;
} Collector;

GArray *
gst_dml_regions_parse_types (const char *list)
{
  g_auto (GStrv) words = NULL;
  GArray *types;

  if (list == NULL)
    return NULL;
  types = g_array_new (FALSE, FALSE, sizeof (GQuark));
  words = g_strsplit (list, ",", -1);
  for (guint i = 0; words[i] != NULL; i++) {
    g_strstrip (words[i]);
    if (words[i][0] != '\0') {
      const GQuark type = g_quark_from_string (words[i]);

      g_array_append_val (types, type);
    }
  }
  if (types->len == 0)
    g_clear_pointer (&types, g_array_unref);
  return types;
}

GArray *
gst_dml_regions_parse_list (const char *text, char **wrong)
{
  g_auto (GStrv) boxes = g_strsplit (text ? text : "", ";", -1);
  g_autoptr (GArray) list =
    g_array_new (FALSE, FALSE, sizeof (GstVideoRectangle));

  *wrong = NULL;
  for (guint i = 0; boxes[i] != NULL; i++) {
    GstVideoRectangle box;
    char rest;

    if (*g_strstrip (boxes[i]) == '\0')
      continue;
    if (sscanf (boxes[i], "%d ,%d ,%d ,%d %c", &box.x, &box.y, &box.w, &box.h,
                &rest) == 4)
      g_array_append_val (list, box);
    else if (*wrong == NULL)
      *wrong = g_strdup (boxes[i]);
  }
  return list->len > 0 ? g_steal_pointer (&list) : NULL;
}

static gboolean
is_wanted (const GstDmlRegionRules *rules, GQuark type)
{
  if (rules->types == NULL)
    return TRUE;
  for (guint i = 0; i < rules->types->len; i++)
    if (g_array_index (rules->types, GQuark, i) == type)
      return TRUE;
  return FALSE;
}

static gboolean
is_own (GQuark type)
{
  const char *name = g_quark_to_string (type);

  return g_strcmp0 (name, GST_DML_ROI_TYPE_FRAME) == 0 ||
         g_strcmp0 (name, GST_DML_ROI_TYPE_CENTRE) == 0 ||
         g_strcmp0 (name, GST_DML_ROI_TYPE_LIST) == 0;
}

/* FALSE where nothing of the box lies in the picture. */
static gboolean
clamp_box (const Collector *c, gint64 x, gint64 y, gint64 w, gint64 h,
           GstDmlBox *box)
{
  const GstVideoRectangle *p = &c->picture;
  gint64 x2 = x + w, y2 = y + h;

  if (w <= 0 || h <= 0)
    return FALSE;
  x = CLAMP (x, p->x, (gint64) p->x + p->w);
  y = CLAMP (y, p->y, (gint64) p->y + p->h);
  x2 = CLAMP (x2, p->x, (gint64) p->x + p->w);
  y2 = CLAMP (y2, p->y, (gint64) p->y + p->h);
  if (x2 <= x || y2 <= y)
    return FALSE;
  box->x = (gint) x;
  box->y = (gint) y;
  box->width = (gint) (x2 - x);
  box->height = (gint) (y2 - y);
  box->frame_width = c->frame_width;
  box->frame_height = c->frame_height;
  return TRUE;
}

static gboolean
is_duplicate (const Collector *c, const GstDmlRegion *r)
{
  for (guint i = c->first; i < c->regions->len; i++) {
    const GstDmlRegion *o = &g_array_index (c->regions, GstDmlRegion, i);

    if (o->roi_type == r->roi_type &&
        memcmp (&o->box, &r->box, sizeof r->box) == 0 &&
        (o->kind == GST_DML_REGION_ROI || o->kind == GST_DML_REGION_ANALYTICS))
      return TRUE;
  }
  return FALSE;
}

static void
take (Collector *c, GstDmlRegion *r, gint64 x, gint64 y, gint64 w, gint64 h)
{
  if (!clamp_box (c, x, y, w, h, &r->box)) {
    c->counters->invalid++;
    c->counters->list += r->kind == GST_DML_REGION_LIST;
    return;
  }
  if (MIN (r->box.width, r->box.height) < c->rules->min_size) {
    c->counters->too_small++;
    return;
  }
  if (is_duplicate (c, r)) {
    c->counters->duplicate++;
    return;
  }
  g_array_append_val (c->regions, *r);
}

/* FALSE where the type is not looked at. */
static gboolean
note_type (Collector *c, GQuark type)
{
  if (is_own (type))
    return FALSE;
  c->counters->seen++;
  if (c->seen_types != NULL && type != 0)
    g_hash_table_add (c->seen_types, GUINT_TO_POINTER (type));
  if (!is_wanted (c->rules, type)) {
    c->counters->filtered++;
    return FALSE;
  }
  return TRUE;
}

/* A tracker's number, in DL Streamer's form: a parameter `object_id`. */
static gint64
track_id_of (const GstVideoRegionOfInterestMeta *roi)
{
  for (const GList *l = roi->params; l != NULL; l = l->next) {
    const GstStructure *s = l->data;
    gint id;

    if (gst_structure_has_name (s, "object_id") &&
        gst_structure_get_int (s, "id", &id) && id >= 0)
      return id;
  }
  return -1;
}

static void
collect_rois (Collector *c, GstBuffer *buffer)
{
  GstVideoRegionOfInterestMeta *roi;
  gpointer state = NULL;

  while (
    (roi = (GstVideoRegionOfInterestMeta *) gst_buffer_iterate_meta_filtered (
       buffer, &state, GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE)) != NULL) {
    GstDmlRegion r = { GST_DML_REGION_ROI, roi->roi_type, roi->id, -1, { 0 } };

    if (!note_type (c, roi->roi_type))
      continue;
    r.track_id = track_id_of (roi);
    take (c, &r, (gint32) roi->x, (gint32) roi->y, (gint32) roi->w,
          (gint32) roi->h);
  }
}

static void
collect_detection (const GstDmlDetection *d, gpointer data)
{
  Collector *c = data;
  GstDmlRegion r = {
    GST_DML_REGION_ANALYTICS, d->type, (gint) d->id, d->track_id, { 0 }
  };

  if (note_type (c, d->type))
    take (c, &r, d->x, d->y, d->width, d->height);
}

static void
collect_frame (Collector *c)
{
  const GstVideoRectangle *p = &c->picture;
  GstDmlRegion r = { GST_DML_REGION_FRAME, 0, -1, -1, { 0 } };

  take (c, &r, p->x, p->y, p->w, p->h);
}

static void
collect_centre (Collector *c)
{
  const GstVideoRectangle *p = &c->picture;
  const gint side = MIN (p->w, p->h);
  GstDmlRegion r = { GST_DML_REGION_CENTRE, 0, -1, -1, { 0 } };

  take (c, &r, (gint64) p->x + (p->w - side) / 2,
        (gint64) p->y + (p->h - side) / 2, side, side);
}

static void
collect_list (Collector *c)
{
  const GArray *list = c->rules->list;

  for (guint i = 0; list != NULL && i < list->len; i++) {
    const GstVideoRectangle *box = &g_array_index (list, GstVideoRectangle, i);
    GstDmlRegion r = { GST_DML_REGION_LIST,
                       g_quark_from_static_string (GST_DML_ROI_TYPE_LIST),
                       (gint) i,
                       -1,
                       { 0 } };

    take (c, &r, (gint64) c->picture.x + box->x, (gint64) c->picture.y + box->y,
          box->w, box->h);
  }
}

static gint
by_area (gconstpointer a, gconstpointer b)
{
  const gint64 x = *(const gint64 *) a, y = *(const gint64 *) b;

  return x < y ? 1 : x > y ? -1 : 0;
}

/* Keeps the largest, in their order; of equals the first. */
static void
limit (Collector *c)
{
  const guint max = c->rules->max_regions;
  const guint n = c->regions->len - c->first;
  GstDmlRegion *r = &g_array_index (c->regions, GstDmlRegion, c->first);
  g_autofree gint64 *areas = NULL;
  guint n_kept = 0, n_ties;
  gint64 least;

  if (n <= max)
    return;
  areas = g_new (gint64, n);
  for (guint i = 0; i < n; i++)
    areas[i] = (gint64) r[i].box.width * r[i].box.height;
  qsort (areas, n, sizeof *areas, by_area);
  least = areas[max - 1];
  n_ties = max;
  for (guint i = 0; i < max; i++)
    n_ties -= areas[i] > least;

  for (guint i = 0; i < n; i++) {
    const gint64 area = (gint64) r[i].box.width * r[i].box.height;

    if (area < least || (area == least && n_ties == 0))
      continue;
    n_ties -= area == least;
    r[n_kept++] = r[i];
  }
  c->counters->over_limit += n - n_kept;
  g_array_set_size (c->regions, c->first + n_kept);
}

void
gst_dml_regions_collect (GstBuffer *buffer, const GstVideoInfo *info,
                         const GstDmlRegionRules *rules, GArray *regions,
                         GstDmlRegionCounters *counters, GHashTable *seen_types)
{
  Collector c = {
    .rules = rules,
    .frame_width = GST_VIDEO_INFO_WIDTH (info),
    .frame_height = GST_VIDEO_INFO_HEIGHT (info),
    .regions = regions,
    .first = regions->len,
    .counters = counters,
    .seen_types = seen_types,
  };
  const guint64 seen_before = counters->seen - counters->filtered;

  gst_dml_frame_get_picture (info, buffer, &c.picture);
  if (rules->flags & (GST_DML_REGIONS_ROI | GST_DML_REGIONS_AUTO)) {
    collect_rois (&c, buffer);
    gst_dml_analytics_foreach (buffer, collect_detection, &c);
  }
  if (rules->flags & GST_DML_REGIONS_LIST)
    collect_list (&c);
  if (rules->flags & GST_DML_REGIONS_FRAME)
    collect_frame (&c);
  if ((rules->flags & GST_DML_REGIONS_CENTRE) ||
      ((rules->flags & GST_DML_REGIONS_AUTO) &&
       counters->seen - counters->filtered == seen_before))
    collect_centre (&c);
  limit (&c);
}

gdouble
gst_dml_regions_iou (const GstDmlBox *a, const GstDmlBox *b)
{
  const gint64 x1 = MAX (a->x, b->x), y1 = MAX (a->y, b->y);
  const gint64 x2 = MIN ((gint64) a->x + a->width, (gint64) b->x + b->width);
  const gint64 y2 = MIN ((gint64) a->y + a->height, (gint64) b->y + b->height);
  gint64 common;

  if (a->frame_width != b->frame_width || a->frame_height != b->frame_height ||
      x2 <= x1 || y2 <= y1)
    return 0.0;
  common = (x2 - x1) * (y2 - y1);
  return (gdouble) common / (gdouble) ((gint64) a->width * a->height +
                                       (gint64) b->width * b->height - common);
}
