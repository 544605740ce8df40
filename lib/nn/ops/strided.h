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

/* `x` laid out over `y`, to which it broadcasts: repeated where it is 1. */
DmlStrided dml_strided_expand (const DmlShape *x, const DmlShape *y);

/* The same walk with dimensions of 1 dropped and neighbours joined that the
 * source runs through in one go; rank 1 at least, the last run the longest. */
DmlStrided dml_strided_merge (const DmlStrided *walk);

/* One step of an odometer over dimensions 0 .. n_dims - 1, the last one
 * fastest: `at` counts, *offset follows the strides. FALSE after the last. */
static inline gboolean
dml_strided_step (const DmlStrided *walk, int n_dims, int64_t *at,
                  int64_t *offset)
{
  for (int i = n_dims; i-- > 0;) {
    *offset += walk->stride[i];
    if (++at[i] < walk->dim[i])
      return TRUE;
    *offset -= walk->stride[i] * walk->dim[i];
    at[i] = 0;
  }
  return FALSE;
}

/* `n_bytes`: of an element, 1, 2, 4 or 8. Does nothing where a dim is 0. */
void dml_strided_copy (const DmlStrided *walk, size_t n_bytes, void *target,
                       const void *source);

/* Its adjoint, backward of all of them: adds every element of the dense
 * gradient to the place of the source that it came from. */
void dml_strided_add (const DmlStrided *walk, float *source,
                      const float *gradient);
