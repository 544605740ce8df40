/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Pictures and encoders for tests. */
#include "encoder_maker.h"

#include "encoder/encoder.h"
#include "onnx_maker.h"

#include <string.h>

DmlPicture *
noise_picture (int width, int height, guint32 seed)
{
  DmlPicture *picture = dml_picture_new_rgb (width, height, 3, NULL);
  GRand *rand = g_rand_new_with_seed (seed);
  int stride;
  uint8_t *pixels = dml_picture_get_pixels (picture, &stride);

  for (int y = 0; y < height; y++)
    for (int x = 0; x < 3 * width; x++)
      pixels[y * stride + x] = (uint8_t) g_rand_int_range (rand, 0, 256);
  g_rand_free (rand);
  return picture;
}

DmlEncoder *
open_model (GByteArray *model)
{
  g_autoptr (GError) error = NULL;
  DmlEncoder *encoder = dml_encoder_new_from_data (model->data, model->len,
                                                   "dir/model.onnx", &error);

  g_assert_no_error (error);
  g_byte_array_unref (model);
  return encoder;
}

void
embed_one (DmlEncoder *encoder, const DmlPicture *picture, float *out)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (DmlSession) session = dml_encoder_session_new (encoder, 1, &error);
  const DmlImage *image = dml_picture_get_image (picture);

  g_assert_no_error (error);
  dml_session_embed (session, &image, NULL, 1, out, &error);
  g_assert_no_error (error);
}

void
refuse_model (GByteArray *model, DmlError code, const char *words)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (DmlEncoder) encoder = dml_encoder_new_from_data (
    model->data, model->len, "dir/model.onnx", &error);

  g_assert_null (encoder);
  g_assert_error (error, DML_ERROR, (gint) code);
  g_assert_true (g_str_has_prefix (error->message, "dir/model.onnx: "));
  if (strstr (error->message, words) == NULL)
    g_error ("\"%s\" does not say \"%s\"", error->message, words);
  g_byte_array_unref (model);
}

GByteArray *
model_with_metadata (const char *key, const char *value)
{
  GByteArray *model = onnx_small_cnn (16, 8, 1);

  onnx_add_metadata (model, key, value);
  return model;
}
