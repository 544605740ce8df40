/* SPDX-License-Identifier: LGPL-2.1-or-later
 * dmlgallery: embeddings on the buffer into a gallery, on command. */

/**
 * SECTION:element-dmlgallery
 * @title: dmlgallery
 * @short_description: enrols what the camera sees
 *
 * Writes embeddings that dmlembed attached into a gallery file: while the
 * property #GstDmlGallery:enroll is set, or one at a time through the signal
 * #GstDmlGallery::enroll. A dmlmatch on the same file, in whatever process,
 * knows the new item within a second.
 *
 * Every enrolment and every refusal is told by an element message
 * `dml-enrolled` with its reason; docs/metadata.md lists the fields. Pixels are
 * read only of a frame that is being enrolled, for its quality and thumbnail,
 * and only where the caps are raw video; any caps are accepted.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 -m videotestsrc num-buffers=60 ! dmlembed ! dmlgallery
 * gallery=shop.bin label=test-picture enroll=true max-per-label=3 ! fakesink
 * ]|
 */
#include "gstdmlgallery.h"

#include <dml/dml.h>
#include <gst/dml/gstdml.h>
#include <gst/video/video.h>
#include <string.h>

#include "element.h"
#include "enroller.h"
#include "gstdmlerror.h"
#include "hints.h"
#include "pick.h"
#include "properties.h"
#include "quality.h"
#include "requests.h"

GST_DEBUG_CATEGORY_STATIC (dmlgallery_debug);
#define GST_CAT_DEFAULT dmlgallery_debug

enum {
  SIGNAL_ENROLL,
  SIGNAL_REMOVE,
  SIGNAL_RENAME,
  N_SIGNALS,
};

static guint signals[N_SIGNALS];

typedef struct {
  gboolean enroll, thumbnails, create;
  guint max_per_label, interval;
  gdouble min_quality;
  char *gallery, *encoder, *label; /* not to be read from a copy */
} Settings;

#define OFFSET(field) G_STRUCT_OFFSET (Settings, field)

static const GstDmlProperty properties[] = {
  GST_DML_ROW_STRING ("gallery", "Gallery", "Gallery file to write to",
                      OFFSET (gallery), GST_PARAM_MUTABLE_READY, NULL),
  GST_DML_ROW_STRING ("encoder", "Encoder",
                      "Encoder that the gallery must be of, and that a new one "
                      "is made for at once; none = that of the first "
                      "embedding; \"default\" is the built-in encoder",
                      OFFSET (encoder), GST_PARAM_MUTABLE_READY, NULL),
  GST_DML_ROW_STRING ("label", "Label", "Label that enroll=true enrols under",
                      OFFSET (label), GST_PARAM_MUTABLE_PLAYING, NULL),
  GST_DML_ROW_BOOLEAN (
    "enroll", "Enrol", "Enrol the largest region of frames, every interval",
    OFFSET (enroll), GST_PARAM_MUTABLE_PLAYING | GST_PARAM_CONTROLLABLE, FALSE),
  GST_DML_ROW_NUMBER (GST_DML_UINT, "max-per-label", "Maximum per label",
                      "Items a label may have at most; 0 = any number",
                      OFFSET (max_per_label), GST_PARAM_MUTABLE_PLAYING, 50, 0,
                      100000),
  GST_DML_ROW_NUMBER (GST_DML_DOUBLE, "min-quality", "Minimum quality",
                      "Refuse regions of a lower quality (size, sharpness and "
                      "exposure, 0..1), where pixels can be read; 0 = take any",
                      OFFSET (min_quality), GST_PARAM_MUTABLE_PLAYING, 0.2, 0,
                      1),
  GST_DML_ROW_NUMBER (GST_DML_UINT, "interval", "Interval",
                      "Frames from one enrolment by enroll=true to the next",
                      OFFSET (interval), GST_PARAM_MUTABLE_PLAYING, 15, 1,
                      100000),
  GST_DML_ROW_BOOLEAN ("thumbnails", "Thumbnails",
                       "Store a small JPEG with each item, where pixels can be "
                       "read",
                       OFFSET (thumbnails), GST_PARAM_MUTABLE_PLAYING, TRUE),
  GST_DML_ROW_BOOLEAN ("create", "Create",
                       "Make the gallery where there is none", OFFSET (create),
                       GST_PARAM_MUTABLE_READY, TRUE),
};

