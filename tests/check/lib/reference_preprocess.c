/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Preprocessing in double. Layouts are spelled out here once more, not read
 * from the library's table. */
#include "reference_preprocess.h"

#include <math.h>
#include <string.h>

static unsigned
word8 (const DmlImage *image, int plane, int y, int i)
{
  return image->plane[plane][(ptrdiff_t) y * image->stride[plane] + i];
}

static unsigned
word16 (const DmlImage *image, int plane, int y, int i)
{
  uint16_t word;

  memcpy (&word,
          image->plane[plane] + (ptrdiff_t) y * image->stride[plane] + 2 * i,
          2);
  return word;
}

/* "Cr Y0 Cb" and so on: the six pixels of SMPTE's v210 by hand. */
static unsigned
v210 (const DmlImage *image, int c, int x, int y)
{
  /* pixel (or pair) -> word of the group and bit */
  static const int luma[6][2] = { { 0, 10 }, { 1, 0 }, { 1, 20 },
                                  { 2, 10 }, { 3, 0 }, { 3, 20 } };
  static const int blue[3][2] = { { 0, 0 }, { 1, 10 }, { 2, 20 } };
  static const int red[3][2] = { { 0, 20 }, { 2, 0 }, { 3, 10 } };
  const int *at = c == 0 ? luma[x % 6] : c == 1 ? blue[x % 3] : red[x % 3];
  const int group = c == 0 ? x / 6 : x / 3;
  const uint8_t *p =
    image->plane[0] + (ptrdiff_t) y * image->stride[0] + group * 16 + at[0] * 4;
  const uint32_t word =
    p[0] | (uint32_t) p[1] << 8 | (uint32_t) p[2] << 16 | (uint32_t) p[3] << 24;

  return word >> at[1] & 1023;
}

/* Over mid grey, rounded to the depth of the layout. */
static double
blend (double colour, double alpha, double grey, double top)
{
  return floor ((colour * alpha + grey * (top - alpha)) / top + 0.5);
}

static double
packed (const DmlImage *image, int c, int x, int y, const char *order)
{
  const int n = (int) strlen (order);
  const int at = (int) (strchr (order, "RGB"[c]) - order);
  const char *a = strchr (order, 'A');
  const double grey = image->range == DML_RANGE_LIMITED
                        ? floor (16 + 219 * 128. / 255 + 0.5)
                        : 128;
  const double v = word8 (image, 0, y, n * x + at);

  if (a == NULL)
    return v;
  return blend (v, word8 (image, 0, y, n * x + (int) (a - order)), grey, 255);
}

static double
unpacked (const DmlImage *image, int c, int x, int y)
{
  const gboolean wide = image->format == DML_PIXELS_UNPACK16;
  const int x0 = x & ~1;
  const double top = wide ? 65535 : 255, unit = wide ? 256 : 1;
  uint64_t line[2]; /* two pixels of up to 8 bytes */
  double v[4], grey = 128;

  image->unpack (image, x0, y, MIN (2, image->width - x0), line);
  for (int i = 0; i < 4; i++)
    v[i] = wide ? ((uint16_t *) line)[4 * (x - x0) + i]
                : ((uint8_t *) line)[4 * (x - x0) + i];
  if (image->range == DML_RANGE_LIMITED &&
      (c == 0 || image->matrix == DML_MATRIX_RGB))
    grey = 16 + 219 * 128. / 255;
  return blend (v[1 + c], v[0], floor (grey * unit + 0.5), top);
}

