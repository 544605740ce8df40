/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Samplers: golden invariants, contracts. */
#include <dml/dml-error.h>
#include <string.h>

#include "golden.h"
#include "metric/sampler.h"

typedef struct {
  int32_t *labels, *supers;
  size_t n, n_classes;
} Data;

static void
data_clear (Data *data)
{
  g_free (data->labels);
  g_free (data->supers);
}

static DmlSampler *
sampler_for (const Data *data, const char *spec, uint64_t seed)
{
  const DmlSamplerSetup setup = { data->n, data->labels, data->supers, seed };
  g_autoptr (GError) error = NULL;
  DmlSampler *sampler = dml_sampler_new (spec, &setup, &error);

  g_assert_no_error (error);
  return sampler;
}

static size_t
class_size (const Data *data, int32_t label)
{
  size_t n = 0;

  for (size_t i = 0; i < data->n; i++)
    n += data->labels[i] == label;
  return n;
}

/* One batch of p classes with k items each: no class twice, no item twice
 * unless its class has fewer than k. */
static void
check_group (const Data *data, const uint32_t *items, size_t p, size_t k,
             size_t *class_visits)
{
  for (size_t c = 0; c < p; c++) {
    const uint32_t *group = items + c * k;
    const int32_t label = data->labels[group[0]];

    class_visits[label]++;
    for (size_t i = 0; i < k; i++) {
      g_assert_cmpint (data->labels[group[i]], ==, label);
      for (size_t j = 0; j < i && class_size (data, label) >= k; j++)
        g_assert_cmpuint (group[i], !=, group[j]);
    }
    for (size_t other = 0; other < c; other++)
      g_assert_cmpint (data->labels[items[other * k]], !=, label);
  }
}

static void
check_pxk (const Data *data, JsonObject *params, JsonObject *expected)
{
  const size_t p = (size_t) golden_number (params, "P");
  const size_t k = (size_t) golden_number (params, "K");
  const size_t epochs = (size_t) golden_number (params, "epochs");
  const size_t all_seen =
    (size_t) golden_number (expected, "every_class_seen_in_first_batches");
  g_autofree char *spec = g_strdup_printf ("pxk:p=%zu,k=%zu", p, k);
  g_autoptr (DmlSampler) sampler = sampler_for (data, spec, 1);
  g_autofree size_t *visits = g_new0 (size_t, data->n_classes);
  g_autofree size_t *times = g_new0 (size_t, data->n);
  g_autofree uint32_t *items = g_new (uint32_t, p * k);
  size_t drawn = 0;

  g_assert_cmpuint (dml_sampler_batch_size (sampler), ==,
                    (size_t) golden_number (expected, "batch_size"));
  for (size_t e = 0; e < epochs; e++)
    for (size_t b = 0; b < dml_sampler_n_batches (sampler); b++) {
      size_t least = SIZE_MAX, most = 0;

      g_assert_cmpuint (dml_sampler_draw (sampler, e, b, items), ==, p * k);
      check_group (data, items, p, k, visits);
      for (size_t i = 0; i < p * k; i++)
        times[items[i]]++;
      drawn++;
      for (size_t c = 0; c < data->n_classes; c++) {
        least = MIN (least, visits[c]);
        most = MAX (most, visits[c]);
      }
      g_assert_cmpuint (
        most - least, <=,
        (size_t) golden_number (expected, "max_minus_min_class_visits"));
      if (drawn >= all_seen)
        g_assert_cmpuint (least, >=, 1);
      /* No item again before all of its class came: within a class the counts
       * differ by one at most. */
      for (size_t i = 0; i < data->n; i++)
        for (size_t j = 0; j < i; j++)
          if (data->labels[i] == data->labels[j])
            g_assert_cmpuint (
              MAX (times[i], times[j]) - MIN (times[i], times[j]), <=, 1);
    }
  g_assert_cmpuint (dml_sampler_n_never_drawn (sampler), ==, 0);
}

