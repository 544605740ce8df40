/* SPDX-License-Identifier: LGPL-2.1-or-later
 * GstAnalytics (gst-plugins-bad 1.24 and later), found at run time: a plugin
 * built against 1.22 uses it when it runs on a newer GStreamer. */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

typedef struct {
  guint id; /* of the detection within the buffer's relation meta */
  GQuark type;
  gint x, y, width, height; /* x and y may be negative */
  gfloat confidence;
  gint64 track_id; /* of a related tracking entry, -1 for none */
} GstDmlDetection;

/* Looks for the library once. FALSE where it is not there or lacks a function;
 * everything below then finds and does nothing. */
gboolean gst_dml_analytics_available (void);

/* Calls found for each object detection on the buffer. */
typedef void (*GstDmlDetectionFunc) (const GstDmlDetection *detection,
                                     gpointer data);
void gst_dml_analytics_foreach (GstBuffer *buffer, GstDmlDetectionFunc found,
                                gpointer data);

/* Adds a detection of ours to a writable buffer. FALSE where it cannot be. */
gboolean gst_dml_analytics_add_detection (GstBuffer *buffer, GQuark type,
                                          gint x, gint y, gint width,
                                          gint height, gfloat confidence,
                                          guint *id);

/* Adds a classification to a writable buffer and relates it to detection id:
 * RELATE_TO from the detection, which is what objectdetectionoverlay reads. */
gboolean gst_dml_analytics_classify (GstBuffer *buffer, guint id, GQuark label,
                                     gfloat confidence);

G_END_DECLS
