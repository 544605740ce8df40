/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Picture files: every kind that is read, turned. */
#include "image/decode.h"
#include "image/exif.h"
#include "picture_maker.h"

#include <png.h>
#include <stdlib.h>

static const DmlDecode whole = { "test file", DML_PICTURE_MAX_PIXELS, 0 };

static DmlPicture *
decode (const GByteArray *file)
{
  g_autoptr (GError) error = NULL;
  DmlPicture *picture = dml_decode (&whole, file->data, file->len, &error);

  g_assert_no_error (error);
  g_assert_nonnull (picture);
  return picture;
}

static void
assert_pixel (const DmlPicture *picture, int x, int y, int r, int g, int b,
              int tolerance)
{
  const int nc = dml_picture_channels (picture);
  const uint8_t *p =
    picture->pixels + (y * dml_picture_get_width (picture) + x) * nc;
  const int want[] = { r, g, b };

  for (int c = 0; c < 3; c++) {
    if (abs (p[c] - want[c]) > tolerance)
      g_error ("pixel (%d, %d): got %d %d %d, expected %d %d %d", x, y, p[0],
               p[1], p[2], r, g, b);
  }
}

static void
test_jpeg_colour_and_grey (void)
{
  g_autofree uint8_t *pixels = picture_slope (33, 17, 3);

  for (int variant = 0; variant < 4; variant++) {
    const gboolean grey = variant % 2;
    g_autoptr (GByteArray) file =
      make_jpeg (pixels, 33, 17, grey ? JPEG_GREY : JPEG_RGB, variant / 2, 0);
    g_autoptr (DmlPicture) picture = decode (file);

    g_assert_cmpint (dml_picture_get_width (picture), ==, 33);
    g_assert_cmpint (dml_picture_get_height (picture), ==, 17);
    g_assert_false (dml_picture_has_alpha (picture));
    for (int i = 0; i < 33 * 17; i++) {
      const uint8_t *p = pixels + 3 * i;

      assert_pixel (picture, i % 33, i / 33, p[0], grey ? p[0] : p[1],
                    grey ? p[0] : p[2], 8);
    }
  }
}

static void
test_jpeg_inks (void)
{
  g_autofree uint8_t *inks = picture_slope (24, 16, 4);

  for (JpegKind kind = JPEG_CMYK; kind <= JPEG_YCCK; kind++) {
    g_autoptr (GByteArray) file = make_jpeg (inks, 24, 16, kind, FALSE, 0);
    g_autoptr (DmlPicture) picture = decode (file);

    for (int i = 0; i < 24 * 16; i++) {
      const uint8_t *ink = inks + 4 * i;
      const int light = 255 - ink[3];

      assert_pixel (picture, i % 24, i / 24, (255 - ink[0]) * light / 255,
                    (255 - ink[1]) * light / 255, (255 - ink[2]) * light / 255,
                    8);
    }
  }
}

/* Where stored row r and column c are seen (EXIF 2.32, table 6). */
static void
seen_at (int orientation, int r, int c, int rows, int columns, int *x, int *y)
{
  const int from_end_r = rows - 1 - r, from_end_c = columns - 1 - c;
  const int seen[9][2] = { [1] = { c, r },
                           [2] = { from_end_c, r },
                           [3] = { from_end_c, from_end_r },
                           [4] = { c, from_end_r },
                           [5] = { r, c },
                           [6] = { from_end_r, c },
                           [7] = { from_end_r, from_end_c },
                           [8] = { r, from_end_c } };

  *x = seen[orientation][0];
  *y = seen[orientation][1];
}

static void
check_turned (const GByteArray *file, const uint8_t *rgba, int orientation,
              int width, int height, int tolerance)
{
  g_autoptr (DmlPicture) picture = decode (file);

  g_assert_cmpint (dml_picture_get_width (picture), ==,
                   orientation >= 5 ? height : width);
  g_assert_cmpint (dml_picture_get_height (picture), ==,
                   orientation >= 5 ? width : height);
  for (int i = 0; i < width * height; i++) {
    int x, y;

    seen_at (orientation, i / width, i % width, height, width, &x, &y);
    assert_pixel (picture, x, y, rgba[4 * i], rgba[4 * i + 1], rgba[4 * i + 2],
                  tolerance);
  }
}

