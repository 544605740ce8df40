/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Power (ONNX Pow), at inference: the two inputs may be of different types.
 *
 *   y = a^b, of a's type; a and b float32, int64 or int32 */
#include "nn/ops/broadcast.h"

#include <math.h>

static gboolean
pow_infer_shape (DmlNode *node, GError **error)
{
  DmlShape y;

  for (unsigned i = 0; i < 2; i++) {
    const DmlDtype dtype = node->in[i]->dtype;

    if (dtype != DML_F32 && dtype != DML_I64 && dtype != DML_I32)
      return dml_node_fail (node, error, UNSUPPORTED, "input %u is %s", i,
                            dml_dtype_name (dtype));
  }
  return dml_broadcast_shape (node, &y, error) &&
         dml_node_set_out (node, 0, node->in[0]->dtype, &y, error);
}

/* The square, by far the most frequent, is exact without powf. */
static void
pow_row_f32 (void *yv, const void *av, size_t a_step, const void *bv,
             size_t b_step, size_t n)
{
  const float *a = av, *b = bv;
  float *y = yv;

  for (size_t i = 0; i < n; i++) {
    const float p = a[i * a_step], q = b[i * b_step];

    y[i] = q == 2 ? p * p : powf (p, q);
  }
}

static double
pow_get (DmlDtype dtype, const void *x, size_t i)
{
  return dtype == DML_F32   ? (double) ((const float *) x)[i]
         : dtype == DML_I64 ? (double) ((const int64_t *) x)[i]
                            : (double) ((const int32_t *) x)[i];
}

/* Integers by way of double, cut and held within their type. */
static void
pow_put (DmlDtype dtype, void *y, size_t i, double value)
{
  if (dtype == DML_F32)
    ((float *) y)[i] = (float) value;
  else if (dtype == DML_I64)
    ((int64_t *) y)[i] = !(value > -0x1p63) ? INT64_MIN
                         : value >= 0x1p63  ? INT64_MAX
                                            : (int64_t) value;
  else
    ((int32_t *) y)[i] = !(value > INT32_MIN) ? INT32_MIN
                         : value > INT32_MAX  ? INT32_MAX
                                              : (int32_t) value;
}

static void
pow_forward (const DmlNode *node, DmlExec *exec)
{
  const DmlDtype at = node->in[0]->dtype, bt = node->in[1]->dtype;
  const void *a = dml_exec_in (exec, node, 0), *b = dml_exec_in (exec, node, 1);
  void *y = dml_exec_out (exec, node, 0);
  DmlBroadcast bc;
  size_t ai, bi;

  if (at == DML_F32 && bt == DML_F32) {
    dml_broadcast_run (node, exec, pow_row_f32, sizeof (float), sizeof (float));
    return;
  }
  dml_broadcast_init_node (&bc, node);
  for (size_t r = 0; bc.n > 0 && r < bc.n_rows; r++) {
    dml_broadcast_row (&bc, r, &ai, &bi);
    for (size_t i = 0; i < bc.n; i++)
      pow_put (at, y, r * bc.n + i,
               pow (pow_get (at, a, ai + i * bc.a_step),
                    pow_get (bt, b, bi + i * bc.b_step)));
  }
}

const DmlOp dml_op_pow = {
  .onnx_name = "Pow",
  .min_in = 2,
  .max_in = 2,
  .min_out = 1,
  .max_out = 1,
  .infer_shape = pow_infer_shape,
  .forward = pow_forward,
};
