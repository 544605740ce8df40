/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Element-wise operators of one float32 input that are only inferred with: a
 * row of the table each. Those that are trained through have files of their
 * own.
 *
 *   y = f (x; a, b), a and b attributes */
#include "kernels/kernels.h"
#include "nn/op.h"

#include <math.h>
#include <string.h>

#define MATHS_CHUNK                                                            \
  16384 /* elements that one piece of parallel work covers                     \
         */

typedef void (*MathsRun) (float *y, const float *x, float a, float b, size_t n);

/* One expression a row; y may be x. */
#define MATHS_FN(name, expression)                                             \
  static void maths_##name (float *y, const float *x, float a, float b,        \
                            size_t n)                                          \
  {                                                                            \
    for (size_t i = 0; i < n; i++) {                                           \
      const float v = x[i];                                                    \
                                                                               \
      y[i] = (expression);                                                     \
    }                                                                          \
  }

MATHS_FN (abs, fabsf (v))
MATHS_FN (neg, -v)
MATHS_FN (reciprocal, 1 / v)
MATHS_FN (floor, floorf (v))
MATHS_FN (ceil, ceilf (v))
MATHS_FN (round, nearbyintf (v)) /* ties to even, as ONNX asks */
MATHS_FN (sign, isnan (v) ? v : (float) ((v > 0) - (v < 0)))
MATHS_FN (erf, erff (v))
MATHS_FN (elu, v < 0 ? a * expm1f (v) : v)
MATHS_FN (selu, v < 0 ? b * (a * expm1f (v)) : b * v)
MATHS_FN (celu, v < 0 ? a * expm1f (v / a) : v)
MATHS_FN (softplus, v > 0 ? v + log1pf (expf (-v)) : log1pf (expf (v)))
MATHS_FN (softsign, v / (1 + fabsf (v)))
MATHS_FN (thresholded_relu, v <= a ? 0 : v)
MATHS_FN (mish, v *tanhf (v > 0 ? v + log1pf (expf (-v)) : log1pf (expf (v))))
/* Hendrycks & Gimpel 2016, arXiv:1606.08415: exact, and by tanh where the
 * attribute approximate says so (a = 1). */
MATHS_FN (gelu,
          a > 0 ? 0.5f * v *
                    (1 + tanhf (0.7978845608f * (v + 0.044715f * (v * v * v))))
                : 0.5f * v * (1 + erff (v * 0.7071067812f)))

static void
maths_exp (float *y, const float *x, float a, float b, size_t n)
{
  dml_kernels ()->exp_f32 (y, x, n);
}

static void
maths_log (float *y, const float *x, float a, float b, size_t n)
{
  dml_kernels ()->log_f32 (y, x, n);
}

static void
maths_sqrt (float *y, const float *x, float a, float b, size_t n)
{
  dml_kernels ()->sqrt_f32 (y, x, n);
}

static const struct {
  const char *name;
  MathsRun run;
  const char *a_name, *b_name; /* NULL: no such attribute */
  float a, b;
} MATHS[] = {
  { "Abs", maths_abs, NULL, NULL, 0, 0 },
  { "Ceil", maths_ceil, NULL, NULL, 0, 0 },
  { "Celu", maths_celu, "alpha", NULL, 1, 0 },
  { "Elu", maths_elu, "alpha", NULL, 1, 0 },
  { "Erf", maths_erf, NULL, NULL, 0, 0 },
  { "Exp", maths_exp, NULL, NULL, 0, 0 },
  { "Floor", maths_floor, NULL, NULL, 0, 0 },
  { "Gelu", maths_gelu, NULL, NULL, 0, 0 },
  { "Log", maths_log, NULL, NULL, 0, 0 },
  { "Mish", maths_mish, NULL, NULL, 0, 0 },
  { "Neg", maths_neg, NULL, NULL, 0, 0 },
  { "Reciprocal", maths_reciprocal, NULL, NULL, 0, 0 },
  { "Round", maths_round, NULL, NULL, 0, 0 },
  { "Selu", maths_selu, "alpha", "gamma", 1.67326319217681884765625f,
    1.05070102214813232421875f },
  { "Sign", maths_sign, NULL, NULL, 0, 0 },
  { "Softplus", maths_softplus, NULL, NULL, 0, 0 },
  { "Softsign", maths_softsign, NULL, NULL, 0, 0 },
  { "Sqrt", maths_sqrt, NULL, NULL, 0, 0 },
  { "ThresholdedRelu", maths_thresholded_relu, "alpha", NULL, 1, 0 },
};

