/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The loss object: settings, weights, memory, checks and statistics round a
 * member of losses/. */
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/rng.h"
#include "metric/losses/loss-class.h"
#include "metric/losses/memory.h"
#include "metric/metrics/spread.h"

#define LOSS_STATS_ROWS 64 /* rows of the batch that mean distances look at */

struct _DmlLoss {
  const DmlLossClass *klass;
  char *who; /* "loss triplet", for messages */
  DmlLossSetup setup;
  double p[DML_PARAM_MAX];
  unsigned flags;

  DmlLossWeights weights; /* value == NULL: the loss has none */

  DmlMiner *miner; /* NULL: all pairs */
  DmlTuples tuples;

  DmlMemory memory; /* size 0: none */
  int memory_place; /* of "memory" in the table, or -1 */
  int pos_cap_place;

  struct {
    uint64_t n_empty, n_empty_in_row;
  } counts;

  DmlLossState state[5];
};

/* ---- making ------------------------------------------------------------- */

size_t
dml_loss_n_members (void)
{
  return dml_loss_table_n;
}

const DmlMemberInfo *
dml_loss_member (size_t i)
{
  return &dml_loss_table[i]->info;
}

/* Takes the flags of the settings and checks what they ask of setup, settings
 * and miner together. */
static gboolean
check_needs (DmlLoss *loss, GError **error)
{
  const DmlLossClass *klass = loss->klass;
  const gboolean memory =
    loss->memory_place >= 0 && loss->p[loss->memory_place] > 0;
  const gboolean pairs = klass->flags & DML_LOSS_PAIRS;

  loss->flags =
    klass->flags | (klass->more_flags ? klass->more_flags (loss->p) : 0);

  if (loss->setup.d == 0)
    return dml_fail (error, INVALID, "%s: embeddings of 0 numbers", loss->who);
  if (klass->weights_name && !(loss->flags & DML_LOSS_TEACHER) &&
      loss->setup.n_classes == 0)
    return dml_fail (error, INVALID,
                     "%s: has weights for each class, but the number of "
                     "classes is not known",
                     loss->who);
  if ((loss->flags & DML_LOSS_TEACHER) && loss->setup.d_teacher == 0)
    return dml_fail (error, INVALID,
                     "%s: needs a teacher; give one, or leave this loss out",
                     loss->who);
  if (loss->miner && (!pairs || (loss->flags & DML_LOSS_INSTANCES)))
    return dml_fail (error, INVALID,
                     "%s: does not look at mined pairs; leave the miner out",
                     loss->who);
  if (memory && (loss->flags & DML_LOSS_SELF_ONLY))
    return dml_fail (error, INVALID,
                     "%s: works within a batch only with these settings; set "
                     "memory=0",
                     loss->who);
  return TRUE;
}

static void
weights_shape (const DmlLoss *loss, size_t *rows, size_t *cols)
{
  *rows = loss->setup.n_classes;
  *cols = loss->setup.d;
  if (loss->klass->weights_shape)
    loss->klass->weights_shape (loss->p, &loss->setup, rows, cols);
}

/* Allocates and starts the trained weights. */
static gboolean
make_weights (DmlLoss *loss, GError **error)
{
  const DmlLossClass *klass = loss->klass;
  DmlLossWeights *w = &loss->weights;
  const int lr_scale = dml_param_find (klass->info.params, "lr_scale");
  size_t n;

  *w = (DmlLossWeights){
    .name = klass->weights_name,
    .lr_scale = lr_scale >= 0 ? loss->p[lr_scale] : 1,
  };
  weights_shape (loss, &w->rows, &w->cols);
  if (!dml_mem_mul (w->rows, w->cols, &n))
    return dml_fail (error, LIMIT, "%s: %zu x %zu weights are too many",
                     loss->who, w->rows, w->cols);
  w->value = dml_mem_new0 (DmlReal, n, error);
  w->grad = w->value ? dml_mem_new0 (DmlReal, n, error) : NULL;
  if (w->grad == NULL)
    return FALSE;
  if (klass->weights_init) {
    klass->weights_init (loss->p, w);
  } else {
    const double std = 1 / sqrt ((double) w->cols);
    DmlRng rng;

    dml_rng_init (&rng, loss->setup.seed, dml_rng_stream (w->rows, w->cols));
    for (size_t i = 0; i < n; i++)
      w->value[i] = (DmlReal) (std * dml_rng_normal (&rng));
  }
  return TRUE;
}

