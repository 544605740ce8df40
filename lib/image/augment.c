/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Random views of a picture: the draw, the geometry, what lies behind. */
#include "image/augment.h"
#include "image/extent.h"
#include "image/photo.h"
#include "image/warp.h"
#include "base/error.h"

#include <math.h>
#include <string.h>

#define ERASE_LEAST 0.02
#define ERASE_MOST 0.2
#define QUALITY_LEAST 25
#define QUALITY_MOST 85
#define SOFT_EDGE                                                              \
  0.06f                 /* half the mask's soft rim, as a share of its radius  \
                         */
#define PLAIN_SHADE 0.3 /* of a plain background, from its middle to a side */
#define POWERS 256      /* steps of the table of |x|^exponent */

/* A view's uniform numbers, all drawn in this order whatever is on. */
enum {
  U_SHARE,
  U_ASPECT,
  U_X,
  U_Y,
  U_FLIP,
  U_FLIP_VERTICAL,
  U_ANGLE,
  U_CORNERS,
  U_CORNERS_END = U_CORNERS + 7,
  U_BRIGHTNESS,
  U_CONTRAST,
  U_SATURATION,
  U_CAST,
  U_CAST_END = U_CAST + 2,
  U_BLUR,
  U_BLUR_SIGMA,
  U_NOISE,
  U_NOISE_SIGMA,
  U_NOISE_KEY,
  U_JPEG,
  U_QUALITY,
  U_ERASE,
  U_ERASE_SHARE,
  U_ERASE_ASPECT,
  U_ERASE_X,
  U_ERASE_Y,
  U_ERASE_COLOUR,
  U_ERASE_COLOUR_END = U_ERASE_COLOUR + 2,
  U_ERASE_NOISY,
  U_ERASE_KEY,
  U_BACKGROUND,
  U_BEHIND_SHARE,
  U_BEHIND_X,
  U_BEHIND_Y,
  U_BEHIND_FLIP,
  U_MASK_RADII,
  U_MASK_RADII_END = U_MASK_RADII + 1,
  U_MASK_ANGLE,
  U_MASK_EXPONENT,
  U_MASK_X,
  U_MASK_Y,
  U_SHRINK,
  U_SHRINK_FACTOR,
  U_PLAIN,
  U_PLAIN_COLOUR,
  U_PLAIN_COLOUR_END = U_PLAIN_COLOUR + 2,
  U_PLAIN_SHADE,
  U_PLAIN_SHADE_END = U_PLAIN_SHADE + 2,
  U_PLAIN_ANGLE,
  N_DRAWS,
};

struct _DmlAugmenter {
  DmlAugment policy;
  DmlPreprocess config;
  gboolean none;          /* every range is 0 */
  DmlPreprocessor *plain; /* for that, and for nothing else */
  DmlWarp warp;
  DmlPhotoJpeg *jpeg; /* NULL iff policy.jpeg == 0 */
  float *view;        /* 4 planes: R G B A */
  float *behind;      /* 3 planes */
  float *scratch;
};

static gboolean
policy_check (const DmlAugment *policy, gboolean *none, GError **error)
{
  *none = TRUE;
  for (size_t i = 0; i < dml_augment_n_fields; i++) {
    const DmlAugmentField *field = &dml_augment_fields[i];
    const float v = *(const float *) ((const uint8_t *) policy + field->offset);

    if (!(v >= 0 && v <= field->max))
      return dml_fail (error, INVALID,
                       "augment: %s=%g: expected a number from 0 to %g",
                       field->name, (double) v, (double) field->max);
    *none &= v <= 0;
  }
  return TRUE;
}

DmlAugmenter *
dml_augmenter_new (const DmlAugment *policy, const DmlPreprocess *config,
                   GError **error)
{
  g_autoptr (DmlAugmenter) self = g_new0 (DmlAugmenter, 1);
  const int width = config->width, height = config->height;

  self->policy = *policy;
  self->config = *config;
  if (!policy_check (policy, &self->none, error))
    return NULL;
  self->plain = dml_preprocessor_new (config, error);
  if (self->plain == NULL)
    return NULL;
  const size_t n = (size_t) width * (size_t) height;

  self->view = dml_mem_new (float, 4 * n, error);
  if (self->view != NULL)
    self->behind = dml_mem_new (float, 3 * n, error);
  if (self->behind != NULL)
    self->scratch =
      dml_mem_new (float, dml_photo_blur_scratch (width, height), error);
  if (self->scratch == NULL)
    return NULL;
  if (policy->jpeg > 0) {
    self->jpeg = dml_photo_jpeg_new (width, height, error);
    if (self->jpeg == NULL)
      return NULL;
  }
  return g_steal_pointer (&self);
}

