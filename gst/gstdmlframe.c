/* SPDX-License-Identifier: LGPL-2.1-or-later
 * A mapped video frame as a DmlImage.
 *
 * Formats of the table are read where they lie. All others, and a crop
 * rectangle that does not start on a whole group of pixels, go through
 * GstVideo's unpack function a row at a time: 8 or 16 bits, A R G B or
 * A Y U V. */
#include "gstdmlframe.h"

#include <string.h>

/* Unpack functions write whole groups of pixels: at most 16 beyond the end. */
#define LINE_SLACK 16

typedef struct {
  GstVideoFormat gst;
  DmlPixelFormat dml;
  gint step_x, step_y; /* a crop may start at multiples of these */
  gint group_bytes;    /* from one group of step_x to the next, in plane 0 */
} Layout;

#if G_BYTE_ORDER == G_LITTLE_ENDIAN
#define GRAY16_NATIVE GST_VIDEO_FORMAT_GRAY16_LE
#define I420_10_NATIVE GST_VIDEO_FORMAT_I420_10LE
#define P010_NATIVE GST_VIDEO_FORMAT_P010_10LE
#else
#define GRAY16_NATIVE GST_VIDEO_FORMAT_GRAY16_BE
#define I420_10_NATIVE GST_VIDEO_FORMAT_I420_10BE
#define P010_NATIVE GST_VIDEO_FORMAT_P010_10BE
#endif

static const Layout layouts[] = {
  { GST_VIDEO_FORMAT_I420, DML_PIXELS_I420, 2, 2, 2 },
  { GST_VIDEO_FORMAT_YV12, DML_PIXELS_YV12, 2, 2, 2 },
  { GST_VIDEO_FORMAT_NV12, DML_PIXELS_NV12, 2, 2, 2 },
  { GST_VIDEO_FORMAT_NV21, DML_PIXELS_NV21, 2, 2, 2 },
  { GST_VIDEO_FORMAT_Y42B, DML_PIXELS_Y42B, 2, 1, 2 },
  { GST_VIDEO_FORMAT_Y444, DML_PIXELS_Y444, 1, 1, 1 },
  { GST_VIDEO_FORMAT_YUY2, DML_PIXELS_YUY2, 2, 1, 4 },
  { GST_VIDEO_FORMAT_UYVY, DML_PIXELS_UYVY, 2, 1, 4 },
  { GST_VIDEO_FORMAT_RGB, DML_PIXELS_RGB, 1, 1, 3 },
  { GST_VIDEO_FORMAT_BGR, DML_PIXELS_BGR, 1, 1, 3 },
  { GST_VIDEO_FORMAT_RGBx, DML_PIXELS_RGBX, 1, 1, 4 },
  { GST_VIDEO_FORMAT_BGRx, DML_PIXELS_BGRX, 1, 1, 4 },
  { GST_VIDEO_FORMAT_xRGB, DML_PIXELS_XRGB, 1, 1, 4 },
  { GST_VIDEO_FORMAT_xBGR, DML_PIXELS_XBGR, 1, 1, 4 },
  { GST_VIDEO_FORMAT_RGBA, DML_PIXELS_RGBA, 1, 1, 4 },
  { GST_VIDEO_FORMAT_BGRA, DML_PIXELS_BGRA, 1, 1, 4 },
  { GST_VIDEO_FORMAT_ARGB, DML_PIXELS_ARGB, 1, 1, 4 },
  { GST_VIDEO_FORMAT_ABGR, DML_PIXELS_ABGR, 1, 1, 4 },
  { GST_VIDEO_FORMAT_GRAY8, DML_PIXELS_GRAY8, 1, 1, 1 },
  { GRAY16_NATIVE, DML_PIXELS_GRAY16, 1, 1, 2 },
  { I420_10_NATIVE, DML_PIXELS_I420_10, 2, 2, 4 },
  { P010_NATIVE, DML_PIXELS_P010, 2, 2, 4 },
  { GST_VIDEO_FORMAT_v210, DML_PIXELS_V210, 6, 1, 16 },
};

static const Layout *
find_layout (GstVideoFormat format)
{
  for (gsize i = 0; i < G_N_ELEMENTS (layouts); i++)
    if (layouts[i].gst == format)
      return &layouts[i];
  return NULL;
}

gboolean
gst_dml_frame_format_is_direct (GstVideoFormat format)
{
  return find_layout (format) != NULL;
}

