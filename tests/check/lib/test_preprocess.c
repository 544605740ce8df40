/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Preprocessing: against a reference in double, against Pillow, and what it
 * must not touch. */
#include "image/preprocess.h"
#include "image_maker.h"
#include "reference_preprocess.h"
#include "memory_faults.h"
#include "base/rng.h"

#include <json-glib/json-glib.h>
#include <math.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Weights have 15 to 16 bits and the row between has 15: a hundredth of a level
 * for most, more where many weights are rounded. */
#define TOLERANCE (0.1 / 255)

/* Thousands of weights of 15 bits, each rounded. */
#define TOLERANCE_MANY (0.5 / 255)

static const DmlPreprocess plain = {
  9, 7, 3, { 0, 0, 0 }, { 1, 1, 1 }, DML_FIT_STRETCH
};

static float *
run (const DmlPreprocess *config, const DmlImage *image,
     const DmlRegion *region)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (DmlPreprocessor) preprocessor =
    dml_preprocessor_new (config, &error);
  float *out = g_new (float, config->channels * config->width * config->height);

  g_assert_no_error (error);
  g_assert_true (
    dml_preprocessor_run (preprocessor, image, region, out, &error));
  g_assert_no_error (error);
  return out;
}

static void
compare_within (double tolerance, const DmlPreprocess *config,
                const DmlImage *image, const DmlRegion *region,
                const char *what)
{
  const int n = config->channels * config->width * config->height;
  g_autofree float *got = run (config, image, region);
  g_autofree double *want = g_new (double, n);

  reference_preprocess (config, image, region, want);
  for (int i = 0; i < n; i++) {
    if (fabs ((double) got[i] - want[i]) > tolerance)
      g_error (
        "%s %s %dx%d to %dx%d, region %g %g %g %g, value %d: got %.3f, "
        "expected %.3f levels",
        what, test_format_name (image->format), image->width, image->height,
        config->width, config->height, region ? (double) region->x : 0.,
        region ? (double) region->y : 0., region ? (double) region->width : 0.,
        region ? (double) region->height : 0., i, (double) got[i] * 255,
        want[i] * 255);
  }
}

static void
compare (const DmlPreprocess *config, const DmlImage *image,
         const DmlRegion *region, const char *what)
{
  compare_within (TOLERANCE, config, image, region, what);
}

static void
test_every_format_and_odd_size (void)
{
  static const int sizes[] = { 1, 2, 3, 5, 8, 13, 31, 32, 67 };

  for (int format = 0; format < DML_PIXELS_N_FORMATS; format++) {
    for (unsigned i = 0; i < G_N_ELEMENTS (sizes); i++) {
      for (unsigned k = i % 4; k < G_N_ELEMENTS (sizes); k += 4) {
        g_autoptr (TestImage) image = test_image_new (
          format, sizes[i], sizes[k], i * 100 + k, i % 2 ? 0 : 12, k % 2);

        compare (&plain, &image->image, NULL, "whole");
      }
    }
  }
}

static void
test_regions_in_and_out_of_frame (void)
{
  static const DmlRegion regions[] = {
    { 0, 0, 41, 29 },
    { 3, 4, 17, 19 },
    { 2.3f, 5.8f, 30.1f, 9.9f },
    { 20.25f, 11, 0.5f, 0.3f },
    { -9, -4, 30, 20 },
    { 30, 20, 33.3f, 25.5f },
    { -20, -20, 90, 80 },
    { 50, 3, 10, 10 },
    { -30, -40, 8, 9 },
    { 5, 5, 0.001f, 0.001f },
    { 40, 28, 1, 1 },
    { 0, 0, 1, 29 },
    { -500, 3, 1041, 4 },
    { 11, -3000, 7, 6029 },
  };

  for (int format = 0; format < DML_PIXELS_N_FORMATS; format++) {
    g_autoptr (TestImage) image = test_image_new (format, 41, 29, 5, 4, FALSE);

    for (unsigned i = 0; i < G_N_ELEMENTS (regions); i++) {
      DmlPreprocess config = plain;

      /* far out, the reference would take seconds over a square */
      config.fit = regions[i].width > 100 ? DML_FIT_STRETCH : i % 3;
      config.channels = i % 4 == 3 ? 1 : 3;
      image->image.outside = DML_OUTSIDE_EDGE;
      compare (&config, &image->image, &regions[i], "region");
      image->image.outside = DML_OUTSIDE_CLEAR;
      compare (&config, &image->image, &regions[i], "clear outside");
    }
  }
}

