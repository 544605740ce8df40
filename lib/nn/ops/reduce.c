/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Reductions over some dimensions (ONNX ReduceSum, ReduceMean ...): a row of
 * the table each, one walk. Axes are an attribute before opset 18 (ReduceSum:
 * 13) and an input since.
 *
 *   y[kept] = end (sum, max, ... over x[kept, reduced])
 *
 *   sum: dx += dy;   mean: dx += dy / n;   sum of squares: dx += 2 x dy
 *   L2: dx += dy x / y, nothing where y is 0; the others are not trained
 * through
 *
 * A contiguous run of float32 is summed by the kernel, runs are added up in
 * double. int64 (shape chains) knows sum, product, min and max. */
#include "kernels/kernels.h"
#include "nn/op.h"
#include "nn/ops/strided.h"

#include <math.h>
#include <string.h>

typedef enum {
  REDUCE_L1,
  REDUCE_L2,
  REDUCE_LOG_SUM,
  REDUCE_LOG_SUM_EXP,
  REDUCE_MAX,
  REDUCE_MEAN,
  REDUCE_MIN,
  REDUCE_PROD,
  REDUCE_SUM,
  REDUCE_SUM_SQUARE,
  N_REDUCE,
} ReduceKind;

static const char *const REDUCE_NAMES[N_REDUCE] = {
  "ReduceL1",  "ReduceL2",        "ReduceLogSum", "ReduceLogSumExp",
  "ReduceMax", "ReduceMean",      "ReduceMin",    "ReduceProd",
  "ReduceSum", "ReduceSumSquare",
};

typedef struct {
  ReduceKind kind;
  gboolean keepdims, noop;
  size_t n_axes; /* of the attribute */
  int64_t axes[DML_MAX_RANK];
  unsigned mask; /* bit i: dimension i is reduced; by infer_shape */
} ReduceConfig;

static gboolean
reduce_axes_are_input (const DmlNode *node)
{
  return node->graph->opset >=
         (strcmp (node->op_name, "ReduceSum") == 0 ? 13 : 18);
}

static gboolean
reduce_configure (DmlNode *node, GError **error)
{
  ReduceConfig *config = node->config;
  int64_t keepdims, noop;

  while (strcmp (REDUCE_NAMES[config->kind], node->op_name) != 0)
    config->kind++;
  if (!dml_node_get_int (node, "keepdims", 1, &keepdims, error) ||
      !dml_node_get_int (node, "noop_with_empty_axes", 0, &noop, error) ||
      (!reduce_axes_are_input (node) &&
       !dml_node_get_ints (node, "axes", DML_MAX_RANK, config->axes,
                           &config->n_axes, error)))
    return FALSE;
  config->keepdims = keepdims != 0;
  config->noop = noop != 0;
  return TRUE;
}

static gboolean
reduce_infer_shape (DmlNode *node, GError **error)
{
  ReduceConfig *config = node->config;
  const DmlShape *x = dml_node_in_shape (node, 0);
  const DmlDtype dtype = node->in[0]->dtype;
  DmlShape y = { 0 };
  size_t n = config->n_axes;

  if (dtype != DML_F32 &&
      (dtype != DML_I64 ||
       (config->kind != REDUCE_SUM && config->kind != REDUCE_PROD &&
        config->kind != REDUCE_MIN && config->kind != REDUCE_MAX)))
    return dml_node_fail (node, error, UNSUPPORTED,
                          "input is %s, expected float32",
                          dml_dtype_name (dtype));
  if (reduce_axes_are_input (node) &&
      !dml_node_known_ints (node, 1, DML_MAX_RANK, config->axes, &n, error))
    return FALSE;
  config->mask = 0;
  for (size_t i = 0; i < n; i++) {
    int axis;

    if (!dml_node_axis (node, config->axes[i], x->rank, &axis, error))
      return FALSE;
    config->mask |= 1u << axis;
  }
  if (n == 0 && !config->noop)
    config->mask = (1u << x->rank) - 1;
  for (int i = 0; i < x->rank; i++) {
    const gboolean gone = config->mask >> i & 1;

    if (!gone || config->keepdims)
      y.dim[y.rank++] = gone ? 1 : x->dim[i];
  }
  return dml_node_set_out (node, 0, dtype, &y, error);
}

