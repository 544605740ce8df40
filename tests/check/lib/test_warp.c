/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Warped pictures: geometrically right. */
#include "image/warp.h"
#include "view_maker.h"

#include <math.h>

static void
run_warp (const DmlImage *image, const DmlPoint corner[4], int width,
          int height, float *out)
{
  DmlWarp warp = { .grid = NULL };

  g_assert_true (
    dml_warp_run (&warp, image, corner, width, height, 3, out, NULL));
  dml_warp_clear (&warp);
}

/* A quarter turn of a square picture moves pixels and changes none. */
static void
test_warp_quarter_turns_are_exact (void)
{
  g_autoptr (DmlPicture) picture = soft_picture (SIDE, SIDE, 3, 5);
  const uint8_t *p = dml_picture_get_pixels (picture, NULL);
  const DmlPoint square[4] = {
    { 0, 0 }, { SIDE, 0 }, { SIDE, SIDE }, { 0, SIDE }
  };
  g_autofree float *out = g_new (float, 3 * N);

  for (int turn = 0; turn < 4; turn++) {
    DmlPoint corner[4];

    for (int i = 0; i < 4; i++)
      corner[i] = square[(i + turn) % 4];
    run_warp (dml_picture_get_image (picture), corner, SIDE, SIDE, out);
    for (int y = 0; y < SIDE; y++) {
      for (int x = 0; x < SIDE; x++) {
        const int end = SIDE - 1;
        const int from[4][2] = {
          { x, y }, { end - y, x }, { end - x, end - y }, { y, end - x }
        };
        const uint8_t *want = p + (from[turn][1] * SIDE + from[turn][0]) * 3;

        for (int c = 0; c < 3; c++)
          g_assert_cmpfloat_with_epsilon (view_code (out[c * N + y * SIDE + x]),
                                          want[c], 0.01);
      }
    }
  }
}

/* Shrinking by the two-step filter looks as preprocessing would have it. */
static void
test_warp_shrinks_as_preprocessing (void)
{
  static const int sizes[] = { 60, 77, 96, 150, 400 };

  for (unsigned i = 0; i < G_N_ELEMENTS (sizes); i++) {
    const int n = sizes[i];
    g_autoptr (DmlPicture) picture = soft_picture (n, n, 3, i);
    uint8_t *p = dml_picture_get_pixels (picture, NULL);
    const DmlPoint corner[4] = { { 0, 0 }, { n, 0 }, { n, n }, { 0, n } };
    g_autofree float *out = g_new (float, 3 * N);
    double squares = 0, signal = 0;
    DmlRng rng;

    dml_rng_init (&rng, i, 0); /* the hardest picture: white noise */
    for (int k = 0; k < 3 * n * n; k++)
      p[k] = (uint8_t) dml_rng_u32 (&rng);
    g_autofree float *want =
      plain_view (&view_plain, dml_picture_get_image (picture));

    run_warp (dml_picture_get_image (picture), corner, SIDE, SIDE, out);
    for (int k = 0; k < 3 * N; k++) {
      squares += (double) ((out[k] - want[k]) * (out[k] - want[k]));
      signal += (double) ((want[k] - 0.5f) * (want[k] - 0.5f));
    }
    g_test_message ("%d to %d: error %.1f %% of the signal", n, SIDE,
                    100 * sqrt (squares / signal));
    g_assert_cmpfloat (sqrt (squares / signal), <, 0.45);
  }
}

/* The map takes corners to corners and straight lines to straight lines. */
static void
test_warp_perspective_follows_the_corners (void)
{
  enum { W = 200, H = 160 };
  g_autoptr (DmlPicture) picture = dml_picture_new_rgb (W, H, 3, NULL);
  uint8_t *p = dml_picture_get_pixels (picture, NULL);
  const DmlPoint corner[4] = {
    { 30, 20 }, { 170, 40 }, { 150, 140 }, { 10, 120 }
  };
  g_autofree float *out = g_new (float, 3 * N);

  for (int y = 0; y < H; y++) {
    for (int x = 0; x < W; x++) { /* R and G say where a pixel is */
      p[(y * W + x) * 3] = (uint8_t) x;
      p[(y * W + x) * 3 + 1] = (uint8_t) y;
    }
  }
  run_warp (dml_picture_get_image (picture), corner, SIDE, SIDE, out);
  /* the diagonals of a quadrilateral meet where the middle is seen */
  const double x1 = 30, y1 = 20, x2 = 150, y2 = 140, x3 = 170, y3 = 40;
  const double x4 = 10, y4 = 120;
  const double d = (x1 - x2) * (y3 - y4) - (y1 - y2) * (x3 - x4);
  const double t = ((x1 - x3) * (y3 - y4) - (y1 - y3) * (x3 - x4)) / d;
  const double mid_x = x1 + t * (x2 - x1), mid_y = y1 + t * (y2 - y1);
  const int m = SIDE / 2;
  double got_x = 0, got_y = 0;

  for (int k = 0; k < 4; k++) { /* the middle lies between four pixels */
    const int at = (m - k / 2) * SIDE + m - k % 2;

    got_x += view_code (out[at]) / 4;
    got_y += view_code (out[N + at]) / 4;
  }
  g_assert_cmpfloat_with_epsilon (got_x + 0.5, mid_x, 0.3);
  g_assert_cmpfloat_with_epsilon (got_y + 0.5, mid_y, 0.3);
  g_assert_cmpfloat_with_epsilon (view_code (out[0]) + 0.5, 31.5, 2.5);
  g_assert_cmpfloat_with_epsilon (view_code (out[N - 1]) + 0.5, 148.5, 2.5);
  g_assert_cmpfloat_with_epsilon (view_code (out[2 * N - 1]) + 0.5, 138.5, 2.5);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/warp/quarter-turns-are-exact",
                   test_warp_quarter_turns_are_exact);
  g_test_add_func ("/warp/shrinks-as-preprocessing",
                   test_warp_shrinks_as_preprocessing);
  g_test_add_func ("/warp/perspective-follows-the-corners",
                   test_warp_perspective_follows_the_corners);
  return g_test_run ();
}
