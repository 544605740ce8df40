/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Writes to a gallery from a thread of its own: a transaction waits for the
 * disk, and for other writers. */
#include "enroller.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <unistd.h>

#define THUMBNAIL_SIDE 128
#define THUMBNAIL_QUALITY 85

struct _GstDmlEnroller {
  gatomicrefcount refs;
  char *path;
  GThread *thread; /* NULL once closed */
  GstDmlJobFunc done;
  gpointer data;

  DmlGallery *gallery; /* of the thread; NULL until it can be made */

  GMutex lock;
  GCond changed;
  GQueue jobs;
  gboolean busy, stop, ended;
  GThread *worker; /* that runs the jobs; told by itself */
};

GstDmlJob *
gst_dml_job_new (GstDmlJobKind kind, const char *label)
{
  GstDmlJob *job = g_new0 (GstDmlJob, 1);

  g_atomic_ref_count_init (&job->refs);
  job->kind = kind;
  job->label = g_strdup (label);
  job->quality = -1;
  job->pts = GST_CLOCK_TIME_NONE;
  job->item = -1;
  return job;
}

GstDmlJob *
gst_dml_job_ref (GstDmlJob *job)
{
  g_atomic_ref_count_inc (&job->refs);
  return job;
}

void
gst_dml_job_unref (GstDmlJob *job)
{
  if (!g_atomic_ref_count_dec (&job->refs))
    return;
  g_free (job->label);
  g_free (job->new_label);
  g_clear_pointer (&job->embedding, gst_dml_embedding_unref);
  g_clear_pointer (&job->picture, dml_picture_unref);
  g_free (job->explanation);
  g_clear_error (&job->error);
  g_free (job);
}

/* What is refused for not being UTF-8 is told as near as can be. */
static void
set_text (GstStructure *s, const char *field, const char *text)
{
  g_autofree char *valid = g_utf8_make_valid (text, -1);

  gst_structure_set (s, field, G_TYPE_STRING, valid, NULL);
}

GstStructure *
gst_dml_job_to_structure (const GstDmlJob *job)
{
  static const char *const operations[] = { "enroll", "remove", "rename" };
  GstStructure *s = gst_structure_new (
    "dml-enrolled", GST_DML_FIELD_OPERATION, G_TYPE_STRING,
    operations[job->kind], GST_DML_FIELD_OK, G_TYPE_BOOLEAN, job->ok,
    GST_DML_FIELD_REASON, G_TYPE_STRING, job->reason, GST_DML_FIELD_COUNT,
    G_TYPE_UINT, job->count, NULL);

  if (job->label != NULL)
    set_text (s, GST_DML_FIELD_LABEL, job->label);
  if (job->new_label != NULL)
    set_text (s, GST_DML_FIELD_NEW_LABEL, job->new_label);
  if (job->explanation != NULL)
    set_text (s, GST_DML_FIELD_EXPLANATION, job->explanation);
  if (job->item >= 0)
    gst_structure_set (s, GST_DML_FIELD_ITEM, G_TYPE_INT64, job->item, NULL);
  if (job->kind != GST_DML_JOB_ENROLL)
    return s;
  gst_structure_set (s, GST_DML_FIELD_OUTLIER, G_TYPE_BOOLEAN, job->outlier,
                     NULL);
  if (job->quality >= 0)
    gst_structure_set (s, GST_DML_FIELD_QUALITY, G_TYPE_DOUBLE, job->quality,
                       NULL);
  if (GST_CLOCK_TIME_IS_VALID (job->pts))
    gst_structure_set (s, GST_DML_FIELD_PTS, G_TYPE_UINT64, job->pts, NULL);
  return s;
}

void
gst_dml_job_refuse (GstDmlJob *job, const char *reason, const char *explanation)
{
  job->ok = FALSE;
  job->reason = reason;
  g_free (job->explanation);
  job->explanation = g_strdup (explanation);
}

static void
fail (GstDmlJob *job, GError *error)
{
  gst_dml_job_refuse (job, "write-failed", error->message);
  g_clear_error (&job->error);
  job->error = error;
}

/* Of a change by label: one that is not there, or can be none, is the caller's
 * affair; the rest is the file's. */
static void
refuse_or_fail (GstDmlJob *job, GError *error)
{
  const char *reason = NULL;

  if (g_error_matches (error, DML_ERROR, DML_ERROR_INVALID))
    reason = "bad-label";
  else if (g_error_matches (error, DML_ERROR, DML_ERROR_NOT_FOUND))
    reason = "no-such-label";
  if (reason == NULL) {
    fail (job, error);
    return;
  }
  gst_dml_job_refuse (job, reason, error->message);
  g_error_free (error);
}