static void
test_matrices_ranges_and_sitings (void)
{
  static const DmlPixelFormat formats[] = {
    DML_PIXELS_I420,  DML_PIXELS_YUY2,     DML_PIXELS_Y444,
    DML_PIXELS_P010,  DML_PIXELS_I420_10,  DML_PIXELS_RGBA,
    DML_PIXELS_GRAY8, DML_PIXELS_UNPACK16, DML_PIXELS_UNPACK8
  };

  for (unsigned f = 0; f < G_N_ELEMENTS (formats); f++) {
    g_autoptr (TestImage) image =
      test_image_new (formats[f], 22, 15, f, 0, FALSE);

    for (int variant = 0; variant < 24; variant++) {
      image->image.matrix = variant % 6;
      image->image.range = variant / 6 % 2;
      image->image.siting = variant / 12;
      if (formats[f] == DML_PIXELS_RGBA || formats[f] == DML_PIXELS_GRAY8)
        image->image.matrix = DML_MATRIX_RGB;
      compare (&plain, &image->image, NULL, "colour");
    }
  }
}

/* Far enough down that an output is made of thousands of samples. */
static void
test_many_taps (void)
{
  static const DmlPixelFormat formats[] = { DML_PIXELS_NV12, DML_PIXELS_RGB,
                                            DML_PIXELS_GRAY16,
                                            DML_PIXELS_V210 };
  DmlPreprocess config = plain;

  config.width = config.height = 3;
  for (unsigned f = 0; f < G_N_ELEMENTS (formats); f++) {
    g_autoptr (TestImage) wide =
      test_image_new (formats[f], 4001, 5, f, 0, FALSE);
    g_autoptr (TestImage) tall =
      test_image_new (formats[f], 6, 3001, f, 0, FALSE);

    compare_within (TOLERANCE_MANY, &config, &wide->image, NULL, "wide");
    compare_within (TOLERANCE_MANY, &config, &tall->image, NULL, "tall");
  }
}

static void
test_enlarging_and_same_size (void)
{
  static const DmlPixelFormat formats[] = { DML_PIXELS_NV21, DML_PIXELS_BGRX,
                                            DML_PIXELS_UYVY, DML_PIXELS_V210 };

  for (unsigned f = 0; f < G_N_ELEMENTS (formats); f++) {
    g_autoptr (TestImage) image = test_image_new (formats[f], 13, 11, f, 0, 0);
    DmlPreprocess config = plain;

    config.width = 61;
    config.height = 77;
    compare (&config, &image->image, NULL, "enlarged");
    config.width = 13;
    config.height = 11;
    compare (&config, &image->image, NULL, "same size");
  }
}

static void
test_mean_and_deviation (void)
{
  const DmlPreprocess config = { 5,
                                 5,
                                 3,
                                 { 0.485f, 0.456f, 0.406f },
                                 { 0.229f, 0.224f, 0.225f },
                                 DML_FIT_COVER };
  DmlPreprocess bare = config;
  g_autoptr (TestImage) image =
    test_image_new (DML_PIXELS_RGB, 20, 30, 1, 0, 0);

  for (int k = 0; k < 3; k++) {
    bare.mean[k] = 0;
    bare.std[k] = 1;
  }
  g_autofree float *got = run (&config, &image->image, NULL);
  g_autofree float *raw = run (&bare, &image->image, NULL);

  for (int i = 0; i < 75; i++)
    g_assert_cmpfloat_with_epsilon (
      got[i], (raw[i] - config.mean[i / 25]) / config.std[i / 25], 1e-6);
}

