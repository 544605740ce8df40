/* SPDX-License-Identifier: LGPL-2.1-or-later
 * dmlmatch: embeddings on the buffer to labels, or unknown. */

/**
 * SECTION:element-dmlmatch
 * @title: dmlmatch
 * @short_description: recognises embeddings by a gallery
 *
 * Looks up the embeddings that dmlembed attached in a gallery and decides:
 * known, ambiguous or unknown. Never touches pixels, so it takes any caps, also
 * behind an encoder. A gallery that changes, by whatever process, is taken up
 * within a second; frames do not wait for it.
 *
 * An element message `dml-match` is posted when the answer about a thing
 * changes; docs/metadata.md lists its fields.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 -m videotestsrc num-buffers=300 ! dmlembed ! dmlmatch
 * gallery=shop.bin ! fakesink
 * ]|
 */
#include "gstdmlmatch.h"

#include <dml/dml.h>
#include <gst/dml/gstdml.h>
#include <string.h>

#include "answers.h"
#include "element.h"
#include "gstdmlerror.h"
#include "hints.h"
#include "matchsettings.h"
#include "mirror.h"
#include "smooth.h"
#include "watch.h"

GST_DEBUG_CATEGORY_STATIC (dmlmatch_debug);
#define GST_CAT_DEFAULT dmlmatch_debug

/* Frames that an unset smoothing looks back over in a live pipeline. */
#define LIVE_SMOOTHING 5

enum {
  SIGNAL_MATCHED,
  SIGNAL_GALLERY_CHANGED,
  N_SIGNALS,
};

static guint signals[N_SIGNALS];

typedef struct {
  guint64 frames, regions, decided[3], repeated, messages;
  guint64 runs;
  GstClockTime last_time, total_time;
} Stats;

enum {
  PROP_LABELS = GST_DML_MATCH_N_PROPERTIES + 1,
  PROP_STATS,
};

struct _GstDmlMatch {
  GstBaseTransform parent;

  /* under the object lock */
  GstDmlMatchSettings settings;
  Stats stats;
  GstDmlWatch *watch; /* also read by the streaming thread, which made it */

  /* of the streaming thread */
  const DmlEncoder *encoder; /* whose fingerprint was compared; not owned */
  GPtrArray *metas;          /* of the buffer at hand */
  GPtrArray *matches;        /* DmlMatch, one for each */
  GstDmlAnswers *answers;
  GstDmlSmooth *smooth;
  gboolean live, live_known;
  guint waited; /* frames for the first embedding */

  gint told_empty; /* atomic: both threads warn of it */
};

G_DEFINE_FINAL_TYPE (GstDmlMatch, gst_dml_match, GST_TYPE_BASE_TRANSFORM)
GST_ELEMENT_REGISTER_DEFINE (dmlmatch, "dmlmatch", GST_RANK_NONE,
                             GST_TYPE_DML_MATCH);

static GstStructure *
make_stats (GstDmlMatch *self)
{
  const Stats *s = &self->stats;
  GstStructure *structure = gst_structure_new (
    "application/x-dml-stats", "frames", G_TYPE_UINT64, s->frames, "regions",
    G_TYPE_UINT64, s->regions, "known", G_TYPE_UINT64,
    s->decided[DML_DECISION_KNOWN], "ambiguous", G_TYPE_UINT64,
    s->decided[DML_DECISION_AMBIGUOUS], "unknown", G_TYPE_UINT64,
    s->decided[DML_DECISION_UNKNOWN], "repeated", G_TYPE_UINT64, s->repeated,
    "messages", G_TYPE_UINT64, s->messages, "last-time-ns", G_TYPE_UINT64,
    s->last_time, "avg-time-ns", G_TYPE_UINT64,
    s->runs > 0 ? s->total_time / s->runs : 0, NULL);

  if (self->watch != NULL) {
    g_autoptr (GstDmlReady) ready = gst_dml_watch_get (self->watch);

    gst_structure_set (
      structure, "revision", G_TYPE_INT64,
      dml_snapshot_get_revision (ready->snapshot), "items", G_TYPE_UINT,
      dml_snapshot_get_n_items (ready->snapshot), "labels", G_TYPE_UINT,
      dml_snapshot_get_n_labels (ready->snapshot), "trainings", G_TYPE_UINT64,
      ready->trainings,
      dml_matcher_is_relative (ready->matcher) ? "lead" : "threshold",
      G_TYPE_DOUBLE, dml_matcher_get_threshold (ready->matcher),
      "threshold-origin", G_TYPE_STRING,
      dml_matcher_get_threshold_origin (ready->matcher), NULL);
  }
  return structure;
}

