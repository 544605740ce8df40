/* SPDX-License-Identifier: LGPL-2.1-or-later
 * How long frames are held up by inference, as a live pipeline must know it. */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

typedef struct {
  GstClockTime estimate; /* the longest of late, fading */
  GstClockTime reported; /* what the last query was told */
  gint64 posted_at;      /* monotonic us of the last message, 0 for never */
  gboolean live;         /* the last query said so */
} GstDmlLatency;

/* One measured time. TRUE when the pipeline should be told: a live one whose
 * estimate grew by more than a fifth, at most once a second. */
gboolean gst_dml_latency_update (GstDmlLatency *self, GstClockTime spent,
                                 gint64 now_us);

/* Adds the estimate to an answered LATENCY query. */
void gst_dml_latency_answer (GstDmlLatency *self, GstQuery *query);

G_END_DECLS
