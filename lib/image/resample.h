/* SPDX-License-Identifier: LGPL-2.1-or-later
 * A box of an image at another size, as the image's own components: each plane
 * is filtered where and as it lies, at its own resolution. Colour comes after,
 * on the few pixels that are left.
 *
 * Down first: every output row is a weighted sum of whole rows of words, in
 * order of memory and whatever the layout. Then across: a dot product for each
 * output. All in integers, so that order and instruction set change nothing.
 *
 *   words 8, 10, 16 bits -> (weights of 2^shift) -> 15 bits: 128 x 8-bit code
 *                        -> (weights of 2^shift) -> sum: 2^(7 + shift) x code
 *
 * Order of calls: set, then rows 0 .. height - 1, in any order. */
#pragma once

#include "image/rows.h"
#include "image/taps.h"
#include "base/mem.h"

typedef struct {
  DmlArena arena;
  DmlPixelFormat format; /* what the arena is laid out for */
  int in_width, in_height;
  int width, height; /* of the output */
  const DmlPixels *pixels;
  DmlTaps across[2], down[2]; /* [0] component 0, [1] what is subsampled */
  DmlRowSource rows[3];       /* a plane each */
  int32_t *acc;               /* a row of words */
  int16_t *line;              /* the same, filtered down, then zeros */
  uint8_t *outside;           /* a row of it as stored */
  bool clear;                 /* outside counts, not the edge */
  int32_t *sum[3];            /* width each; a grey image's are all the same */
} DmlResampler;

/* A box in double, as DmlRegion's floats are taken apart further. */
typedef struct {
  double x, y, width, height;
} DmlBox;

/* Makes ready for one image and box. The image has been checked, the box is
 * finite and not empty. Memory is asked for only when format, image or output
 * are larger than before, whatever the box. */
gboolean dml_resampler_set (DmlResampler *resampler, const DmlImage *image,
                            const DmlBox *box, int width, int height,
                            GError **error);

/* Output row y: sum[c] is filled for each component. */
void dml_resampler_row (DmlResampler *resampler, int y);

/* What component c's sums have to be multiplied by to become codes of 8 bits
 * (with fractions, 0..255.99 for any depth). A power of two. */
double dml_resampler_unit (const DmlResampler *resampler, int c);

/* Code of 8 bits, with fractions, that stands for a component of the grey that
 * alpha lets through: 128 of 255. */
double dml_resampler_grey (const DmlImage *image, int c);

void dml_resampler_clear (DmlResampler *resampler);
