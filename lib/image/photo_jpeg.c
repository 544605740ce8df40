/* SPDX-License-Identifier: LGPL-2.1-or-later
 * A view as a JPEG file would bring it back. */
#include "image/photo.h"
#include "base/error.h"
#include "base/mem.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <jpeglib.h>

struct _DmlPhotoJpeg {
  struct jpeg_compress_struct in;
  struct jpeg_decompress_struct out;
  struct jpeg_error_mgr manager;
  jmp_buf jump;
  GError **error;
  int width, height;
  uint8_t *pixels; /* rows of RGB */
  uint8_t *file;
  size_t file_size;
};

static void
photo_jpeg_stop (j_common_ptr cinfo)
{
  DmlPhotoJpeg *self = cinfo->client_data;
  char words[JMSG_LENGTH_MAX];

  cinfo->err->format_message (cinfo, words);
  dml_fail (self->error, NO_MEMORY, "augment: JPEG: %s", words);
  longjmp (self->jump, 1);
}

static gboolean
photo_jpeg_create (DmlPhotoJpeg *self)
{
  if (setjmp (self->jump) != 0)
    return FALSE;
  jpeg_create_compress (&self->in);
  jpeg_create_decompress (&self->out);
  return TRUE;
}

DmlPhotoJpeg *
dml_photo_jpeg_new (int width, int height, GError **error)
{
  DmlPhotoJpeg *self = g_new0 (DmlPhotoJpeg, 1);
  const size_t n = (size_t) width * (size_t) height;

  self->width = width;
  self->height = height;
  self->error = error;
  self->in.err = self->out.err = jpeg_std_error (&self->manager);
  self->manager.error_exit = photo_jpeg_stop;
  self->in.client_data = self->out.client_data = self;
  /* no picture is larger than twice its pixels, up to the highest quality used
   */
  self->file_size = 6 * n + 4096;
  self->pixels = dml_mem_alloc (n, 3, error);
  if (self->pixels != NULL)
    self->file = dml_mem_alloc (self->file_size, 1, error);
  if (self->file == NULL || !photo_jpeg_create (self)) {
    dml_photo_jpeg_free (self);
    return NULL;
  }
  return self;
}

void
dml_photo_jpeg_free (DmlPhotoJpeg *self)
{
  if (self == NULL)
    return;
  jpeg_destroy_compress (&self->in);
  jpeg_destroy_decompress (&self->out);
  dml_mem_free (self->pixels);
  dml_mem_free (self->file);
  g_free (self);
}

/* libjpeg takes its own memory where the file does not fit into ours. */
static gboolean
photo_jpeg_pass (DmlPhotoJpeg *self, int quality, unsigned char **file,
                 unsigned long *size)
{
  const size_t stride = (size_t) self->width * 3;

  if (setjmp (self->jump) != 0) {
    jpeg_abort_compress (&self->in);
    jpeg_abort_decompress (&self->out);
    return FALSE;
  }
  jpeg_mem_dest (&self->in, file, size);
  self->in.image_width = (JDIMENSION) self->width;
  self->in.image_height = (JDIMENSION) self->height;
  self->in.input_components = 3;
  self->in.in_color_space = JCS_RGB;
  jpeg_set_defaults (&self->in);
  jpeg_set_quality (&self->in, quality, TRUE);
  jpeg_start_compress (&self->in, TRUE);
  while (self->in.next_scanline < self->in.image_height) {
    uint8_t *row = self->pixels + self->in.next_scanline * stride;

    jpeg_write_scanlines (&self->in, &row, 1);
  }
  jpeg_finish_compress (&self->in);

  jpeg_mem_src (&self->out, *file, *size);
  jpeg_read_header (&self->out, TRUE);
  self->out.out_color_space = JCS_RGB;
  jpeg_start_decompress (&self->out);
  while (self->out.output_scanline < self->out.output_height) {
    uint8_t *row = self->pixels + self->out.output_scanline * stride;

    jpeg_read_scanlines (&self->out, &row, 1);
  }
  jpeg_finish_decompress (&self->out);
  return TRUE;
}

gboolean
dml_photo_jpeg_run (DmlPhotoJpeg *self, float *planes, int quality,
                    GError **error)
{
  const size_t n = (size_t) self->width * (size_t) self->height;
  unsigned char *file = self->file;
  unsigned long size = self->file_size;

  self->error = error;
  for (size_t i = 0; i < n; i++) {
    for (size_t c = 0; c < 3; c++)
      self->pixels[3 * i + c] = (uint8_t) (planes[c * n + i] * 255 + 0.5f);
  }
  const gboolean done = photo_jpeg_pass (self, quality, &file, &size);

  if (file != self->file)
    free (file);
  if (!done)
    return FALSE;
  for (size_t i = 0; i < n; i++) {
    for (size_t c = 0; c < 3; c++)
      planes[c * n + i] = (float) self->pixels[3 * i + c] * (1.0f / 255);
  }
  return TRUE;
}
