/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Pictures as objects: life, scaling, laying upon a background, saving. */
#include <dml/dml-image.h>
#include "image/preprocess.h"
#include "memory_faults.h"

#include <glib/gstdio.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static DmlPicture *
make_picture (int width, int height, int n_channels, unsigned seed)
{
  DmlPicture *picture = dml_picture_new_rgb (width, height, n_channels, NULL);
  uint8_t *p = dml_picture_get_pixels (picture, NULL);
  uint32_t state = seed;

  for (int i = 0; i < width * height * n_channels; i++) {
    state = state * 1664525u + 1013904223u;
    p[i] = (uint8_t) (state >> 24);
  }
  return picture;
}

static void
test_new_picture_is_black_and_bounded (void)
{
  static const int sizes[][2] = {
    { 0, 1 }, { 1, 0 }, { -1, 5 }, { 65501, 1 }, { 16001, 16000 }
  };
  g_autoptr (DmlPicture) picture = dml_picture_new_rgb (3, 2, 4, NULL);
  const uint8_t black[24] = { 0 };
  int stride;

  g_assert_cmpmem (dml_picture_get_pixels (picture, &stride), 24, black, 24);
  g_assert_cmpint (stride, ==, 12);
  g_assert_cmpint (dml_picture_get_width (picture), ==, 3);
  g_assert_cmpint (dml_picture_get_height (picture), ==, 2);
  g_assert_true (dml_picture_has_alpha (picture)); /* clear is not opaque */
  g_assert_cmpint (dml_picture_get_image (picture)->format, ==,
                   DML_PIXELS_RGBA);
  for (unsigned i = 0; i < G_N_ELEMENTS (sizes); i++) {
    g_autoptr (GError) error = NULL;
    const int want = i < 3 ? DML_ERROR_INVALID : DML_ERROR_LIMIT;

    g_assert_null (dml_picture_new_rgb (sizes[i][0], sizes[i][1], 3, &error));
    g_assert_error (error, DML_ERROR, want);
  }
}

static void
test_references (void)
{
  DmlPicture *picture = make_picture (4, 4, 3, 1);
  GValue value = G_VALUE_INIT;

  g_value_init (&value, DML_TYPE_PICTURE);
  g_value_set_boxed (&value, picture); /* takes one more */
  dml_picture_unref (picture);
  g_assert_true (g_value_get_boxed (&value) == picture);
  g_assert_cmpint (dml_picture_get_width (picture), ==, 4);
  g_value_unset (&value);
}

/* The same as preprocessing, rounded. */
static void
test_scale_is_the_one_filter (void)
{
  g_autoptr (DmlPicture) picture = make_picture (61, 43, 3, 1);
  const DmlPreprocess config = { 17,          29,          3,
                                 { 0, 0, 0 }, { 1, 1, 1 }, DML_FIT_STRETCH };
  g_autoptr (DmlPreprocessor) self = dml_preprocessor_new (&config, NULL);
  g_autoptr (DmlPicture) scaled = dml_picture_scale (picture, 17, 29, NULL);
  const uint8_t *p = dml_picture_get_pixels (scaled, NULL);
  float out[3 * 17 * 29];

  g_assert_true (dml_preprocessor_run (self, dml_picture_get_image (picture),
                                       NULL, out, NULL));
  for (int i = 0; i < 17 * 29; i++) {
    for (int c = 0; c < 3; c++)
      g_assert_cmpint (p[3 * i + c], ==,
                       (int) (out[c * 17 * 29 + i] * 255 + 0.5f));
  }
}

/* Colour under no alpha does not bleed into what is seen. */
static void
test_scale_weighs_colour_by_alpha (void)
{
  g_autoptr (DmlPicture) picture = dml_picture_new_rgb (40, 40, 4, NULL);
  uint8_t *p = dml_picture_get_pixels (picture, NULL);

  for (int i = 0; i < 1600; i++, p += 4) { /* green, cleared, beside red */
    const gboolean left = i % 40 < 20;

    p[left ? 0 : 1] = 200;
    p[3] = left ? 255 : 0;
  }
  g_autoptr (DmlPicture) scaled = dml_picture_scale (picture, 7, 7, NULL);
  const uint8_t *q = dml_picture_get_pixels (scaled, NULL);

  for (int i = 0; i < 49; i++, q += 4) {
    if (q[3] > 0) {
      g_assert_cmpint (abs (q[0] - 200), <=, 2);
      g_assert_cmpint (q[1], ==, 0);
    }
  }
  g_assert_cmpint (dml_picture_get_pixels (scaled, NULL)[3], ==, 255);
  g_assert_cmpint (dml_picture_get_pixels (scaled, NULL)[27], ==, 0);
}

