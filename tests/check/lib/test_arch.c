/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Architectures: sizes, flags, repeatability, a training step that helps. */
#include "nn/exec.h"
#include "net_maker.h"

#include <math.h>
#include <string.h>

static size_t
count_params (const DmlGraph *graph)
{
  size_t n = 0;

  for (unsigned i = 0; i < graph->values->len; i++) {
    const DmlValue *value = dml_graph_value_at (graph, i);

    if (value->flags & DML_VALUE_PARAM)
      n += value->constant->n;
  }
  return n;
}

/* torchvision's trunks (without the classifier) and ours have the same number
 * of parameters; the head here is dim x (c + 1). */
static void
test_sizes_are_the_published_ones (void)
{
  const struct {
    const char *name;
    size_t trunk, c;
  } nets[] = {
    { "resnet18", 11176512, 512 },
    { "resnet34", 21284672, 512 },
    { "mobilenetv2", 2223872, 1280 },
  };
  DmlArchOptions options = DML_ARCH_OPTIONS_DEFAULT;

  options.width = options.height = 224;
  for (size_t i = 0; i < G_N_ELEMENTS (nets); i++) {
    g_autoptr (DmlGraph) graph = net_of_arch (nets[i].name, &options, 5);

    g_assert_cmpuint (count_params (graph), ==,
                      nets[i].trunk + 128 * (nets[i].c + 1));
  }
}

/* The small net of docs/training.md: w = 0.25 at 48 pixels. */
static void
test_width_factor_shrinks (void)
{
  DmlArchOptions options = DML_ARCH_OPTIONS_DEFAULT;

  options.width = options.height = 48;
  options.width_factor = 0.25;
  g_autoptr (DmlGraph) graph = net_of_arch ("resnet18", &options, 5);

  g_assert_cmpuint (count_params (graph), ==, 716688);
}

static void
test_every_net_at_every_size (void)
{
  static const int sides[] = { 28, 32, 64, 112 };
  size_t n;
  const DmlArch *const *archs = dml_arch_table (&n);

  for (size_t i = 0; i < n; i++)
    for (size_t s = 0; s < G_N_ELEMENTS (sides); s++)
      for (int how = 0; how < 4; how++) {
        DmlArchOptions options = DML_ARCH_OPTIONS_DEFAULT;

        options.channels = how == 3 ? 1 : 3;
        options.width = options.height = sides[s];
        options.width_factor = 0.0625;
        options.dim = 16;
        options.neck = how & 1;
        options.normalise = how != 2;
        options.pool = how % 3;
        options.last_stride_1 = how == 2;
        options.dropout = how == 1 ? 0.2f : 0;
        g_autoptr (DmlGraph) graph = net_of_arch (archs[i]->name, &options, 5);

        g_assert_cmpuint (graph->outputs->len, ==, options.neck ? 2 : 1);
        g_assert_true (dml_graph_infer (graph, 3, NULL));
        g_assert_true (dml_shape_equal (
          &dml_graph_find (graph, "embedding")->shape, &DML_SHAPE (3, 16)));
      }
}

static void
test_seed_gives_the_weights (void)
{
  DmlArchOptions options = DML_ARCH_OPTIONS_DEFAULT;

  options.width_factor = 0.125;
  g_autoptr (DmlGraph) a = net_of_arch ("resnet10", &options, 5);
  g_autoptr (DmlGraph) b = net_of_arch ("resnet10", &options, 5);

  for (unsigned i = 0; i < a->values->len; i++) {
    const DmlTensor *x = dml_graph_value_at (a, i)->constant;
    const DmlTensor *y = dml_graph_value_at (b, i)->constant;

    if (x != NULL)
      g_assert_cmpmem (x->data, dml_tensor_bytes (x), y->data,
                       dml_tensor_bytes (y));
  }
}

static void
test_flags_follow_the_role (void)
{
  DmlArchOptions options = DML_ARCH_OPTIONS_DEFAULT;
  const unsigned param = DML_VALUE_PARAM, decay_free = DML_VALUE_NO_DECAY;

  options.neck = TRUE;
  options.pool = DML_ARCH_POOL_GEM;
  g_autoptr (DmlGraph) graph = net_of_arch ("resnet10", &options, 5);

  const struct {
    const char *name;
    unsigned flags;
  } want[] = {
    { "conv1.weight", param },
    { "bn1.weight", param | decay_free },
    { "bn1.bias", param | decay_free },
    { "bn1.running_mean", DML_VALUE_STATISTIC },
    { "layer1.0.bn2.weight", param | decay_free },
    { "pool.p", param | decay_free },
    { "embed.weight", param },
    { "embed.bias", param | decay_free },
    { "neck.bias", param | decay_free | DML_VALUE_FROZEN },
  };

  for (size_t i = 0; i < G_N_ELEMENTS (want); i++)
    g_assert_cmpuint (dml_graph_find (graph, want[i].name)->flags, ==,
                      want[i].flags);
  /* The residual branch begins as nothing. */
  g_assert_cmpfloat (
    *(float *) dml_graph_find (graph, "layer1.0.bn2.weight")->constant->data,
    ==, 0);
}

