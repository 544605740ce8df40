/* SPDX-License-Identifier: LGPL-2.1-or-later
 * A region of any image as a picture, through the one preprocessing. */
#include "image/picture.h"
#include "image/preprocess.h"
#include "base/error.h"
#include "base/mem.h"

#include <math.h>

/* The region's size in whole pixels, its longer side at most max_side. */
static void
cut_size (const DmlRegion *region, int max_side, int *width, int *height)
{
  const double w = (double) region->width, h = (double) region->height;
  const double longer = MAX (w, h);
  const double bound = (double) (max_side > 0 ? max_side : G_MAXINT);
  const double limit = MIN (bound, (double) DML_PREPROCESS_MAX_SIDE);
  const double scale = longer > limit ? limit / longer : 1.0;

  *width = MAX (1, (int) lrint (w * scale));
  *height = MAX (1, (int) lrint (h * scale));
}

DmlPicture *
dml_picture_new_from_image (const DmlImage *image, const DmlRegion *region,
                            int max_side, GError **error)
{
  g_return_val_if_fail (image != NULL, NULL);
  const DmlRegion whole = { 0, 0, (float) image->width, (float) image->height };
  const DmlRegion *box = region != NULL ? region : &whole;
  DmlPreprocess config = { .channels = 3,
                           .std = { 1, 1, 1 },
                           .fit = DML_FIT_STRETCH };
  g_autoptr (DmlPreprocessor) preprocessor = NULL;
  g_autoptr (DmlPicture) picture = NULL;
  g_autoptr (DmlMem) planes = NULL;
  const float *in;
  size_t n;

  if (!isfinite (box->width) || !isfinite (box->height) || box->width <= 0 ||
      box->height <= 0)
    return dml_fail_null (error, INVALID, "a region of %g x %g pixels is empty",
                          (double) box->width, (double) box->height);
  cut_size (box, max_side, &config.width, &config.height);
  n = (size_t) config.width * (size_t) config.height;
  preprocessor = dml_preprocessor_new (&config, error);
  if (preprocessor == NULL)
    return NULL;
  planes = dml_mem_alloc (n, 3 * sizeof (float), error);
  if (planes == NULL)
    return NULL;
  in = planes;
  picture = dml_picture_new_rgb (config.width, config.height, 3, error);
  if (picture == NULL ||
      !dml_preprocessor_run (preprocessor, image, box, planes, error))
    return NULL;
  for (size_t i = 0; i < n; i++)
    for (size_t c = 0; c < 3; c++)
      picture->pixels[3 * i + c] =
        (uint8_t) lrintf (CLAMP (in[c * n + i], 0.0f, 1.0f) * 255.0f);
  return g_steal_pointer (&picture);
}
