/* SPDX-License-Identifier: LGPL-2.1-or-later
 * A made-up NV12 frame and its centre square: what an encoder gets of a camera.
 */
#include "bench.h"

BenchFrame
bench_frame (int width, int height)
{
  const gsize n_luma = (gsize) width * (gsize) height;
  const int side = MIN (width, height);
  const gsize left = (gsize) (width - side) / 4 * 2;
  const gsize top = (gsize) (height - side) / 4 * 2;
  const gsize w = (gsize) width;
  guint8 *pixels = g_malloc (n_luma * 3 / 2);

  for (gsize i = 0; i < n_luma * 3 / 2; i++)
    pixels[i] = (guint8) (16 + i * 2654435761u % 219);
  return (BenchFrame){ pixels, (DmlImage){ .format = DML_PIXELS_NV12,
                                           .width = side,
                                           .height = side,
                                           .plane = { pixels + top * w + left,
                                                      pixels + n_luma +
                                                        top / 2 * w + left },
                                           .stride = { width, width },
                                           .matrix = DML_MATRIX_BT709,
                                           .range = DML_RANGE_LIMITED,
                                           .siting = DML_SITING_LEFT } };
}

void
bench_frame_clear (BenchFrame *frame)
{
  g_clear_pointer (&frame->pixels, g_free);
}
