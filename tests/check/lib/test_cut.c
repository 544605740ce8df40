/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Regions of an image as pictures. */
#include "image_maker.h"

#include <string.h>

static void
whole_rgb_is_itself (void)
{
  g_autoptr (TestImage) test =
    test_image_new (DML_PIXELS_RGB, 13, 9, 1, 4, FALSE);
  g_autoptr (GError) error = NULL;
  g_autoptr (DmlPicture) picture =
    dml_picture_new_from_image (&test->image, NULL, 0, &error);
  int stride;
  const uint8_t *pixels;

  g_assert_no_error (error);
  g_assert_cmpint (dml_picture_get_width (picture), ==, 13);
  g_assert_cmpint (dml_picture_get_height (picture), ==, 9);
  pixels = dml_picture_get_pixels (picture, &stride);
  for (int y = 0; y < 9; y++)
    g_assert_cmpmem (pixels + y * stride, 13 * 3,
                     test->image.plane[0] + y * test->image.stride[0], 13 * 3);
}

static void
keeps_proportions (void)
{
  g_autoptr (TestImage) test =
    test_image_new (DML_PIXELS_NV12, 200, 100, 2, 0, FALSE);
  const DmlRegion region = { 10, 10, 120, 60 };
  g_autoptr (GError) error = NULL;
  g_autoptr (DmlPicture) small =
    dml_picture_new_from_image (&test->image, &region, 32, &error);
  g_autoptr (DmlPicture) own =
    dml_picture_new_from_image (&test->image, &region, 0, &error);

  g_assert_no_error (error);
  g_assert_cmpint (dml_picture_get_width (small), ==, 32);
  g_assert_cmpint (dml_picture_get_height (small), ==, 16);
  g_assert_cmpint (dml_picture_get_width (own), ==, 120);
  g_assert_cmpint (dml_picture_get_height (own), ==, 60);
}

static void
empty_region_is_an_error (void)
{
  g_autoptr (TestImage) test =
    test_image_new (DML_PIXELS_GRAY8, 8, 8, 3, 0, FALSE);
  const DmlRegion region = { 1, 1, 0, 4 };
  g_autoptr (GError) error = NULL;

  g_assert_null (dml_picture_new_from_image (&test->image, &region, 0, &error));
  g_assert_error (error, DML_ERROR, DML_ERROR_INVALID);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/cut/whole-rgb-is-itself", whole_rgb_is_itself);
  g_test_add_func ("/cut/keeps-proportions", keeps_proportions);
  g_test_add_func ("/cut/empty-region-is-an-error", empty_region_is_an_error);
  return g_test_run ();
}
