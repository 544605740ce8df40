/* SPDX-License-Identifier: LGPL-2.1-or-later
 * THE preprocessing. */
#include "image/preprocess.h"
#include "image/colour.h"
#include "image/resample.h"
#include "base/error.h"
#include "kernels/kernels.h"

#include <math.h>
#include <string.h>

#define MAX_COORDINATE                                                         \
  16777216.0f /* up to here a float holds every integer                        \
               */

const char *const dml_fit_names[] = { "context", "cover", "stretch", NULL };

struct _DmlPreprocessor {
  DmlPreprocess config;
  DmlResampler resampler;
};

DmlPreprocessor *
dml_preprocessor_new (const DmlPreprocess *config, GError **error)
{
  if (config->width < 1 || config->height < 1 ||
      config->width > DML_PREPROCESS_MAX_SIDE ||
      config->height > DML_PREPROCESS_MAX_SIDE)
    return dml_fail_null (
      error, INVALID, "input of %d x %d pixels, expected 1 to %d a side",
      config->width, config->height, DML_PREPROCESS_MAX_SIDE);
  if (config->channels != 1 && config->channels != 3)
    return dml_fail_null (error, INVALID,
                          "input of %d channels, expected 1 or 3",
                          config->channels);
  if ((unsigned) config->fit > DML_FIT_STRETCH)
    return dml_fail_null (error, INVALID, "%d is no fit mode",
                          (int) config->fit);
  for (int k = 0; k < config->channels; k++) {
    if (!isfinite (config->mean[k]) || !isnormal (config->std[k]) ||
        config->std[k] < 0)
      return dml_fail_null (error, INVALID,
                            "mean %g and standard deviation %g of channel %d: "
                            "expected finite numbers, the latter above 0",
                            (double) config->mean[k], (double) config->std[k],
                            k);
  }
  DmlPreprocessor *self = g_new0 (DmlPreprocessor, 1);

  self->config = *config;
  return self;
}

void
dml_preprocessor_free (DmlPreprocessor *self)
{
  if (self == NULL)
    return;
  dml_resampler_clear (&self->resampler);
  g_free (self);
}

const DmlPreprocess *
dml_preprocessor_get_config (const DmlPreprocessor *self)
{
  return &self->config;
}

gboolean
dml_fit_parse (const char *word, DmlFit *fit, GError **error)
{
  for (int i = 0; dml_fit_names[i] != NULL; i++)
    if (strcmp (word, dml_fit_names[i]) == 0) {
      *fit = (DmlFit) i;
      return TRUE;
    }
  return dml_fail (error, INVALID,
                   "fit: '%s' is none of context, cover and stretch", word);
}

static DmlBox
fit_box (DmlFit fit, int width, int height, const DmlRegion *region)
{
  const double w = (double) region->width, h = (double) region->height;
  const double x = (double) region->x, y = (double) region->y;
  /* The input's proportions, at the size where it is as wide as the region. */
  const double fitting = w * height / width;
  DmlBox box = { x, y, w, h };

  if (fit == DML_FIT_STRETCH)
    return box;
  if ((fit == DML_FIT_CONTEXT) == (fitting >= h))
    box.height = fitting;
  else
    box.width = h * width / height;
  box.x = x + (w - box.width) / 2;
  box.y = y + (h - box.height) / 2;
  return box;
}

void
dml_preprocess_box (DmlFit fit, int width, int height, const DmlRegion *region,
                    DmlRegion *box)
{
  const DmlBox b = fit_box (fit, width, height, region);

  *box =
    (DmlRegion){ (float) b.x, (float) b.y, (float) b.width, (float) b.height };
}

static gboolean
region_check (const DmlRegion *region, GError **error)
{
  const float v[] = { region->x, region->y, region->width, region->height };

  for (int i = 0; i < 4; i++) {
    if (!isfinite (v[i]) || fabsf (v[i]) > MAX_COORDINATE ||
        (i >= 2 && v[i] <= 0))
      return dml_fail (error, INVALID,
                       "region of %g x %g pixels at (%g, %g): expected a width "
                       "and height above 0, all within 2^24",
                       (double) v[2], (double) v[3], (double) v[0],
                       (double) v[1]);
  }
  return TRUE;
}

/* A channel of the output, as DmlKernels.colour_f32 takes it. */
typedef struct {
  float m[4];
  float gain, bias;
} Channel;

gboolean
dml_preprocessor_run (DmlPreprocessor *self, const DmlImage *image,
                      const DmlRegion *region, float *out, GError **error)
{
  const DmlPreprocess *config = &self->config;
  const DmlRegion whole = { 0, 0, (float) image->width, (float) image->height };
  const size_t width = (size_t) config->width;
  const size_t plane = width * (size_t) config->height;
  const DmlKernels *kernels = dml_kernels ();
  int32_t *const *sum = self->resampler.sum;
  DmlColour colour;
  Channel channels[3];

  if (!dml_image_check (image, error) ||
      (region != NULL && !region_check (region, error)))
    return FALSE;
  const DmlBox box = fit_box (config->fit, config->width, config->height,
                              region != NULL ? region : &whole);

  if (!dml_resampler_set (&self->resampler, image, &box, config->width,
                          config->height, error))
    return FALSE;
  dml_colour_init (&colour, image, config->channels);
  for (int k = 0; k < config->channels; k++) {
    const double inverse = 1 / (double) config->std[k];

    for (int c = 0; c < 3; c++)
      channels[k].m[c] =
        c < self->resampler.pixels->n_components
          ? (float) (colour.m[k][c] * dml_resampler_unit (&self->resampler, c))
          : 0;
    channels[k].m[3] = (float) colour.m[k][3];
    channels[k].gain = (float) inverse;
    channels[k].bias = (float) (-(double) config->mean[k] * inverse);
  }
  for (int y = 0; y < config->height; y++) {
    dml_resampler_row (&self->resampler, y);
    for (int k = 0; k < config->channels; k++)
      kernels->colour_f32 (out + (size_t) k * plane + (size_t) y * width,
                           sum[0], sum[1], sum[2], channels[k].m,
                           channels[k].gain, channels[k].bias, width);
  }
  return TRUE;
}