static gboolean
read_spec (DmlLoss *loss, const char *spec, GError **error)
{
  const char *at = strchr (spec, '@'), *settings;
  g_autofree char *own = at ? g_strndup (spec, at - spec) : g_strdup (spec);
  const int i = dml_member_find (own, "loss", dml_loss_table_n, dml_loss_member,
                                 &settings, error);

  if (i < 0)
    return FALSE;
  loss->klass = dml_loss_table[i];
  loss->who = g_strconcat ("loss ", loss->klass->info.name, NULL);
  if (!dml_param_resolve (loss->klass->info.params, loss->who, settings,
                          loss->p, error))
    return FALSE;
  if (loss->klass->settle)
    loss->klass->settle (loss->p);
  loss->memory_place = dml_param_find (loss->klass->info.params, "memory");
  loss->pos_cap_place = dml_param_find (loss->klass->info.params, "pos_cap");
  if (at == NULL)
    return TRUE;
  loss->miner = dml_miner_new (at + 1, error);
  return loss->miner != NULL;
}

DmlLoss *
dml_loss_new (const char *spec, const DmlLossSetup *setup, GError **error)
{
  g_autoptr (DmlLoss) loss = g_new0 (DmlLoss, 1);

  loss->setup = *setup;
  if (!read_spec (loss, spec, error) || !check_needs (loss, error))
    return NULL;
  if (loss->klass->weights_name && !make_weights (loss, error))
    return NULL;
  const size_t rows =
    loss->memory_place >= 0 ? (size_t) loss->p[loss->memory_place] : 0;

  if (rows > 0 && !dml_memory_init (&loss->memory, rows, setup->d, error))
    return NULL;
  return g_steal_pointer (&loss);
}

void
dml_loss_free (DmlLoss *loss)
{
  if (loss == NULL)
    return;
  g_free (loss->who);
  dml_mem_free (loss->weights.value);
  dml_mem_free (loss->weights.grad);
  dml_miner_free (loss->miner);
  dml_tuples_clear (&loss->tuples);
  dml_memory_clear (&loss->memory);
  g_free (loss);
}

/* ---- running ------------------------------------------------------------ */

static gboolean
check_batch (const DmlLoss *loss, const DmlBatch *b, GError **error)
{
  const gboolean by_class =
    loss->flags & DML_LOSS_CLASSES || loss->weights.rows > 1;

  if (b->d != loss->setup.d)
    return dml_fail (error, INVALID,
                     "%s: embeddings of %zu numbers, expected %zu", loss->who,
                     b->d, loss->setup.d);
  for (size_t i = 0; i < b->n; i++) {
    if (b->labels[i] < 0)
      return dml_fail (error, INVALID, "%s: label %d of row %zu is negative",
                       loss->who, b->labels[i], i);
    if (by_class && !(loss->flags & DML_LOSS_TEACHER) &&
        (size_t) b->labels[i] >= loss->setup.n_classes)
      return dml_fail (error, INVALID,
                       "%s: label %d of row %zu, but it was made for %zu "
                       "classes",
                       loss->who, b->labels[i], i, loss->setup.n_classes);
  }

  for (size_t k = 0; k < b->n * b->d; k++)
    if (!isfinite (b->x[k]))
      return dml_fail (error, DIVERGED,
                       "%s: embedding %zu holds %g; lower the learning rate "
                       "or clip the gradient",
                       loss->who, k / b->d, (double) b->x[k]);
  if ((loss->flags & DML_LOSS_INSTANCES) && b->instances == NULL)
    return dml_fail (error, INVALID, "%s: the batch has no instance numbers",
                     loss->who);
  if ((loss->flags & DML_LOSS_TEACHER) && b->teacher == NULL)
    return dml_fail (error, INVALID,
                     "%s: the batch has no teacher's embeddings", loss->who);
  return TRUE;
}

/* One comparison: the batch with itself or the classes, or with its ref. */
static gboolean
run_once (DmlLoss *loss, const DmlBatch *batch, const DmlTuples *tuples,
          double factor, DmlReal *dx, DmlLossStats *stats, GError **error)
{
  DmlLossRun run = {
    .klass = loss->klass,
    .flags = loss->flags,
    .p = loss->p,
    .batch = batch,
    .n_classes = loss->setup.n_classes,
    .d_teacher = loss->setup.d_teacher,
    .relation = dml_relation (batch, tuples),
    .weights = loss->weights.value ? &loss->weights : NULL,
    .factor = factor,
    .dx = dx,
  };
  gboolean ok;

  if (loss->pos_cap_place >= 0)
    run.pos_cap = loss->p[loss->pos_cap_place];
  if (loss->flags & DML_LOSS_INSTANCES)
    run.relation.labels = batch->instances;
  if (loss->klass->run) {
    ok = loss->klass->run (&run, error);
  } else {
    ok = dml_loss_begin (&run, error);
    if (ok) {
      dml_loss_rows (&run, loss->klass->row);
      dml_loss_reduce (&run);
      ok = dml_loss_gradient (&run, error);
    }
  }
  dml_loss_end (&run);
  stats->value += factor * run.value;
  stats->n_terms += run.n_terms;
  stats->n_active += run.n_active;
  return ok;
}

