/* SPDX-License-Identifier: LGPL-2.1-or-later
 * What a member of losses/ is made of. A loss is one file with one or more
 * DmlLossClass, and a row in table.c; it writes terms and dL/dS, everything
 * else (relation, reduction, Jacobians, memory, checks) is in losses/engine.c
 * and loss.c.
 *
 * All arithmetic on S and G is in double: what is stored may be float. */
#pragma once

#include <math.h>

#include "metric/loss.h"
#include "metric/pairs.h"
#include "metric/rows.h"

/* ---- settings ----------------------------------------------------------- */

typedef enum {
  DML_REDUCTION_MEAN,        /* sum / number of terms */
  DML_REDUCTION_MEAN_ACTIVE, /* sum / number of terms that are not 0 */
  DML_REDUCTION_SUM,
} DmlReduction;

/* The first places of every table; a loss's own settings follow. */
enum {
  DML_LOSS_WEIGHT,
  DML_LOSS_SEMANTICS,
  DML_LOSS_REDUCTION,
  DML_LOSS_OWN,
};

#define DML_LOSS_COMMON(paper, pml)                                            \
  DML_PARAM_NUMBER ("weight", 0, 1e6, 1, 1, "factor of this loss in a mix"),   \
    DML_PARAM_SEMANTICS,                                                       \
    DML_PARAM_WORD ("reduction", 2, DML_REDUCTION_##paper,                     \
                    DML_REDUCTION_##pml, "mean|mean_active|sum",               \
                    "what the sum of terms is divided by")

/* Of every loss that looks at pairs through S. */
#define DML_LOSS_POS_CAP                                                       \
  DML_PARAM_NUMBER ("pos_cap", 0, 1e6, 0, 0,                                   \
                    "no positive pair pulls harder than this many times the "  \
                    "mean; 0: no bound")

/* Last rows of a loss that can use a cross-batch memory. */
#define DML_LOSS_MEMORY                                                        \
  DML_PARAM_WHOLE ("memory", 0, 1 << 20, 0, 0,                                 \
                   "rows of the cross-batch memory; 0: none"),                 \
    DML_PARAM_WHOLE ("memory_warmup", 0, 1e9, 1000, 0,                         \
                     "steps before the memory is used"),                       \
    DML_PARAM_NUMBER ("memory_weight", 0, 1e6, 1, 1,                           \
                      "factor of the memory's term beside the batch's own")

#define DML_LOSS_DISTANCE(paper, pml, help)                                    \
  DML_PARAM_WORD ("distance", 5, DML_DISTANCE_##paper, DML_DISTANCE_##pml,     \
                  DML_DISTANCE_WORDS, help)

/* Of both lifted structure losses: distance, neg_margin, pos_margin. */
#define DML_LOSS_LIFTED                                                        \
  DML_LOSS_DISTANCE (EUCLIDEAN, EUCLIDEAN_UNIT, "of a pair"),                  \
    DML_PARAM_NUMBER ("neg_margin", -4, 100, 1, 1,                             \
                      "negatives count from here inwards"),                    \
    DML_PARAM_NUMBER ("pos_margin", -4, 100, 0, 0,                             \
                      "taken off a positive's distance")

/* Last row of a loss with class weights. */
#define DML_LOSS_LR_SCALE(value)                                               \
  DML_PARAM_NUMBER ("lr_scale", 0, 1e6, value, value,                          \
                    "learning rate of its weights by that of the net")

/* ---- a run -------------------------------------------------------------- */

/* Terms of one row, in up to two groups that are reduced apart. */
typedef struct {
  double sum[2];
  size_t n[2], n_active[2];
  double extra; /* the loss's own, a row */
} DmlTerms;

typedef struct {
  const struct _DmlLossClass *klass;
  unsigned flags;  /* the class's, and those that settings add */
  const double *p; /* settings, by place in the table */
  const DmlBatch *batch;
  size_t n_classes, d_teacher;
  DmlRelation relation;
  DmlPairs pairs;   /* the batch against itself, the memory or the weights */
  DmlPairs teacher; /* the teacher's S, where a loss asks for it */
  DmlLossWeights *weights; /* of the loss, or NULL */

  DmlTerms *terms; /* N */

  /* Results. */
  double value;
  double scale[2]; /* 1 / divisor of each group: what G still lacks */
  size_t n_terms, n_active;

  double pos_cap; /* bound of a positive's |G| by their mean; 0: none */
  double factor;  /* weight, and the memory's: what the gradient is times */
  DmlReal *dx;    /* N x D, added to */
} DmlLossRun;

