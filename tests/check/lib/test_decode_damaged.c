/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Picture files that are cut off, hostile, damaged or none, and no memory. */
#include "image/decode.h"
#include "base/rng.h"
#include "memory_faults.h"
#include "picture_maker.h"

#include <png.h>
#include <string.h>

static const DmlDecode whole = { "test file", DML_PICTURE_MAX_PIXELS, 0 };

static void
free_files (GByteArray **files, unsigned n)
{
  for (unsigned i = 0; i < n; i++)
    g_byte_array_unref (files[i]);
}

static void
assert_refused (const guint8 *data, size_t size, int code)
{
  g_autoptr (GError) error = NULL;
  /* exactly as long as it says, so that a sanitizer sees a read beyond */
  g_autofree guint8 *copy = g_memdup2 (data, size);

  g_assert_null (dml_decode (&whole, copy, size, &error));
  g_assert_error (error, DML_ERROR, code);
  g_assert_true (g_str_has_prefix (error->message, "test file: "));
}

/* Whatever is missing at the end, no picture comes out. */
static void
test_truncated_is_refused (void)
{
  g_autofree uint8_t *rgb = picture_slope (60, 44, 3);
  g_autofree uint8_t *rgba = picture_slope (60, 44, 4);
  GByteArray *files[] = {
    make_jpeg (rgb, 60, 44, JPEG_RGB, FALSE, 0),
    make_jpeg (rgb, 60, 44, JPEG_RGB, TRUE, 3),
    make_png (rgb, 60, 44, PNG_COLOR_TYPE_RGB, 8, FALSE, FALSE, 0),
    make_png (rgba, 60, 44, PNG_COLOR_TYPE_RGBA, 8, TRUE, FALSE, 0),
    make_webp (rgba, 60, 44, TRUE, 0, 0),
    make_webp (rgba, 60, 44, FALSE, 0, 0),
    make_webp (rgba, 60, 44, FALSE, 5, 0),
    make_webp (rgba, 60, 44, FALSE, 0, 4),
  };

  for (unsigned f = 0; f < G_N_ELEMENTS (files); f++) {
    /* JPEG's last two bytes only say that it ends here */
    const guint end = files[f]->len - (f < 2 ? 2 : 1);

    for (guint n = 0; n <= end; n += n < 64 ? 1 : 29)
      assert_refused (files[f]->data, n, DML_ERROR_FORMAT);
  }
  free_files (files, G_N_ELEMENTS (files));
}

static void
patch_png_size (GByteArray *png, guint32 width, guint32 height)
{
  const guint32 sizes[] = { GUINT32_TO_BE (width), GUINT32_TO_BE (height) };
  guint32 crc = 0xffffffff;

  memcpy (png->data + 16, sizes, 8);
  for (int i = 12; i < 29; i++) {
    crc ^= png->data[i];
    for (int bit = 0; bit < 8; bit++)
      crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
  }
  crc = GUINT32_TO_BE (~crc);
  memcpy (png->data + 29, &crc, 4);
}

/* A few bytes that claim to be a picture of gigabytes. */
static void
test_hostile_sizes_are_refused (void)
{
  static const guint32 sizes[][2] = {
    { 65501, 10 },
    { 10, 65501 },
    { 65500, 65500 },
    { 16001, 16000 },
    { 0x7fffffff, 1 },
    { 1, 0x7fffffff },
    { 0x7fffffff, 0x7fffffff },
  };
  const uint8_t pixel[4] = { 0 };

  for (unsigned i = 0; i < G_N_ELEMENTS (sizes); i++) {
    g_autoptr (GByteArray) png =
      make_png (pixel, 1, 1, PNG_COLOR_TYPE_RGB, 8, FALSE, FALSE, 0);
    g_autoptr (GError) error = NULL;

    patch_png_size (png, sizes[i][0], sizes[i][1]);
    g_assert_null (dml_decode (&whole, png->data, png->len, &error));
    g_assert_true (g_error_matches (error, DML_ERROR, DML_ERROR_LIMIT) ||
                   g_error_matches (error, DML_ERROR, DML_ERROR_FORMAT));
  }
  g_autoptr (GByteArray) png =
    make_png (pixel, 1, 1, PNG_COLOR_TYPE_RGB, 8, FALSE, FALSE, 0);

  patch_png_size (png, 16001, 16000);
  assert_refused (png->data, png->len, DML_ERROR_LIMIT);
  patch_png_size (png, 0, 10);
  assert_refused (png->data, png->len, DML_ERROR_FORMAT);
}

/* An eXIf chunk that claims 2 GB: libpng would ask for all of it. */
static void
test_png_chunk_of_gigabytes (void)
{
  const uint8_t pixel[4] = { 0 };
  g_autoptr (GByteArray) png =
    make_png (pixel, 1, 1, PNG_COLOR_TYPE_RGB, 8, FALSE, FALSE, 3);
  guint at = 8;

  while (memcmp (png->data + at + 4, "eXIf", 4) != 0)
    at += 12 + png_get_uint_32 (png->data + at);
  memcpy (png->data + at, "\x7f\xff\xff\xff", 4);
  assert_refused (png->data, png->len, DML_ERROR_FORMAT);
}

