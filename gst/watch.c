/* SPDX-License-Identifier: LGPL-2.1-or-later
 * A gallery that may change while it is matched against.
 *
 * The lock guards the few words that threads share and is never held during a
 * call into the gallery, so that whoever asks for the current revision waits
 * for no disk. The gallery is the thread's alone, once that runs. */
#include "watch.h"

#include <glib/gstdio.h>
#include <string.h>

/* A change is seen after at most this long; a second is promised. */
#define POLL_US (200 * G_TIME_SPAN_MILLISECOND)
/* Options that are set one after the other are taken up together. */
#define SETTLE_US (20 * G_TIME_SPAN_MILLISECOND)
/* Under so many labels a gallery has no threshold of its own, and trying for
 * one costs nothing (dml_matcher_new). */
#define FEW_LABELS 10

struct _GstDmlWatch {
  char *path;
  GstDmlWatchCallbacks callbacks;
  GThread *thread;

  /* of the thread */
  DmlGallery *gallery;
  guint64 device, inode; /* of the file that is open */
  char *last_failure;

  GMutex lock;
  GCond wake;
  gboolean stop, options_changed;
  gint cancel; /* atomic: the training that goes on is of no use */
  GstDmlMatchOptions options;
  DmlEncoder *encoder;
  GstDmlReady *ready;
};

GstDmlReady *
gst_dml_ready_ref (GstDmlReady *self)
{
  g_atomic_ref_count_inc (&self->refs);
  return self;
}

void
gst_dml_ready_unref (GstDmlReady *self)
{
  if (!g_atomic_ref_count_dec (&self->refs))
    return;
  g_hash_table_unref (self->label_ids);
  dml_matcher_unref (self->matcher);
  dml_snapshot_unref (self->snapshot);
  g_free (self);
}

gint
gst_dml_ready_get_label_id (const GstDmlReady *self, const char *label)
{
  if (label == NULL)
    return -1;
  return GPOINTER_TO_INT (g_hash_table_lookup (self->label_ids, label)) - 1;
}

static void
options_copy (GstDmlMatchOptions *to, const GstDmlMatchOptions *from)
{
  char **old = to->labels;

  *to = *from;
  to->labels = g_strdupv (from->labels);
  g_strfreev (old);
}

static gboolean
look_at_file (const char *path, guint64 *device, guint64 *inode)
{
  GStatBuf st;

  if (g_stat (path, &st) != 0)
    return FALSE;
  *device = st.st_dev;
  *inode = st.st_ino;
  return TRUE;
}

/* @snapshot, to be matched with @options. @before (nullable) lends what it
 * learned where that serves. */
static GstDmlReady *
make_ready (DmlSnapshot *snapshot, DmlEncoder *encoder,
            const GstDmlMatchOptions *options, const GstDmlReady *before,
            const gint *cancel, GError **error)
{
  DmlMatcherOptions matcher_options = DML_MATCHER_OPTIONS_INIT;
  const guint n = dml_snapshot_get_n_labels (snapshot);
  DmlMatcher *matcher;
  GstDmlReady *ready;

  matcher_options.k = options->k;
  matcher_options.classifier = options->classifier;
  matcher_options.threshold = options->threshold;
  matcher_options.false_accept_rate = options->false_accept_rate;
  matcher_options.margin = options->margin;
  matcher_options.labels = (const char *const *) options->labels;
  matcher_options.like = before != NULL ? before->matcher : NULL;
  matcher_options.cancel = cancel;
  matcher = dml_matcher_new (snapshot, encoder, &matcher_options, error);
  if (matcher == NULL)
    return NULL;

  ready = g_new (GstDmlReady, 1);
  g_atomic_ref_count_init (&ready->refs);
  ready->matcher = matcher;
  ready->snapshot = dml_snapshot_ref (snapshot);
  ready->with_encoder = encoder != NULL;
  ready->trainings = before == NULL ? 1 : before->trainings;
  if (before != NULL && !dml_matcher_shares_model (matcher, before->matcher))
    ready->trainings++;
  ready->label_ids = g_hash_table_new (g_str_hash, g_str_equal);
  for (guint i = 0; i < n; i++)
    g_hash_table_insert (
      ready->label_ids,
      (gpointer) dml_snapshot_get_label (snapshot, i, NULL, NULL),
      GINT_TO_POINTER ((gint) i + 1));
  return ready;
}

/* Reads the current revision and trains where that is needed. */
static GstDmlReady *
build (GstDmlWatch *self, GError **error)
{
  GstDmlMatchOptions options = { 0 };
  g_autoptr (DmlSnapshot) snapshot = NULL;
  g_autoptr (DmlEncoder) encoder = NULL;
  g_autoptr (GstDmlReady) before = NULL;
  GstDmlReady *ready = NULL;

  g_mutex_lock (&self->lock);
  options_copy (&options, &self->options);
  self->options_changed = FALSE;
  g_atomic_int_set (&self->cancel, self->stop);
  if (self->encoder != NULL)
    encoder = dml_encoder_ref (self->encoder);
  if (self->ready != NULL)
    before = gst_dml_ready_ref (self->ready);
  g_mutex_unlock (&self->lock);

  snapshot = dml_gallery_get_snapshot (self->gallery, error);
  if (snapshot != NULL)
    ready =
      make_ready (snapshot, encoder, &options, before, &self->cancel, error);
  g_strfreev (options.labels);
  return ready;
}

