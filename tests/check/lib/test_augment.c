/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Augmented views: repeatable, geometrically right, and each range does what
 * its description says. */
#include "image/augment.h"
#include "image/photo.h"
#include "image/warp.h"
#include "base/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SIDE = 48, N = SIDE * SIDE };

static const DmlPreprocess plain = {
  SIDE, SIDE, 3, { 0, 0, 0 }, { 1, 1, 1 }, DML_FIT_CONTEXT
};
static const DmlPreprocess usual = { SIDE,
                                     SIDE,
                                     3,
                                     { 0.485f, 0.456f, 0.406f },
                                     { 0.229f, 0.224f, 0.225f },
                                     DML_FIT_CONTEXT };

/* Soft noise: differs everywhere, has no sharp edges. */
static DmlPicture *
make_picture (int width, int height, int n_channels, uint64_t seed)
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

/* A value as a code of 8 bits. */
static double
code (float v)
{
  return (double) v * 255;
}

static float *
run_with (DmlAugmenter *augmenter, const DmlImage *picture,
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

static float *
run_policy (const char *text, const DmlPreprocess *config,
            const DmlImage *picture, const DmlImage *behind, uint64_t stream)
{
  g_autoptr (GError) error = NULL;
  DmlAugment policy;

  dml_augment_parse (text, &policy, &error);
  g_assert_no_error (error);
  g_autoptr (DmlAugmenter) augmenter =
    dml_augmenter_new (&policy, config, &error);

  g_assert_no_error (error);
  return run_with (augmenter, picture, behind, stream);
}

static float *
run_plain (const DmlPreprocess *config, const DmlImage *picture)
{
  g_autoptr (DmlPreprocessor) self = dml_preprocessor_new (config, NULL);
  float *out = g_new (float, 3 * N);

  g_assert_true (dml_preprocessor_run (self, picture, NULL, out, NULL));
  return out;
}

static void
test_none_is_preprocessing_to_the_bit (void)
{
  for (int variant = 0; variant < 4; variant++) {
    g_autoptr (DmlPicture) picture = make_picture (90, 61, 3 + variant % 2, 1);
    DmlImage view = *dml_picture_get_image (picture);
    const DmlImage *image = &view;

    view.range = variant < 2 ? DML_RANGE_FULL : DML_RANGE_LIMITED;
    g_autofree float *want = run_plain (&usual, image);
    g_autofree float *got = run_policy ("none", &usual, image, NULL, 3);
    /* nothing is drawn with these either, but the floats go all the way */
    g_autofree float *far =
      run_policy ("none,erase=0.000001", &usual, image, NULL, 3);

    g_assert_cmpmem (got, 12 * N, want, 12 * N);
    g_assert_cmpmem (far, 12 * N, want, 12 * N);
  }
}

static void
test_stream_alone_decides (void)
{
  g_autoptr (DmlPicture) a = make_picture (90, 61, 3, 1);
  g_autoptr (DmlPicture) b = make_picture (30, 200, 4, 2);
  const DmlImage *image = dml_picture_get_image (a);
  const DmlImage *other = dml_picture_get_image (b);
  DmlAugment policy;

  dml_augment_parse ("strong", &policy, NULL);
  g_autoptr (DmlAugmenter) busy = dml_augmenter_new (&policy, &usual, NULL);

  for (uint64_t stream = 0; stream < 40; stream++) {
    g_autofree float *fresh =
      run_policy ("strong", &usual, image, other, stream);
    g_autofree float *noise = run_with (busy, other, image, 1000 + stream);
    g_autofree float *again = run_with (busy, image, other, stream);

    g_assert_cmpmem (again, 12 * N, fresh, 12 * N);
    g_assert_true (memcmp (again, noise, 12 * N) != 0);
  }
}

/* With erasing off, whatever was not erased is as it was. */
static void
test_a_range_switched_off_leaves_the_others (void)
{
  g_autoptr (DmlPicture) a = make_picture (90, 61, 3, 1);
  g_autoptr (DmlPicture) b = make_picture (80, 80, 3, 2);
  const DmlImage *image = dml_picture_get_image (a);
  const DmlImage *other = dml_picture_get_image (b);

  for (uint64_t stream = 0; stream < 20; stream++) {
    g_autofree float *with =
      run_policy ("strong,erase=1", &usual, image, other, stream);
    g_autofree float *without =
      run_policy ("strong,erase=0", &usual, image, other, stream);
    int n_changed = 0;

    for (int i = 0; i < N; i++)
      n_changed += with[i] != without[i] || with[N + i] != without[N + i] ||
                   with[2 * N + i] != without[2 * N + i];
    g_assert_cmpint (n_changed, >, 0.01 * N);
    g_assert_cmpint (n_changed, <=, 0.21 * N);
  }
}

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
  g_autoptr (DmlPicture) picture = make_picture (SIDE, SIDE, 3, 5);
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
          g_assert_cmpfloat_with_epsilon (code (out[c * N + y * SIDE + x]),
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
    g_autoptr (DmlPicture) picture = make_picture (n, n, 3, i);
    uint8_t *p = dml_picture_get_pixels (picture, NULL);
    const DmlPoint corner[4] = { { 0, 0 }, { n, 0 }, { n, n }, { 0, n } };
    g_autofree float *out = g_new (float, 3 * N);
    double squares = 0, signal = 0;
    DmlRng rng;

    dml_rng_init (&rng, i, 0); /* the hardest picture: white noise */
    for (int k = 0; k < 3 * n * n; k++)
      p[k] = (uint8_t) dml_rng_u32 (&rng);
    g_autofree float *want =
      run_plain (&plain, dml_picture_get_image (picture));

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

    got_x += code (out[at]) / 4;
    got_y += code (out[N + at]) / 4;
  }
  g_assert_cmpfloat_with_epsilon (got_x + 0.5, mid_x, 0.3);
  g_assert_cmpfloat_with_epsilon (got_y + 0.5, mid_y, 0.3);
  g_assert_cmpfloat_with_epsilon (code (out[0]) + 0.5, 31.5, 2.5);
  g_assert_cmpfloat_with_epsilon (code (out[N - 1]) + 0.5, 148.5, 2.5);
  g_assert_cmpfloat_with_epsilon (code (out[2 * N - 1]) + 0.5, 138.5, 2.5);
}

