/* SPDX-License-Identifier: LGPL-2.1-or-later
 * SGD with Nesterov momentum and AdamW.
 *
 *   SGD (Sutskever et al. 2013, in PyTorch's form):
 *     g += decay w;  v = m v + g;  w -= lr (g + m v)
 *   AdamW (Loshchilov and Hutter 2019, algorithm 2):
 *     m = b1 m + (1 - b1) g;  v = b2 v + (1 - b2) g^2
 *     w -= lr (m' / (sqrt (v') + eps) + decay w),  m', v' bias-corrected */
#include "train/optim.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/threads.h"

#include <math.h>
#include <string.h>

#define ADAM_BETA2 0.999
#define ADAM_EPS 1e-8
#define PIECE ((size_t) 32768) /* weights a task works on */

typedef struct {
  size_t param, first, n; /* a piece of one parameter */
} Piece;

struct _DmlOptim {
  DmlOptimParam *params;
  size_t n_params;
  DmlOptimOptions options;
  float **moment1, **moment2; /* moment2: AdamW only */
  float **average;            /* NULL without one */
  Piece *pieces;
  size_t n_pieces;
  double *sums; /* one a piece */
  uint64_t steps;
};

static void
blocks_free (float **blocks, size_t n)
{
  for (size_t i = 0; blocks != NULL && i < n; i++)
    dml_mem_free (blocks[i]);
  g_free (blocks);
}

static float **
blocks_new (const DmlOptimParam *params, size_t n, GError **error)
{
  float **blocks = g_new0 (float *, n);

  for (size_t i = 0; i < n; i++) {
    blocks[i] = dml_mem_new0 (float, params[i].n, error);
    if (blocks[i] == NULL) {
      blocks_free (blocks, n);
      return NULL;
    }
  }
  return blocks;
}

static void
cut_into_pieces (DmlOptim *optim)
{
  GArray *pieces = g_array_new (FALSE, FALSE, sizeof (Piece));

  for (size_t p = 0; p < optim->n_params; p++)
    for (size_t first = 0; first < optim->params[p].n; first += PIECE) {
      const Piece piece = { p, first, MIN (PIECE, optim->params[p].n - first) };

      g_array_append_val (pieces, piece);
    }
  optim->n_pieces = pieces->len;
  optim->pieces = (Piece *) (void *) g_array_free (pieces, FALSE);
  optim->sums = g_new0 (double, MAX (1, optim->n_pieces));
}

DmlOptim *
dml_optim_new (DmlOptimParam *params, size_t n_params,
               const DmlOptimOptions *options, GError **error)
{
  g_autoptr (DmlOptim) optim = g_new0 (DmlOptim, 1);

  optim->params = params;
  optim->n_params = n_params;
  optim->options = *options;
  optim->moment1 = blocks_new (params, n_params, error);
  if (optim->moment1 == NULL)
    return NULL;
  if (options->adamw) {
    optim->moment2 = blocks_new (params, n_params, error);
    if (optim->moment2 == NULL)
      return NULL;
  }
  if (options->average_decay > 0) {
    optim->average = blocks_new (params, n_params, error);
    if (optim->average == NULL)
      return NULL;
    for (size_t i = 0; i < n_params; i++)
      memcpy (optim->average[i], params[i].value, params[i].n * sizeof (float));
  }
  cut_into_pieces (optim);
  return g_steal_pointer (&optim);
}

void
dml_optim_free (DmlOptim *optim)
{
  if (optim == NULL)
    return;
  blocks_free (optim->moment1, optim->n_params);
  blocks_free (optim->moment2, optim->n_params);
  blocks_free (optim->average, optim->n_params);
  g_free (optim->pieces);
  g_free (optim->sums);
  g_free (optim);
}

/* ---- clipping ---- */

typedef struct {
  DmlOptim *optim;
  float factor;
  double lr;
} Work;