static void
check_balanced (const Data *data, JsonObject *params, JsonObject *expected)
{
  const size_t draws = (size_t) golden_number (params, "draws");
  const gboolean root =
    strcmp (json_object_get_string_member (params, "weight"), "1/n_c") != 0;
  g_autoptr (DmlSampler) sampler = sampler_for (
    data, root ? "balanced:batch=100,power=0.5" : "balanced:batch=100", 3);
  g_autoptr (GoldenTensor) p = golden_tensor (expected, "class_probability");
  g_autofree double *counts = g_new0 (double, data->n_classes);
  uint32_t items[100];
  double chi = 0;

  for (size_t i = 0; i < draws / 100; i++) {
    const size_t n = dml_sampler_n_batches (sampler);

    g_assert_cmpuint (dml_sampler_draw (sampler, i / n, i % n, items), ==, 100);
    for (size_t k = 0; k < 100; k++)
      counts[data->labels[items[k]]]++;
  }
  for (size_t c = 0; c < data->n_classes; c++) {
    const double want = p->data[c] * (double) draws;

    chi += (counts[c] - want) * (counts[c] - want) / want;
  }
  g_assert_cmpfloat (chi, <, 27.877164871256568); /* 99.9 %, 9 degrees */
}

static void
check_hierarchical (const Data *data, JsonObject *params, JsonObject *expected)
{
  const size_t size = (size_t) golden_number (params, "batch_size");
  const size_t k = (size_t) golden_number (params, "samples_per_class");
  const size_t n_supers =
    (size_t) golden_number (params, "super_classes_per_batch");
  const size_t times =
    (size_t) golden_number (params, "batches_per_super_tuple");
  g_autofree char *spec =
    g_strdup_printf ("hierarchical:batch=%zu,k=%zu,supers=%zu,batches=%zu",
                     size, k, n_supers, times);
  g_autoptr (DmlSampler) sampler = sampler_for (data, spec, 5);
  g_autofree uint32_t *items = g_new (uint32_t, size);
  g_autofree size_t *of_sets = g_new0 (size_t, 64);

  g_assert_cmpuint (dml_sampler_n_batches (sampler), ==,
                    (size_t) golden_number (expected, "batches_per_epoch"));
  for (size_t b = 0; b < dml_sampler_n_batches (sampler); b++) {
    g_autofree size_t *visits = g_new0 (size_t, data->n_classes);
    size_t in_super[8] = { 0 }, set = 0;

    g_assert_cmpuint (dml_sampler_draw (sampler, 0, b, items), ==, size);
    check_group (data, items, size / k, k, visits);
    for (size_t i = 0; i < size; i++) {
      in_super[data->supers[items[i]]]++;
      set |= (size_t) 1 << data->supers[items[i]];
    }
    for (size_t s = 0; s < 8; s++)
      g_assert_true (in_super[s] == 0 || in_super[s] == size / n_supers);
    of_sets[set]++;
  }
  for (size_t s = 0; s < 64; s++)
    g_assert_true (of_sets[s] == 0 || of_sets[s] == times);
}

static void
check_case (const GoldenCase *golden, void *unused)
{
  g_auto (GStrv) name = g_strsplit (golden->id, "/", 2);
  Data data = { 0 };

  data.labels = golden_ints (golden->inputs, "labels", &data.n);
  for (size_t i = 0; i < data.n; i++)
    data.n_classes = MAX (data.n_classes, (size_t) data.labels[i] + 1);
  if (json_object_has_member (golden->inputs, "super_of_class")) {
    size_t n;
    g_autofree int32_t *supers =
      golden_ints (golden->inputs, "super_of_class", &n);

    data.supers = g_new (int32_t, data.n);
    for (size_t i = 0; i < data.n; i++)
      data.supers[i] = supers[data.labels[i]];
  }
  if (strcmp (name[0], "pxk") == 0)
    check_pxk (&data, golden->params, golden->expected);
  else if (strcmp (name[0], "class_balanced") == 0)
    check_balanced (&data, golden->params, golden->expected);
  else if (strcmp (name[0], "hierarchical") == 0)
    check_hierarchical (&data, golden->params, golden->expected);
  else
    g_error ("%s: no check", golden->id);
  data_clear (&data);
}

static void
test_golden (void)
{
  golden_each ("sampler_batches", check_case, NULL);
}

