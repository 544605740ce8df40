/* SPDX-License-Identifier: LGPL-2.1-or-later
 * dmlembed: regions of a frame to embeddings on the buffer. */

/**
 * SECTION:element-dmlembed
 * @title: dmlembed
 * @short_description: turns regions of a frame into embeddings
 *
 * Looks at regions of each frame and attaches what the encoder makes of them as
 * #GstDmlRegionMeta. Takes every raw format in system memory; no pixel of the
 * stream is changed, converted or copied, and no frame is dropped: when the
 * sink says that frames are late, inference is left out, not frames.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 videotestsrc num-buffers=300 ! dmlembed ! dmlmatch
 * gallery=shop.bin ! fakesink
 * ]|
 */
#include "gstdmlembed.h"

#include <dml/dml.h>
#include <gst/dml/gstdml.h>
#include <gst/video/video.h>
#include <string.h>

#include "attach.h"
#include "embedder.h"
#include "embedsettings.h"
#include "element.h"
#include "gstdmlerror.h"
#include "gstdmlframe.h"
#include "hints.h"
#include "lateness.h"
#include "latency.h"
#include "regions.h"
#include "reuse.h"

GST_DEBUG_CATEGORY_STATIC (dmlembed_debug);
#define GST_CAT_DEFAULT dmlembed_debug

/* Failures in a row after which a stream is given up. */
#define MAX_FAILURES 10
/* Cosine of two pictures without likeness above which an encoder is useless. */
#define COLLAPSED 0.99999

typedef struct {
  guint64 frames, embedded, reused;
  guint64 skipped_qos, skipped_interval, skipped_gap;
  guint64 map_failures, encode_failures;
  guint64 runs; /* calls of the encoder */
  GstClockTime last_time, total_time;
  GstDmlRegionCounters regions;
} Stats;

enum { PROP_STATS = GST_DML_EMBED_N_PROPERTIES + 1 };

struct _GstDmlEmbed {
  GstBaseTransform parent;

  /* under the object lock */
  GstDmlEmbedSettings settings;
  GstDmlEmbedLists lists; /* what settings' texts say */
  Stats stats;
  GstDmlLatency latency;
  GstClockTime earliest; /* running time before which frames come too late */

  /* of the streaming thread; embedder is made in start, gone in stop */
  GstDmlEmbedder *embedder;
  GstVideoInfo info;
  gboolean have_info;
  GArray *regions;       /* GstDmlRegion of the buffer at hand */
  GPtrArray *embeddings; /* GstDmlEmbedding, one for each */
  GstDmlReuse *reuse;
  GstDmlHints *hints;
  guint frames_since; /* the last embedding */
  guint failures;     /* in a row */
  gboolean told_map;
};

G_DEFINE_FINAL_TYPE (GstDmlEmbed, gst_dml_embed, GST_TYPE_BASE_TRANSFORM)
GST_ELEMENT_REGISTER_DEFINE (dmlembed, "dmlembed", GST_RANK_NONE,
                             GST_TYPE_DML_EMBED);

/* Called with the object lock held, as all of get_property is short. */
static GstStructure *
make_stats (const GstDmlEmbed *self)
{
  const Stats *s = &self->stats;

  return gst_structure_new (
    "application/x-dml-stats", "frames", G_TYPE_UINT64, s->frames, "embedded",
    G_TYPE_UINT64, s->embedded, "reused", G_TYPE_UINT64, s->reused,
    "skipped-qos", G_TYPE_UINT64, s->skipped_qos, "skipped-interval",
    G_TYPE_UINT64, s->skipped_interval, "skipped-gap", G_TYPE_UINT64,
    s->skipped_gap, "rois", G_TYPE_UINT64, s->regions.seen, "rois-invalid",
    G_TYPE_UINT64, s->regions.invalid, "rois-too-small", G_TYPE_UINT64,
    s->regions.too_small, "rois-duplicate", G_TYPE_UINT64, s->regions.duplicate,
    "rois-over-limit", G_TYPE_UINT64, s->regions.over_limit, "rois-filtered",
    G_TYPE_UINT64, s->regions.filtered, "map-failures", G_TYPE_UINT64,
    s->map_failures, "encode-failures", G_TYPE_UINT64, s->encode_failures,
    "last-time-ns", G_TYPE_UINT64, s->last_time, "avg-time-ns", G_TYPE_UINT64,
    s->runs > 0 ? s->total_time / s->runs : 0, "latency-ns", G_TYPE_UINT64,
    self->latency.estimate, NULL);
}