static void
test_orientation_of_every_format (void)
{
  enum { W = 70, H = 37 }; /* more than a tile */
  g_autofree uint8_t *rgb = picture_slope (W, H, 3);
  g_autofree uint8_t *rgba = picture_slope (W, H, 4);

  for (int o = 1; o <= 8; o++) {
    g_autoptr (GByteArray) jpeg = make_jpeg (rgb, W, H, JPEG_RGB, 0, o);
    g_autoptr (GByteArray) png =
      make_png (rgba, W, H, PNG_COLOR_TYPE_RGBA, 8, FALSE, FALSE, o);
    g_autoptr (GByteArray) webp = make_webp (rgba, W, H, TRUE, o, 0);

    check_turned (jpeg, rgba, o, W, H, 8);
    check_turned (png, rgba, o, W, H, 0);
    check_turned (webp, rgba, o, W, H, 0);
  }
}

static void
test_exif_damaged_is_upright (void)
{
  for (int big = 0; big < 2; big++) {
    g_autoptr (GByteArray) exif = make_exif (6, big);

    g_assert_cmpint (dml_exif_orientation (exif->data, exif->len), ==, 6);
    for (guint n = 0; n < exif->len; n++) {
      g_autofree guint8 *cut = g_memdup2 (exif->data, n);
      const int got = dml_exif_orientation (cut, n);

      /* whole as soon as both entries are there */
      g_assert_cmpint (got, ==, n < 8 + 2 + 24 ? 1 : 6);
    }
    for (guint i = 0; i < exif->len; i++) {
      g_autofree guint8 *bad = g_memdup2 (exif->data, exif->len);

      bad[i] ^= 0xff;
      const int got = dml_exif_orientation (bad, exif->len);

      g_assert_true (got >= 1 && got <= 8);
    }
  }
}

/* Any depth and colour type, against the same values spelled out. */
static void
test_png_grey_depths (void)
{
  for (int depth = 1; depth <= 16; depth *= 2) {
    for (int interlaced = 0; interlaced < 2; interlaced++) {
      uint8_t rows[9 * 32] = { 0 };
      const int row_bytes = (16 * depth + 7) / 8;

      for (int y = 0; y < 9; y++) {
        for (int i = 0; i < row_bytes; i++)
          rows[y * row_bytes + i] = (uint8_t) (37 * i + 11 * y);
      }
      g_autoptr (GByteArray) file = make_png (rows, 16, 9, PNG_COLOR_TYPE_GRAY,
                                              depth, interlaced, FALSE, 0);
      g_autoptr (DmlPicture) picture = decode (file);

      for (int i = 0; i < 16 * 9; i++) {
        const uint8_t *row = rows + i / 16 * row_bytes;
        const int bit = i % 16 * depth, top = (1 << MIN (depth, 8)) - 1;
        int v;

        if (depth == 16)
          v = (int) ((row[bit / 8] * 256 + row[bit / 8 + 1]) / 257.0 + 0.5);
        else
          v = (row[bit / 8] >> (8 - depth - bit % 8) & top) * 255 / top;
        assert_pixel (picture, i % 16, i / 16, v, v, v, 0);
      }
    }
  }
}

static void
test_png_colour_types (void)
{
  uint8_t rows[8 * 8 * 8];

  for (unsigned i = 0; i < sizeof rows; i++)
    rows[i] = (uint8_t) (i * 97 + i / 7);
  for (int interlaced = 0; interlaced < 2; interlaced++) {
    g_autoptr (GByteArray) grey_alpha =
      make_png (rows, 8, 8, PNG_COLOR_TYPE_GRAY_ALPHA, 8, interlaced, FALSE, 0);
    g_autoptr (GByteArray) rgb16 =
      make_png (rows, 8, 8, PNG_COLOR_TYPE_RGB, 16, interlaced, FALSE, 0);
    g_autoptr (GByteArray) rgba16 =
      make_png (rows, 8, 8, PNG_COLOR_TYPE_RGBA, 16, interlaced, FALSE, 0);
    g_autoptr (DmlPicture) a = decode (grey_alpha), b = decode (rgb16);
    g_autoptr (DmlPicture) c = decode (rgba16);

    g_assert_true (dml_picture_has_alpha (a));
    g_assert_false (dml_picture_has_alpha (b));
    g_assert_true (dml_picture_has_alpha (c));
    for (int i = 0; i < 64; i++) {
      const uint8_t *r = rows + 6 * i, *s = rows + 8 * i;

#define EIGHT(p) ((int) (((p)[0] * 256 + (p)[1]) / 257.0 + 0.5))
      assert_pixel (a, i % 8, i / 8, rows[2 * i], rows[2 * i], rows[2 * i], 0);
      g_assert_cmpint (a->pixels[4 * i + 3], ==, rows[2 * i + 1]);
      assert_pixel (b, i % 8, i / 8, EIGHT (r), EIGHT (r + 2), EIGHT (r + 4),
                    0);
      assert_pixel (c, i % 8, i / 8, EIGHT (s), EIGHT (s + 2), EIGHT (s + 4),
                    0);
      g_assert_cmpint (c->pixels[4 * i + 3], ==, EIGHT (s + 6));
    }
  }
}