/* Tuples of the loss's own miner for this comparison, or NULL for all. */
static gboolean
mine (DmlLoss *loss, const DmlBatch *batch, const DmlTuples **tuples,
      DmlLossStats *stats, GError **error)
{
  *tuples = NULL;
  if (loss->miner == NULL)
    return TRUE;
  if (!dml_miner_mine (loss->miner, batch, &loss->tuples, error))
    return FALSE;
  *tuples = &loss->tuples;
  stats->n_tuples +=
    loss->tuples.n_positive + loss->tuples.n_negative + loss->tuples.n_triplets;
  return TRUE;
}

/* Distances over the first rows only: a figure for the log, not worth N^2. */
static void
measure_batch (const DmlBatch *b, DmlLossStats *stats)
{
  const size_t n = MIN (b->n, (size_t) LOSS_STATS_ROWS);
  g_autofree DmlReal *u = g_new (DmlReal, b->n * b->d);
  g_autofree double *norm = g_new (double, b->n);

  dml_rows_normalise (b->x, b->n, b->d, u, norm);
  for (size_t i = 0; i < b->n; i++) {
    stats->mean_norm += norm[i] / (double) b->n;
    stats->n_zero += norm[i] < 1e-12;
  }
  dml_mean_distances (u, b->labels, n, b->d, &stats->mean_d_pos,
                      &stats->mean_d_neg);
}

/* Whether a pair loss finds no positive or no negative in the batch. */
static gboolean
has_nothing (const DmlLoss *loss, const DmlBatch *b)
{
  const int32_t *labels =
    loss->flags & DML_LOSS_INSTANCES ? b->instances : b->labels;
  gboolean same = FALSE, other = FALSE;

  if (!(loss->flags & DML_LOSS_PAIRS))
    return b->n == 0;
  for (size_t i = 0; i < b->n; i++)
    for (size_t j = 0; j < i && !(same && other); j++) {
      same |= labels[i] == labels[j];
      other |= labels[i] != labels[j];
    }
  return !(same && other);
}

static gboolean
check_result (DmlLoss *loss, const DmlBatch *b, DmlLossStats *stats,
              GError **error)
{
  if (!isfinite (stats->value) || !isfinite (stats->max_grad_norm))
    return dml_fail (error, DIVERGED,
                     "%s: the value is %g, a gradient %g; lower the learning "
                     "rate or the scale",
                     loss->who, stats->value, stats->max_grad_norm);
  stats->empty = has_nothing (loss, b);
  loss->counts.n_empty += (uint64_t) stats->empty;
  loss->counts.n_empty_in_row =
    stats->empty ? loss->counts.n_empty_in_row + 1 : 0;
  stats->n_empty = loss->counts.n_empty;
  if (loss->counts.n_empty_in_row >= DML_LOSS_MAX_EMPTY)
    return dml_fail (error, DIVERGED,
                     "%s: %d batches in a row had no two of a class, or no two "
                     "of different classes; use the sampler pxk with k of 2 or "
                     "more",
                     loss->who, DML_LOSS_MAX_EMPTY);
  return TRUE;
}

/* Within the batch, then against the memory. */
static gboolean
run_all (DmlLoss *loss, const DmlBatch *batch, const DmlTuples *given,
         DmlReal *dx, DmlLossStats *stats, GError **error)
{
  const double weight = loss->p[DML_LOSS_WEIGHT];
  const gboolean pml = loss->p[DML_LOSS_SEMANTICS] == DML_SEMANTICS_PML;
  const DmlTuples *tuples = given;

  if (loss->memory.size == 0 || !pml || loss->memory_place < 0) {
    if (given == NULL && !mine (loss, batch, &tuples, stats, error))
      return FALSE;
    if (!run_once (loss, batch, tuples, weight, dx, stats, error))
      return FALSE;
  }
  if (loss->memory.size == 0 || batch->ref)
    return TRUE;
  stats->drift = dml_memory_push (&loss->memory, batch);
  if ((double) loss->memory.state.n_steps <= loss->p[loss->memory_place + 1])
    return TRUE;
  const DmlBatch view = dml_memory_view (&loss->memory, batch);
  const double factor = loss->p[loss->memory_place + 2];

  return mine (loss, &view, &tuples, stats, error) &&
         run_once (loss, &view, tuples, weight * factor, dx, stats, error);
}

/* NaN when a row holds one. */
static double
largest_row (const DmlReal *dx, size_t n, size_t d)
{
  double most = 0;

  for (size_t i = 0; i < n && !isnan (most); i++) {
    const double squares = dml_real_dot (dx + i * d, dx + i * d, d);

    if (!(squares <= most))
      most = squares;
  }
  return sqrt (most);
}

