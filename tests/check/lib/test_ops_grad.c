/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Every backward against finite differences of its forward.
 *
 * The loss is sum (c y) with random c, summed in double. Its derivative along a
 * direction comes from the five-point stencil
 *   (8 (L(h) - L(-h)) - (L(2h) - L(-2h))) / 12 h
 * whose truncation error is of order h^4, so that h can be large enough
 * (H below) to keep float32's rounding of y, about 1e-7 / h, well under the
 * tolerance of 1e-3 of the gradient's own size. Inputs keep clear of kinks by
 * more than 2 h in every coordinate.
 *
 * Each case is checked along single coordinates and along random directions;
 * twice, since backward adds; and for other numbers of threads, where every
 * byte has to be the same. */
#include "base/rng.h"
#include "nn/exec.h"

#include <math.h>
#include <string.h>

#define H 0.02
#define TOLERANCE 1e-3
#define N_COORDINATES 12
#define N_DIRECTIONS 3

typedef enum {
  NORMAL,   /* anything */
  CLEAR,    /* no nearer to 0, 1, 3, 6 and their negatives than 0.1 */
  DISTINCT, /* no two nearer than 0.1: for pools */
  POSITIVE, /* 0.3 .. 1.3, in every input */
} Fill;

typedef struct {
  const char *name; /* of the test case */
  const char *op;
  DmlShape in[5]; /* up to the first of rank 0 */
  Fill fill;
  void (*attributes) (GArray *attrs);
  const char *domain;  /* NULL: ONNX's own */
  unsigned statistics; /* bit i: input i is a running statistic */
  /* Further inputs, behind those above: integers that are known. */
  struct {
    size_t n;
    int64_t v[8];
  } ints[4];
  unsigned n_out; /* 0: one */
} Case;

static float
clear_of_kinks (float x)
{
  static const float kinks[] = { 0, 1, 3, 6 };

  for (size_t i = 0; i < G_N_ELEMENTS (kinks); i++)
    if (fabsf (fabsf (x) - kinks[i]) < 0.1f)
      return clear_of_kinks (x + 0.21f);
  return x;
}

static void
fill_input (float *x, size_t n, Fill fill, DmlRng *rng)
{
  for (size_t i = 0; i < n; i++) {
    const float z = (float) dml_rng_normal (rng);

    x[i] = fill == CLEAR      ? clear_of_kinks (2 * z)
           : fill == DISTINCT ? ((float) i - (float) n / 2) * 0.1f
           : fill == POSITIVE ? 0.3f + (float) dml_rng_uniform (rng)
                              : z;
  }
  if (fill == DISTINCT)
    dml_rng_shuffle (rng, (uint32_t *) x, n);
}

static DmlGraph *
case_graph (const Case *c)
{
  DmlGraph *graph = dml_graph_new (c->name, 17);
  DmlValue *in[9];
  unsigned n_in = 0;
  DmlNode *node;
  GError *error = NULL;
  DmlRng rng;

  dml_graph_add_input (graph, "unused", DML_F32, &DML_SHAPE (1), NULL);
  for (unsigned i = 0; i < 5 && c->in[i].rank > 0; i++) {
    g_autofree char *name = g_strdup_printf ("in%u", i);
    g_autoptr (DmlTensor) t = dml_tensor_new (DML_F32, &c->in[i], NULL);
    const gboolean statistic = c->statistics >> i & 1;

    dml_rng_init (&rng, 42, i);
    fill_input (t->data, t->n,
                statistic                       ? POSITIVE
                : i == 0 || c->fill == POSITIVE ? c->fill
                                                : NORMAL,
                &rng);
    if (strcmp (c->op, "GeMPool") == 0 && i == 1)
      *(float *) t->data = 2.5f;
    in[n_in++] = dml_graph_add_constant (
      graph, name, t, statistic ? DML_VALUE_STATISTIC : DML_VALUE_PARAM, NULL);
  }
  for (unsigned i = 0; i < 4 && c->ints[i].n > 0; i++) {
    g_autofree char *name = g_strdup_printf ("ints%u", i);
    g_autoptr (DmlTensor) t =
      dml_tensor_new_i64 (c->ints[i].v, c->ints[i].n, NULL);

    in[n_in++] = dml_graph_add_constant (graph, name, t, 0, NULL);
  }
  node = dml_graph_add_node (graph, c->domain ? c->domain : "", c->op, c->name,
                             in, n_in, NULL, MAX (1, c->n_out), &error);
  g_assert_no_error (error);
  if (c->attributes != NULL)
    c->attributes (node->attrs);
  for (unsigned i = 0; i < node->n_out; i++)
    dml_graph_add_output (graph, node->out[i], NULL);
  dml_graph_finish (graph, &error);
  g_assert_no_error (error);
  return graph;
}

