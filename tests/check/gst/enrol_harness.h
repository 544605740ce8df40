/* SPDX-License-Identifier: LGPL-2.1-or-later
 * What the tests of dmlgallery share: a harness that enrols. */
#pragma once

#include "gst_testing.h"

/* dmlembed and dmlgallery, fed with frames, and the bus they tell of it on. */
typedef struct {
  GstVideoInfo info; /* of the frames */
  char *path;        /* the gallery file */
  GstHarness *harness;
  GstBus *bus;         /* of the harness */
  GstElement *gallery; /* the harness's own */
  guint n_frames;      /* pushed so far */
} Enrol;

/* Of 128 x 128 RGB, one region a frame. `path` is taken over. */
Enrol enrol_begin (char *path, const char *properties);

/* Of other frames; `embed` are properties of dmlembed, and elements after it.
 */
Enrol enrol_begin_with (const GstVideoInfo *info, const char *embed, char *path,
                        const char *properties);
void enrol_end (Enrol *enrol);

/* The next frame of the stream, of test_frame's picture, for enrol_push. */
GstBuffer *enrol_frame (Enrol *enrol, guint picture);
void enrol_push (Enrol *enrol, GstBuffer *frame);
void enrol_show (Enrol *enrol, guint picture); /* the two in one */

/* The next dml-enrolled. (transfer full) */
GstMessage *enrol_next_answer (Enrol *enrol);

/* Fails unless the next one says that. */
void enrol_expect (Enrol *enrol, gboolean ok, const char *reason);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Enrol, enrol_end)
