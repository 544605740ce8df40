/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Views of video frames: every raw format of the GStreamer at hand, against
 * GstVideoConverter. */
#include "gst_testing.h"

#include "blend.h"
#include "gstdmlframe.h"

#include <math.h>
#include <string.h>

/* A picture without sharp colour edges, which converters are free to blur. */
static void
fill_smooth (GstVideoFrame *frame)
{
  for (gint y = 0; y < GST_VIDEO_FRAME_HEIGHT (frame); y++) {
    guint8 *row = (guint8 *) GST_VIDEO_FRAME_PLANE_DATA (frame, 0) +
                  (gsize) y * GST_VIDEO_FRAME_PLANE_STRIDE (frame, 0);

    for (gint x = 0; x < GST_VIDEO_FRAME_WIDTH (frame); x++) {
      row[3 * x] = (guint8) (30 + 2 * x);
      row[3 * x + 1] = (guint8) (220 - 2 * y);
      row[3 * x + 2] = (guint8) (60 + x + y);
    }
  }
}

/* GstVideo 1.22 writes up to some bytes beyond the end where a width is no
 * multiple of a group of pixels (NV12_10LE40). */
#define SLACK 64

static GstBuffer *
convert (const GstVideoInfo *from, GstBuffer *in, const GstVideoInfo *to)
{
  GstBuffer *out =
    gst_buffer_new_allocate (NULL, GST_VIDEO_INFO_SIZE (to) + SLACK, NULL);
  GstVideoConverter *c = gst_video_converter_new (
    (GstVideoInfo *) from, (GstVideoInfo *) to,
    gst_structure_new ("options", GST_VIDEO_CONVERTER_OPT_DITHER_METHOD,
                       GST_TYPE_VIDEO_DITHER_METHOD, GST_VIDEO_DITHER_NONE,
                       NULL));
  GstVideoFrame a, b;

  g_assert_nonnull (c);
  gst_buffer_memset (out, 0, 0, -1);
  g_assert_true (
    gst_video_frame_map (&a, (GstVideoInfo *) from, in, GST_MAP_READ));
  g_assert_true (
    gst_video_frame_map (&b, (GstVideoInfo *) to, out, GST_MAP_WRITE));
  gst_video_converter_frame (c, &a, &b);
  gst_video_frame_unmap (&a);
  gst_video_frame_unmap (&b);
  gst_video_converter_free (c);
  return out;
}

static GstBuffer *
smooth (const GstVideoInfo *rgb)
{
  GstBuffer *buffer =
    gst_buffer_new_allocate (NULL, GST_VIDEO_INFO_SIZE (rgb), NULL);
  GstVideoFrame frame;

  g_assert_true (
    gst_video_frame_map (&frame, (GstVideoInfo *) rgb, buffer, GST_MAP_WRITE));
  fill_smooth (&frame);
  gst_video_frame_unmap (&frame);
  return buffer;
}

/* Mean absolute difference in levels between our view of a buffer and what
 * GstVideoConverter makes of it in 16 bits: its way from 8 bits to 8 bits is
 * 2 levels off on average, and darker (1.22.0). */
