/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Element-wise operators of one float32 input that are only inferred with: a
 * row of the table each. Those that are trained through have files of their
 * own. Neg and Abs take int64 too, for shape chains.
 *
 *   y = f (x; a, b), a and b attributes */
#include "nn/ops/unary.h"

#include <math.h>
#include <string.h>

typedef struct {
  unsigned row; /* of MATHS */
  float a, b;
} MathsConfig;

/* A span for one expression of v, a and b; y may be x. */
#define MATHS_FN(name, expression)                                             \
  static void maths_##name (void *data, size_t first, size_t n)                \
  {                                                                            \
    const DmlUnaryCall *call = data;                                           \
    const MathsConfig *config = call->node->config;                            \
    const float a = config->a, b = config->b;                                  \
                                                                               \
    (void) a;                                                                  \
    (void) b;                                                                  \
    for (size_t i = first; i < first + n; i++) {                               \
      const float v = call->x[i];                                              \
                                                                               \
      call->y[i] = (expression);                                               \
    }                                                                          \
  }

/* The same for a kernel. */
#define MATHS_KERNEL(name)                                                     \
  static void maths_##name (void *data, size_t first, size_t n)                \
  {                                                                            \
    const DmlUnaryCall *call = data;                                           \
                                                                               \
    call->kern->name##_f32 (call->y + first, call->x + first, n);              \
  }

/* log (1 + exp (v)) without overflow */
static float
softplus (float v)
{
  return v > 0 ? v + log1pf (expf (-v)) : log1pf (expf (v));
}

/* Hendrycks & Gimpel 2016, arXiv:1606.08415 */
static float
gelu (float v)
{
  return 0.5f * v * (1 + erff (v * 0.7071067812f));
}

static float
gelu_tanh (float v)
{
  return 0.5f * v * (1 + tanhf (0.7978845608f * (v + 0.044715f * (v * v * v))));
}

MATHS_FN (abs, fabsf (v))
MATHS_FN (ceil, ceilf (v))
MATHS_FN (celu, v < 0 ? a * expm1f (v / a) : v)
MATHS_FN (elu, v < 0 ? a * expm1f (v) : v)
MATHS_FN (erf, erff (v))
MATHS_KERNEL (exp)
MATHS_FN (floor, floorf (v))
MATHS_FN (gelu, a > 0 ? gelu_tanh (v) : gelu (v))
MATHS_KERNEL (log)
MATHS_FN (mish, v *tanhf (softplus (v)))
MATHS_FN (neg, -v)
MATHS_FN (reciprocal, 1 / v)
MATHS_FN (round, nearbyintf (v)) /* ties to even, as ONNX asks */
MATHS_FN (selu, v < 0 ? b * (a * expm1f (v)) : b * v)
MATHS_FN (sign, isnan (v) ? v : (float) ((v > 0) - (v < 0)))
MATHS_FN (softplus, softplus (v))
MATHS_FN (softsign, v / (1 + fabsf (v)))
MATHS_KERNEL (sqrt)
MATHS_KERNEL (tanh)
MATHS_FN (thresholded_relu, v <= a ? 0 : v)

static int64_t
maths_neg_i64 (int64_t v)
{
  return (int64_t) - (uint64_t) v; /* of INT64_MIN itself */
}

static int64_t
maths_abs_i64 (int64_t v)
{
  return v < 0 ? maths_neg_i64 (v) : v;
}

static const struct {
  const char *name;
  DmlSpan span;
  int64_t (*i64) (int64_t v);  /* NULL: float32 only */
  const char *a_name, *b_name; /* attributes, or NULL */
  float a, b;                  /* their defaults */
} MATHS[] = {
  { .name = "Abs", .span = maths_abs, .i64 = maths_abs_i64 },
  { .name = "Ceil", .span = maths_ceil },
  { .name = "Celu", .span = maths_celu, .a_name = "alpha", .a = 1 },
  { .name = "Elu", .span = maths_elu, .a_name = "alpha", .a = 1 },
  { .name = "Erf", .span = maths_erf },
  { .name = "Exp", .span = maths_exp },
  { .name = "Floor", .span = maths_floor },
  { .name = "Gelu", .span = maths_gelu },
  { .name = "Log", .span = maths_log },
  { .name = "Mish", .span = maths_mish },
  { .name = "Neg", .span = maths_neg, .i64 = maths_neg_i64 },
  { .name = "Reciprocal", .span = maths_reciprocal },
  { .name = "Round", .span = maths_round },
  { .name = "Selu",
    .span = maths_selu,
    .a_name = "alpha",
    .b_name = "gamma",
    .a = 1.67326319217681884765625f,
    .b = 1.05070102214813232421875f },
  { .name = "Sign", .span = maths_sign },
  { .name = "Softplus", .span = maths_softplus },
  { .name = "Softsign", .span = maths_softsign },
  { .name = "Sqrt", .span = maths_sqrt },
  { .name = "Tanh", .span = maths_tanh },
  { .name = "ThresholdedRelu",
    .span = maths_thresholded_relu,
    .a_name = "alpha",
    .a = 1 },
};

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
  if (MATHS[config->row].span == maths_gelu)
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
  const MathsConfig *config = node->config;

  if (node->in[0]->dtype == DML_I64 && MATHS[config->row].i64 != NULL)
    return dml_node_set_out (node, 0, DML_I64, dml_node_in_shape (node, 0),
                             error);
  return dml_unary_infer_shape (node, error);
}

static void
maths_forward (const DmlNode *node, DmlExec *exec)
{
  const MathsConfig *config = node->config;
  const DmlShape *shape = dml_node_in_shape (node, 0);
  const int64_t *x = dml_exec_in (exec, node, 0);
  int64_t *y = dml_exec_out (exec, node, 0);

  if (node->in[0]->dtype == DML_F32) {
    dml_unary_forward (node, exec, MATHS[config->row].span);
    return;
  }
  for (size_t i = 0; i < dml_shape_span (shape, 0, shape->rank); i++)
    y[i] = MATHS[config->row].i64 (x[i]);
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
MATHS_OP (tanh, "Tanh");
MATHS_OP (thresholded_relu, "ThresholdedRelu");
