/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Made-up backgrounds. */
#include "image/texture.h"

#include <math.h>

#define OCTAVES 5

typedef struct {
  uint32_t key;
  float cos, sin;     /* direction */
  float scale[2];     /* lattice cells along it and across, over the picture */
  float rough;        /* weight of an octave over the one before */
  float stripes;      /* over the picture; below 0 there are none */
  float wobble;       /* how far noise bends them, in stripes */
  float colour[3][3]; /* 0..1 */
  float grain;
  float light[2]; /* brightness gained from side to side */
} Texture;

static float
between (DmlRng *rng, double low, double high)
{
  return (float) (low + (high - low) * dml_rng_uniform (rng));
}

static Texture
texture_draw (DmlRng *rng)
{
  const float angle = between (rng, 0, G_PI);
  const float cells = (float) exp2 ((double) between (rng, 1, 4.5));
  const float stretch = (float) exp2 ((double) between (rng, 0, 4) - 1);
  Texture t = { .key = dml_rng_u32 (rng),
                .cos = cosf (angle),
                .sin = sinf (angle),
                .scale = { cells, cells * MAX (stretch, 1) },
                .rough = between (rng, 0.35, 0.75),
                .stripes = between (rng, -20, 20),
                .wobble = between (rng, 0.5, 6),
                .grain = between (rng, 0, 0.06),
                .light = { between (rng, -0.25, 0.25),
                           between (rng, -0.25, 0.25) } };
  const float value = between (rng, 0.15, 0.85);

  for (int i = 0; i < 3; i++) { /* near one another, or not */
    const float spread = between (rng, 0.02, 0.3);
    const float grey = value + spread * between (rng, -1.5, 1.5);

    for (int c = 0; c < 3; c++)
      t.colour[i][c] = grey + spread * between (rng, -0.8, 0.8);
  }
  return t;
}

/* Uniform in 0..1 at a lattice point (murmur3's finaliser). */
static float
lattice (uint32_t key, int x, int y)
{
  uint32_t h = key ^ (uint32_t) x * 0x8DA6B343u ^ (uint32_t) y * 0xD8163841u;

  h = (h ^ h >> 16) * 0x85EBCA6Bu;
  h = (h ^ h >> 13) * 0xC2B2AE35u;
  return (float) ((h ^ h >> 16) >> 8) * 0x1p-24f;
}

static float
value_noise (uint32_t key, float x, float y)
{
  const float fx = floorf (x), fy = floorf (y);
  const int i = (int) fx, j = (int) fy;
  float u = x - fx, v = y - fy;

  u = u * u * (3 - 2 * u); /* no creases at the lattice */
  v = v * v * (3 - 2 * v);
  const float a = lattice (key, i, j), b = lattice (key, i + 1, j);
  const float c = lattice (key, i, j + 1), d = lattice (key, i + 1, j + 1);

  return a + u * (b - a) + v * (c - a + u * (a - b - c + d));
}

/* Noise of all octaves, 0..1. */
static float
texture_noise (const Texture *t, float x, float y)
{
  float sum = 0, weight = 1, total = 0;

  for (uint32_t k = 0; k < OCTAVES; k++) {
    sum += weight * value_noise (t->key + k, x, y);
    total += weight;
    weight *= t->rough;
    x *= 2;
    y *= 2;
  }
  return sum / total;
}

/* One pixel; x and y of the picture's longer side, 0..1. */
static void
texture_pixel (const Texture *t, float x, float y, float grain, uint8_t *rgb)
{
  const float along = x * t->cos + y * t->sin;
  const float across = y * t->cos - x * t->sin;
  const float noise =
    texture_noise (t, along * t->scale[0], across * t->scale[1]);
  float at = 2 * noise;

  if (t->stripes > 0) /* half of them have none */
    at =
      1 + sinf ((float) G_PI * 2 * (across * t->stripes + t->wobble * noise));
  const int i = at < 1 ? 0 : 1;
  const float f = CLAMP (at - (float) i, 0, 1);
  const float light = 1 + (x - 0.5f) * t->light[0] + (y - 0.5f) * t->light[1];

  for (int c = 0; c < 3; c++) {
    const float v =
      t->colour[i][c] + f * (t->colour[i + 1][c] - t->colour[i][c]);
    const float code = 255 * (v * light + grain) + 0.5f;

    rgb[c] = (uint8_t) CLAMP (code, 0, 255);
  }
}

DmlPicture *
dml_texture_new (int width, int height, DmlRng *rng, GError **error)
{
  DmlPicture *picture = dml_picture_new_rgb (width, height, 3, error);
  const Texture t = texture_draw (rng);
  const float unit = 1 / (float) MAX (width, height);
  uint8_t *p;

  if (picture == NULL)
    return NULL;
  p = dml_picture_get_pixels (picture, NULL);
  for (int y = 0; y < height; y++) {
    for (int x = 0; x < width; x++, p += 3) {
      const float grain = t.grain * (lattice (~t.key, x, y) - 0.5f);

      texture_pixel (&t, (float) x * unit, (float) y * unit, grain, p);
    }
  }
  return picture;
}
