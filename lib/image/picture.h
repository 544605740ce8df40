/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The inside of DmlPicture, for the code that decodes, turns and encodes it. */
#pragma once

#include <dml/dml-image.h>

#define DML_PICTURE_MAX_SIDE 65500 /* JPEG's own bound */
#define DML_PICTURE_MAX_PIXELS 256000000

struct _DmlPicture {
  gatomicrefcount n_refs;
  DmlImage image;  /* RGB or RGBA; plane[0] is pixels */
  uint8_t *pixels; /* rows without gaps */
};

/* Bytes a pixel: 3 or 4. */
static inline int
dml_picture_channels (const DmlPicture *picture)
{
  return picture->image.format == DML_PIXELS_RGBA ? 4 : 3;
}

/* Drops an alpha channel that is opaque throughout, in place. */
void dml_picture_drop_opaque_alpha (DmlPicture *picture);

/* A copy turned so that EXIF orientation 2..8 becomes 1; *picture is replaced,
 * or left as it was where that fails. 1 and what is no orientation do nothing.
 */
gboolean dml_picture_turn (DmlPicture **picture, int orientation,
                           GError **error);
