/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Blends overlay rectangles into frames.
 *
 * Formats of 8-bit components without alpha (I420, NV12, YUY2, RGB and their
 * kin): the rectangle is converted once to premultiplied components at their
 * own resolution, a sprite, and laid upon each component by
 *
 *   d = s + d (255 - a) / 255
 *
 * All others: GstVideo's own blending, on the part of the frame that the
 * rectangle covers where a part of the format is a frame again, else on whole
 * lines. */
#include "blend.h"

#include <string.h>

#define MAX_SPRITES 512

typedef struct {
  gint width, height; /* in samples */
  guint8 *value;      /* premultiplied */
  guint8 *alpha;
} Layer;

typedef struct {
  GstBuffer *pixels; /* what it was made of; keeps the key alive */
  Layer layers[3];   /* one a component */
} Sprite;

struct _GstDmlBlender {
  GstVideoInfo info; /* what the sprites are for */
  GHashTable *sprites;
};

static void
sprite_free (gpointer data)
{
  Sprite *s = data;

  for (guint c = 0; c < G_N_ELEMENTS (s->layers); c++)
    g_free (s->layers[c].value); /* alpha is in the same block */
  gst_buffer_unref (s->pixels);
  g_free (s);
}

GstDmlBlender *
gst_dml_blender_new (void)
{
  GstDmlBlender *self = g_new0 (GstDmlBlender, 1);

  gst_video_info_init (&self->info);
  self->sprites = g_hash_table_new_full (NULL, NULL, NULL, sprite_free);
  return self;
}

void
gst_dml_blender_free (GstDmlBlender *self)
{
  g_hash_table_unref (self->sprites);
  g_free (self);
}

static gboolean
is_plain (const GstVideoFormatInfo *f)
{
  if (f->flags & (GST_VIDEO_FORMAT_FLAG_COMPLEX | GST_VIDEO_FORMAT_FLAG_TILED |
                  GST_VIDEO_FORMAT_FLAG_PALETTE))
    return FALSE;
  for (guint c = 0; c < f->n_components; c++)
    if (f->pixel_stride[c] <= 0)
      return FALSE;
  return TRUE;
}

static gboolean
takes_sprites (const GstVideoFormatInfo *f)
{
  if (!is_plain (f) || GST_VIDEO_FORMAT_INFO_HAS_ALPHA (f) ||
      f->n_components > 3)
    return FALSE;
  for (guint c = 0; c < f->n_components; c++)
    if (f->depth[c] != 8 || f->shift[c] != 0)
      return FALSE;
  return TRUE;
}

/* Components of a colour in 16.16: sum of weight times R, G and B, plus offset
 * times alpha, everything premultiplied. */
typedef struct {
  gint32 weight[3];
  gint32 offset;
} Conversion;

static void
make_conversion (const GstVideoInfo *info, Conversion conversion[3])
{
  const GstVideoFormatInfo *f = info->finfo;
  gint offset[4], scale[4];
  gdouble kr = 0.299, kb = 0.114, kg;

  memset (conversion, 0, 3 * sizeof *conversion);
  gst_video_color_range_offsets (info->colorimetry.range, f, offset, scale);
  if (GST_VIDEO_FORMAT_INFO_IS_RGB (f)) {
    for (guint c = 0; c < 3; c++) {
      conversion[c].weight[c] = 65536 / 255 * scale[c];
      conversion[c].offset = 65536 / 255 * offset[c];
    }
    return;
  }
  gst_video_color_matrix_get_Kr_Kb (info->colorimetry.matrix, &kr, &kb);
  kg = 1 - kr - kb;
  for (guint c = 0; c < 3 && c < f->n_components; c++) {
    const gdouble y[3] = { kr, kg, kb };
    const gdouble u[3] = { -kr / (2 * (1 - kb)), -kg / (2 * (1 - kb)), 0.5 };
    const gdouble v[3] = { 0.5, -kg / (2 * (1 - kr)), -kb / (2 * (1 - kr)) };
    const gdouble *row = c == 0 ? y : c == 1 ? u : v;

    for (guint i = 0; i < 3; i++)
      conversion[c].weight[i] = (gint32) (row[i] * scale[c] / 255 * 65536);
    conversion[c].offset = (gint32) (offset[c] / 255.0 * 65536);
  }
}