static double
difference (const GstVideoInfo *info, GstBuffer *buffer)
{
  const gint w = GST_VIDEO_INFO_WIDTH (info), h = GST_VIDEO_INFO_HEIGHT (info);
  const GstVideoInfo deep = test_info (GST_VIDEO_FORMAT_ARGB64, w, h);
  GstBuffer *want = convert (info, buffer, &deep);
  GstDmlFrame frame = { 0 };
  g_autoptr (GError) error = NULL;
  g_autoptr (DmlPicture) got = NULL;
  GstMapInfo map;
  const guint8 *pixels;
  double sum = 0;
  int stride;

  g_assert_true (gst_dml_frame_map (&frame, info, buffer));
  g_assert_true (gst_buffer_is_writable (buffer)); /* also while mapped */
  got = dml_picture_new_from_image (&frame.image, NULL, 0, &error);
  g_assert_no_error (error);
  gst_dml_frame_unmap (&frame);
  gst_dml_frame_clear (&frame);

  g_assert_cmpint (dml_picture_get_width (got), ==, w);
  g_assert_cmpint (dml_picture_get_height (got), ==, h);
  pixels = dml_picture_get_pixels (got, &stride);
  g_assert_true (gst_buffer_map (want, &map, GST_MAP_READ));
  for (gint y = 0; y < h; y++) {
    const guint16 *row =
      (guint16 *) (gpointer) (map.data +
                              y * GST_VIDEO_INFO_PLANE_STRIDE (&deep, 0));

    for (gint x = 0; x < w; x++)
      for (gint c = 0; c < 3; c++)
        sum +=
          fabs (pixels[y * stride + 3 * x + c] - row[4 * x + 1 + c] / 257.0);
  }
  gst_buffer_unmap (want, &map);
  gst_buffer_unref (want);
  return sum / (3.0 * w * h);
}

/* Mean absolute difference in levels of two buffers of a format. */
static double
difference_of (const GstVideoInfo *info, GstBuffer *a, GstBuffer *b)
{
  const gint w = GST_VIDEO_INFO_WIDTH (info), h = GST_VIDEO_INFO_HEIGHT (info);
  const GstVideoInfo deep = test_info (GST_VIDEO_FORMAT_ARGB64, w, h);
  GstBuffer *x = convert (info, a, &deep), *y = convert (info, b, &deep);
  GstMapInfo p, q;
  double sum = 0;

  gst_buffer_map (x, &p, GST_MAP_READ);
  gst_buffer_map (y, &q, GST_MAP_READ);
  for (gsize i = 0; i < (gsize) w * (gsize) h * 4; i++)
    sum += fabs ((double) ((guint16 *) (gpointer) p.data)[i] -
                 ((guint16 *) (gpointer) q.data)[i]) /
           257;
  gst_buffer_unmap (x, &p);
  gst_buffer_unmap (y, &q);
  gst_buffer_unref (x);
  gst_buffer_unref (y);
  return sum / (3.0 * w * h);
}

/* The arithmetic is held to the bit elsewhere (test_preprocess); here it is
 * planes, strides, matrices. The converter's own error is up to 0.9 levels (it
 * widens 235 to 235 * 257). What is read through unpack functions has the
 * nearest chroma sample, where the converter goes between two; and few bits are
 * few. */
static double
tolerance_of (GstVideoFormat format)
{
  const GstVideoFormatInfo *f = gst_video_format_get_info (format);

  if (GST_VIDEO_FORMAT_INFO_DEPTH (f, 0) < 8)
    return 4.0;
  if (gst_dml_frame_format_is_direct (format) ||
      !GST_VIDEO_FORMAT_INFO_IS_YUV (f))
    return 2.0;
  return GST_VIDEO_FORMAT_INFO_H_SUB (f, 1) > 1 ? 4.0 : 2.2;
}

static void
every_raw_format (void)
{
  guint n, n_direct = 0;
  const GstVideoFormat *formats = gst_video_formats_raw (&n);

  g_assert_cmpuint (n, >=, 100);
  for (guint i = 0; i < n; i++) {
    const GstVideoInfo rgb = test_info (GST_VIDEO_FORMAT_RGB, 66, 34);
    GstVideoInfo info = test_info (formats[i], 66, 34);
    GstBuffer *from = smooth (&rgb), *buffer = convert (&rgb, from, &info);
    const double d = difference (&info, buffer);

    n_direct += gst_dml_frame_format_is_direct (formats[i]);
    g_test_message ("%s: %.2f", gst_video_format_to_string (formats[i]), d);
    if (d > tolerance_of (formats[i]))
      g_error ("%s: mean difference %.2f levels from GstVideoConverter",
               gst_video_format_to_string (formats[i]), d);
    gst_buffer_unref (from);
    gst_buffer_unref (buffer);
  }
  g_assert_cmpuint (n_direct, ==, 23);
}

