/* SPDX-License-Identifier: LGPL-2.1-or-later
 * A gallery that may change while it is matched against.
 *
 * The lock guards the few words that threads share and is never held during a
 * call into the gallery, so that whoever asks for the current revision waits
 * for no disk. `building` keeps two makers of a revision apart. */
#include "watch.h"

#include <glib/gstdio.h>
#include <string.h>

/* A change is seen after at most this long; a second is promised. */
#define POLL_US (200 * G_TIME_SPAN_MILLISECOND)

struct _GstDmlWatch {
  char *path;
  GstDmlWatchCallbacks callbacks;
  GThread *thread;

  GMutex building; /* taken before lock */
  DmlGallery *gallery;
  guint64 device, inode; /* of the file that is open */
  char *last_failure;

  GMutex lock;
  GCond wake;
  gboolean stop, options_changed;
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

/* Reads the current revision and trains. Called with `building` held. */
static GstDmlReady *
build (GstDmlWatch *self, GError **error)
{
  GstDmlMatchOptions options = { 0 };
  DmlMatcherOptions matcher_options = DML_MATCHER_OPTIONS_INIT;
  g_autoptr (DmlSnapshot) snapshot = NULL;
  g_autoptr (DmlEncoder) encoder = NULL;
  GstDmlReady *ready = NULL;
  DmlMatcher *matcher;

  g_mutex_lock (&self->lock);
  options_copy (&options, &self->options);
  self->options_changed = FALSE;
  if (self->encoder != NULL)
    encoder = dml_encoder_ref (self->encoder);
  g_mutex_unlock (&self->lock);

  snapshot = dml_gallery_get_snapshot (self->gallery, error);
  if (snapshot != NULL) {
    matcher_options.k = options.k;
    matcher_options.classifier = options.classifier;
    matcher_options.threshold = options.threshold;
    matcher_options.false_accept_rate = options.false_accept_rate;
    matcher_options.margin = options.margin;
    matcher_options.labels = (const char *const *) options.labels;
    matcher = dml_matcher_new (snapshot, encoder, &matcher_options, error);
    if (matcher != NULL) {
      const guint n = dml_snapshot_get_n_labels (snapshot);

      ready = g_new (GstDmlReady, 1);
      g_atomic_ref_count_init (&ready->refs);
      ready->matcher = matcher;
      ready->label_ids = g_hash_table_new (g_str_hash, g_str_equal);
      for (guint i = 0; i < n; i++)
        g_hash_table_insert (
          ready->label_ids,
          (gpointer) dml_snapshot_get_label (snapshot, i, NULL, NULL),
          GINT_TO_POINTER ((gint) i + 1));
      ready->snapshot = g_steal_pointer (&snapshot);
    }
  }
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

/* One look. Called with `building` held; returns what is new, or NULL. */
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
  changed = replaced || self->options_changed ||
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

static gpointer
watch_thread (gpointer data)
{
  GstDmlWatch *self = data;

  for (;;) {
    const gint64 until = g_get_monotonic_time () + POLL_US;
    GstDmlReady *ready;
    GError *error = NULL;
    gboolean stop;

    g_mutex_lock (&self->lock);
    while (!self->stop && !self->options_changed)
      if (!g_cond_wait_until (&self->wake, &self->lock, until))
        break;
    stop = self->stop;
    g_mutex_unlock (&self->lock);
    if (stop)
      return NULL;

    g_mutex_lock (&self->building);
    ready = look (self, &error);
    if (ready != NULL) {
      gst_dml_ready_ref (ready);
      swap_in (self, ready);
    } else {
      /* Options that cannot be met are tried once, not for ever. */
      g_mutex_lock (&self->lock);
      self->options_changed = self->options_changed && error == NULL;
      g_mutex_unlock (&self->lock);
    }
    g_mutex_unlock (&self->building);
    report (self, error);
    if (ready != NULL) {
      if (self->callbacks.changed != NULL)
        self->callbacks.changed (self->callbacks.data, ready);
      gst_dml_ready_unref (ready);
    }
  }
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
  g_mutex_init (&self->building);
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
    g_cond_signal (&self->wake);
    g_mutex_unlock (&self->lock);
    g_thread_join (self->thread);
  }
  g_clear_pointer (&self->ready, gst_dml_ready_unref);
  g_clear_pointer (&self->encoder, dml_encoder_unref);
  dml_gallery_unref (self->gallery);
  g_strfreev (self->options.labels);
  g_mutex_clear (&self->building);
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

void
gst_dml_watch_set_options (GstDmlWatch *self, const GstDmlMatchOptions *options)
{
  g_mutex_lock (&self->lock);
  options_copy (&self->options, options);
  self->options_changed = TRUE;
  g_cond_signal (&self->wake);
  g_mutex_unlock (&self->lock);
}

gboolean
gst_dml_watch_set_encoder (GstDmlWatch *self, DmlEncoder *encoder,
                           GError **error)
{
  g_autoptr (GstDmlReady) ready = gst_dml_watch_get (self);
  const char *theirs = dml_encoder_get_fingerprint (encoder);
  const char *ours = dml_snapshot_get_fingerprint (ready->snapshot);
  GstDmlReady *better;

  if (g_strcmp0 (ours, theirs) != 0) {
    g_set_error (error, DML_ERROR, DML_ERROR_MISMATCH,
                 "%s: the gallery holds embeddings of another encoder: its "
                 "fingerprint is %.12s…, that of %s is %.12s…; enrol again "
                 "with this encoder, or set dmlembed's encoder to the other",
                 self->path, ours, dml_encoder_get_name (encoder), theirs);
    return FALSE;
  }
  g_mutex_lock (&self->building);
  g_mutex_lock (&self->lock);
  if (self->encoder != NULL)
    dml_encoder_unref (self->encoder);
  self->encoder = dml_encoder_ref (encoder);
  g_mutex_unlock (&self->lock);
  better = build (self, error);
  if (better != NULL)
    swap_in (self, better);
  g_mutex_unlock (&self->building);
  return better != NULL;
}
