/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Scores of many rows against one query. */
#include "kernels/kernels.h"
#include "kernels/vec.h"
#include "kernels/kernels.def"

void
DML_K (dot_rows_f32) (float *score, const float *query, const float *base,
                      size_t stride, size_t n_rows, size_t d)
{
  for (size_t i = 0; i < n_rows; i++)
    score[i] = DML_K (dot_f32) (query, base + i * stride, d);
}

void
DML_K (sqdist_rows_f32) (float *score, const float *query, const float *base,
                         size_t stride, size_t n_rows, size_t d)
{
  for (size_t i = 0; i < n_rows; i++)
    score[i] = DML_K (sqdist_f32) (query, base + i * stride, d);
}
