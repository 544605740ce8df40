/* SPDX-License-Identifier: LGPL-2.1-or-later
 * What a camera does to a picture: contrast, blur, noise, JPEG. */
#include "image/photo.h"
#include "view_maker.h"

#include <math.h>
#include <string.h>

static void
test_photo_contrast_is_about_the_mean (void)
{
  float p[3 * 4] = {
    .2f, .4f, .6f, .8f, .2f, .4f, .6f, .8f, .2f, .4f, .6f, .8f
  };
  const DmlLight light = { 1, 0.5f, 1, { 1, 1, 1 } };

  dml_photo_light (p, 4, &light);
  for (int i = 0; i < 12; i++)
    g_assert_cmpfloat_with_epsilon (p[i], 0.35f + 0.1f * (float) (i % 4), 1e-6);
}

/* An impulse becomes a bell of its weight and variance; flat stays flat. */
static void
test_photo_blur (void)
{
  static const float sigmas[] = { 0.5f, 1, 2, 4 };
  g_autofree float *p = g_new (float, 3 * N);
  g_autofree float *scratch =
    g_new (float, dml_photo_blur_scratch (SIDE, SIDE));

  for (unsigned s = 0; s < G_N_ELEMENTS (sigmas); s++) {
    const int middle = SIDE / 2;
    double sum = 0, x_sum = 0, x_squares = 0, y_squares = 0;

    memset (p, 0, 12 * N);
    p[middle * SIDE + middle] = 1;
    for (int i = 0; i < N; i++)
      p[N + i] = 0.3f;
    dml_photo_blur (p, SIDE, SIDE, sigmas[s], scratch);
    for (int i = 0; i < N; i++) {
      const int x = i % SIDE - middle, y = i / SIDE - middle;

      sum += (double) p[i];
      x_sum += (double) p[i] * x;
      x_squares += (double) p[i] * x * x;
      y_squares += (double) p[i] * y * y;
      g_assert_cmpfloat_with_epsilon (p[N + i], 0.3f, 1e-5);
    }
    g_assert_cmpfloat_with_epsilon (sum, 1, 1e-5);
    g_assert_cmpfloat_with_epsilon (x_sum, 0, 1e-4);
    /* at half a pixel the bell's samples are narrower than the bell */
    g_assert_cmpfloat_with_epsilon (sqrt (x_squares) / (double) sigmas[s], 1,
                                    0.08);
    g_assert_cmpfloat_with_epsilon (y_squares, x_squares, 1e-4);
  }
}

static void
test_photo_noise (void)
{
  g_autofree float *p = g_new (float, 3 * N);
  g_autofree float *q = g_new (float, 3 * N);
  double sum = 0, squares = 0, neighbours = 0;

  for (int i = 0; i < 3 * N; i++)
    p[i] = q[i] = 0.5f;
  dml_photo_noise (p, N, 0.05f, 99);
  dml_photo_noise (q, N, 0.05f, 99);
  g_assert_cmpmem (p, 12 * N, q, 12 * N);
  for (int i = 0; i < 3 * N; i++) {
    const double v = (double) p[i] - 0.5;

    sum += v;
    squares += v * v;
    if (i > 0)
      neighbours += v * ((double) p[i - 1] - 0.5);
  }
  g_assert_cmpfloat_with_epsilon (sum / (3 * N), 0, 0.002);
  g_assert_cmpfloat_with_epsilon (sqrt (squares / (3 * N)), 0.05, 0.001);
  g_assert_cmpfloat_with_epsilon (neighbours / squares, 0, 0.03);
}

static void
test_photo_jpeg (void)
{
  g_autoptr (DmlPicture) picture = soft_picture (SIDE, SIDE, 3, 8);
  g_autofree float *was =
    plain_view (&view_plain, dml_picture_get_image (picture));
  g_autoptr (GError) error = NULL;
  DmlPhotoJpeg *jpeg = dml_photo_jpeg_new (SIDE, SIDE, &error);
  double worst[2] = { 0 };

  g_assert_no_error (error);
  for (int i = 0; i < 2; i++) {
    g_autofree float *p = g_memdup2 (was, 12 * N);

    g_assert_true (dml_photo_jpeg_run (jpeg, p, i ? 10 : 95, &error));
    for (int k = 0; k < 3 * N; k++)
      worst[i] += fabs ((double) (p[k] - was[k])) / (3 * N);
  }
  dml_photo_jpeg_free (jpeg);
  g_assert_cmpfloat (worst[0], <, 0.03);
  g_assert_cmpfloat (worst[1], >, worst[0]);
  g_assert_cmpfloat (worst[1], <, 0.2);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/photo/contrast-is-about-the-mean",
                   test_photo_contrast_is_about_the_mean);
  g_test_add_func ("/photo/blur", test_photo_blur);
  g_test_add_func ("/photo/noise", test_photo_noise);
  g_test_add_func ("/photo/jpeg", test_photo_jpeg);
  return g_test_run ();
}
