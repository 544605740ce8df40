/* SPDX-License-Identifier: LGPL-2.1-or-later
 * What applications ask of dmlgallery, from threads of their own. */
#include "requests.h"

/* How long an enrolment waits for the next frame before it takes the region
 * that was seen last (a paused pipeline shows it still), and for the write. */
#define FRAME_WAIT_US (500 * G_TIME_SPAN_MILLISECOND)
#define WRITE_WAIT_US (30 * G_TIME_SPAN_SECOND)

struct _GstDmlRequests {
  GstDmlOpenFunc open;
  GstDmlRefusedFunc refused;
  gpointer data;

  GMutex lock;
  GstDmlEnroller *enroller;   /* NULL while no frames flow */
  GThread *streaming;         /* may not wait for itself */
  GQueue pending;             /* GstDmlJob, waiting for a frame */
  GstDmlEmbedding *last_seen; /* of the region that would be enrolled */
  GstClockTime last_seen_pts;
  GstDmlEmbedding *last_tried; /* and under which label */
  char *last_tried_label;
  guint64 n_repeats;
};

GstDmlRequests *
gst_dml_requests_new (GstDmlOpenFunc open, GstDmlRefusedFunc refused,
                      gpointer data)
{
  GstDmlRequests *self = g_new0 (GstDmlRequests, 1);

  self->open = open;
  self->refused = refused;
  self->data = data;
  g_mutex_init (&self->lock);
  g_queue_init (&self->pending);
  return self;
}

void
gst_dml_requests_free (GstDmlRequests *self)
{
  gst_dml_requests_end (self);
  g_queue_clear_full (&self->pending, (GDestroyNotify) gst_dml_job_unref);
  g_mutex_clear (&self->lock);
  g_free (self);
}

void
gst_dml_requests_begin (GstDmlRequests *self, GstDmlEnroller *enroller)
{
  g_mutex_lock (&self->lock);
  self->enroller = gst_dml_enroller_ref (enroller);
  self->n_repeats = 0;
  g_mutex_unlock (&self->lock);
}

void
gst_dml_requests_end (GstDmlRequests *self)
{
  g_autoptr (GstDmlEnroller) enroller = NULL; /* let go with no lock held */

  g_mutex_lock (&self->lock);
  enroller = g_steal_pointer (&self->enroller);
  self->streaming = NULL;
  g_clear_pointer (&self->last_seen, gst_dml_embedding_unref);
  g_clear_pointer (&self->last_tried, gst_dml_embedding_unref);
  g_clear_pointer (&self->last_tried_label, g_free);
  g_mutex_unlock (&self->lock);
}

gboolean
gst_dml_requests_see (GstDmlRequests *self, const GstDmlRegionMeta *region)
{
  gboolean asked;

  g_mutex_lock (&self->lock);
  self->streaming = g_thread_self ();
  asked = !g_queue_is_empty (&self->pending);
  if (region != NULL && self->last_seen != region->embedding) {
    g_clear_pointer (&self->last_seen, gst_dml_embedding_unref);
    self->last_seen = gst_dml_embedding_ref (region->embedding);
    self->last_seen_pts = region->pts;
  }
  g_mutex_unlock (&self->lock);
  return asked;
}

GstDmlJob *
gst_dml_requests_take (GstDmlRequests *self)
{
  GstDmlJob *job;

  g_mutex_lock (&self->lock);
  job = g_queue_pop_head (&self->pending);
  g_mutex_unlock (&self->lock);
  return job;
}

gboolean
gst_dml_requests_refuse_repeat (GstDmlRequests *self, GstDmlJob *job)
{
  gboolean repeat;

  g_mutex_lock (&self->lock);
  repeat = self->last_tried == job->embedding &&
           g_strcmp0 (self->last_tried_label, job->label) == 0;
  if (repeat) {
    self->n_repeats++;
  } else {
    g_clear_pointer (&self->last_tried, gst_dml_embedding_unref);
    self->last_tried = gst_dml_embedding_ref (job->embedding);
    g_free (self->last_tried_label);
    self->last_tried_label = g_strdup (job->label);
  }
  g_mutex_unlock (&self->lock);
  if (repeat)
    gst_dml_job_refuse (job, "repeated-frame",
                        "this very picture was tried for this label already");
  return repeat;
}

guint64
gst_dml_requests_get_n_repeats (GstDmlRequests *self)
{
  guint64 n;

  g_mutex_lock (&self->lock);
  n = self->n_repeats;
  g_mutex_unlock (&self->lock);
  return n;
}

