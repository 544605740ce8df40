/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The usual run of a loss: S, rows of terms and dL/dS, reduction, gradient. */
#include "base/mem.h"
#include "base/threads.h"
#include "metric/losses/loss-class.h"

#define ENGINE_ROWS 16 /* anchors a piece of work */

gboolean
dml_loss_begin (DmlLossRun *run, GError **error)
{
  const DmlBatch *b = run->batch;
  const DmlDistance distance =
    run->klass->distance ? run->klass->distance (run->p) : DML_DISTANCE_COSINE;
  const gboolean classes = run->flags & DML_LOSS_CLASSES;

  run->terms = dml_mem_new0 (DmlTerms, b->n, error);
  if (run->terms == NULL)
    return FALSE;
  return dml_pairs_init (
    &run->pairs, distance, b->x, b->n, classes ? run->weights->value : b->ref,
    classes ? run->weights->rows : b->n_ref, b->d, TRUE, error);
}

void
dml_loss_end (DmlLossRun *run)
{
  g_clear_pointer (&run->terms, dml_mem_free);
  dml_pairs_clear (&run->pairs);
  dml_pairs_clear (&run->teacher); /* empty where no teacher is asked */
}

typedef struct {
  DmlLossRun *run;
  DmlLossRow row;
  DmlRowRoom *rooms; /* one a worker */
} Rows;

static void
run_rows (void *data, size_t piece, unsigned worker)
{
  Rows *rows = data;
  DmlLossRun *run = rows->run;
  const size_t first = piece * ENGINE_ROWS, m = run->pairs.m;

  for (size_t i = first; i < MIN (first + ENGINE_ROWS, run->batch->n); i++) {
    DmlRow row = { .i = i };

    if (run->flags & DML_LOSS_PAIRS)
      dml_row_read (&run->relation, i, &rows->rooms[worker], &row);
    rows->row (run, &row, run->pairs.s + i * m, run->pairs.g + i * m,
               &run->terms[i]);
  }
}

void
dml_loss_rows (DmlLossRun *run, DmlLossRow row)
{
  const unsigned n_workers = dml_threads_max ();
  const size_t n_pieces = (run->batch->n + ENGINE_ROWS - 1) / ENGINE_ROWS;
  Rows rows = { run, row, g_new (DmlRowRoom, n_workers) };

  for (unsigned w = 0; w < n_workers; w++)
    dml_row_room_init (&rows.rooms[w], run->relation.m);
  dml_parallel_for (n_pieces, run->flags & DML_LOSS_SERIAL ? 1 : 0, run_rows,
                    &rows);
  for (unsigned w = 0; w < n_workers; w++)
    dml_row_room_clear (&rows.rooms[w]);
  g_free (rows.rooms);
}

void
dml_loss_reduce (DmlLossRun *run)
{
  for (int group = 0; group < 2; group++) {
    double sum = 0;
    size_t n = 0, n_active = 0;

    for (size_t i = 0; i < run->batch->n; i++) {
      sum += run->terms[i].sum[group];
      n += run->terms[i].n[group];
      n_active += run->terms[i].n_active[group];
    }
    const DmlReduction how = (DmlReduction) run->p[DML_LOSS_REDUCTION];
    const size_t divisor = how == DML_REDUCTION_SUM    ? 1
                           : how == DML_REDUCTION_MEAN ? n
                                                       : n_active;

    run->scale[group] = divisor > 0 ? 1.0 / (double) divisor : 0;
    run->value += sum * run->scale[group];
    run->n_terms += n;
    run->n_active += n_active;
  }
}

/* Two groups that are reduced apart: positives are the first. */
static void
scale_groups (DmlLossRun *run)
{
  const DmlPairs *pairs = &run->pairs;

  for (size_t i = 0; i < pairs->n; i++)
    for (size_t j = 0; j < pairs->m; j++) {
      DmlReal *g = &pairs->g[i * pairs->m + j];

      if (*g != 0)
        *g *= (DmlReal)
                run->scale[dml_relation_of (&run->relation, i, j) > 0 ? 0 : 1];
    }
}

/* A wrong label makes the hardest of all positives. Bounds what each pulls by
 * the mean of those that pull; the value stays what it is. */
static void
cap_positives (DmlLossRun *run)
{
  const DmlPairs *pairs = &run->pairs;
  double sum = 0;
  size_t n = 0;

  for (int pass = 0; pass < 2; pass++) {
    const double most =
      pass ? run->pos_cap * sum / (double) MAX (n, (size_t) 1) : 0;

    for (size_t i = 0; i < pairs->n; i++)
      for (size_t j = 0; j < pairs->m; j++) {
        DmlReal *g = &pairs->g[i * pairs->m + j];
        const double pull = fabs ((double) *g);

        if (pull == 0 || dml_relation_of (&run->relation, i, j) < 0)
          continue;
        if (pass == 0) {
          sum += pull;
          n++;
        } else if (pull > most) {
          *g = (DmlReal) copysign (most, (double) *g);
        }
      }
  }
}

gboolean
dml_loss_gradient (DmlLossRun *run, GError **error)
{
  const gboolean classes = run->flags & DML_LOSS_CLASSES;
  double scale = run->factor;

  if (run->dx == NULL)
    return TRUE;
  if (run->pos_cap > 0)
    cap_positives (run);

  if (run->scale[1] != 0 && run->scale[1] != run->scale[0])
    scale_groups (run);
  else
    scale *= run->scale[0];
  return dml_pairs_gradient (&run->pairs, scale, run->dx,
                             classes ? run->weights->grad : NULL, error);
}

DmlDistance
dml_loss_own_distance (const double *p)
{
  return (DmlDistance) p[DML_LOSS_OWN];
}
