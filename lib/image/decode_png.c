/* SPDX-License-Identifier: LGPL-2.1-or-later
 * PNG through libpng: every colour type and depth, palette with transparency,
 * interlaced. 16 bits are rounded to 8; gAMA and iCCP are not applied. */
#include "image/decode.h"
#include "image/exif.h"
#include "base/error.h"
#include "base/mem.h"

#include <png.h>
#include <string.h>

/* No block that libpng asks for need be larger: a row has 512 kB. It takes the
 * length of an eXIf chunk on trust, up to 2 GB. */
#define MAX_BLOCK_BYTES (4u << 20)

/* What says nothing about pixels here is passed over unread. */
static const png_byte ignored[][5] = { "iCCP", "tEXt", "zTXt", "iTXt",
                                       "sPLT", "hIST", "pCAL" };

typedef struct {
  const DmlDecode *how;
  GError **error;
  const uint8_t *data;
  size_t size, at; /* at <= size */
  png_structp png;
  png_infop info;
  DmlPicture *picture;
  gboolean no_memory; /* an allocation of libpng's has failed */
} Png;

static void
png_stop (png_structp png, png_const_charp words)
{
  Png *self = png_get_error_ptr (png);

  if (self->no_memory)
    dml_fail (self->error, NO_MEMORY, "%s: no memory for libpng",
              self->how->name);
  else
    dml_fail (self->error, FORMAT, "%s: damaged PNG: %s", self->how->name,
              words);
  png_longjmp (png, 1);
}

static void
png_ignore (png_structp png, png_const_charp words)
{
}

static void
png_give (png_structp png, png_bytep out, size_t n)
{
  Png *self = png_get_io_ptr (png);

  if (n > self->size - self->at)
    png_error (png, "the file ends too early");
  memcpy (out, self->data + self->at, n);
  self->at += n;
}

/* libpng's own blocks go through dml_mem, so that tests can make them fail. */
static png_voidp
png_take (png_structp png, png_alloc_size_t size)
{
  Png *self = png_get_mem_ptr (png);
  void *block;

  if (size > MAX_BLOCK_BYTES)
    return NULL;
  block = dml_mem_alloc (size, 1, NULL);
  if (block == NULL)
    self->no_memory = TRUE;
  return block;
}

static void
png_return (png_structp png, png_voidp block)
{
  dml_mem_free (block);
}

/* Whatever is stored comes out as 8-bit RGB or RGBA. */
static int
png_ask_for_rgb (Png *self)
{
  const int type = png_get_color_type (self->png, self->info);
  const gboolean alpha =
    (type & PNG_COLOR_MASK_ALPHA) != 0 ||
    png_get_valid (self->png, self->info, PNG_INFO_tRNS) != 0;

  png_set_expand (self->png); /* palette, 1 to 4 bits, tRNS */
  png_set_scale_16 (self->png);
  if ((type & PNG_COLOR_MASK_COLOR) == 0)
    png_set_gray_to_rgb (self->png);
  png_set_interlace_handling (self->png);
  png_read_update_info (self->png, self->info);
  return alpha ? 4 : 3;
}

static int
png_orientation (Png *self)
{
  png_uint_32 size = 0;
  png_bytep block = NULL;

  if (png_get_eXIf_1 (self->png, self->info, &size, &block) == 0)
    return 1;
  return dml_exif_orientation (block, size);
}

/* Alone, so that nothing of the caller's is at stake when libpng jumps. */
static gboolean
png_try (Png *self, int *orientation)
{
  if (setjmp (png_jmpbuf (self->png)) != 0)
    return FALSE;
  png_set_read_fn (self->png, self, png_give);
  png_set_user_limits (self->png, DML_PICTURE_MAX_SIDE, DML_PICTURE_MAX_SIDE);
  png_set_keep_unknown_chunks (self->png, PNG_HANDLE_CHUNK_NEVER, ignored[0],
                               G_N_ELEMENTS (ignored));
  png_read_info (self->png, self->info);
  const int width = (int) png_get_image_width (self->png, self->info);
  const int height = (int) png_get_image_height (self->png, self->info);

  if (!dml_decode_size_allowed (self->how, width, height, self->error))
    return FALSE;
  const int nc = png_ask_for_rgb (self);

  if (png_get_rowbytes (self->png, self->info) != (size_t) width * (size_t) nc)
    png_error (self->png, "a colour type that is not known");
  self->picture = dml_picture_new_rgb (width, height, nc, self->error);
  if (self->picture == NULL)
    return FALSE;
  const int n_passes =
    png_get_interlace_type (self->png, self->info) == PNG_INTERLACE_NONE ? 1
                                                                         : 7;

  for (int pass = 0; pass < n_passes; pass++) {
    for (int y = 0; y < height; y++)
      png_read_row (self->png, self->picture->pixels + (size_t) y * width * nc,
                    NULL);
  }
  png_read_end (self->png, self->info);
  *orientation = png_orientation (self);
  return TRUE;
}

DmlPicture *
dml_decode_png (const DmlDecode *how, const uint8_t *data, size_t size,
                int *orientation, GError **error)
{
  Png self = { .how = how, .error = error, .data = data, .size = size };
  gboolean done = FALSE;

  self.png = png_create_read_struct_2 (PNG_LIBPNG_VER_STRING, &self, png_stop,
                                       png_ignore, &self, png_take, png_return);
  if (self.png != NULL)
    self.info = png_create_info_struct (self.png);
  if (self.info == NULL)
    dml_fail (error, NO_MEMORY, "%s: no memory for libpng", how->name);
  else
    done = png_try (&self, orientation);
  png_destroy_read_struct (&self.png, &self.info, NULL);
  /* libpng does without a chunk that it has no memory for, EXIF among them. */
  if (done && self.no_memory)
    done = dml_fail (error, NO_MEMORY, "%s: no memory for libpng", how->name);
  if (!done)
    g_clear_pointer (&self.picture, dml_picture_unref);
  return self.picture;
}
