/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Scores of many rows against one query. Each row is summed as reduce_tmpl.c
 * sums it, so a row scores the same bits wherever it stands and whoever asks;
 * only the sums across lanes are taken for VW rows at once. */
#include "kernels/kernels.h"
#include "kernels/sum.h"
#include "kernels/kernels.def"

/* Floats from here that are fetched while this is added: 4 KiB, where scans of
 * galleries larger than the caches came nearest to the memory's own speed. */
#define AHEAD 1024

#define ROWS(name, sum)                                                        \
  void DML_K (name) (float *score, const float *query, const float *base,      \
                     size_t stride, size_t n_rows, size_t d)                   \
  {                                                                            \
    vf acc[VW];                                                                \
                                                                               \
    for (size_t j = 0; j < VW; j++)                                            \
      acc[j] = v_set1 (0.0f);                                                  \
    for (size_t i = 0; i < n_rows; i += VW) {                                  \
      const size_t m = n_rows - i < VW ? n_rows - i : VW;                      \
                                                                               \
      for (size_t j = 0; j < m; j++, base += stride)                           \
        acc[j] = sum (query, base, d, AHEAD);                                  \
      v_sum_rows (score + i, acc, m);                                          \
    }                                                                          \
  }

ROWS (dot_rows_f32, sum_dot)
ROWS (sqdist_rows_f32, sum_sqdist)