static void
gst_dml_embed_get_property (GObject *object, guint id, GValue *value,
                            GParamSpec *pspec)
{
  GstDmlEmbed *self = GST_DML_EMBED (object);

  GST_OBJECT_LOCK (self);
  if (id == PROP_STATS)
    g_value_take_boxed (value, make_stats (self));
  else
    gst_dml_settings_get (&self->settings, &gst_dml_embed_properties[id - 1],
                          value);
  GST_OBJECT_UNLOCK (self);
}

static void
gst_dml_embed_set_property (GObject *object, guint id, const GValue *value,
                            GParamSpec *pspec)
{
  GstDmlEmbed *self = GST_DML_EMBED (object);
  const gboolean is_list = g_str_equal (pspec->name, "region-list");
  g_autofree char *wrong = NULL;

  GST_OBJECT_LOCK (self);
  gst_dml_settings_set (&self->settings, &gst_dml_embed_properties[id - 1],
                        value);
  wrong = gst_dml_embed_lists_read (&self->lists, &self->settings);
  GST_OBJECT_UNLOCK (self);
  /* Before it runs there may be no bus yet: start says it then. */
  if (is_list && wrong != NULL && GST_STATE (self) > GST_STATE_READY)
    GST_ELEMENT_WARNING (self, RESOURCE, SETTINGS,
                         ("region-list: \"%s\" is no box; expected "
                          "\"x,y,width,height;...\" in pixels",
                          wrong),
                         ("the boxes that can be read are looked at"));
}

/* Wrong from the start is an error, not a picture in which nothing is found. */
static gboolean
check_list (GstDmlEmbed *self)
{
  g_autofree char *wrong = NULL;
  gboolean needed, any;

  GST_OBJECT_LOCK (self);
  wrong = gst_dml_embed_lists_read (&self->lists, &self->settings);
  any = self->lists.boxes != NULL;
  needed = (self->settings.regions & GST_DML_REGIONS_LIST) != 0;
  GST_OBJECT_UNLOCK (self);
  if (wrong != NULL)
    GST_ELEMENT_ERROR (self, RESOURCE, SETTINGS,
                       ("region-list: \"%s\" is no box; expected "
                        "\"x,y,width,height;...\" in pixels",
                        wrong),
                       (NULL));
  else if (needed && !any)
    GST_ELEMENT_ERROR (self, RESOURCE, SETTINGS,
                       ("region-list: no box is set, and regions=list asks for "
                        "them; set region-list=\"x,y,width,height;...\" in "
                        "pixels"),
                       (NULL));
  return wrong == NULL && (any || !needed);
}

static void
self_test (GstDmlEmbed *self)
{
  const DmlEncoder *encoder = gst_dml_embedder_get_encoder (self->embedder);
  g_autoptr (GError) error = NULL;
  GstClockTime spent;
  double cosine;

  if (!gst_dml_embedder_test (self->embedder, &cosine, &spent, &error)) {
    gst_dml_post_warning (GST_ELEMENT (self), "encoder", error);
    return;
  }
  GST_OBJECT_LOCK (self);
  self->latency.estimate = spent;
  GST_OBJECT_UNLOCK (self);
  if (cosine > COLLAPSED)
    GST_ELEMENT_WARNING (
      self, LIBRARY, SETTINGS,
      ("encoder: %s gives the same embedding for different pictures: "
       "everything would be taken for the same thing",
       dml_encoder_get_name (encoder)),
      ("cosine %.6f of two built-in patterns; expected well below 1", cosine));
}

static void
forget (GstDmlEmbed *self)
{
  gst_dml_reuse_clear (self->reuse);
  self->frames_since = G_MAXUINT;
}

