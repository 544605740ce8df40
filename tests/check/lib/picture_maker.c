/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Picture files of every kind. The libraries' own error handlers end the
 * process, which is what a test wants. */
#include "picture_maker.h"

#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <jpeglib.h>
#include <webp/encode.h>

static void
append_number (GByteArray *array, guint32 value, int n_bytes, gboolean big)
{
  for (int i = 0; i < n_bytes; i++) {
    const guint8 byte = value >> 8 * (big ? n_bytes - 1 - i : i);

    g_byte_array_append (array, &byte, 1);
  }
}

GByteArray *
make_exif (int orientation, gboolean big)
{
  GByteArray *tiff = g_byte_array_new ();

  g_byte_array_append (tiff, (const guint8 *) (big ? "MM" : "II"), 2);
  append_number (tiff, 42, 2, big);
  append_number (tiff, 8, 4, big);   /* the directory follows at once */
  append_number (tiff, 2, 2, big);   /* two entries */
  append_number (tiff, 256, 2, big); /* ImageWidth */
  append_number (tiff, 4, 2, big);
  append_number (tiff, 1, 4, big);
  append_number (tiff, 77, 4, big);
  append_number (tiff, 274, 2, big); /* Orientation */
  append_number (tiff, 3, 2, big);
  append_number (tiff, 1, 4, big);
  append_number (tiff, (guint32) orientation, 2, big);
  append_number (tiff, 0, 2, big);
  append_number (tiff, 0, 4, big); /* no further directory */
  return tiff;
}

static void
write_exif_marker (j_compress_ptr cinfo, int orientation)
{
  g_autoptr (GByteArray) tiff = make_exif (orientation, orientation % 2);
  g_autoptr (GByteArray) block = g_byte_array_new ();

  g_byte_array_append (block, (const guint8 *) "Exif\0\0", 6);
  g_byte_array_append (block, tiff->data, tiff->len);
  jpeg_write_marker (cinfo, JPEG_APP0 + 1, block->data, block->len);
}

GByteArray *
make_jpeg (const uint8_t *pixels, int width, int height, JpegKind kind,
           gboolean progressive, int orientation)
{
  struct jpeg_compress_struct cinfo;
  struct jpeg_error_mgr manager;
  unsigned char *bytes = NULL;
  unsigned long size = 0;
  const int nc = kind == JPEG_GREY ? 1 : kind == JPEG_RGB ? 3 : 4;
  const int step = kind >= JPEG_CMYK ? 4 : 3;
  g_autofree uint8_t *row = g_malloc ((size_t) width * 4);

  cinfo.err = jpeg_std_error (&manager);
  jpeg_create_compress (&cinfo);
  jpeg_mem_dest (&cinfo, &bytes, &size);
  cinfo.image_width = (JDIMENSION) width;
  cinfo.image_height = (JDIMENSION) height;
  cinfo.input_components = nc;
  cinfo.in_color_space = nc == 1 ? JCS_GRAYSCALE : nc == 3 ? JCS_RGB : JCS_CMYK;
  jpeg_set_defaults (&cinfo);
  if (kind == JPEG_YCCK)
    jpeg_set_colorspace (&cinfo, JCS_YCCK);
  if (kind == JPEG_CMYK)
    cinfo.write_Adobe_marker = FALSE;
  jpeg_set_quality (&cinfo, 95, TRUE);
  for (int c = 0; c < nc; c++)
    cinfo.comp_info[c].h_samp_factor = cinfo.comp_info[c].v_samp_factor = 1;
  if (progressive)
    jpeg_simple_progression (&cinfo);
  jpeg_start_compress (&cinfo, TRUE);
  if (orientation > 0)
    write_exif_marker (&cinfo, orientation);
  for (int y = 0; y < height; y++) {
    const uint8_t *in = pixels + (size_t) y * (size_t) (width * step);

    for (int x = 0; x < width; x++) {
      for (int c = 0; c < nc; c++) {
        const uint8_t v = in[x * step + c];

        row[x * nc + c] =
          kind == JPEG_CMYK_INVERTED || kind == JPEG_YCCK ? 255 - v : v;
      }
    }
    jpeg_write_scanlines (&cinfo, &row, 1);
  }
  jpeg_finish_compress (&cinfo);
  jpeg_destroy_compress (&cinfo);
  GByteArray *file = g_byte_array_new ();

  g_byte_array_append (file, bytes, (guint) size);
  free (bytes);
  return file;
}

static void
png_append (png_structp png, png_bytep bytes, size_t n)
{
  g_byte_array_append (png_get_io_ptr (png), bytes, (guint) n);
}

static void
set_palette (png_structp png, png_infop info, gboolean transparency)
{
  png_color palette[16];
  png_byte alpha[16];

  for (int i = 0; i < 16; i++) {
    palette[i] = (png_color){ i * 16, 255 - i * 16, i };
    alpha[i] = i * 17;
  }
  png_set_PLTE (png, info, palette, 16);
  if (transparency)
    png_set_tRNS (png, info, alpha, 16, NULL);
}