static void
test_wrong_options_are_named (void)
{
  DmlArchOptions options = DML_ARCH_OPTIONS_DEFAULT;
  g_autoptr (GError) error = NULL;
  DmlRng rng;

  dml_rng_init (&rng, 0, 0);
  g_assert_null (dml_arch_build ("resnet99", &options, &rng, &error));
  g_assert_error (error, DML_ERROR, DML_ERROR_NOT_FOUND);
  g_assert_nonnull (strstr (error->message, "resnet18"));
  g_clear_error (&error);
  options.dim = 0;
  g_assert_null (dml_arch_build ("resnet18", &options, &rng, &error));
  g_assert_error (error, DML_ERROR, DML_ERROR_INVALID);
}

/* A few steps of plain descent on "be like these targets". */
static void
test_training_lowers_a_loss (gconstpointer name)
{
  DmlArchOptions options = DML_ARCH_OPTIONS_DEFAULT;
  const size_t batch = 6;
  double first = 0, last = 0;
  size_t n_params;
  DmlRng rng;

  options.width = options.height = 24;
  options.width_factor = 0.125;
  options.dim = 8;
  options.neck = TRUE;
  options.pool = DML_ARCH_POOL_GEM;
  g_autoptr (DmlGraph) graph = net_of_arch (name, &options, 5);
  g_autoptr (GError) error = NULL;
  g_autoptr (DmlTrain) train = dml_train_new (graph, batch, 0, 1, &error);

  g_assert_no_error (error);
  DmlTrainParam *params = dml_train_params (train, &n_params);
  float *x = dml_train_input (train, 0);

  dml_rng_init (&rng, 9, 9);
  for (size_t i = 0; i < batch * 3 * 24 * 24; i++)
    x[i] = (float) dml_rng_normal (&rng);
  for (unsigned step = 0; step < 12; step++) {
    const int out = dml_train_find_output (train, "embedding");
    double loss = 0;

    dml_train_forward (train, DML_EXEC_TRAIN, step);
    const float *y = dml_train_output (train, out);
    float *dy = dml_train_output_grad (train, out);

    for (size_t i = 0; i < batch * 8; i++) {
      const float target = i % 8 == i / 8 ? 1 : 0; /* image i to axis i */

      loss += (double) ((y[i] - target) * (y[i] - target));
      dy[i] = 2 * (y[i] - target) / (float) batch;
    }
    g_assert_true (isfinite (loss));
    first = step == 0 ? loss : first;
    last = loss;
    dml_train_zero_grad (train);
    dml_train_backward (train);
    for (size_t p = 0; p < n_params; p++)
      for (size_t i = 0; i < params[p].n; i++)
        params[p].data[i] -= 0.1f * params[p].grad[i];
  }
  g_assert_cmpfloat (last, <, 0.75 * first);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/arch/sizes-are-the-published-ones",
                   test_sizes_are_the_published_ones);
  g_test_add_func ("/arch/width-factor-shrinks", test_width_factor_shrinks);
  g_test_add_func ("/arch/every-net-at-every-size",
                   test_every_net_at_every_size);
  g_test_add_func ("/arch/seed-gives-the-weights", test_seed_gives_the_weights);
  g_test_add_func ("/arch/flags-follow-the-role", test_flags_follow_the_role);
  g_test_add_func ("/arch/wrong-options-are-named",
                   test_wrong_options_are_named);
  g_test_add_data_func ("/arch/training-lowers-a-loss/resnet10", "resnet10",
                        test_training_lowers_a_loss);
  g_test_add_data_func ("/arch/training-lowers-a-loss/convnet4", "convnet4",
                        test_training_lowers_a_loss);
  g_test_add_data_func ("/arch/training-lowers-a-loss/mobilenetv2",
                        "mobilenetv2", test_training_lowers_a_loss);
  g_test_add_data_func ("/arch/training-lowers-a-loss/repvgg", "repvgg",
                        test_training_lowers_a_loss);
  return g_test_run ();
}