static DmlPicture *
flat_picture (int r, int g, int b, int a)
{
  DmlPicture *picture = dml_picture_new_rgb (70, 50, a < 0 ? 3 : 4, NULL);
  uint8_t *p = dml_picture_get_pixels (picture, NULL);

  for (int i = 0; i < 70 * 50; i++) {
    *p++ = (uint8_t) r;
    *p++ = (uint8_t) g;
    *p++ = (uint8_t) b;
    if (a >= 0)
      *p++ = (uint8_t) a;
  }
  return picture;
}

/* Geometry does nothing to a plain colour; light multiplies it. */
static void
test_flat_colour_through_geometry_and_light (void)
{
  g_autoptr (DmlPicture) picture = flat_picture (100, 60, 140, -1);
  const DmlImage *image = dml_picture_get_image (picture);
  double least = 9, most = 0;

  for (uint64_t stream = 0; stream < 200; stream++) {
    g_autofree float *still =
      run_policy ("none,crop=0.2,aspect=0.3,flip=0.5,flip-vertical=0.5,"
                  "rotate=180,perspective=0.4",
                  &plain, image, NULL, stream);
    g_autofree float *lit =
      run_policy ("none,brightness=0.5", &plain, image, NULL, stream);
    g_autofree float *tinted =
      run_policy ("none,cast=0.2", &plain, image, NULL, stream);
    g_autofree float *grey =
      run_policy ("none,saturation=3,contrast=3", &plain, image, NULL, stream);

    for (int i = 0; i < N; i++) {
      g_assert_cmpfloat_with_epsilon (still[i], 100 / 255.f, 1e-4);
      g_assert_cmpfloat_with_epsilon (still[N + i], 60 / 255.f, 1e-4);
      g_assert_cmpfloat_with_epsilon (still[2 * N + i], 140 / 255.f, 1e-4);
      g_assert_cmpfloat_with_epsilon (lit[i] / lit[N + i], 100 / 60.f, 1e-4);
    }
    least = MIN (least, code (lit[0]) / 100);
    most = MAX (most, code (lit[0]) / 100);
    for (int c = 0; c < 3; c++) {
      const float was = (float[]){ 100, 60, 140 }[c] / 255;

      g_assert_cmpfloat (tinted[c * N], <=, was * 1.2001f);
      g_assert_cmpfloat (tinted[c * N], >=, was / 1.2001f);
    }
    /* luma is kept by both */
    if (grey[0] > 0 && grey[N] > 0 && grey[2 * N] < 1)
      g_assert_cmpfloat_with_epsilon (0.299f * grey[0] + 0.587f * grey[N] +
                                        0.114f * grey[2 * N],
                                      (29.9f + 35.22f + 15.96f) / 255, 1e-4);
  }
  g_assert_cmpfloat (least, >=, 1 / 1.5001);
  g_assert_cmpfloat (least, <, 0.7);
  g_assert_cmpfloat (most, <=, 1.5001);
  g_assert_cmpfloat (most, >, 1.43);
}

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
  g_autoptr (DmlPicture) picture = make_picture (SIDE, SIDE, 3, 8);
  g_autofree float *was = run_plain (&plain, dml_picture_get_image (picture));
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

