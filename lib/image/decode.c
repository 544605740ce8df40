/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Which decoder a file wants, and what all of them share. */
#include "image/decode.h"
#include "base/error.h"
#include "base/file.h"

#include <string.h>

typedef DmlPicture *(*Decoder) (const DmlDecode *how, const uint8_t *data,
                                size_t size, int *orientation, GError **error);

/* How a kind of file begins. Those without a decoder are named to the user. */
typedef struct {
  const char *name;
  size_t at, n_bytes;
  const char *magic;
  Decoder decode;
} Kind;

static const Kind kinds[] = {
  { "JPEG", 0, 3, "\xff\xd8\xff", dml_decode_jpeg },
  { "PNG", 0, 8, "\x89PNG\r\n\x1a\n", dml_decode_png },
  { "WebP", 8, 4, "WEBP", dml_decode_webp },
  { "GIF", 0, 4, "GIF8", NULL },
  { "BMP", 0, 2, "BM", NULL },
  { "TIFF", 0, 4, "II*\0", NULL },
  { "TIFF", 0, 4, "MM\0*", NULL },
  { "AVIF", 4, 8, "ftypavif", NULL },
  { "HEIC", 4, 7, "ftyphei", NULL },
  { "HEIF", 4, 8, "ftypmif1", NULL },
  { "JPEG 2000", 4, 4, "jP  ", NULL },
  { "JPEG XL", 4, 4, "JXL ", NULL },
  { "JPEG XL", 0, 2, "\xff\x0a", NULL },
  { "SVG", 0, 4, "<svg", NULL },
  { "PDF", 0, 4, "%PDF", NULL },
};

static const Kind *
find_kind (const uint8_t *data, size_t size)
{
  for (size_t i = 0; i < G_N_ELEMENTS (kinds); i++) {
    if (size >= kinds[i].at + kinds[i].n_bytes &&
        memcmp (data + kinds[i].at, kinds[i].magic, kinds[i].n_bytes) == 0)
      return &kinds[i];
  }
  return NULL;
}

gboolean
dml_decode_size_allowed (const DmlDecode *how, int64_t width, int64_t height,
                         GError **error)
{
  if (width < 1 || height < 1)
    return dml_fail (error, FORMAT, "%s: says that it is %ld x %ld pixels",
                     how->name, (long) width, (long) height);
  if (width > DML_PICTURE_MAX_SIDE || height > DML_PICTURE_MAX_SIDE ||
      width * height > how->max_pixels)
    return dml_fail (error, LIMIT,
                     "%s: %ld x %ld pixels; at most %d a side and %ld million "
                     "in all are decoded",
                     how->name, (long) width, (long) height,
                     DML_PICTURE_MAX_SIDE, (long) (how->max_pixels / 1000000));
  return TRUE;
}

DmlPicture *
dml_decode (const DmlDecode *how, const uint8_t *data, size_t size,
            GError **error)
{
  int orientation = 1;

  if (size == 0)
    return dml_fail_null (error, FORMAT, "%s: is empty (0 bytes)", how->name);
  const Kind *kind = find_kind (data, size);

  if (kind == NULL)
    return dml_fail_null (error, FORMAT,
                          "%s: is no JPEG, PNG or WebP picture (%zu bytes that "
                          "begin with %02x %02x)",
                          how->name, size, data[0], size > 1 ? data[1] : 0u);
  if (kind->decode == NULL)
    return dml_fail_null (error, UNSUPPORTED,
                          "%s: looks like %s, which is not read; convert it to "
                          "JPEG, PNG or WebP",
                          how->name, kind->name);
  g_autoptr (DmlPicture) picture =
    kind->decode (how, data, size, &orientation, error);

  if (picture == NULL)
    return NULL;
  dml_picture_drop_opaque_alpha (picture);
  if (!dml_picture_turn (&picture, orientation, error)) {
    g_prefix_error (error, "%s: ", how->name);
    return NULL;
  }
  return g_steal_pointer (&picture);
}

DmlPicture *
dml_decode_file (const char *path, int min_side, GError **error)
{
  const DmlDecode how = { path, DML_PICTURE_MAX_PIXELS, min_side };
  g_autoptr (GBytes) bytes = dml_file_read (path, DML_PICTURE_MAX_BYTES, error);
  size_t size;

  if (bytes == NULL)
    return NULL;
  const uint8_t *data = g_bytes_get_data (bytes, &size);

  return dml_decode (&how, data, size, error);
}

DmlPicture *
dml_picture_load (const char *path, GError **error)
{
  g_return_val_if_fail (path != NULL, NULL);
  return dml_decode_file (path, 0, error);
}

DmlPicture *
dml_picture_load_bytes (GBytes *bytes, const char *name, GError **error)
{
  g_return_val_if_fail (bytes != NULL, NULL);
  const DmlDecode how = { name != NULL ? name : "picture",
                          DML_PICTURE_MAX_PIXELS, 0 };
  size_t size;
  const uint8_t *data = g_bytes_get_data (bytes, &size);

  return dml_decode (&how, data, size, error);
}
