/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Where the samples of each pixel layout lie: one table that everything which
 * reads pixels goes by. */
#pragma once

#include <dml/dml-image.h>
#include <stdbool.h>

/* How a row of samples is had. */
typedef enum {
  DML_ROWS_DIRECT,   /* as it lies in memory */
  DML_ROWS_V210,     /* 10-bit fields to 16-bit words: then it is UYVY */
  DML_ROWS_CALLBACK, /* DmlImage.unpack */
} DmlRowKind;

/* Sample i of a component stands at words offset + i * step of its plane's
 * row, a word being one or two bytes. */
typedef struct {
  uint8_t plane, offset, step;
  bool subsampled_x, subsampled_y;
} DmlComponent;

typedef struct {
  const char *name;
  uint8_t n_components; /* 1 grey, 3 R G B or Y U V */
  uint8_t n_planes;
  uint8_t word_bytes; /* 1 or 2 */
  uint8_t depth;      /* significant bits of a sample */
  uint8_t low_bits;   /* empty bits below them in the word */
  int8_t alpha;       /* word offset of A in a pixel of 4 words; -1: none */
  bool yuv;           /* may have a matrix; UNPACK layouts may as well */
  DmlRowKind rows;
  DmlComponent component[3];
} DmlPixels;

/* The row of the table, or NULL for no format. */
const DmlPixels *dml_pixels_get (DmlPixelFormat format);

/* Samples across and down of a component or plane of an image. */
static inline int
dml_pixels_halve (int n, bool subsampled)
{
  return subsampled ? n / 2 + (n & 1) : n;
}

/* INVALID, in words, unless the view can be read: sizes, planes, strides. */
gboolean dml_image_check (const DmlImage *image, GError **error);