static void
gst_dml_match_get_property (GObject *object, guint id, GValue *value,
                            GParamSpec *pspec)
{
  GstDmlMatch *self = GST_DML_MATCH (object);

  GST_OBJECT_LOCK (self);
  if (id == PROP_STATS)
    g_value_take_boxed (value, make_stats (self));
  else if (id == PROP_LABELS)
    gst_dml_match_settings_get_labels (&self->settings, value);
  else
    gst_dml_settings_get (&self->settings, &gst_dml_match_properties[id - 1],
                          value);
  GST_OBJECT_UNLOCK (self);
}

static void
gst_dml_match_set_property (GObject *object, guint id, const GValue *value,
                            GParamSpec *pspec)
{
  GstDmlMatch *self = GST_DML_MATCH (object);

  GST_OBJECT_LOCK (self);
  if (id == PROP_LABELS)
    gst_dml_match_settings_set_labels (&self->settings, value);
  else
    gst_dml_settings_set (&self->settings, &gst_dml_match_properties[id - 1],
                          value);
  if (self->watch != NULL) {
    const GstDmlMatchOptions options =
      gst_dml_match_settings_to_options (&self->settings);

    gst_dml_watch_set_options (self->watch, &options);
  }
  GST_OBJECT_UNLOCK (self);
}

static void
warn_if_empty (GstDmlMatch *self, const GstDmlReady *ready)
{
  if (dml_snapshot_get_n_items (ready->snapshot) == 0 &&
      g_atomic_int_compare_and_exchange (&self->told_empty, FALSE, TRUE))
    GST_ELEMENT_WARNING (
      self, RESOURCE, SETTINGS,
      ("gallery: nothing is enrolled: everything is unknown; enrol with "
       "dml-gallery or dmlgallery, and it is taken up while the pipeline runs"),
      (NULL));
}

/* From the watching thread, with no lock held. */
static void
gallery_changed (gpointer data, const GstDmlReady *ready)
{
  GstDmlMatch *self = data;

  GST_INFO_OBJECT (self, "revision %" G_GINT64_FORMAT ": %u items, %u labels",
                   dml_snapshot_get_revision (ready->snapshot),
                   dml_snapshot_get_n_items (ready->snapshot),
                   dml_snapshot_get_n_labels (ready->snapshot));
  warn_if_empty (self, ready);
  g_signal_emit (self, signals[SIGNAL_GALLERY_CHANGED], 0,
                 dml_snapshot_get_revision (ready->snapshot),
                 dml_snapshot_get_n_items (ready->snapshot));
}

static void
gallery_failed (gpointer data, const GError *error)
{
  gst_dml_post_warning (GST_ELEMENT (data), "gallery", error);
}

static void
forget (GstDmlMatch *self)
{
  gst_dml_answers_clear (self->answers);
  gst_dml_smooth_clear (self->smooth);
  self->live_known = FALSE;
}

