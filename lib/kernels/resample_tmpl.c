/* SPDX-License-Identifier: LGPL-2.1-or-later
 * What ends a resize: the pass across, and colour. Plain C that the compiler
 * turns into each level's instructions; sums of integers may be taken in any
 * order. */
#include "kernels/kernels.h"
#include "kernels/vec.h"
#include "kernels/kernels.def"

#define TAPS 16 /* weights come in multiples of it */

void
DML_K (dot_taps_i16) (int32_t *restrict y, const int16_t *restrict x,
                      const int16_t *restrict w, const int32_t *restrict first,
                      const int32_t *restrict offset, size_t n)
{
  for (size_t i = 0; i < n; i++) {
    const int16_t *wi = w + offset[i], *xi = x + first[i];
    const int n_taps = offset[i + 1] - offset[i];
    int32_t sum = 0;

    for (int k = 0; k < n_taps; k += TAPS) {
      for (int j = 0; j < TAPS; j++)
        sum += wi[k + j] * xi[k + j];
    }
    y[i] = sum;
  }
}

void
DML_K (colour_f32) (float *restrict y, const int32_t *a, const int32_t *b,
                    const int32_t *c, const float m[4], float gain, float bias,
                    size_t n)
{
  const float m0 = m[0], m1 = m[1], m2 = m[2], m3 = m[3];

  for (size_t i = 0; i < n; i++) {
    float v = m0 * (float) a[i] + m1 * (float) b[i] + m2 * (float) c[i] + m3;

    v = v > 0 ? v : 0;
    v = v < 1 ? v : 1;
    y[i] = v * gain + bias;
  }
}
