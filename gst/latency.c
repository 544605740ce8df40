/* SPDX-License-Identifier: LGPL-2.1-or-later
 * How long frames are held up by inference. */
#include "latency.h"

gboolean
gst_dml_latency_update (GstDmlLatency *self, GstClockTime spent, gint64 now_us)
{
  /* A single slow frame counts for about a minute at 30 frames/s. */
  self->estimate -= self->estimate / 2048;
  self->estimate = MAX (self->estimate, spent);

  if (!self->live || self->estimate <= self->reported + self->reported / 5)
    return FALSE;
  if (self->posted_at != 0 && now_us - self->posted_at < G_USEC_PER_SEC)
    return FALSE;
  self->posted_at = now_us;
  return TRUE;
}

void
gst_dml_latency_answer (GstDmlLatency *self, GstQuery *query)
{
  gboolean live;
  GstClockTime min, max;

  gst_query_parse_latency (query, &live, &min, &max);
  self->live = live;
  self->reported = self->estimate;
  min += self->estimate;
  if (GST_CLOCK_TIME_IS_VALID (max))
    max += self->estimate;
  gst_query_set_latency (query, live, min, max);
}
