/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Made-up backgrounds, for things that come without one. */
#pragma once

#include <dml/dml-image.h>
#include "base/rng.h"

/* What could lie behind a thing: cloth, stone, wood, a wall, a shelf. Noise of
 * several octaves, drawn out in one direction or not, with or without stripes,
 * between three colours, under light that falls off to a side. The same for the
 * same numbers. NO_MEMORY, INVALID or LIMIT (size). */
DmlPicture *dml_texture_new (int width, int height, DmlRng *rng,
                             GError **error);
