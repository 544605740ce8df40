/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Matrix products through OpenBLAS. */
#include "nn/blas.h"

#include <cblas.h>

void
dml_sgemm (gboolean ta, gboolean tb, size_t m, size_t n, size_t k,
           const float *a, size_t lda, const float *b, size_t ldb, float beta,
           float *c, size_t ldc)
{
  static gsize once;

  if (g_once_init_enter (&once)) {
    openblas_set_num_threads (1);
    g_once_init_leave (&once, 1);
  }
  if (m == 0 || n == 0)
    return;
  cblas_sgemm (CblasRowMajor, ta ? CblasTrans : CblasNoTrans,
               tb ? CblasTrans : CblasNoTrans, (blasint) m, (blasint) n,
               (blasint) k, 1.0f, a, (blasint) lda, b, (blasint) ldb, beta, c,
               (blasint) ldc);
}