static gboolean
gst_dml_match_start (GstBaseTransform *trans)
{
  GstDmlMatch *self = GST_DML_MATCH (trans);
  const GstDmlWatchCallbacks callbacks = { gallery_changed, gallery_failed,
                                           self };
  g_autoptr (GError) error = NULL;
  g_autoptr (GstDmlReady) ready = NULL;
  g_autofree char *path = NULL;
  GstDmlMatchOptions options;
  GstDmlWatch *watch;

  GST_OBJECT_LOCK (self);
  path = g_strdup (self->settings.gallery);
  options = gst_dml_match_settings_to_options (&self->settings);
  options.labels = g_strdupv (options.labels);
  memset (&self->stats, 0, sizeof self->stats);
  GST_OBJECT_UNLOCK (self);

  if (path == NULL || path[0] == '\0') {
    GST_ELEMENT_ERROR (self, RESOURCE, SETTINGS,
                       ("gallery: the property is not set; name the file to "
                        "match against (dml-gallery and dmlgallery make it)"),
                       (NULL));
    g_strfreev (options.labels);
    return FALSE;
  }
  watch = gst_dml_watch_new (path, &options, &callbacks, &error);
  g_strfreev (options.labels);
  if (watch == NULL) {
    gst_dml_post_error (GST_ELEMENT (self), "gallery", error);
    return FALSE;
  }
  self->encoder = NULL;
  self->waited = 0;
  g_atomic_int_set (&self->told_empty, FALSE);
  forget (self);
  GST_OBJECT_LOCK (self);
  self->watch = watch;
  GST_OBJECT_UNLOCK (self);
  ready = gst_dml_watch_get (watch);
  warn_if_empty (self, ready);
  return TRUE;
}

static gboolean
gst_dml_match_stop (GstBaseTransform *trans)
{
  GstDmlMatch *self = GST_DML_MATCH (trans);
  GstDmlWatch *watch;

  GST_OBJECT_LOCK (self);
  watch = g_steal_pointer (&self->watch);
  GST_OBJECT_UNLOCK (self);
  if (watch != NULL)
    gst_dml_watch_free (watch);
  forget (self);
  self->encoder = NULL;
  return TRUE;
}

/* The results of a buffer that this gallery can answer. FALSE after an error:
 * the first embedding is another encoder's. */
static gboolean
collect (GstDmlMatch *self, GstBuffer *buffer)
{
  g_autoptr (GError) error = NULL;
  GstDmlRegionMeta *meta;
  gpointer state = NULL;

  g_ptr_array_set_size (self->metas, 0);
  while ((meta = gst_dml_buffer_next_region (buffer, &state)) != NULL) {
    DmlEncoder *encoder;

    if (meta->embedding == NULL)
      continue;
    encoder = gst_dml_embedding_get_encoder (meta->embedding);
    if (encoder != self->encoder) {
      g_clear_error (&error);
      if (!gst_dml_watch_set_encoder (self->watch, encoder, &error))
        continue; /* perhaps another dmlembed's; ours may follow */
      self->encoder = encoder;
    }
    g_ptr_array_add (self->metas, meta);
  }
  if (self->metas->len == 0 && error != NULL) {
    gst_dml_post_error (GST_ELEMENT (self), "gallery", error);
    return FALSE;
  }
  return TRUE;
}

/* A live source wants a name that holds still, a file a result that does not
 * depend on what came before. */
static guint
smoothing_of (GstDmlMatch *self, const GstDmlMatchSettings *settings)
{
  if (settings->smoothing >= 0)
    return (guint) settings->smoothing;
  if (!self->live_known) {
    g_autoptr (GstQuery) query = gst_query_new_latency ();

    self->live = FALSE;
    if (gst_pad_peer_query (GST_BASE_TRANSFORM_SINK_PAD (self), query))
      gst_query_parse_latency (query, &self->live, NULL, NULL);
    self->live_known = TRUE;
  }
  return self->live ? LIVE_SMOOTHING : 0;
}

static GstClockTime
running_time_of (GstDmlMatch *self, GstBuffer *buffer)
{
  const GstSegment *segment = &GST_BASE_TRANSFORM (self)->segment;

  if (segment->format != GST_FORMAT_TIME)
    return GST_CLOCK_TIME_NONE;
  return gst_segment_to_running_time (segment, GST_FORMAT_TIME,
                                      GST_BUFFER_PTS (buffer));
}