static void
test_flatten_upon_a_colour (void)
{
  g_autoptr (DmlPicture) picture = make_picture (16, 16, 4, 3);
  g_autoptr (DmlPicture) flat =
    dml_picture_flatten (picture, NULL, 0x2040c0, NULL);
  const uint8_t *in = dml_picture_get_pixels (picture, NULL);
  const uint8_t *out = dml_picture_get_pixels (flat, NULL);
  const int below[3] = { 0x20, 0x40, 0xc0 };

  g_assert_false (dml_picture_has_alpha (flat));
  for (int i = 0; i < 256; i++) {
    for (int c = 0; c < 3; c++) {
      const double a = in[4 * i + 3] / 255.0;

      g_assert_cmpint (
        out[3 * i + c], ==,
        (int) floor (in[4 * i + c] * a + below[c] * (1 - a) + 0.5));
    }
  }
  /* an opaque picture is itself */
  g_autoptr (DmlPicture) opaque = make_picture (5, 5, 3, 1);
  g_autoptr (DmlPicture) same = dml_picture_flatten (opaque, NULL, 0, NULL);

  g_assert_true (same == opaque);
}

/* Alpha over mid grey is what preprocessing makes of it, to the bit. */
static void
test_flatten_is_what_preprocessing_does (void)
{
  g_autoptr (DmlPicture) picture = make_picture (33, 21, 4, 3);
  g_autoptr (DmlPicture) flat =
    dml_picture_flatten (picture, NULL, 0x808080, NULL);
  const DmlPreprocess config = { 8,           8,           3,
                                 { 0, 0, 0 }, { 1, 1, 1 }, DML_FIT_COVER };
  g_autoptr (DmlPreprocessor) self = dml_preprocessor_new (&config, NULL);
  float a[192], b[192];

  g_assert_true (dml_preprocessor_run (self, dml_picture_get_image (picture),
                                       NULL, a, NULL));
  g_assert_true (
    dml_preprocessor_run (self, dml_picture_get_image (flat), NULL, b, NULL));
  g_assert_cmpmem (a, sizeof a, b, sizeof b);
}

/* A wide background covers a square picture by its centre. */
static void
test_flatten_upon_a_picture (void)
{
  g_autoptr (DmlPicture) clear = dml_picture_new_rgb (20, 20, 4, NULL);
  g_autoptr (DmlPicture) wide = dml_picture_new_rgb (120, 40, 3, NULL);
  uint8_t *p = dml_picture_get_pixels (wide, NULL);

  for (int i = 0; i < 120 * 40; i++) /* thirds: red, green, blue */
    p[3 * i + i % 120 / 40] = 250;
  g_autoptr (DmlPicture) flat = dml_picture_flatten (clear, wide, 0, NULL);
  const uint8_t *q = dml_picture_get_pixels (flat, NULL);

  g_assert_cmpint (dml_picture_get_width (flat), ==, 20);
  for (int i = 0; i < 400; i++) {
    if (i % 20 == 0 || i % 20 == 19)
      continue; /* the filter reaches over the edge of the third */
    g_assert_cmpint (q[3 * i], ==, 0);
    g_assert_cmpint (q[3 * i + 1], ==, 250);
    g_assert_cmpint (q[3 * i + 2], ==, 0);
  }
}

