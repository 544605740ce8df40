/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Noise in every pixel layout, for tests: planes exactly as long as they must
 * be, so that a sanitizer sees a read beyond them. */
#pragma once

#include <dml/dml-image.h>

typedef struct {
  DmlImage image;
  uint8_t *block[4]; /* what holds the planes */
  uint64_t seed;     /* what the UNPACK layouts are made of */
} TestImage;

/* pad: bytes (a multiple of 4) between rows; upside_down: negative strides. */
TestImage *test_image_new (DmlPixelFormat format, int width, int height,
                           uint64_t seed, int pad, gboolean upside_down);
void test_image_free (TestImage *image);

const char *test_format_name (DmlPixelFormat format);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (TestImage, test_image_free)