static gboolean
gst_dml_embed_start (GstBaseTransform *trans)
{
  GstDmlEmbed *self = GST_DML_EMBED (trans);
  g_autoptr (GError) error = NULL;
  g_autofree char *path = NULL;
  DmlEncoder *encoder;
  guint threads;

  if (!check_list (self))
    return FALSE;
  GST_OBJECT_LOCK (self);
  path = g_strdup (self->settings.encoder);
  threads = self->settings.threads;
  memset (&self->stats, 0, sizeof self->stats);
  memset (&self->latency, 0, sizeof self->latency);
  self->earliest = GST_CLOCK_TIME_NONE;
  GST_OBJECT_UNLOCK (self);

  self->embedder =
    gst_dml_embedder_new (path != NULL ? path : "default", threads, &error);
  if (self->embedder == NULL) {
    gst_dml_post_error (GST_ELEMENT (self), "encoder", error);
    return FALSE;
  }
  encoder = gst_dml_embedder_get_encoder (self->embedder);
  if (dml_encoder_is_placeholder (encoder))
    GST_ELEMENT_WARNING (
      self, LIBRARY, SETTINGS,
      ("encoder: %s: its embeddings mean little, and so do labels; set the "
       "property encoder to a trained one (dml-train makes them)",
       dml_encoder_get_name (encoder)),
      (NULL));

  self->have_info = FALSE;
  self->failures = 0;
  self->told_map = FALSE;
  gst_dml_hints_clear (self->hints);
  forget (self);
  self_test (self);
  GST_INFO_OBJECT (
    self, "encoder %s, D = %u, fingerprint %s", dml_encoder_get_name (encoder),
    dml_encoder_get_dim (encoder), dml_encoder_get_fingerprint (encoder));
  return TRUE;
}

static gboolean
gst_dml_embed_stop (GstBaseTransform *trans)
{
  GstDmlEmbed *self = GST_DML_EMBED (trans);

  gst_dml_reuse_clear (self->reuse);
  g_ptr_array_set_size (self->embeddings, 0);
  g_clear_pointer (&self->embedder, gst_dml_embedder_free);
  self->have_info = FALSE;
  return TRUE;
}

static gboolean
gst_dml_embed_set_caps (GstBaseTransform *trans, GstCaps *incaps,
                        GstCaps *outcaps)
{
  GstDmlEmbed *self = GST_DML_EMBED (trans);
  GstCapsFeatures *features = gst_caps_get_features (incaps, 0);

  if (!gst_video_info_from_caps (&self->info, incaps)) {
    GST_WARNING_OBJECT (self, "cannot read caps %" GST_PTR_FORMAT, incaps);
    return FALSE;
  }
  if (features != NULL &&
      gst_caps_features_contains (features, "memory:DMABuf"))
    GST_WARNING_OBJECT (self, "DMABuf memory may be slow to read with the CPU; "
                              "ask the source for system memory");
  self->have_info = TRUE;
  forget (self);
  return TRUE;
}

static GstFlowReturn
map_failed (GstDmlEmbed *self, GstBuffer *buffer)
{
  GST_OBJECT_LOCK (self);
  self->stats.map_failures++;
  GST_OBJECT_UNLOCK (self);
  if (!self->told_map) {
    self->told_map = TRUE;
    GST_ELEMENT_WARNING (
      self, STREAM, FORMAT,
      ("a frame could not be read: %" G_GSIZE_FORMAT " bytes where %dx%d %s "
       "needs %" G_GSIZE_FORMAT "; it is passed on as it is",
       gst_buffer_get_size (buffer), GST_VIDEO_INFO_WIDTH (&self->info),
       GST_VIDEO_INFO_HEIGHT (&self->info), GST_VIDEO_INFO_NAME (&self->info),
       GST_VIDEO_INFO_SIZE (&self->info)),
      ("counted in stats as map-failures; told once"));
  }
  return GST_FLOW_OK;
}

static GstFlowReturn
encode_failed (GstDmlEmbed *self, const GError *error)
{
  GST_OBJECT_LOCK (self);
  self->stats.encode_failures++;
  GST_OBJECT_UNLOCK (self);
  if (++self->failures == 1)
    gst_dml_post_warning (GST_ELEMENT (self), "encoder", error);
  if (self->failures < MAX_FAILURES)
    return GST_FLOW_OK;
  gst_dml_post_error (GST_ELEMENT (self), "encoder", error);
  return GST_FLOW_ERROR;
}

static GstFlowReturn
embed (GstDmlEmbed *self, GstBuffer *buffer,
       const GstDmlEmbedSettings *settings)
{
  g_autoptr (GError) error = NULL;
  const gint64 start = g_get_monotonic_time ();
  GstClockTime spent;
  gboolean tell;
  gint64 end;

  g_ptr_array_set_size (self->embeddings, 0);
  switch (gst_dml_embedder_run (self->embedder, &self->info, buffer,
                                self->regions, self->embeddings, &error)) {
  case GST_DML_EMBED_UNREADABLE:
    return map_failed (self, buffer);
  case GST_DML_EMBED_FAILED:
    return encode_failed (self, error);
  case GST_DML_EMBEDDED:
    break;
  }
  self->failures = 0;
  gst_dml_reuse_clear (self->reuse);
  gst_dml_attach (buffer, settings->attach, self->regions, self->embeddings,
                  settings->interval > 1 ? self->reuse : NULL);
  self->frames_since = 0;

  end = g_get_monotonic_time ();
  spent = (GstClockTime) (end - start) * GST_USECOND;
  GST_OBJECT_LOCK (self);
  self->stats.runs++;
  self->stats.embedded += self->regions->len;
  self->stats.last_time = spent;
  self->stats.total_time += spent;
  tell = gst_dml_latency_update (&self->latency, spent, end);
  GST_OBJECT_UNLOCK (self);
  if (tell)
    gst_element_post_message (GST_ELEMENT (self),
                              gst_message_new_latency (GST_OBJECT (self)));
  return GST_FLOW_OK;
}

