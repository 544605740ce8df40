/* SPDX-License-Identifier: LGPL-2.1-or-later
 * From the bytes of a file to a DmlPicture. */
#pragma once

#include "image/picture.h"

/* A larger file is no picture. */
#define DML_PICTURE_MAX_BYTES ((size_t) 1 << 30)

/* What a decoder is told. */
typedef struct {
  const char *name; /* in messages */
  int64_t max_pixels;
  int min_side; /* a JPEG may be decoded at 1/2, 1/4 or 1/8 as long as its
                 * shorter side keeps this many pixels; 0 = whole */
} DmlDecode;

/* Any of the formats, told apart by their first bytes; upright, without an
 * opaque alpha channel. */
DmlPicture *dml_decode (const DmlDecode *how, const uint8_t *data, size_t size,
                        GError **error);

/* As dml_picture_load(), at no less than min_side pixels on the shorter side
 * where the file has as many: several times faster with large JPEGs, for
 * callers that will shrink the picture anyway. */
DmlPicture *dml_decode_file (const char *path, int min_side, GError **error);

/* A decoder a format: pixels as they are stored and the orientation beside. */
DmlPicture *dml_decode_jpeg (const DmlDecode *how, const uint8_t *data,
                             size_t size, int *orientation, GError **error);
DmlPicture *dml_decode_png (const DmlDecode *how, const uint8_t *data,
                            size_t size, int *orientation, GError **error);
DmlPicture *dml_decode_webp (const DmlDecode *how, const uint8_t *data,
                             size_t size, int *orientation, GError **error);

/* LIMIT, in words, unless a picture of that size may be decoded. */
gboolean dml_decode_size_allowed (const DmlDecode *how, int64_t width,
                                  int64_t height, GError **error);