static void
norm_piece (void *data, size_t i, unsigned worker)
{
  DmlOptim *optim = ((Work *) data)->optim;
  const Piece *piece = &optim->pieces[i];
  const DmlOptimParam *param = &optim->params[piece->param];
  const float *g = param->grad + piece->first;
  double sum = 0;

  if (param->lr_scale > 0.0f)
    for (size_t j = 0; j < piece->n; j++)
      sum += (double) g[j] * (double) g[j];
  optim->sums[i] = sum;
}

static void
scale_piece (void *data, size_t i, unsigned worker)
{
  const Work *work = data;
  const Piece *piece = &work->optim->pieces[i];
  float *g = work->optim->params[piece->param].grad + piece->first;

  for (size_t j = 0; j < piece->n; j++)
    g[j] *= work->factor;
}

double
dml_optim_clip (DmlOptim *optim, double max_norm)
{
  Work work = { .optim = optim };
  double sum = 0, norm;

  dml_parallel_for (optim->n_pieces, 0, norm_piece, &work);
  for (size_t i = 0; i < optim->n_pieces; i++)
    sum += optim->sums[i];
  norm = sqrt (sum);
  if (max_norm > 0 && norm > max_norm && isfinite (norm)) {
    work.factor = (float) (max_norm / norm);
    dml_parallel_for (optim->n_pieces, 0, scale_piece, &work);
  }
  return norm;
}

/* ---- update rules ---- */

/* A piece of a parameter's arrays, and what applies to it. */
typedef struct {
  float *w, *moment1, *moment2; /* moment2: NULL for SGD */
  const float *g;
  size_t n;
  float lr, decay;
} Update;

static Update
update_of (const Work *work, size_t i)
{
  const DmlOptim *optim = work->optim;
  const Piece *piece = &optim->pieces[i];
  const DmlOptimParam *param = &optim->params[piece->param];

  return (Update){
    .w = param->value + piece->first,
    .moment1 = optim->moment1[piece->param] + piece->first,
    .moment2 = optim->moment2 != NULL
                 ? optim->moment2[piece->param] + piece->first
                 : NULL,
    .g = param->grad + piece->first,
    .n = piece->n,
    .lr = (float) work->lr * param->lr_scale,
    .decay = param->decay ? (float) optim->options.weight_decay : 0.0f,
  };
}

static void
sgd_piece (void *data, size_t i, unsigned worker)
{
  const Work *work = data;
  const Update u = update_of (work, i);
  float *restrict w = u.w, *restrict v = u.moment1;
  const float *restrict g = u.g;
  const float lr = u.lr, decay = u.decay;
  const float m = (float) work->optim->options.momentum;

  if (lr == 0.0f)
    return;
  for (size_t j = 0; j < u.n; j++) {
    const float gj = g[j] + decay * w[j];

    v[j] = m * v[j] + gj;
    w[j] -= lr * (gj + m * v[j]);
  }
}

static void
adamw_piece (void *data, size_t i, unsigned worker)
{
  const Work *work = data;
  const DmlOptim *optim = work->optim;
  const Update u = update_of (work, i);
  float *restrict w = u.w, *restrict m = u.moment1, *restrict v = u.moment2;
  const float *restrict g = u.g;
  const float lr = u.lr, decay = u.decay;
  const double t = (double) (optim->steps + 1);
  const float b1 = (float) optim->options.momentum, b2 = (float) ADAM_BETA2;
  const float fix1 = (float) (1 / (1 - pow (optim->options.momentum, t)));
  const float fix2 = (float) (1 / (1 - pow (ADAM_BETA2, t)));

  if (lr == 0.0f)
    return;
  for (size_t j = 0; j < u.n; j++) {
    m[j] = b1 * m[j] + (1.0f - b1) * g[j];
    v[j] = b2 * v[j] + (1.0f - b2) * g[j] * g[j];
    w[j] -= lr * (m[j] * fix1 / (sqrtf (v[j] * fix2) + (float) ADAM_EPS) +
                  decay * w[j]);
  }
}

