/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Draws boxes and labels.
 *
 * A label is a pill with text, drawn by Pango once and kept; a box is four
 * strips. Decisions differ by colour, by the brightness of that colour and by
 * the outline (known: whole, ambiguous: dashed, unknown: corners), so that they
 * can be told apart without seeing colours. Everything has a dark rim, to be
 * seen on any picture. */
#include "painter.h"

#include <pango/pangocairo.h>
#include <string.h>

#define MAX_PICTURES 512 /* kept; beyond that all are thrown away */
#define RIM 0xa0000000u

typedef struct {
  GstBuffer *pixels; /* BGRA as cairo has it, premultiplied */
  gint width, height;
} Picture;

struct _GstDmlPainter {
  PangoContext *context;
  GstDmlStyle style;
  gint frame_width, frame_height;
  gint font_size, line; /* pixels, by style and frame */
  GHashTable *labels;   /* Picture by decision and text */
  GHashTable *sides;    /* Picture by decision, direction and length */
};

void
gst_dml_sign_clear (gpointer sign)
{
  g_clear_pointer (&((GstDmlSign *) sign)->text, g_free);
}

static void
picture_free (gpointer data)
{
  Picture *p = data;

  gst_buffer_unref (p->pixels);
  g_free (p);
}

GstDmlPainter *
gst_dml_painter_new (void)
{
  GstDmlPainter *self = g_new0 (GstDmlPainter, 1);
  PangoFontMap *fonts = pango_cairo_font_map_new (); /* not the thread's */

  self->context = pango_font_map_create_context (fonts);
  g_object_unref (fonts);
  self->labels =
    g_hash_table_new_full (g_str_hash, g_str_equal, g_free, picture_free);
  self->sides = g_hash_table_new_full (NULL, NULL, NULL, picture_free);
  return self;
}

void
gst_dml_painter_free (GstDmlPainter *self)
{
  g_hash_table_unref (self->labels);
  g_hash_table_unref (self->sides);
  g_object_unref (self->context);
  g_free (self->style.font);
  g_free (self);
}

void
gst_dml_painter_set_style (GstDmlPainter *self, const GstDmlStyle *style)
{
  g_free (self->style.font);
  self->style = *style;
  self->style.font = g_strdup (style->font);
  g_hash_table_remove_all (self->labels);
  g_hash_table_remove_all (self->sides);
  self->frame_width = 0;
}

/* Readable at any size: a 30th of the picture, at least 12 pixels. */
static void
fit_to_frame (GstDmlPainter *self, gint width, gint height)
{
  const gint side = MIN (width, height);

  if (width == self->frame_width && height == self->frame_height)
    return;
  self->frame_width = width;
  self->frame_height = height;
  self->font_size = MAX (12, side / 30);
  self->line = self->style.line_width > 0 ? (gint) self->style.line_width
                                          : MAX (2, (side + 135) / 270);
  g_hash_table_remove_all (self->labels);
  g_hash_table_remove_all (self->sides);
}

static GstBuffer *
wrap (gpointer pixels, gint width, gint height)
{
  GstBuffer *buffer =
    gst_buffer_new_wrapped (pixels, (gsize) width * height * 4);

  gst_buffer_add_video_meta (buffer, GST_VIDEO_FRAME_FLAG_NONE,
                             GST_VIDEO_OVERLAY_COMPOSITION_FORMAT_RGB, width,
                             height);
  return buffer;
}

static void
set_source (cairo_t *cr, guint32 argb)
{
  cairo_set_source_rgba (cr, ((argb >> 16) & 0xff) / 255.0,
                         ((argb >> 8) & 0xff) / 255.0, (argb & 0xff) / 255.0,
                         (argb >> 24) / 255.0);
}

/* Black or white, whichever stands out (relative luminance, WCAG 2). */
static guint32
text_colour (guint32 argb)
{
  const guint r = (argb >> 16) & 0xff, g = (argb >> 8) & 0xff, b = argb & 0xff;

  return 2126 * r + 7152 * g + 722 * b > 10000 * 110 ? 0xff000000 : 0xffffffff;
}

static PangoLayout *
make_layout (GstDmlPainter *self, const char *text)
{
  PangoLayout *layout = pango_layout_new (self->context);
  PangoFontDescription *font = pango_font_description_from_string (
    self->style.font != NULL ? self->style.font : "Sans Bold");

  if (pango_font_description_get_size (font) == 0)
    pango_font_description_set_absolute_size (font,
                                              self->font_size * PANGO_SCALE);
  pango_layout_set_font_description (layout, font);
  pango_font_description_free (font);
  pango_layout_set_single_paragraph_mode (layout, TRUE);
  pango_layout_set_ellipsize (layout, PANGO_ELLIPSIZE_MIDDLE);
  pango_layout_set_width (layout, self->frame_width * 2 / 3 * PANGO_SCALE);
  pango_layout_set_text (layout, text, -1);
  return layout;
}