/* Through alpha 0 the other picture, before alpha 255 this one, and round a
 * picture with alpha nothing of it. */
static void
test_background_through_alpha (void)
{
  g_autoptr (DmlPicture) clear = flat_picture (200, 10, 10, 0);
  g_autoptr (DmlPicture) solid = flat_picture (200, 10, 10, 255);
  g_autoptr (DmlPicture) half = flat_picture (200, 10, 10, 102);
  g_autoptr (DmlPicture) behind = flat_picture (20, 220, 20, -1);
  const DmlPicture *fronts[] = { clear, solid, half };
  const double opacity[] = { 0, 1, 0.4 };

  for (int i = 0; i < 6; i++) {
    const char *policy =
      i % 2 ? "none,background=1,rotate=20" : "none,background=1";
    const DmlImage *front = dml_picture_get_image (fronts[i / 2]);
    g_autofree float *out =
      run_policy (policy, &plain, front, dml_picture_get_image (behind), 2);
    g_autofree float *alone = run_policy (policy, &plain, front, NULL, 2);

    for (int k = 0; k < N; k++) { /* 70 x 50: seen in the middle rows */
      const int x = k % SIDE, y = k / SIDE;
      const gboolean inside =
        abs (x - SIDE / 2) < SIDE / 4 && abs (y - SIDE / 2) < SIDE / 6;
      const gboolean outside = i % 2 == 0 && (y < 5 || y >= SIDE - 5);
      const double a = opacity[i / 2] * inside;

      if (!inside && !outside)
        continue;
      g_assert_cmpfloat_with_epsilon (code (out[k]), 200 * a + 20 * (1 - a), 1);
      g_assert_cmpfloat_with_epsilon (code (out[N + k]), 10 * a + 220 * (1 - a),
                                      1);
      g_assert_cmpfloat_with_epsilon (code (alone[k]), 200 * a + 128 * (1 - a),
                                      1);
    }
  }
}

