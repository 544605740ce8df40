/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Any bytes as an encoder: an encoder or an error that may go to a terminal,
 * within the bounds that docs/onnx.md states. What opens and is small also
 * embeds a picture. */
#include "encoder/encoder.h"
#include "nn/op.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

#define SMALL 65536 /* floats of all values together, and bytes of the file */

static gboolean
is_small (const DmlEncoder *encoder, size_t size)
{
  const DmlGraph *graph = encoder->net->graph;
  size_t sum = MAX (encoder->net->fixed_batch, 1) *
               (size_t) encoder->net->width * (size_t) encoder->net->height;

  for (guint i = 0; i < graph->values->len && sum < SMALL; i++) {
    size_t n;

    if (dml_shape_count (&dml_graph_value_at (graph, i)->shape, DML_F32, &n))
      sum += n;
  }
  return sum < SMALL && size < SMALL;
}

static void
embed (DmlEncoder *encoder)
{
  const size_t dim = dml_encoder_get_dim (encoder);
  g_autofree float *out = g_new (float, dim);
  g_autoptr (DmlSession) session = dml_encoder_session_new (encoder, 1, NULL);
  g_autoptr (DmlPicture) picture = dml_picture_new_rgb (5, 4, 3, NULL);
  const DmlImage *image = dml_picture_get_image (picture);
  double sum = 0;

  if (session == NULL ||
      !dml_session_embed (session, &image, NULL, 1, out, NULL))
    return;
  for (size_t i = 0; i < dim; i++) {
    if (!isfinite (out[i]))
      abort ();
    sum += (double) out[i] * (double) out[i];
  }
  if (dml_encoder_get_metric (encoder) == DML_METRIC_COSINE && sum != 0 &&
      fabs (sum - 1) > 1e-4)
    abort ();
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (DmlEncoder) encoder =
    dml_encoder_new_from_data (data, size, "fuzz", &error);

  if ((encoder == NULL) == (error == NULL))
    abort ();
  if (error != NULL) {
    if (strlen (error->message) > 2000 ||
        !g_utf8_validate (error->message, -1, NULL))
      abort ();
    for (const char *p = error->message; *p != '\0'; p++)
      if ((guchar) *p < 0x20)
        abort ();
  } else if (is_small (encoder, size)) {
    embed (encoder);
  }
  return 0;
}
