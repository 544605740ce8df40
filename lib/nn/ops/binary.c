/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Element-wise operators of two inputs with broadcasting, but for Add and Mul:
 * arithmetic, comparison, logic; a row of the table each, one inner loop from
 * one macro.
 *
 *   y = f (a, b); float32, int64, int32; comparison and logic give bool
 *   Sub: da += dy,     db -= dy          summed where they repeat
 *   Div: da += dy / b, db -= dy a / b^2 */
#include "nn/ops/broadcast.h"

#include <math.h>
#include <string.h>

#define BINARY(name, From, To, expression)                                     \
  static void binary_##name (void *yv, const void *av, size_t a_step,          \
                             const void *bv, size_t b_step, size_t n)          \
  {                                                                            \
    const From *a = av, *b = bv;                                               \
    To *y = yv;                                                                \
                                                                               \
    for (size_t i = 0; i < n; i++) {                                           \
      const From p = a[i * a_step], q = b[i * b_step];                         \
                                                                               \
      y[i] = (To) (expression);                                                \
    }                                                                          \
  }

/* Integers wrap; what C leaves undefined is a value here, since a hostile file
 * may hold it: x / 0 = 0. */
BINARY (sub_f32, float, float, p - q)
BINARY (sub_i64, int64_t, int64_t, (uint64_t) p - (uint64_t) q)
BINARY (sub_i32, int32_t, int32_t, (uint32_t) p - (uint32_t) q)
BINARY (div_f32, float, float, p / q)
BINARY (div_i64, int64_t, int64_t,
        q == 0    ? 0
        : q == -1 ? (int64_t) - (uint64_t) p
                  : p / q)
BINARY (div_i32, int32_t, int32_t,
        q == 0    ? 0
        : q == -1 ? (int32_t) - (uint32_t) p
                  : p / q)
BINARY (equal_f32, float, uint8_t, p == q)
BINARY (equal_i64, int64_t, uint8_t, p == q)
BINARY (equal_i32, int32_t, uint8_t, p == q)
BINARY (equal_u8, uint8_t, uint8_t, p == q)
BINARY (less_f32, float, uint8_t, p < q)
BINARY (less_i64, int64_t, uint8_t, p < q)
BINARY (less_i32, int32_t, uint8_t, p < q)
BINARY (less_equal_f32, float, uint8_t, p <= q)
BINARY (less_equal_i64, int64_t, uint8_t, p <= q)
BINARY (less_equal_i32, int32_t, uint8_t, p <= q)
BINARY (greater_f32, float, uint8_t, p > q)
BINARY (greater_i64, int64_t, uint8_t, p > q)
BINARY (greater_i32, int32_t, uint8_t, p > q)
BINARY (greater_equal_f32, float, uint8_t, p >= q)
BINARY (greater_equal_i64, int64_t, uint8_t, p >= q)
BINARY (greater_equal_i32, int32_t, uint8_t, p >= q)
BINARY (and_u8, uint8_t, uint8_t, p &&q)
BINARY (or_u8, uint8_t, uint8_t, p || q)
BINARY (xor_u8, uint8_t, uint8_t, !p != !q)

static const struct {
  const char *name;
  gboolean to_bool;
  DmlBinaryRow f32, i64, i32, boolean; /* NULL: not for that type */
} BINARIES[] = {
  { "Sub", FALSE, binary_sub_f32, binary_sub_i64, binary_sub_i32, NULL },
  { "Div", FALSE, binary_div_f32, binary_div_i64, binary_div_i32, NULL },
  { "Equal", TRUE, binary_equal_f32, binary_equal_i64, binary_equal_i32,
    binary_equal_u8 },
  { "Less", TRUE, binary_less_f32, binary_less_i64, binary_less_i32, NULL },
  { "LessOrEqual", TRUE, binary_less_equal_f32, binary_less_equal_i64,
    binary_less_equal_i32, NULL },
  { "Greater", TRUE, binary_greater_f32, binary_greater_i64, binary_greater_i32,
    NULL },
  { "GreaterOrEqual", TRUE, binary_greater_equal_f32, binary_greater_equal_i64,
    binary_greater_equal_i32, NULL },
  { "And", TRUE, NULL, NULL, NULL, binary_and_u8 },
  { "Or", TRUE, NULL, NULL, NULL, binary_or_u8 },
  { "Xor", TRUE, NULL, NULL, NULL, binary_xor_u8 },
};