static void
odd_widths_all_formats (void)
{
  guint n;
  const GstVideoFormat *formats = gst_video_formats_raw (&n);

  for (guint i = 0; i < n; i++) {
    /* All small widths where pixels come in groups; some elsewhere. */
    const gint step = gst_dml_frame_format_is_direct (formats[i]) ? 1 : 9;

    for (gint w = 1; w <= 67; w += step) {
      const GstVideoInfo rgb = test_info (GST_VIDEO_FORMAT_RGB, w, 7);
      const GstVideoInfo info = test_info (formats[i], w, 7);
      GstBuffer *from = smooth (&rgb), *buffer = convert (&rgb, from, &info);
      const double d = difference (&info, buffer);

      /* A handful of pixels has nothing to average over. */
      if (d > tolerance_of (formats[i]) + 6.0 / w)
        g_error ("%s %dx7: mean difference %.2f levels",
                 gst_video_format_to_string (formats[i]), w, d);
      gst_buffer_unref (from);
      gst_buffer_unref (buffer);
    }
  }
}

static void
matrix_and_range_are_the_streams (void)
{
  static const char *const colours[] = { "bt601",   "bt709",   "bt2020",
                                         "1:4:0:0", "1:3:0:0", "smpte240m",
                                         "2:4:0:0" };

  for (guint i = 0; i < G_N_ELEMENTS (colours); i++) {
    const GstVideoInfo rgb = test_info (GST_VIDEO_FORMAT_RGB, 64, 64);
    GstVideoInfo info = test_info (GST_VIDEO_FORMAT_Y444, 64, 64);
    GstBuffer *from = smooth (&rgb), *buffer;
    double d;

    g_assert_true (
      gst_video_colorimetry_from_string (&info.colorimetry, colours[i]));
    /* Primaries and curves stay as they are: only the matrix is undone. */
    info.colorimetry.primaries = rgb.colorimetry.primaries;
    info.colorimetry.transfer = rgb.colorimetry.transfer;
    buffer = convert (&rgb, from, &info);
    d = difference (&info, buffer);
    if (d > 1.5)
      g_error ("%s: mean difference %.2f levels", colours[i], d);
    gst_buffer_unref (from);
    gst_buffer_unref (buffer);
  }
}

/* As v4l2 and decoders deliver: planes apart, rows padded, the frame larger
 * than the picture. */
static void
padded_planes (void)
{
  const GstVideoInfo rgb = test_info (GST_VIDEO_FORMAT_RGB, 64, 32);
  const GstVideoInfo info = test_info (GST_VIDEO_FORMAT_I420, 64, 32);
  GstBuffer *from = smooth (&rgb), *tight = convert (&rgb, from, &info);
  const double plain = difference (&info, tight);
  gsize offset[4] = { 16, 16 + 96 * 40, 16 + 96 * 40 + 48 * 24 };
  gint stride[4] = { 96, 48, 48 };
  GstBuffer *padded = gst_buffer_new_allocate (NULL, 96 * 80, NULL);
  GstVideoFrame a, b;

  gst_buffer_memset (padded, 0, 0xee, -1);
  gst_buffer_add_video_meta_full (padded, GST_VIDEO_FRAME_FLAG_NONE,
                                  GST_VIDEO_FORMAT_I420, 64, 32, 3, offset,
                                  stride);
  gst_video_frame_map (&a, (GstVideoInfo *) &info, tight, GST_MAP_READ);
  gst_video_frame_map (&b, (GstVideoInfo *) &info, padded, GST_MAP_WRITE);
  gst_video_frame_copy (&b, &a);
  gst_video_frame_unmap (&a);
  gst_video_frame_unmap (&b);
  g_assert_true (gst_dml_frame_layout_fits (&info, padded));
  g_assert_cmpfloat_with_epsilon (difference (&info, padded), plain, 1e-9);
  gst_buffer_unref (from);
  gst_buffer_unref (tight);
  gst_buffer_unref (padded);
}