enum { PROP_STATS = G_N_ELEMENTS (properties) + 1 };

struct _GstDmlGallery {
  GstBaseTransform parent;

  /* under the object lock */
  Settings settings;
  guint64 frames, enrolled, refused;

  /* of the streaming thread */
  GstDmlEnroller *enroller; /* made in start, gone in stop */
  GstDmlCutter cutter;
  guint frames_since; /* the last attempt by the property */
  guint waited;       /* frames for the first embedding, while enrolling */

  /* of the writing thread */
  guint told; /* bits: causes that were told since the last write */

  GstDmlRequests *requests;
};

G_DEFINE_FINAL_TYPE (GstDmlGallery, gst_dml_gallery, GST_TYPE_BASE_TRANSFORM)
GST_ELEMENT_REGISTER_DEFINE (dmlgallery, "dmlgallery", GST_RANK_NONE,
                             GST_TYPE_DML_GALLERY);

static GstStructure *
make_stats (const GstDmlGallery *self)
{
  return gst_structure_new (
    "application/x-dml-stats", "frames", G_TYPE_UINT64, self->frames,
    "enrolled", G_TYPE_UINT64, self->enrolled, "refused", G_TYPE_UINT64,
    self->refused, "duplicates", G_TYPE_UINT64,
    gst_dml_requests_get_n_repeats (self->requests), NULL);
}

static void
gst_dml_gallery_get_property (GObject *object, guint id, GValue *value,
                              GParamSpec *pspec)
{
  GstDmlGallery *self = GST_DML_GALLERY (object);

  GST_OBJECT_LOCK (self);
  if (id == PROP_STATS)
    g_value_take_boxed (value, make_stats (self));
  else
    gst_dml_settings_get (&self->settings, &properties[id - 1], value);
  GST_OBJECT_UNLOCK (self);
}

static void
gst_dml_gallery_set_property (GObject *object, guint id, const GValue *value,
                              GParamSpec *pspec)
{
  GstDmlGallery *self = GST_DML_GALLERY (object);

  GST_OBJECT_LOCK (self);
  gst_dml_settings_set (&self->settings, &properties[id - 1], value);
  GST_OBJECT_UNLOCK (self);
}

/* The message, and the counters. From any thread, with no lock held. */
static void
announce (gpointer data, const GstDmlJob *job)
{
  GstDmlGallery *self = data;
  GstStructure *s = gst_dml_job_to_structure (job);

  if (job->kind == GST_DML_JOB_ENROLL) {
    GST_OBJECT_LOCK (self);
    if (job->ok)
      self->enrolled++;
    else
      self->refused++;
    GST_OBJECT_UNLOCK (self);
  }
  gst_element_post_message (GST_ELEMENT (self),
                            gst_message_new_element (GST_OBJECT (self), s));
}

/* A disk that is full fails every frame's write: each cause is told once, until
 * a write succeeds again. */
static gboolean
is_news (GstDmlGallery *self, const GError *error)
{
  const guint bit =
    1u << (error->domain == DML_ERROR ? MIN (error->code, 31) : 31);
  const gboolean news = !(self->told & bit);

  self->told |= bit;
  return news;
}

/* From the writing thread. A camera does not stop because a write failed; that
 * the embeddings are of the wrong encoder will not get better. */
static void
job_done (gpointer data, GstDmlJob *job)
{
  GstDmlGallery *self = data;

  if (g_error_matches (job->error, DML_ERROR, DML_ERROR_MISMATCH))
    gst_dml_post_error (GST_ELEMENT (self), "gallery", job->error);
  else if (job->error != NULL && is_news (self, job->error))
    gst_dml_post_warning (GST_ELEMENT (self), "gallery", job->error);
  if (job->ok)
    self->told = 0;
  announce (self, job);
}