static void
test_png_there_and_back (void)
{
  g_autofree char *folder = g_dir_make_tmp ("dml-image-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (folder, "p.png", NULL);
  g_autofree char *nowhere = g_build_filename (folder, "no", "p.png", NULL);
  g_autoptr (GError) error = NULL;

  for (int nc = 3; nc <= 4; nc++) {
    g_autoptr (DmlPicture) picture = make_picture (37, 11, nc, 1);
    g_autoptr (DmlPicture) again = NULL;

    g_assert_true (dml_picture_save_png (picture, path, &error));
    again = dml_picture_load (path, &error);
    g_assert_no_error (error);
    g_assert_cmpmem (dml_picture_get_pixels (again, NULL), 37 * 11 * nc,
                     dml_picture_get_pixels (picture, NULL), 37 * 11 * nc);
  }
  g_autoptr (DmlPicture) picture = make_picture (3, 3, 3, 1);

  g_assert_false (dml_picture_save_png (picture, nowhere, &error));
  g_assert_error (error, DML_ERROR, DML_ERROR_NOT_FOUND);
  g_assert_nonnull (strstr (error->message, nowhere));
  g_unlink (path);
  g_assert_cmpint (g_rmdir (folder), ==, 0);
}

static void
test_jpeg_thumbnails (void)
{
  static const struct {
    int width, height, max_side, want_width, want_height;
  } cases[] = {
    { 200, 100, 50, 50, 25 }, { 100, 200, 0, 100, 200 }, { 30, 20, 64, 30, 20 },
    { 1000, 1, 64, 64, 1 },   { 1, 1, 10, 1, 1 },
  };

  for (unsigned i = 0; i < G_N_ELEMENTS (cases); i++) {
    for (int nc = 3; nc <= 4; nc++) {
      g_autoptr (DmlPicture) picture =
        make_picture (cases[i].width, cases[i].height, nc, i);
      g_autoptr (GError) error = NULL;
      g_autoptr (GBytes) file =
        dml_picture_encode_jpeg (picture, cases[i].max_side, 90, &error);

      g_assert_no_error (error);
      g_autoptr (DmlPicture) again =
        dml_picture_load_bytes (file, "thumbnail", &error);

      g_assert_no_error (error);
      g_assert_cmpint (dml_picture_get_width (again), ==, cases[i].want_width);
      g_assert_cmpint (dml_picture_get_height (again), ==,
                       cases[i].want_height);
    }
  }
  /* what is clear becomes white */
  g_autoptr (DmlPicture) clear = dml_picture_new_rgb (16, 16, 4, NULL);
  g_autoptr (GBytes) file = dml_picture_encode_jpeg (clear, 0, 90, NULL);
  g_autoptr (DmlPicture) white = dml_picture_load_bytes (file, "w", NULL);

  g_assert_cmpint (dml_picture_get_pixels (white, NULL)[0], >=, 254);
}

/* The n-th allocation fails, for every n until none does. */
static void
test_no_memory (void)
{
  g_autoptr (DmlPicture) picture = make_picture (40, 30, 4, 1);
  g_autoptr (DmlPicture) behind = make_picture (50, 30, 4, 2);

  for (int what = 0; what < 3; what++) {
    for (MemoryFault fault = { .least = 2 }; memory_fault_left (&fault);) {
      g_autoptr (GError) error = NULL;
      g_autoptr (DmlPicture) other = NULL;
      g_autoptr (GBytes) file = NULL;

      memory_fault_arm (&fault);
      if (what == 0)
        other = dml_picture_scale (picture, 9, 9, &error);
      else if (what == 1)
        other = dml_picture_flatten (picture, behind, 0, &error);
      else
        file = dml_picture_encode_jpeg (picture, 9, 80, &error);
      memory_fault_check (&fault, other != NULL || file != NULL, error);
    }
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/image/new-picture-is-black-and-bounded",
                   test_new_picture_is_black_and_bounded);
  g_test_add_func ("/image/references", test_references);
  g_test_add_func ("/image/scale-is-the-one-filter",
                   test_scale_is_the_one_filter);
  g_test_add_func ("/image/scale-weighs-colour-by-alpha",
                   test_scale_weighs_colour_by_alpha);
  g_test_add_func ("/image/flatten-upon-a-colour", test_flatten_upon_a_colour);
  g_test_add_func ("/image/flatten-is-what-preprocessing-does",
                   test_flatten_is_what_preprocessing_does);
  g_test_add_func ("/image/flatten-upon-a-picture",
                   test_flatten_upon_a_picture);
  g_test_add_func ("/image/png-there-and-back", test_png_there_and_back);
  g_test_add_func ("/image/jpeg-thumbnails", test_jpeg_thumbnails);
  g_test_add_func ("/image/no-memory", test_no_memory);
  return g_test_run ();
}