/* A bad reference makes strangers match: an item that is closer to some other
 * label than to every other item of its own, or farther from them than any two
 * of them are, is worth a look. Needs two others to compare with. */
static void
look_for_outlier (GstDmlEnroller *self, GstDmlJob *job)
{
  g_autoptr (DmlSnapshot) s = dml_gallery_get_snapshot (self->gallery, NULL);
  const DmlMetric metric = dml_gallery_get_metric (self->gallery);
  g_autoptr (GArray) own = g_array_new (FALSE, FALSE, sizeof (guint));
  const float *mine = NULL;
  float nearest_own = -2, nearest_other = -2, least_among_own = 2;
  guint n, dim, my_label = 0, other_label = 0;

  if (s == NULL)
    return;
  n = dml_snapshot_get_n_items (s);
  dim = dml_snapshot_get_dim (s);
  for (guint i = 0; i < n && mine == NULL; i++) {
    gint64 item;
    const float *v = dml_snapshot_get_item (s, i, &item, &my_label);

    if (item == job->item)
      mine = v;
  }
  if (mine == NULL)
    return;
  for (guint i = 0; i < n; i++) {
    guint label;
    const float *v = dml_snapshot_get_item (s, i, NULL, &label);
    const float sim =
      v != mine ? (float) dml_similarity (metric, mine, v, dim) : -2;

    if (label == my_label && v != mine) {
      nearest_own = MAX (nearest_own, sim);
      g_array_append_val (own, i);
    } else if (label != my_label && sim > nearest_other) {
      nearest_other = sim;
      other_label = label;
    }
  }
  if (own->len < 2)
    return;
  for (guint a = 0; a < own->len; a++)
    for (guint b = a + 1; b < own->len; b++)
      least_among_own = MIN (
        least_among_own,
        (float) dml_similarity (
          metric,
          dml_snapshot_get_item (s, g_array_index (own, guint, a), NULL, NULL),
          dml_snapshot_get_item (s, g_array_index (own, guint, b), NULL, NULL),
          dim));
  if (nearest_other > nearest_own) {
    job->outlier = TRUE;
    job->explanation =
      g_strdup_printf ("it is closer to %s than to the label's other items",
                       dml_snapshot_get_label (s, other_label, NULL, NULL));
  } else if (nearest_own < least_among_own) {
    job->outlier = TRUE;
    job->explanation =
      g_strdup ("it is farther from the label's other items than any two of "
                "them are from each other");
  }
}

static guint
count_items (GstDmlEnroller *self, const char *label)
{
  g_autoptr (GPtrArray) items =
    dml_gallery_get_items (self->gallery, label, NULL);

  return items != NULL ? items->len : 0;
}

/* All zero, or not a number. */
static gboolean
has_no_direction (const GstDmlEmbedding *embedding)
{
  const float *v = gst_dml_embedding_get_values (embedding);
  double sum = 0;

  for (guint i = 0; i < gst_dml_embedding_get_dim (embedding); i++)
    sum += (double) v[i] * (double) v[i];
  return !isfinite (sum) || sum == 0;
}

/* The gallery, for embeddings of one encoder. */
static gboolean
need_gallery (GstDmlEnroller *self, DmlEncoder *encoder, GError **error)
{
  const char *ours, *theirs;

  if (self->gallery == NULL) {
    if (encoder == NULL) {
      g_set_error (error, DML_ERROR, DML_ERROR_NOT_FOUND,
                   "%s: nothing was enrolled yet", self->path);
      return FALSE;
    }
    self->gallery =
      dml_gallery_open (self->path, DML_GALLERY_CREATE, encoder, error);
    return self->gallery != NULL;
  }
  if (encoder == NULL)
    return TRUE;
  ours = dml_gallery_get_fingerprint (self->gallery);
  theirs = dml_encoder_get_fingerprint (encoder);
  if (g_strcmp0 (ours, theirs) == 0)
    return TRUE;
  g_set_error (error, DML_ERROR, DML_ERROR_MISMATCH,
               "%s: the gallery holds embeddings of %s (fingerprint %.12s…), "
               "these are of %s (%.12s…); use one encoder for both, or another "
               "gallery",
               self->path, dml_gallery_get_encoder_name (self->gallery), ours,
               dml_encoder_get_name (encoder), theirs);
  return FALSE;
}

