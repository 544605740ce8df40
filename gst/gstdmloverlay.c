/* SPDX-License-Identifier: LGPL-2.1-or-later
 * dmloverlay: results on the buffer to boxes and labels in the picture. */

/**
 * SECTION:element-dmloverlay
 * @title: dmloverlay
 * @short_description: draws boxes and labels
 *
 * Draws what dmlmatch found. Where downstream can lay overlays upon pictures
 * itself (the allocation query lists GstVideoOverlayCompositionMeta), they are
 * attached and no pixel is touched; otherwise they are blended into the frame.
 *
 * A box is drawn only where it is known to be true: what moved pixels since
 * dmlembed in a way that GStreamer cannot describe (a crop, a flip) leaves the
 * label, which then goes to the corner.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 videotestsrc ! dmlembed ! dmlmatch gallery=shop.bin !
 * dmloverlay ! videoconvert ! autovideosink
 * ]|
 */
#include "gstdmloverlay.h"

#include <gst/dml/gstdml.h>
#include <gst/video/video.h>

#include "blend.h"
#include "element.h"
#include "gstdmltypes.h"
#include "painter.h"
#include "properties.h"

GST_DEBUG_CATEGORY_STATIC (dmloverlay_debug);
#define GST_CAT_DEFAULT dmloverlay_debug

#define META_FEATURE GST_CAPS_FEATURE_META_GST_VIDEO_OVERLAY_COMPOSITION

typedef struct {
  guint show; /* GstDmlShowFlags */
  guint line_width, colours[3];
  char *font;
} Settings;

#define OFFSET(field) G_STRUCT_OFFSET (Settings, field)
#define COLOUR_ROW(name, nick, blurb, decision, value)                         \
  GST_DML_ROW_NUMBER (GST_DML_UINT, name, nick, blurb,                         \
                      OFFSET (colours[decision]), GST_PARAM_MUTABLE_PLAYING,   \
                      value, 0, G_MAXUINT32)

/* Colours are of Okabe and Ito's palette, told apart with any colour vision. */
static const GstDmlProperty properties[] = {
  GST_DML_ROW_NAMED (GST_DML_FLAGS, "show", "Show",
                     "What to draw; several may be joined with +",
                     OFFSET (show), GST_PARAM_MUTABLE_PLAYING,
                     GST_DML_SHOW_BOX | GST_DML_SHOW_LABEL |
                       GST_DML_SHOW_SIMILARITY | GST_DML_SHOW_UNKNOWN,
                     gst_dml_show_flags_get_type),
  GST_DML_ROW_STRING ("font", "Font",
                      "Pango font description; without a size the text is a "
                      "30th of the picture, at least 12 pixels",
                      OFFSET (font), GST_PARAM_MUTABLE_PLAYING, "Sans Bold"),
  GST_DML_ROW_NUMBER (GST_DML_UINT, "line-width", "Line width",
                      "Of outlines, in pixels; 0 = by the picture's size",
                      OFFSET (line_width), GST_PARAM_MUTABLE_PLAYING, 0, 0,
                      100),
  COLOUR_ROW ("colour-known", "Colour of known",
              "Colour of known things, 0xAARRGGBB", DML_DECISION_KNOWN,
              0xff009e73),
  COLOUR_ROW ("colour-ambiguous", "Colour of ambiguous",
              "Colour of ambiguous things, 0xAARRGGBB", DML_DECISION_AMBIGUOUS,
              0xffe69f00),
  COLOUR_ROW ("colour-unknown", "Colour of unknown",
              "Colour of unknown things, 0xAARRGGBB", DML_DECISION_UNKNOWN,
              0xffd9d9d9),
};

struct _GstDmlOverlay {
  GstBaseTransform parent;

  /* under the object lock */
  Settings settings;
  gboolean style_changed;

  /* of the streaming thread */
  GstVideoInfo info;
  gboolean have_info, readable; /* info is set; pixels can be mapped */
  gboolean caps_have_meta;      /* so does what goes downstream */
  gboolean asked, attach;       /* the allocation query was, and its answer */
  GstDmlPainter *painter;
  GstDmlBlender *blender;
  GArray *signs;
  gboolean told_map;
};

G_DEFINE_FINAL_TYPE (GstDmlOverlay, gst_dml_overlay, GST_TYPE_BASE_TRANSFORM)
GST_ELEMENT_REGISTER_DEFINE (dmloverlay, "dmloverlay", GST_RANK_NONE,
                             GST_TYPE_DML_OVERLAY);

