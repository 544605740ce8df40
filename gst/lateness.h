/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Which frames the sink will throw away, as its QoS events tell. */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/* The running time up to which frames come too late, from a QoS event; what it
 * was before where the event does not say. */
GstClockTime gst_dml_lateness_read (GstClockTime earliest, GstEvent *qos);

/* Whether a frame of the segment is one of them. */
gboolean gst_dml_lateness_of (GstClockTime earliest, const GstSegment *segment,
                              GstBuffer *buffer);

G_END_DECLS
