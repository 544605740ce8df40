/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Pictures and encoders for tests. */
#pragma once

#include <dml/dml.h>

/* A picture of random pixels, the same for the same seed. */
DmlPicture *noise_picture (int width, int height, guint32 seed);

/* The encoder in dir/model.onnx. Takes `model` over. */
DmlEncoder *open_model (GByteArray *model);

/* By a session of its own. */
void embed_one (DmlEncoder *encoder, const DmlPicture *picture, float *out);

/* Fails unless dir/model.onnx is refused with that code and those words. Takes
 * `model` over. */
void refuse_model (GByteArray *model, DmlError code, const char *words);

/* onnx_small_cnn (16, 8, 1) with one entry of metadata. */
GByteArray *model_with_metadata (const char *key, const char *value);
