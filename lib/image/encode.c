/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Pictures to files: PNG without loss, JPEG for thumbnails. */
#include "image/picture.h"
#include "base/error.h"
#include "base/file.h"

#include <png.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <jpeglib.h>

/* libpng's simplified interface reports by message, never by longjmp. */
gboolean
dml_picture_save_png (const DmlPicture *picture, const char *path,
                      GError **error)
{
  g_return_val_if_fail (picture != NULL && path != NULL, FALSE);
  png_image image = { .version = PNG_IMAGE_VERSION };
  g_autofree uint8_t *bytes = NULL;

  image.width = (png_uint_32) picture->image.width;
  image.height = (png_uint_32) picture->image.height;
  image.format =
    dml_picture_channels (picture) == 4 ? PNG_FORMAT_RGBA : PNG_FORMAT_RGB;
  png_alloc_size_t size = PNG_IMAGE_PNG_SIZE_MAX (image); /* at worst */

  bytes = g_try_malloc (size);
  if (bytes == NULL || !png_image_write_to_memory (&image, bytes, &size, 0,
                                                   picture->pixels, 0, NULL))
    return dml_fail (error, NO_MEMORY, "%s: cannot be encoded as PNG: %s", path,
                     image.message[0] ? image.message : "no memory");
  return dml_file_replace (path, bytes, size, error);
}

typedef struct {
  struct jpeg_compress_struct cinfo;
  struct jpeg_error_mgr manager;
  jmp_buf jump;
  GError **error;
  unsigned char *bytes; /* from libjpeg's malloc */
  unsigned long size;
} Jpeg;

static void
jpeg_stop (j_common_ptr cinfo)
{
  Jpeg *jpeg = cinfo->client_data;
  char words[JMSG_LENGTH_MAX];

  cinfo->err->format_message (cinfo, words);
  dml_fail (jpeg->error, NO_MEMORY, "picture cannot be encoded as JPEG: %s",
            words);
  longjmp (jpeg->jump, 1);
}

static gboolean
jpeg_try (Jpeg *jpeg, const DmlPicture *picture, int quality)
{
  j_compress_ptr cinfo = &jpeg->cinfo;

  if (setjmp (jpeg->jump) != 0)
    return FALSE;
  jpeg_create_compress (cinfo);
  jpeg_mem_dest (cinfo, &jpeg->bytes, &jpeg->size);
  cinfo->image_width = (JDIMENSION) picture->image.width;
  cinfo->image_height = (JDIMENSION) picture->image.height;
  cinfo->input_components = 3;
  cinfo->in_color_space = JCS_RGB;
  jpeg_set_defaults (cinfo);
  jpeg_set_quality (cinfo, quality, TRUE);
  jpeg_start_compress (cinfo, TRUE);
  while (cinfo->next_scanline < cinfo->image_height) {
    uint8_t *row = picture->pixels + (size_t) cinfo->next_scanline *
                                       (size_t) picture->image.stride[0];

    jpeg_write_scanlines (cinfo, &row, 1);
  }
  jpeg_finish_compress (cinfo);
  return TRUE;
}

static GBytes *
encode_opaque (const DmlPicture *picture, int quality, GError **error)
{
  Jpeg jpeg = { .error = error };
  GBytes *file = NULL;

  jpeg.cinfo.err = jpeg_std_error (&jpeg.manager);
  jpeg.manager.error_exit = jpeg_stop;
  jpeg.cinfo.client_data = &jpeg;
  if (jpeg_try (&jpeg, picture, quality))
    file = g_bytes_new_with_free_func (jpeg.bytes, jpeg.size, free, jpeg.bytes);
  else
    free (jpeg.bytes);
  jpeg_destroy_compress (&jpeg.cinfo);
  return file;
}

GBytes *
dml_picture_encode_jpeg (const DmlPicture *picture, int max_side, int quality,
                         GError **error)
{
  g_return_val_if_fail (picture != NULL, NULL);
  g_return_val_if_fail (max_side >= 0 && quality >= 1 && quality <= 100, NULL);
  const int width = picture->image.width, height = picture->image.height;
  const int longer = MAX (width, height);
  g_autoptr (DmlPicture) opaque =
    dml_picture_flatten (picture, NULL, 0xffffff, error);

  if (opaque == NULL)
    return NULL;
  if (max_side > 0 && longer > max_side) {
    const double scale = (double) max_side / longer;
    DmlPicture *small =
      dml_picture_scale (opaque, MAX (1, (int) (width * scale + 0.5)),
                         MAX (1, (int) (height * scale + 0.5)), error);

    if (small == NULL)
      return NULL;
    dml_picture_unref (opaque);
    opaque = small;
  }
  return encode_opaque (opaque, quality, error);
}
