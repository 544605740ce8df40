/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Where a region lies in the buffer at hand. */
#include <gst/dml/gstdmlboxmeta.h>

#include <gst/video/video.h>

GType
gst_dml_box_meta_api_get_type (void)
{
  static gsize type;

  if (g_once_init_enter (&type)) {
    const gchar *tags[] = { GST_META_TAG_VIDEO_STR,
                            GST_META_TAG_VIDEO_ORIENTATION_STR,
                            GST_META_TAG_VIDEO_SIZE_STR, NULL };

    g_once_init_leave (&type,
                       gst_meta_api_type_register ("GstDmlBoxMetaAPI", tags));
  }
  return type;
}

static gboolean
gst_dml_box_meta_init (GstMeta *meta, gpointer params, GstBuffer *buffer)
{
  GstDmlBoxMeta *self = (GstDmlBoxMeta *) meta;

  self->region = 0;
  self->box = (GstDmlBox){ 0 };
  return TRUE;
}

static gboolean
box_is_sane (const GstDmlBox *box)
{
  return box->width > 0 && box->height > 0 && box->frame_width > 0 &&
         box->frame_height > 0;
}

/* Rounds to nearest: truncation would move an edge by up to a pixel at every
 * scaler on the way. 64 bits, as 8K times 8K overflows 32. */
static gint
scale_edge (gint edge, gint from, gint to)
{
  const gint64 twice = 2 * (gint64) edge * to + from;

  /* Floor division, also left of the frame. */
  return (gint) (twice >= 0
                   ? twice / (2 * (gint64) from)
                   : -((2 * (gint64) from - 1 - twice) / (2 * (gint64) from)));
}

/* The scale transform knows both sizes but not whether the scaler added borders
 * (videoscale's default where the shapes differ). Where it may have, the place
 * is not known: the box goes. */
static gboolean
scale_box (GstDmlBox *box, const GstVideoMetaTransform *trans)
{
  const GstVideoInfo *in = trans->in_info, *out = trans->out_info;
  const gint in_w = GST_VIDEO_INFO_WIDTH (in),
             in_h = GST_VIDEO_INFO_HEIGHT (in);
  const gint out_w = GST_VIDEO_INFO_WIDTH (out),
             out_h = GST_VIDEO_INFO_HEIGHT (out);
  gint x2, y2;

  if (in_w <= 0 || in_h <= 0 || out_w <= 0 || out_h <= 0)
    return FALSE;
  if (in_w != box->frame_width || in_h != box->frame_height)
    return FALSE; /* it did not belong to this picture in the first place */

  if (in_w != out_w || in_h != out_h) {
    const gdouble in_shape = (gdouble) in_w * GST_VIDEO_INFO_PAR_N (in) *
                             out_h * GST_VIDEO_INFO_PAR_D (out);
    const gdouble out_shape = (gdouble) out_w * GST_VIDEO_INFO_PAR_N (out) *
                              in_h * GST_VIDEO_INFO_PAR_D (in);

    /* Borders narrower than a hundredth move no box visibly; scalers round the
     * shape to whole pixels, which must not count as one. */
    if (ABS (in_shape - out_shape) > 0.01 * MAX (in_shape, out_shape))
      return FALSE;
  }

  x2 = scale_edge (box->x + box->width, in_w, out_w);
  y2 = scale_edge (box->y + box->height, in_h, out_h);
  box->x = scale_edge (box->x, in_w, out_w);
  box->y = scale_edge (box->y, in_h, out_h);
  box->width = MAX (1, x2 - box->x);
  box->height = MAX (1, y2 - box->y);
  box->frame_width = out_w;
  box->frame_height = out_h;
  return TRUE;
}

#if GST_CHECK_VERSION(1, 28, 0)
/* Crop, flip, borders, composition: followed exactly. */
static gboolean
map_box (GstDmlBox *box, const GstVideoMetaTransformMatrix *trans)
{
  GstVideoRectangle r = { box->x, box->y, box->width, box->height };

  if (!gst_video_meta_transform_matrix_rectangle_clipped (trans, &r) ||
      r.w < 1 || r.h < 1)
    return FALSE;
  box->x = r.x;
  box->y = r.y;
  box->width = r.w;
  box->height = r.h;
  box->frame_width = GST_VIDEO_INFO_WIDTH (trans->out_info);
  box->frame_height = GST_VIDEO_INFO_HEIGHT (trans->out_info);
  return TRUE;
}
#endif

static gboolean
gst_dml_box_meta_transform (GstBuffer *dest, GstMeta *meta, GstBuffer *buffer,
                            GQuark type, gpointer data)
{
  const GstDmlBoxMeta *self = (GstDmlBoxMeta *) meta;
  GstDmlBox box = self->box;
  GstDmlBoxMeta *copy;

  if (!box_is_sane (&box))
    return FALSE;
  if (GST_META_TRANSFORM_IS_COPY (type)) {
    /* as it is */
#if GST_CHECK_VERSION(1, 28, 0)
  } else if (GST_VIDEO_META_TRANSFORM_IS_MATRIX (type)) {
    if (!map_box (&box, data))
      return FALSE;
#endif
  } else if (GST_VIDEO_META_TRANSFORM_IS_SCALE (type)) {
    if (!scale_box (&box, data))
      return FALSE;
  } else {
    return FALSE;
  }

  copy =
    (GstDmlBoxMeta *) gst_buffer_add_meta (dest, GST_DML_BOX_META_INFO, NULL);
  if (copy == NULL)
    return FALSE;
  copy->region = self->region;
  copy->box = box;
  return TRUE;
}

const GstMetaInfo *
gst_dml_box_meta_get_info (void)
{
  static const GstMetaInfo *info;

  if (g_once_init_enter (&info)) {
    const GstMetaInfo *mi = gst_meta_register (
      GST_DML_BOX_META_API_TYPE, "GstDmlBoxMeta", sizeof (GstDmlBoxMeta),
      gst_dml_box_meta_init, NULL, gst_dml_box_meta_transform);

    g_once_init_leave (&info, mi);
  }
  return info;
}
