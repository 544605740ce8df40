/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Writes the seeds of fuzz_picture and fuzz_preprocess: one small picture of
 * every kind that the decoders tell apart. Usage: make_picture_corpus picture
 * FOLDER | preprocess FOLDER. */
#include "picture_maker.h"
#include "image/pixels.h"

#include <glib/gstdio.h>
#include <png.h>
#include <string.h>

static void
save (const char *folder, const char *name, GByteArray *file)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);
  g_autoptr (GError) error = NULL;

  if (!g_file_set_contents (path, (const char *) file->data, file->len, &error))
    g_error ("%s", error->message);
  g_byte_array_unref (file);
}

static void
make_pictures (const char *folder)
{
  enum { W = 19, H = 13 };
  uint8_t pixels[W * H * 8];

  for (unsigned i = 0; i < sizeof pixels; i++)
    pixels[i] = (uint8_t) (i * 5 + i / 60);
  for (int kind = JPEG_RGB; kind <= JPEG_YCCK; kind++) {
    for (int progressive = 0; progressive < 2; progressive++) {
      g_autofree char *name =
        g_strdup_printf ("jpeg-%d-%d.jpg", kind, progressive);

      save (folder, name,
            make_jpeg (pixels, W, H, kind, progressive, kind + 4));
    }
  }
  static const int types[] = { PNG_COLOR_TYPE_GRAY, PNG_COLOR_TYPE_GRAY_ALPHA,
                               PNG_COLOR_TYPE_RGB, PNG_COLOR_TYPE_RGBA };

  for (unsigned t = 0; t < G_N_ELEMENTS (types); t++) {
    for (int depth = 8; depth <= 16; depth += 8) {
      g_autofree char *name =
        g_strdup_printf ("png-%d-%d.png", types[t], depth);

      save (folder, name,
            make_png (pixels, W, H, types[t], depth, depth == 16,
                      types[t] == PNG_COLOR_TYPE_GRAY, (int) t * 2));
    }
  }
  for (int i = 0; i < W * H; i++)
    pixels[i] &= 15;
  save (folder, "png-palette.png",
        make_png (pixels, W, H, PNG_COLOR_TYPE_PALETTE, 8, FALSE, TRUE, 0));
  save (folder, "webp-lossy.webp", make_webp (pixels, W, H, FALSE, 0, 0));
  save (folder, "webp-lossless.webp", make_webp (pixels, W, H, TRUE, 0, 0));
  save (folder, "webp-exif.webp", make_webp (pixels, W, H, FALSE, 6, 0));
  save (folder, "webp-moving.webp", make_webp (pixels, W, H, TRUE, 0, 4));
}

/* fuzz_preprocess.c's struct Case: eight bytes and a region. */
static void
make_cases (const char *folder)
{
  static const DmlRegion regions[] = { { 0, 0, 30, 20 },
                                       { -9.5f, 3, 50, 7 },
                                       { 12, 9, 0.1f, 0.1f } };

  for (int format = 0; format < DML_PIXELS_N_FORMATS; format++) {
    for (unsigned r = 0; r < G_N_ELEMENTS (regions); r++) {
      const uint8_t head[8] = { (uint8_t) format,
                                29,
                                19,
                                (uint8_t) (format + r),
                                7,
                                8,
                                (uint8_t) r,
                                (uint8_t) (format * 3) };
      GByteArray *file = g_byte_array_new ();
      g_autofree char *name = g_strdup_printf ("case-%d-%u", format, r);

      g_byte_array_append (file, head, sizeof head);
      g_byte_array_append (file, (const guint8 *) &regions[r], sizeof *regions);
      save (folder, name, file);
    }
  }
}

int
main (int argc, char **argv)
{
  if (argc != 3)
    return 2;
  g_mkdir_with_parents (argv[2], 0777);
  if (strcmp (argv[1], "picture") == 0)
    make_pictures (argv[2]);
  else
    make_cases (argv[2]);
  return 0;
}
