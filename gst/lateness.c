/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Which frames the sink will throw away, as its QoS events tell. */
#include "lateness.h"

GstClockTime
gst_dml_lateness_read (GstClockTime earliest, GstEvent *qos)
{
  GstClockTimeDiff diff;
  GstClockTime timestamp;

  gst_event_parse_qos (qos, NULL, NULL, &diff, &timestamp);
  if (!GST_CLOCK_TIME_IS_VALID (timestamp))
    return earliest;
  if (diff > 0)
    return timestamp + diff;
  return timestamp > (GstClockTime) -diff ? timestamp + diff : 0;
}

gboolean
gst_dml_lateness_of (GstClockTime earliest, const GstSegment *segment,
                     GstBuffer *buffer)
{
  GstClockTime running_time;

  if (!GST_CLOCK_TIME_IS_VALID (earliest) || segment->format != GST_FORMAT_TIME)
    return FALSE;
  running_time = gst_segment_to_running_time (segment, GST_FORMAT_TIME,
                                              GST_BUFFER_PTS (buffer));
  return GST_CLOCK_TIME_IS_VALID (running_time) && running_time <= earliest;
}