static void
swap_in (GstDmlWatch *self, GstDmlReady *ready)
{
  GstDmlReady *old;

  g_mutex_lock (&self->lock);
  old = self->ready;
  self->ready = ready;
  g_mutex_unlock (&self->lock);
  if (old != NULL)
    gst_dml_ready_unref (old);
}

/* Whether an encoder came that may have the threshold which the gallery has
 * not. Called with the lock held. */
static gboolean
wants_encoder (const GstDmlWatch *self)
{
  return self->encoder != NULL && !self->ready->with_encoder &&
         g_str_equal (dml_matcher_get_threshold_origin (self->ready->matcher),
                      "default");
}

/* A file that was put in the old one's place (restored, copied) is another
 * gallery under the same name. */
static gboolean
reopen_if_replaced (GstDmlWatch *self, gboolean *replaced, GError **error)
{
  guint64 device, inode;
  g_autoptr (DmlEncoder) encoder = NULL;
  DmlGallery *gallery;

  *replaced = FALSE;
  if (!look_at_file (self->path, &device, &inode)) {
    g_set_error (error, DML_ERROR, DML_ERROR_NOT_FOUND,
                 "%s: the file is gone; matching goes on with what was in it",
                 self->path);
    return FALSE;
  }
  if (device == self->device && inode == self->inode)
    return TRUE;
  g_mutex_lock (&self->lock);
  if (self->encoder != NULL)
    encoder = dml_encoder_ref (self->encoder);
  g_mutex_unlock (&self->lock);
  gallery = dml_gallery_open (self->path, DML_GALLERY_READ, encoder, error);
  if (gallery == NULL)
    return FALSE;
  dml_gallery_unref (self->gallery);
  self->gallery = gallery;
  self->device = device;
  self->inode = inode;
  *replaced = TRUE;
  return TRUE;
}

/* One look; returns what is new, or NULL. */
static GstDmlReady *
look (GstDmlWatch *self, GError **error)
{
  gboolean changed, replaced;
  gint64 revision;

  if (!reopen_if_replaced (self, &replaced, error))
    return NULL;
  if (!dml_gallery_get_revision (self->gallery, &revision, error))
    return NULL;
  g_mutex_lock (&self->lock);
  changed = replaced || self->options_changed || wants_encoder (self) ||
            revision != dml_snapshot_get_revision (self->ready->snapshot);
  g_mutex_unlock (&self->lock);
  return changed ? build (self, error) : NULL;
}

static void
report (GstDmlWatch *self, GError *error)
{
  if (error == NULL) {
    g_clear_pointer (&self->last_failure, g_free);
    return;
  }
  if (g_strcmp0 (self->last_failure, error->message) != 0) {
    g_free (self->last_failure);
    self->last_failure = g_strdup (error->message);
    if (self->callbacks.failed != NULL)
      self->callbacks.failed (self->callbacks.data, error);
  }
  g_error_free (error);
}

/* Waits for the next look. @hold: the last one failed, so that options that are
 * still to be taken up must wait as well. FALSE when it is time to stop. */
static gboolean
wait_for_next (GstDmlWatch *self, gboolean hold)
{
  const gint64 until = g_get_monotonic_time () + POLL_US;
  gboolean go_on;

  g_mutex_lock (&self->lock);
  while (!self->stop && (hold || !self->options_changed))
    if (!g_cond_wait_until (&self->wake, &self->lock, until))
      break;
  while (!self->stop && self->options_changed &&
         g_get_monotonic_time () < until &&
         g_cond_wait_until (&self->wake, &self->lock,
                            g_get_monotonic_time () + SETTLE_US))
    ;
  go_on = !self->stop;
  g_mutex_unlock (&self->lock);
  return go_on;
}

static gpointer
watch_thread (gpointer data)
{
  GstDmlWatch *self = data;
  gboolean hold = FALSE;

  while (wait_for_next (self, hold)) {
    GError *error = NULL;
    GstDmlReady *ready = look (self, &error);

    /* Cancelled for other options, which are taken up next, or at the end. */
    if (g_error_matches (error, DML_ERROR, DML_ERROR_CANCELLED)) {
      g_clear_error (&error);
      hold = FALSE;
      continue;
    }
    hold = error != NULL;
    if (ready != NULL) {
      gst_dml_ready_ref (ready);
      swap_in (self, ready);
    }
    report (self, error);
    if (ready != NULL) {
      if (self->callbacks.changed != NULL)
        self->callbacks.changed (self->callbacks.data, ready);
      gst_dml_ready_unref (ready);
    }
  }
  return NULL;
}

