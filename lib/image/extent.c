/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Where in a picture with alpha the thing is. */
#include "image/extent.h"
#include "image/picture.h"

#define OPAQUE_ABOVE 25 /* of 255 */

gboolean
dml_image_extent (const DmlImage *image, double c, double s, DmlRegion *box)
{
  const double mx = image->width / 2.0, my = image->height / 2.0;
  double x0 = G_MAXDOUBLE, x1 = -G_MAXDOUBLE, y0 = x0, y1 = x1;

  /* A row's first and last pixel bound all between them. */
  for (int row = 0; row < image->height; row++) {
    const uint8_t *alpha = image->plane[0] + row * image->stride[0] + 3;
    int first = 0, last = image->width - 1;

    while (first <= last && alpha[4 * first] <= OPAQUE_ABOVE)
      first++;
    while (last > first && alpha[4 * last] <= OPAQUE_ABOVE)
      last--;
    if (first > last)
      continue;
    for (int corner = 0; corner < 4; corner++) {
      const double dx = (corner & 1 ? last + 1 : first) - mx;
      const double dy = row + (corner >> 1) - my;
      const double x = c * dx + s * dy, y = c * dy - s * dx;

      x0 = MIN (x0, x);
      x1 = MAX (x1, x);
      y0 = MIN (y0, y);
      y1 = MAX (y1, y);
    }
  }
  if (x0 > x1)
    return FALSE;
  *box = (DmlRegion){ (float) (mx + x0), (float) (my + y0), (float) (x1 - x0),
                      (float) (y1 - y0) };
  return TRUE;
}

void
dml_picture_get_extent (const DmlPicture *picture, DmlRegion *extent)
{
  const DmlImage *image = &picture->image;

  *extent = (DmlRegion){ 0, 0, (float) image->width, (float) image->height };
  if (image->format == DML_PIXELS_RGBA)
    dml_image_extent (image, 1, 0, extent);
}
