/* SPDX-License-Identifier: LGPL-2.1-or-later
 * One copy loop for every operator that only moves elements (Transpose, Slice,
 * Expand, Split): the target is dense, the source is walked by strides that may
 * be 0 (repeat) or negative (backward). */
#pragma once

#include "nn/tensor.h"

typedef struct {
  int rank;
  int64_t dim[DML_MAX_RANK];    /* of the target */
  int64_t stride[DML_MAX_RANK]; /* of the source, in elements */
  int64_t offset;               /* of the source's first element */
} DmlStrided;

/* Dense strides of `shape`, which has been counted. */
void dml_strided_of (const DmlShape *shape, int64_t stride[DML_MAX_RANK]);

/* `n_bytes`: of an element, 1, 2, 4 or 8. Does nothing where a dim is 0. */
void dml_strided_copy (const DmlStrided *walk, size_t n_bytes, void *target,
                       const void *source);
