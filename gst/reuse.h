/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The last embeddings, to be attached again to frames between two runs of the
 * encoder. */
#pragma once

#include <gst/dml/gstdml.h>

#include "regions.h"

G_BEGIN_DECLS

typedef struct _GstDmlReuse GstDmlReuse;

GstDmlReuse *gst_dml_reuse_new (void);
void gst_dml_reuse_free (GstDmlReuse *self);
void gst_dml_reuse_clear (GstDmlReuse *self);

/* Keeps a reference to @embedding. */
void gst_dml_reuse_add (GstDmlReuse *self, const GstDmlRegion *region,
                        GstDmlEmbedding *embedding, GstClockTime pts);

/* The embedding of the region that @region continues (transfer none), or NULL
 * where that is not certain: frame and centre continue themselves; a region of
 * interest its track, else its type and number, else a box of its type that it
 * overlaps by more than half. Each is given out once a frame, so that two
 * regions never share one. */
GstDmlEmbedding *gst_dml_reuse_find (GstDmlReuse *self,
                                     const GstDmlRegion *region,
                                     GstClockTime *pts);

/* Before the first gst_dml_reuse_find() of a frame. */
void gst_dml_reuse_begin (GstDmlReuse *self);

G_END_DECLS
