/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Embeddings of regions onto the buffer that they are of. */
#include "attach.h"

#include "mirror.h"

static GstDmlRegionMeta *
add_meta (GstBuffer *buffer, const GstDmlRegion *r, GstDmlEmbedding *embedding,
          GstDmlAttachFlags forms)
{
  GstDmlRegionMeta *meta =
    gst_dml_buffer_add_region (buffer, r->kind, &r->box, embedding);

  if (meta == NULL)
    return NULL;
  meta->roi_type = r->roi_type;
  meta->roi_id = r->roi_id;
  meta->track_id = r->track_id;
  gst_dml_mirror_add_region (buffer, forms, r);
  return meta;
}

void
gst_dml_attach (GstBuffer *buffer, GstDmlAttachFlags forms,
                const GArray *regions, const GPtrArray *embeddings,
                GstDmlReuse *keep)
{
  for (guint i = 0; i < regions->len; i++) {
    const GstDmlRegion *r = &g_array_index (regions, GstDmlRegion, i);
    GstDmlEmbedding *embedding = embeddings->pdata[i];

    if (add_meta (buffer, r, embedding, forms) != NULL && keep != NULL)
      gst_dml_reuse_add (keep, r, embedding, GST_BUFFER_PTS (buffer));
  }
}

guint
gst_dml_attach_again (GstBuffer *buffer, GstDmlAttachFlags forms,
                      const GArray *regions, GstDmlReuse *last,
                      guint frames_ago)
{
  guint n = 0;

  gst_dml_reuse_begin (last);
  for (guint i = 0; i < regions->len; i++) {
    const GstDmlRegion *r = &g_array_index (regions, GstDmlRegion, i);
    GstClockTime pts;
    GstDmlEmbedding *embedding = gst_dml_reuse_find (last, r, &pts);
    GstDmlRegionMeta *meta;

    if (embedding == NULL)
      continue;
    meta = add_meta (buffer, r, embedding, forms);
    if (meta == NULL)
      continue;
    meta->pts = pts;
    meta->frames_ago = frames_ago;
    n++;
  }
  return n;
}
