/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Nearest rows of a snapshot. An index is made once and then only read, by any
 * number of threads; the rows stay the snapshot's.
 *
 * Scores, larger is nearer: cosine: the dot product with the query as it is
 * (the caller divides by its length); Euclidean: minus the squared distance. */
#pragma once

#include <dml/dml-encoder.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
  float score;
  guint32 row;
} DmlHit;

/* The nearest labels that a search tells apart: the best, five to compare it
 * with (decide.c), and one that a caller may want to leave out. */
#define DML_NEAREST_LABELS 7

/* What one search finds. */
typedef struct {
  DmlHit *hits; /* room for k; best first, equal scores by row */
  guint n_hits;
  /* The nearest row of each of the nearest labels, best first. */
  DmlHit best[DML_NEAREST_LABELS];
  guint n_best; /* fewer where there are fewer labels; 0: no rows */
} DmlFound;

typedef struct {
  const float *rows; /* n x dim, all finite */
  const guint32 *label_of;
  guint n, dim;
  DmlMetric metric;
} DmlRowSet;

typedef struct _DmlIndex DmlIndex;

typedef struct {
  const char *name;
  DmlIndex *(*build) (const DmlRowSet *set, GError **error);
  /* Allocates nothing. The k nearest rows, and those of the nearest labels. */
  void (*search) (const DmlIndex *index, const float *query, guint k,
                  DmlFound *found);
  void (*free) (DmlIndex *index);
} DmlIndexClass;

/* Every index begins with this. */
struct _DmlIndex {
  const DmlIndexClass *klass;
};

extern const DmlIndexClass dml_index_flat; /* exact */
