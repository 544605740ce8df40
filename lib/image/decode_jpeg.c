/* SPDX-License-Identifier: LGPL-2.1-or-later
 * JPEG through libjpeg-turbo: baseline and progressive; grey, YCbCr, RGB, CMYK
 * and YCCK. libjpeg fills what is missing with grey and calls that a warning;
 * here a picture with missing parts is damaged. */
#include "image/decode.h"
#include "image/exif.h"
#include "base/error.h"
#include "base/mem.h"

#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <jpeglib.h>
#include <jerror.h>

#define MAX_SCANS 500 /* a progressive file with more is an attack */

typedef struct {
  struct jpeg_decompress_struct cinfo;
  struct jpeg_error_mgr manager;
  struct jpeg_progress_mgr progress;
  jmp_buf jump;
  const DmlDecode *how;
  GError **error;
  DmlPicture *picture;
  uint8_t *cmyk; /* one row, where the file has four inks */
} Jpeg;

static DmlError
jpeg_error_code (int message)
{
  switch (message) {
  case JERR_OUT_OF_MEMORY:
    return DML_ERROR_NO_MEMORY;
  case JERR_NO_BACKING_STORE: /* max_memory_to_use is used up */
  case JERR_IMAGE_TOO_BIG:
  case JERR_WIDTH_OVERFLOW:
    return DML_ERROR_LIMIT;
  case JERR_BAD_PRECISION:
  case JERR_SOF_UNSUPPORTED:
  case JERR_CONVERSION_NOTIMPL:
  case JERR_ARITH_NOTIMPL:
  case JERR_NOT_COMPILED:
    return DML_ERROR_UNSUPPORTED;
  default:
    return DML_ERROR_FORMAT;
  }
}

static void
jpeg_stop (j_common_ptr cinfo)
{
  Jpeg *jpeg = cinfo->client_data;
  char words[JMSG_LENGTH_MAX];

  cinfo->err->format_message (cinfo, words);
  g_set_error (jpeg->error, DML_ERROR,
               (gint) jpeg_error_code (cinfo->err->msg_code),
               "%s: damaged or unusual JPEG: %s", jpeg->how->name, words);
  longjmp (jpeg->jump, 1);
}

static void
jpeg_message (j_common_ptr cinfo, int level)
{
  if (level >= 0) /* tracing */
    return;
  switch (cinfo->err->msg_code) {
  case JWRN_JPEG_EOF:
  case JWRN_HIT_MARKER:
  case JWRN_HUFF_BAD_CODE:
  case JWRN_ARITH_BAD_CODE:
  case JWRN_MUST_RESYNC:
    jpeg_stop (cinfo);
    break;
  default: /* harmless: bytes too many, odd versions */
    break;
  }
}

static void
jpeg_progress (j_common_ptr cinfo)
{
  Jpeg *jpeg = cinfo->client_data;

  if (((j_decompress_ptr) cinfo)->input_scan_number <= MAX_SCANS)
    return;
  dml_fail (jpeg->error, LIMIT, "%s: JPEG of more than %d scans",
            jpeg->how->name, MAX_SCANS);
  longjmp (jpeg->jump, 1);
}

static int
jpeg_orientation (const Jpeg *jpeg)
{
  const struct jpeg_marker_struct *marker = jpeg->cinfo.marker_list;

  for (; marker != NULL; marker = marker->next) {
    if (marker->marker == JPEG_APP0 + 1 && marker->data_length > 6 &&
        memcmp (marker->data, "Exif\0\0", 6) == 0)
      return dml_exif_orientation (marker->data, marker->data_length);
  }
  return 1;
}

/* The denominator of the scale to decode at: the least that fits the bound,
 * or more where the caller can do with less. */
static unsigned
jpeg_denominator (const Jpeg *jpeg)
{
  const int64_t width = jpeg->cinfo.image_width;
  const int64_t height = jpeg->cinfo.image_height;
  const int64_t shorter = MIN (width, height);
  unsigned denominator = 1;

  while (denominator < 8 &&
         (((width - 1) / denominator + 1) * ((height - 1) / denominator + 1) >
            jpeg->how->max_pixels ||
          (jpeg->how->min_side > 0 &&
           shorter / (2 * denominator) >= jpeg->how->min_side)))
    denominator *= 2;
  return denominator;
}

