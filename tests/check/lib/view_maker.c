/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Views of a picture. */
#include "view_maker.h"

#include <math.h>

const DmlPreprocess view_plain = { SIDE,        SIDE,        3,
                                   { 0, 0, 0 }, { 1, 1, 1 }, DML_FIT_CONTEXT };
const DmlPreprocess view_usual = { SIDE,
                                   SIDE,
                                   3,
                                   { 0.485f, 0.456f, 0.406f },
                                   { 0.229f, 0.224f, 0.225f },
                                   DML_FIT_CONTEXT };

DmlPicture *
soft_picture (int width, int height, int n_channels, uint64_t seed)
{
  DmlPicture *picture = dml_picture_new_rgb (width, height, n_channels, NULL);
  uint8_t *p = dml_picture_get_pixels (picture, NULL);
  DmlRng rng;
  double phase[8];

  dml_rng_init (&rng, seed, 0);
  for (int i = 0; i < 8; i++)
    phase[i] = 6 * dml_rng_uniform (&rng);
  for (int y = 0; y < height; y++) {
    for (int x = 0; x < width; x++) {
      for (int c = 0; c < n_channels; c++)
        *p++ = (uint8_t) (127 + 80 * sin (x * 0.21 + phase[c]) +
                          40 * sin (y * 0.33 + x * 0.1 + phase[4 + c]));
    }
  }
  return picture;
}

double
view_code (float v)
{
  return (double) v * 255;
}

float *
view_with (DmlAugmenter *augmenter, const DmlImage *picture,
           const DmlImage *behind, uint64_t stream)
{
  g_autoptr (GError) error = NULL;
  float *out = g_new (float, 3 * N);
  DmlRng rng;

  dml_rng_init (&rng, 7, stream);
  dml_augmenter_run (augmenter, picture, behind, &rng, out, &error);
  g_assert_no_error (error);
  for (int i = 0; i < 3 * N; i++)
    g_assert_true (isfinite (out[i]));
  return out;
}

float *
view_of_policy (const char *text, const DmlPreprocess *config,
                const DmlImage *picture, const DmlImage *behind,
                uint64_t stream)
{
  g_autoptr (GError) error = NULL;
  DmlAugment policy;

  dml_augment_parse (text, &policy, &error);
  g_assert_no_error (error);
  g_autoptr (DmlAugmenter) augmenter =
    dml_augmenter_new (&policy, config, &error);

  g_assert_no_error (error);
  return view_with (augmenter, picture, behind, stream);
}

float *
plain_view (const DmlPreprocess *config, const DmlImage *picture)
{
  g_autoptr (DmlPreprocessor) self = dml_preprocessor_new (config, NULL);
  float *out = g_new (float, 3 * N);

  g_assert_true (dml_preprocessor_run (self, picture, NULL, out, NULL));
  return out;
}
