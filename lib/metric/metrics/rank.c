/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Scores by blocks of queries. */
#include "metric/metrics/rank.h"

#include <math.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/threads.h"
#include "metric/pairs.h"

#ifdef DML_REAL_DOUBLE
#define RANK_DIGITS 1e12
#else
#define RANK_DIGITS 1e6
#endif

static DmlReal *
unit_rows (const DmlReal *x, size_t n, size_t d, const char *what,
           GError **error)
{
  g_autofree double *norms = g_try_new (double, MAX (n, 1));
  DmlReal *u;
  size_t count;

  if (!dml_mem_mul (n, d, &count) || n > INT32_MAX)
    return dml_fail_null (error, LIMIT, "%zu %s of %zu numbers are too many", n,
                          what, d);
  for (size_t i = 0; i < count; i++)
    if (!isfinite ((double) x[i]))
      return dml_fail_null (error, INVALID,
                            "%s %zu holds a number that is not "
                            "finite",
                            what, i / d);
  u = dml_mem_new (DmlReal, count, error);
  if (u == NULL || norms == NULL) {
    dml_mem_free (u);
    return u ? dml_fail_null (error, NO_MEMORY, "no memory for %zu norms", n)
             : NULL;
  }
  dml_rows_normalise (x, n, d, u, norms);
  return u;
}

gboolean
dml_rank_init (DmlRank *rank, const DmlRetrievalInput *input, GError **error)
{
  *rank = (DmlRank){ .in = input };
  rank->q =
    unit_rows (input->queries, input->n_queries, input->d, "query", error);
  if (rank->q == NULL)
    return FALSE;
  if (input->gallery == NULL) {
    rank->g = rank->q;
    rank->n_gallery = input->n_queries;
    rank->gallery_labels = input->query_labels;
    return TRUE;
  }
  rank->n_gallery = input->n_gallery;
  rank->gallery_labels = input->gallery_labels;
  rank->g = unit_rows (input->gallery, input->n_gallery, input->d,
                       "gallery row", error);
  return rank->g != NULL;
}

void
dml_rank_clear (DmlRank *rank)
{
  if (rank->g != rank->q)
    dml_mem_free (rank->g);
  dml_mem_free (rank->q);
  *rank = (DmlRank){ 0 };
}

typedef struct {
  const DmlRank *rank;
  DmlRankRow row;
  void *data;
  uint8_t *rooms; /* one a thread: scores of a block, then the caller's room */
  size_t room_bytes;
} Each;

static void
each_block (void *data, size_t block, unsigned worker)
{
  const Each *each = data;
  const DmlRank *rank = each->rank;
  const size_t d = rank->in->d, m = rank->n_gallery;
  const size_t first = block * DML_RANK_QUERIES;
  const size_t n = MIN (DML_RANK_QUERIES, rank->in->n_queries - first);
  DmlReal *scores = (DmlReal *) (each->rooms + worker * each->room_bytes);
  void *room = scores + DML_RANK_QUERIES * m;

  dml_real_gemm (FALSE, TRUE, n, m, d, rank->q + first * d, d, rank->g, d, 0,
                 scores, m);
  for (size_t i = 0; i < n; i++, scores += m) {
    for (size_t j = 0; j < m; j++)
      scores[j] =
        (DmlReal) (nearbyint ((double) scores[j] * RANK_DIGITS) / RANK_DIGITS);
    each->row (rank, first + i, scores, room, each->data);
  }
}

gboolean
dml_rank_each (const DmlRank *rank, size_t room_size, DmlRankRow row,
               void *data, GError **error)
{
  const size_t n_blocks =
    (rank->in->n_queries + DML_RANK_QUERIES - 1) / DML_RANK_QUERIES;
  Each each = { .rank = rank, .row = row, .data = data };

  /* One more real: the caller's room begins at a multiple of 8 bytes. */
  each.room_bytes = dml_mem_round (
    (DML_RANK_QUERIES * rank->n_gallery + 1) * sizeof (DmlReal) + room_size);
  each.rooms = dml_mem_alloc (dml_threads_max (), each.room_bytes, error);
  if (each.rooms == NULL)
    return FALSE;
  dml_parallel_for (n_blocks, 0, each_block, &each);
  dml_mem_free (each.rooms);
  return TRUE;
}
