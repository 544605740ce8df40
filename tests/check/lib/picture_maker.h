/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Picture files of every kind, written by the formats' own libraries. */
#pragma once

#include <glib.h>
#include <stdint.h>

typedef enum {
  JPEG_RGB,           /* stored as YCbCr */
  JPEG_GREY,          /* the first channel */
  JPEG_CMYK,          /* ink values as they are, no Adobe marker */
  JPEG_CMYK_INVERTED, /* as Adobe writes it: 255 is no ink */
  JPEG_YCCK,          /* the same through YCC */
} JpegKind;

/* A JPEG of quality 95 without subsampling. pixels: 3 bytes a pixel, or 4 inks
 * for the last three kinds, 255 = full ink. orientation 0: no EXIF. */
GByteArray *make_jpeg (const uint8_t *pixels, int width, int height,
                       JpegKind kind, gboolean progressive, int orientation);

/* A PNG. type is one of PNG_COLOR_TYPE_*; rows as libpng takes them, without
 * gaps. Palette: entry i is (i * 16, 255 - i * 16, i); transparency: tRNS that
 * makes palette entry i have alpha i * 17, or grey 0 / black clear. */
GByteArray *make_png (const uint8_t *rows, int width, int height, int type,
                      int depth, gboolean interlaced, gboolean transparency,
                      int orientation);

/* A WebP of RGBA; lossy has quality 95. orientation 0: no EXIF. offset > 0:
 * the second half of an animation whose canvas is that much larger than the
 * frame, to the left and above. */
GByteArray *make_webp (const uint8_t *rgba, int width, int height,
                       gboolean lossless, int orientation, int offset);

/* A TIFF block that holds an orientation, least significant byte first or
 * last. */
GByteArray *make_exif (int orientation, gboolean big);

/* Pixels of n bytes, smooth, so that JPEG keeps them nearly. */
uint8_t *picture_slope (int width, int height, int n);