void
gst_dml_frame_clear (GstDmlFrame *self)
{
  g_clear_pointer (&self->line, g_free);
  self->line_size = 0;
}

gboolean
gst_dml_frame_layout_fits (const GstVideoInfo *info, GstBuffer *buffer)
{
  const GstVideoMeta *meta = gst_buffer_get_video_meta (buffer);

  if (meta == NULL)
    return TRUE;
  return meta->format == GST_VIDEO_INFO_FORMAT (info) &&
         meta->n_planes == GST_VIDEO_INFO_N_PLANES (info) &&
         meta->width >= (guint) GST_VIDEO_INFO_WIDTH (info) &&
         meta->height >= (guint) GST_VIDEO_INFO_HEIGHT (info);
}

void
gst_dml_frame_get_picture (const GstVideoInfo *info, GstBuffer *buffer,
                           GstVideoRectangle *picture)
{
  const GstVideoCropMeta *crop = gst_buffer_get_video_crop_meta (buffer);
  const gint64 w = GST_VIDEO_INFO_WIDTH (info);
  const gint64 h = GST_VIDEO_INFO_HEIGHT (info);

  *picture = (GstVideoRectangle){ 0, 0, (gint) w, (gint) h };
  if (crop != NULL && crop->width > 0 && crop->height > 0 && crop->x < w &&
      crop->y < h) {
    picture->x = (gint) crop->x;
    picture->y = (gint) crop->y;
    picture->w = (gint) MIN (crop->width, w - crop->x);
    picture->h = (gint) MIN (crop->height, h - crop->y);
  }
}

static DmlMatrix
matrix_of (const GstVideoInfo *info)
{
  if (!GST_VIDEO_INFO_IS_YUV (info) && !GST_VIDEO_INFO_IS_GRAY (info))
    return DML_MATRIX_RGB;
  switch (info->colorimetry.matrix) {
  case GST_VIDEO_COLOR_MATRIX_FCC:
    return DML_MATRIX_FCC;
  case GST_VIDEO_COLOR_MATRIX_BT709:
    return DML_MATRIX_BT709;
  case GST_VIDEO_COLOR_MATRIX_BT601:
    return DML_MATRIX_BT601;
  case GST_VIDEO_COLOR_MATRIX_SMPTE240M:
    return DML_MATRIX_SMPTE240M;
  case GST_VIDEO_COLOR_MATRIX_BT2020:
    return DML_MATRIX_BT2020;
  default: /* not said, or RGB in a YUV layout: as GStreamer guesses */
    return GST_VIDEO_INFO_HEIGHT (info) > 576 ? DML_MATRIX_BT709
                                              : DML_MATRIX_BT601;
  }
}

static void
set_colour (DmlImage *image, const GstVideoInfo *info)
{
  image->matrix = matrix_of (info);
  image->range = info->colorimetry.range == GST_VIDEO_COLOR_RANGE_16_235
                   ? DML_RANGE_LIMITED
                   : DML_RANGE_FULL;
  image->siting = (info->chroma_site & GST_VIDEO_CHROMA_SITE_H_COSITED) != 0
                    ? DML_SITING_LEFT
                    : DML_SITING_CENTER;
}

/* GstVideo unpacks opaque in 2 bits to 0xc030 of 0xffff. */
static void
widen_alpha (guint16 *line, int width)
{
  for (int i = 0; i < width; i++)
    line[4 * i] = (guint16) ((line[4 * i] >> 14) * 0x5555);
}

/* From the row's start always: not every unpack function looks at x. */
static void
unpack_row (const DmlImage *image, int x, int y, int width, void *out)
{
  GstDmlFrame *self = image->unpack_data;
  const GstVideoFormatInfo *finfo = self->frame.info.finfo;
  const gint pixel = image->format == DML_PIXELS_UNPACK16 ? 8 : 4;
  const gint left = self->x + x;

  finfo->unpack_func (finfo, GST_VIDEO_PACK_FLAG_NONE, self->line,
                      self->frame.data, self->frame.info.stride, 0, self->y + y,
                      left + width);
  memcpy (out, self->line + (gsize) left * pixel, (gsize) width * pixel);
  /* By the depth, as Y410 does not own up to its alpha. */
  if (finfo->n_components == 4 && finfo->depth[GST_VIDEO_COMP_A] == 2)
    widen_alpha (out, width);
}