/* A colour is itself whatever is done to its picture's size. */
static void
test_flat_colour_is_exact (void)
{
  uint8_t pixels[33 * 21 * 3];
  const DmlImage image = { .format = DML_PIXELS_RGB,
                           .width = 33,
                           .height = 21,
                           .plane = { pixels },
                           .stride = { 99 } };

  for (int v = 0; v < 256; v += 5) {
    memset (pixels, v, sizeof pixels);
    g_autofree float *got = run (&plain, &image, NULL);

    for (int i = 0; i < 3 * 63; i++)
      g_assert_cmpfloat_with_epsilon (got[i], (float) v / 255, 1e-7);
  }
}

static void
fill_like_pillow_script (uint8_t *pixels, int n)
{
  uint32_t state = 12345;

  for (int i = 0; i < n; i++) {
    state = state * 1664525u + 1013904223u;
    pixels[i] = (uint8_t) (state >> 24);
  }
}

static void
check_golden_case (JsonObject *item)
{
  JsonArray *size = json_object_get_array_member (item, "picture");
  JsonArray *box = json_object_get_array_member (item, "box");
  JsonArray *output = json_object_get_array_member (item, "output");
  const int width = json_array_get_int_element (size, 0);
  const int height = json_array_get_int_element (size, 1);
  const DmlRegion region = {
    (float) json_array_get_double_element (box, 0),
    (float) json_array_get_double_element (box, 1),
    (float) json_array_get_double_element (box, 2),
    (float) json_array_get_double_element (box, 3),
  };
  DmlPreprocess config = plain;
  g_autofree uint8_t *pixels = g_malloc (width * height * 3);
  const DmlImage image = { .format = DML_PIXELS_RGB,
                           .width = width,
                           .height = height,
                           .plane = { pixels },
                           .stride = { 3 * width } };
  gsize n_bytes;
  g_autofree guchar *want =
    g_base64_decode (json_object_get_string_member (item, "rgb"), &n_bytes);

  config.width = json_array_get_int_element (output, 0);
  config.height = json_array_get_int_element (output, 1);
  fill_like_pillow_script (pixels, width * height * 3);
  g_autofree float *got = run (&config, &image, &region);
  const int n = config.width * config.height;

  g_assert_cmpint (n_bytes, ==, 3 * n);
  for (int i = 0; i < n; i++) {
    for (int k = 0; k < 3; k++)
      g_assert_cmpint (
        abs ((int) lrintf (got[k * n + i] * 255) - want[3 * i + k]), <=, 1);
  }
}

static void
test_agrees_with_pillow (void)
{
  g_autofree char *path = g_build_filename (
    g_getenv ("DML_TEST_SOURCE_ROOT"), "tests", "golden", "resize.json", NULL);
  g_autoptr (JsonParser) parser = json_parser_new ();
  g_autoptr (GError) error = NULL;

  json_parser_load_from_file (parser, path, &error);
  g_assert_no_error (error);
  JsonArray *cases = json_object_get_array_member (
    json_node_get_object (json_parser_get_root (parser)), "cases");

  g_assert_cmpuint (json_array_get_length (cases), >=, 14);
  for (unsigned i = 0; i < json_array_get_length (cases); i++)
    check_golden_case (json_array_get_object_element (cases, i));
}