static void
announce (GstDmlMatch *self, GstBuffer *buffer, const GstDmlRegionMeta *meta,
          GstClockTime running_time)
{
  const GstSegment *segment = &GST_BASE_TRANSFORM (self)->segment;
  GstStructure *s = gst_dml_region_meta_to_structure (
    meta, buffer, "dml-match", dml_match_get_n_hits (meta->match));

  if (GST_CLOCK_TIME_IS_VALID (running_time))
    gst_structure_set (s, GST_DML_FIELD_RUNNING_TIME, G_TYPE_UINT64,
                       running_time, GST_DML_FIELD_STREAM_TIME, G_TYPE_UINT64,
                       gst_segment_to_stream_time (segment, GST_FORMAT_TIME,
                                                   GST_BUFFER_PTS (buffer)),
                       NULL);
  g_signal_emit (self, signals[SIGNAL_MATCHED], 0, s);
  gst_element_post_message (GST_ELEMENT (self),
                            gst_message_new_element (GST_OBJECT (self), s));
}

static guint
put (GstDmlMatch *self, GstBuffer *buffer, const GstDmlReady *ready,
     const GstDmlMatchSettings *settings, Stats *sums)
{
  const GstClockTime running_time = running_time_of (self, buffer);
  const guint frames = smoothing_of (self, settings);
  guint n_messages = 0;

  for (guint i = 0; i < self->metas->len; i++) {
    GstDmlRegionMeta *meta = self->metas->pdata[i];
    g_autoptr (DmlMatch) raw = self->matches->pdata[i];
    g_autoptr (DmlMatch) shown = NULL;

    shown = gst_dml_smooth_push (self->smooth, meta, raw, frames,
                                 settings->min_change, running_time);
    gst_dml_region_meta_set_match (meta, shown, raw);
    gst_dml_mirror_add_match (
      buffer, settings->attach, meta,
      gst_dml_ready_get_label_id (ready, gst_dml_region_meta_get_label (meta)));
    sums->decided[dml_match_get_decision (shown)]++;
    if (gst_dml_smooth_is_news (self->smooth, meta, running_time) ||
        !settings->on_change_only) {
      announce (self, buffer, meta, running_time);
      n_messages++;
    }
  }
  g_ptr_array_set_size (self->matches, 0);
  return n_messages;
}

static GstFlowReturn
gst_dml_match_transform_ip (GstBaseTransform *trans, GstBuffer *buffer)
{
  GstDmlMatch *self = GST_DML_MATCH (trans);
  const gint64 start = g_get_monotonic_time ();
  g_autoptr (GstDmlReady) ready = NULL;
  GstDmlMatchSettings settings;
  Stats sums = { 0 };

  /* DISCONT is no new start: a leaky queue sets it at every frame it drops.
   * What was away too long is told by running time. */
  if (!collect (self, buffer))
    return GST_FLOW_ERROR;
  GST_OBJECT_LOCK (self);
  settings = self->settings;
  self->stats.frames++;
  GST_OBJECT_UNLOCK (self);
  gst_dml_hints_wait (GST_ELEMENT (self), &self->waited, self->metas->len > 0);
  if (self->metas->len == 0)
    return GST_FLOW_OK;

  ready = gst_dml_watch_get (self->watch);
  sums.repeated =
    gst_dml_answers_find (self->answers, ready, self->metas, self->matches);
  sums.messages = put (self, buffer, ready, &settings, &sums);

  GST_OBJECT_LOCK (self);
  self->stats.regions += self->metas->len;
  self->stats.repeated += sums.repeated;
  self->stats.messages += sums.messages;
  for (guint i = 0; i < G_N_ELEMENTS (sums.decided); i++)
    self->stats.decided[i] += sums.decided[i];
  self->stats.runs++;
  self->stats.last_time =
    (GstClockTime) (g_get_monotonic_time () - start) * GST_USECOND;
  self->stats.total_time += self->stats.last_time;
  GST_OBJECT_UNLOCK (self);
  return GST_FLOW_OK;
}