static void
make_layer (Layer *layer, const GstVideoFrame *from,
            const Conversion *conversion, gint w_sub, gint h_sub)
{
  const gint w = GST_VIDEO_FRAME_WIDTH (from),
             h = GST_VIDEO_FRAME_HEIGHT (from);
  const gint across = 1 << w_sub, down = 1 << h_sub;
  const gint n = across * down;
  gsize at = 0;

  layer->width = (w + across - 1) >> w_sub;
  layer->height = (h + down - 1) >> h_sub;
  layer->value = g_malloc (2 * (gsize) layer->width * layer->height);
  layer->alpha = layer->value + (gsize) layer->width * layer->height;
  for (gint y = 0; y < h; y += down) {
    for (gint x = 0; x < w; x += across, at++) {
      gint sum[4] = { 0 }; /* B G R A, as they lie in memory */
      gint64 v;

      for (gint k = 0; k < n; k++) {
        /* Beyond the edge there is nothing: transparent. */
        const gint px = x + k % across, py = y + k / across;
        const guint8 *p;

        if (px >= w || py >= h)
          continue;
        p = (const guint8 *) from->data[0] + (gsize) py * from->info.stride[0] +
            4 * (gsize) px;
        for (guint c = 0; c < 4; c++)
          sum[c] += p[c];
      }
      v = (gint64) sum[2] * conversion->weight[0] +
          (gint64) sum[1] * conversion->weight[1] +
          (gint64) sum[0] * conversion->weight[2] +
          (gint64) sum[3] * conversion->offset;
      layer->value[at] = (guint8) CLAMP ((v / n + 32768) >> 16, 0, 255);
      layer->alpha[at] = (guint8) (sum[3] / n);
    }
  }
}

static const Sprite *
get_sprite (GstDmlBlender *self, GstBuffer *pixels, const GstVideoFrame *from)
{
  const GstVideoFormatInfo *f = self->info.finfo;
  Sprite *s = g_hash_table_lookup (self->sprites, pixels);
  Conversion conversion[3];

  if (s != NULL)
    return s;
  if (g_hash_table_size (self->sprites) >= MAX_SPRITES)
    g_hash_table_remove_all (self->sprites);
  make_conversion (&self->info, conversion);
  s = g_new0 (Sprite, 1);
  s->pixels = gst_buffer_ref (pixels);
  for (guint c = 0; c < f->n_components; c++)
    make_layer (&s->layers[c], from, &conversion[c], f->w_sub[c], f->h_sub[c]);
  g_hash_table_insert (self->sprites, pixels, s);
  return s;
}

static void
lay_row (guint8 *to, gint step, const guint8 *value, const guint8 *alpha,
         gint n)
{
  for (gint i = 0; i < n; i++) {
    guint8 *d = to + (gssize) i * step;
    const guint rest = *d * (255u - alpha[i]);

    /* Rounded division by 255. */
    *d =
      (guint8) MIN (255, value[i] + ((rest + 128 + ((rest + 128) >> 8)) >> 8));
  }
}

/* x and y: of the sprite in the frame, on a whole sample of every component. */
static void
lay_sprite (const Sprite *s, GstVideoFrame *frame, gint x, gint y)
{
  const GstVideoFormatInfo *f = frame->info.finfo;

  for (guint c = 0; c < f->n_components; c++) {
    const Layer *l = &s->layers[c];
    const gint left = x >> f->w_sub[c], top = y >> f->h_sub[c];
    const gint first = MAX (0, -left);
    const gint n =
      MIN (l->width, GST_VIDEO_FRAME_COMP_WIDTH (frame, c) - left) - first;
    const gint step = f->pixel_stride[c];
    guint8 *plane = (guint8 *) GST_VIDEO_FRAME_COMP_DATA (frame, c);

    if (n <= 0)
      continue;
    for (gint row = MAX (0, -top); row < l->height; row++) {
      const gsize at = (gsize) row * l->width + first;

      if (top + row >= GST_VIDEO_FRAME_COMP_HEIGHT (frame, c))
        break;
      lay_row (plane +
                 (gssize) (top + row) * GST_VIDEO_FRAME_COMP_STRIDE (frame, c) +
                 (gssize) (left + first) * step,
               step, l->value + at, l->alpha + at, n);
    }
  }
}