static void
gst_dml_overlay_get_property (GObject *object, guint id, GValue *value,
                              GParamSpec *pspec)
{
  GstDmlOverlay *self = GST_DML_OVERLAY (object);

  GST_OBJECT_LOCK (self);
  gst_dml_settings_get (&self->settings, &properties[id - 1], value);
  GST_OBJECT_UNLOCK (self);
}

static void
gst_dml_overlay_set_property (GObject *object, guint id, const GValue *value,
                              GParamSpec *pspec)
{
  GstDmlOverlay *self = GST_DML_OVERLAY (object);

  GST_OBJECT_LOCK (self);
  gst_dml_settings_set (&self->settings, &properties[id - 1], value);
  self->style_changed = TRUE;
  GST_OBJECT_UNLOCK (self);
}

static gboolean
gst_dml_overlay_start (GstBaseTransform *trans)
{
  GstDmlOverlay *self = GST_DML_OVERLAY (trans);

  self->painter = gst_dml_painter_new ();
  self->blender = gst_dml_blender_new ();
  self->have_info = FALSE;
  self->told_map = FALSE;
  GST_OBJECT_LOCK (self);
  self->style_changed = TRUE;
  GST_OBJECT_UNLOCK (self);
  return TRUE;
}

static gboolean
gst_dml_overlay_stop (GstBaseTransform *trans)
{
  GstDmlOverlay *self = GST_DML_OVERLAY (trans);

  g_clear_pointer (&self->painter, gst_dml_painter_free);
  g_clear_pointer (&self->blender, gst_dml_blender_free);
  return TRUE;
}

/* The same caps with the feature that says "overlays may ride along" added or
 * taken away. */
static GstCaps *
with_meta (GstCaps *caps, gboolean add)
{
  GstCaps *result = gst_caps_new_empty ();

  for (guint i = 0; i < gst_caps_get_size (caps); i++) {
    GstCapsFeatures *features =
      gst_caps_features_copy (gst_caps_get_features (caps, i));

    if (gst_caps_features_is_any (features)) {
      gst_caps_features_free (features);
      continue;
    }
    if (add && !gst_caps_features_contains (features, META_FEATURE))
      gst_caps_features_add (features, META_FEATURE);
    else if (!add)
      gst_caps_features_remove (features, META_FEATURE);
    gst_caps_append_structure_full (
      result, gst_structure_copy (gst_caps_get_structure (caps, i)), features);
  }
  return result;
}

/* With the feature first: drawing nothing is better than drawing twice. */
static GstCaps *
gst_dml_overlay_transform_caps (GstBaseTransform *trans,
                                GstPadDirection direction, GstCaps *caps,
                                GstCaps *filter)
{
  GstCaps *result = with_meta (caps, direction == GST_PAD_SINK);

  result = direction == GST_PAD_SINK
             ? gst_caps_merge (result, gst_caps_copy (caps))
             : gst_caps_merge (gst_caps_copy (caps), result);
  if (filter != NULL) {
    GstCaps *some =
      gst_caps_intersect_full (filter, result, GST_CAPS_INTERSECT_FIRST);

    gst_caps_unref (result);
    result = some;
  }
  return result;
}

static gboolean
gst_dml_overlay_set_caps (GstBaseTransform *trans, GstCaps *incaps,
                          GstCaps *outcaps)
{
  GstDmlOverlay *self = GST_DML_OVERLAY (trans);
  GstCapsFeatures *features = gst_caps_get_features (outcaps, 0);
  g_autoptr (GstCapsFeatures) plain = gst_caps_features_copy (features);

  if (!gst_video_info_from_caps (&self->info, incaps))
    return FALSE;
  gst_caps_features_remove (plain, META_FEATURE);
  self->readable = gst_caps_features_is_equal (
                     plain, GST_CAPS_FEATURES_MEMORY_SYSTEM_MEMORY) ||
                   gst_caps_features_contains (plain, "memory:DMABuf");
  self->caps_have_meta = gst_caps_features_contains (features, META_FEATURE);
  self->have_info = TRUE;
  self->asked = FALSE;
  if (!self->readable && !self->caps_have_meta) {
    GST_ELEMENT_WARNING (self, STREAM, FORMAT,
                         ("frames in %s can only be drawn upon by what comes "
                          "after, and that does not take overlays; download "
                          "them to system memory first",
                          gst_caps_features_get_nth (features, 0)),
                         (NULL));
    return FALSE;
  }
  return TRUE;
}