static GstDmlEnroller *
open_gallery (gpointer data, GError **error)
{
  GstDmlGallery *self = data;
  g_autofree char *path = NULL, *encoder_path = NULL;
  g_autoptr (DmlEncoder) encoder = NULL;
  gboolean create;

  GST_OBJECT_LOCK (self);
  path = g_strdup (self->settings.gallery);
  encoder_path = g_strdup (self->settings.encoder);
  create = self->settings.create;
  GST_OBJECT_UNLOCK (self);

  if (path == NULL || path[0] == '\0') {
    g_set_error (error, DML_ERROR, DML_ERROR_INVALID,
                 "the property is not set; name the file to write to");
    return NULL;
  }
  if (encoder_path != NULL && encoder_path[0] != '\0') {
    encoder = dml_encoder_open (encoder_path, error);
    if (encoder == NULL)
      return NULL;
  }
  return gst_dml_enroller_new (path, create, encoder, job_done, self, error);
}

static gboolean
gst_dml_gallery_start (GstBaseTransform *trans)
{
  GstDmlGallery *self = GST_DML_GALLERY (trans);
  g_autoptr (GError) error = NULL;

  self->told = 0; /* no thread writes yet */
  self->enroller = open_gallery (self, &error);
  if (self->enroller == NULL) {
    gst_dml_post_error (GST_ELEMENT (self), "gallery", error);
    return FALSE;
  }
  GST_OBJECT_LOCK (self);
  self->frames = self->enrolled = self->refused = 0;
  GST_OBJECT_UNLOCK (self);
  gst_dml_cutter_clear (&self->cutter);
  self->frames_since = G_MAXUINT;
  self->waited = 0;
  gst_dml_requests_begin (self->requests, self->enroller);
  return TRUE;
}

static gboolean
gst_dml_gallery_stop (GstBaseTransform *trans)
{
  GstDmlGallery *self = GST_DML_GALLERY (trans);

  /* Whoever waits for a frame gives up by itself. */
  gst_dml_requests_end (self->requests);
  if (self->enroller != NULL)
    gst_dml_enroller_close (self->enroller);
  g_clear_pointer (&self->enroller, gst_dml_enroller_unref);
  gst_dml_cutter_clear (&self->cutter);
  return TRUE;
}

static gboolean
gst_dml_gallery_set_caps (GstBaseTransform *trans, GstCaps *incaps,
                          GstCaps *outcaps)
{
  GstDmlGallery *self = GST_DML_GALLERY (trans);

  gst_dml_cutter_set_caps (&self->cutter, incaps);
  return TRUE;
}

/* Fills in a job from a frame. FALSE when it is refused. */
static gboolean
fill (GstDmlGallery *self, GstBuffer *buffer, const GstDmlRegionMeta *meta,
      const Settings *settings, GstDmlJob *job)
{
  g_autoptr (DmlPicture) picture = NULL;

  job->embedding = gst_dml_embedding_ref (meta->embedding);
  job->pts = meta->pts;
  job->max_per_label = settings->max_per_label;
  if (gst_dml_requests_refuse_repeat (self->requests, job))
    return FALSE;
  picture =
    gst_dml_cutter_cut (&self->cutter, buffer, meta, GST_DML_QUALITY_SIDE);
  if (picture != NULL) {
    GstDmlQuality q;

    gst_dml_quality_measure (picture,
                             MIN (meta->origin.width, meta->origin.height), &q);
    job->quality = q.total;
    if (q.total < settings->min_quality) {
      g_autofree char *why = g_strdup_printf (
        "quality %.2f is below %.2f: size %.2f, sharpness %.2f, exposure %.2f",
        q.total, settings->min_quality, q.size, q.sharpness, q.exposure);

      gst_dml_job_refuse (job, "low-quality", why);
      return FALSE;
    }
    if (settings->thumbnails)
      job->picture = g_steal_pointer (&picture);
  }
  return TRUE;
}

