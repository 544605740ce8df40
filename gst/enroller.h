/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Writes to a gallery from a thread of its own. */
#pragma once

#include <gst/dml/gstdml.h>

G_BEGIN_DECLS

typedef enum {
  GST_DML_JOB_ENROLL,
  GST_DML_JOB_REMOVE,
  GST_DML_JOB_RENAME,
} GstDmlJobKind;

/* One thing to do, and what came of it. Reference-counted; the answer may be
 * read once gst_dml_enroller_wait() said that it is there. */
typedef struct {
  gatomicrefcount refs;
  GstDmlJobKind kind;
  char *label, *new_label;
  /* ENROLL */
  GstDmlEmbedding *embedding;
  DmlPicture *picture; /* for the thumbnail; NULL for none */
  double quality;      /* negative: not known */
  GstClockTime pts;
  guint max_per_label; /* 0: any number */

  gboolean done, ok;
  const char *reason; /* a word of docs/metadata.md */
  char *explanation;  /* a sentence; NULL where there is nothing to add */
  gint64 item;        /* enrolled, else -1 */
  guint count;        /* items of the label after enrolment, or removed */
  gboolean outlier;   /* unlike the label's other items */
  GError *error;      /* of the gallery */
} GstDmlJob;

GstDmlJob *gst_dml_job_new (GstDmlJobKind kind, const char *label);
GstDmlJob *gst_dml_job_ref (GstDmlJob *job);
void gst_dml_job_unref (GstDmlJob *job);

/* Answers a job that never came to the gallery. */
void gst_dml_job_refuse (GstDmlJob *job, const char *reason,
                         const char *explanation);

/* The message `dml-enrolled` of a job that is answered (transfer full). */
GstStructure *gst_dml_job_to_structure (const GstDmlJob *job);

/* Called for each job that is done, no lock held: from the writing thread, or
 * from whoever put a job after the end. It may put jobs. */
typedef void (*GstDmlJobFunc) (gpointer data, GstDmlJob *job);

typedef struct _GstDmlEnroller GstDmlEnroller;

/* Opens the gallery, or makes it where @create says so: at once with an
 * @encoder, else with the encoder of the first embedding. */
GstDmlEnroller *gst_dml_enroller_new (const char *path, gboolean create,
                                      DmlEncoder *encoder, GstDmlJobFunc done,
                                      gpointer data, GError **error);

/* Whether this is the writing thread, from within GstDmlJobFunc. */
gboolean gst_dml_enroller_is_caller (GstDmlEnroller *self);

/* Takes a reference. Never waits for the disk, but in the writing thread: there
 * the job is done when this returns. */
void gst_dml_enroller_put (GstDmlEnroller *self, GstDmlJob *job);

/* TRUE when the job is done within that time. */
gboolean gst_dml_enroller_wait (GstDmlEnroller *self, GstDmlJob *job,
                                gint64 timeout_us);

/* Marks a job as done that was refused before it came here. */
void gst_dml_enroller_finish (GstDmlEnroller *self, GstDmlJob *job);

/* Waits until all jobs are done. */
void gst_dml_enroller_flush (GstDmlEnroller *self);

/* Does all jobs, ends the thread and closes the gallery. Others may still hold
 * references, to wait for jobs that are done now. */
void gst_dml_enroller_close (GstDmlEnroller *self);

GstDmlEnroller *gst_dml_enroller_ref (GstDmlEnroller *self);
void gst_dml_enroller_unref (GstDmlEnroller *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (GstDmlJob, gst_dml_job_unref)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (GstDmlEnroller, gst_dml_enroller_unref)

G_END_DECLS
