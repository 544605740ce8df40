/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Pictures: views of pixels in any raw layout, and pictures read from files. */
#pragma once

#include <dml/dml-error.h>
#include <stdint.h>

G_BEGIN_DECLS

/**
 * DmlPixelFormat:
 * @DML_PIXELS_GRAY8: one plane, a byte a pixel
 * @DML_PIXELS_GRAY16: one plane, 16 bits, native byte order
 * @DML_PIXELS_RGB: packed, 3 bytes
 * @DML_PIXELS_BGR: packed, 3 bytes
 * @DML_PIXELS_RGBX: packed, 4 bytes, the last one ignored
 * @DML_PIXELS_BGRX: packed
 * @DML_PIXELS_XRGB: packed
 * @DML_PIXELS_XBGR: packed
 * @DML_PIXELS_RGBA: packed, straight alpha
 * @DML_PIXELS_BGRA: packed, straight alpha
 * @DML_PIXELS_ARGB: packed, straight alpha
 * @DML_PIXELS_ABGR: packed, straight alpha
 * @DML_PIXELS_I420: planes Y, U, V; chroma halved both ways
 * @DML_PIXELS_YV12: planes Y, V, U as they lie in memory; plane[1] is U here
 *   all the same, as GstVideo numbers components
 * @DML_PIXELS_NV12: planes Y, UV
 * @DML_PIXELS_NV21: planes Y, VU
 * @DML_PIXELS_Y42B: planes Y, U, V; chroma halved across
 * @DML_PIXELS_Y444: planes Y, U, V
 * @DML_PIXELS_YUY2: packed Y U Y V
 * @DML_PIXELS_UYVY: packed U Y V Y
 * @DML_PIXELS_I420_10: as I420 in 16-bit words, native order, low 10 bits
 * @DML_PIXELS_P010: as NV12 in 16-bit words, native order, high 10 bits
 * @DML_PIXELS_V210: packed 10 bits, six pixels in 16 bytes
 * @DML_PIXELS_UNPACK8: read through #DmlImage.unpack, 4 bytes a pixel: A and
 *   then R G B or Y U V
 * @DML_PIXELS_UNPACK16: the same, 4 native 16-bit words a pixel
 *
 * Layout of a #DmlImage. The two last make every other format readable.
 */
typedef enum {
  DML_PIXELS_GRAY8,
  DML_PIXELS_GRAY16,
  DML_PIXELS_RGB,
  DML_PIXELS_BGR,
  DML_PIXELS_RGBX,
  DML_PIXELS_BGRX,
  DML_PIXELS_XRGB,
  DML_PIXELS_XBGR,
  DML_PIXELS_RGBA,
  DML_PIXELS_BGRA,
  DML_PIXELS_ARGB,
  DML_PIXELS_ABGR,
  DML_PIXELS_I420,
  DML_PIXELS_YV12,
  DML_PIXELS_NV12,
  DML_PIXELS_NV21,
  DML_PIXELS_Y42B,
  DML_PIXELS_Y444,
  DML_PIXELS_YUY2,
  DML_PIXELS_UYVY,
  DML_PIXELS_I420_10,
  DML_PIXELS_P010,
  DML_PIXELS_V210,
  DML_PIXELS_UNPACK8,
  DML_PIXELS_UNPACK16,
  /*< private >*/
  DML_PIXELS_N_FORMATS
} DmlPixelFormat;

/**
 * DmlMatrix:
 * @DML_MATRIX_RGB: no conversion; the only one for RGB and grey layouts
 * @DML_MATRIX_BT601: Kr = 0.299, Kb = 0.114
 * @DML_MATRIX_BT709: Kr = 0.2126, Kb = 0.0722
 * @DML_MATRIX_BT2020: Kr = 0.2627, Kb = 0.0593, non-constant luminance
 * @DML_MATRIX_SMPTE240M: Kr = 0.212, Kb = 0.087
 * @DML_MATRIX_FCC: Kr = 0.30, Kb = 0.11
 *
 * How Y, U and V became of R, G and B.
 */
typedef enum {
  DML_MATRIX_RGB,
  DML_MATRIX_BT601,
  DML_MATRIX_BT709,
  DML_MATRIX_BT2020,
  DML_MATRIX_SMPTE240M,
  DML_MATRIX_FCC,
} DmlMatrix;

/**
 * DmlRange:
 * @DML_RANGE_FULL: 0..255, as JPEG
 * @DML_RANGE_LIMITED: luma 16..235, chroma 16..240, as video
 *
 * Range of the samples, scaled up for more bits.
 */
typedef enum {
  DML_RANGE_FULL,
  DML_RANGE_LIMITED,
} DmlRange;