static void
test_png_palette_and_transparent_colour (void)
{
  uint8_t rows[16 * 16];

  for (int i = 0; i < 256; i++)
    rows[i] = (uint8_t) (i % 16);
  for (int transparency = 0; transparency < 2; transparency++) {
    g_autoptr (GByteArray) file = make_png (
      rows, 16, 16, PNG_COLOR_TYPE_PALETTE, 8, FALSE, transparency, 0);
    g_autoptr (GByteArray) keyed =
      make_png (rows, 16, 16, PNG_COLOR_TYPE_GRAY, 8, FALSE, transparency, 0);
    g_autoptr (DmlPicture) picture = decode (file);
    g_autoptr (DmlPicture) grey = decode (keyed);

    g_assert_cmpint (dml_picture_has_alpha (picture), ==, transparency);
    g_assert_cmpint (dml_picture_has_alpha (grey), ==, transparency);
    for (int i = 0; i < 256; i++) {
      const int v = i % 16;

      assert_pixel (picture, i % 16, i / 16, v * 16, 255 - v * 16, v, 0);
      if (transparency) {
        g_assert_cmpint (picture->pixels[4 * i + 3], ==, v * 17);
        g_assert_cmpint (grey->pixels[4 * i + 3], ==, v == 0 ? 0 : 255);
      }
    }
  }
}

static void
test_webp_kinds (void)
{
  g_autofree uint8_t *rgba = picture_slope (40, 30, 4);
  g_autoptr (GByteArray) lossless = make_webp (rgba, 40, 30, TRUE, 0, 0);
  g_autoptr (GByteArray) lossy = make_webp (rgba, 40, 30, FALSE, 0, 0);
  g_autoptr (GByteArray) moving = make_webp (rgba, 40, 30, TRUE, 0, 6);
  g_autoptr (DmlPicture) a = decode (lossless), b = decode (lossy);
  g_autoptr (DmlPicture) c = decode (moving);

  g_assert_cmpmem (a->pixels, 40 * 30 * 4, rgba, 40 * 30 * 4);
  for (int i = 0; i < 40 * 30; i++) {
    const uint8_t *p = rgba + 4 * i;

    assert_pixel (b, i % 40, i / 40, p[0], p[1], p[2], 16);
    assert_pixel (c, i % 40 + 6, i / 40 + 6, p[0], p[1], p[2], 0);
  }
  g_assert_cmpint (dml_picture_get_width (c), ==, 46);
  g_assert_cmpint (c->pixels[3], ==, 0); /* the canvas around is clear */
}

static void
test_opaque_alpha_is_dropped (void)
{
  g_autofree uint8_t *rgba = picture_slope (9, 9, 4);

  for (int i = 0; i < 81; i++)
    rgba[4 * i + 3] = 255;
  g_autoptr (GByteArray) file =
    make_png (rgba, 9, 9, PNG_COLOR_TYPE_RGBA, 8, FALSE, FALSE, 0);
  g_autoptr (DmlPicture) picture = decode (file);

  g_assert_cmpint (dml_picture_get_image (picture)->format, ==, DML_PIXELS_RGB);
  g_assert_cmpint (dml_picture_get_image (picture)->stride[0], ==, 27);
  for (int i = 0; i < 81; i++)
    assert_pixel (picture, i % 9, i / 9, rgba[4 * i], rgba[4 * i + 1],
                  rgba[4 * i + 2], 0);
}

