/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Ten training steps of each architecture against PyTorch in float64
 * (tests/golden/train.json, by make_train.py): losses, every gradient of the
 * first step, running statistics.
 *
 * Ours is float32, and a step moves on from where the last one ended, so
 * differences grow: the first step is held to 1e-4, later ones to LATER. */
#include "golden.h"
#include "nn/arch/arch.h"
#include "nn/exec.h"

#include <math.h>
#include <string.h>

#define FIRST 1e-4
#define LATER 2e-2
/* What rounding leaves of a gradient that is nothing but cancellation, as of a
 * bias before a batch norm; others are of the order of 0.01 to 1. */
#define NOTHING 2e-5

/* n numbers in [-1, 1), as in make_train.py. */
static void
generate (const char *name, size_t n, double *out)
{
  uint32_t state = 2166136261u;

  for (const char *c = name; *c != '\0'; c++)
    state = (state ^ (uint8_t) *c) * 16777619u;
  for (size_t i = 0; i < n; i++) {
    state = state * 1664525u + 1013904223u;
    out[i] = (state >> 8) / 0x1p23 - 1;
  }
}

static void
generate_f32 (const char *name, size_t n, double scale, double offset,
              float *out)
{
  g_autofree double *numbers = g_new (double, n);

  generate (name, n, numbers);
  for (size_t i = 0; i < n; i++)
    out[i] = (float) (offset + scale * numbers[i]);
}

/* As the classes of make_train.py scale them. */
static void
set_weights (DmlGraph *graph)
{
  for (unsigned i = 0; i < graph->values->len; i++) {
    const DmlValue *value = dml_graph_value_at (graph, i);
    const DmlShape *s = value->constant ? &value->constant->shape : NULL;
    double scale = 0.2, offset = 0;

    if (!(value->flags & DML_VALUE_PARAM) || (value->flags & DML_VALUE_FROZEN))
      continue;
    if (s->rank == 4) {
      const gboolean depthwise = s->dim[1] == 1 && s->dim[0] > 1;

      scale = sqrt (
        6.0 / (double) (s->dim[2] * s->dim[3] * (depthwise ? 1 : s->dim[0])));
    } else if (s->rank == 2) {
      scale = sqrt (3.0 / (double) s->dim[1]);
    } else if (strcmp (value->name, "pool.p") == 0) {
      scale = 0;
      offset = 2.5;
    } else if (strcmp (value->name, "embed.bias") == 0) {
      scale = 0.1;
    } else if (g_str_has_suffix (value->name, ".weight")) {
      scale = 0.3;
      offset = 1;
    }
    generate_f32 (value->name, value->constant->n, scale, offset,
                  value->constant->data);
  }
}

/* weight sum ((y - want)^2) / batch, and its gradient */
static double
loss_of (DmlTrain *train, const char *output, double weight, const double *want,
         size_t batch)
{
  const int i = dml_train_find_output (train, output);
  const size_t n = batch * (size_t) dml_train_output_shape (train, i)->dim[1];
  const float *y = dml_train_output (train, i);
  float *dy = dml_train_output_grad (train, i);
  double sum = 0;

  for (size_t k = 0; k < n; k++) {
    const double d = (double) y[k] - want[k];

    sum += weight * d * d / (double) batch;
    dy[k] = (float) (2 * weight * d / (double) batch);
  }
  return sum;
}

static void
check_gradients (const char *id, DmlTrain *train, JsonObject *expected)
{
  JsonObject *gradients = json_object_get_object_member (expected, "gradients");
  size_t n;
  const DmlTrainParam *params = dml_train_params (train, &n);

  g_assert_cmpuint (n, ==, json_object_get_size (gradients));
  for (size_t p = 0; p < n; p++) {
    g_autoptr (GoldenTensor) want = golden_tensor (gradients, params[p].name);
    g_autofree char *probe_name = g_strconcat ("probe.", params[p].name, NULL);
    g_autofree double *probe = g_new (double, params[p].n);
    double sum = 0, dot = 0, squares = 0;
    /* rounding of a sum of n terms of the gradient's own size */
    const double bound =
      FIRST * want->data[2] * sqrt ((double) params[p].n) + NOTHING;

    generate (probe_name, params[p].n, probe);
    for (size_t i = 0; i < params[p].n; i++) {
      const double g = (double) params[p].grad[i];

      sum += g;
      dot += g * probe[i];
      squares += g * g;
    }
    golden_near (id, params[p].name, 0, sum, want->data[0], 0, bound);
    golden_near (id, params[p].name, 1, dot, want->data[1], 0, bound);
    golden_near (id, params[p].name, 2, sqrt (squares), want->data[2], FIRST,
                 NOTHING);
  }
}