static GstFlowReturn
gst_dml_embed_transform_ip (GstBaseTransform *trans, GstBuffer *buffer)
{
  GstDmlEmbed *self = GST_DML_EMBED (trans);
  g_auto (GstDmlEmbedLists) lists = { NULL, NULL };
  GstDmlRegionRules rules;
  GstDmlRegionCounters counters;
  GstDmlEmbedSettings settings;
  Stats stats;
  GstClockTime earliest;
  gboolean gap, late, due;
  GstFlowReturn flow = GST_FLOW_OK;
  guint n_again = 0;

  GST_OBJECT_LOCK (self);
  settings = self->settings;
  earliest = settings.qos ? self->earliest : GST_CLOCK_TIME_NONE;
  counters = self->stats.regions;
  lists = gst_dml_embed_lists_ref (&self->lists);
  GST_OBJECT_UNLOCK (self);

  if (!self->have_info)
    return GST_FLOW_NOT_NEGOTIATED;
  if (!gst_dml_frame_layout_fits (&self->info, buffer)) {
    const GstVideoMeta *m = gst_buffer_get_video_meta (buffer);

    GST_ELEMENT_ERROR (
      self, STREAM, FORMAT,
      ("a frame of %ux%u %s where the caps say %dx%d %s", m->width, m->height,
       gst_video_format_to_string (m->format),
       GST_VIDEO_INFO_WIDTH (&self->info), GST_VIDEO_INFO_HEIGHT (&self->info),
       GST_VIDEO_INFO_NAME (&self->info)),
      ("the GstVideoMeta contradicts the caps: mend the element before this"));
    return GST_FLOW_ERROR;
  }

  if (GST_BUFFER_FLAG_IS_SET (buffer, GST_BUFFER_FLAG_DISCONT))
    gst_dml_reuse_clear (self->reuse);
  if (self->frames_since < G_MAXUINT)
    self->frames_since++;
  gap = GST_BUFFER_FLAG_IS_SET (buffer, GST_BUFFER_FLAG_GAP) ||
        gst_buffer_get_size (buffer) == 0;
  late = gst_dml_lateness_of (earliest, &trans->segment, buffer);
  due = self->frames_since >= settings.interval;

  g_array_set_size (self->regions, 0);
  if (!gap && !late) {
    rules =
      (GstDmlRegionRules){ settings.regions, lists.types, settings.min_size,
                           settings.max_regions, lists.boxes };
    gst_dml_regions_collect (buffer, &self->info, &rules, self->regions,
                             &counters, gst_dml_hints_get_types (self->hints));
    if (self->regions->len > 0) {
      if (due)
        flow = embed (self, buffer, &settings);
      else
        n_again = gst_dml_attach_again (buffer, settings.attach, self->regions,
                                        self->reuse, self->frames_since);
    }
  }

  GST_OBJECT_LOCK (self);
  self->stats.frames++;
  self->stats.regions = counters;
  self->stats.reused += n_again;
  if (gap)
    self->stats.skipped_gap++;
  else if (late)
    self->stats.skipped_qos++;
  else if (!due)
    self->stats.skipped_interval++;
  stats = self->stats;
  GST_OBJECT_UNLOCK (self);
  gst_dml_hints_give (self->hints, GST_ELEMENT (self), settings.regions,
                      settings.min_size, &stats.regions, stats.frames);
  return flow;
}

static gboolean
gst_dml_embed_sink_event (GstBaseTransform *trans, GstEvent *event)
{
  GstDmlEmbed *self = GST_DML_EMBED (trans);

  switch (GST_EVENT_TYPE (event)) {
  case GST_EVENT_FLUSH_STOP:
  case GST_EVENT_STREAM_START:
  case GST_EVENT_SEGMENT:
    forget (self);
    GST_OBJECT_LOCK (self);
    self->earliest = GST_CLOCK_TIME_NONE;
    GST_OBJECT_UNLOCK (self);
    break;
  default:
    break;
  }
  return GST_BASE_TRANSFORM_CLASS (gst_dml_embed_parent_class)
    ->sink_event (trans, event);
}

