/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Pixel loops in plain C, built once a level so that the compiler may use its
 * instructions; what pixel.orc is held to. */
#include "kernels/kernels.h"
#include "kernels/vec.h"
#include "kernels/kernels.def"

void
DML_K (split2_u8) (uint8_t *a, uint8_t *b, const uint8_t *x, size_t n)
{
  for (size_t i = 0; i < n; i++) {
    a[i] = x[2 * i];
    b[i] = x[2 * i + 1];
  }
}

void
DML_K (mac_u8_i32) (int32_t *y, const uint8_t *x, int16_t w, size_t n)
{
  for (size_t i = 0; i < n; i++)
    y[i] = (int32_t) ((uint32_t) y[i] + (uint32_t) (w * x[i]));
}

void
DML_K (mac_u16_i32) (int32_t *y, const uint16_t *x, int16_t w, size_t n)
{
  for (size_t i = 0; i < n; i++)
    y[i] = (int32_t) ((uint32_t) y[i] + (uint32_t) (w * x[i]));
}