gboolean
dml_loss_run_tuples (DmlLoss *loss, const DmlBatch *batch,
                     const DmlTuples *tuples, DmlReal *dx, DmlLossStats *stats,
                     GError **error)
{
  const size_t n = batch->n * batch->d;
  DmlLossWeights *w = &loss->weights;
  DmlLossStats own;

  stats = stats ? stats : &own;
  *stats = (DmlLossStats){ .drift = (double) NAN };
  if (!check_batch (loss, batch, error))
    return FALSE;
  g_autoptr (DmlMem) block = dml_mem_new0 (DmlReal, n, error);
  DmlReal *own_dx = (DmlReal *) block;

  if (block == NULL)
    return FALSE;
  if (w->value)
    memset (w->grad, 0, w->rows * w->cols * sizeof *w->grad);
  if (batch->n > 0 &&
      !run_all (loss, batch, tuples, dx ? own_dx : NULL, stats, error))
    return FALSE;
  measure_batch (batch, stats);
  stats->max_grad_norm = largest_row (own_dx, batch->n, batch->d);
  if (!check_result (loss, batch, stats, error))
    return FALSE;
  for (size_t k = 0; dx && k < n; k++)
    dx[k] += own_dx[k];
  return TRUE;
}

gboolean
dml_loss_run (DmlLoss *loss, const DmlBatch *batch, DmlReal *dx,
              DmlLossStats *stats, GError **error)
{
  return dml_loss_run_tuples (loss, batch, NULL, dx, stats, error);
}

/* ---- what it holds ------------------------------------------------------ */

DmlLossWeights *
dml_loss_weights (DmlLoss *loss, size_t *n)
{
  *n = loss->weights.value != NULL;
  return &loss->weights;
}

DmlLossState *
dml_loss_state (DmlLoss *loss, size_t *n)
{
  DmlMemory *m = &loss->memory;
  DmlLossState *s = loss->state;

  *n = 0;
  s[(*n)++] = (DmlLossState){ "counts", &loss->counts, sizeof loss->counts };
  if (m->size > 0) {
    s[(*n)++] = (DmlLossState){ "memory-state", &m->state, sizeof m->state };
    s[(*n)++] =
      (DmlLossState){ "memory-rows", m->x, m->size * m->d * sizeof *m->x };
    s[(*n)++] =
      (DmlLossState){ "memory-labels", m->labels, m->size * sizeof *m->labels };
    s[(*n)++] =
      (DmlLossState){ "memory-items", m->items, m->size * sizeof *m->items };
  }
  return s;
}

void
dml_loss_reset_memory (DmlLoss *loss)
{
  dml_memory_reset (&loss->memory);
}

gboolean
dml_loss_set (DmlLoss *loss, const char *key, double value, GError **error)
{
  const DmlParam *table = loss->klass->info.params;
  const int i = dml_param_find (table, key);
  const double before = i >= 0 ? loss->p[i] : 0;
  size_t rows, cols;

  if (i < 0)
    return dml_fail (error, INVALID, "%s: no setting \"%s\"", loss->who, key);
  if (!dml_param_check (&table[i], loss->who, value, error))
    return FALSE;
  loss->p[i] = value;
  weights_shape (loss, &rows, &cols);
  const gboolean resized =
    i == loss->memory_place ||
    (loss->weights.value &&
     (rows != loss->weights.rows || cols != loss->weights.cols));

  if (resized)
    dml_fail (error, INVALID, "%s: %s gives a size and cannot change",
              loss->who, key);
  if (!resized && check_needs (loss, error))
    return TRUE;
  loss->p[i] = before;
  check_needs (loss, NULL); /* the flags as they were */
  return FALSE;
}

double
dml_loss_get (const DmlLoss *loss, const char *key)
{
  const int i = dml_param_find (loss->klass->info.params, key);

  return i < 0 ? (double) NAN : loss->p[i];
}

double
dml_loss_collapse_value (DmlLoss *loss, const int32_t *labels, size_t n)
{
  const size_t d = loss->setup.d;
  g_autofree DmlReal *x = g_new (DmlReal, n * d);
  const DmlBatch batch = { .n = n, .d = d, .x = x, .labels = labels };
  DmlLossStats stats = { 0 };

  if (!(loss->flags & DML_LOSS_PAIRS) || (loss->flags & DML_LOSS_INSTANCES))
    return (double) NAN;
  for (size_t k = 0; k < n * d; k++)
    x[k] = 1;
  if (!run_once (loss, &batch, NULL, loss->p[DML_LOSS_WEIGHT], NULL, &stats,
                 NULL))
    return (double) NAN;
  return stats.value;
}

const char *
dml_loss_name (const DmlLoss *loss)
{
  return loss->klass->info.name;
}

gboolean
dml_loss_needs_teacher (const DmlLoss *loss)
{
  return (loss->flags & DML_LOSS_TEACHER) != 0;
}