/* One pixel; and 20,000 across. */
static void
test_extreme_sizes (void)
{
  static const int sizes[][2] = { { 1, 1 }, { 20000, 3 }, { 2, 20000 } };

  for (unsigned i = 0; i < G_N_ELEMENTS (sizes); i++) {
    const int w = sizes[i][0], h = sizes[i][1];
    g_autofree uint8_t *rgb = picture_slope (w, h, 3);
    g_autofree uint8_t *rgba = picture_slope (w, h, 4);
    g_autoptr (GByteArray) jpeg = make_jpeg (rgb, w, h, JPEG_RGB, i == 0, 0);
    g_autoptr (GByteArray) png =
      make_png (rgb, w, h, PNG_COLOR_TYPE_RGB, 8, i == 2, FALSE, 0);
    g_autoptr (DmlPicture) a = decode (jpeg), b = decode (png);

    g_assert_cmpint (dml_picture_get_width (a), ==, w);
    g_assert_cmpint (dml_picture_get_height (b), ==, h);
    g_assert_cmpmem (b->pixels, (size_t) w * h * 3, rgb, (size_t) w * h * 3);
    if (MAX (w, h) < 16384) { /* WebP's bound */
      g_autoptr (GByteArray) webp = make_webp (rgba, w, h, TRUE, 0, 0);
      g_autoptr (DmlPicture) c = decode (webp);

      g_assert_cmpint (dml_picture_get_width (c), ==, w);
    }
  }
}

static void
test_jpeg_at_a_fraction (void)
{
  g_autofree uint8_t *rgb = picture_slope (401, 203, 3);
  g_autoptr (GByteArray) file = make_jpeg (rgb, 401, 203, JPEG_RGB, 0, 6);
  static const struct {
    DmlDecode how;
    int width, height; /* turned */
  } cases[] = {
    { { "a", 1 << 20, 0 }, 203, 401 },   { { "b", 1 << 20, 102 }, 203, 401 },
    { { "c", 1 << 20, 101 }, 102, 201 }, { { "d", 1 << 20, 60 }, 102, 201 },
    { { "e", 1 << 20, 25 }, 26, 51 },    { { "f", 1 << 20, 1 }, 26, 51 },
    { { "g", 40000, 0 }, 102, 201 },     { { "h", 1326, 0 }, 26, 51 },
  };

  for (unsigned i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (GError) error = NULL;
    g_autoptr (DmlPicture) picture =
      dml_decode (&cases[i].how, file->data, file->len, &error);

    g_assert_no_error (error);
    g_assert_cmpint (dml_picture_get_width (picture), ==, cases[i].width);
    g_assert_cmpint (dml_picture_get_height (picture), ==, cases[i].height);
  }
  g_autoptr (GError) error = NULL;
  const DmlDecode tiny = { "i", 1325, 0 };

  g_assert_null (dml_decode (&tiny, file->data, file->len, &error));
  g_assert_error (error, DML_ERROR, DML_ERROR_LIMIT);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/decode/jpeg-colour-and-grey", test_jpeg_colour_and_grey);
  g_test_add_func ("/decode/jpeg-inks", test_jpeg_inks);
  g_test_add_func ("/decode/jpeg-at-a-fraction", test_jpeg_at_a_fraction);
  g_test_add_func ("/decode/orientation-of-every-format",
                   test_orientation_of_every_format);
  g_test_add_func ("/decode/exif-damaged-is-upright",
                   test_exif_damaged_is_upright);
  g_test_add_func ("/decode/png-grey-depths", test_png_grey_depths);
  g_test_add_func ("/decode/png-colour-types", test_png_colour_types);
  g_test_add_func ("/decode/png-palette-and-transparent-colour",
                   test_png_palette_and_transparent_colour);
  g_test_add_func ("/decode/webp-kinds", test_webp_kinds);
  g_test_add_func ("/decode/opaque-alpha-is-dropped",
                   test_opaque_alpha_is_dropped);
  g_test_add_func ("/decode/extreme-sizes", test_extreme_sizes);
  return g_test_run ();
}
