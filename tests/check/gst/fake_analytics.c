/* SPDX-License-Identifier: LGPL-2.1-or-later
 * A stand-in for libgstanalytics-1.0.so.0 on machines whose GStreamer has none
 * (before 1.24): the functions that the plugin looks up, with the signatures of
 * gstanalyticsmeta.h 1.24, kept as simply as can be. What it cannot show is
 * what the real one does. */
#include "fake_analytics.h"

enum { DETECTION = 1, CLASSIFICATION, TRACKING };

typedef struct {
  guintptr type;
  GQuark quark;
  gint x, y, w, h;
  gfloat level;
  guint64 track;
} Entry;

typedef struct {
  GstMeta meta;
  GArray *entries;   /* Entry */
  GArray *relations; /* FakeRelation */
} Relations;

static gboolean
relations_init (GstMeta *meta, gpointer params, GstBuffer *buffer)
{
  Relations *self = (Relations *) meta;

  self->entries = g_array_new (FALSE, FALSE, sizeof (Entry));
  self->relations = g_array_new (FALSE, FALSE, sizeof (FakeRelation));
  return TRUE;
}

static void
relations_free (GstMeta *meta, GstBuffer *buffer)
{
  g_array_unref (((Relations *) meta)->entries);
  g_array_unref (((Relations *) meta)->relations);
}

static gboolean
relations_transform (GstBuffer *to, GstMeta *meta, GstBuffer *from, GQuark type,
                     gpointer data)
{
  const Relations *self = (Relations *) meta;
  Relations *copy;

  if (!GST_META_TRANSFORM_IS_COPY (type))
    return FALSE;
  copy = gst_buffer_add_analytics_relation_meta (to);
  g_array_append_vals (copy->entries, self->entries->data, self->entries->len);
  g_array_append_vals (copy->relations, self->relations->data,
                       self->relations->len);
  return TRUE;
}

static const GstMetaInfo *
relations_info (void)
{
  static const GstMetaInfo *info;
  static const gchar *tags[] = { NULL };

  if (g_once_init_enter (&info)) {
    const GstMetaInfo *i = gst_meta_register (
      gst_meta_api_type_register ("FakeAnalyticsAPI", tags), "FakeAnalytics",
      sizeof (Relations), relations_init, relations_free, relations_transform);

    g_once_init_leave (&info, i);
  }
  return info;
}

gpointer
gst_buffer_get_analytics_relation_meta (GstBuffer *buffer)
{
  return gst_buffer_get_meta (buffer, relations_info ()->api);
}

gpointer
gst_buffer_add_analytics_relation_meta (GstBuffer *buffer)
{
  return gst_buffer_add_meta (buffer, relations_info (), NULL);
}

static Entry *
entry (const FakeMtd *mtd)
{
  Relations *self = mtd->meta;

  g_assert_cmpuint (mtd->id, <, self->entries->len);
  return &g_array_index (self->entries, Entry, mtd->id);
}

static gboolean
add (gpointer meta, const Entry *e, FakeMtd *mtd)
{
  Relations *self = meta;

  mtd->id = self->entries->len;
  mtd->meta = self;
  g_array_append_vals (self->entries, e, 1);
  return TRUE;
}

gboolean
gst_analytics_relation_meta_iterate (gpointer meta, gpointer *state,
                                     guintptr type, FakeMtd *mtd)
{
  Relations *self = meta;

  for (gsize i = GPOINTER_TO_SIZE (*state); i < self->entries->len; i++) {
    if (g_array_index (self->entries, Entry, i).type == type) {
      *state = GSIZE_TO_POINTER (i + 1);
      mtd->id = (guint) i;
      mtd->meta = self;
      return TRUE;
    }
  }
  return FALSE;
}

gboolean
gst_analytics_relation_meta_get_direct_related (gpointer meta, guint id,
                                                gint relation, guintptr type,
                                                gpointer *state, FakeMtd *mtd)
{
  Relations *self = meta;

  for (gsize i = GPOINTER_TO_SIZE (*state); i < self->relations->len; i++) {
    const FakeRelation *r = &g_array_index (self->relations, FakeRelation, i);

    if (r->from == id && (r->type & relation) &&
        g_array_index (self->entries, Entry, r->to).type == type) {
      *state = GSIZE_TO_POINTER (i + 1);
      mtd->id = r->to;
      mtd->meta = self;
      return TRUE;
    }
  }
  return FALSE;
}

gboolean
gst_analytics_relation_meta_set_relation (gpointer meta, gint type, guint from,
                                          guint to)
{
  const FakeRelation r = { type, from, to };

  g_array_append_val (((Relations *) meta)->relations, r);
  return TRUE;
}

gboolean
gst_analytics_relation_meta_add_od_mtd (gpointer meta, GQuark type, gint x,
                                        gint y, gint w, gint h, gfloat level,
                                        FakeMtd *mtd)
{
  const Entry e = { DETECTION, type, x, y, w, h, level, 0 };

  return add (meta, &e, mtd);
}

gboolean
gst_analytics_relation_meta_add_one_cls_mtd (gpointer meta, gfloat level,
                                             GQuark label, FakeMtd *mtd)
{
  const Entry e = { CLASSIFICATION, label, 0, 0, 0, 0, level, 0 };

  return add (meta, &e, mtd);
}

gboolean
gst_analytics_relation_meta_add_tracking_mtd (gpointer meta, guint64 track,
                                              GstClockTime first, FakeMtd *mtd)
{
  const Entry e = { TRACKING, 0, 0, 0, 0, 0, 0, track };

  return add (meta, &e, mtd);
}

guintptr
gst_analytics_od_mtd_get_mtd_type (void)
{
  return DETECTION;
}

guintptr
gst_analytics_cls_mtd_get_mtd_type (void)
{
  return CLASSIFICATION;
}

guintptr
gst_analytics_tracking_mtd_get_mtd_type (void)
{
  return TRACKING;
}

GQuark
gst_analytics_od_mtd_get_obj_type (const FakeMtd *mtd)
{
  return entry (mtd)->quark;
}

GQuark
gst_analytics_cls_mtd_get_quark (const FakeMtd *mtd, gsize i)
{
  return entry (mtd)->quark;
}

gfloat
gst_analytics_cls_mtd_get_level (const FakeMtd *mtd, gsize i)
{
  return entry (mtd)->level;
}

gboolean
gst_analytics_od_mtd_get_location (const FakeMtd *mtd, gint *x, gint *y,
                                   gint *w, gint *h, gfloat *level)
{
  const Entry *e = entry (mtd);

  *x = e->x, *y = e->y, *w = e->w, *h = e->h, *level = e->level;
  return TRUE;
}

gboolean
gst_analytics_tracking_mtd_get_info (const FakeMtd *mtd, guint64 *track,
                                     GstClockTime *first, GstClockTime *last,
                                     gboolean *lost)
{
  *track = entry (mtd)->track;
  return TRUE;
}