/* The samples that all components share. */
static void
get_steps (const GstVideoFormatInfo *f, gint *across, gint *down)
{
  *across = *down = 1;
  for (guint c = 0; c < f->n_components; c++) {
    *across = MAX (*across, 1 << f->w_sub[c]);
    *down = MAX (*down, 1 << f->h_sub[c]);
  }
}

/* The part of a frame around a rectangle, widened to whole chroma samples. */
static void
cut (const GstVideoFrame *frame, const GstVideoRectangle *r,
     GstVideoFrame *part, gint *left, gint *top)
{
  const GstVideoFormatInfo *f = frame->info.finfo;
  gint across, down, x2, y2;

  get_steps (f, &across, &down);
  *left = r->x / across * across;
  *top = r->y / down * down;
  x2 = MIN ((r->x + r->w + across - 1) / across * across,
            GST_VIDEO_FRAME_WIDTH (frame));
  y2 = MIN ((r->y + r->h + down - 1) / down * down,
            GST_VIDEO_FRAME_HEIGHT (frame));

  *part = *frame;
  part->info.width = x2 - *left;
  part->info.height = y2 - *top;
  for (guint c = 0; c < f->n_components; c++) {
    const guint p = f->plane[c];

    part->data[p] = (guint8 *) frame->data[p] +
                    (gssize) (*top >> f->h_sub[c]) * frame->info.stride[p] +
                    (gssize) (*left >> f->w_sub[c]) * f->pixel_stride[c];
  }
}

static void
blend_slowly (GstVideoFrame *from, GstVideoFrame *frame,
              const GstVideoRectangle *r)
{
  GstVideoFrame part = *frame;
  gint left = 0, top = 0;

  if (is_plain (frame->info.finfo) && r->x >= 0 && r->y >= 0 &&
      r->x < GST_VIDEO_FRAME_WIDTH (frame) &&
      r->y < GST_VIDEO_FRAME_HEIGHT (frame))
    cut (frame, r, &part, &left, &top);
  gst_video_blend (&part, from, r->x - left, r->y - top, 1.0f);
}

static void
blend_one (GstDmlBlender *self, GstVideoOverlayRectangle *rectangle,
           GstVideoFrame *frame)
{
  GstBuffer *pixels = gst_video_overlay_rectangle_get_pixels_unscaled_raw (
    rectangle, GST_VIDEO_OVERLAY_FORMAT_FLAG_PREMULTIPLIED_ALPHA);
  const GstVideoMeta *meta = gst_buffer_get_video_meta (pixels);
  GstVideoRectangle r = { 0 };
  GstVideoInfo info;
  GstVideoFrame from;

  gst_video_overlay_rectangle_get_render_rectangle (
    rectangle, &r.x, &r.y, (guint *) &r.w, (guint *) &r.h);
  gst_video_info_set_format (&info, meta->format, meta->width, meta->height);
  info.flags |= GST_VIDEO_FLAG_PREMULTIPLIED_ALPHA;
  if (!gst_video_frame_map (&from, &info, pixels, GST_MAP_READ))
    return;
  if (takes_sprites (frame->info.finfo)) {
    gint across, down;

    get_steps (frame->info.finfo, &across, &down);
    lay_sprite (get_sprite (self, pixels, &from), frame, r.x & -across,
                r.y & -down);
  } else {
    blend_slowly (&from, frame, &r);
  }
  gst_video_frame_unmap (&from);
}

void
gst_dml_blender_blend (GstDmlBlender *self,
                       GstVideoOverlayComposition *composition,
                       GstVideoFrame *frame)
{
  const guint n = gst_video_overlay_composition_n_rectangles (composition);

  if (GST_VIDEO_INFO_FORMAT (&self->info) !=
        GST_VIDEO_INFO_FORMAT (&frame->info) ||
      !gst_video_colorimetry_is_equal (&self->info.colorimetry,
                                       &frame->info.colorimetry)) {
    g_hash_table_remove_all (self->sprites);
    self->info = frame->info;
  }
  for (guint i = 0; i < n; i++)
    blend_one (self,
               gst_video_overlay_composition_get_rectangle (composition, i),
               frame);
}
