/* SPDX-License-Identifier: LGPL-2.1-or-later
 * What dmlembed can be told. */
#pragma once

#include "gstdmltypes.h"
#include "properties.h"

G_BEGIN_DECLS

/* Its values, under the element's object lock. A copy is good for all but the
 * texts. */
typedef struct {
  guint regions; /* GstDmlRegionFlags */
  guint attach;  /* GstDmlAttachFlags */
  guint min_size, max_regions, interval, threads;
  gboolean qos;
  char *encoder, *roi_type, *region_list;
} GstDmlEmbedSettings;

/* The table, and how many rows it has. */
#define GST_DML_EMBED_N_PROPERTIES 10
extern const GstDmlProperty gst_dml_embed_properties[];

/* What the texts say: GQuark of roi-type and GstVideoRectangle of region-list,
 * NULL where nothing is set. Arrays are replaced, never changed, so that a
 * frame can hold on to those that it began with. Zeroed memory is valid. */
typedef struct {
  GArray *types, *boxes;
} GstDmlEmbedLists;

/* Reads them anew. The first piece of region-list that is no box, or NULL
 * (transfer full). */
char *gst_dml_embed_lists_read (GstDmlEmbedLists *self,
                                const GstDmlEmbedSettings *settings);
GstDmlEmbedLists gst_dml_embed_lists_ref (const GstDmlEmbedLists *self);
void gst_dml_embed_lists_clear (GstDmlEmbedLists *self);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (GstDmlEmbedLists, gst_dml_embed_lists_clear)

G_END_DECLS
