/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The last embeddings. */
#include "reuse.h"

#define MIN_OVERLAP 0.5

typedef struct {
  GstDmlRegion region; /* where it was embedded, then where last seen */
  GstDmlEmbedding *embedding;
  GstClockTime pts;
  gboolean taken; /* in this frame */
} Entry;

struct _GstDmlReuse {
  GArray *entries;
};

static void
clear_entry (gpointer data)
{
  gst_dml_embedding_unref (((Entry *) data)->embedding);
}

GstDmlReuse *
gst_dml_reuse_new (void)
{
  GstDmlReuse *self = g_new (GstDmlReuse, 1);

  self->entries = g_array_new (FALSE, FALSE, sizeof (Entry));
  g_array_set_clear_func (self->entries, clear_entry);
  return self;
}

void
gst_dml_reuse_free (GstDmlReuse *self)
{
  g_array_unref (self->entries);
  g_free (self);
}

void
gst_dml_reuse_clear (GstDmlReuse *self)
{
  g_array_set_size (self->entries, 0);
}

void
gst_dml_reuse_add (GstDmlReuse *self, const GstDmlRegion *region,
                   GstDmlEmbedding *embedding, GstClockTime pts)
{
  const Entry entry = { *region, gst_dml_embedding_ref (embedding), pts,
                        FALSE };

  g_array_append_val (self->entries, entry);
}

void
gst_dml_reuse_begin (GstDmlReuse *self)
{
  for (guint i = 0; i < self->entries->len; i++)
    g_array_index (self->entries, Entry, i).taken = FALSE;
}

/* 0 for another thing, else the larger the surer. */
static gdouble
likeness (const GstDmlRegion *was, const GstDmlRegion *is)
{
  if (was->kind != is->kind || was->roi_type != is->roi_type)
    return 0;
  if (is->kind == GST_DML_REGION_FRAME || is->kind == GST_DML_REGION_CENTRE)
    return 1;
  if (is->track_id >= 0 || was->track_id >= 0)
    return is->track_id == was->track_id;
  /* Numbers of detections count up within a buffer and mean nothing beyond. */
  if (is->kind == GST_DML_REGION_ROI && (is->roi_id > 0 || was->roi_id > 0))
    return is->roi_id == was->roi_id;
  const gdouble iou = gst_dml_regions_iou (&was->box, &is->box);
  return iou > MIN_OVERLAP ? iou : 0;
}

GstDmlEmbedding *
gst_dml_reuse_find (GstDmlReuse *self, const GstDmlRegion *region,
                    GstClockTime *pts)
{
  Entry *best = NULL;
  gdouble most = 0;

  for (guint i = 0; i < self->entries->len; i++) {
    Entry *e = &g_array_index (self->entries, Entry, i);
    const gdouble like = e->taken ? 0 : likeness (&e->region, region);

    if (like > most) {
      most = like;
      best = e;
    }
  }
  if (best == NULL)
    return NULL;
  best->taken = TRUE;
  best->region.box = region->box; /* it may have moved */
  *pts = best->pts;
  return best->embedding;
}
