/* SPDX-License-Identifier: LGPL-2.1-or-later
 * What a network sees, for eyes. */
#include "image/augment.h"
#include "base/mem.h"

#include <string.h>

#define GAP 2
#define STREAM_SHEET 0x73686565 /* apart from the streams of training */

void
dml_preprocess_to_rgb (const DmlPreprocess *config, const float *in,
                       uint8_t *rgb, int stride)
{
  const size_t n = (size_t) config->width * (size_t) config->height;

  for (int y = 0; y < config->height; y++, rgb += stride) {
    for (int x = 0; x < config->width; x++) {
      for (int c = 0; c < 3; c++) {
        const int k = MIN (c, config->channels - 1);
        const float v =
          in[(size_t) k * n + (size_t) y * (size_t) config->width + (size_t) x];
        const float code = (v * config->std[k] + config->mean[k]) * 255 + 0.5f;

        rgb[3 * x + c] = (uint8_t) CLAMP (code, 0, 255);
      }
    }
  }
}

/* One row of the sheet: the picture, then its views. */
static gboolean
draw_row (DmlAugmenter *augmenter, DmlPreprocessor *plain,
          const DmlImage *picture, const DmlImage *behind, uint64_t seed,
          uint64_t row, size_t n_views, float *view, uint8_t *to, int stride,
          GError **error)
{
  const DmlPreprocess *config = dml_preprocessor_get_config (plain);

  for (size_t v = 0; v <= n_views; v++, to += 3 * (config->width + GAP)) {
    DmlRng rng;

    dml_rng_init (&rng, seed,
                  dml_rng_stream (STREAM_SHEET, dml_rng_stream (row, v)));
    if (v == 0) {
      if (!dml_preprocessor_run (plain, picture, NULL, view, error))
        return FALSE;
    } else if (!dml_augmenter_run (augmenter, picture, behind, &rng, view,
                                   error))
      return FALSE;
    dml_preprocess_to_rgb (config, view, to, stride);
  }
  return TRUE;
}

DmlPicture *
dml_augment_sheet (const DmlAugment *policy, const DmlPreprocess *config,
                   const DmlImage *const *pictures, size_t n_pictures,
                   size_t n_views, uint64_t seed, GError **error)
{
  g_return_val_if_fail (n_pictures > 0 && n_pictures < 4096, NULL);
  g_return_val_if_fail (n_views < 4096, NULL);
  g_autoptr (DmlAugmenter) augmenter =
    dml_augmenter_new (policy, config, error);
  g_autoptr (DmlPreprocessor) plain = dml_preprocessor_new (config, error);
  g_autoptr (DmlPicture) sheet = NULL;
  g_autoptr (DmlMem) view = NULL;

  if (augmenter == NULL || plain == NULL)
    return NULL;
  sheet = dml_picture_new_rgb (
    (config->width + GAP) * ((int) n_views + 1) - GAP,
    (config->height + GAP) * (int) n_pictures - GAP, 3, error);
  if (sheet != NULL)
    view = dml_mem_alloc ((size_t) config->width * (size_t) config->height * 3,
                          sizeof (float), error);
  if (view == NULL)
    return NULL;
  int stride;
  uint8_t *pixels = dml_picture_get_pixels (sheet, &stride);

  memset (pixels, 128,
          (size_t) stride * (size_t) dml_picture_get_height (sheet));
  for (size_t row = 0; row < n_pictures; row++) {
    const size_t step =
      n_pictures / 2 + 1; /* not its neighbour, if it can be */
    const DmlImage *behind = pictures[(row + step) % n_pictures];

    if (!draw_row (augmenter, plain, pictures[row], behind, seed, row, n_views,
                   view,
                   pixels + (ptrdiff_t) row * stride * (config->height + GAP),
                   stride, error))
      return NULL;
  }
  return g_steal_pointer (&sheet);
}
