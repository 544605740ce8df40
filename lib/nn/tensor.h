/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Element types, shapes, and ref-counted blocks of data: the weights and
 * constants of a graph. Activations are not tensors but places in an executor's
 * arena (planner.h). Dense and row-major always; images are N x C x H x W. */
#pragma once

#include "base/mem.h"

#define DML_MAX_RANK 8
#define DML_DIM_FREE (-1) /* said when the graph is specialised for a batch */

/* No value of a graph is larger, whatever a file asks for. */
#define DML_VALUE_MAX_BYTES ((size_t) 1 << 31)

typedef enum {
  DML_DTYPE_NONE, /* not inferred yet */
  DML_F32,
  DML_F16, /* only stored; Cast turns it into F32 */
  DML_F64,
  DML_I64,
  DML_I32,
  DML_I8,
  DML_U8,
  DML_BOOL, /* one byte, 0 or 1 */
  DML_N_DTYPES,
} DmlDtype;

const char *dml_dtype_name (DmlDtype dtype); /* "float32" */
size_t dml_dtype_size (DmlDtype dtype);      /* bytes; 0 for NONE */

typedef struct {
  int rank; /* 0 is a scalar; -1 = not inferred yet */
  int64_t dim[DML_MAX_RANK];
} DmlShape;

/* DML_SHAPE (2, 3) is 2 x 3 */
#define DML_SHAPE(...)                                                         \
  ((DmlShape){ .rank = sizeof ((int64_t[]){ __VA_ARGS__ }) / sizeof (int64_t), \
               .dim = { __VA_ARGS__ } })
#define DML_SHAPE_SCALAR ((DmlShape){ .rank = 0 })
#define DML_SHAPE_UNKNOWN ((DmlShape){ .rank = -1 })

/* *n = product of the dimensions (1 for a scalar); FALSE where one is free or
 * negative, the rank unknown, or n elements of `dtype` pass
 * DML_VALUE_MAX_BYTES. */
gboolean dml_shape_count (const DmlShape *shape, DmlDtype dtype, size_t *n);

/* Product of dim[from] .. dim[to - 1] of a shape that has been counted. */
size_t dml_shape_span (const DmlShape *shape, int from, int to);

gboolean dml_shape_equal (const DmlShape *a, const DmlShape *b);

/* "1x3x224x224", "scalar", "?x3"; (transfer full) */
char *dml_shape_to_string (const DmlShape *shape);

typedef struct {
  gint refs;
  DmlDtype dtype;
  DmlShape shape;
  size_t n;   /* elements */
  void *data; /* 64-byte aligned; never NULL, also where n == 0 */
} DmlTensor;

/* Not cleared. LIMIT for a shape that dml_shape_count refuses, or NO_MEMORY. */
DmlTensor *dml_tensor_new (DmlDtype dtype, const DmlShape *shape,
                           GError **error);
DmlTensor *dml_tensor_new0 (DmlDtype dtype, const DmlShape *shape,
                            GError **error);

/* Copies `data`. */
DmlTensor *dml_tensor_new_from (DmlDtype dtype, const DmlShape *shape,
                                const void *data, GError **error);

/* Shape n; what shape chains compute with. */
DmlTensor *dml_tensor_new_i64 (const int64_t *data, size_t n, GError **error);

DmlTensor *dml_tensor_ref (DmlTensor *tensor);
void dml_tensor_unref (DmlTensor *tensor); /* NULL is fine */

static inline size_t
dml_tensor_bytes (const DmlTensor *tensor)
{
  return tensor->n * dml_dtype_size (tensor->dtype);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DmlTensor, dml_tensor_unref)
