/* SPDX-License-Identifier: LGPL-2.1-or-later
 * An encoder at work on video frames: maps, crops, encodes. No element. */
#pragma once

#include <gst/dml/gstdml.h>
#include <gst/video/video.h>

G_BEGIN_DECLS

typedef struct _GstDmlEmbedder GstDmlEmbedder;

GstDmlEmbedder *gst_dml_embedder_new (const char *path, guint threads,
                                      GError **error);
void gst_dml_embedder_free (GstDmlEmbedder *self);

DmlEncoder *gst_dml_embedder_get_encoder (const GstDmlEmbedder *self);

/* Embeds two built-in pictures that have nothing in common. @cosine: how alike
 * they come out; 1 means that everything would be taken for the same thing (an
 * encoder without training, a wrong scale of its input). @spent: the time of
 * one region, warm. */
gboolean gst_dml_embedder_test (GstDmlEmbedder *self, double *cosine,
                                GstClockTime *spent, GError **error);

typedef enum {
  GST_DML_EMBEDDED,
  GST_DML_EMBED_UNREADABLE, /* the frame could not be mapped */
  GST_DML_EMBED_FAILED,     /* error is set */
} GstDmlEmbedResult;

/* Embeds @regions (GstDmlRegion, at least one) of a frame; appends one
 * GstDmlEmbedding each to @embeddings. */
GstDmlEmbedResult gst_dml_embedder_run (GstDmlEmbedder *self,
                                        const GstVideoInfo *info,
                                        GstBuffer *buffer,
                                        const GArray *regions,
                                        GPtrArray *embeddings, GError **error);

G_END_DECLS
