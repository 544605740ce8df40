/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Update rules, learning-rate schedule, clipping, moving average.
 *
 * Order of calls in a step: gradients are in param->grad;
 * dml_optim_clip, dml_optim_step, dml_optim_average. All are elementwise but
 * the norm, whose sum is cut into the same pieces for any number of threads. */
#pragma once

#include <glib.h>
#include <stddef.h>
#include <stdint.h>

/* A tensor that is trained. Memory is the owner's and stays where it is. */
typedef struct {
  const char *name;
  float *value, *grad;
  size_t n;
  float lr_scale; /* multiplies the step's learning rate; 0 = frozen */
  gboolean decay; /* weight decay: not batch norm, bias, proxies */
} DmlOptimParam;

typedef struct {
  gboolean adamw;       /* else SGD with Nesterov momentum */
  double momentum;      /* or beta 1 */
  double weight_decay;  /* coupled (SGD) or decoupled (AdamW) */
  double average_decay; /* of the moving average; 0 = none is kept */
} DmlOptimOptions;

typedef struct _DmlOptim DmlOptim;

/* Keeps pointers into `params`, which outlive it. NULL: NO_MEMORY. */
DmlOptim *dml_optim_new (DmlOptimParam *params, size_t n_params,
                         const DmlOptimOptions *options, GError **error);
void dml_optim_free (DmlOptim *optim);

/* Euclidean norm over all gradients before clipping; scales them down to
 * `max_norm` (0 = never). Not finite where a gradient is not. */
double dml_optim_clip (DmlOptim *optim, double max_norm);

void dml_optim_step (DmlOptim *optim, double lr);

/* average += (1 - decay) (value - average), the decay rising with the number of
 * steps so that the first weights are soon forgotten: min (decay,
 * (1 + t) / (10 + t)). */
void dml_optim_average (DmlOptim *optim);

/* Exchanges the weights and their average; twice = nothing. A no-op where no
 * average is kept. */
void dml_optim_swap_average (DmlOptim *optim);

/* State beyond the weights, for checkpoints: blocks of floats in a fixed order
 * and the count of steps. */
size_t dml_optim_n_blocks (const DmlOptim *optim);
float *dml_optim_block (DmlOptim *optim, size_t i, size_t *n, char **name);
uint64_t dml_optim_get_steps (const DmlOptim *optim);
void dml_optim_set_steps (DmlOptim *optim, uint64_t steps);

/* Learning rate of step t of n, as a share of the highest. */
typedef enum {
  DML_SCHEDULE_COSINE, /* to 0 */
  DML_SCHEDULE_STEP,   /* x 0.1 after 1/2 and again after 3/4 */
  DML_SCHEDULE_CONSTANT,
} DmlSchedule;

gboolean dml_schedule_find (const char *name, DmlSchedule *schedule,
                            GError **error);
double dml_schedule_at (DmlSchedule schedule, uint64_t step, uint64_t n_steps,
                        uint64_t n_warmup);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DmlOptim, dml_optim_free)
