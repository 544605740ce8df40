/* SPDX-License-Identifier: LGPL-2.1-or-later
 * What losses and miners look at: embeddings and what is known of them. */
#pragma once

#include <glib.h>
#include <stdint.h>

#include "metric/real.h"

/* Self comparison (ref == NULL): x against x, a row never against itself, and
 * gradients reach both sides. Otherwise x against the reference set, which
 * carries no gradient (cross-batch memory). Nothing here is owned. */
typedef struct {
  size_t n, d;
  const DmlReal *x;      /* N x D, not normalised */
  const int32_t *labels; /* N; class, >= 0 */

  size_t n_ref;              /* M */
  const DmlReal *ref;        /* M x D or NULL */
  const int32_t *ref_labels; /* M */
  const int32_t *ref_self;   /* N: row of ref that holds x[i] itself, or -1 */

  /* Or NULL: rows of the same group (>= 0) with different labels are neither
   * positive nor negative: relatives, of which one cannot say they differ. */
  const int32_t *groups; /* N; self comparison only */

  /* Or NULL: which picture a row is of. A memory that meets it again tells how
   * far its embedding has moved meanwhile. */
  const int32_t *items; /* N */

  /* For "instance" only: views of one picture share a number. */
  const int32_t *instances; /* N or NULL */

  /* For distillation only: the teacher's embeddings of the same pictures. */
  const DmlReal *teacher; /* N x D_TEACHER or NULL */

  uint64_t seed; /* of the random choices of this step (distance-weighted) */
} DmlBatch;

/* Larger batches are refused with the figure. Two matrices of N x M floats are
 * held (M: rows of the batch, the reference set or the class weights): 128 MiB
 * for 4096 embeddings among themselves, at most 512 MiB. */
#define DML_BATCH_MAX 4096
#define DML_BATCH_MAX_PAIRS ((size_t) 1 << 26)
