/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Drawn backgrounds. See backdrop.h. */
#include "encoder/backdrop.h"

#include <math.h>

#define N_LEAVES 200
#define LEAF_MIN (1.0 / 32) /* radii, as shares of the picture's side */
#define LEAF_MAX 0.5
#define GRAIN 12 /* levels between the darkest and brightest grain */

typedef struct {
  double x, y, r;      /* centre and radius in pixels */
  double across, down; /* of its own axes, 1 / pixels: |a|, |b| <= 1 inside */
  double cosine, sine; /* of its turn */
  double colour[3];    /* 0..255 */
  double gradient;     /* levels from one end to the other */
  gboolean box;        /* otherwise an ellipse */
} Leaf;

static double
around (DmlRng *rng, double width)
{
  return width * (dml_rng_uniform (rng) - 0.5);
}

static void
leaf_draw_numbers (Leaf *leaf, DmlRng *rng, const double *ground, double side)
{
  const double u = dml_rng_uniform (rng);
  const double angle = G_PI * dml_rng_uniform (rng);
  const double light = around (rng, 200);

  /* Inverse of the distribution of radii with density r^-3. */
  leaf->r =
    side / sqrt ((1 - u) / (LEAF_MAX * LEAF_MAX) + u / (LEAF_MIN * LEAF_MIN));
  leaf->x = side * dml_rng_uniform (rng);
  leaf->y = side * dml_rng_uniform (rng);
  leaf->across = 1 / leaf->r;
  leaf->down = leaf->across / (0.4 + 0.6 * dml_rng_uniform (rng));
  leaf->cosine = cos (angle);
  leaf->sine = sin (angle);
  leaf->gradient = around (rng, 60);
  leaf->box = dml_rng_below (rng, 2) == 0;
  for (int c = 0; c < 3; c++)
    leaf->colour[c] = ground[c] + light + around (rng, 60);
}

static void
leaf_lay (const Leaf *leaf, uint8_t *pixels, int stride, int width, int height)
{
  const int x0 = MAX (0, (int) (leaf->x - leaf->r));
  const int x1 = MIN (width, (int) (leaf->x + leaf->r) + 1);
  const int y0 = MAX (0, (int) (leaf->y - leaf->r));
  const int y1 = MIN (height, (int) (leaf->y + leaf->r) + 1);

  for (int y = y0; y < y1; y++) {
    uint8_t *p = pixels + y * stride + 3 * x0;

    for (int x = x0; x < x1; x++, p += 3) {
      const double dx = x - leaf->x, dy = y - leaf->y;
      const double a = (leaf->cosine * dx + leaf->sine * dy) * leaf->across;
      const double b = (leaf->cosine * dy - leaf->sine * dx) * leaf->down;

      if (leaf->box ? fabs (a) > 0.8 || fabs (b) > 0.8 : a * a + b * b > 1)
        continue;
      for (int c = 0; c < 3; c++)
        p[c] =
          (uint8_t) CLAMP (leaf->colour[c] + leaf->gradient * a, 0.0, 255.0);
    }
  }
}

void
dml_backdrop_draw (DmlPicture *picture, DmlRng *rng)
{
  const int width = dml_picture_get_width (picture);
  const int height = dml_picture_get_height (picture);
  double ground[3];
  int stride;
  uint8_t *pixels = dml_picture_get_pixels (picture, &stride);

  for (int c = 0; c < 3; c++)
    ground[c] = 128 + around (rng, 60);
  for (int y = 0; y < height; y++)
    for (int x = 0; x < 3 * width; x++)
      pixels[y * stride + x] = (uint8_t) ground[x % 3];
  for (int i = 0; i < N_LEAVES; i++) {
    Leaf leaf;

    leaf_draw_numbers (&leaf, rng, ground, MAX (width, height));
    leaf_lay (&leaf, pixels, stride, width, height);
  }
  for (int y = 0; y < height; y++)
    for (int x = 0; x < width; x++) {
      const int grain = (int) dml_rng_below (rng, GRAIN) - GRAIN / 2;

      for (int c = 0; c < 3; c++) {
        uint8_t *p = &pixels[y * stride + 3 * x + c];

        *p = (uint8_t) CLAMP (*p + grain, 0, 255);
      }
    }
}