GByteArray *
make_png (const uint8_t *rows, int width, int height, int type, int depth,
          gboolean interlaced, gboolean transparency, int orientation)
{
  GByteArray *file = g_byte_array_new ();
  png_structp png =
    png_create_write_struct (PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
  png_infop info = png_create_info_struct (png);
  g_autofree png_bytep *pointers = g_new (png_bytep, height);
  g_autoptr (GByteArray) exif = NULL;

  png_set_write_fn (png, file, png_append, NULL);
  png_set_IHDR (png, info, (png_uint_32) width, (png_uint_32) height, depth,
                type, interlaced ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE,
                PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  if (type == PNG_COLOR_TYPE_PALETTE)
    set_palette (png, info, transparency);
  else if (transparency)
    png_set_tRNS (png, info, NULL, 0, &(png_color_16){ 0 });
  if (orientation > 0) {
    exif = make_exif (orientation, orientation % 2);
    png_set_eXIf_1 (png, info, exif->len, exif->data);
  }
  const size_t row_bytes = png_get_rowbytes (png, info);

  for (int y = 0; y < height; y++)
    pointers[y] = (png_bytep) rows + (size_t) y * row_bytes;
  png_set_rows (png, info, pointers);
  png_write_png (png, info, PNG_TRANSFORM_IDENTITY, NULL);
  png_destroy_write_struct (&png, &info);
  return file;
}

/* A RIFF chunk, padded to an even size. */
static void
append_chunk (GByteArray *file, const char *name, const guint8 *data,
              guint size)
{
  g_byte_array_append (file, (const guint8 *) name, 4);
  append_number (file, size, 4, FALSE);
  g_byte_array_append (file, data, size);
  if (size % 2)
    g_byte_array_append (file, (const guint8 *) "", 1);
}

GByteArray *
make_webp (const uint8_t *rgba, int width, int height, gboolean lossless,
           int orientation, int offset)
{
  uint8_t *plain = NULL;
  const size_t size =
    lossless ? WebPEncodeLosslessRGBA (rgba, width, height, 4 * width, &plain)
             : WebPEncodeRGBA (rgba, width, height, 4 * width, 95, &plain);
  GByteArray *file = g_byte_array_new ();
  const gboolean has_vp8x = memcmp (plain + 12, "VP8X", 4) == 0;
  /* the chunks of the picture itself */
  const uint8_t *body = plain + (has_vp8x ? 30 : 12);
  const guint body_size = (guint) (size - (has_vp8x ? 30 : 12));
  const gboolean alpha = has_vp8x || lossless;

  if (orientation == 0 && offset == 0)
    g_byte_array_append (file, plain, (guint) size);
  else {
    g_autoptr (GByteArray) header = g_byte_array_new ();

    g_byte_array_append (file, (const guint8 *) "RIFF\0\0\0\0WEBP", 12);
    append_number (header,
                   (alpha ? 0x10 : 0) | (orientation > 0 ? 8 : 0) |
                     (offset > 0 ? 2 : 0),
                   4, FALSE);
    append_number (header, (guint32) (width + offset - 1), 3, FALSE);
    append_number (header, (guint32) (height + offset - 1), 3, FALSE);
    append_chunk (file, "VP8X", header->data, header->len);
    if (offset > 0) {
      g_autoptr (GByteArray) frame = g_byte_array_new ();

      append_chunk (file, "ANIM", (const guint8 *) "\0\0\0\0\0\0", 6);
      append_number (frame, (guint32) offset / 2, 3, FALSE);
      append_number (frame, (guint32) offset / 2, 3, FALSE);
      append_number (frame, (guint32) width - 1, 3, FALSE);
      append_number (frame, (guint32) height - 1, 3, FALSE);
      append_number (frame, 100, 4, FALSE); /* ms, then flags */
      g_byte_array_append (frame, body, body_size);
      append_chunk (file, "ANMF", frame->data, frame->len);
    } else
      g_byte_array_append (file, body, body_size);
    if (orientation > 0) {
      g_autoptr (GByteArray) exif = make_exif (orientation, orientation % 2);

      append_chunk (file, "EXIF", exif->data, exif->len);
    }
    const guint32 riff = GUINT32_TO_LE (file->len - 8);

    memcpy (file->data + 4, &riff, 4);
  }
  WebPFree (plain);
  return file;
}

uint8_t *
picture_slope (int width, int height, int n)
{
  uint8_t *pixels = g_malloc ((size_t) width * height * n);

  for (int y = 0; y < height; y++) {
    for (int x = 0; x < width; x++) {
      for (int c = 0; c < n; c++)
        pixels[(y * width + x) * n + c] =
          (uint8_t) (c == 0   ? 255 * x / MAX (1, width - 1)
                     : c == 1 ? 255 * y / MAX (1, height - 1)
                     : c == 2 ? 255 - 100 * x / width
                              : 55 + 200 * (width - 1 - x) / width);
    }
  }
  return pixels;
}
