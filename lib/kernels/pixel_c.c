/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Pixel loops in plain C, built once a level so that the compiler may use its
 * instructions; what pixel.orc is held to. */
#include "kernels/kernels.h"
#include "kernels/vec.h"
#include "kernels/kernels.def"

/* 65535 times a weight fits 32 bits; the sums may wrap, unsigned. */
#define MAC4(w, i)                                                             \
  ((uint32_t) (w[0] * x0[i]) + (uint32_t) (w[1] * x1[i]) +                     \
   (uint32_t) (w[2] * x2[i]) + (uint32_t) (w[3] * x3[i]))

void
DML_K (mac4_u8_i32) (int32_t *restrict y, const uint8_t *restrict x0,
                     const uint8_t *restrict x1, const uint8_t *restrict x2,
                     const uint8_t *restrict x3, const int16_t w[4], size_t n)
{
  for (size_t i = 0; i < n; i++)
    y[i] = (int32_t) ((uint32_t) y[i] + MAC4 (w, i));
}

void
DML_K (mac4_u16_i32) (int32_t *restrict y, const uint16_t *restrict x0,
                      const uint16_t *restrict x1, const uint16_t *restrict x2,
                      const uint16_t *restrict x3, const int16_t w[4], size_t n)
{
  for (size_t i = 0; i < n; i++)
    y[i] = (int32_t) ((uint32_t) y[i] + MAC4 (w, i));
}

/* In two steps, as adding half of 2^shift might pass 31 bits. */
void
DML_K (narrow_i32_i16) (int16_t *restrict y, const int32_t *restrict x,
                        int shift, size_t n)
{
  for (size_t i = 0; i < n; i++) {
    const int32_t v = ((x[i] >> (shift - 1)) + 1) >> 1;

    y[i] = (int16_t) (v < -32768 ? -32768 : v > 32767 ? 32767 : v);
  }
}

/* Two bytes of a pixel at once, in the low halves of 16 bits each. x / 255 is
 * (x + 128 + (x + 128) / 256) / 256, rounded, for all that two bytes make. */
VEC_INLINE uint32_t
blend_pair (uint32_t colour, uint32_t below, uint32_t a)
{
  uint32_t t = colour * a + below * (255 - a) + 0x00800080;

  t += t >> 8 & 0x00ff00ff;
  return t >> 8 & 0x00ff00ff;
}

/* Alpha at bit 0 or 24 of the word that memcpy makes of four bytes. */
VEC_INLINE void
blend (uint8_t *restrict y, const uint8_t *restrict x, unsigned shift,
       uint32_t below, size_t n)
{
  const uint32_t below_even = below & 0x00ff00ff;
  const uint32_t below_odd = below >> 8 & 0x00ff00ff;

  for (size_t i = 0; i < n; i++) {
    uint32_t p;

    memcpy (&p, x + 4 * i, 4);
    const uint32_t a = p >> shift & 255;
    const uint32_t even = blend_pair (p & 0x00ff00ff, below_even, a);
    const uint32_t odd = blend_pair (p >> 8 & 0x00ff00ff, below_odd, a);

    p = even | odd << 8 | 255u << shift;
    memcpy (y + 4 * i, &p, 4);
  }
}

void
DML_K (blend_u8) (uint8_t *restrict y, const uint8_t *restrict x, int alpha,
                  const uint8_t below[4], size_t n)
{
  uint32_t word;

  memcpy (&word, below, 4);
  if ((alpha == 0) == (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__))
    blend (y, x, 0, word, n);
  else
    blend (y, x, 24, word, n);
}
