/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Between number formats. */
#include "kernels/kernels.h"
#include "kernels/vec.h"
#include "kernels/kernels.def"

void
DML_K (f16_to_f32) (float *y, const uint16_t *x, size_t n)
{
  V_EACH (i, m, n, { v_store_n (y + i, v_load_f16_n (x + i, m), m); });
}

void
DML_K (f32_to_f16) (uint16_t *y, const float *x, size_t n)
{
  V_EACH (i, m, n, { v_store_f16_n (y + i, v_load_n (x + i, m), m); });
}

void
DML_K (u8_to_f32) (float *y, const uint8_t *x, float a, float b, size_t n)
{
  const vf va = v_set1 (a), vb = v_set1 (b);

  V_EACH (i, m, n, {
    v_store_n (y + i, v_add (v_mul (va, v_load_u8_n (x + i, m)), vb), m);
  });
}
