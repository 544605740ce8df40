/* SPDX-License-Identifier: LGPL-2.1-or-later
 * One copy loop for every operator that only moves elements. See strided.h. */
#include "nn/ops/strided.h"

#include <string.h>

void
dml_strided_of (const DmlShape *shape, int64_t stride[DML_MAX_RANK])
{
  int64_t step = 1;

  for (int i = shape->rank; i-- > 0;) {
    stride[i] = step;
    step *= shape->dim[i];
  }
}

DmlStrided
dml_strided_expand (const DmlShape *x, const DmlShape *y)
{
  const int lead = y->rank - x->rank;
  DmlStrided walk = { .rank = y->rank };
  int64_t stride[DML_MAX_RANK];

  dml_strided_of (x, stride);
  for (int i = 0; i < y->rank; i++) {
    walk.dim[i] = y->dim[i];
    if (i >= lead && x->dim[i - lead] != 1)
      walk.stride[i] = stride[i - lead];
  }
  return walk;
}

DmlStrided
dml_strided_merge (const DmlStrided *walk)
{
  DmlStrided m = { .offset = walk->offset };

  for (int i = 0; i < walk->rank; i++) {
    const int last = m.rank - 1;

    if (walk->dim[i] == 1)
      continue;
    if (last >= 0 && m.stride[last] == walk->stride[i] * walk->dim[i]) {
      m.dim[last] *= walk->dim[i];
      m.stride[last] = walk->stride[i];
    } else {
      m.dim[m.rank] = walk->dim[i];
      m.stride[m.rank++] = walk->stride[i];
    }
  }
  if (m.rank == 0) {
    m.dim[0] = m.stride[0] = 1;
    m.rank = 1;
  }
  return m;
}

#define STRIDED_RUN(Type)                                                      \
  do {                                                                         \
    Type *to = (Type *) target;                                                \
    const Type *from = (const Type *) source;                                  \
                                                                               \
    for (int64_t i = 0; i < n; i++, from += stride)                            \
      to[i] = *from;                                                           \
  } while (0)

static void
strided_run (int64_t n, int64_t stride, size_t n_bytes, void *target,
             const void *source)
{
  if (stride == 1) {
    memcpy (target, source, (size_t) n * n_bytes);
    return;
  }
  switch (n_bytes) {
  case 1:
    STRIDED_RUN (uint8_t);
    break;
  case 2:
    STRIDED_RUN (uint16_t);
    break;
  case 4:
    STRIDED_RUN (uint32_t);
    break;
  default:
    STRIDED_RUN (uint64_t);
    break;
  }
}

void
dml_strided_copy (const DmlStrided *walk, size_t n_bytes, void *target,
                  const void *source)
{
  const DmlStrided m = dml_strided_merge (walk);
  const int inner = m.rank - 1;
  const char *from = source;
  char *to = target;
  int64_t at[DML_MAX_RANK] = { 0 }, offset = m.offset;

  for (int i = 0; i < m.rank; i++)
    if (m.dim[i] == 0)
      return;
  do {
    strided_run (m.dim[inner], m.stride[inner], n_bytes, to,
                 from + offset * (int64_t) n_bytes);
    to += (size_t) m.dim[inner] * n_bytes;
  } while (dml_strided_step (&m, inner, at, &offset));
}

void
dml_strided_add (const DmlStrided *walk, float *source, const float *gradient)
{
  const DmlStrided m = dml_strided_merge (walk);
  const int inner = m.rank - 1;
  int64_t at[DML_MAX_RANK] = { 0 }, offset = m.offset;

  for (int i = 0; i < m.rank; i++)
    if (m.dim[i] == 0)
      return;
  do
    for (int64_t i = 0; i < m.dim[inner]; i++)
      source[offset + i * m.stride[inner]] += *gradient++;
  while (dml_strided_step (&m, inner, at, &offset));
}