void
dml_augmenter_free (DmlAugmenter *self)
{
  if (self == NULL)
    return;
  dml_preprocessor_free (self->plain);
  dml_photo_jpeg_free (self->jpeg);
  dml_warp_clear (&self->warp);
  dml_mem_free (self->view);
  dml_mem_free (self->behind);
  dml_mem_free (self->scratch);
  g_free (self);
}

static double
between (double u, double low, double high)
{
  return low + u * (high - low);
}

/* Log-uniform in 1 / (1 + range) .. 1 + range. */
static double
factor (double u, float range)
{
  return exp (between (u, -1, 1) * log1p ((double) range));
}

/* Where a side of length `side` begins along an extent: anywhere inside, or
 * anywhere around where it is longer. */
static double
place (double u, double side, double extent)
{
  return between (u, MIN (0, extent - side), MAX (0, extent - side));
}

/* A map from a view's upright frame to the picture: a turn about a point. */
typedef struct {
  double c, s, x, y;
} Turn;

static DmlPoint
turn (const Turn *t, double x, double y)
{
  const double dx = x - t->x, dy = y - t->y;

  return (DmlPoint){ t->x + t->c * dx - t->s * dy,
                     t->y + t->s * dx + t->c * dy };
}

/* By how much the sides of what a view shows exceed the picture's. */
static double
shrunk_by (const DmlAugment *policy, const double *u)
{
  return u[U_SHRINK] < 0.5
           ? between (u[U_SHRINK_FACTOR], 1, 1 + (double) policy->shrink)
           : 1;
}

/* The box that a view shows, upright in its frame: what preprocessing would
 * show of `region`, or a share of its area anywhere; shrunk, more than that. */
static DmlBox
draw_box (const DmlAugmenter *self, const DmlImage *image,
          const DmlRegion *region, double shrink, const double *u)
{
  const DmlAugment *policy = &self->policy;
  const gboolean alpha = image->format == DML_PIXELS_RGBA;
  const double least = shrink > 1         ? shrink * shrink
                       : policy->crop > 0 ? (double) policy->crop
                                          : 1;
  const double most = alpha ? 1 + (double) policy->widen : MAX (1, least);
  const double share = between (u[U_SHARE], least, most);
  const double aspect = factor (u[U_ASPECT], policy->aspect);
  DmlRegion fit;

  dml_preprocess_box (self->config.fit, self->config.width, self->config.height,
                      region, &fit);
  const double fit_w = (double) fit.width, fit_h = (double) fit.height;
  DmlBox box = { (double) fit.x, (double) fit.y, fit_w * sqrt (share * aspect),
                 fit_h * sqrt (share / aspect) };

  if (least < most || shrink > 1) {
    box.x =
      (double) region->x + place (u[U_X], box.width, (double) region->width);
    box.y =
      (double) region->y + place (u[U_Y], box.height, (double) region->height);
  } else {
    box.x += (fit_w - box.width) / 2;
    box.y += (fit_h - box.height) / 2;
  }
  return box;
}

/* Where the view's corners lie: the box's, moved and turned. */
static void
draw_corners (const DmlAugment *policy, const DmlBox *box, const Turn *t,
              const double *u, DmlPoint corner[4])
{
  static const DmlPoint unit[4] = {
    { -1, -1 }, { 1, -1 }, { 1, 1 }, { -1, 1 }
  };
  const double flip_x = u[U_FLIP] < (double) policy->flip ? -1 : 1;
  const double flip_y =
    u[U_FLIP_VERTICAL] < (double) policy->flip_vertical ? -1 : 1;
  const double move = (double) policy->perspective;

  for (int i = 0; i < 4; i++) {
    const double dx = between (u[U_CORNERS + 2 * i], -1, 1) * move;
    const double dy = between (u[U_CORNERS + 2 * i + 1], -1, 1) * move;
    const double x = (unit[i].x * flip_x + dx) * box->width / 2;
    const double y = (unit[i].y * flip_y + dy) * box->height / 2;

    corner[i] =
      turn (t, box->x + box->width / 2 + x, box->y + box->height / 2 + y);
  }
}

