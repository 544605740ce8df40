/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Cast: to another element type (ONNX Cast). Towards integers values are cut,
 * and what does not fit becomes the nearest that does; NaN becomes 0. */
#include "kernels/kernels.h"
#include "nn/op.h"

#include <math.h>
#include <string.h>

/* ONNX's numbers of the types that we have. */
static const DmlDtype CAST_TYPES[] = {
  [1] = DML_F32, [2] = DML_U8,   [3] = DML_I8,   [6] = DML_I32,
  [7] = DML_I64, [9] = DML_BOOL, [10] = DML_F16, [11] = DML_F64,
};

typedef struct {
  DmlDtype to;
} CastConfig;

static gboolean
cast_configure (DmlNode *node, GError **error)
{
  CastConfig *config = node->config;
  int64_t to;

  if (!dml_node_get_int (node, "to", 0, &to, error))
    return FALSE;
  if (to > 0 && to < (int64_t) G_N_ELEMENTS (CAST_TYPES))
    config->to = CAST_TYPES[to];
  return config->to != DML_DTYPE_NONE ||
         dml_node_fail (node, error, UNSUPPORTED,
                        "to is element type %" G_GINT64_FORMAT, to);
}

static gboolean
cast_infer_shape (DmlNode *node, GError **error)
{
  const CastConfig *config = node->config;

  return dml_node_set_out (node, 0, config->to, dml_node_in_shape (node, 0),
                           error);
}

/* Elements as they are read: integers exactly, the rest as double, which holds
 * every float exactly. */
static gboolean
cast_is_int (DmlDtype dtype)
{
  return dtype == DML_I64 || dtype == DML_I32 || dtype == DML_I8 ||
         dtype == DML_U8 || dtype == DML_BOOL;
}

static int64_t
cast_get_int (DmlDtype dtype, const void *x, size_t i)
{
  switch (dtype) {
  case DML_I64:
    return ((const int64_t *) x)[i];
  case DML_I32:
    return ((const int32_t *) x)[i];
  case DML_I8:
    return ((const int8_t *) x)[i];
  default:
    return ((const uint8_t *) x)[i];
  }
}

static double
cast_get_real (DmlDtype dtype, const void *x, size_t i)
{
  float value;

  if (dtype == DML_F64)
    return ((const double *) x)[i];
  if (dtype == DML_F32)
    return (double) ((const float *) x)[i];
  dml_kernels ()->f16_to_f32 (&value, (const uint16_t *) x + i, 1);
  return (double) value;
}

static void
cast_put_int (DmlDtype dtype, void *y, size_t i, int64_t value)
{
  switch (dtype) {
  case DML_I64:
    ((int64_t *) y)[i] = value;
    break;
  case DML_I32:
    ((int32_t *) y)[i] = (int32_t) CLAMP (value, INT32_MIN, INT32_MAX);
    break;
  case DML_I8:
    ((int8_t *) y)[i] = (int8_t) CLAMP (value, INT8_MIN, INT8_MAX);
    break;
  case DML_U8:
    ((uint8_t *) y)[i] = (uint8_t) CLAMP (value, 0, UINT8_MAX);
    break;
  case DML_BOOL:
    ((uint8_t *) y)[i] = value != 0;
    break;
  case DML_F64:
    ((double *) y)[i] = (double) value;
    break;
  default:
    ((float *) y)[i] = (float) value;
    break;
  }
}

static int64_t
cast_truncate (double value)
{
  if (isnan (value))
    return 0;
  if (value >= 0x1p63)
    return INT64_MAX;
  return value < -0x1p63 ? INT64_MIN : (int64_t) value;
}

static void
cast_forward (const DmlNode *node, DmlExec *exec)
{
  const CastConfig *config = node->config;
  const DmlShape *shape = dml_node_in_shape (node, 0);
  const size_t n = dml_shape_span (shape, 0, shape->rank);
  const DmlDtype from = node->in[0]->dtype, to = config->to;
  const void *x = dml_exec_in (exec, node, 0);
  void *y = dml_exec_out (exec, node, 0);

  if (from == to) {
    memmove (y, x, n * dml_dtype_size (to));
    return;
  }
  if (from == DML_F16 && to == DML_F32) {
    dml_kernels ()->f16_to_f32 (y, x, n);
    return;
  }
  if (from == DML_F32 && to == DML_F16) {
    dml_kernels ()->f32_to_f16 (y, x, n);
    return;
  }
  for (size_t i = 0; i < n; i++) {
    const gboolean whole = cast_is_int (from);
    const double real = whole ? 0 : cast_get_real (from, x, i);

    if (to == DML_F16) { /* by way of float, as ONNX's own tests do */
      const float f = whole ? (float) cast_get_int (from, x, i) : (float) real;

      dml_kernels ()->f32_to_f16 ((uint16_t *) y + i, &f, 1);
    } else if (whole) {
      cast_put_int (to, y, i, cast_get_int (from, x, i));
    } else if (to == DML_F64) {
      ((double *) y)[i] = real;
    } else if (to == DML_F32) {
      ((float *) y)[i] = (float) real;
    } else if (to == DML_BOOL) {
      ((uint8_t *) y)[i] = real != 0; /* NaN is not zero */
    } else {
      cast_put_int (to, y, i, cast_truncate (real));
    }
  }
}

const DmlOp dml_op_cast = {
  .onnx_name = "Cast",
  .min_in = 1,
  .max_in = 1,
  .min_out = 1,
  .max_out = 1,
  .config_size = sizeof (CastConfig),
  .configure = cast_configure,
  .infer_shape = cast_infer_shape,
  .forward = cast_forward,
};