static size_t
output_size (DmlTrain *train, unsigned i)
{
  const DmlShape *shape = dml_train_output_shape (train, i);

  return dml_shape_span (shape, 0, shape->rank);
}

/* `c` has the weights of all outputs, one behind the other. */
static double
loss (DmlTrain *train, const float *c)
{
  double sum = 0;

  dml_train_forward (train, DML_EXEC_TRAIN_QUIET, 7);
  for (unsigned o = 0; o < dml_train_n_outputs (train); o++)
    for (size_t i = 0; i < output_size (train, o); i++)
      sum += (double) *c++ * (double) dml_train_output (train, o)[i];
  return sum;
}

/* Derivative of the loss along `direction` in one parameter. */
static double
slope (DmlTrain *train, const DmlTrainParam *param, const float *direction,
       const float *c)
{
  static const double at[] = { 1, -1, 2, -2 }, weight[] = { 8, -8, -1, 1 };
  g_autofree float *saved = g_memdup2 (param->data, param->n * sizeof (float));
  double sum = 0;

  for (unsigned s = 0; s < 4; s++) {
    for (size_t i = 0; i < param->n; i++)
      param->data[i] = saved[i] + (float) (at[s] * H) * direction[i];
    sum += weight[s] * loss (train, c);
  }
  memcpy (param->data, saved, param->n * sizeof (float));
  return sum / (12 * H);
}

/* A norm that errors are measured by: of the gradient, per coordinate. */
static double
typical (const DmlTrainParam *param, const float *grad)
{
  double sum = 0;

  for (size_t i = 0; i < param->n; i++)
    sum += (double) grad[i] * (double) grad[i];
  return sqrt (sum / (double) param->n);
}

static void
check_param (DmlTrain *train, const DmlTrainParam *param, const float *grad,
             const float *c, DmlRng *rng)
{
  const double unit = typical (param, grad);
  g_autofree float *direction = g_new0 (float, param->n);

  g_assert_cmpfloat (unit, >, 0);
  for (unsigned k = 0; k < N_COORDINATES; k++) {
    const size_t i =
      param->n <= N_COORDINATES ? k : dml_rng_below (rng, (uint32_t) param->n);
    double got;

    if (i >= param->n)
      break;
    direction[i] = 1;
    got = slope (train, param, direction, c);
    direction[i] = 0;
    if (fabs (got - (double) grad[i]) > TOLERANCE * (unit + fabs (got)))
      g_error ("%s[%zu]: backward says %g, differences %g", param->name, i,
               (double) grad[i], got);
  }
  for (unsigned k = 0; k < N_DIRECTIONS; k++) {
    double expected = 0, got;

    /* Entries of +-1/2: nothing moves nearer to a kink than a coordinate. */
    for (size_t i = 0; i < param->n; i++) {
      direction[i] = dml_rng_u32 (rng) & 1 ? 0.5f : -0.5f;
      expected += (double) direction[i] * (double) grad[i];
    }
    got = slope (train, param, direction, c);
    if (fabs (got - expected) >
        TOLERANCE * (unit * sqrt ((double) param->n) + fabs (got)))
      g_error ("%s, direction %u: backward says %g, differences %g",
               param->name, k, expected, got);
  }
}

/* Gradients of all parameters, one behind the other, after `times` backwards.
 */
static GArray *
gradients (DmlTrain *train, const float *c, unsigned times)
{
  GArray *grads = g_array_new (FALSE, FALSE, sizeof (float));
  size_t n;
  const DmlTrainParam *params = dml_train_params (train, &n);

  dml_train_zero_grad (train);
  for (unsigned t = 0; t < times; t++) {
    dml_train_forward (train, DML_EXEC_TRAIN_QUIET, 7);
    for (unsigned o = 0, at = 0; o < dml_train_n_outputs (train); o++) {
      memcpy (dml_train_output_grad (train, o), c + at,
              output_size (train, o) * sizeof (float));
      at += (unsigned) output_size (train, o);
    }
    dml_train_backward (train);
  }
  for (size_t i = 0; i < n; i++)
    g_array_append_vals (grads, params[i].grad, (guint) params[i].n);
  return grads;
}