static void
mirror (float *planes, int n_planes, int width, int height)
{
  for (int row = 0; row < n_planes * height; row++, planes += width) {
    for (int i = 0, j = width - 1; i < j; i++, j--) {
      const float v = planes[i];

      planes[i] = planes[j];
      planes[j] = v;
    }
  }
}

/* Where in a view, -1 to 1 across and down, a picture lies. */
typedef struct {
  double x, y, half_width, half_height;
} Place;

/* Of a whole picture in the view of a larger box. */
static Place
find_place (const DmlAugment *policy, const DmlRegion *picture,
            const DmlBox *box, const Turn *t, DmlPoint centre, const double *u)
{
  const Turn back = { t->c, -t->s, t->x, t->y };
  const DmlPoint at = turn (&back, centre.x, centre.y);
  const double x = (at.x - t->x) / box->width * 2;
  const double y = (at.y - t->y) / box->height * 2;

  return (Place){
    u[U_FLIP] < (double) policy->flip ? -x : x,
    u[U_FLIP_VERTICAL] < (double) policy->flip_vertical ? -y : y,
    (double) picture->width / box->width,
    (double) picture->height / box->height,
  };
}

/* The picture's part of the view: a box without turning is filtered once. */
static gboolean
draw_picture (DmlAugmenter *self, const DmlImage *image, const double *u,
              double shrink, int n_planes, Place *place, GError **error)
{
  const DmlAugment *policy = &self->policy;
  const int width = self->config.width, height = self->config.height;
  const double angle =
    between (u[U_ANGLE], -1, 1) * (double) policy->rotate * G_PI / 180;
  Turn t = { cos (angle), sin (angle), image->width / 2.0,
             image->height / 2.0 };
  DmlRegion region = { 0, 0, (float) image->width, (float) image->height };
  DmlPoint corner[4];
  DmlBox box;

  /* A thing that was cut out is shown as a detector would: by the upright box
   * round it as it is turned. */
  if (image->format == DML_PIXELS_RGBA)
    dml_image_extent (image, t.c, t.s, &region);
  box = draw_box (self, image, &region, shrink, u);
  if (image->format != DML_PIXELS_RGBA) {
    const DmlPoint centre = { t.x, t.y };

    t.x = box.x + box.width / 2;
    t.y = box.y + box.height / 2;
    if (shrink > 1)
      *place = find_place (policy, &region, &box, &t, centre, u);
  }
  if (policy->rotate <= 0 && policy->perspective <= 0 &&
      policy->flip_vertical <= 0) {
    if (!dml_warp_box (&self->warp, image, &box, width, height, n_planes,
                       self->view, error))
      return FALSE;
    if (u[U_FLIP] < (double) policy->flip)
      mirror (self->view, n_planes, width, height);
    return TRUE;
  }
  draw_corners (policy, &box, &t, u, corner);
  return dml_warp_run (&self->warp, image, corner, width, height, n_planes,
                       self->view, error);
}

/* A colour that changes a little from one side to the other. */
static void
draw_plain (DmlAugmenter *self, const double *u)
{
  const int width = self->config.width, height = self->config.height;
  const double angle = 2 * G_PI * u[U_PLAIN_ANGLE];
  const double c = cos (angle) / width, s = sin (angle) / height;
  float *out = self->behind;

  for (int k = 0; k < 3; k++) {
    const double shade = between (u[U_PLAIN_SHADE + k], -1, 1) * PLAIN_SHADE;

    for (int j = 0; j < height; j++)
      for (int i = 0; i < width; i++)
        *out++ =
          (float) CLAMP (u[U_PLAIN_COLOUR + k] +
                           shade * (c * (2 * i - width) + s * (2 * j - height)),
                         0, 1);
  }
}

/* A piece of another picture, upright, mirrored or not; or no picture. */
static gboolean
draw_behind (DmlAugmenter *self, const DmlImage *image, const double *u,
             GError **error)
{
  const int width = self->config.width, height = self->config.height;
  const double scale =
    between (u[U_BEHIND_SHARE], 0.4, 1) *
    MIN ((double) image->width / width, (double) image->height / height);
  const DmlBox box = { place (u[U_BEHIND_X], width * scale, image->width),
                       place (u[U_BEHIND_Y], height * scale, image->height),
                       width * scale, height * scale };

  if (u[U_PLAIN] < (double) self->policy.plain) {
    draw_plain (self, u);
    return TRUE;
  }
  if (!dml_warp_box (&self->warp, image, &box, width, height, 3, self->behind,
                     error))
    return FALSE;
  if (u[U_BEHIND_FLIP] < 0.5)
    mirror (self->behind, 3, width, height);
  return TRUE;
}