/* Whether who comes after draws the overlays that it lets pass. */
static void
ask_downstream (GstDmlOverlay *self)
{
  GstPad *src = GST_BASE_TRANSFORM_SRC_PAD (self);
  g_autoptr (GstCaps) caps = gst_pad_get_current_caps (src);
  g_autoptr (GstQuery) query = NULL;

  self->asked = TRUE;
  self->attach = FALSE;
  if (!self->caps_have_meta || caps == NULL)
    return;
  query = gst_query_new_allocation (caps, FALSE);
  self->attach = !self->readable ||
                 (gst_pad_peer_query (src, query) &&
                  gst_query_find_allocation_meta (
                    query, GST_VIDEO_OVERLAY_COMPOSITION_META_API_TYPE, NULL));
  GST_INFO_OBJECT (self, "overlays are %s",
                   self->attach ? "attached" : "blended into the frames");
}

static char *
make_text (const GstDmlRegionMeta *meta, GstDmlShowFlags show)
{
  const DmlMatch *match = meta->match;
  const DmlDecision decision = dml_match_get_decision (match);
  const char *label = dml_match_get_label (match);
  const char *second = dml_match_get_runner_up (match);
  g_autoptr (GString) text = g_string_new (NULL);

  if (show & GST_DML_SHOW_LABEL) {
    if (decision == DML_DECISION_UNKNOWN)
      g_string_append (text, "unknown");
    else if (decision == DML_DECISION_KNOWN)
      g_string_append (text, label);
    else
      g_string_append_printf (text, "%s / %s ?", label,
                              second != NULL ? second : "…");
  }
  if ((show & GST_DML_SHOW_SIMILARITY) && label != NULL) {
    char number[G_ASCII_DTOSTR_BUF_SIZE];

    /* Rounded down, so that what failed a threshold of 0.60 never reads so. */
    g_ascii_formatd (
      number, sizeof number, "%.2f",
      (double) (gint64) (dml_match_get_similarity (match) * 100) / 100);
    g_string_append_printf (text, "%s%s", text->len > 0 ? "  " : "", number);
  }
  return text->len > 0 ? g_string_free (g_steal_pointer (&text), FALSE) : NULL;
}

static void
collect_signs (GstDmlOverlay *self, GstBuffer *buffer, GstDmlShowFlags show)
{
  GstDmlRegionMeta *meta;
  gpointer state = NULL;

  g_array_set_size (self->signs, 0);
  while ((meta = gst_dml_buffer_next_region (buffer, &state)) != NULL) {
    GstDmlSign sign = { 0 };

    if (meta->match == NULL)
      continue;
    sign.decision = dml_match_get_decision (meta->match);
    if (sign.decision == DML_DECISION_UNKNOWN && !(show & GST_DML_SHOW_UNKNOWN))
      continue;
    /* A box of another frame size is one that nobody kept up with. */
    sign.has_box = gst_dml_region_meta_get_box (meta, buffer, &sign.box) &&
                   sign.box.frame_width == GST_VIDEO_INFO_WIDTH (&self->info) &&
                   sign.box.frame_height == GST_VIDEO_INFO_HEIGHT (&self->info);
    sign.text = make_text (meta, show);
    g_array_append_val (self->signs, sign);
  }
}

static void
attach (GstBuffer *buffer, GstVideoOverlayComposition *ours)
{
  GstVideoOverlayCompositionMeta *meta =
    gst_buffer_get_video_overlay_composition_meta (buffer);
  GstVideoOverlayComposition *both;

  if (meta == NULL) {
    gst_buffer_add_video_overlay_composition_meta (buffer, ours);
    return;
  }
  /* Upstream drew already: a second meta is overlooked before 1.28. */
  both = gst_video_overlay_composition_copy (meta->overlay);
  for (guint i = 0; i < gst_video_overlay_composition_n_rectangles (ours); i++)
    gst_video_overlay_composition_add_rectangle (
      both, gst_video_overlay_composition_get_rectangle (ours, i));
  gst_video_overlay_composition_unref (meta->overlay);
  meta->overlay = both;
}

static void
blend (GstDmlOverlay *self, GstBuffer *buffer, GstVideoOverlayComposition *ours)
{
  GstVideoFrame frame;

  if (!gst_video_frame_map (&frame, &self->info, buffer,
                            GST_MAP_READWRITE |
                              GST_VIDEO_FRAME_MAP_FLAG_NO_REF)) {
    if (!self->told_map)
      GST_ELEMENT_WARNING (
        self, STREAM, FORMAT,
        ("a frame could not be drawn upon; it is passed on "
         "as it is"),
        ("%" G_GSIZE_FORMAT " bytes; told once", gst_buffer_get_size (buffer)));
    self->told_map = TRUE;
    return;
  }
  gst_dml_blender_blend (self->blender, ours, &frame);
  gst_video_frame_unmap (&frame);
}

