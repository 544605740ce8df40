/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Views in which a thing is small, and backgrounds that are no picture. */
#include "image/augment.h"
#include "image/picture.h"

#include <math.h>
#include <string.h>

enum { SIDE = 48, N = SIDE * SIDE, N_STREAMS = 120 };

/* One colour, with a white square in its middle. */
static DmlPicture *
target (int width, int height, const uint8_t rgb[3], int middle)
{
  DmlPicture *picture = dml_picture_new_rgb (width, height, 3, NULL);
  int stride;
  uint8_t *row = dml_picture_get_pixels (picture, &stride);

  for (int y = 0; y < height; y++, row += stride)
    for (int x = 0; x < width; x++) {
      memcpy (row + 3 * x, rgb, 3);
      if (2 * abs (2 * x - width) < middle && 2 * abs (2 * y - height) < middle)
        memset (row + 3 * x, 255, 3);
    }
  return picture;
}

static void
draw (const char *policy_text, DmlFit fit, DmlPicture *picture,
      DmlPicture *behind, uint64_t stream, float *view)
{
  const DmlPreprocess config = { SIDE, SIDE, 3, { 0 }, { 1, 1, 1 }, fit };
  g_autoptr (DmlAugmenter) augmenter = NULL;
  g_autoptr (GError) error = NULL;
  DmlAugment policy;
  DmlRng rng;

  dml_augment_parse (policy_text, &policy, &error);
  g_assert_no_error (error);
  augmenter = dml_augmenter_new (&policy, &config, &error);
  g_assert_no_error (error);
  dml_rng_init (&rng, 3, stream);
  dml_augmenter_run (augmenter, dml_picture_get_image (picture),
                     dml_picture_get_image (behind), &rng, view, &error);
  g_assert_no_error (error);
}

/* Pixels in which a channel is bright, and their mean place. */
static int
bright (const float *plane, double *x, double *y)
{
  int n = 0;

  *x = *y = 0;
  for (int i = 0; i < N; i++)
    if (plane[i] > 0.5f) {
      *x += i % SIDE;
      *y += i / SIDE;
      n++;
    }
  *x /= MAX (1, n);
  *y /= MAX (1, n);
  return n;
}

/* Wherever a shrunk picture goes, mirrored and turned, its mask goes with it:
 * the middle of what is seen of it is its own middle. */
static void
mask_follows_the_picture (void)
{
  static const uint8_t red[3] = { 255, 0, 0 }, black[3] = { 0 };
  g_autoptr (DmlPicture) picture = target (60, 60, red, 24);
  g_autoptr (DmlPicture) behind = target (60, 60, black, 0);
  float *view = g_new (float, 3 * N);
  int n_small = 0, n_apart = 0;

  for (int i = 0; i < N_STREAMS; i++) {
    double x, y, mx, my;
    int n, n_middle;

    draw ("none,background=1,shrink=2,flip=0.5,flip-vertical=0.5,rotate=30",
          DML_FIT_CONTEXT, picture, behind, (uint64_t) i, view);
    n = bright (view, &x, &y);
    n_middle = bright (view + N, &mx, &my);
    g_assert_cmpint (n, >, 0);
    if (n_middle < 4)
      continue;
    g_assert_cmpfloat (hypot (x - mx, y - my), <, 5);
    n_small += n < N / 10;
    n_apart += hypot (x - SIDE / 2.0, y - SIDE / 2.0) > 8;
  }
  g_assert_cmpint (n_small, >, N_STREAMS / 10);
  g_assert_cmpint (n_apart, >, N_STREAMS / 10);
  g_free (view);
}

/* Half of the views keep their size, and all do where shrink is off. */
static void
half_of_the_views (void)
{
  static const uint8_t white[3] = { 255, 255, 255 }, black[3] = { 0 };
  g_autoptr (DmlPicture) picture = target (60, 60, white, 0);
  g_autoptr (DmlPicture) behind = target (60, 60, black, 0);
  float *with = g_new (float, 3 * N), *without = g_new (float, 3 * N);
  int n_same = 0;

  for (int i = 0; i < N_STREAMS; i++) {
    draw ("none,background=1,shrink=1", DML_FIT_STRETCH, picture, behind,
          (uint64_t) i, with);
    draw ("none,background=1", DML_FIT_STRETCH, picture, behind, (uint64_t) i,
          without);
    n_same += memcmp (with, without, 3 * N * sizeof *with) == 0;
  }
  g_assert_cmpint (n_same, >, N_STREAMS / 3);
  g_assert_cmpint (n_same, <, N_STREAMS * 2 / 3);
  g_free (with);
  g_free (without);
}

/* Of one colour that changes slowly, another one each time. */
static void
plain_background (void)
{
  static const uint8_t white[3] = { 255, 255, 255 }, black[3] = { 0 };
  g_autoptr (DmlPicture) picture = target (60, 60, white, 0);
  g_autoptr (DmlPicture) behind = target (60, 60, black, 0);
  float *view = g_new (float, 3 * N), last = -1;
  int n_new = 0;

  for (int i = 0; i < N_STREAMS; i++) {
    draw ("none,background=1,plain=1", DML_FIT_STRETCH, picture, behind,
          (uint64_t) i, view);
    n_new += fabsf (view[0] - last) > 0.01f; /* a corner */
    last = view[0];
    for (int k = 0; k < 3; k++)
      g_assert_cmpfloat (fabsf (view[k * N] - view[k * N + 1]), <, 0.03f);
  }
  g_assert_cmpint (n_new, >, N_STREAMS * 3 / 4);
  g_free (view);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/augment/place/mask", mask_follows_the_picture);
  g_test_add_func ("/augment/place/half", half_of_the_views);
  g_test_add_func ("/augment/place/plain", plain_background);
  return g_test_run ();
}