double
reference_sample (const DmlImage *image, int c, int x, int y)
{
  switch (image->format) {
  case DML_PIXELS_GRAY8:
    return word8 (image, 0, y, x);
  case DML_PIXELS_GRAY16:
    return word16 (image, 0, y, x);
  case DML_PIXELS_RGB:
    return packed (image, c, x, y, "RGB");
  case DML_PIXELS_BGR:
    return packed (image, c, x, y, "BGR");
  case DML_PIXELS_RGBX:
    return packed (image, c, x, y, "RGBx");
  case DML_PIXELS_BGRX:
    return packed (image, c, x, y, "BGRx");
  case DML_PIXELS_XRGB:
    return packed (image, c, x, y, "xRGB");
  case DML_PIXELS_XBGR:
    return packed (image, c, x, y, "xBGR");
  case DML_PIXELS_RGBA:
    return packed (image, c, x, y, "RGBA");
  case DML_PIXELS_BGRA:
    return packed (image, c, x, y, "BGRA");
  case DML_PIXELS_ARGB:
    return packed (image, c, x, y, "ARGB");
  case DML_PIXELS_ABGR:
    return packed (image, c, x, y, "ABGR");
  case DML_PIXELS_I420:
  case DML_PIXELS_YV12:
  case DML_PIXELS_Y42B:
  case DML_PIXELS_Y444:
    return word8 (image, c, y, x);
  case DML_PIXELS_NV12:
    return c == 0 ? word8 (image, 0, y, x) : word8 (image, 1, y, 2 * x + c - 1);
  case DML_PIXELS_NV21:
    return c == 0 ? word8 (image, 0, y, x) : word8 (image, 1, y, 2 * x + 2 - c);
  case DML_PIXELS_YUY2:
    return word8 (image, 0, y, c == 0 ? 2 * x : 4 * x + 2 * c - 1);
  case DML_PIXELS_UYVY:
    return word8 (image, 0, y, c == 0 ? 2 * x + 1 : 4 * x + 2 * c - 2);
  case DML_PIXELS_I420_10:
    return word16 (image, c, y, x);
  case DML_PIXELS_P010:
    return (c == 0 ? word16 (image, 0, y, x)
                   : word16 (image, 1, y, 2 * x + c - 1)) /
           64.0;
  case DML_PIXELS_V210:
    return v210 (image, c, x, y);
  case DML_PIXELS_UNPACK8:
  case DML_PIXELS_UNPACK16:
    return unpacked (image, c, x, y);
  case DML_PIXELS_N_FORMATS:
    break;
  }
  g_assert_not_reached ();
}

typedef struct {
  int depth;
  gboolean grey, half_x, half_y;
} Layout;

static Layout
layout_of (DmlPixelFormat format)
{
  switch (format) {
  case DML_PIXELS_GRAY8:
    return (Layout){ 8, TRUE, FALSE, FALSE };
  case DML_PIXELS_GRAY16:
    return (Layout){ 16, TRUE, FALSE, FALSE };
  case DML_PIXELS_I420:
  case DML_PIXELS_YV12:
  case DML_PIXELS_NV12:
  case DML_PIXELS_NV21:
    return (Layout){ 8, FALSE, TRUE, TRUE };
  case DML_PIXELS_Y42B:
  case DML_PIXELS_YUY2:
  case DML_PIXELS_UYVY:
    return (Layout){ 8, FALSE, TRUE, FALSE };
  case DML_PIXELS_I420_10:
  case DML_PIXELS_P010:
    return (Layout){ 10, FALSE, TRUE, TRUE };
  case DML_PIXELS_V210:
    return (Layout){ 10, FALSE, TRUE, FALSE };
  case DML_PIXELS_UNPACK16:
    return (Layout){ 16, FALSE, FALSE, FALSE };
  default:
    return (Layout){ 8, FALSE, FALSE, FALSE };
  }
}

/* Weight of sample j (any integer) for the output centred on c. */
static double
triangle (double c, double s, double j)
{
  return MAX (0, 1 - fabs (j + 0.5 - c) / s);
}

/* The same anywhere on the plane: round a thing that was cut out mid grey or
 * black, else the nearest sample. */
static double
sample_anywhere (const DmlImage *image, int c, double x, double y, int n_x,
                 int n_y)
{
  const gboolean outside = x < 0 || y < 0 || x >= n_x || y >= n_y;

  if (outside && image->outside == DML_OUTSIDE_CLEAR) {
    switch (image->format) {
    case DML_PIXELS_RGBA:
    case DML_PIXELS_BGRA:
    case DML_PIXELS_ARGB:
    case DML_PIXELS_ABGR:
      return image->range == DML_RANGE_LIMITED ? 126 : 128;
    case DML_PIXELS_GRAY8:
    case DML_PIXELS_GRAY16:
    case DML_PIXELS_RGB:
    case DML_PIXELS_BGR:
    case DML_PIXELS_RGBX:
    case DML_PIXELS_BGRX:
    case DML_PIXELS_XRGB:
    case DML_PIXELS_XBGR:
      return 0;
    default:
      break;
    }
  }
  return reference_sample (image, c, (int) CLAMP (x, 0, n_x - 1),
                           (int) CLAMP (y, 0, n_y - 1));
}