/* 12 classes of 1 to 12 items under 3 super-classes. */
static Data
stairs (void)
{
  Data data = { .n_classes = 12, .n = 78 };
  size_t i = 0;

  data.labels = g_new (int32_t, data.n);
  data.supers = g_new (int32_t, data.n);
  for (int32_t c = 0; c < 12; c++)
    for (int32_t k = 0; k <= c; k++, i++) {
      data.labels[i] = c;
      data.supers[i] = c % 3;
    }
  return data;
}

static void
test_any_jump_draws_the_same (void)
{
  static const char *const specs[] = {
    "pxk:p=5,k=3", "balanced:batch=16", "uniform:batch=16",
    "hierarchical:batch=12,k=3,supers=2,batches=3"
  };
  Data data = stairs ();

  for (size_t s = 0; s < G_N_ELEMENTS (specs); s++) {
    g_autoptr (DmlSampler) straight = sampler_for (&data, specs[s], 9);
    g_autoptr (DmlSampler) jumping = sampler_for (&data, specs[s], 9);
    g_autoptr (DmlSampler) other = sampler_for (&data, specs[s], 10);
    const size_t n_batches = dml_sampler_n_batches (straight);
    uint32_t a[64], b[64];
    gboolean differs = FALSE;

    for (size_t e = 0; e < 3; e++)
      for (size_t i = 0; i < n_batches; i++) {
        const size_t n = dml_sampler_draw (straight, e, i, a);

        /* there, and back to something before */
        g_assert_cmpuint (dml_sampler_draw (jumping, e, i, b), ==, n);
        g_assert_cmpmem (a, n * sizeof *a, b, n * sizeof *b);
        dml_sampler_draw (jumping, e / 2, i / 2, b);
        dml_sampler_draw (other, e, i, b);
        differs |= memcmp (a, b, n * sizeof *a) != 0;
      }
    g_assert_true (differs);
  }
  data_clear (&data);
}

static void
test_uniform_draws_all_once (void)
{
  Data data = stairs ();
  g_autoptr (DmlSampler) sampler = sampler_for (&data, "uniform:batch=16", 2);
  uint32_t items[16];
  size_t times[78] = { 0 }, n = 0;

  g_assert_cmpuint (dml_sampler_n_batches (sampler), ==, 5);
  for (size_t b = 0; b < 5; b++) {
    const size_t size = dml_sampler_draw (sampler, 7, b, items);

    n += size;
    for (size_t i = 0; i < size; i++)
      times[items[i]]++;
  }
  g_assert_cmpuint (n, ==, 78);
  for (size_t i = 0; i < 78; i++)
    g_assert_cmpuint (times[i], ==, 1);

  /* Another epoch, another order. */
  uint32_t other[16];

  dml_sampler_draw (sampler, 7, 0, items);
  dml_sampler_draw (sampler, 8, 0, other);
  g_assert_cmpint (memcmp (items, other, sizeof items), !=, 0);
  data_clear (&data);
}

static void
test_mistakes_are_told (void)
{
  static const struct {
    const char *spec, *says;
  } wrong[] = {
    { "pxk:p=13", "there are 12" },
    { "pxk:q=1", "q" },
    { "pkx", "pxk" },
    { "pxk:k=0", "k=0" },
    { "hierarchical:batch=10,k=3", "multiple" },
    { "hierarchical:batch=48,k=3,supers=4", "too many" },
  };
  Data data = stairs ();
  const DmlSamplerSetup setup = { data.n, data.labels, data.supers, 0 };

  for (size_t i = 0; i < G_N_ELEMENTS (wrong); i++) {
    g_autoptr (GError) error = NULL;

    g_assert_null (dml_sampler_new (wrong[i].spec, &setup, &error));
    g_assert_error (error, DML_ERROR, DML_ERROR_INVALID);
    g_assert_nonnull (strstr (error->message, wrong[i].says));
  }
  data_clear (&data);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/samplers/golden", test_golden);
  g_test_add_func ("/samplers/any-jump-draws-the-same",
                   test_any_jump_draws_the_same);
  g_test_add_func ("/samplers/uniform-draws-all-once",
                   test_uniform_draws_all_once);
  g_test_add_func ("/samplers/mistakes-are-told", test_mistakes_are_told);
  return g_test_run ();
}