/* What to draw now; the painter hears of new styles. */
static GstDmlShowFlags
update_style (GstDmlOverlay *self)
{
  const Settings *settings = &self->settings;
  GstDmlShowFlags show;

  GST_OBJECT_LOCK (self);
  show = settings->show;
  if (self->style_changed) {
    const GstDmlStyle style = {
      .font = settings->font,
      .line_width = settings->line_width,
      .colours = { settings->colours[0], settings->colours[1],
                   settings->colours[2] },
      .draw_box = (show & GST_DML_SHOW_BOX) != 0,
    };

    gst_dml_painter_set_style (self->painter, &style);
    self->style_changed = FALSE;
  }
  GST_OBJECT_UNLOCK (self);
  return show;
}

static GstFlowReturn
gst_dml_overlay_transform_ip (GstBaseTransform *trans, GstBuffer *buffer)
{
  GstDmlOverlay *self = GST_DML_OVERLAY (trans);
  g_autoptr (GstVideoOverlayComposition) drawn = NULL;
  GstDmlShowFlags show;

  if (gst_dml_buffer_get_n_regions (buffer) == 0 || !self->have_info)
    return GST_FLOW_OK;

  show = update_style (self);
  collect_signs (self, buffer, show);
  drawn = gst_dml_painter_paint (self->painter, self->signs, &self->info);
  if (drawn == NULL)
    return GST_FLOW_OK;
  if (!self->asked)
    ask_downstream (self);
  if (self->attach)
    attach (buffer, drawn);
  else
    blend (self, buffer, drawn);
  return GST_FLOW_OK;
}

static void
gst_dml_overlay_finalize (GObject *object)
{
  GstDmlOverlay *self = GST_DML_OVERLAY (object);

  gst_dml_settings_clear (&self->settings, properties,
                          G_N_ELEMENTS (properties));
  g_array_unref (self->signs);
  G_OBJECT_CLASS (gst_dml_overlay_parent_class)->finalize (object);
}

static void
gst_dml_overlay_init (GstDmlOverlay *self)
{
  GstBaseTransform *trans = GST_BASE_TRANSFORM (self);

  gst_dml_settings_init (&self->settings, properties,
                         G_N_ELEMENTS (properties));
  self->signs = g_array_new (FALSE, FALSE, sizeof (GstDmlSign));
  g_array_set_clear_func (self->signs, gst_dml_sign_clear);

  gst_dml_element_set_up (trans, FALSE);
}

static GstCaps *
make_caps (void)
{
  GstCaps *caps = gst_video_make_raw_caps (NULL, 0);

  gst_caps_append (
    caps, gst_video_make_raw_caps_with_features (
            NULL, 0,
            gst_caps_features_new (GST_CAPS_FEATURE_MEMORY_SYSTEM_MEMORY,
                                   META_FEATURE, NULL)));
  gst_caps_append (caps, gst_video_make_raw_caps_with_features (
                           NULL, 0, gst_caps_features_new_any ()));
  return caps;
}

static void
gst_dml_overlay_class_init (GstDmlOverlayClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);
  GstBaseTransformClass *trans_class = GST_BASE_TRANSFORM_CLASS (klass);
  g_autoptr (GstCaps) caps = make_caps ();

  GST_DEBUG_CATEGORY_INIT (dmloverlay_debug, "dmloverlay", 0,
                           "boxes and labels");

  object_class->get_property = gst_dml_overlay_get_property;
  object_class->set_property = gst_dml_overlay_set_property;
  object_class->finalize = gst_dml_overlay_finalize;
  gst_dml_properties_install (object_class, properties,
                              G_N_ELEMENTS (properties));

  gst_dml_element_add_pads (element_class, caps);
  gst_element_class_set_static_metadata (
    element_class, "DML overlay", "Filter/Analyzer/Video",
    "Draws boxes and labels of what dmlmatch found. Example: gst-launch-1.0 "
    "videotestsrc ! dmlembed ! dmlmatch gallery=shop.bin ! dmloverlay ! "
    "videoconvert ! autovideosink",
    "The dml authors");

  gst_dml_element_keep_late_frames (trans_class);
  trans_class->start = gst_dml_overlay_start;
  trans_class->stop = gst_dml_overlay_stop;
  trans_class->transform_caps = gst_dml_overlay_transform_caps;
  trans_class->set_caps = gst_dml_overlay_set_caps;
  trans_class->transform_ip = gst_dml_overlay_transform_ip;
}