/* |x|^exponent for |x| < 4, linear between steps. */
static float
power (const float table[POWERS + 2], float x)
{
  const float at = MIN (fabsf (x), 3.99f) * (POWERS / 4);
  const int i = (int) at;

  return table[i] + (at - (float) i) * (table[i + 1] - table[i]);
}

/* Opacity of a soft super-ellipse: radii of 0.5 to 1 and of 0.3 to 1 of the
 * half sides (thin things show what is behind them on both sides), any angle,
 * the centre within 0.15, exponent 1.5 (a rhomb, nearly) to 5 (a box, nearly).
 * With q = |x / a|^e + |y / b|^e the rim is where q is 1, and q rises e times
 * as fast there as the radius does. */
static void
draw_mask (DmlAugmenter *self, const Place *place, const double *u)
{
  const int width = self->config.width, height = self->config.height;
  const float e = (float) between (u[U_MASK_EXPONENT], 1.5, 5);
  const float a = (float) between (u[U_MASK_RADII], 0.5, 1);
  const float b = (float) between (u[U_MASK_RADII + 1], 0.3, 1);
  const float angle = (float) (u[U_MASK_ANGLE] * G_PI);
  const float c = cosf (angle), s = sinf (angle);
  const float x0 = (float) between (u[U_MASK_X], -0.15, 0.15);
  const float y0 = (float) between (u[U_MASK_Y], -0.15, 0.15);
  const float steepness = 1 / (2 * SOFT_EDGE * e);
  const float left = (float) place->x, w = (float) place->half_width;
  const float top = (float) place->y, h = (float) place->half_height;
  float *mask = self->view + 3 * (size_t) width * (size_t) height;
  float table[POWERS + 2];

  for (int i = 0; i < POWERS + 2; i++)
    table[i] = powf ((float) i / (POWERS / 4), e);
  for (int j = 0; j < height; j++) {
    const float y =
      (2 * ((float) j + 0.5f) / (float) height - 1 - top) / h - y0;

    for (int i = 0; i < width; i++) {
      const float x =
        (2 * ((float) i + 0.5f) / (float) width - 1 - left) / w - x0;
      const float q =
        power (table, (x * c + y * s) / a) + power (table, (y * c - x * s) / b);
      const float m = 0.5f + (1 - q) * steepness;

      *mask++ = CLAMP (m, 0, 1);
    }
  }
}

/* Lays the view on what is behind. Premultiplied by alpha it is added, else
 * mixed by the mask. */
static void
lay_upon (DmlAugmenter *self, gboolean premultiplied)
{
  const size_t n = (size_t) self->config.width * (size_t) self->config.height;
  const float *mask = self->view + 3 * n;

  for (size_t k = 0; k < 3; k++) {
    float *v = self->view + k * n;
    const float *b = self->behind + k * n;

    for (size_t i = 0; i < n; i++)
      v[i] = premultiplied ? v[i] + (1 - mask[i]) * b[i]
                           : b[i] + mask[i] * (v[i] - b[i]);
  }
}

/* A key from a uniform number, which has 53 bits. */
static uint32_t
key_of (double u)
{
  return (uint32_t) (u * 0x1p32);
}

static void
draw_erase (DmlAugmenter *self, const double *u)
{
  const int width = self->config.width, height = self->config.height;
  const double share = between (u[U_ERASE_SHARE], ERASE_LEAST, ERASE_MOST);
  const double aspect = factor (u[U_ERASE_ASPECT], 1.5f);
  const int w = CLAMP ((int) (width * sqrt (share * aspect)), 1, width);
  const int h = CLAMP ((int) (height * sqrt (share / aspect)), 1, height);
  float colour[3];

  for (int c = 0; c < 3; c++)
    colour[c] = (float) u[U_ERASE_COLOUR + c];
  dml_photo_erase (self->view, width, height,
                   (int) (u[U_ERASE_X] * (width - w + 1)),
                   (int) (u[U_ERASE_Y] * (height - h + 1)), w, h, colour,
                   u[U_ERASE_NOISY] < 0.5, key_of (u[U_ERASE_KEY]));
}

