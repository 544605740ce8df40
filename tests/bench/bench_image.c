/* SPDX-License-Identifier: LGPL-2.1-or-later
 * What preprocessing costs (milliseconds a region, by layout and size) and what
 * augmentation does (milliseconds a view, by policy), on one core. Usage:
 * bench_image [SECONDS], how long each case is timed. */
#include "image/augment.h"
#include "image_maker.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define ALL                                                                    \
  {                                                                            \
    0, 0, 0, 0                                                                 \
  }

static const DmlPreprocess to_64 = {
  64,           64, 3, { 0.485f, 0.456f, 0.406f }, { 0.229f, 0.224f, 0.225f },
  DML_FIT_COVER
};

/* Milliseconds of this thread's own time: others may want the core too. */
static double
thread_ms (void)
{
  struct timespec t;

  clock_gettime (CLOCK_THREAD_CPUTIME_ID, &t);
  return (double) t.tv_sec * 1e3 + (double) t.tv_nsec / 1e6;
}

/* The fastest of many runs: what disturbs only ever adds. */
static double
time_case (const DmlPreprocess *config, const DmlImage *image,
           const DmlRegion *region, double seconds)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (DmlPreprocessor) self = dml_preprocessor_new (config, &error);
  g_autofree float *out = g_new (float, 3 * config->width * config->height);
  double best = G_MAXDOUBLE;
  const double end = thread_ms () + seconds * 1e3;

  g_assert_no_error (error);
  while (best == G_MAXDOUBLE || thread_ms () < end) {
    const double start = thread_ms ();

    if (!dml_preprocessor_run (self, image, region, out, &error))
      g_error ("%s", error->message);
    best = MIN (best, thread_ms () - start);
  }
  return best;
}

/* Waves with some grain: neither flat nor pure noise, as photographs. */
static DmlPicture *
make_photograph (uint64_t stream)
{
  enum { SIDE = 128 };
  DmlPicture *picture = dml_picture_new_rgb (SIDE, SIDE, 3, NULL);
  uint8_t *p = dml_picture_get_pixels (picture, NULL);
  DmlRng rng;

  dml_rng_init (&rng, 1, stream);
  const double a = 0.3 * dml_rng_uniform (&rng);
  const double b = 0.3 * dml_rng_uniform (&rng);

  for (int i = 0; i < SIDE * SIDE; i++) {
    for (int c = 0; c < 3; c++)
      *p++ = (uint8_t) (118 + 70 * sin (a * (i % SIDE) + c) +
                        50 * sin (b * (i / SIDE)) + dml_rng_below (&rng, 17));
  }
  return picture;
}

/* Views of 16 pictures of 128 pixels a side, as a training set has them. */
static void
time_policy (const char *text, int side, double seconds)
{
  enum { N_PICTURES = 16, N_VIEWS = 64 };
  g_autoptr (GError) error = NULL;
  g_autofree float *out = g_new (float, 3 * side * side);
  DmlPicture *pictures[N_PICTURES];
  DmlPreprocess config = to_64;
  DmlAugment policy;
  double best = G_MAXDOUBLE;

  config.width = config.height = side;
  if (!dml_augment_parse (text, &policy, &error))
    g_error ("%s", error->message);
  g_autoptr (DmlAugmenter) self = dml_augmenter_new (&policy, &config, &error);

  g_assert_no_error (error);
  for (int i = 0; i < N_PICTURES; i++)
    pictures[i] = make_photograph ((uint64_t) i);
  const double end = thread_ms () + seconds * 1e3;

  while (best == G_MAXDOUBLE || thread_ms () < end) {
    const double start = thread_ms ();

    for (int k = 0; k < N_VIEWS; k++) {
      DmlRng rng;

      dml_rng_init (&rng, 2, (uint64_t) k);
      if (!dml_augmenter_run (
            self, dml_picture_get_image (pictures[k % N_PICTURES]),
            dml_picture_get_image (pictures[(k * 5 + 3) % N_PICTURES]), &rng,
            out, &error))
        g_error ("%s", error->message);
    }
    best = MIN (best, (thread_ms () - start) / N_VIEWS);
  }
  printf ("%-9s %3d px %14.3f ms a view %9.0f views/s\n", text, side, best,
          1000 / best);
  for (int i = 0; i < N_PICTURES; i++)
    dml_picture_unref (pictures[i]);
}

int
main (int argc, char **argv)
{
  static const struct {
    int width, height, out;
    DmlRegion region; /* width 0: all */
  } cases[] = {
    { 1920, 1080, 64, ALL },  { 1920, 1080, 96, ALL },
    { 1920, 1080, 224, ALL }, { 1920, 1080, 64, { 811, 333, 200, 300 } },
    { 640, 480, 64, ALL },    { 3840, 2160, 64, ALL },
  };
  static const char *const policies[] = { "none", "light", "default",
                                          "strong" };
  const double seconds = argc > 1 ? atof (argv[1]) : 0.2;

  printf ("%-9s", "ms");
  for (unsigned i = 0; i < G_N_ELEMENTS (cases); i++)
    printf (" %4dx%-4d%s>%-3d", cases[i].width, cases[i].height,
            cases[i].region.width > 0 ? "r" : " ", cases[i].out);
  printf ("\n");
  for (int f = 0; f < DML_PIXELS_UNPACK8; f++) {
    printf ("%-9s", test_format_name (f));
    for (unsigned i = 0; i < G_N_ELEMENTS (cases); i++) {
      g_autoptr (TestImage) image =
        test_image_new (f, cases[i].width, cases[i].height, 1, 0, FALSE);
      DmlPreprocess config = to_64;

      config.width = config.height = cases[i].out;
      printf (" %14.3f",
              time_case (&config, &image->image,
                         cases[i].region.width > 0 ? &cases[i].region : NULL,
                         seconds));
      fflush (stdout);
    }
    printf ("\n");
  }
  for (unsigned i = 0; i < G_N_ELEMENTS (policies); i++) {
    for (int side = 64; side <= 96; side += 32)
      time_policy (policies[i], side, seconds);
  }
  return 0;
}
