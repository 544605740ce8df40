/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Where in a picture with alpha the thing is. */
#pragma once

#include <dml/dml-image.h>

/* The smallest box round what is opaque by more than a tenth in an image of
 * DML_PIXELS_RGBA, upright in a frame that is turned about the image's centre
 * m: the frame's point m + d lies in the image at m + (c d.x - s d.y, s d.x + c
 * d.y). FALSE and untouched where nothing is. */
gboolean dml_image_extent (const DmlImage *image, double c, double s,
                           DmlRegion *box);
