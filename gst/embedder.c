/* SPDX-License-Identifier: LGPL-2.1-or-later
 * An encoder at work on video frames. */
#include "embedder.h"

#include <math.h>

#include "gstdmlframe.h"
#include "regions.h"

struct _GstDmlEmbedder {
  DmlEncoder *encoder;
  DmlSession *session;
  guint dim;
  GstDmlFrame frame;
  GArray *boxes;     /* DmlRegion, relative to the visible picture */
  GPtrArray *images; /* the same view, once a region */
  GArray *values;    /* float */
};

GstDmlEmbedder *
gst_dml_embedder_new (const char *path, guint threads, GError **error)
{
  DmlEncoder *encoder = dml_encoder_open (path, error);
  DmlSession *session;
  GstDmlEmbedder *self;

  if (encoder == NULL)
    return NULL;
  session = dml_encoder_session_new (encoder, threads, error);
  if (session == NULL) {
    dml_encoder_unref (encoder);
    return NULL;
  }
  self = g_new0 (GstDmlEmbedder, 1);
  self->encoder = encoder;
  self->session = session;
  self->dim = dml_encoder_get_dim (encoder);
  self->boxes = g_array_new (FALSE, FALSE, sizeof (DmlRegion));
  self->images = g_ptr_array_new ();
  self->values = g_array_new (FALSE, FALSE, sizeof (float));
  return self;
}

void
gst_dml_embedder_free (GstDmlEmbedder *self)
{
  g_array_unref (self->boxes);
  g_ptr_array_unref (self->images);
  g_array_unref (self->values);
  gst_dml_frame_clear (&self->frame);
  dml_session_free (self->session);
  dml_encoder_unref (self->encoder);
  g_free (self);
}

DmlEncoder *
gst_dml_embedder_get_encoder (const GstDmlEmbedder *self)
{
  return self->encoder;
}

gboolean
gst_dml_embedder_test (GstDmlEmbedder *self, double *cosine,
                       GstClockTime *spent, GError **error)
{
  enum { SIDE = 64, BYTES = SIDE * SIDE * 3 };
  g_autofree guint8 *pixels = g_malloc (2 * BYTES);
  g_autofree float *values = g_new (float, 2 * self->dim);
  DmlImage images[2];
  const DmlImage *views[2] = { &images[0], &images[1] };
  gint64 start;

  for (guint y = 0; y < SIDE; y++) {
    for (guint x = 0; x < SIDE; x++) {
      guint8 *ramp = pixels + (y * SIDE + x) * 3, *board = ramp + BYTES;

      ramp[0] = (guint8) (x * 4);
      ramp[1] = (guint8) (y * 2);
      ramp[2] = 40;
      board[0] = board[1] = board[2] = ((x / 4 + y / 4) & 1) ? 230 : 20;
    }
  }
  for (guint i = 0; i < 2; i++)
    images[i] = (DmlImage){ .format = DML_PIXELS_RGB,
                            .width = SIDE,
                            .height = SIDE,
                            .plane = { pixels + i * BYTES },
                            .stride = { SIDE * 3 },
                            .matrix = DML_MATRIX_RGB,
                            .range = DML_RANGE_FULL };

  if (!dml_session_embed (self->session, views, NULL, 2, values, error))
    return FALSE;
  *cosine =
    dml_similarity (DML_METRIC_COSINE, values, values + self->dim, self->dim);
  if (isnan (*cosine)) /* no direction: nothing can be told from anything */
    *cosine = 1.0;

  /* The first call of a batch size allocates; the second one counts. */
  if (!dml_session_embed (self->session, views, NULL, 1, values, error))
    return FALSE;
  start = g_get_monotonic_time ();
  if (!dml_session_embed (self->session, views, NULL, 1, values, error))
    return FALSE;
  *spent = (GstClockTime) (g_get_monotonic_time () - start) * GST_USECOND;
  return TRUE;
}

GstDmlEmbedResult
gst_dml_embedder_run (GstDmlEmbedder *self, const GstVideoInfo *info,
                      GstBuffer *buffer, const GArray *regions,
                      GPtrArray *embeddings, GError **error)
{
  const guint n = regions->len;
  gboolean ok;

  if (!gst_dml_frame_map (&self->frame, info, buffer))
    return GST_DML_EMBED_UNREADABLE;

  g_array_set_size (self->boxes, n);
  g_array_set_size (self->values, n * self->dim);
  g_ptr_array_set_size (self->images, n);
  for (guint i = 0; i < n; i++) {
    const GstDmlBox *b = &g_array_index (regions, GstDmlRegion, i).box;

    g_array_index (self->boxes, DmlRegion, i) =
      (DmlRegion){ (float) (b->x - self->frame.x),
                   (float) (b->y - self->frame.y), (float) b->width,
                   (float) b->height };
    self->images->pdata[i] = &self->frame.image;
  }
  ok = dml_session_embed (self->session,
                          (const DmlImage *const *) self->images->pdata,
                          (const DmlRegion *) (gpointer) self->boxes->data, n,
                          (float *) (gpointer) self->values->data, error);
  gst_dml_frame_unmap (&self->frame);
  if (!ok)
    return GST_DML_EMBED_FAILED;

  for (guint i = 0; i < n; i++)
    g_ptr_array_add (
      embeddings,
      gst_dml_embedding_new (
        self->encoder, &g_array_index (self->values, float, i * self->dim)));
  return GST_DML_EMBEDDED;
}