/* Writes the anchor's terms, and dL/dS of them before reduction into its row
 * of G (zeros before). s and g are rows of pairs. */
typedef void (*DmlLossRow) (const DmlLossRun *run, const DmlRow *row,
                            const DmlReal *s, DmlReal *g, DmlTerms *terms);

enum {
  DML_LOSS_PAIRS = 1 << 0,     /* S: the batch against itself or the memory */
  DML_LOSS_CLASSES = 1 << 1,   /* S: the batch against class weights */
  DML_LOSS_TEACHER = 1 << 2,   /* needs the teacher's embeddings */
  DML_LOSS_INSTANCES = 1 << 3, /* positives are views of one picture */
  /* A row writes into others' rows of G: rows go one after the other. */
  DML_LOSS_SERIAL = 1 << 4,
  DML_LOSS_SELF_ONLY = 1 << 5, /* reads rows of S that a memory has not */
};

typedef struct _DmlLossClass {
  DmlMemberInfo info;
  unsigned flags; /* DML_LOSS_... */
  unsigned (*more_flags) (const double *p);
  DmlLossRow row; /* NULL: run does it all */
  /* Instead of rows, reduce, gradient. */
  gboolean (*run) (DmlLossRun *run, GError **error);
  /* Which distance S holds. NULL: cosine. */
  DmlDistance (*distance) (const double *p);
  /* Fills in defaults that hang on other settings (those that are NaN). */
  void (*settle) (double *p);
  /* Trained weights: their name, shape (NULL: C x D) and start (NULL: N(0,
   * 1/D), rows of length about 1). */
  const char *weights_name;
  void (*weights_shape) (const double *p, const DmlLossSetup *setup,
                         size_t *rows, size_t *cols);
  void (*weights_init) (const double *p, DmlLossWeights *weights);
} DmlLossClass;

/* The pieces of the usual run, for losses that need another order. */
gboolean dml_loss_begin (DmlLossRun *run, GError **error); /* S, terms */
void dml_loss_rows (DmlLossRun *run, DmlLossRow row);
void dml_loss_reduce (DmlLossRun *run);
/* G to dx and, for class weights, to their gradient. */
gboolean dml_loss_gradient (DmlLossRun *run, GError **error);
void dml_loss_end (DmlLossRun *run);

/* Distance setting of most pair losses: the first of their own. */
DmlDistance dml_loss_own_distance (const double *p);

/* ---- scalars ------------------------------------------------------------ */

/* log (1 + e^z) */
static inline double
dml_softplus (double z)
{
  return fmax (z, 0) + log1p (exp (-fabs (z)));
}

/* Its derivative. */
static inline double
dml_sigmoid (double z)
{
  return z >= 0 ? 1 / (1 + exp (-z)) : exp (z) / (1 + exp (z));
}

/* Log-sum-exp of the numbers pushed; -inf of none. A push costs one exp; there
 * is no array and no second sweep. */
typedef struct {
  double max, sum;
} DmlLse;

#define DML_LSE_EMPTY ((DmlLse){ -HUGE_VAL, 0 })

static inline void
dml_lse_push (DmlLse *lse, double z)
{
  if (z <= lse->max) {
    lse->sum += z == -HUGE_VAL ? 0 : exp (z - lse->max);
  } else {
    lse->sum = lse->sum * exp (lse->max - z) + 1;
    lse->max = z;
  }
}

static inline double
dml_lse_value (const DmlLse *lse)
{
  return lse->sum > 0 ? lse->max + log (lse->sum) : -HUGE_VAL;
}

/* A term is counted, and as active unless it is 0. */
static inline void
dml_terms_add (DmlTerms *terms, int group, double value)
{
  terms->sum[group] += value;
  terms->n[group]++;
  terms->n_active[group] += value != 0;
}

static inline void
dml_add (DmlReal *to, double value)
{
  *to = (DmlReal) ((double) *to + value);
}

/* ---- the members -------------------------------------------------------- */

extern const DmlLossClass *const dml_loss_table[];
extern const size_t dml_loss_table_n;