static void
run_enroll (GstDmlEnroller *self, GstDmlJob *job)
{
  DmlItemInfo info = { .quality = job->quality, .source = "camera" };
  g_autoptr (GBytes) thumbnail = NULL;
  g_autofree char *source = NULL;
  GError *error = NULL;

  if (has_no_direction (job->embedding)) {
    gst_dml_job_refuse (job, "no-embedding",
                        "the encoder gives no direction for this picture");
    return;
  }
  if (!need_gallery (self, gst_dml_embedding_get_encoder (job->embedding),
                     &error)) {
    fail (job, error);
    return;
  }
  job->count = job->max_per_label > 0 ? count_items (self, job->label) : 0;
  if (job->max_per_label > 0 && job->count >= job->max_per_label) {
    gst_dml_job_refuse (job, "max-per-label",
                        "the label has as many items as max-per-label allows");
    return;
  }
  if (job->picture != NULL)
    thumbnail = dml_picture_encode_jpeg (job->picture, THUMBNAIL_SIDE,
                                         THUMBNAIL_QUALITY, NULL);
  if (GST_CLOCK_TIME_IS_VALID (job->pts)) {
    source =
      g_strdup_printf ("stream, %" GST_TIME_FORMAT, GST_TIME_ARGS (job->pts));
    info.source = source;
  }
  info.thumbnail = thumbnail;
  if (!dml_gallery_enroll (self->gallery, job->label,
                           gst_dml_embedding_get_values (job->embedding), &info,
                           1, &job->item, &error)) {
    job->item = -1;
    refuse_or_fail (job, error);
    return;
  }
  job->ok = TRUE;
  job->reason = "enrolled";
  job->count++;
  look_for_outlier (self, job);
}

static void
run_remove (GstDmlEnroller *self, GstDmlJob *job)
{
  GError *error = NULL;

  if (!need_gallery (self, NULL, &error) ||
      !dml_gallery_remove_label (self->gallery, job->label, &job->count,
                                 &error)) {
    refuse_or_fail (job, error);
    return;
  }
  job->ok = TRUE;
  job->reason = "removed";
}

static gboolean
is_taken (GstDmlEnroller *self, const char *label)
{
  g_autoptr (GPtrArray) items =
    dml_gallery_get_items (self->gallery, label, NULL);

  return items != NULL;
}

static void
run_rename (GstDmlEnroller *self, GstDmlJob *job)
{
  GError *error = NULL;

  if (need_gallery (self, NULL, &error) &&
      dml_gallery_rename (self->gallery, job->label, job->new_label, FALSE,
                          &error)) {
    job->ok = TRUE;
    job->reason = "renamed";
  } else if (g_error_matches (error, DML_ERROR, DML_ERROR_INVALID) &&
             is_taken (self, job->new_label)) {
    gst_dml_job_refuse (job, "label-exists", error->message);
    g_error_free (error);
  } else {
    refuse_or_fail (job, error);
  }
}

/* Whoever waits for the job is woken before it is told of: what is called by
 * that may wait for other jobs, or for the waiting thread. */
static void
run_job (GstDmlEnroller *self, GstDmlJob *job)
{
  static void (*const run[]) (GstDmlEnroller *, GstDmlJob *) = {
    [GST_DML_JOB_ENROLL] = run_enroll,
    [GST_DML_JOB_REMOVE] = run_remove,
    [GST_DML_JOB_RENAME] = run_rename,
  };

  run[job->kind](self, job);
  gst_dml_enroller_finish (self, job);
  self->done (self->data, job);
}

static gpointer
enroller_thread (gpointer data)
{
  GstDmlEnroller *self = data;

  g_mutex_lock (&self->lock);
  self->worker = g_thread_self ();
  for (;;) {
    GstDmlJob *job;

    while (g_queue_is_empty (&self->jobs) && !self->stop)
      g_cond_wait (&self->changed, &self->lock);
    job = g_queue_pop_head (&self->jobs);
    if (job == NULL)
      break;
    self->busy = TRUE;
    g_mutex_unlock (&self->lock);
    run_job (self, job);
    gst_dml_job_unref (job);
    g_mutex_lock (&self->lock);
    self->busy = FALSE;
    g_cond_broadcast (&self->changed);
  }
  self->ended = TRUE;
  g_mutex_unlock (&self->lock);
  return NULL;
}

/* A gallery that can only be made later must be possible to make now: a wrong
 * path is an error before the first frame. */