/* What the property asks for. */
static void
enroll_by_property (GstDmlGallery *self, GstBuffer *buffer,
                    const GstDmlRegionMeta *meta, const char *reason,
                    const char *label, const Settings *settings)
{
  g_autoptr (GstDmlJob) job = NULL;

  if (self->frames_since < G_MAXUINT)
    self->frames_since++;
  if (self->frames_since < settings->interval)
    return;
  job = gst_dml_job_new (GST_DML_JOB_ENROLL, label);
  job->pts = GST_BUFFER_PTS (buffer);
  if (label == NULL || label[0] == '\0')
    gst_dml_job_refuse (job, "no-label", "set the property label");
  else if (meta == NULL)
    gst_dml_job_refuse (job, reason, NULL);
  else if (fill (self, buffer, meta, settings, job)) {
    self->frames_since = 0;
    gst_dml_enroller_put (self->enroller, job);
    return;
  } else if (g_str_equal (job->reason, "repeated-frame")) {
    return; /* counted; a message for each would flood */
  }
  self->frames_since = 0;
  announce (self, job);
}

/* What signals asked for. Jobs that have no region here wait for a later
 * frame, until their callers lose patience. */
static void
enroll_pending (GstDmlGallery *self, GstBuffer *buffer,
                const GstDmlRegionMeta *meta, const Settings *settings)
{
  for (;;) {
    g_autoptr (GstDmlJob) job = gst_dml_requests_take (self->requests);

    if (job == NULL)
      return;
    if (fill (self, buffer, meta, settings, job)) {
      gst_dml_enroller_put (self->enroller, job);
    } else {
      announce (self, job);
      gst_dml_enroller_finish (self->enroller, job);
    }
  }
}

static void
gst_dml_gallery_before_transform (GstBaseTransform *trans, GstBuffer *buffer)
{
  const GstClockTime stream_time = gst_segment_to_stream_time (
    &trans->segment, GST_FORMAT_TIME, GST_BUFFER_PTS (buffer));

  if (trans->segment.format == GST_FORMAT_TIME &&
      GST_CLOCK_TIME_IS_VALID (stream_time))
    gst_object_sync_values (GST_OBJECT (trans), stream_time);
}

static GstFlowReturn
gst_dml_gallery_transform_ip (GstBaseTransform *trans, GstBuffer *buffer)
{
  GstDmlGallery *self = GST_DML_GALLERY (trans);
  g_autofree char *label = NULL;
  const GstDmlRegionMeta *meta;
  const char *reason;
  Settings settings;
  gboolean asked;

  GST_OBJECT_LOCK (self);
  settings = self->settings;
  label = settings.enroll ? g_strdup (self->settings.label) : NULL;
  self->frames++;
  GST_OBJECT_UNLOCK (self);

  meta = gst_dml_pick_region (buffer, &reason);
  asked = gst_dml_requests_see (self->requests, meta);
  if (asked && meta != NULL)
    enroll_pending (self, buffer, meta, &settings);
  if (settings.enroll) {
    gst_dml_hints_wait (GST_ELEMENT (self), &self->waited,
                        gst_dml_buffer_get_n_regions (buffer) > 0);
    enroll_by_property (self, buffer, meta, reason, label, &settings);
  }
  return GST_FLOW_OK;
}

static gboolean
gst_dml_gallery_sink_event (GstBaseTransform *trans, GstEvent *event)
{
  GstDmlGallery *self = GST_DML_GALLERY (trans);

  if (GST_EVENT_TYPE (event) == GST_EVENT_EOS && self->enroller != NULL)
    gst_dml_enroller_flush (self->enroller);
  else if (GST_EVENT_TYPE (event) == GST_EVENT_FLUSH_STOP)
    self->frames_since = G_MAXUINT;
  return GST_BASE_TRANSFORM_CLASS (gst_dml_gallery_parent_class)
    ->sink_event (trans, event);
}

static gint64
gst_dml_gallery_enroll (GstDmlGallery *self, const char *label)
{
  guint max_per_label;

  GST_OBJECT_LOCK (self);
  max_per_label = self->settings.max_per_label;
  GST_OBJECT_UNLOCK (self);
  return gst_dml_requests_enroll (self->requests, label, max_per_label);
}

static guint
gst_dml_gallery_remove (GstDmlGallery *self, const char *label)
{
  return gst_dml_requests_remove (self->requests, label);
}

static gboolean
gst_dml_gallery_rename (GstDmlGallery *self, const char *label,
                        const char *new_label)
{
  return gst_dml_requests_rename (self->requests, label, new_label);
}