static void
test_case (gconstpointer data)
{
  const Case *c = data;
  g_autoptr (DmlGraph) graph = case_graph (c);
  g_autoptr (GError) error = NULL;
  g_autoptr (DmlTrain) train = dml_train_new (graph, 1, 1, 3, &error);
  g_autoptr (DmlTrain) threaded = NULL;
  DmlTrainParam *params;
  DmlRng rng;
  size_t n, at = 0, n_weights = 0;

  g_assert_no_error (error);
  threaded = dml_train_new (graph, 1, 0, 3, &error);
  g_assert_no_error (error);
  dml_rng_init (&rng, 43, 0);
  for (unsigned o = 0; o < dml_train_n_outputs (train); o++)
    n_weights += output_size (train, o);
  g_autofree float *weights = g_new (float, n_weights);

  for (size_t i = 0; i < n_weights; i++)
    weights[i] = (float) dml_rng_normal (&rng);
  g_autoptr (GArray) once = gradients (train, weights, 1);
  g_autoptr (GArray) twice = gradients (train, weights, 2);
  g_autoptr (GArray) other = gradients (threaded, weights, 1);

  g_assert_cmpmem (once->data, once->len * sizeof (float), other->data,
                   other->len * sizeof (float));
  for (guint i = 0; i < once->len; i++) {
    const float a = g_array_index (once, float, i);

    g_assert_cmpfloat (fabsf (g_array_index (twice, float, i) - 2 * a), <=,
                       1e-5f * (1 + fabsf (a)));
  }
  params = dml_train_params (train, &n);
  for (size_t i = 0; i < n; i++) {
    check_param (train, &params[i], (float *) (void *) once->data + at, weights,
                 &rng);
    at += params[i].n;
  }
}

#define ATTRIBUTES(name, ...)                                                  \
  static void name (GArray *a) { __VA_ARGS__ }
#define INTS(name, ...)                                                        \
  dml_attrs_set_ints (a, name, (int64_t[]){ __VA_ARGS__ },                     \
                      sizeof ((int64_t[]){ __VA_ARGS__ }) / 8);
#define INT(name, i) dml_attrs_set_int (a, name, i);
#define FLOAT(name, f) dml_attrs_set_float (a, name, f);

ATTRIBUTES (pad1, INTS ("pads", 1, 1, 1, 1))
ATTRIBUTES (strided, INTS ("strides", 2, 2) INTS ("pads", 1, 1, 1, 1))
ATTRIBUTES (uneven, INTS ("strides", 2, 3) INTS ("pads", 0, 2, 1, 1)
                      INTS ("dilations", 2, 1))
ATTRIBUTES (same, INTS ("strides", 2, 2)
                    dml_attrs_set_string (a, "auto_pad", "SAME_UPPER");)
ATTRIBUTES (grouped, INT ("group", 2) INTS ("pads", 1, 1, 1, 1))
ATTRIBUTES (depthwise, INT ("group", 6) INTS ("pads", 1, 1, 1, 1))
ATTRIBUTES (depthwise_strided,
            INT ("group", 6) INTS ("pads", 1, 1, 1, 1) INTS ("strides", 2, 2))
ATTRIBUTES (depthwise_dilated, INT ("group", 3) INTS ("dilations", 2, 2))
ATTRIBUTES (pool3, INTS ("kernel_shape", 3, 3) INTS ("strides", 2, 2)
                     INTS ("pads", 1, 1, 1, 1))
ATTRIBUTES (pool_ceil, INTS ("kernel_shape", 3, 3) INTS ("strides", 2, 2)
                         INT ("ceil_mode", 1))
ATTRIBUTES (pool_include,
            INTS ("kernel_shape", 3, 3) INTS ("strides", 2, 2)
              INTS ("pads", 1, 1, 1, 1) INT ("count_include_pad", 1))