/* The visible picture is the crop rectangle, at odd places too. */
static void
crop_rectangle (void)
{
  guint n;
  const GstVideoFormat *formats = gst_video_formats_raw (&n);

  for (guint i = 0; i < n; i++) {
    for (guint odd = 0; odd < 2; odd++) {
      const GstVideoInfo rgb = test_info (GST_VIDEO_FORMAT_RGB, 72, 40);
      const GstVideoInfo info = test_info (formats[i], 72, 40);
      GstBuffer *from = smooth (&rgb), *buffer = convert (&rgb, from, &info);
      GstVideoCropMeta *crop = gst_buffer_add_video_crop_meta (buffer);
      GstDmlFrame frame = { 0 };
      g_autoptr (GError) error = NULL;
      g_autoptr (DmlPicture) got = NULL;
      const guint8 *pixels;
      GstMapInfo map;
      double sum = 0;
      int stride;

      crop->x = 12 + odd;
      crop->y = 8 + odd;
      crop->width = 30;
      crop->height = 20;
      g_assert_true (gst_dml_frame_map (&frame, &info, buffer));
      g_assert_cmpint (frame.x, ==, 12 + (gint) odd);
      g_assert_cmpint (frame.image.width, ==, 30);
      g_assert_cmpint (frame.image.height, ==, 20);
      got = dml_picture_new_from_image (&frame.image, NULL, 0, &error);
      g_assert_no_error (error);
      gst_dml_frame_unmap (&frame);
      gst_dml_frame_clear (&frame);

      pixels = dml_picture_get_pixels (got, &stride);
      gst_buffer_unref (buffer);
      gst_buffer_map (from, &map, GST_MAP_READ);
      for (gint y = 0; y < 20; y++)
        for (gint x = 0; x < 30; x++) {
          const guint8 *want =
            map.data +
            (y + crop->y) * (guint) GST_VIDEO_INFO_PLANE_STRIDE (&rgb, 0) +
            3 * ((guint) x + 12 + odd);
          const guint8 *is = pixels + y * stride + 3 * x;
          const double a = .299 * want[0] + .587 * want[1] + .114 * want[2];
          const double b = .299 * is[0] + .587 * is[1] + .114 * is[2];

          sum += ABS (a - b);
        }
      gst_buffer_unmap (from, &map);
      gst_buffer_unref (from);
      /* A palette has few colours near any. */
      if (sum / 600 > (info.finfo->flags & GST_VIDEO_FORMAT_FLAG_PALETTE
                         ? 20
                         : tolerance_of (formats[i]) + 3))
        g_error ("%s cropped at %d: mean difference %.2f levels of luma",
                 gst_video_format_to_string (formats[i]), 12 + odd, sum / 600);
    }
  }
}

static void
meta_that_contradicts_is_told (void)
{
  const GstVideoInfo info = test_info (GST_VIDEO_FORMAT_I420, 64, 48);
  GstBuffer *b = gst_buffer_new_allocate (NULL, 65536, NULL);

  g_assert_true (gst_dml_frame_layout_fits (&info, b));
  gst_buffer_add_video_meta (b, 0, GST_VIDEO_FORMAT_I420, 32, 48);
  g_assert_false (gst_dml_frame_layout_fits (&info, b));
  gst_buffer_unref (b);
  b = gst_buffer_new_allocate (NULL, 65536, NULL);
  gst_buffer_add_video_meta (b, 0, GST_VIDEO_FORMAT_NV12, 64, 48);
  g_assert_false (gst_dml_frame_layout_fits (&info, b));
  gst_buffer_unref (b);
  b = gst_buffer_new_allocate (NULL, 65536, NULL);
  gst_buffer_add_video_meta (b, 0, GST_VIDEO_FORMAT_I420, 80, 64);
  g_assert_true (gst_dml_frame_layout_fits (&info, b)); /* larger is legal */
  gst_buffer_unref (b);
}

/* What GStreamer's own blending of whole lines gives, wherever a rectangle
 * lies: byte for byte, or where rectangles are kept in the frame's format (at
 * even places here, as they go to the nearest) to some levels: GstVideo blends
 * every YUV as limited BT.601. */
