/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Matrix products in registers, and the packing before them.
 *
 * A tile holds GEMM_MR rows by three vectors of C in accumulators; a step of
 * the sum loads three vectors of B and broadcasts GEMM_MR numbers of A. With 32
 * registers that is 24 fused multiply-adds for 11 loads, with 16 it is 12 for
 * 7. Elements never meet across lanes, so that a column's bits are the same
 * wherever it stands. */
#include "kernels/kernels.h"
#include "kernels/vec.h"
#include "kernels/kernels.def"
#include "kernels/gemm.h"

/* One row of the tile: acc_i += a[i] b. Written out, since compilers keep
 * arrays in registers only when every index is a number. */
#define ROW(i)                                                                 \
  if (i < GEMM_MR) {                                                           \
    const vf ai = v_set1 (a[i]);                                               \
    acc[i][0] = v_mla (ai, b0, acc[i][0]);                                     \
    if (n_vec > 1)                                                             \
      acc[i][1] = v_mla (ai, b1, acc[i][1]);                                   \
    if (n_vec > 2)                                                             \
      acc[i][2] = v_mla (ai, b2, acc[i][2]);                                   \
  }

VEC_INLINE void
gemm_tile (float *c, size_t c_stride, const float *a, const float *b, size_t k,
           bool add, const size_t n_vec)
{
  vf acc[8][3];

  V_UNROLL
  for (size_t i = 0; i < GEMM_MR; i++) {
    V_UNROLL
    for (size_t j = 0; j < n_vec; j++)
      acc[i][j] = add ? v_load (c + i * c_stride + j * VW) : v_set1 (0.0f);
  }
  for (; k > 0; k--, a += GEMM_MR, b += GEMM_NR) {
    const vf b0 = v_load (b);
    const vf b1 = n_vec > 1 ? v_load (b + VW) : b0;
    const vf b2 = n_vec > 2 ? v_load (b + 2 * VW) : b0;

    ROW (0)
    ROW (1)
    ROW (2)
    ROW (3)
    ROW (4)
    ROW (5)
    ROW (6)
    ROW (7)
  }
  V_UNROLL
  for (size_t i = 0; i < GEMM_MR; i++) {
    V_UNROLL
    for (size_t j = 0; j < n_vec; j++)
      v_store (c + i * c_stride + j * VW, acc[i][j]);
  }
}

void
DML_K (gemm_tile_f32) (float *c, size_t c_stride, const float *a,
                       const float *b, size_t k, size_t n, bool add)
{
  if (n > 2 * VW)
    gemm_tile (c, c_stride, a, b, k, add, 3);
  else if (n > VW)
    gemm_tile (c, c_stride, a, b, k, add, 2);
  else if (n > 0)
    gemm_tile (c, c_stride, a, b, k, add, 1);
}

/* Dot products of m rows of a with n rows of b, m <= NT_M, n <= NT_N. */
#if VW == 1
#define NT_M 2
#define NT_N 2
#elif VW == 8
#define NT_M 3
#define NT_N 4
#else
#define NT_M 4
#define NT_N 6
#endif

/* One step of the sum: row i of the tile, all columns. Written out for the same
 * reason as ROW. */
#define NT_COLUMN(i, j)                                                        \
  if (j < n)                                                                   \
    acc[i][j] = v_mla (ai, bj[j], acc[i][j]);
#define NT_ROW(i)                                                              \
  if (i < m) {                                                                 \
    const vf ai = v_load_n (a + i * a_stride + l, w);                          \
                                                                               \
    NT_COLUMN (i, 0)                                                           \
    NT_COLUMN (i, 1)                                                           \
    NT_COLUMN (i, 2)                                                           \
    NT_COLUMN (i, 3)                                                           \
    NT_COLUMN (i, 4)                                                           \
    NT_COLUMN (i, 5)                                                           \
  }
#define NT_LOAD(j)                                                             \
  if (j < n)                                                                   \
    bj[j] = v_load_n (b + j * b_stride + l, w);

VEC_INLINE void
nt_tile (float *c, size_t c_stride, const float *a, size_t a_stride,
         const float *b, size_t b_stride, size_t k, const size_t m,
         const size_t n)
{
  vf acc[4][6], bj[6], rows[NT_M * NT_N + VW];
  float sums[NT_M * NT_N + VW];

#pragma GCC unroll 8
  for (size_t i = 0; i < m; i++)
#pragma GCC unroll 8
    for (size_t j = 0; j < n; j++)
      acc[i][j] = v_set1 (0.0f);
  V_EACH (l, w, k,
          { NT_LOAD (0) NT_LOAD (1) NT_LOAD (2) NT_LOAD (3) NT_LOAD (4)
              NT_LOAD (5) NT_ROW (0) NT_ROW (1) NT_ROW (2) NT_ROW (3) });
  for (size_t i = m * n; i < m * n + VW; i++)
    rows[i] = v_set1 (0.0f); /* what v_sum_rows takes beyond the last */
#pragma GCC unroll 8
  for (size_t i = 0; i < m; i++)
#pragma GCC unroll 8
    for (size_t j = 0; j < n; j++)
      rows[i * n + j] = acc[i][j];
  for (size_t i = 0; i < m * n; i += VW)
    v_sum_rows (sums + i, rows + i, VW);
  for (size_t i = 0; i < m; i++)
    for (size_t j = 0; j < n; j++)
      c[i * c_stride + j] += sums[i * n + j];
}