static gboolean
gst_dml_match_sink_event (GstBaseTransform *trans, GstEvent *event)
{
  switch (GST_EVENT_TYPE (event)) {
  case GST_EVENT_FLUSH_STOP:
  case GST_EVENT_STREAM_START:
  case GST_EVENT_SEGMENT:
    forget (GST_DML_MATCH (trans));
    break;
  default:
    break;
  }
  return GST_BASE_TRANSFORM_CLASS (gst_dml_match_parent_class)
    ->sink_event (trans, event);
}

static void
gst_dml_match_finalize (GObject *object)
{
  GstDmlMatch *self = GST_DML_MATCH (object);

  gst_dml_settings_clear (&self->settings, gst_dml_match_properties,
                          GST_DML_MATCH_N_PROPERTIES);
  g_strfreev (self->settings.labels);
  g_ptr_array_unref (self->metas);
  g_ptr_array_unref (self->matches);
  gst_dml_answers_free (self->answers);
  gst_dml_smooth_free (self->smooth);
  G_OBJECT_CLASS (gst_dml_match_parent_class)->finalize (object);
}

static void
gst_dml_match_init (GstDmlMatch *self)
{
  GstBaseTransform *trans = GST_BASE_TRANSFORM (self);

  gst_dml_settings_init (&self->settings, gst_dml_match_properties,
                         GST_DML_MATCH_N_PROPERTIES);
  self->metas = g_ptr_array_new ();
  self->matches = g_ptr_array_new ();
  self->answers = gst_dml_answers_new ();
  self->smooth = gst_dml_smooth_new ();

  gst_dml_element_set_up (trans, FALSE);
}

static void
gst_dml_match_class_init (GstDmlMatchClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);
  GstBaseTransformClass *trans_class = GST_BASE_TRANSFORM_CLASS (klass);
  g_autoptr (GstCaps) caps = gst_caps_new_any ();

  GST_DEBUG_CATEGORY_INIT (dmlmatch_debug, "dmlmatch", 0,
                           "embeddings to labels");

  object_class->get_property = gst_dml_match_get_property;
  object_class->set_property = gst_dml_match_set_property;
  object_class->finalize = gst_dml_match_finalize;
  gst_dml_properties_install (object_class, gst_dml_match_properties,
                              GST_DML_MATCH_N_PROPERTIES);
  g_object_class_install_property (object_class, PROP_LABELS,
                                   gst_dml_match_labels_spec ());
  gst_dml_properties_install_stats (object_class, PROP_STATS);
  gst_type_mark_as_plugin_api (DML_TYPE_CLASSIFIER, 0);

  /**
   * GstDmlMatch::matched:
   * @element: the element
   * @result: the fields of docs/metadata.md
   *
   * As the message `dml-match`, from the streaming thread: return soon.
   */
  signals[SIGNAL_MATCHED] = g_signal_new (
    "matched", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL, NULL,
    NULL, G_TYPE_NONE, 1, GST_TYPE_STRUCTURE | G_SIGNAL_TYPE_STATIC_SCOPE);
  /**
   * GstDmlMatch::gallery-changed:
   * @element: the element
   * @revision: the gallery's revision that is matched against from now on
   * @n_items: items in it
   *
   * From a thread of the element's own.
   */
  signals[SIGNAL_GALLERY_CHANGED] = g_signal_new (
    "gallery-changed", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL,
    NULL, NULL, G_TYPE_NONE, 2, G_TYPE_INT64, G_TYPE_UINT);

  gst_dml_element_add_pads (element_class, caps);
  gst_element_class_set_static_metadata (
    element_class, "DML matcher", "Filter/Analyzer/Video",
    "Recognises the embeddings of dmlembed by a gallery, or says unknown. "
    "Example: gst-launch-1.0 -m videotestsrc num-buffers=300 ! dmlembed ! "
    "dmlmatch gallery=shop.bin ! fakesink",
    "The dml authors");

  gst_dml_element_keep_late_frames (trans_class);
  trans_class->start = gst_dml_match_start;
  trans_class->stop = gst_dml_match_stop;
  trans_class->transform_ip = gst_dml_match_transform_ip;
  trans_class->sink_event = gst_dml_match_sink_event;
}