/* Adobe's files hold the inks inverted: 255 is none. */
static void
cmyk_row_to_rgb (uint8_t *rgb, const uint8_t *cmyk, int n, unsigned invert)
{
  for (int i = 0; i < n; i++, rgb += 3, cmyk += 4) {
    const unsigned k = cmyk[3] ^ invert;

    for (int c = 0; c < 3; c++)
      rgb[c] = (uint8_t) (((cmyk[c] ^ invert) * k + 127) / 255);
  }
}

static gboolean
jpeg_read (Jpeg *jpeg)
{
  j_decompress_ptr cinfo = &jpeg->cinfo;
  const gboolean inks =
    cinfo->jpeg_color_space == JCS_CMYK || cinfo->jpeg_color_space == JCS_YCCK;

  cinfo->scale_num = 1;
  cinfo->scale_denom = jpeg_denominator (jpeg);
  cinfo->out_color_space = inks ? JCS_CMYK : JCS_RGB;
  cinfo->dct_method = JDCT_ISLOW;
  jpeg_calc_output_dimensions (cinfo);
  const int width = (int) cinfo->output_width;
  const int height = (int) cinfo->output_height;

  if (!dml_decode_size_allowed (jpeg->how, width, height, jpeg->error))
    return FALSE;
  /* A progressive file's coefficients: 2 bytes each, 4 components at most. */
  cinfo->mem->max_memory_to_use =
    (long) MIN (8 * jpeg->how->max_pixels, G_MAXLONG / 2) + (64 << 20);
  jpeg->picture = dml_picture_new_rgb (width, height, 3, jpeg->error);
  if (jpeg->picture == NULL)
    return FALSE;
  if (inks) {
    jpeg->cmyk = dml_mem_alloc ((size_t) width, 4, jpeg->error);
    if (jpeg->cmyk == NULL)
      return FALSE;
  }
  jpeg_start_decompress (cinfo);
  while (cinfo->output_scanline < cinfo->output_height) {
    uint8_t *row =
      jpeg->picture->pixels + (size_t) cinfo->output_scanline * width * 3;

    jpeg_read_scanlines (cinfo, inks ? &jpeg->cmyk : &row, 1);
    if (inks)
      cmyk_row_to_rgb (row, jpeg->cmyk, width,
                       cinfo->saw_Adobe_marker ? 0 : 255);
  }
  jpeg_finish_decompress (cinfo);
  return TRUE;
}

/* Alone, so that nothing of the caller's is at stake when libjpeg jumps. */
static gboolean
jpeg_try (Jpeg *jpeg, const uint8_t *data, size_t size, int *orientation)
{
  j_decompress_ptr cinfo = &jpeg->cinfo;

  if (setjmp (jpeg->jump) != 0)
    return FALSE;
  jpeg_create_decompress (cinfo);
  cinfo->progress = &jpeg->progress;
  jpeg_mem_src (cinfo, data, (unsigned long) size);
  jpeg_save_markers (cinfo, JPEG_APP0 + 1, 0xffff);
  jpeg_read_header (cinfo, TRUE);
  *orientation = jpeg_orientation (jpeg);
  return jpeg_read (jpeg);
}

DmlPicture *
dml_decode_jpeg (const DmlDecode *how, const uint8_t *data, size_t size,
                 int *orientation, GError **error)
{
  Jpeg jpeg = { .how = how, .error = error };

  jpeg.cinfo.err = jpeg_std_error (&jpeg.manager);
  jpeg.manager.error_exit = jpeg_stop;
  jpeg.manager.emit_message = jpeg_message;
  jpeg.progress.progress_monitor = jpeg_progress;
  jpeg.cinfo.client_data = &jpeg;
  const gboolean done = jpeg_try (&jpeg, data, size, orientation);

  jpeg_destroy_decompress (&jpeg.cinfo);
  dml_mem_free (jpeg.cmyk);
  if (!done)
    g_clear_pointer (&jpeg.picture, dml_picture_unref);
  return jpeg.picture;
}
