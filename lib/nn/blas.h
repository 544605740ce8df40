/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Matrix products through OpenBLAS, single-threaded: our pool calls it on parts
 * of the output (its own threads would change results and fight ours). */
#pragma once

#include <glib.h>
#include <stddef.h>

/* C (m x n) = op (A) op (B) + beta C, row-major; op (A) is m x k and transposes
 * when `ta`, op (B) is k x n. Deterministic for equal arguments. */
void dml_sgemm (gboolean ta, gboolean tb, size_t m, size_t n, size_t k,
                const float *a, size_t lda, const float *b, size_t ldb,
                float beta, float *c, size_t ldc);