static void
blends_as_gstreamer_does (void)
{
  static const gint places[][4] = { { 0, 0, 20, 8 },    { 12, 8, 9, 5 },
                                    { 40, 20, 60, 40 }, { 60, 28, 4, 2 },
                                    { -8, -4, 24, 16 }, { 32, -4, 1, 60 } };
  GstDmlBlender *blender = gst_dml_blender_new ();
  guint n, n_exact = 0;
  const GstVideoFormat *formats = gst_video_formats_raw (&n);

  for (guint i = 0; i < n; i++) {
    gboolean exact = TRUE;

    for (guint k = 0; k < G_N_ELEMENTS (places); k++) {
      const gint w = places[k][2], h = places[k][3];
      const GstVideoInfo rgb = test_info (GST_VIDEO_FORMAT_RGB, 64, 32);
      GstVideoInfo info = test_info (formats[i], 64, 32);
      GstBuffer *from = smooth (&rgb), *a = convert (&rgb, from, &info);
      GstBuffer *b = gst_buffer_copy_deep (a);
      GstBuffer *pixels =
        gst_buffer_new_allocate (NULL, 4 * (gsize) (w * h), NULL);
      GstVideoOverlayRectangle *r;
      GstVideoOverlayComposition *c;
      GstVideoFrame frame;
      GstMapInfo x, y;

      gst_buffer_memset (pixels, 0, 160, -1); /* see-through white */
      gst_buffer_add_video_meta (pixels, 0,
                                 GST_VIDEO_OVERLAY_COMPOSITION_FORMAT_RGB,
                                 (guint) w, (guint) h);
      r = gst_video_overlay_rectangle_new_raw (
        pixels, places[k][0], places[k][1], (guint) w, (guint) h,
        GST_VIDEO_OVERLAY_FORMAT_FLAG_PREMULTIPLIED_ALPHA);
      c = gst_video_overlay_composition_new (r);
      gst_video_frame_map (&frame, &info, a, GST_MAP_READWRITE);
      gst_dml_blender_blend (blender, c, &frame);
      gst_video_frame_unmap (&frame);
      gst_video_frame_map (&frame, &info, b, GST_MAP_READWRITE);
      gst_video_overlay_composition_blend (c, &frame);
      gst_video_frame_unmap (&frame);
      if (difference_of (&info, a, b) > 2.5)
        g_error ("%s at %d,%d: mean difference %.2f levels",
                 gst_video_format_to_string (formats[i]), places[k][0],
                 places[k][1], difference_of (&info, a, b));
      gst_buffer_map (a, &x, GST_MAP_READ);
      gst_buffer_map (b, &y, GST_MAP_READ);
      exact = exact && memcmp (x.data, y.data, x.size) == 0;
      gst_buffer_unmap (a, &x);
      gst_buffer_unmap (b, &y);
      gst_video_overlay_composition_unref (c);
      gst_video_overlay_rectangle_unref (r);
      gst_buffer_unref (pixels);
      gst_buffer_unref (from);
      gst_buffer_unref (a);
      gst_buffer_unref (b);
    }
    n_exact += exact;
  }
  g_test_message ("%u of %u formats to the byte", n_exact, n);
  g_assert_cmpuint (n_exact, >=, 70);
  gst_dml_blender_free (blender);
}

int
main (int argc, char **argv)
{
  test_init (&argc, &argv);
  g_test_add_func ("/frame/every-raw-format", every_raw_format);
  g_test_add_func ("/frame/odd-widths-all-formats", odd_widths_all_formats);
  g_test_add_func ("/frame/matrix-and-range-are-the-streams",
                   matrix_and_range_are_the_streams);
  g_test_add_func ("/frame/padded-planes", padded_planes);
  g_test_add_func ("/frame/crop-rectangle", crop_rectangle);
  g_test_add_func ("/frame/meta-that-contradicts-is-told",
                   meta_that_contradicts_is_told);
  g_test_add_func ("/frame/blends-as-gstreamer-does", blends_as_gstreamer_does);
  return test_run ();
}