/**
 * DmlSiting:
 * @DML_SITING_CENTER: chroma between its two luma samples (JPEG, MPEG-1)
 * @DML_SITING_LEFT: chroma on the left one (MPEG-2, H.264)
 *
 * Where a chroma sample lies across; down it lies in the middle.
 */
typedef enum {
  DML_SITING_CENTER,
  DML_SITING_LEFT,
} DmlSiting;

/**
 * DmlOutside:
 * @DML_OUTSIDE_EDGE: edge pixels repeated, as of a scene that goes on
 * @DML_OUTSIDE_CLEAR: nothing, as round a thing that was cut out: transparent
 *   in layouts with alpha, black in RGB and grey ones without; YUV layouts
 *   repeat edges all the same
 *
 * What a region shows that sticks out of the image.
 */
typedef enum {
  DML_OUTSIDE_EDGE,
  DML_OUTSIDE_CLEAR,
} DmlOutside;

typedef struct _DmlImage DmlImage;

/**
 * DmlUnpackFunc:
 * @image: the view
 * @x: first pixel, a multiple of 2
 * @y: row
 * @width: pixels wanted
 * @line: room for them, 8-byte aligned
 *
 * Reads part of a row of a layout that libdml does not know itself. Samples
 * take the whole of a word: white of full range is 255 or 65535, and YUV of
 * limited range is shifted up to the top of 8 or 16 bits (which is
 * GST_VIDEO_PACK_FLAG_TRUNCATE_RANGE). A layout without alpha gives A = 255 or
 * 65535. Called from one thread at a time.
 */
typedef void (*DmlUnpackFunc) (const DmlImage *image, int x, int y, int width,
                               void *line);

/**
 * DmlImage:
 * @format: layout
 * @width: pixels across, at least 1
 * @height: rows, at least 1
 * @plane: the first sample of each plane
 * @stride: bytes from one row to the next, a plane each; may be negative
 * @matrix: YUV to RGB
 * @range: of the samples
 * @siting: of subsampled chroma
 * @unpack: for the UNPACK layouts, else %NULL
 * @unpack_data: for @unpack
 * @outside: what a region shows beyond the image
 *
 * A view of pixels that somebody else owns. A plain struct: fill it in, pass
 * it, forget it. The pixels must stay as they are until the call returns.
 */
struct _DmlImage {
  DmlPixelFormat format;
  int width, height;
  const uint8_t *plane[4];
  int stride[4];
  DmlMatrix matrix;
  DmlRange range;
  DmlSiting siting;
  DmlUnpackFunc unpack;
  gpointer unpack_data;
  DmlOutside outside;
};

/**
 * DmlRegion:
 * @x: left edge in pixels from the image's left
 * @y: upper edge
 * @width: in pixels, more than 0
 * @height: in pixels, more than 0
 *
 * A box in an image, all within 2^24. It may stick out: #DmlImage.outside says
 * what it shows there.
 */
typedef struct {
  float x, y, width, height;
} DmlRegion;

/**
 * DmlFit:
 * @DML_FIT_CONTEXT: the square of the longer side round the region's centre,
 *   taken from the picture where there is one, elsewhere as #DmlImage.outside
 * @DML_FIT_COVER: the centre square of the shorter side
 * @DML_FIT_STRETCH: the region itself, out of proportion
 *
 * How a region becomes the encoder's input. "Square" means the proportions of
 * that input where it is not square.
 */
typedef enum {
  DML_FIT_CONTEXT,
  DML_FIT_COVER,
  DML_FIT_STRETCH,
} DmlFit;

/**
 * DmlPicture:
 *
 * A decoded photograph: 8-bit RGB or RGBA, upright (EXIF orientation applied).
 * Immutable.
 */
typedef struct _DmlPicture DmlPicture;

#define DML_TYPE_PICTURE (dml_picture_get_type ())
DML_API GType dml_picture_get_type (void);

/**
 * dml_picture_load:
 * @path: (type filename): a JPEG, PNG or WebP file
 * @error: (nullable): return location for a #GError
 *
 * Reads and decodes a picture. Grey and CMYK become RGB; an alpha channel is
 * kept. At most 256 megapixels and 65,500 pixels a side are decoded, and larger
 * JPEGs are decoded at a fraction of their size; the bound is checked before
 * anything is allocated.
 *
 * Returns: (transfer full) (nullable): the picture, or %NULL with
 *   #DML_ERROR_NOT_FOUND, #DML_ERROR_FORMAT (not a picture, or damaged),
 *   #DML_ERROR_UNSUPPORTED, #DML_ERROR_LIMIT or #DML_ERROR_NO_MEMORY
 */
DML_API DmlPicture *dml_picture_load (const char *path, GError **error);

/**
 * dml_picture_load_bytes:
 * @bytes: a whole file in memory
 * @name: what to call it in messages
 * @error: (nullable): return location for a #GError
 *
 * As dml_picture_load().
 *
 * Returns: (transfer full) (nullable): the picture
 */
