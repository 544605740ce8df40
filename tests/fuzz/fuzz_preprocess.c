/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Any region of an image of any layout and size: floats of 0..1 or an error,
 * and no byte read outside the planes. The input is the struct Case below. */
#include "image/pixels.h"
#include "image/preprocess.h"
#include "image_maker.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

typedef struct {
  uint8_t format, width, height, flags;
  uint8_t out_width, out_height, fit, colour;
  DmlRegion region; /* any bits */
} Case;

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  Case c;

  if (size < sizeof c)
    return 0;
  memcpy (&c, data, sizeof c);
  const DmlPreprocess config = { 1 + c.out_width % 40, 1 + c.out_height % 40,
                                 c.flags & 1 ? 1 : 3,  { 0, 0, 0 },
                                 { 1, 1, 1 },          c.fit % 3 };
  g_autoptr (TestImage) image =
    test_image_new (c.format % DML_PIXELS_N_FORMATS, 1 + c.width, 1 + c.height,
                    1, c.flags & 4 ? 12 : 0, c.flags & 2);
  g_autoptr (DmlPreprocessor) self = dml_preprocessor_new (&config, NULL);
  g_autoptr (GError) error = NULL;
  const size_t n = (size_t) (config.channels * config.width * config.height);
  g_autofree float *out = g_new (float, n);

  image->image.range = c.colour & 1;
  image->image.siting = c.colour >> 1 & 1;
  image->image.outside = c.flags >> 3 & 1;
  if (image->image.matrix != DML_MATRIX_RGB)
    image->image.matrix = (c.colour >> 2) % 6;
  if (!dml_preprocessor_run (self, &image->image, &c.region, out, &error)) {
    if (error == NULL)
      abort ();
    return 0;
  }
  for (size_t i = 0; i < n; i++) {
    if (!(out[i] >= 0 && out[i] <= 1))
      abort ();
  }
  return 0;
}
