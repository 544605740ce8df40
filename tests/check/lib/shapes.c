/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Coloured shapes. */
#include "shapes.h"
#include "base/rng.h"

#include <glib/gstdio.h>
#include <math.h>

static gboolean
inside (guint shape, double x, double y)
{
  switch (shape % 4) {
  case 0:
    return x * x + y * y < 1;
  case 1:
    return fabs (x) < 0.8 && fabs (y) < 0.8;
  case 2:
    return y < 0.8 && y > 2 * fabs (x) - 0.9;
  default:
    return (fabs (x) < 0.3 && fabs (y) < 1) || (fabs (y) < 0.3 && fabs (x) < 1);
  }
}

DmlPicture *
shapes_picture (guint label, guint number, int side)
{
  static const guint8 colours[][3] = { { 220, 40, 40 },  { 40, 200, 60 },
                                       { 50, 70, 220 },  { 230, 210, 40 },
                                       { 200, 60, 200 }, { 240, 240, 240 } };
  DmlPicture *picture = dml_picture_new_rgb (side, side, 3, NULL);
  const guint8 *colour = colours[label / 4 % G_N_ELEMENTS (colours)];
  guint8 back[3];
  int stride;
  guint8 *row = dml_picture_get_pixels (picture, &stride);
  DmlRng rng;

  dml_rng_init (&rng, 1 + label, number);
  const double cx = side * (0.4 + 0.2 * dml_rng_uniform (&rng));
  const double cy = side * (0.4 + 0.2 * dml_rng_uniform (&rng));
  const double r = side * (0.25 + 0.15 * dml_rng_uniform (&rng));

  for (int c = 0; c < 3; c++)
    back[c] = (guint8) (60 + dml_rng_below (&rng, 100));
  for (int y = 0; y < side; y++, row += stride)
    for (int x = 0; x < side; x++) {
      const gboolean in = inside (label, (x - cx) / r, (y - cy) / r);
      const int noise = (int) dml_rng_below (&rng, 31) - 15;

      for (int c = 0; c < 3; c++)
        row[3 * x + c] =
          (guint8) CLAMP ((in ? colour[c] : back[c]) + noise, 0, 255);
    }
  return picture;
}

void
shapes_make (const char *folder, guint n_classes, guint n_pictures, int side)
{
  for (guint i = 0; i < n_classes; i++) {
    g_autofree char *class = g_strdup_printf ("%s/class-%02u", folder, i);

    g_assert_cmpint (g_mkdir_with_parents (class, 0777), ==, 0);
    for (guint j = 0; j < n_pictures; j++) {
      g_autoptr (DmlPicture) picture = shapes_picture (i, j, side);
      g_autofree char *path = g_strdup_printf ("%s/%02u.png", class, j);
      g_autoptr (GError) error = NULL;

      dml_picture_save_png (picture, path, &error);
      g_assert_no_error (error);
    }
  }
}

void
shapes_remove (const char *folder)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  const char *name;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL) {
    g_autofree char *path = g_build_filename (folder, name, NULL);

    if (g_file_test (path, G_FILE_TEST_IS_DIR) &&
        !g_file_test (path, G_FILE_TEST_IS_SYMLINK))
      shapes_remove (path);
    else
      g_unlink (path);
  }
  g_rmdir (folder);
}