DML_API DmlPicture *dml_picture_load_bytes (GBytes *bytes, const char *name,
                                            GError **error);

/**
 * dml_picture_new_rgb: (skip)
 * @width: pixels across, at least 1
 * @height: rows, at least 1
 * @n_channels: 3 or 4
 * @error: (nullable): return location for a #GError
 *
 * A picture of black pixels to be filled through dml_picture_get_pixels()
 * before anybody else sees it.
 *
 * Returns: (transfer full) (nullable): the picture
 */
DML_API DmlPicture *dml_picture_new_rgb (int width, int height, int n_channels,
                                         GError **error);

DML_API DmlPicture *dml_picture_ref (DmlPicture *picture);
DML_API void dml_picture_unref (DmlPicture *picture);
DML_API int dml_picture_get_width (const DmlPicture *picture);
DML_API int dml_picture_get_height (const DmlPicture *picture);

/**
 * dml_picture_has_alpha:
 * @picture: a #DmlPicture
 *
 * Whether it has an alpha channel in which some pixel is not opaque.
 */
DML_API gboolean dml_picture_has_alpha (const DmlPicture *picture);

/**
 * dml_picture_get_extent:
 * @picture: a #DmlPicture
 * @extent: (out caller-allocates): where the box goes
 *
 * The smallest box round the thing in a picture with alpha (what is opaque by
 * more than a tenth), such as a detector would give; all of the picture where
 * there is no alpha or nothing to be seen.
 */
DML_API void dml_picture_get_extent (const DmlPicture *picture,
                                     DmlRegion *extent);

/**
 * dml_picture_get_image: (skip)
 * @picture: a #DmlPicture
 *
 * Returns: (transfer none): a view of its pixels, valid as long as @picture;
 *   outside a picture with alpha nothing is seen, outside others edge pixels
 */
DML_API const DmlImage *dml_picture_get_image (const DmlPicture *picture);

/**
 * dml_picture_get_pixels: (skip)
 * @picture: a #DmlPicture that only the caller has seen
 * @stride: (out) (optional): bytes from row to row
 *
 * Returns: (transfer none): the first pixel, to be written
 */
DML_API uint8_t *dml_picture_get_pixels (DmlPicture *picture, int *stride);

/**
 * dml_picture_flatten:
 * @picture: a #DmlPicture
 * @background: (nullable): another picture, scaled to cover, or %NULL for
 *   @rgb alone
 * @rgb: 0xRRGGBB, the colour behind where there is no @background
 * @error: (nullable): return location for a #GError
 *
 * Lays a picture with alpha upon a background.
 *
 * Returns: (transfer full) (nullable): an opaque picture of the same size
 */
DML_API DmlPicture *dml_picture_flatten (const DmlPicture *picture,
                                         const DmlPicture *background,
                                         guint32 rgb, GError **error);

/**
 * dml_picture_scale:
 * @picture: a #DmlPicture
 * @width: pixels across, at least 1
 * @height: rows, at least 1
 * @error: (nullable): return location for a #GError
 *
 * Scales by the filter that regions are scaled by (docs/images.md).
 *
 * Returns: (transfer full) (nullable): a picture of @width x @height
 */
DML_API DmlPicture *dml_picture_scale (const DmlPicture *picture, int width,
                                       int height, GError **error);

/**
 * dml_picture_new_from_image: (skip)
 * @image: a view in any layout
 * @region: (nullable): a box, or %NULL for the whole image
 * @max_side: shrink to this many pixels on the longer side; 0 keeps the size
 * @error: (nullable): return location for a #GError
 *
 * What a region looks like, in its own proportions: for thumbnails and to look
 * at. Filtered and converted as an encoder's input is (docs/images.md).
 *
 * Returns: (transfer full) (nullable): an RGB picture
 */
DML_API DmlPicture *dml_picture_new_from_image (const DmlImage *image,
                                                const DmlRegion *region,
                                                int max_side, GError **error);

/**
 * dml_picture_save_png:
 * @picture: a #DmlPicture
 * @path: (type filename): where; written aside and renamed
 * @error: (nullable): return location for a #GError
 */
DML_API gboolean dml_picture_save_png (const DmlPicture *picture,
                                       const char *path, GError **error);

/**
 * dml_picture_encode_jpeg:
 * @picture: a #DmlPicture
 * @max_side: shrink to this many pixels on the longer side; 0 keeps the size
 * @quality: 1..100
 * @error: (nullable): return location for a #GError
 *
 * Returns: (transfer full) (nullable): a JPEG file in memory, for thumbnails
 */
DML_API GBytes *dml_picture_encode_jpeg (const DmlPicture *picture,
                                         int max_side, int quality,
                                         GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DmlPicture, dml_picture_unref)

G_END_DECLS
