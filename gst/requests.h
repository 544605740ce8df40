/* SPDX-License-Identifier: LGPL-2.1-or-later
 * What applications ask of dmlgallery, each as one call that waits for its
 * answer: an enrolment is handed to the streaming thread with the next frame,
 * or takes the region that was seen last; a change by label goes to the gallery
 * at once. Locked, and the lock is held for a few words only. */
#pragma once

#include "enroller.h"

G_BEGIN_DECLS

typedef struct _GstDmlRequests GstDmlRequests;

/* Opens the gallery, for a change while no frames flow. */
typedef GstDmlEnroller *(*GstDmlOpenFunc) (gpointer data, GError **error);

/* Told of each job that is refused before it comes to the gallery. Both are
 * called with no lock held. */
typedef void (*GstDmlRefusedFunc) (gpointer data, const GstDmlJob *job);

GstDmlRequests *gst_dml_requests_new (GstDmlOpenFunc open,
                                      GstDmlRefusedFunc refused, gpointer data);
void gst_dml_requests_free (GstDmlRequests *self);

/* Frames flow from here to gst_dml_requests_end(), and @enroller writes. */
void gst_dml_requests_begin (GstDmlRequests *self, GstDmlEnroller *enroller);
void gst_dml_requests_end (GstDmlRequests *self);

/* The streaming thread's side: a frame with the region that would be enrolled,
 * or NULL. TRUE where jobs wait for one; these are taken one by one (transfer
 * full), NULL after the last. What is never taken is its caller's again. */
gboolean gst_dml_requests_see (GstDmlRequests *self,
                               const GstDmlRegionMeta *region);
GstDmlJob *gst_dml_requests_take (GstDmlRequests *self);

/* Refuses and counts a job whose embedding was the last one tried for its label
 * (a repeated frame is no second picture); else that is the last one now. */
gboolean gst_dml_requests_refuse_repeat (GstDmlRequests *self, GstDmlJob *job);
guint64 gst_dml_requests_get_n_repeats (GstDmlRequests *self);

/* The item, or -1; how many items went; whether it is called so now. */
gint64 gst_dml_requests_enroll (GstDmlRequests *self, const char *label,
                                guint max_per_label);
guint gst_dml_requests_remove (GstDmlRequests *self, const char *label);
gboolean gst_dml_requests_rename (GstDmlRequests *self, const char *label,
                                  const char *new_label);

G_END_DECLS