/* TRUE where the label cannot be one. */
static gboolean
refuse_no_label (GstDmlJob *job, const char *label)
{
  if (label != NULL && label[0] != '\0')
    return FALSE;
  gst_dml_job_refuse (job, "no-label", "a label has at least one letter");
  return TRUE;
}

/* The region that was seen last, for a job that no frame took up. */
static gboolean
take_seen (GstDmlRequests *self, GstDmlJob *job)
{
  g_mutex_lock (&self->lock);
  if (self->last_seen != NULL) {
    job->embedding = gst_dml_embedding_ref (self->last_seen);
    job->pts = self->last_seen_pts;
  }
  g_mutex_unlock (&self->lock);
  if (job->embedding == NULL) {
    gst_dml_job_refuse (job, "no-region",
                        "no single region to enrol has been seen");
    return FALSE;
  }
  return !gst_dml_requests_refuse_repeat (self, job);
}

gint64
gst_dml_requests_enroll (GstDmlRequests *self, const char *label,
                         guint max_per_label)
{
  g_autoptr (GstDmlJob) job = gst_dml_job_new (GST_DML_JOB_ENROLL, label);
  g_autoptr (GstDmlEnroller) enroller = NULL;
  gboolean wait;

  job->max_per_label = max_per_label;
  g_mutex_lock (&self->lock);
  if (self->enroller != NULL)
    enroller = gst_dml_enroller_ref (self->enroller);
  wait = self->streaming != g_thread_self () &&
         (enroller == NULL || !gst_dml_enroller_is_caller (enroller));
  if (enroller != NULL && wait && label != NULL && label[0] != '\0')
    g_queue_push_tail (&self->pending, gst_dml_job_ref (job));
  g_mutex_unlock (&self->lock);

  if (enroller == NULL) {
    gst_dml_job_refuse (job, "not-running", "set the pipeline to PAUSED first");
  } else if (!refuse_no_label (job, label)) {
    gboolean missed = TRUE;

    if (wait && gst_dml_enroller_wait (enroller, job, FRAME_WAIT_US))
      return job->item;
    if (wait) {
      g_mutex_lock (&self->lock);
      missed = g_queue_remove (&self->pending, job);
      g_mutex_unlock (&self->lock);
      if (missed)
        gst_dml_job_unref (job); /* the queue's */
    }
    if (!missed || take_seen (self, job)) {
      if (missed)
        gst_dml_enroller_put (enroller, job);
      return gst_dml_enroller_wait (enroller, job, WRITE_WAIT_US) ? job->item
                                                                  : -1;
    }
  }
  self->refused (self->data, job);
  return -1;
}

/* Through the running thread, or while no frames flow through one for this
 * call. */
static void
run_now (GstDmlRequests *self, GstDmlJob *job)
{
  g_autoptr (GstDmlEnroller) enroller = NULL;
  g_autoptr (GError) error = NULL;

  g_mutex_lock (&self->lock);
  if (self->enroller != NULL)
    enroller = gst_dml_enroller_ref (self->enroller);
  g_mutex_unlock (&self->lock);
  if (enroller != NULL) {
    gst_dml_enroller_put (enroller, job);
    gst_dml_enroller_wait (enroller, job, WRITE_WAIT_US);
    return;
  }
  enroller = self->open (self->data, &error);
  if (enroller == NULL) {
    gst_dml_job_refuse (job, "write-failed", error->message);
    self->refused (self->data, job);
    return;
  }
  gst_dml_enroller_put (enroller, job);
  gst_dml_enroller_close (enroller);
}

guint
gst_dml_requests_remove (GstDmlRequests *self, const char *label)
{
  g_autoptr (GstDmlJob) job = gst_dml_job_new (GST_DML_JOB_REMOVE, label);

  if (refuse_no_label (job, label))
    self->refused (self->data, job);
  else
    run_now (self, job);
  return job->ok ? job->count : 0;
}

gboolean
gst_dml_requests_rename (GstDmlRequests *self, const char *label,
                         const char *new_label)
{
  g_autoptr (GstDmlJob) job = gst_dml_job_new (GST_DML_JOB_RENAME, label);

  job->new_label = g_strdup (new_label);
  if (refuse_no_label (job, label) || refuse_no_label (job, new_label))
    self->refused (self->data, job);
  else
    run_now (self, job);
  return job->ok;
}