static void
trace_pill (cairo_t *cr, double x, double y, double w, double h, double r)
{
  cairo_new_sub_path (cr);
  cairo_arc (cr, x + w - r, y + r, r, -G_PI_2, 0);
  cairo_arc (cr, x + w - r, y + h - r, r, 0, G_PI_2);
  cairo_arc (cr, x + r, y + h - r, r, G_PI_2, G_PI);
  cairo_arc (cr, x + r, y + r, r, G_PI, 3 * G_PI_2);
  cairo_close_path (cr);
}

static Picture *
draw_label (GstDmlPainter *self, DmlDecision decision, const char *text)
{
  const guint32 colour = self->style.colours[decision];
  PangoLayout *layout = make_layout (self, text);
  PangoRectangle ink;
  Picture *p = g_new (Picture, 1);
  gint pad, rim = MAX (1, self->line / 3);
  guint8 *pixels;
  cairo_surface_t *surface;
  cairo_t *cr;

  pango_layout_get_pixel_extents (layout, NULL, &ink);
  pad = MAX (2, ink.height / 5);
  p->width = ink.width + 2 * (pad + rim);
  p->height = ink.height + pad + 2 * rim;
  pixels = g_malloc0 ((gsize) p->width * p->height * 4);
  surface = cairo_image_surface_create_for_data (
    pixels, CAIRO_FORMAT_ARGB32, p->width, p->height, p->width * 4);
  cr = cairo_create (surface);

  trace_pill (cr, 0, 0, p->width, p->height, pad + rim);
  set_source (cr, RIM);
  cairo_fill (cr);
  trace_pill (cr, rim, rim, p->width - 2 * rim, p->height - 2 * rim, pad);
  set_source (cr, colour);
  cairo_fill (cr);
  cairo_move_to (cr, pad + rim - ink.x, pad / 2 + rim - ink.y);
  set_source (cr, text_colour (colour));
  pango_cairo_update_context (cr, self->context);
  pango_cairo_show_layout (cr, layout);

  cairo_destroy (cr);
  cairo_surface_destroy (surface);
  g_object_unref (layout);
  p->pixels = wrap (pixels, p->width, p->height);
  return p;
}

static const Picture *
get_label (GstDmlPainter *self, const GstDmlSign *sign)
{
  g_autofree char *key = g_strdup_printf ("%d%s", sign->decision, sign->text);
  Picture *p = g_hash_table_lookup (self->labels, key);

  if (p == NULL) {
    if (g_hash_table_size (self->labels) >= MAX_PICTURES)
      g_hash_table_remove_all (self->labels);
    p = draw_label (self, sign->decision, sign->text);
    g_hash_table_insert (self->labels, g_steal_pointer (&key), p);
  }
  return p;
}

static void
add_rectangle (GPtrArray *rects, GstBuffer *pixels, gint x, gint y, gint w,
               gint h)
{
  g_ptr_array_add (rects, gst_video_overlay_rectangle_new_raw (
                            pixels, x, y, (guint) w, (guint) h,
                            GST_VIDEO_OVERLAY_FORMAT_FLAG_PREMULTIPLIED_ALPHA));
}

static guint32
premultiply (guint32 argb)
{
  const guint a = argb >> 24;
  const guint r = ((argb >> 16) & 0xff) * a / 255;
  const guint g = ((argb >> 8) & 0xff) * a / 255, b = (argb & 0xff) * a / 255;

  return a << 24 | r << 16 | g << 8 | b;
}

/* Whether the outline is drawn at a place along a side. */
static gboolean
is_drawn (DmlDecision decision, gint at, gint length, gint line)
{
  const gint dash = 6 * line;

  switch (decision) {
  case DML_DECISION_KNOWN:
    return TRUE;
  case DML_DECISION_AMBIGUOUS:
    /* Whole dashes at both corners. */
    return (MIN (at, length - 1 - at) / dash) % 2 == 0;
  default:
    return MIN (at, length - 1 - at) < MAX (length / 5, 3 * line);
  }
}

/* One side of a box, rim and all. */
static Picture *
draw_side (GstDmlPainter *self, DmlDecision decision, gint length,
           gboolean across)
{
  const gint rim = MAX (1, self->line / 3), thick = self->line + 2 * rim;
  const guint32 inner = premultiply (self->style.colours[decision]);
  Picture *p = g_new (Picture, 1);
  guint32 *pixels;

  p->width = across ? length : thick;
  p->height = across ? thick : length;
  pixels = g_malloc ((gsize) p->width * p->height * sizeof *pixels);
  for (gint row = 0; row < p->height; row++) {
    for (gint col = 0; col < p->width; col++) {
      const gint at = across ? col : row, depth = across ? row : col;
      const gboolean edge =
        depth < rim || depth >= thick - rim || at < rim || at >= length - rim;

      pixels[(gsize) row * p->width + col] =
        !is_drawn (decision, at, length, self->line) ? 0
        : edge                                       ? RIM
                                                     : inner;
    }
  }
  p->pixels = wrap (pixels, p->width, p->height);
  return p;
}

