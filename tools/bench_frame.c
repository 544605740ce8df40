/* SPDX-License-Identifier: LGPL-2.1-or-later
 * A made-up NV12 frame and its centre square: what an encoder gets of a camera.
 */
#include "bench.h"

guint8 *
bench_frame_new (int width, int height, DmlImage *square)
{
  const gsize n_luma = (gsize) width * (gsize) height;
  const int side = MIN (width, height);
  const gsize left = (gsize) (width - side) / 4 * 2;
  const gsize top = (gsize) (height - side) / 4 * 2;
  const gsize w = (gsize) width;
  guint8 *frame = g_malloc (n_luma * 3 / 2);

  for (gsize i = 0; i < n_luma * 3 / 2; i++)
    frame[i] = (guint8) (16 + i * 2654435761u % 219);
  *square = (DmlImage){ .format = DML_PIXELS_NV12,
                        .width = side,
                        .height = side,
                        .plane = { frame + top * w + left,
                                   frame + n_luma + top / 2 * w + left },
                        .stride = { width, width },
                        .matrix = DML_MATRIX_BT709,
                        .range = DML_RANGE_LIMITED,
                        .siting = DML_SITING_LEFT };
  return frame;
}