/* Component c filtered to output (ox, oy) of box, in its plane's samples. */
static double
filtered (const DmlImage *image, int c, const double box[4], int n_x, int n_y,
          int ox, int oy, int out_w, int out_h)
{
  const double scale_x = box[2] / out_w, scale_y = box[3] / out_h;
  const double s_x = MAX (1, scale_x), s_y = MAX (1, scale_y);
  const double c_x = box[0] + (ox + 0.5) * scale_x;
  const double c_y = box[1] + (oy + 0.5) * scale_y;
  /* the picture, continued by its edges until it holds the box */
  const double left = MIN (0, floor (box[0] + 1e-6));
  const double top = MIN (0, floor (box[1] + 1e-6));
  const double right = MAX (n_x, ceil (box[0] + box[2] - 1e-6));
  const double bottom = MAX (n_y, ceil (box[1] + box[3] - 1e-6));
  double sum = 0, weights = 0;

  for (double y = MAX (top, floor (c_y - s_y - 1));
       y < MIN (bottom, c_y + s_y + 1); y++) {
    const double w_y = triangle (c_y, s_y, y);

    for (double x = MAX (left, floor (c_x - s_x - 1));
         w_y > 0 && x < MIN (right, c_x + s_x + 1); x++) {
      const double w = w_y * triangle (c_x, s_x, x);

      if (w <= 0)
        continue;
      sum += w * sample_anywhere (image, c, x, y, n_x, n_y);
      weights += w;
    }
  }
  return sum / weights;
}

/* Codes of `depth` bits to R, G, B of 0..1. */
static void
to_rgb (const DmlImage *image, const Layout *layout, const double code[3],
        double rgb[3])
{
  static const double kr_kb[][2] = { [DML_MATRIX_BT601] = { 0.299, 0.114 },
                                     [DML_MATRIX_BT709] = { 0.2126, 0.0722 },
                                     [DML_MATRIX_BT2020] = { 0.2627, 0.0593 },
                                     [DML_MATRIX_SMPTE240M] = { 0.212, 0.087 },
                                     [DML_MATRIX_FCC] = { 0.30, 0.11 } };
  const double unit = pow (2, layout->depth - 8);
  const double top = pow (2, layout->depth) - 1;
  const gboolean limited = image->range == DML_RANGE_LIMITED;

#define LUMA(v) (limited ? ((v) / unit - 16) / 219 : (v) / top)
#define CHROMA(v) (limited ? ((v) / unit - 128) / 224 : ((v) -128 * unit) / top)
  if (layout->grey || image->matrix == DML_MATRIX_RGB) {
    for (int k = 0; k < 3; k++)
      rgb[k] = LUMA (code[layout->grey ? 0 : k]);
    return;
  }
  const double kr = kr_kb[image->matrix][0], kb = kr_kb[image->matrix][1];
  const double y = LUMA (code[0]);

  rgb[0] = y + 2 * (1 - kr) * CHROMA (code[2]);
  rgb[2] = y + 2 * (1 - kb) * CHROMA (code[1]);
  rgb[1] = (y - kr * rgb[0] - kb * rgb[2]) / (1 - kr - kb);
}

static void
box_of (const DmlPreprocess *config, const DmlRegion *region, double box[4])
{
  const double aspect = (double) config->width / config->height;
  const double x = (double) region->x + (double) region->width / 2;
  const double y = (double) region->y + (double) region->height / 2;
  double w = (double) region->width, h = (double) region->height;

  if (config->fit == DML_FIT_CONTEXT) {
    w = MAX (w, h * aspect);
    h = w / aspect;
  } else if (config->fit == DML_FIT_COVER) {
    w = MIN (w, h * aspect);
    h = w / aspect;
  }
  box[0] = x - w / 2;
  box[1] = y - h / 2;
  box[2] = w;
  box[3] = h;
}

void
reference_preprocess (const DmlPreprocess *config, const DmlImage *image,
                      const DmlRegion *region, double *out)
{
  const DmlRegion whole = { 0, 0, image->width, image->height };
  const Layout layout = layout_of (image->format);
  const int width = config->width, height = config->height;
  double box[4];

  box_of (config, region != NULL ? region : &whole, box);
  for (int y = 0; y < height; y++) {
    for (int x = 0; x < width; x++) {
      double code[3] = { 0 }, rgb[3];

      for (int c = 0; c < (layout.grey ? 1 : 3); c++) {
        const gboolean half_x = layout.half_x && c > 0;
        const gboolean half_y = layout.half_y && c > 0;
        const double shift =
          half_x && image->siting == DML_SITING_LEFT ? 0.25 : 0;
        const double plane_box[4] = { box[0] / (1 + half_x) + shift,
                                      box[1] / (1 + half_y),
                                      box[2] / (1 + half_x),
                                      box[3] / (1 + half_y) };

        code[c] = filtered (image, c, plane_box,
                            half_x ? (image->width + 1) / 2 : image->width,
                            half_y ? (image->height + 1) / 2 : image->height, x,
                            y, width, height);
      }
      to_rgb (image, &layout, code, rgb);
      double *pixel = out + y * width + x;

      if (config->channels == 1)
        pixel[0] =
          CLAMP (0.299 * rgb[0] + 0.587 * rgb[1] + 0.114 * rgb[2], 0, 1);
      else {
        for (int k = 0; k < 3; k++)
          pixel[k * width * height] = CLAMP (rgb[k], 0, 1);
      }
    }
  }
}
