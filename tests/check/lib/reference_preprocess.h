/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Preprocessing as docs/images.md says it, pixel by pixel in double: slow, and
 * with nothing in common with lib/image/preprocess.c but the rule. */
#pragma once

#include "image/preprocess.h"

/* out: C x H x W, 0..1 before mean and standard deviation are applied. */
void reference_preprocess (const DmlPreprocess *config, const DmlImage *image,
                           const DmlRegion *region, double *out);

/* Component c of the pixel at (x, y) in samples of that component's plane, as
 * stored: codes of 8, 10 or 16 bits. */
double reference_sample (const DmlImage *image, int c, int x, int y);
