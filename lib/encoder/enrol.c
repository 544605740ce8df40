/* SPDX-License-Identifier: LGPL-2.1-or-later
 * One embedding for a photograph: the mean over views of it. */
#include "base/error.h"
#include "base/rng.h"
#include "encoder/encoder.h"

#include <math.h>
#include <string.h>

#define ENROL_MAX_VIEWS 256

/* View 0 is the whole picture, the others are nearer or farther by up to a
 * fifth and off the centre by up to a tenth. */
static DmlRegion
enrol_region (const DmlImage *image, guint view)
{
  const float w = (float) image->width, h = (float) image->height;
  DmlRegion region = { 0, 0, w, h };
  double zoom, dx, dy;
  DmlRng rng;

  if (view == 0)
    return region;
  dml_rng_init (&rng, 0, view);
  zoom = exp2 (0.5 * dml_rng_uniform (&rng) - 0.25);
  dx = 0.2 * dml_rng_uniform (&rng) - 0.1;
  dy = 0.2 * dml_rng_uniform (&rng) - 0.1;
  region.width = (float) ((double) w * zoom);
  region.height = (float) ((double) h * zoom);
  region.x = (float) ((double) w * (0.5 + dx)) - region.width / 2;
  region.y = (float) ((double) h * (0.5 + dy)) - region.height / 2;
  return region;
}

gboolean
dml_session_embed_enrolment (DmlSession *session, const DmlPicture *picture,
                             guint n_views, float *out, GError **error)
{
  const DmlEncoder *encoder;
  g_autofree double *sum = NULL;
  const DmlImage *image;
  size_t dim;

  g_return_val_if_fail (session != NULL && picture != NULL, FALSE);
  g_return_val_if_fail (out != NULL && n_views >= 1, FALSE);
  g_return_val_if_fail (n_views <= ENROL_MAX_VIEWS, FALSE);
  encoder = dml_session_get_encoder (session);
  dim = encoder->net->dim;
  image = dml_picture_get_image (picture);
  sum = g_new0 (double, dim);
  for (guint v = 0; v < n_views; v++) {
    const DmlRegion region = enrol_region (image, v);

    if (!dml_session_embed (session, &image, &region, 1, out, error))
      return FALSE;
    for (size_t i = 0; i < dim; i++)
      sum[i] += (double) out[i];
  }
  for (size_t i = 0; i < dim && n_views > 1; i++)
    out[i] = (float) (sum[i] / n_views);
  if (encoder->traits.metric == DML_METRIC_COSINE)
    dml_session_normalise (out, dim);
  return TRUE;
}