/* The middle shows the picture, the corners what lies behind, in most views. */
static void
test_background_outside_a_super_ellipse (void)
{
  g_autoptr (DmlPicture) front = flat_picture (200, 200, 200, -1);
  g_autoptr (DmlPicture) behind = flat_picture (0, 0, 0, -1);
  int n_corners = 0, n_replaced = 0;
  double kept = 0;

  for (uint64_t stream = 0; stream < 300; stream++) {
    g_autofree float *out =
      run_policy ("none,background=0.6", &plain, dml_picture_get_image (front),
                  dml_picture_get_image (behind), stream);
    double sum = 0;

    g_assert_cmpfloat_with_epsilon (code (out[N / 2 + SIDE / 2]), 200, 1);
    for (int i = 0; i < N; i++)
      sum += code (out[i]) / 200 / N;
    if (sum > 0.999)
      continue;
    n_replaced++;
    kept += sum;
    n_corners += out[0] < 0.01f;
  }
  g_assert_cmpint (n_replaced, >, 150);
  g_assert_cmpint (n_replaced, <, 210);
  g_assert_cmpint (n_corners, >, n_replaced * 3 / 4);
  g_assert_cmpfloat (kept / n_replaced, >, 0.3);
  g_assert_cmpfloat (kept / n_replaced, <, 0.7);
}

static void
test_every_size_and_layout (void)
{
  static const int sizes[][2] = { { 1, 1 },   { 1, 50 },  { 2, 1 },
                                  { 300, 2 }, { 33, 47 }, { 700, 500 } };
  const uint8_t grey[35] = { 0, 10, 200 };
  const DmlImage grey_image = { .format = DML_PIXELS_GRAY8,
                                .width = 7,
                                .height = 5,
                                .plane = { grey },
                                .stride = { 7 } };

  for (unsigned i = 0; i < G_N_ELEMENTS (sizes); i++) {
    for (int nc = 3; nc <= 4; nc++) {
      g_autoptr (DmlPicture) picture =
        make_picture (sizes[i][0], sizes[i][1], nc, i);
      const DmlImage *image = dml_picture_get_image (picture);

      for (uint64_t stream = 0; stream < 10; stream++) {
        g_autofree float *a =
          run_policy ("strong", &usual, image, &grey_image, stream);
        g_autofree float *b = run_policy ("strong,background=1", &usual,
                                          &grey_image, image, stream);

        for (int k = 0; k < 3 * N; k++) {
          g_assert_cmpfloat (fabsf (a[k]), <, 3);
          g_assert_cmpfloat (fabsf (b[k]), <, 3);
        }
      }
    }
  }
}

static void
test_one_channel (void)
{
  g_autoptr (DmlPicture) picture = make_picture (90, 61, 3, 1);
  const DmlImage *image = dml_picture_get_image (picture);
  DmlPreprocess grey = plain;

  grey.channels = 1;
  g_autofree float *colour =
    run_policy ("none,rotate=10", &plain, image, NULL, 4);
  g_autofree float *one = run_policy ("none,rotate=10", &grey, image, NULL, 4);

  for (int i = 0; i < N; i++)
    g_assert_cmpfloat_with_epsilon (
      one[i],
      0.299f * colour[i] + 0.587f * colour[N + i] + 0.114f * colour[2 * N + i],
      1e-6);
}

