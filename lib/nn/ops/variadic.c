/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Sum, Mean, Min and Max of any number of inputs, with broadcasting.
 *
 *   y = in0; then y = f (y, in_i) for each further one; Mean: y / count */
#include "kernels/kernels.h"
#include "nn/ops/broadcast.h"
#include "nn/ops/strided.h"

#include <string.h>

typedef enum { VARIADIC_SUM, VARIADIC_MIN, VARIADIC_MAX } VariadicKind;

typedef struct {
  VariadicKind kind;
  gboolean mean;
} VariadicConfig;

static gboolean
variadic_configure (DmlNode *node, GError **error)
{
  VariadicConfig *config = node->config;

  config->kind = strcmp (node->op_name, "Min") == 0   ? VARIADIC_MIN
                 : strcmp (node->op_name, "Max") == 0 ? VARIADIC_MAX
                                                      : VARIADIC_SUM;
  config->mean = strcmp (node->op_name, "Mean") == 0;
  for (unsigned i = 0; i < node->n_in; i++)
    if (node->in[i] == NULL)
      return dml_node_fail (node, error, FORMAT, "input %u is left out", i);
  return TRUE;
}

static gboolean
variadic_infer_shape (DmlNode *node, GError **error)
{
  const VariadicConfig *config = node->config;
  const DmlDtype dtype = node->in[0]->dtype;

  if (dtype != DML_F32 && (dtype != DML_I64 || config->mean))
    return dml_node_fail (node, error, UNSUPPORTED, "inputs are %s",
                          dml_dtype_name (dtype));
  return dml_broadcast_infer_shape (node, error);
}

/* y[i] = f (y[i], b[i * step]); a NaN on either side stays one. */
static void
variadic_row_f32 (VariadicKind kind, float *y, const float *b, size_t step,
                  size_t n)
{
  for (size_t i = 0; i < n; i++) {
    const float p = y[i], q = b[i * step];

    if (kind == VARIADIC_SUM)
      y[i] = p + q;
    else if (kind == VARIADIC_MIN)
      y[i] = p < q || p != p ? p : q;
    else
      y[i] = p > q || p != p ? p : q;
  }
}

static void
variadic_row_i64 (VariadicKind kind, int64_t *y, const int64_t *b, size_t step,
                  size_t n)
{
  for (size_t i = 0; i < n; i++) {
    const int64_t p = y[i], q = b[i * step];

    y[i] = kind == VARIADIC_SUM   ? (int64_t) ((uint64_t) p + (uint64_t) q)
           : kind == VARIADIC_MIN ? MIN (p, q)
                                  : MAX (p, q);
  }
}

static void
variadic_add (const DmlNode *node, DmlExec *exec, unsigned i)
{
  const VariadicConfig *config = node->config;
  const DmlShape *y = dml_node_out_shape (node, 0);
  DmlBroadcast bc;
  size_t a, b;

  dml_broadcast_init (&bc, y, dml_node_in_shape (node, i), y);
  for (size_t r = 0; bc.n > 0 && r < bc.n_rows; r++) {
    dml_broadcast_row (&bc, r, &a, &b);
    if (node->in[0]->dtype == DML_F32)
      variadic_row_f32 (
        config->kind, (float *) dml_exec_out (exec, node, 0) + a,
        (const float *) dml_exec_in (exec, node, i) + b, bc.b_step, bc.n);
    else
      variadic_row_i64 (
        config->kind, (int64_t *) dml_exec_out (exec, node, 0) + a,
        (const int64_t *) dml_exec_in (exec, node, i) + b, bc.b_step, bc.n);
  }
}

static void
variadic_forward (const DmlNode *node, DmlExec *exec)
{
  const VariadicConfig *config = node->config;
  const DmlShape *y = dml_node_out_shape (node, 0);

  dml_expand_forward (node, exec);
  for (unsigned i = 1; i < node->n_in; i++)
    variadic_add (node, exec, i);
  if (config->mean) {
    float *out = dml_exec_out (exec, node, 0);

    dml_kernels ()->scale_f32 (out, out, 1.0f / (float) node->n_in,
                               dml_shape_span (y, 0, y->rank));
  }
}

#define VARIADIC_OP(symbol, name)                                              \
  const DmlOp dml_op_##symbol = {                                              \
    .onnx_name = name,                                                         \
    .min_in = 1,                                                               \
    .max_in = DML_NODE_MAX_VALUES,                                             \
    .min_out = 1,                                                              \
    .max_out = 1,                                                              \
    .config_size = sizeof (VariadicConfig),                                    \
    .configure = variadic_configure,                                           \
    .infer_shape = variadic_infer_shape,                                       \
    .forward = variadic_forward,                                               \
  }

VARIADIC_OP (max, "Max");
VARIADIC_OP (mean, "Mean");
VARIADIC_OP (min, "Min");
VARIADIC_OP (sum, "Sum");
