/* SPDX-License-Identifier: LGPL-2.1-or-later
 * WebP through libwebp: lossy, lossless, with alpha; the first frame of an
 * animation. */
#include "image/decode.h"
#include "image/exif.h"
#include "base/error.h"

#include <webp/decode.h>
#include <webp/demux.h>

static gboolean
webp_fail (const DmlDecode *how, VP8StatusCode status, GError **error)
{
  switch (status) {
  case VP8_STATUS_OUT_OF_MEMORY:
    return dml_fail (error, NO_MEMORY, "%s: no memory for libwebp", how->name);
  case VP8_STATUS_NOT_ENOUGH_DATA:
  case VP8_STATUS_SUSPENDED:
    return dml_fail (error, FORMAT, "%s: damaged WebP: the file ends too early",
                     how->name);
  case VP8_STATUS_UNSUPPORTED_FEATURE:
    return dml_fail (error, UNSUPPORTED,
                     "%s: WebP with a feature that libwebp does not know",
                     how->name);
  default:
    return dml_fail (error, FORMAT, "%s: damaged WebP", how->name);
  }
}

/* Decodes a frame to its place on the canvas, which stays black (transparent)
 * around it. */
static gboolean
webp_draw (const DmlDecode *how, const WebPIterator *frame, DmlPicture *picture,
           GError **error)
{
  const int nc = dml_picture_channels (picture);
  const int stride = picture->image.stride[0];
  WebPDecoderConfig config;

  if (frame->x_offset < 0 || frame->y_offset < 0 ||
      frame->width > picture->image.width - frame->x_offset ||
      frame->height > picture->image.height - frame->y_offset)
    return dml_fail (error, FORMAT,
                     "%s: damaged WebP: a frame that sticks out of its canvas",
                     how->name);
  if (!WebPInitDecoderConfig (&config))
    return dml_fail (error, UNSUPPORTED, "%s: libwebp is of another version",
                     how->name);
  config.output.colorspace = nc == 4 ? MODE_RGBA : MODE_RGB;
  config.output.is_external_memory = 1;
  config.output.u.RGBA.rgba = picture->pixels +
                              (size_t) frame->y_offset * stride +
                              (size_t) frame->x_offset * nc;
  config.output.u.RGBA.stride = stride;
  config.output.u.RGBA.size =
    (size_t) (frame->height - 1) * stride + (size_t) frame->width * nc;
  const VP8StatusCode status =
    WebPDecode (frame->fragment.bytes, frame->fragment.size, &config);

  WebPFreeDecBuffer (&config.output);
  return status == VP8_STATUS_OK || webp_fail (how, status, error);
}

static int
webp_orientation (const WebPDemuxer *demux)
{
  WebPChunkIterator chunk;
  int orientation = 1;

  if (WebPDemuxGetChunk (demux, "EXIF", 1, &chunk)) {
    orientation = dml_exif_orientation (chunk.chunk.bytes, chunk.chunk.size);
    WebPDemuxReleaseChunkIterator (&chunk);
  }
  return orientation;
}

DmlPicture *
dml_decode_webp (const DmlDecode *how, const uint8_t *data, size_t size,
                 int *orientation, GError **error)
{
  const WebPData file = { data, size };
  WebPDemuxState state;
  WebPDemuxer *demux = WebPDemuxPartial (&file, &state);
  g_autoptr (DmlPicture) picture = NULL;
  WebPIterator frame;
  gboolean done = FALSE;

  if (demux == NULL || state != WEBP_DEMUX_DONE) {
    webp_fail (how,
               state == WEBP_DEMUX_PARSE_ERROR ? VP8_STATUS_BITSTREAM_ERROR
                                               : VP8_STATUS_NOT_ENOUGH_DATA,
               error);
    WebPDemuxDelete (demux);
    return NULL;
  }
  const uint32_t width = WebPDemuxGetI (demux, WEBP_FF_CANVAS_WIDTH);
  const uint32_t height = WebPDemuxGetI (demux, WEBP_FF_CANVAS_HEIGHT);

  if (dml_decode_size_allowed (how, width, height, error)) {
    if (!WebPDemuxGetFrame (demux, 1, &frame))
      webp_fail (how, VP8_STATUS_BITSTREAM_ERROR, error);
    else {
      const gboolean whole =
        frame.width == (int) width && frame.height == (int) height;

      picture = dml_picture_new_rgb ((int) width, (int) height,
                                     frame.has_alpha || !whole ? 4 : 3, error);
      done = picture != NULL && webp_draw (how, &frame, picture, error);
      *orientation = webp_orientation (demux);
      WebPDemuxReleaseIterator (&frame);
    }
  }
  WebPDemuxDelete (demux);
  return done ? g_steal_pointer (&picture) : NULL;
}
