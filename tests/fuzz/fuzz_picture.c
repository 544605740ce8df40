/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Any bytes as a picture file: a picture or an error, within a stated memory.
 */
#include "image/decode.h"
#include "image/preprocess.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static const DmlPreprocess tiny = { 8,           8,           3,
                                    { 0, 0, 0 }, { 1, 1, 1 }, DML_FIT_CONTEXT };

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  const DmlDecode how = { "fuzz", 1 << 20, size % 3 == 0 ? 20 : 0 };
  g_autoptr (GError) error = NULL;
  g_autoptr (DmlPicture) picture = dml_decode (&how, data, size, &error);
  float out[3 * 8 * 8];

  if ((picture == NULL) == (error == NULL))
    abort ();
  if (picture == NULL)
    return 0;
  g_autoptr (DmlPreprocessor) self = dml_preprocessor_new (&tiny, NULL);

  if (!dml_preprocessor_run (self, dml_picture_get_image (picture), NULL, out,
                             NULL))
    abort ();
  for (int i = 0; i < 3 * 8 * 8; i++) {
    if (!(out[i] >= 0 && out[i] <= 1))
      abort ();
  }
  return 0;
}