/* Adds a run of n elements, `stride` apart, to what has been gathered. */
static double
reduce_run_f32 (ReduceKind kind, double so_far, const float *x, int64_t stride,
                int64_t n)
{
  if (stride == 1 && (kind == REDUCE_SUM || kind == REDUCE_MEAN))
    return so_far + (double) dml_kernels ()->sum_f32 (x, (size_t) n);
  for (int64_t i = 0; i < n; i++, x += stride) {
    const double v = (double) *x;

    switch (kind) {
    case REDUCE_L1:
      so_far += fabs (v);
      break;
    case REDUCE_L2:
    case REDUCE_SUM_SQUARE:
      so_far += v * v;
      break;
    case REDUCE_MAX:
      so_far = v > so_far || v != v ? v : so_far;
      break;
    case REDUCE_MIN:
      so_far = v < so_far || v != v ? v : so_far;
      break;
    case REDUCE_PROD:
      so_far *= v;
      break;
    default: /* sums; LogSumExp has its own walk */
      so_far += v;
      break;
    }
  }
  return so_far;
}

static int64_t
reduce_run_i64 (ReduceKind kind, int64_t so_far, const int64_t *x,
                int64_t stride, int64_t n)
{
  for (int64_t i = 0; i < n; i++, x += stride) {
    if (kind == REDUCE_MAX)
      so_far = MAX (so_far, *x);
    else if (kind == REDUCE_MIN)
      so_far = MIN (so_far, *x);
    else if (kind == REDUCE_PROD) /* unsigned: a file may make it wrap */
      so_far = (int64_t) ((uint64_t) so_far * (uint64_t) *x);
    else
      so_far = (int64_t) ((uint64_t) so_far + (uint64_t) *x);
  }
  return so_far;
}

/* Both walks of a node: over the kept dimensions and over the reduced ones. */
typedef struct {
  DmlStrided kept, reduced; /* merged */
  int64_t count;            /* elements of one reduction */
} ReduceWalk;

static void
reduce_walk_init (ReduceWalk *walk, const DmlNode *node)
{
  const ReduceConfig *config = node->config;
  const DmlShape *x = dml_node_in_shape (node, 0);
  DmlStrided kept = { 0 }, reduced = { 0 };
  int64_t stride[DML_MAX_RANK];

  dml_strided_of (x, stride);
  walk->count = 1;
  for (int i = 0; i < x->rank; i++) {
    DmlStrided *to = config->mask >> i & 1 ? &reduced : &kept;

    to->dim[to->rank] = x->dim[i];
    to->stride[to->rank++] = stride[i];
    if (to == &reduced)
      walk->count *= x->dim[i];
  }
  walk->kept = dml_strided_merge (&kept);
  walk->reduced = dml_strided_merge (&reduced);
}

static double
reduce_one_f32 (const ReduceWalk *walk, ReduceKind kind, const float *x)
{
  const DmlStrided *r = &walk->reduced;
  const int inner = r->rank - 1;
  int64_t at[DML_MAX_RANK] = { 0 }, offset = 0;
  double result = kind == REDUCE_MAX    ? (double) -INFINITY
                  : kind == REDUCE_MIN  ? (double) INFINITY
                  : kind == REDUCE_PROD ? 1
                                        : 0;

  if (walk->count > 0)
    do
      result = reduce_run_f32 (kind, result, x + offset, r->stride[inner],
                               r->dim[inner]);
    while (dml_strided_step (r, inner, at, &offset));
  switch (kind) {
  case REDUCE_MEAN:
    return result / (double) walk->count;
  case REDUCE_L2:
    return sqrt (result);
  case REDUCE_LOG_SUM:
    return log (result);
  default:
    return result;
  }
}

/* log sum exp x = m + log sum exp (x - m), which does not overflow. */
static double
reduce_log_sum_exp (const ReduceWalk *walk, const float *x)
{
  const DmlStrided *r = &walk->reduced;
  int64_t at[DML_MAX_RANK] = { 0 }, offset = 0;
  const double most = reduce_one_f32 (walk, REDUCE_MAX, x);
  double sum = 0;

  if (walk->count == 0 || !isfinite (most))
    return most;
  do
    sum += exp ((double) x[offset] - most);
  while (dml_strided_step (r, r->rank, at, &offset));
  return most + log (sum);
}

static int64_t
reduce_one_i64 (const ReduceWalk *walk, ReduceKind kind, const int64_t *x)
{
  const DmlStrided *r = &walk->reduced;
  const int inner = r->rank - 1;
  int64_t at[DML_MAX_RANK] = { 0 }, offset = 0;
  int64_t result = kind == REDUCE_MAX    ? INT64_MIN
                   : kind == REDUCE_MIN  ? INT64_MAX
                   : kind == REDUCE_PROD ? 1
                                         : 0;

  if (walk->count > 0)
    do
      result = reduce_run_i64 (kind, result, x + offset, r->stride[inner],
                               r->dim[inner]);
    while (dml_strided_step (r, inner, at, &offset));
  return result;
}

