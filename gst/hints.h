/* SPDX-License-Identifier: LGPL-2.1-or-later
 * What to tell somebody who waits for regions that do not come. Each hint is an
 * info message on the bus, given once. */
#pragma once

#include "regions.h"

G_BEGIN_DECLS

typedef struct _GstDmlHints GstDmlHints;

GstDmlHints *gst_dml_hints_new (void);
void gst_dml_hints_free (GstDmlHints *self);

/* Forgets what was seen and what was told. */
void gst_dml_hints_clear (GstDmlHints *self);

/* Where gst_dml_regions_collect() notes the types of the boxes it saw. */
GHashTable *gst_dml_hints_get_types (GstDmlHints *self);

/* After @frames frames whose regions were counted in @counters. Call with no
 * lock held. */
void gst_dml_hints_give (GstDmlHints *self, GstElement *element,
                         GstDmlRegionFlags flags, guint min_size,
                         const GstDmlRegionCounters *counters, guint64 frames);

/* Of an element that needs embeddings: after each frame, whether one came with
 * it. *@waited is 0 at the start. Call with no lock held. */
void gst_dml_hints_wait (GstElement *element, guint *waited, gboolean came);

G_END_DECLS
