/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Views of a photograph that is enrolled, and their mean. See enrol.h. */
#include "encoder/enrol.h"
#include "image/augment.h"

#include <math.h>
#include <string.h>

#define ENROL_SEED 0x656e726f6cu /* "enrol" */
#define ENROL_BLOCK 8            /* views embedded at once */

/* What a camera does to a thing that was photographed once: nearer or farther,
 * turned a little, other light, slightly out of focus. No mirror image, and
 * nothing in front of it: those a shop does not have. */
static const DmlAugment ENROL_VIEWS = {
  .crop = 0.6f,
  .aspect = 0.1f,
  .rotate = 15,
  .brightness = 0.4f,
  .contrast = 0.25f,
  .saturation = 0.2f,
  .cast = 0.1f,
  .blur = 0.7f,
  .noise = 0.02f,
  .background = 1, /* only where there is alpha */
};

struct _DmlEnroller {
  DmlPreprocessor *plain;
  DmlAugmenter *views;
  DmlPicture *backdrop; /* drawn anew for each view of a picture with alpha */
};

void
dml_enroller_free (DmlEnroller *enroller)
{
  if (enroller == NULL)
    return;
  g_clear_pointer (&enroller->plain, dml_preprocessor_free);
  g_clear_pointer (&enroller->views, dml_augmenter_free);
  g_clear_pointer (&enroller->backdrop, dml_picture_unref);
  g_free (enroller);
}

DmlEnroller *
dml_enroller_new (const DmlPreprocess *input, GError **error)
{
  g_autoptr (DmlEnroller) enroller = g_new0 (DmlEnroller, 1);

  enroller->plain = dml_preprocessor_new (input, error);
  if (enroller->plain == NULL)
    return NULL;
  enroller->views = dml_augmenter_new (&ENROL_VIEWS, input, error);
  if (enroller->views == NULL)
    return NULL;
  enroller->backdrop = dml_picture_new_rgb (96, 96, 3, error);
  if (enroller->backdrop == NULL)
    return NULL;
  return g_steal_pointer (&enroller);
}

/* ---- backdrops ---- */

/* Value noise: random numbers on a coarse grid, bilinear between. */
static double
noise_at (const float *grid, int n, double x, double y)
{
  const int x0 = (int) x, y0 = (int) y;
  const double fx = x - x0, fy = y - y0;
  const float *a = grid + y0 * (n + 1) + x0, *b = a + n + 1;
  const double top = (double) a[0] + fx * (double) (a[1] - a[0]);
  const double low = (double) b[0] + fx * (double) (b[1] - b[0]);

  return top + fy * (low - top);
}

/* A surface as things stand on: a colour of its own, large and small blotches,
 * as natural pictures have them (amplitude falls with frequency). */
static void
draw_backdrop (DmlPicture *backdrop, DmlRng *rng)
{
  enum { COARSE = 3, FINE = 24 };
  const int width = dml_picture_get_width (backdrop);
  const int height = dml_picture_get_height (backdrop);
  const double contrast = 100 * dml_rng_uniform (rng);
  float coarse[(COARSE + 1) * (COARSE + 1)], fine[(FINE + 1) * (FINE + 1)];
  int stride;
  uint8_t *pixels = dml_picture_get_pixels (backdrop, &stride);

  for (int c = 0; c < 3; c++) {
    const double mean = 30 + 195 * dml_rng_uniform (rng);

    for (size_t i = 0; i < G_N_ELEMENTS (coarse); i++)
      coarse[i] = (float) (dml_rng_uniform (rng) - 0.5);
    for (size_t i = 0; i < G_N_ELEMENTS (fine); i++)
      fine[i] = (float) (dml_rng_uniform (rng) - 0.5);
    for (int y = 0; y < height; y++) {
      for (int x = 0; x < width; x++) {
        const double u = (double) x / width, v = (double) y / height;
        const double value =
          mean + contrast * (noise_at (coarse, COARSE, u * COARSE, v * COARSE) +
                             0.4 * noise_at (fine, FINE, u * FINE, v * FINE));

        pixels[y * stride + 3 * x + c] = (uint8_t) CLAMP (value, 0, 255);
      }
    }
  }
}

/* ---- views ---- */

typedef struct {
  DmlEnroller *enroller;
  const DmlPicture *picture;
  size_t first; /* view that row 0 of the block is */
} EnrolCall;

static gboolean
enrol_fill (DmlSession *session, void *data, size_t i, float *out,
            GError **error)
{
  const EnrolCall *call = data;
  DmlEnroller *enroller = call->enroller;
  const DmlImage *image = dml_picture_get_image (call->picture);
  const size_t view = call->first + i;
  const DmlImage *behind = NULL;
  DmlRng rng;

  if (view == 0)
    return dml_preprocessor_run (enroller->plain, image, NULL, out, error);
  dml_rng_init (&rng, ENROL_SEED, view);
  if (dml_picture_has_alpha (call->picture)) {
    draw_backdrop (enroller->backdrop, &rng);
    behind = dml_picture_get_image (enroller->backdrop);
  }
  return dml_augmenter_run (enroller->views, image, behind, &rng, out, error);
}

gboolean
dml_enroller_run (DmlEnroller *enroller, DmlSession *session,
                  const DmlPicture *picture, size_t n_views, float *out,
                  GError **error)
{
  const size_t dim = dml_session_get_dim (session);
  g_autofree float *rows = g_new (float, MIN (n_views, ENROL_BLOCK) * dim);
  g_autofree double *sum = g_new0 (double, dim);
  EnrolCall call = { enroller, picture, 0 };

  for (; call.first < n_views; call.first += ENROL_BLOCK) {
    const size_t n = MIN (n_views - call.first, ENROL_BLOCK);

    if (!dml_session_run (session, enrol_fill, &call, n, rows, error))
      return FALSE;
    for (size_t i = 0; i < n * dim; i++)
      sum[i % dim] += (double) rows[i];
  }
  for (size_t i = 0; i < dim; i++)
    out[i] = (float) (sum[i] / (double) n_views);
  return TRUE;
}