GstDmlWatch *
gst_dml_watch_new (const char *path, const GstDmlMatchOptions *options,
                   const GstDmlWatchCallbacks *callbacks, GError **error)
{
  DmlGallery *gallery = dml_gallery_open (path, DML_GALLERY_READ, NULL, error);
  GstDmlWatch *self;

  if (gallery == NULL)
    return NULL;
  self = g_new0 (GstDmlWatch, 1);
  self->path = g_strdup (path);
  self->callbacks = *callbacks;
  self->gallery = gallery;
  look_at_file (path, &self->device, &self->inode);
  g_mutex_init (&self->lock);
  g_cond_init (&self->wake);
  options_copy (&self->options, options);
  self->ready = build (self, error);
  if (self->ready == NULL) {
    gst_dml_watch_free (self);
    return NULL;
  }
  self->thread = g_thread_new ("dml-watch", watch_thread, self);
  return self;
}

void
gst_dml_watch_free (GstDmlWatch *self)
{
  if (self->thread != NULL) {
    g_mutex_lock (&self->lock);
    self->stop = TRUE;
    g_atomic_int_set (&self->cancel, TRUE);
    g_cond_signal (&self->wake);
    g_mutex_unlock (&self->lock);
    g_thread_join (self->thread);
  }
  g_clear_pointer (&self->ready, gst_dml_ready_unref);
  g_clear_pointer (&self->encoder, dml_encoder_unref);
  dml_gallery_unref (self->gallery);
  g_strfreev (self->options.labels);
  g_mutex_clear (&self->lock);
  g_cond_clear (&self->wake);
  g_free (self->last_failure);
  g_free (self->path);
  g_free (self);
}

GstDmlReady *
gst_dml_watch_get (GstDmlWatch *self)
{
  GstDmlReady *ready;

  g_mutex_lock (&self->lock);
  ready = gst_dml_ready_ref (self->ready);
  g_mutex_unlock (&self->lock);
  return ready;
}

static gboolean
same_labels (char **a, char **b)
{
  return a == NULL || b == NULL
           ? a == b
           : g_strv_equal ((const char *const *) a, (const char *const *) b);
}

void
gst_dml_watch_set_options (GstDmlWatch *self, const GstDmlMatchOptions *options)
{
  g_mutex_lock (&self->lock);
  if (options->classifier != self->options.classifier ||
      !same_labels (options->labels, self->options.labels))
    g_atomic_int_set (&self->cancel, TRUE);
  options_copy (&self->options, options);
  self->options_changed = TRUE;
  g_cond_signal (&self->wake);
  g_mutex_unlock (&self->lock);
}

/* With the thresholds of the encoder that came, at once: cheap where nothing is
 * trained, so whatever would be is left to the thread. */
static void
use_encoder_now (GstDmlWatch *self, GstDmlReady *ready, DmlEncoder *encoder)
{
  static const gint never_train = TRUE;
  GstDmlMatchOptions options = { 0 };
  GstDmlReady *better;
  gboolean swap;

  g_mutex_lock (&self->lock);
  options_copy (&options, &self->options);
  g_mutex_unlock (&self->lock);
  better =
    make_ready (ready->snapshot, encoder, &options, ready, &never_train, NULL);
  g_strfreev (options.labels);
  if (better == NULL)
    return;
  g_mutex_lock (&self->lock);
  swap = self->ready == ready;
  if (swap)
    self->ready = better;
  g_mutex_unlock (&self->lock);
  gst_dml_ready_unref (swap ? ready : better);
}

gboolean
gst_dml_watch_set_encoder (GstDmlWatch *self, DmlEncoder *encoder,
                           GError **error)
{
  g_autoptr (GstDmlReady) ready = gst_dml_watch_get (self);
  const char *theirs = dml_encoder_get_fingerprint (encoder);
  const char *ours = dml_snapshot_get_fingerprint (ready->snapshot);
  DmlEncoder *old;
  gboolean wanted;

  if (g_strcmp0 (ours, theirs) != 0) {
    g_set_error (error, DML_ERROR, DML_ERROR_MISMATCH,
                 "%s: the gallery holds embeddings of another encoder: its "
                 "fingerprint is %.12s…, that of %s is %.12s…; enrol again "
                 "with this encoder, or set dmlembed's encoder to the other",
                 self->path, ours, dml_encoder_get_name (encoder), theirs);
    return FALSE;
  }
  g_mutex_lock (&self->lock);
  old = self->encoder;
  self->encoder = dml_encoder_ref (encoder);
  wanted = wants_encoder (self);
  g_mutex_unlock (&self->lock);
  if (old != NULL)
    dml_encoder_unref (old);
  if (wanted && dml_snapshot_get_n_labels (ready->snapshot) < FEW_LABELS)
    use_encoder_now (self, ready, encoder);
  return TRUE; /* the thread looks soon whether more is to be done */
}