/* A page a row, all but the region's own rows out of reach. */
static void
test_rows_outside_the_region_are_not_touched (void)
{
  const int page = (int) sysconf (_SC_PAGESIZE), rows = 40;
  uint8_t *pixels = mmap (NULL, (size_t) page * rows, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  const DmlImage image = { .format = DML_PIXELS_GRAY8,
                           .width = page,
                           .height = rows,
                           .plane = { pixels },
                           .stride = { page } };
  const DmlRegion region = { 100, 10, 500, 14 };
  DmlPreprocess config = plain;

  config.height = 14; /* one to one: an output has one row */
  mprotect (pixels, (size_t) page * 10, PROT_NONE);
  mprotect (pixels + page * 24, (size_t) page * (rows - 24), PROT_NONE);
  g_autofree float *got = run (&config, &image, &region);

  g_assert_cmpfloat (got[0], ==, 0);
  munmap (pixels, (size_t) page * rows);
}

static void
test_same_bytes_again_and_in_other_order (void)
{
  DmlPreprocess config = plain;
  g_autoptr (TestImage) a = test_image_new (DML_PIXELS_NV12, 64, 48, 1, 0, 0);
  g_autoptr (TestImage) b = test_image_new (DML_PIXELS_RGBA, 30, 90, 2, 0, 0);
  const DmlRegion region = { 5.5f, -3, 40, 20 };
  const size_t size = sizeof (float) * 3 * 9 * 7;

  config.fit = DML_FIT_CONTEXT;
  g_autofree float *alone = run (&config, &a->image, &region);
  g_autoptr (DmlPreprocessor) busy = dml_preprocessor_new (&config, NULL);
  g_autofree float *out = g_malloc (size);

  for (int i = 0; i < 3; i++) {
    g_assert_true (dml_preprocessor_run (busy, &b->image, NULL, out, NULL));
    g_assert_true (dml_preprocessor_run (busy, &a->image, NULL, out, NULL));
    g_assert_true (dml_preprocessor_run (busy, &a->image, &region, out, NULL));
    g_assert_cmpmem (out, size, alone, size);
  }
}

/* The same on every machine, at every instruction set: integers up to the last
 * step, and no step fused there. Made by this test; it changes only with the
 * rule itself. */
static void
test_check_sum_of_every_layout (void)
{
  static const char want[] =
    "19c18f5adc11d7e790490fa7cacfb1c334b40d12832fa9e82d201d1ccd868166";
  g_autoptr (GChecksum) sum = g_checksum_new (G_CHECKSUM_SHA256);
  static const DmlRegion regions[] = { { 3.5f, 2.25f, 31, 17 },
                                       { -11, 5, 70, 40 },
                                       { 20, 20, 2, 3 } };

  if (G_BYTE_ORDER != G_LITTLE_ENDIAN) {
    g_test_skip ("made of bytes in little-endian order");
    return;
  }
  for (int format = 0; format < DML_PIXELS_N_FORMATS; format++) {
    g_autoptr (TestImage) image = test_image_new (format, 61, 43, 9, 0, FALSE);

    for (unsigned i = 0; i < G_N_ELEMENTS (regions); i++) {
      g_autofree float *out = run (&plain, &image->image, &regions[i]);

      g_checksum_update (sum, (const guchar *) out,
                         (gssize) (sizeof *out * 3 * 9 * 7));
    }
  }
  g_assert_cmpstr (g_checksum_get_string (sum), ==, want);
}

/* Regions may be anything: memory is asked for once an image size. */
static void
test_nothing_is_allocated_twice (void)
{
  static const DmlPixelFormat formats[] = { DML_PIXELS_NV12, DML_PIXELS_RGBA,
                                            DML_PIXELS_V210,
                                            DML_PIXELS_UNPACK16 };
  g_autofree float *out = g_new (float, 3 * 9 * 7);

  if (!memory_can_fail ())
    return;
  for (unsigned f = 0; f < G_N_ELEMENTS (formats); f++) {
    g_autoptr (TestImage) image =
      test_image_new (formats[f], 121, 83, f, 0, FALSE);
    g_autoptr (DmlPreprocessor) self = dml_preprocessor_new (&plain, NULL);
    g_autoptr (GError) error = NULL;
    DmlRng rng;

    dml_rng_init (&rng, f, 0);
    dml_mem_fail_nth (1); /* the first call does ask */
    g_assert_false (
      dml_preprocessor_run (self, &image->image, NULL, out, &error));
    g_assert_error (error, DML_ERROR, DML_ERROR_NO_MEMORY);
    g_assert_true (dml_preprocessor_run (self, &image->image, NULL, out, NULL));
    dml_mem_fail_nth (0);
    for (int i = 0; i < 200; i++) {
      const DmlRegion region = {
        (float) (300 * dml_rng_uniform (&rng) - 150),
        (float) (300 * dml_rng_uniform (&rng) - 150),
        (float) exp (8 * dml_rng_uniform (&rng) - 2),
        (float) exp (8 * dml_rng_uniform (&rng) - 2),
      };

      g_assert_true (
        dml_preprocessor_run (self, &image->image, &region, out, NULL));
    }
    g_assert_cmpuint (dml_mem_fail_nth (0), ==, 0);
  }
}

static void
test_bad_input_is_refused (void)
{
  g_autoptr (TestImage) image = test_image_new (DML_PIXELS_RGB, 9, 9, 1, 0, 0);
  g_autoptr (DmlPreprocessor) self = dml_preprocessor_new (&plain, NULL);
  static const DmlRegion bad[] = {
    { 0, 0, 0, 5 },    { 0, 0, 5, -1 },       { NAN, 0, 5, 5 },
    { 0, 0, 5, NAN },  { 0, INFINITY, 5, 5 }, { 0, 0, INFINITY, 5 },
    { 1e9f, 0, 5, 5 }, { 0, 0, 1e30f, 5 },
  };
  float out[3 * 9 * 7];

  for (unsigned i = 0; i < G_N_ELEMENTS (bad); i++) {
    g_autoptr (GError) error = NULL;

    g_assert_false (
      dml_preprocessor_run (self, &image->image, &bad[i], out, &error));
    g_assert_error (error, DML_ERROR, DML_ERROR_INVALID);
  }
  for (int what = 0; what < 6; what++) {
    g_autoptr (GError) error = NULL;
    DmlImage view = image->image;

    if (what == 0)
      view.width = 0;
    else if (what == 1)
      view.height = -3;
    else if (what == 2)
      view.stride[0] = 26; /* 27 bytes a row */
    else if (what == 3)
      view.plane[0] = NULL;
    else if (what == 4)
      view.format = DML_PIXELS_N_FORMATS;
    else
      view.matrix = 77;
    g_assert_false (dml_preprocessor_run (self, &view, NULL, out, &error));
    g_assert_error (error, DML_ERROR, DML_ERROR_INVALID);
  }
}

static void
test_bad_config_is_refused (void)
{
  for (int what = 0; what < 6; what++) {
    g_autoptr (GError) error = NULL;
    DmlPreprocess config = plain;

    if (what == 0)
      config.width = 0;
    else if (what == 1)
      config.height = DML_PREPROCESS_MAX_SIDE + 1;
    else if (what == 2)
      config.channels = 2;
    else if (what == 3)
      config.std[1] = 0;
    else if (what == 4)
      config.mean[2] = NAN;
    else
      config.fit = 3;
    g_assert_null (dml_preprocessor_new (&config, &error));
    g_assert_error (error, DML_ERROR, DML_ERROR_INVALID);
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/preprocess/every-format-and-odd-size",
                   test_every_format_and_odd_size);
  g_test_add_func ("/preprocess/regions-in-and-out-of-frame",
                   test_regions_in_and_out_of_frame);
  g_test_add_func ("/preprocess/matrices-ranges-and-sitings",
                   test_matrices_ranges_and_sitings);
  g_test_add_func ("/preprocess/many-taps", test_many_taps);
  g_test_add_func ("/preprocess/enlarging-and-same-size",
                   test_enlarging_and_same_size);
  g_test_add_func ("/preprocess/mean-and-deviation", test_mean_and_deviation);
  g_test_add_func ("/preprocess/flat-colour-is-exact",
                   test_flat_colour_is_exact);
  g_test_add_func ("/preprocess/agrees-with-pillow", test_agrees_with_pillow);
  g_test_add_func ("/preprocess/rows-outside-the-region-are-not-touched",
                   test_rows_outside_the_region_are_not_touched);
  g_test_add_func ("/preprocess/same-bytes-again-and-in-other-order",
                   test_same_bytes_again_and_in_other_order);
  g_test_add_func ("/preprocess/check-sum-of-every-layout",
                   test_check_sum_of_every_layout);
  g_test_add_func ("/preprocess/nothing-is-allocated-twice",
                   test_nothing_is_allocated_twice);
  g_test_add_func ("/preprocess/bad-input-is-refused",
                   test_bad_input_is_refused);
  g_test_add_func ("/preprocess/bad-config-is-refused",
                   test_bad_config_is_refused);
  return g_test_run ();
}