/* Light, lens, sensor, file, and something in the way. */
static gboolean
draw_photo (DmlAugmenter *self, const double *u, GError **error)
{
  const DmlAugment *policy = &self->policy;
  const int width = self->config.width, height = self->config.height;
  const size_t n = (size_t) width * (size_t) height;
  const DmlLight light = {
    (float) factor (u[U_BRIGHTNESS], policy->brightness),
    (float) factor (u[U_CONTRAST], policy->contrast),
    (float) factor (u[U_SATURATION], policy->saturation),
    { (float) factor (u[U_CAST], policy->cast),
      (float) factor (u[U_CAST + 1], policy->cast),
      (float) factor (u[U_CAST + 2], policy->cast) },
  };
  const float sigma = (float) u[U_BLUR_SIGMA] * policy->blur;

  if (policy->brightness > 0 || policy->contrast > 0 ||
      policy->saturation > 0 || policy->cast > 0)
    dml_photo_light (self->view, n, &light);
  if (sigma > 0.1f && u[U_BLUR] < 0.5) /* below it a pixel stays alone */
    dml_photo_blur (self->view, width, height, sigma, self->scratch);
  if (policy->noise > 0 && u[U_NOISE] < 0.5)
    dml_photo_noise (self->view, n, (float) u[U_NOISE_SIGMA] * policy->noise,
                     key_of (u[U_NOISE_KEY]));
  if (u[U_JPEG] < (double) policy->jpeg &&
      !dml_photo_jpeg_run (
        self->jpeg, self->view,
        (int) between (u[U_QUALITY], QUALITY_LEAST, QUALITY_MOST), error))
    return FALSE;
  if (u[U_ERASE] < (double) policy->erase)
    draw_erase (self, u);
  return TRUE;
}

static void
normalise (const DmlPreprocess *config, const float *view, float *out)
{
  const size_t n = (size_t) config->width * (size_t) config->height;

  for (int k = 0; k < config->channels; k++, out += n) {
    const double inverse = 1 / (double) config->std[k];
    const float gain = (float) inverse;
    const float bias = (float) (-(double) config->mean[k] * inverse);
    const float *v = view + (size_t) k * n;

    if (config->channels == 3) {
      for (size_t i = 0; i < n; i++)
        out[i] = v[i] * gain + bias;
    } else {
      for (size_t i = 0; i < n; i++)
        out[i] =
          (0.299f * v[i] + 0.587f * v[n + i] + 0.114f * v[2 * n + i]) * gain +
          bias;
    }
  }
}

gboolean
dml_augmenter_run (DmlAugmenter *self, const DmlImage *picture,
                   const DmlImage *behind, DmlRng *rng, float *out,
                   GError **error)
{
  const DmlImage *const images[] = { picture, behind };
  double u[N_DRAWS];

  for (int i = 0; i < N_DRAWS; i++)
    u[i] = dml_rng_uniform (rng);
  for (int i = 0; i < 2; i++) {
    if (images[i] == NULL)
      continue;
    if (!dml_image_check (images[i], error))
      return FALSE;
    if (images[i]->format != DML_PIXELS_RGB &&
        images[i]->format != DML_PIXELS_RGBA &&
        images[i]->format != DML_PIXELS_GRAY8)
      return dml_fail (error, UNSUPPORTED,
                       "augment: a picture of %s; expected GRAY8, RGB or RGBA",
                       dml_pixels_get (images[i]->format)->name);
  }
  if (self->none)
    return dml_preprocessor_run (self->plain, picture, NULL, out, error);
  const gboolean replaced =
    behind != NULL && u[U_BACKGROUND] < (double) self->policy.background;
  const gboolean alpha = picture->format == DML_PIXELS_RGBA;
  const double shrink = replaced && !alpha ? shrunk_by (&self->policy, u) : 1;
  Place place = { 0, 0, 1, 1 };

  if (!draw_picture (self, picture, u, shrink, replaced && alpha ? 4 : 3,
                     &place, error))
    return FALSE;
  if (replaced) {
    if (!draw_behind (self, behind, u, error))
      return FALSE;
    if (!alpha)
      draw_mask (self, &place, u);
    lay_upon (self, alpha);
  }
  if (!draw_photo (self, u, error))
    return FALSE;
  normalise (&self->config, self->view, out);
  return TRUE;
}
