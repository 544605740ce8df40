/* SPDX-License-Identifier: LGPL-2.1-or-later
 * From a picture file to what a gallery keeps of it. */
#include "gallery/photograph.h"

#include "base/file.h"
#include "image/decode.h"

#define THUMBNAIL_SIDE 96
#define THUMBNAIL_QUALITY 80

struct _DmlPhotograph {
  gint ref_count; /* atomic */
  DmlPicture *picture;
  char *content;
};

G_DEFINE_BOXED_TYPE (DmlPhotograph, dml_photograph, dml_photograph_ref,
                     dml_photograph_unref)

GBytes *
dml_photograph_read (const char *path, char **content, GError **error)
{
  GBytes *bytes = dml_file_read (path, DML_PICTURE_MAX_BYTES, error);

  *content = bytes != NULL
               ? g_compute_checksum_for_bytes (G_CHECKSUM_SHA256, bytes)
               : NULL;
  return bytes;
}

DmlPhotograph *
dml_photograph_decode (GBytes *bytes, const char *content, const char *path,
                       GError **error)
{
  DmlPicture *picture = dml_picture_load_bytes (bytes, path, error);
  DmlPhotograph *photograph;

  if (picture == NULL)
    return NULL;
  photograph = g_new (DmlPhotograph, 1);
  *photograph = (DmlPhotograph){ 1, picture, g_strdup (content) };
  return photograph;
}

DmlPhotograph *
dml_photograph_load (const char *path, GError **error)
{
  g_return_val_if_fail (path != NULL, NULL);
  g_autofree char *content = NULL;
  g_autoptr (GBytes) bytes = dml_photograph_read (path, &content, error);

  return bytes != NULL ? dml_photograph_decode (bytes, content, path, error)
                       : NULL;
}

DmlPhotograph *
dml_photograph_ref (DmlPhotograph *photograph)
{
  g_atomic_int_inc (&photograph->ref_count);
  return photograph;
}

void
dml_photograph_unref (DmlPhotograph *photograph)
{
  if (!g_atomic_int_dec_and_test (&photograph->ref_count))
    return;
  dml_picture_unref (photograph->picture);
  g_free (photograph->content);
  g_free (photograph);
}

DmlPicture *
dml_photograph_get_picture (DmlPhotograph *photograph)
{
  return photograph->picture;
}

const char *
dml_photograph_get_content (const DmlPhotograph *photograph)
{
  return photograph->content;
}

GBytes *
dml_photograph_make_thumbnail (DmlPhotograph *photograph, GError **error)
{
  g_autoptr (DmlPicture) flat =
    dml_picture_flatten (photograph->picture, NULL, 0xFFFFFF, error);

  return flat != NULL ? dml_picture_encode_jpeg (flat, THUMBNAIL_SIDE,
                                                 THUMBNAIL_QUALITY, error)
                      : NULL;
}