static void
test_policy_text (void)
{
  static const struct {
    const char *text, *word;
  } wrong[] = {
    { "", "begins with no policy" },
    { "heavy", "begins with no policy" },
    { "default,rotat=3", "did you mean \"rotate\"" },
    { "default,colour=3", "there are crop" },
    { "default,rotate", "expected a change" },
    { "default,rotate=", "0 to 180" },
    { "default,rotate=-1", "0 to 180" },
    { "default,rotate=181", "0 to 180" },
    { "default,rotate=nan", "0 to 180" },
    { "default,rotate=3x", "0 to 180" },
  };
  DmlAugment policy = { .crop = 0.5f };

  for (unsigned i = 0; i < G_N_ELEMENTS (wrong); i++) {
    g_autoptr (GError) error = NULL;

    g_assert_false (dml_augment_parse (wrong[i].text, &policy, &error));
    g_assert_error (error, DML_ERROR, DML_ERROR_INVALID);
    g_assert_nonnull (strstr (error->message, wrong[i].word));
    g_assert_cmpfloat (policy.crop, ==, 0.5f); /* untouched */
  }
  g_assert_true (
    dml_augment_parse (" default , flip = 0,rotate=12.5", &policy, NULL));
  g_assert_cmpfloat (policy.flip, ==, 0);
  g_assert_cmpfloat (policy.rotate, ==, 12.5f);
  g_assert_cmpfloat (policy.crop, ==, 0.35f);
  g_autofree char *text = dml_augment_to_string (&policy);
  DmlAugment again;

  g_assert_cmpstr (
    text, ==,
    "none,crop=0.35,widen=1,aspect=0.25,rotate=12.5,brightness=0.5,"
    "contrast=0.3,saturation=0.3,cast=0.15,blur=1,noise=0.04,"
    "jpeg=0.1,erase=0.25,background=0.6,shrink=1,plain=0.25");
  g_assert_true (dml_augment_parse (text, &again, NULL));
  g_assert_cmpmem (&again, sizeof again, &policy, sizeof policy);
}

/* Every float of the struct has its row, and the presets are within bounds. */
static void
test_policy_table_is_whole (void)
{
  static const char *const presets[] = { "none", "light", "default", "strong" };

  g_assert_cmpuint (dml_augment_n_fields * sizeof (float), ==,
                    sizeof (DmlAugment));
  for (size_t i = 0; i < dml_augment_n_fields; i++)
    g_assert_cmpuint (dml_augment_fields[i].offset, ==, i * sizeof (float));
  for (unsigned i = 0; i < G_N_ELEMENTS (presets); i++) {
    DmlAugment policy;

    g_assert_true (dml_augment_parse (presets[i], &policy, NULL));
    g_autoptr (DmlAugmenter) augmenter =
      dml_augmenter_new (&policy, &plain, NULL);

    g_assert_nonnull (augmenter);
  }
}

static void
test_bad_input_is_refused (void)
{
  DmlAugment policy = { .rotate = 200 };
  g_autoptr (GError) error = NULL, other = NULL;
  uint8_t pixels[64] = { 0 };
  const DmlImage yuv = { .format = DML_PIXELS_YUY2,
                         .width = 4,
                         .height = 4,
                         .plane = { pixels },
                         .stride = { 8 },
                         .matrix = DML_MATRIX_BT601 };
  float out[3 * N];
  DmlRng rng;

  g_assert_null (dml_augmenter_new (&policy, &plain, &error));
  g_assert_error (error, DML_ERROR, DML_ERROR_INVALID);
  policy.rotate = 20;
  g_autoptr (DmlAugmenter) augmenter =
    dml_augmenter_new (&policy, &plain, NULL);

  dml_rng_init (&rng, 1, 1);
  g_assert_false (dml_augmenter_run (augmenter, &yuv, NULL, &rng, out, &other));
  g_assert_error (other, DML_ERROR, DML_ERROR_UNSUPPORTED);
}

static void
test_sheet (void)
{
  g_autoptr (DmlPicture) a = make_picture (90, 61, 3, 1);
  g_autoptr (DmlPicture) b = make_picture (50, 80, 4, 2);
  const DmlImage *pictures[] = { dml_picture_get_image (a),
                                 dml_picture_get_image (b) };
  g_autoptr (GError) error = NULL;
  DmlAugment policy;

  dml_augment_parse ("default", &policy, NULL);
  g_autoptr (DmlPicture) sheet =
    dml_augment_sheet (&policy, &usual, pictures, 2, 5, 3, &error);

  g_assert_no_error (error);
  g_assert_cmpint (dml_picture_get_width (sheet), ==, 6 * (SIDE + 2) - 2);
  g_assert_cmpint (dml_picture_get_height (sheet), ==, 2 * (SIDE + 2) - 2);
  g_autofree float *first = run_plain (&plain, pictures[0]);
  const uint8_t *p = dml_picture_get_pixels (sheet, NULL);

  for (int c = 0; c < 3; c++)
    g_assert_cmpfloat_with_epsilon (p[c], code (first[c * N]), 0.51);
}