static gboolean
check_folder (const char *path, GError **error)
{
  g_autofree char *folder = g_path_get_dirname (path);

  if (!g_file_test (folder, G_FILE_TEST_IS_DIR)) {
    g_set_error (error, DML_ERROR, DML_ERROR_NOT_FOUND,
                 "%s: cannot be made: there is no folder %s", path, folder);
    return FALSE;
  }
  if (g_access (folder, W_OK) != 0) {
    g_set_error (error, DML_ERROR, DML_ERROR_READ_ONLY,
                 "%s: cannot be made: %s: %s", path, folder,
                 g_strerror (errno));
    return FALSE;
  }
  return TRUE;
}

GstDmlEnroller *
gst_dml_enroller_new (const char *path, gboolean create, DmlEncoder *encoder,
                      GstDmlJobFunc done, gpointer data, GError **error)
{
  const gboolean exists = g_file_test (path, G_FILE_TEST_EXISTS);
  DmlGallery *gallery = NULL;
  GstDmlEnroller *self;

  if (!exists && create && encoder == NULL) {
    if (!check_folder (path, error))
      return NULL;
  } else {
    gallery = dml_gallery_open (
      path, create && encoder != NULL ? DML_GALLERY_CREATE : DML_GALLERY_WRITE,
      encoder, error);
    if (gallery == NULL)
      return NULL;
  }
  self = g_new0 (GstDmlEnroller, 1);
  g_atomic_ref_count_init (&self->refs);
  self->path = g_strdup (path);
  self->gallery = gallery;
  self->done = done;
  self->data = data;
  g_mutex_init (&self->lock);
  g_cond_init (&self->changed);
  g_queue_init (&self->jobs);
  self->thread = g_thread_new ("dml-enrol", enroller_thread, self);
  return self;
}

gboolean
gst_dml_enroller_is_caller (GstDmlEnroller *self)
{
  gboolean is;

  g_mutex_lock (&self->lock);
  is = self->worker == g_thread_self ();
  g_mutex_unlock (&self->lock);
  return is;
}

void
gst_dml_enroller_put (GstDmlEnroller *self, GstDmlJob *job)
{
  gboolean ended;

  if (gst_dml_enroller_is_caller (self)) {
    run_job (self, job);
    return;
  }
  g_mutex_lock (&self->lock);
  ended = self->ended;
  if (!ended) {
    g_queue_push_tail (&self->jobs, gst_dml_job_ref (job));
    g_cond_broadcast (&self->changed);
  }
  g_mutex_unlock (&self->lock);
  if (ended) {
    gst_dml_job_refuse (job, "not-running", "the element was stopped");
    gst_dml_enroller_finish (self, job);
    self->done (self->data, job);
  }
}

gboolean
gst_dml_enroller_wait (GstDmlEnroller *self, GstDmlJob *job, gint64 timeout_us)
{
  const gint64 until = g_get_monotonic_time () + timeout_us;
  gboolean done;

  g_mutex_lock (&self->lock);
  while (!job->done && g_cond_wait_until (&self->changed, &self->lock, until))
    ;
  done = job->done;
  g_mutex_unlock (&self->lock);
  return done;
}

void
gst_dml_enroller_flush (GstDmlEnroller *self)
{
  g_mutex_lock (&self->lock);
  while (self->busy || !g_queue_is_empty (&self->jobs))
    g_cond_wait (&self->changed, &self->lock);
  g_mutex_unlock (&self->lock);
}

void
gst_dml_enroller_finish (GstDmlEnroller *self, GstDmlJob *job)
{
  g_mutex_lock (&self->lock);
  job->done = TRUE;
  g_cond_broadcast (&self->changed);
  g_mutex_unlock (&self->lock);
}

void
gst_dml_enroller_close (GstDmlEnroller *self)
{
  g_mutex_lock (&self->lock);
  self->stop = TRUE;
  g_cond_broadcast (&self->changed);
  g_mutex_unlock (&self->lock);
  g_thread_join (g_steal_pointer (&self->thread));
  g_clear_pointer (&self->gallery, dml_gallery_unref);
}

GstDmlEnroller *
gst_dml_enroller_ref (GstDmlEnroller *self)
{
  g_atomic_ref_count_inc (&self->refs);
  return self;
}

void
gst_dml_enroller_unref (GstDmlEnroller *self)
{
  if (!g_atomic_ref_count_dec (&self->refs))
    return;
  g_assert (self->thread == NULL);
  g_mutex_clear (&self->lock);
  g_cond_clear (&self->changed);
  g_free (self->path);
  g_free (self);
}