typedef struct {
  unsigned row; /* of MATHS */
  float a, b;
} MathsConfig;

static gboolean
maths_configure (DmlNode *node, GError **error)
{
  MathsConfig *config = node->config;
  const char *approximate;

  while (strcmp (MATHS[config->row].name, node->op_name) != 0)
    config->row++;
  config->a = MATHS[config->row].a;
  config->b = MATHS[config->row].b;
  if (!dml_node_get_string (node, "approximate", "none", &approximate, error))
    return FALSE;
  if (MATHS[config->row].run == maths_gelu)
    config->a = strcmp (approximate, "tanh") == 0;
  return (MATHS[config->row].a_name == NULL ||
          dml_node_get_float (node, MATHS[config->row].a_name, config->a,
                              &config->a, error)) &&
         (MATHS[config->row].b_name == NULL ||
          dml_node_get_float (node, MATHS[config->row].b_name, config->b,
                              &config->b, error));
}

static gboolean
maths_infer_shape (DmlNode *node, GError **error)
{
  return dml_node_want_f32 (node, 0, -1, error) &&
         dml_node_set_out (node, 0, DML_F32, dml_node_in_shape (node, 0),
                           error);
}

typedef struct {
  const MathsConfig *config;
  const float *x;
  float *y;
  size_t n;
} MathsWork;

static void
maths_piece (void *data, size_t piece, unsigned worker)
{
  const MathsWork *work = data;
  const size_t first = piece * MATHS_CHUNK;

  MATHS[work->config->row].run (work->y + first, work->x + first,
                                work->config->a, work->config->b,
                                MIN (MATHS_CHUNK, work->n - first));
}

static void
maths_forward (const DmlNode *node, DmlExec *exec)
{
  const DmlShape *shape = dml_node_in_shape (node, 0);
  MathsWork work = { .config = node->config,
                     .x = dml_exec_in (exec, node, 0),
                     .y = dml_exec_out (exec, node, 0), /* may be x */
                     .n = dml_shape_span (shape, 0, shape->rank) };

  dml_parallel_for ((work.n + MATHS_CHUNK - 1) / MATHS_CHUNK, exec->n_threads,
                    maths_piece, &work);
}

#define MATHS_OP(symbol, name)                                                 \
  const DmlOp dml_op_##symbol = {                                              \
    .onnx_name = name,                                                         \
    .min_in = 1,                                                               \
    .max_in = 1,                                                               \
    .min_out = 1,                                                              \
    .max_out = 1,                                                              \
    .config_size = sizeof (MathsConfig),                                       \
    .configure = maths_configure,                                              \
    .infer_shape = maths_infer_shape,                                          \
    .forward = maths_forward,                                                  \
    .flags = DML_OP_INPLACE,                                                   \
  }

MATHS_OP (abs, "Abs");
MATHS_OP (ceil, "Ceil");
MATHS_OP (celu, "Celu");
MATHS_OP (elu, "Elu");
MATHS_OP (erf, "Erf");
MATHS_OP (exp, "Exp");
MATHS_OP (floor, "Floor");
MATHS_OP (gelu, "Gelu");
MATHS_OP (log, "Log");
MATHS_OP (mish, "Mish");
MATHS_OP (neg, "Neg");
MATHS_OP (reciprocal, "Reciprocal");
MATHS_OP (round, "Round");
MATHS_OP (selu, "Selu");
MATHS_OP (sign, "Sign");
MATHS_OP (softplus, "Softplus");
MATHS_OP (softsign, "Softsign");
MATHS_OP (sqrt, "Sqrt");
MATHS_OP (thresholded_relu, "ThresholdedRelu");