static void
test_no_memory (void)
{
  g_autoptr (DmlPicture) picture = make_picture (90, 61, 4, 1);
  const DmlImage *image = dml_picture_get_image (picture);
  g_autofree float *out = g_new (float, 3 * N);
  DmlAugment policy;

  dml_mem_fail_nth (0);
  dml_mem_free (dml_mem_alloc (1, 1, NULL));
  if (dml_mem_fail_nth (0) == 0) {
    g_test_skip ("built without -Dfault_injection=true");
    return;
  }
  dml_augment_parse ("strong,background=1,jpeg=1", &policy, NULL);
  for (size_t n = 1;; n++) {
    g_autoptr (GError) error = NULL;
    DmlRng rng;
    gboolean done = FALSE;

    dml_rng_init (&rng, 1, 1);
    dml_mem_fail_nth (n);
    g_autoptr (DmlAugmenter) augmenter =
      dml_augmenter_new (&policy, &usual, &error);

    if (augmenter != NULL)
      done = dml_augmenter_run (augmenter, image, image, &rng, out, &error);
    const size_t n_asked = dml_mem_fail_nth (0);

    if (done) {
      g_assert_cmpuint (n_asked, <, n);
      g_assert_cmpuint (n, >, 6);
      return;
    }
    g_assert_error (error, DML_ERROR, DML_ERROR_NO_MEMORY);
    /* the same augmenter goes on once there is memory again */
    if (augmenter != NULL)
      g_assert_true (
        dml_augmenter_run (augmenter, image, image, &rng, out, NULL));
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/augment/none-is-preprocessing-to-the-bit",
                   test_none_is_preprocessing_to_the_bit);
  g_test_add_func ("/augment/stream-alone-decides", test_stream_alone_decides);
  g_test_add_func ("/augment/a-range-switched-off-leaves-the-others",
                   test_a_range_switched_off_leaves_the_others);
  g_test_add_func ("/augment/flat-colour-through-geometry-and-light",
                   test_flat_colour_through_geometry_and_light);
  g_test_add_func ("/augment/background-through-alpha",
                   test_background_through_alpha);
  g_test_add_func ("/augment/background-outside-a-super-ellipse",
                   test_background_outside_a_super_ellipse);
  g_test_add_func ("/augment/every-size-and-layout",
                   test_every_size_and_layout);
  g_test_add_func ("/augment/one-channel", test_one_channel);
  g_test_add_func ("/augment/policy-text", test_policy_text);
  g_test_add_func ("/augment/policy-table-is-whole",
                   test_policy_table_is_whole);
  g_test_add_func ("/augment/bad-input-is-refused", test_bad_input_is_refused);
  g_test_add_func ("/augment/sheet", test_sheet);
  g_test_add_func ("/augment/no-memory", test_no_memory);
  g_test_add_func ("/warp/quarter-turns-are-exact",
                   test_warp_quarter_turns_are_exact);
  g_test_add_func ("/warp/shrinks-as-preprocessing",
                   test_warp_shrinks_as_preprocessing);
  g_test_add_func ("/warp/perspective-follows-the-corners",
                   test_warp_perspective_follows_the_corners);
  g_test_add_func ("/photo/contrast-is-about-the-mean",
                   test_photo_contrast_is_about_the_mean);
  g_test_add_func ("/photo/blur", test_photo_blur);
  g_test_add_func ("/photo/noise", test_photo_noise);
  g_test_add_func ("/photo/jpeg", test_photo_jpeg);
  return g_test_run ();
}