/* Our own reading of QoS: the base class would drop whole frames. */
static gboolean
gst_dml_embed_src_event (GstBaseTransform *trans, GstEvent *event)
{
  GstDmlEmbed *self = GST_DML_EMBED (trans);

  if (GST_EVENT_TYPE (event) == GST_EVENT_QOS) {
    GST_OBJECT_LOCK (self);
    self->earliest = gst_dml_lateness_read (self->earliest, event);
    GST_OBJECT_UNLOCK (self);
  }
  return GST_BASE_TRANSFORM_CLASS (gst_dml_embed_parent_class)
    ->src_event (trans, event);
}

static gboolean
gst_dml_embed_query (GstBaseTransform *trans, GstPadDirection direction,
                     GstQuery *query)
{
  GstDmlEmbed *self = GST_DML_EMBED (trans);

  if (direction == GST_PAD_SRC && GST_QUERY_TYPE (query) == GST_QUERY_LATENCY) {
    if (!gst_pad_peer_query (GST_BASE_TRANSFORM_SINK_PAD (trans), query))
      return FALSE;
    GST_OBJECT_LOCK (self);
    gst_dml_latency_answer (&self->latency, query);
    GST_OBJECT_UNLOCK (self);
    return TRUE;
  }
  return GST_BASE_TRANSFORM_CLASS (gst_dml_embed_parent_class)
    ->query (trans, direction, query);
}

static void
gst_dml_embed_finalize (GObject *object)
{
  GstDmlEmbed *self = GST_DML_EMBED (object);

  gst_dml_settings_clear (&self->settings, gst_dml_embed_properties,
                          GST_DML_EMBED_N_PROPERTIES);
  gst_dml_embed_lists_clear (&self->lists);
  g_array_unref (self->regions);
  g_ptr_array_unref (self->embeddings);
  gst_dml_reuse_free (self->reuse);
  gst_dml_hints_free (self->hints);
  G_OBJECT_CLASS (gst_dml_embed_parent_class)->finalize (object);
}

static void
gst_dml_embed_init (GstDmlEmbed *self)
{
  GstBaseTransform *trans = GST_BASE_TRANSFORM (self);

  gst_dml_settings_init (&self->settings, gst_dml_embed_properties,
                         GST_DML_EMBED_N_PROPERTIES);
  self->earliest = GST_CLOCK_TIME_NONE;
  self->regions = g_array_new (FALSE, FALSE, sizeof (GstDmlRegion));
  self->embeddings =
    g_ptr_array_new_with_free_func ((GDestroyNotify) gst_dml_embedding_unref);
  self->reuse = gst_dml_reuse_new ();
  self->hints = gst_dml_hints_new ();

  gst_dml_element_set_up (trans, FALSE);
}

static void
gst_dml_embed_class_init (GstDmlEmbedClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);
  GstBaseTransformClass *trans_class = GST_BASE_TRANSFORM_CLASS (klass);
  g_autoptr (GstCaps) caps = gst_dml_frame_caps ();

  GST_DEBUG_CATEGORY_INIT (dmlembed_debug, "dmlembed", 0,
                           "regions to embeddings");

  object_class->get_property = gst_dml_embed_get_property;
  object_class->set_property = gst_dml_embed_set_property;
  object_class->finalize = gst_dml_embed_finalize;
  gst_dml_properties_install (object_class, gst_dml_embed_properties,
                              GST_DML_EMBED_N_PROPERTIES);
  gst_dml_properties_install_stats (object_class, PROP_STATS);

  gst_dml_element_add_pads (element_class, caps);
  gst_element_class_set_static_metadata (
    element_class, "DML embedder", "Filter/Analyzer/Video",
    "Turns regions of each frame into embeddings for dmlmatch and dmlgallery. "
    "Example: gst-launch-1.0 videotestsrc num-buffers=300 ! dmlembed ! "
    "dmlmatch gallery=shop.bin ! fakesink",
    "The dml authors");

  trans_class->start = gst_dml_embed_start;
  trans_class->stop = gst_dml_embed_stop;
  trans_class->set_caps = gst_dml_embed_set_caps;
  trans_class->transform_ip = gst_dml_embed_transform_ip;
  trans_class->sink_event = gst_dml_embed_sink_event;
  trans_class->src_event = gst_dml_embed_src_event;
  trans_class->query = gst_dml_embed_query;
}