typedef struct {
  unsigned row; /* of BINARIES */
} BinaryConfig;

static gboolean
binary_configure (DmlNode *node, GError **error)
{
  BinaryConfig *config = node->config;

  while (strcmp (BINARIES[config->row].name, node->op_name) != 0)
    config->row++;
  return TRUE;
}

static DmlBinaryRow
binary_run (const DmlNode *node)
{
  const BinaryConfig *config = node->config;

  switch (node->in[0]->dtype) {
  case DML_F32:
    return BINARIES[config->row].f32;
  case DML_I64:
    return BINARIES[config->row].i64;
  case DML_I32:
    return BINARIES[config->row].i32;
  case DML_BOOL:
    return BINARIES[config->row].boolean;
  default:
    return NULL;
  }
}

static gboolean
binary_infer_shape (DmlNode *node, GError **error)
{
  const BinaryConfig *config = node->config;

  if (!dml_broadcast_infer_shape (node, error))
    return FALSE;
  if (binary_run (node) == NULL)
    return dml_node_fail (node, error, UNSUPPORTED, "inputs are %s",
                          dml_dtype_name (node->in[0]->dtype));
  if (BINARIES[config->row].to_bool)
    return dml_node_set_out (node, 0, DML_BOOL, dml_node_out_shape (node, 0),
                             error);
  return TRUE;
}

static void
binary_forward (const DmlNode *node, DmlExec *exec)
{
  dml_broadcast_run (node, exec, binary_run (node),
                     dml_dtype_size (node->in[0]->dtype),
                     dml_dtype_size (node->out[0]->dtype));
}

static void
sub_grad_row (const DmlBinaryGrad *g)
{
  for (size_t j = 0; j < g->n; j++) {
    if (g->da != NULL)
      g->da[j * g->a_step] += g->dy[j];
    if (g->db != NULL)
      g->db[j * g->b_step] -= g->dy[j];
  }
}

static void
sub_backward (const DmlNode *node, DmlExec *exec)
{
  dml_broadcast_run_back (node, exec, sub_grad_row);
}

static void
div_grad_row (const DmlBinaryGrad *g)
{
  for (size_t j = 0; j < g->n; j++) {
    const size_t ai = j * g->a_step, bi = j * g->b_step;
    const float slope = 1 / g->b[bi];

    if (g->da != NULL)
      g->da[ai] += g->dy[j] * slope;
    if (g->db != NULL)
      g->db[bi] -= g->dy[j] * g->a[ai] * slope * slope;
  }
}

static void
div_backward (const DmlNode *node, DmlExec *exec)
{
  dml_broadcast_run_back (node, exec, div_grad_row);
}

#define BINARY_OP(symbol, name, ...)                                           \
  const DmlOp dml_op_##symbol = { .onnx_name = name,                           \
                                  .min_in = 2,                                 \
                                  .max_in = 2,                                 \
                                  .min_out = 1,                                \
                                  .max_out = 1,                                \
                                  .config_size = sizeof (BinaryConfig),        \
                                  .configure = binary_configure,               \
                                  .infer_shape = binary_infer_shape,           \
                                  .forward = binary_forward,                   \
                                  __VA_ARGS__ }

BINARY_OP (sub, "Sub", .backward = sub_backward);
BINARY_OP (div, "Div", .backward = div_backward, .backward_in = 3);
BINARY_OP (equal, "Equal", );
BINARY_OP (less, "Less", );
BINARY_OP (less_equal, "LessOrEqual", );
BINARY_OP (greater, "Greater", );
BINARY_OP (greater_equal, "GreaterOrEqual", );
BINARY_OP (and, "And", );
BINARY_OP (or, "Or", );
BINARY_OP (xor, "Xor", );