void
dml_optim_step (DmlOptim *optim, double lr)
{
  Work work = { .optim = optim, .lr = lr };

  dml_parallel_for (optim->n_pieces, 0,
                    optim->options.adamw ? adamw_piece : sgd_piece, &work);
  optim->steps++;
}

/* ---- moving average ---- */

static void
average_piece (void *data, size_t i, unsigned worker)
{
  const Work *work = data;
  const Piece *piece = &work->optim->pieces[i];
  const float *w = work->optim->params[piece->param].value + piece->first;
  float *a = work->optim->average[piece->param] + piece->first;

  for (size_t j = 0; j < piece->n; j++)
    a[j] += work->factor * (w[j] - a[j]);
}

void
dml_optim_average (DmlOptim *optim)
{
  const double t = (double) optim->steps;
  Work work = { .optim = optim };

  if (optim->average == NULL)
    return;
  work.factor =
    (float) (1 - MIN (optim->options.average_decay, (1 + t) / (10 + t)));
  dml_parallel_for (optim->n_pieces, 0, average_piece, &work);
}

void
dml_optim_swap_average (DmlOptim *optim)
{
  if (optim->average == NULL)
    return;
  for (size_t p = 0; p < optim->n_params; p++)
    for (size_t j = 0; j < optim->params[p].n; j++) {
      const float w = optim->params[p].value[j];

      optim->params[p].value[j] = optim->average[p][j];
      optim->average[p][j] = w;
    }
}

/* ---- state ---- */

size_t
dml_optim_n_blocks (const DmlOptim *optim)
{
  return optim->n_params *
         (1u + (optim->moment2 != NULL) + (optim->average != NULL));
}

float *
dml_optim_block (DmlOptim *optim, size_t i, size_t *n, char **name)
{
  static const char *const kinds[] = { "moment1", "moment2", "average" };
  float **of_kind[] = { optim->moment1, optim->moment2, optim->average };
  size_t kind = i / optim->n_params, param = i % optim->n_params;

  if (kind > 0 && optim->moment2 == NULL)
    kind++;
  *n = optim->params[param].n;
  *name = g_strdup_printf ("%s/%s", kinds[kind], optim->params[param].name);
  return of_kind[kind][param];
}

uint64_t
dml_optim_get_steps (const DmlOptim *optim)
{
  return optim->steps;
}

void
dml_optim_set_steps (DmlOptim *optim, uint64_t steps)
{
  optim->steps = steps;
}

/* ---- schedule ---- */

gboolean
dml_schedule_find (const char *name, DmlSchedule *schedule, GError **error)
{
  static const char *const names[] = { "cosine", "step", "constant" };

  for (unsigned i = 0; i < G_N_ELEMENTS (names); i++)
    if (strcmp (name, names[i]) == 0) {
      *schedule = (DmlSchedule) i;
      return TRUE;
    }
  return dml_fail (error, INVALID,
                   "schedule: '%s' is not one of cosine, step, constant", name);
}

double
dml_schedule_at (DmlSchedule schedule, uint64_t step, uint64_t n_steps,
                 uint64_t n_warmup)
{
  double share;

  if (step < n_warmup)
    return ((double) step + 1) / ((double) n_warmup + 1);
  share = n_steps > n_warmup
            ? (double) (step - n_warmup) / (double) (n_steps - n_warmup)
            : 1;
  share = MIN (share, 1);
  switch (schedule) {
  case DML_SCHEDULE_COSINE:
    return 0.5 * (1 + cos (G_PI * share));
  case DML_SCHEDULE_STEP:
    return share < 0.5 ? 1 : share < 0.75 ? 0.1 : 0.01;
  case DML_SCHEDULE_CONSTANT:
    break;
  }
  return 1;
}