static void
gst_dml_gallery_finalize (GObject *object)
{
  GstDmlGallery *self = GST_DML_GALLERY (object);

  gst_dml_settings_clear (&self->settings, properties,
                          G_N_ELEMENTS (properties));
  gst_dml_requests_free (self->requests);
  G_OBJECT_CLASS (gst_dml_gallery_parent_class)->finalize (object);
}

static void
gst_dml_gallery_init (GstDmlGallery *self)
{
  GstBaseTransform *trans = GST_BASE_TRANSFORM (self);

  gst_dml_settings_init (&self->settings, properties,
                         G_N_ELEMENTS (properties));
  self->requests = gst_dml_requests_new (open_gallery, announce, self);

  /* Nothing is changed or added: the buffer, perhaps shared, is looked at. */
  gst_dml_element_set_up (trans, TRUE);
}

static void
install_signals (GObjectClass *klass)
{
  const GSignalFlags flags = G_SIGNAL_RUN_LAST | G_SIGNAL_ACTION;
  const GType type = G_OBJECT_CLASS_TYPE (klass);

  /**
   * GstDmlGallery::enroll:
   * @element: the element
   * @label: what it is
   *
   * Enrols the largest region of the next frame, or of the last one where none
   * comes within half a second (a paused pipeline). Waits until it is in the
   * file. From any thread.
   *
   * Returns: the item's id, or -1; the message `dml-enrolled` says why
   */
  signals[SIGNAL_ENROLL] = g_signal_new_class_handler (
    "enroll", type, flags, G_CALLBACK (gst_dml_gallery_enroll), NULL, NULL,
    NULL, G_TYPE_INT64, 1, G_TYPE_STRING);
  /**
   * GstDmlGallery::remove:
   * @element: the element
   * @label: a label
   *
   * Removes a label with its items. From any thread, in any state.
   *
   * Returns: how many items went with it
   */
  signals[SIGNAL_REMOVE] = g_signal_new_class_handler (
    "remove", type, flags, G_CALLBACK (gst_dml_gallery_remove), NULL, NULL,
    NULL, G_TYPE_UINT, 1, G_TYPE_STRING);
  /**
   * GstDmlGallery::rename:
   * @element: the element
   * @label: the label as it is
   * @new_label: what to call it
   *
   * From any thread, in any state.
   *
   * Returns: whether it is called so now
   */
  signals[SIGNAL_RENAME] = g_signal_new_class_handler (
    "rename", type, flags, G_CALLBACK (gst_dml_gallery_rename), NULL, NULL,
    NULL, G_TYPE_BOOLEAN, 2, G_TYPE_STRING, G_TYPE_STRING);
}

static void
gst_dml_gallery_class_init (GstDmlGalleryClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);
  GstBaseTransformClass *trans_class = GST_BASE_TRANSFORM_CLASS (klass);
  g_autoptr (GstCaps) caps = gst_caps_new_any ();

  GST_DEBUG_CATEGORY_INIT (dmlgallery_debug, "dmlgallery", 0, "enrolment");

  object_class->get_property = gst_dml_gallery_get_property;
  object_class->set_property = gst_dml_gallery_set_property;
  object_class->finalize = gst_dml_gallery_finalize;
  gst_dml_properties_install (object_class, properties,
                              G_N_ELEMENTS (properties));
  gst_dml_properties_install_stats (object_class, PROP_STATS);
  install_signals (object_class);

  gst_dml_element_add_pads (element_class, caps);
  gst_element_class_set_static_metadata (
    element_class, "DML gallery writer", "Filter/Analyzer/Video",
    "Enrols what dmlembed sees in a gallery, on command. Example: "
    "gst-launch-1.0 -m videotestsrc num-buffers=60 ! dmlembed ! dmlgallery "
    "gallery=shop.bin label=test-picture enroll=true max-per-label=3 ! "
    "fakesink",
    "The dml authors");

  gst_dml_element_keep_late_frames (trans_class);
  trans_class->start = gst_dml_gallery_start;
  trans_class->stop = gst_dml_gallery_stop;
  trans_class->set_caps = gst_dml_gallery_set_caps;
  trans_class->before_transform = gst_dml_gallery_before_transform;
  trans_class->transform_ip = gst_dml_gallery_transform_ip;
  trans_class->sink_event = gst_dml_gallery_sink_event;
}