static gboolean
view_unpacked (GstDmlFrame *self, const GstVideoInfo *info)
{
  const GstVideoFormat unpacked = info->finfo->unpack_format;
  const gboolean deep =
    unpacked == GST_VIDEO_FORMAT_ARGB64 || unpacked == GST_VIDEO_FORMAT_AYUV64;
  const gsize size =
    ((gsize) GST_VIDEO_INFO_WIDTH (info) + LINE_SLACK) * (deep ? 8 : 4);

  if (!deep && unpacked != GST_VIDEO_FORMAT_ARGB &&
      unpacked != GST_VIDEO_FORMAT_AYUV)
    return FALSE; /* a newer GStreamer with a form we do not know */
  if (self->line_size < size) {
    g_free (self->line);
    self->line = g_malloc (size);
    self->line_size = size;
  }
  self->image.format = deep ? DML_PIXELS_UNPACK16 : DML_PIXELS_UNPACK8;
  self->image.unpack = unpack_row;
  self->image.unpack_data = self;
  return TRUE;
}

static void
view_direct (GstDmlFrame *self, const Layout *layout)
{
  const GstVideoFrame *frame = &self->frame;
  const GstVideoFormatInfo *finfo = frame->info.finfo;
  const guint n_planes = GST_VIDEO_FRAME_N_PLANES (frame);

  self->image.format = layout->dml;
  for (guint i = 0; i < n_planes; i++) {
    /* Planes one to a component go by component, so that [1] is U in YV12 as
     * well; NV12 and NV21 have two components in plane 1. */
    const guint comp = n_planes == 3 ? i : (i == 0 ? 0 : 1);
    const guint plane =
      n_planes == 3 ? GST_VIDEO_FORMAT_INFO_PLANE (finfo, i) : i;
    const gint stride = GST_VIDEO_FRAME_PLANE_STRIDE (frame, plane);
    const gint group = layout->group_bytes;
    const gint w_sub =
      n_planes == 3 ? GST_VIDEO_FORMAT_INFO_W_SUB (finfo, comp) : 0;
    const gint h_sub = GST_VIDEO_FORMAT_INFO_H_SUB (finfo, comp);
    const gssize across =
      (gssize) (self->x / layout->step_x) * (group >> w_sub);
    const gssize down = (gssize) (self->y >> h_sub) * stride;

    self->image.plane[i] =
      (const guint8 *) GST_VIDEO_FRAME_PLANE_DATA (frame, plane) + down +
      across;
    self->image.stride[i] = stride;
  }
}

gboolean
gst_dml_frame_map (GstDmlFrame *self, const GstVideoInfo *info,
                   GstBuffer *buffer)
{
  const Layout *layout = find_layout (GST_VIDEO_INFO_FORMAT (info));
  GstVideoRectangle picture;

  if (!gst_video_frame_map (&self->frame, (GstVideoInfo *) info, buffer,
                            GST_MAP_READ | GST_VIDEO_FRAME_MAP_FLAG_NO_REF))
    return FALSE;

  gst_dml_frame_get_picture (info, buffer, &picture);
  self->x = picture.x;
  self->y = picture.y;
  self->image = (DmlImage){ .width = picture.w, .height = picture.h };
  set_colour (&self->image, info);

  if (layout != NULL && picture.x % layout->step_x == 0 &&
      picture.y % layout->step_y == 0) {
    view_direct (self, layout);
  } else if (!view_unpacked (self, info)) {
    gst_video_frame_unmap (&self->frame);
    return FALSE;
  }
  return TRUE;
}

void
gst_dml_frame_unmap (GstDmlFrame *self)
{
  gst_video_frame_unmap (&self->frame);
}

GstCaps *
gst_dml_frame_caps (void)
{
  static const char *const features[][2] = {
    { "memory:SystemMemory", NULL },
    { "memory:SystemMemory",
      GST_CAPS_FEATURE_META_GST_VIDEO_OVERLAY_COMPOSITION },
    { "memory:DMABuf", NULL },
    { "memory:DMABuf", GST_CAPS_FEATURE_META_GST_VIDEO_OVERLAY_COMPOSITION },
  };
  GstCaps *caps = gst_caps_new_empty ();

  for (gsize i = 0; i < G_N_ELEMENTS (features); i++)
    gst_caps_append (
      caps,
      gst_video_make_raw_caps_with_features (
        NULL, 0, gst_caps_features_new (features[i][0], features[i][1], NULL)));
  return caps;
}
