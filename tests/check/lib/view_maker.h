/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Views of a picture for tests: augmented, and as preprocessing alone has them.
 */
#pragma once

#include "image/augment.h"

enum { SIDE = 48, N = SIDE * SIDE };

/* SIDE x SIDE as they are, and with ImageNet's mean and deviation. */
extern const DmlPreprocess view_plain, view_usual;

/* Soft noise: differs everywhere, has no sharp edges. */
DmlPicture *soft_picture (int width, int height, int n_channels, uint64_t seed);

/* A value as a code of 8 bits. */
double view_code (float v);

/* One view, 3 x N numbers. (transfer full) */
float *view_with (DmlAugmenter *augmenter, const DmlImage *picture,
                  const DmlImage *behind, uint64_t stream);
float *view_of_policy (const char *text, const DmlPreprocess *config,
                       const DmlImage *picture, const DmlImage *behind,
                       uint64_t stream);
float *plain_view (const DmlPreprocess *config, const DmlImage *picture);
