/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The box round a thing that was cut out, and its views. */
#include "image/augment.h"
#include "image/extent.h"
#include "image/picture.h"

#include <math.h>
#include <string.h>

#define SIDE 90
#define INPUT 48

/* A white bar on nothing, as wide as it is not high, turned by `degrees`. */
static DmlPicture *
bar (double degrees, double half_width, double half_height)
{
  DmlPicture *picture = dml_picture_new_rgb (SIDE, SIDE, 4, NULL);
  const double c = cos (degrees * G_PI / 180), s = sin (degrees * G_PI / 180);
  int stride;
  uint8_t *row = dml_picture_get_pixels (picture, &stride);

  memset (row, 0, (size_t) stride * SIDE);
  for (int y = 0; y < SIDE; y++, row += stride)
    for (int x = 0; x < SIDE; x++) {
      const double dx = x + 0.5 - SIDE / 2.0, dy = y + 0.5 - SIDE / 2.0;

      if (fabs (c * dx + s * dy) < half_width &&
          fabs (c * dy - s * dx) < half_height)
        memset (row + (size_t) x * 4, 255, 4);
    }
  return picture;
}

static void
box_is_tight (void)
{
  g_autoptr (DmlPicture) picture = bar (0, 30, 10);
  g_autoptr (DmlPicture) opaque = dml_picture_new_rgb (7, 5, 3, NULL);
  g_autoptr (DmlPicture) nothing = dml_picture_new_rgb (7, 5, 4, NULL);
  DmlRegion box;

  dml_picture_get_extent (picture, &box);
  g_assert_cmpfloat (box.x, ==, 15);
  g_assert_cmpfloat (box.y, ==, 35);
  g_assert_cmpfloat (box.width, ==, 60);
  g_assert_cmpfloat (box.height, ==, 20);
  dml_picture_get_extent (opaque, &box);
  g_assert_cmpfloat (box.width, ==, 7);
  dml_picture_get_extent (nothing, &box);
  g_assert_cmpfloat (box.height, ==, 5);
  g_assert_false (
    dml_image_extent (dml_picture_get_image (nothing), 1, 0, &box));
}

/* In the frame in which the bar lies level its box is the bar. */
static void
box_turns_with_the_frame (void)
{
  for (int degrees = -40; degrees <= 40; degrees += 10) {
    g_autoptr (DmlPicture) picture = bar (degrees, 30, 10);
    const double c = cos (degrees * G_PI / 180), s = sin (degrees * G_PI / 180);
    DmlRegion box;

    g_assert_true (
      dml_image_extent (dml_picture_get_image (picture), c, s, &box));
    g_assert_cmpfloat_with_epsilon (box.x, 15, 1.5);
    g_assert_cmpfloat_with_epsilon (box.y, 35, 1.5);
    g_assert_cmpfloat_with_epsilon (box.width, 60, 3);
    g_assert_cmpfloat_with_epsilon (box.height, 20, 3);
  }
}

/* First and last row (or column, by step) in which the view is white. */
static void
white (const float *view, int across, int along, int *first, int *last)
{
  *first = INPUT;
  *last = -1;
  for (int i = 0; i < INPUT; i++)
    for (int j = 0; j < INPUT; j++)
      if (view[i * along + j * across] > 0.5f) {
        *first = MIN (*first, i);
        *last = MAX (*last, i);
      }
}

/* However it is turned, a view holds all of the thing and no more: stretched,
 * it touches all four sides, else the two of its longer side. */
static void
views_hold_the_thing (void)
{
  static const DmlAugment policy = { .rotate = 25, .background = 1 };
  g_autoptr (DmlPicture) thing = bar (0, 30, 8);
  g_autoptr (DmlPicture) behind = dml_picture_new_rgb (INPUT, INPUT, 3, NULL);
  static float view[3 * INPUT * INPUT];

  for (int fit = DML_FIT_CONTEXT; fit <= DML_FIT_STRETCH; fit++) {
    const DmlPreprocess config = { .width = INPUT,
                                   .height = INPUT,
                                   .channels = 3,
                                   .std = { 1, 1, 1 },
                                   .fit = (DmlFit) fit };
    g_autoptr (GError) error = NULL;
    g_autoptr (DmlAugmenter) augmenter =
      dml_augmenter_new (&policy, &config, &error);

    g_assert_no_error (error);
    if (fit == DML_FIT_COVER)
      continue;
    for (uint64_t stream = 0; stream < 40; stream++) {
      int left, right, top, bottom;
      DmlRng rng;

      dml_rng_init (&rng, 5, stream);
      g_assert_true (
        dml_augmenter_run (augmenter, dml_picture_get_image (thing),
                           dml_picture_get_image (behind), &rng, view, &error));
      white (view, INPUT, 1, &left, &right);
      white (view, 1, INPUT, &top, &bottom);
      g_assert_cmpint (left, <=, 2);
      g_assert_cmpint (right, >=, INPUT - 3);
      if (fit == DML_FIT_STRETCH) {
        g_assert_cmpint (top, <=, 2);
        g_assert_cmpint (bottom, >=, INPUT - 3);
      } else {
        g_assert_cmpint (top, >=, 2);
        g_assert_cmpint (abs (top - (INPUT - 1 - bottom)), <=, 2);
      }
    }
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/extent/tight", box_is_tight);
  g_test_add_func ("/extent/turned", box_turns_with_the_frame);
  g_test_add_func ("/extent/views", views_hold_the_thing);
  return g_test_run ();
}
