/* SPDX-License-Identifier: LGPL-2.1-or-later
 * pixel.orc's programs as rows of the table. ORC compiles them for the
 * processor at hand when they are asked for; ORC_CODE=backup leaves them to
 * their C. */
#include "kernels/tables.h"

#include "pixel-orc.h"

static void
mac4_u16_i32_orc (int32_t *y, const uint16_t *x0, const uint16_t *x1,
                  const uint16_t *x2, const uint16_t *x3, const int16_t w[4],
                  size_t n)
{
  dml_orc_mac4_u16_i32 (y, x0, x1, x2, x3, w[0], w[1], w[2], w[3], (int) n);
}

static void
narrow_i32_i16_orc (int16_t *y, const int32_t *x, int shift, size_t n)
{
  dml_orc_narrow_i32_i16 (y, x, shift - 1, (int) n);
}

bool
dml_kernels_add_orc (DmlKernels *table)
{
  dml_orc_init (); /* compiles all: frames are not to wait for it */
  table->mac4_u16_i32 = mac4_u16_i32_orc;
  table->narrow_i32_i16 = narrow_i32_i16_orc;
  return true;
}