static void
add_side (GstDmlPainter *self, GPtrArray *rects, DmlDecision decision, gint x,
          gint y, gint length, gboolean across)
{
  const gpointer key =
    GINT_TO_POINTER (length * 8 + (gint) decision * 2 + (across ? 1 : 0));
  Picture *p = g_hash_table_lookup (self->sides, key);

  if (p == NULL) {
    if (g_hash_table_size (self->sides) >= MAX_PICTURES)
      g_hash_table_remove_all (self->sides);
    p = draw_side (self, decision, length, across);
    g_hash_table_insert (self->sides, key, p);
  }
  add_rectangle (rects, p->pixels, x, y, p->width, p->height);
}

static void
add_box (GstDmlPainter *self, GPtrArray *rects, const GstDmlSign *sign)
{
  const gint thick = self->line + 2 * MAX (1, self->line / 3);
  const gint x1 = CLAMP (sign->box.x, 0, self->frame_width);
  const gint y1 = CLAMP (sign->box.y, 0, self->frame_height);
  const gint x2 = CLAMP (sign->box.x + sign->box.width, 0, self->frame_width);
  const gint y2 = CLAMP (sign->box.y + sign->box.height, 0, self->frame_height);

  if (x2 - x1 <= 2 * thick || y2 - y1 <= 2 * thick)
    return; /* the label says it all */
  add_side (self, rects, sign->decision, x1, y1, x2 - x1, TRUE);
  add_side (self, rects, sign->decision, x1, y2 - thick, x2 - x1, TRUE);
  add_side (self, rects, sign->decision, x1, y1, y2 - y1, FALSE);
  add_side (self, rects, sign->decision, x2 - thick, y1, y2 - y1, FALSE);
}

static gboolean
is_free (const GArray *placed, const GstVideoRectangle *r)
{
  for (guint i = 0; i < placed->len; i++) {
    const GstVideoRectangle *o = &g_array_index (placed, GstVideoRectangle, i);

    if (r->x < o->x + o->w && o->x < r->x + r->w && r->y < o->y + o->h &&
        o->y < r->y + r->h)
      return FALSE;
  }
  return TRUE;
}

/* Above the box, else within its upper edge, or below it first where the label
 * would hide a good part of the box; never outside the frame, and upon another
 * label only where there is no other place. */
static void
add_label (GstDmlPainter *self, GPtrArray *rects, GArray *placed,
           const GstDmlSign *sign)
{
  const Picture *p = get_label (self, sign);
  const gint thick = self->line + 2 * MAX (1, self->line / 3);
  const GstDmlBox *b = &sign->box;
  const gint max_y = MAX (0, self->frame_height - p->height);
  const gboolean small = sign->has_box && b->height < 3 * p->height;
  gint tries[4];
  GstVideoRectangle r = { 0, 0, p->width, p->height };

  tries[0] = sign->has_box ? b->y - p->height : 0;
  tries[small ? 2 : 1] = sign->has_box ? b->y + thick : p->height;
  tries[small ? 1 : 2] = sign->has_box ? b->y + b->height : 2 * p->height;
  tries[3] =
    sign->has_box ? b->y + b->height - thick - p->height : 3 * p->height;
  r.x =
    sign->has_box ? CLAMP (b->x, 0, MAX (0, self->frame_width - p->width)) : 0;
  for (guint i = 0; i < G_N_ELEMENTS (tries); i++) {
    r.y = CLAMP (tries[i], 0, max_y);
    if (r.y == tries[i] && is_free (placed, &r))
      break;
    if (i == G_N_ELEMENTS (tries) - 1)
      r.y = CLAMP (tries[0], 0, max_y);
  }
  g_array_append_val (placed, r);
  add_rectangle (rects, p->pixels, r.x, r.y, r.w, r.h);
}

GstVideoOverlayComposition *
gst_dml_painter_paint (GstDmlPainter *self, const GArray *signs,
                       const GstVideoInfo *info)
{
  g_autoptr (GPtrArray) rects = g_ptr_array_new_with_free_func (
    (GDestroyNotify) gst_video_overlay_rectangle_unref);
  g_autoptr (GArray) placed =
    g_array_new (FALSE, FALSE, sizeof (GstVideoRectangle));
  GstVideoOverlayComposition *all;

  fit_to_frame (self, GST_VIDEO_INFO_WIDTH (info),
                GST_VIDEO_INFO_HEIGHT (info));
  for (guint i = 0; i < signs->len; i++) {
    const GstDmlSign *sign = &g_array_index (signs, GstDmlSign, i);

    if (self->style.draw_box && sign->has_box)
      add_box (self, rects, sign);
  }
  for (guint i = 0; i < signs->len; i++) { /* labels upon all boxes */
    const GstDmlSign *sign = &g_array_index (signs, GstDmlSign, i);

    if (sign->text != NULL && sign->text[0] != '\0')
      add_label (self, rects, placed, sign);
  }
  if (rects->len == 0)
    return NULL;
  all = gst_video_overlay_composition_new (rects->pdata[0]);
  for (guint i = 1; i < rects->len; i++)
    gst_video_overlay_composition_add_rectangle (all, rects->pdata[i]);
  return all;
}
