/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Answers over time: a label that holds still, and what of it is news. */
#pragma once

#include <gst/dml/gstdml.h>

G_BEGIN_DECLS

/* Who a result is about, where that can be told across frames. */
typedef struct {
  GstDmlRegionKind kind;
  GQuark roi_type;
  gint64 track;
} GstDmlIdentity;

/* FALSE for a region of interest that no tracker follows: those are never taken
 * for one another. A producer's id is none: many leave 0, and others count anew
 * in each frame. */
gboolean gst_dml_identity_of (const GstDmlRegionMeta *meta,
                              GstDmlIdentity *identity);

typedef struct _GstDmlSmooth GstDmlSmooth;

GstDmlSmooth *gst_dml_smooth_new (void);
void gst_dml_smooth_free (GstDmlSmooth *self);
void gst_dml_smooth_clear (GstDmlSmooth *self);

/* One answer. Returns the one to show (transfer full): of the last @frames
 * answers about the same thing, the newest that says what most of them say.
 * What is shown changes only when that majority has held for @min_change
 * frames. @frames below 2 and things without an identity pass through.
 * @running_time may run backwards. */
DmlMatch *gst_dml_smooth_push (GstDmlSmooth *self, const GstDmlRegionMeta *meta,
                               DmlMatch *match, guint frames, guint min_change,
                               GstClockTime running_time);

/* Whether a result says anything that the last one about the same thing did
 * not; of things without an identity, whether its label was away for a second.
 */
gboolean gst_dml_smooth_is_news (GstDmlSmooth *self,
                                 const GstDmlRegionMeta *meta,
                                 GstClockTime running_time);

G_END_DECLS