void
DML_K (gemm_nt_f32) (float *c, size_t c_stride, const float *a, size_t a_stride,
                     size_t m, const float *b, size_t b_stride, size_t n,
                     size_t k)
{
  size_t i = 0, j;

  for (; i + NT_M <= m; i += NT_M, c += NT_M * c_stride, a += NT_M * a_stride) {
    for (j = 0; j + NT_N <= n; j += NT_N)
      nt_tile (c + j, c_stride, a, a_stride, b + j * b_stride, b_stride, k,
               NT_M, NT_N);
    for (; j < n; j++)
      nt_tile (c + j, c_stride, a, a_stride, b + j * b_stride, b_stride, k,
               NT_M, 1);
  }
  for (; i < m; i++, c += c_stride, a += a_stride) {
    for (j = 0; j + NT_N <= n; j += NT_N)
      nt_tile (c + j, c_stride, a, a_stride, b + j * b_stride, b_stride, k, 1,
               NT_N);
    for (; j < n; j++)
      nt_tile (c + j, c_stride, a, a_stride, b + j * b_stride, b_stride, k, 1,
               1);
  }
}

/* n elements of every row, from `to` on: zeros, or what lies at x. Rows are the
 * inner loop, so that masks and tests stand outside of it. Whole vectors are
 * stored where the row is long enough: what comes after the n elements is
 * written next. */
VEC_INLINE void
gather_part (float *y, size_t y_stride, size_t room, const float *x,
             size_t x_stride, size_t n_rows, size_t n, const size_t step)
{
  for (size_t j = 0; j < n; j += VW) {
    const size_t m = n - j < VW ? n - j : VW;
    const bool whole = room - j >= VW;
    float *to = y + j;
    const float *from = x + j * step;

    for (size_t r = 0; r < n_rows; r++, to += y_stride, from += x_stride) {
      const vf v = step == 0   ? v_set1 (0.0f)
                   : step == 2 ? v_load_step2_n (from, m)
                   : m == VW   ? v_load (from)
                               : v_load_n (from, m);

      if (whole)
        v_store (to, v);
      else
        v_store_n (to, v, room - j < m ? room - j : m);
    }
  }
}

/* The same for rows of fewer than a vector: copies of a size that the compiler
 * knows are a load and a store or two, and touch nothing beyond. */
VEC_INLINE void
copy_rows (float *y, size_t y_stride, const float *x, size_t x_stride,
           size_t n_rows, const size_t n)
{
  for (; n_rows > 0; n_rows--, y += y_stride, x += x_stride)
    memcpy (y, x, n * sizeof *y);
}

VEC_INLINE bool
copy_short (float *y, size_t y_stride, const float *x, size_t x_stride,
            size_t n_rows, size_t n)
{
#define COPY(size)                                                             \
  case size:                                                                   \
    copy_rows (y, y_stride, x, x_stride, n_rows, size);                        \
    return true;

  switch (n) {
    COPY (1)
    COPY (2)
    COPY (3)
    COPY (4)
    COPY (5)
    COPY (6)
    COPY (7)
    COPY (8)
  default:
    return false;
  }
#undef COPY
}

VEC_INLINE void
gather_rows (float *y, size_t y_stride, size_t width, const float *x,
             size_t x_stride, size_t n_rows, const DmlStretch *s, size_t n_s,
             const size_t step)
{
  size_t at = 0;

  for (size_t i = 0; i < n_s; at = s[i].to + s[i].n, i++) {
    gather_part (y + at, y_stride, width - at, x, 0, n_rows, s[i].to - at, 0);
    if (step != 1 || !copy_short (y + s[i].to, y_stride, x + s[i].from,
                                  x_stride, n_rows, s[i].n))
      gather_part (y + s[i].to, y_stride, width - s[i].to, x + s[i].from,
                   x_stride, n_rows, s[i].n, step);
  }
  gather_part (y + at, y_stride, width - at, x, 0, n_rows, width - at, 0);
}

void
DML_K (gather_rows_f32) (float *y, size_t y_stride, size_t width,
                         const float *x, size_t x_stride, size_t n_rows,
                         const DmlStretch *s, size_t n_s, size_t step)
{
  if (step == 1)
    gather_rows (y, y_stride, width, x, x_stride, n_rows, s, n_s, 1);
#if VW > 1
  else if (step == 2)
    gather_rows (y, y_stride, width, x, x_stride, n_rows, s, n_s, 2);
#endif
  else
    for (; n_rows > 0; n_rows--, y += y_stride, x += x_stride) {
      memset (y, 0, width * sizeof *y);
      for (size_t i = 0; i < n_s; i++)
        for (size_t j = 0; j < s[i].n; j++)
          y[s[i].to + j] = x[s[i].from + (ptrdiff_t) (j * step)];
    }
}