ATTRIBUTES (transposed, INT ("transA", 1) INT ("transB", 1)
                          FLOAT ("alpha", 0.5f) FLOAT ("beta", 2.0f))
ATTRIBUTES (trans_a, INT ("transA", 1))
ATTRIBUTES (trans_b, INT ("transB", 1))
ATTRIBUTES (relu6, FLOAT ("min", 0) FLOAT ("max", 6))
ATTRIBUTES (leaky, FLOAT ("alpha", 0.2f))
ATTRIBUTES (half, FLOAT ("ratio", 0.5f))
ATTRIBUTES (middle, INT ("axis", 1))

ATTRIBUTES (permuted, INTS ("perm", 1, 2, 0))
ATTRIBUTES (spatial, INTS ("axes", 2, 3) INT ("keepdims", 0))
ATTRIBUTES (last, INTS ("axes", -1))
ATTRIBUTES (mirrored, dml_attrs_set_string (a, "mode", "reflect");)

#define S DML_SHAPE
static const Case cases[] = {
  { "add", "Add", { S (2, 3, 4), S (2, 3, 4) } },
  { "add-broadcast", "Add", { S (2, 3, 4), S (3, 1) } },
  { "add-both-repeat", "Add", { S (2, 1, 4), S (3, 1) } },
  { "mul", "Mul", { S (2, 3, 4), S (2, 3, 4) } },
  { "mul-gate", "Mul", { S (2, 3, 4, 5), S (2, 3, 1, 1) } },
  { "mul-scalar", "Mul", { S (2, 3), S (1) } },
  { "relu", "Relu", { S (3, 17) }, CLEAR },
  { "clip", "Clip", { S (3, 37) }, CLEAR, relu6 },
  { "leakyrelu", "LeakyRelu", { S (3, 17) }, CLEAR, leaky },
  { "prelu", "PRelu", { S (2, 3, 4, 5), S (3, 1, 1) }, CLEAR },
  { "prelu-one", "PRelu", { S (2, 3, 4), S (1) }, CLEAR },
  { "sigmoid", "Sigmoid", { S (3, 17) } },
  { "hardsigmoid", "HardSigmoid", { S (3, 17) }, CLEAR },
  { "hardswish", "HardSwish", { S (3, 17) }, CLEAR },
  { "softmax", "Softmax", { S (3, 7) } },
  { "softmax-middle", "Softmax", { S (3, 7, 2) }, NORMAL, middle },
  { "dropout", "Dropout", { S (5, 40) }, NORMAL, half },
  { "flatten", "Flatten", { S (2, 3, 4) } },
  { "identity", "Identity", { S (2, 3) } },
  { "concat", "Concat", { S (2, 3, 2), S (2, 1, 2), S (2, 2, 2) } },
  { "l2norm", "LpNormalization", { S (3, 17) } },
  { "gemm", "Gemm", { S (3, 5), S (5, 4), S (4) } },
  { "gemm-trans-a", "Gemm", { S (5, 3), S (5, 4) }, NORMAL, trans_a },
  { "gemm-trans-b", "Gemm", { S (3, 5), S (4, 5), S (3, 1) }, NORMAL, trans_b },
  { "gemm-trans-both",
    "Gemm",
    { S (5, 3), S (4, 5), S (3, 4) },
    NORMAL,
    transposed },
  { "matmul", "MatMul", { S (2, 3, 5), S (5, 4) } },
  { "matmul-stacks", "MatMul", { S (2, 3, 5), S (2, 5, 4) } },
  { "conv", "Conv", { S (2, 3, 7, 6), S (4, 3, 3, 3), S (4) }, NORMAL, pad1 },
  { "conv-strided",
    "Conv",
    { S (2, 3, 7, 6), S (4, 3, 3, 3) },
    NORMAL,
    strided },
  { "conv-uneven",
    "Conv",
    { S (2, 3, 9, 8), S (4, 3, 3, 2), S (4) },
    NORMAL,
    uneven },
  { "conv-same", "Conv", { S (2, 3, 7, 6), S (4, 3, 3, 3) }, NORMAL, same },
  { "conv-1x1", "Conv", { S (3, 5, 4, 3), S (4, 5, 1, 1), S (4) } },
  { "conv-1x1-strided",
    "Conv",
    { S (3, 5, 5, 4), S (4, 5, 1, 1) },
    NORMAL,
    strided },
  { "conv-grouped",
    "Conv",
    { S (2, 4, 5, 5), S (6, 2, 3, 3), S (6) },
    NORMAL,
    grouped },
  { "conv-depthwise",
    "Conv",
    { S (2, 6, 7, 9), S (6, 1, 3, 3), S (6) },
    NORMAL,
    depthwise },
  { "conv-depthwise-5x5",
    "Conv",
    { S (2, 6, 7, 9), S (6, 1, 5, 5) },
    NORMAL,
    depthwise_strided },
  { "conv-depthwise-strided",
    "Conv",
    { S (2, 6, 8, 9), S (6, 1, 3, 3) },
    NORMAL,
    depthwise_strided },
  { "conv-depthwise-multiplied",
    "Conv",
    { S (2, 3, 9, 8), S (6, 1, 3, 2), S (6) },
    NORMAL,
    depthwise_dilated },
  { "batchnorm",
    "BatchNormalization",
    { S (3, 4, 3, 5), S (4), S (4), S (4), S (4) },
    .statistics = 0x18 },
  { "batchnorm-rows",
    "BatchNormalization",
    { S (9, 4), S (4), S (4), S (4), S (4) },
    .statistics = 0x18 },
  { "pool-max", "MaxPool", { S (2, 3, 7, 6) }, DISTINCT, pool3 },
  { "pool-max-ceil", "MaxPool", { S (2, 3, 6, 8) }, DISTINCT, pool_ceil },
  { "pool-average", "AveragePool", { S (2, 3, 7, 6) }, NORMAL, pool3 },
  { "pool-average-ceil", "AveragePool", { S (2, 3, 6, 8) }, NORMAL, pool_ceil },
  { "pool-average-include",
    "AveragePool",
    { S (2, 3, 7, 6) },
    NORMAL,
    pool_include },
  { "pool-global-average", "GlobalAveragePool", { S (2, 3, 4, 5) } },
  { "pool-global-max", "GlobalMaxPool", { S (2, 3, 4, 5) }, DISTINCT },
  { "pool-gem",
    "GeMPool",
    { S (2, 3, 4, 5), S (1) },
    POSITIVE,
    .domain = "dml" },
  { "sub", "Sub", { S (2, 3, 4), S (3, 1) } },
  { "div", "Div", { S (3, 1), S (2, 3, 4) }, POSITIVE },
  { "transpose", "Transpose", { S (2, 3, 4) }, NORMAL, permuted },
  { "squeeze", "Squeeze", { S (2, 1, 4) }, .ints = { { 1, { 1 } } } },
  { "unsqueeze", "Unsqueeze", { S (2, 4) }, .ints = { { 2, { 0, 2 } } } },
  { "reduce-mean", "ReduceMean", { S (2, 3, 4, 5) }, NORMAL, spatial },
  { "reduce-sum", "ReduceSum", { S (2, 3, 4) }, .ints = { { 2, { 0, 2 } } } },
  { "reduce-l2", "ReduceL2", { S (3, 7) }, NORMAL, last },
  { "reduce-sum-square", "ReduceSumSquare", { S (3, 7) }, NORMAL, last },
  { "expand", "Expand", { S (3, 1) }, .ints = { { 3, { 2, 3, 4 } } } },
  { "slice",
    "Slice",
    { S (5, 6) },
    .ints = { { 2, { 1, 5 } },
              { 2, { 4, 0 } },
              { 2, { 0, 1 } },
              { 2, { 2, -2 } } } },
  { "split", "Split", { S (5, 3) }, .ints = { { 2, { 2, 3 } } }, .n_out = 2 },
  { "pad", "Pad", { S (2, 3, 4) }, .ints = { { 6, { 0, 1, -1, 1, 0, 2 } } } },
  { "pad-reflect",
    "Pad",
    { S (2, 3, 4) },
    NORMAL,
    mirrored,
    .ints = { { 6, { 0, 1, 2, 0, 2, 3 } } } },
};
#undef S

int
main (int argc, char **argv)
{
  dml_threads_set_max (3);
  g_test_init (&argc, &argv, NULL);
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *path = g_strdup_printf ("/ops-grad/%s", cases[i].name);

    g_test_add_data_func (path, &cases[i], test_case);
  }
  return g_test_run ();
}