static void
test_damaged_bytes_are_refused_or_read (void)
{
  g_autofree uint8_t *rgb = picture_slope (30, 22, 3);
  g_autofree uint8_t *rgba = picture_slope (30, 22, 4);
  GByteArray *files[] = {
    make_jpeg (rgb, 30, 22, JPEG_RGB, FALSE, 6),
    make_jpeg (rgb, 30, 22, JPEG_GREY, TRUE, 0),
    make_png (rgba, 30, 22, PNG_COLOR_TYPE_RGBA, 8, TRUE, FALSE, 0),
    make_webp (rgba, 30, 22, FALSE, 5, 0),
  };
  const DmlDecode small = { "test file", 1 << 16, 0 };
  DmlRng rng;

  dml_rng_init (&rng, 3, 0);
  for (unsigned f = 0; f < G_N_ELEMENTS (files); f++) {
    for (int round = 0; round < 300; round++) {
      g_autofree guint8 *bad = g_memdup2 (files[f]->data, files[f]->len);
      g_autoptr (GError) error = NULL;

      for (int k = 0; k < 1 + round % 3; k++)
        bad[dml_rng_below (&rng, files[f]->len)] = (guint8) dml_rng_u32 (&rng);
      g_autoptr (DmlPicture) picture =
        dml_decode (&small, bad, files[f]->len, &error);

      g_assert_true ((picture == NULL) == (error != NULL));
    }
  }
  free_files (files, G_N_ELEMENTS (files));
}

static void
test_other_files_are_named (void)
{
  static const struct {
    const char *bytes;
    size_t n;
    int code;
    const char *word;
  } files[] = {
    { "", 0, DML_ERROR_FORMAT, "empty" },
    { "\xff", 1, DML_ERROR_FORMAT, "no JPEG, PNG or WebP" },
    { "hello world", 11, DML_ERROR_FORMAT, "no JPEG, PNG or WebP" },
    { "GIF89a..........", 16, DML_ERROR_UNSUPPORTED, "GIF" },
    { "\0\0\0\x18"
      "ftypheic....",
      16, DML_ERROR_UNSUPPORTED, "HEIC" },
  };

  for (unsigned i = 0; i < G_N_ELEMENTS (files); i++) {
    g_autoptr (GBytes) bytes = g_bytes_new (files[i].bytes, files[i].n);
    g_autoptr (GError) error = NULL;

    g_assert_null (dml_picture_load_bytes (bytes, "shelf.png", &error));
    g_assert_error (error, DML_ERROR, files[i].code);
    g_assert_nonnull (strstr (error->message, "shelf.png"));
    g_assert_nonnull (strstr (error->message, files[i].word));
  }
  g_autoptr (GError) missing = NULL, folder = NULL;

  g_assert_null (dml_picture_load ("/no/such.jpg", &missing));
  g_assert_error (missing, DML_ERROR, DML_ERROR_NOT_FOUND);
  g_assert_nonnull (strstr (missing->message, "/no/such.jpg"));
  g_assert_null (dml_picture_load (g_get_tmp_dir (), &folder));
  g_assert_error (folder, DML_ERROR, DML_ERROR_FORMAT);
}

/* The n-th allocation fails, for every n until none does. */
static void
test_no_memory (void)
{
  g_autofree uint8_t *rgb = picture_slope (31, 23, 3);
  g_autofree uint8_t *rgba = picture_slope (31, 23, 4);
  g_autofree uint8_t *inks = picture_slope (31, 23, 4);
  GByteArray *files[] = {
    make_jpeg (rgb, 31, 23, JPEG_RGB, TRUE, 6),
    make_jpeg (inks, 31, 23, JPEG_YCCK, FALSE, 0),
    make_png (rgba, 31, 23, PNG_COLOR_TYPE_RGBA, 8, TRUE, FALSE, 5),
    make_webp (rgba, 31, 23, FALSE, 8, 0),
  };

  for (unsigned f = 0; f < G_N_ELEMENTS (files); f++) {
    for (MemoryFault fault = { .least = 1 }; memory_fault_left (&fault);) {
      g_autoptr (GError) error = NULL;

      memory_fault_arm (&fault);
      g_autoptr (DmlPicture) picture =
        dml_decode (&whole, files[f]->data, files[f]->len, &error);

      memory_fault_check (&fault, picture != NULL, error);
    }
  }
  free_files (files, G_N_ELEMENTS (files));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/decode/truncated-is-refused", test_truncated_is_refused);
  g_test_add_func ("/decode/hostile-sizes-are-refused",
                   test_hostile_sizes_are_refused);
  g_test_add_func ("/decode/png-chunk-of-gigabytes",
                   test_png_chunk_of_gigabytes);
  g_test_add_func ("/decode/damaged-bytes-are-refused-or-read",
                   test_damaged_bytes_are_refused_or_read);
  g_test_add_func ("/decode/other-files-are-named", test_other_files_are_named);
  g_test_add_func ("/decode/no-memory", test_no_memory);
  return g_test_run ();
}