static void
reduce_forward (const DmlNode *node, DmlExec *exec)
{
  const ReduceConfig *config = node->config;
  const DmlShape *shape = dml_node_out_shape (node, 0);
  const void *x = dml_exec_in (exec, node, 0);
  void *y = dml_exec_out (exec, node, 0);
  int64_t at[DML_MAX_RANK] = { 0 }, offset = 0;
  ReduceWalk walk;

  reduce_walk_init (&walk, node);
  if (dml_shape_span (shape, 0, shape->rank) == 0)
    return;
  for (size_t i = 0;; i++) {
    if (node->in[0]->dtype == DML_I64)
      ((int64_t *) y)[i] =
        reduce_one_i64 (&walk, config->kind, (const int64_t *) x + offset);
    else if (config->kind == REDUCE_LOG_SUM_EXP)
      ((float *) y)[i] =
        (float) reduce_log_sum_exp (&walk, (const float *) x + offset);
    else
      ((float *) y)[i] = (float) reduce_one_f32 (&walk, config->kind,
                                                 (const float *) x + offset);
    if (!dml_strided_step (&walk.kept, walk.kept.rank, at, &offset))
      return;
  }
}

/* dx over one reduction, whose output is y with gradient dy. */
static void
reduce_back_one (const ReduceWalk *walk, ReduceKind kind, const float *x,
                 float y, float dy, float *dx)
{
  const DmlStrided *r = &walk->reduced;
  const float each = kind == REDUCE_MEAN         ? dy / (float) walk->count
                     : kind == REDUCE_L2         ? (y > 0 ? dy / y : 0)
                     : kind == REDUCE_SUM_SQUARE ? 2 * dy
                                                 : dy;
  const gboolean of_x = kind == REDUCE_L2 || kind == REDUCE_SUM_SQUARE;
  int64_t at[DML_MAX_RANK] = { 0 }, offset = 0;

  do
    dx[offset] += of_x ? each * x[offset] : each;
  while (dml_strided_step (r, r->rank, at, &offset));
}

static void
reduce_backward (const DmlNode *node, DmlExec *exec)
{
  const ReduceConfig *config = node->config;
  const DmlShape *shape = dml_node_in_shape (node, 0);
  const float *x = dml_exec_in (exec, node, 0);
  const float *y = dml_exec_out (exec, node, 0);
  const float *dy = dml_exec_dout (exec, node, 0);
  float *dx = dml_exec_din (exec, node, 0);
  int64_t at[DML_MAX_RANK] = { 0 }, offset = 0;
  ReduceWalk walk;

  reduce_walk_init (&walk, node);
  if (dml_shape_span (shape, 0, shape->rank) == 0)
    return;
  for (size_t i = 0;; i++) {
    reduce_back_one (&walk, config->kind, x + offset, y[i], dy[i], dx + offset);
    if (!dml_strided_step (&walk.kept, walk.kept.rank, at, &offset))
      return;
  }
}

#define REDUCE_OP(symbol, kind, ...)                                           \
  const DmlOp dml_op_##symbol = { .onnx_name = kind,                           \
                                  .min_in = 1,                                 \
                                  .max_in = 2,                                 \
                                  .min_out = 1,                                \
                                  .max_out = 1,                                \
                                  .config_size = sizeof (ReduceConfig),        \
                                  .configure = reduce_configure,               \
                                  .infer_shape = reduce_infer_shape,           \
                                  .forward = reduce_forward,                   \
                                  __VA_ARGS__ }
#define TRAINED .backward = reduce_backward, .backward_in = 1, .backward_out = 1

REDUCE_OP (reduce_l1, "ReduceL1", );
REDUCE_OP (reduce_l2, "ReduceL2", TRAINED);
REDUCE_OP (reduce_log_sum, "ReduceLogSum", );
REDUCE_OP (reduce_log_sum_exp, "ReduceLogSumExp", );
REDUCE_OP (reduce_max, "ReduceMax", );
REDUCE_OP (reduce_mean, "ReduceMean", TRAINED);
REDUCE_OP (reduce_min, "ReduceMin", );
REDUCE_OP (reduce_prod, "ReduceProd", );
REDUCE_OP (reduce_sum, "ReduceSum", TRAINED);
REDUCE_OP (reduce_sum_square, "ReduceSumSquare", TRAINED);