static void
check_statistics (const char *id, DmlTrain *train, JsonObject *expected)
{
  JsonObject *all = json_object_get_object_member (expected, "statistics");
  size_t n;
  const DmlStatistic *statistics = dml_train_statistics (train, &n);

  g_assert_cmpuint (n, ==, 2 * json_object_get_size (all));
  for (size_t s = 0; s < n; s++) {
    const char *dot = strrchr (statistics[s].name, '.');
    g_autofree char *layer =
      g_strndup (statistics[s].name, (gsize) (dot - statistics[s].name));
    g_autoptr (GoldenTensor) want = golden_tensor (all, layer);
    const size_t which = strcmp (dot, ".running_var") == 0;
    double sum = 0;

    for (size_t i = 0; i < statistics[s].n; i++)
      sum += (double) statistics[s].data[i];
    golden_near (id, statistics[s].name, which, sum, want->data[which], LATER,
                 LATER * (double) statistics[s].n);
  }
}

static void
check_net (const GoldenCase *golden, void *data)
{
  const size_t batch = (size_t) golden_number (golden->params, "batch");
  const int side = (int) golden_number (golden->params, "side");
  const int dim = (int) golden_number (golden->params, "dim");
  const float rate = (float) golden_number (golden->params, "rate");
  g_autoptr (GoldenTensor) losses = golden_tensor (golden->expected, "losses");
  g_autofree double *want = g_new (double, batch *(size_t) dim);
  const DmlArchOptions options = {
    .channels = 3,
    .width = side,
    .height = side,
    .dim = dim,
    .width_factor = golden_number (golden->params, "width"),
    .pool = DML_ARCH_POOL_GEM,
    .neck = TRUE,
    .normalise = TRUE,
  };
  DmlRng rng = { 0 };
  g_autoptr (GError) error = NULL;
  g_autoptr (DmlGraph) graph =
    dml_arch_build (golden->id, &options, &rng, &error);
  size_t n;

  g_assert_no_error (error);
  set_weights (graph);
  g_autoptr (DmlTrain) train = dml_train_new (graph, batch, 0, 0, &error);

  g_assert_no_error (error);
  DmlTrainParam *params = dml_train_params (train, &n);

  generate_f32 ("image", batch * 3 * (size_t) (side * side), 1, 0,
                dml_train_input (train, 0));
  generate ("target", batch * (size_t) dim, want);
  for (size_t step = 0; step < losses->rows; step++) {
    double loss;

    dml_train_forward (train, DML_EXEC_TRAIN, step);
    loss = loss_of (train, "embedding", 1, want, batch) +
           loss_of (train, "features", 0.5, want, batch);
    golden_near (golden->id, "loss", step, loss, losses->data[step],
                 step == 0 ? FIRST : LATER, 0);
    dml_train_zero_grad (train);
    dml_train_backward (train);
    if (step == 0)
      check_gradients (golden->id, train, golden->expected);
    for (size_t p = 0; p < n; p++)
      for (size_t i = 0; i < params[p].n; i++)
        params[p].data[i] -= rate * params[p].grad[i];
  }
  check_statistics (golden->id, train, golden->expected);
}

static void
test_nets_train_as_in_pytorch (void)
{
  golden_each ("train", check_net, NULL);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/train-golden/nets-train-as-in-pytorch",
                   test_nets_train_as_in_pytorch);
  return g_test_run ();
}
