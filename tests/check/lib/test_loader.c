/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The loader gives the same batches for any number of threads. */
#include "train/loader.h"
#include "base/rng.h"

#define BATCH 7u
#define N_BATCHES 9u

static size_t
plan (gpointer data, uint64_t number, uint32_t *items)
{
  uint64_t *expected = data; /* plans come in order, each once */

  g_assert_cmpuint (number, ==, (*expected)++);
  if (number >= N_BATCHES)
    return 0;
  for (uint32_t i = 0; i < BATCH - number % 2; i++)
    items[i] = (uint32_t) number * 100 + i;
  return BATCH - number % 2;
}

static void
fill (gpointer data, uint64_t number, size_t place, uint32_t item,
      unsigned worker, float *out)
{
  DmlRng rng;

  g_assert_cmpuint (item, ==, number * 100 + place);
  dml_rng_init (&rng, 5, dml_rng_stream (number, place));
  if (dml_rng_below (&rng, 3) == 0)
    g_usleep (dml_rng_below (&rng, 2000)); /* out of order */
  for (int i = 0; i < 3; i++)
    out[i] = (float) dml_rng_uniform (&rng);
}

static float *
collect (unsigned n_threads, unsigned n_ahead, uint64_t first, size_t *n)
{
  uint64_t expected = first;
  const DmlLoaderOptions options = { n_threads, n_ahead, BATCH,    3,
                                     plan,      fill,    &expected };
  g_autoptr (DmlLoader) loader = dml_loader_new (&options, first, NULL);
  const DmlLoaderBatch *batch;
  GArray *all = g_array_new (FALSE, FALSE, sizeof (float));

  while ((batch = dml_loader_next (loader)) != NULL) {
    g_assert_cmpuint (batch->number, ==, first++);
    g_array_append_vals (all, batch->data, (guint) (3 * batch->n));
  }
  g_assert_null (dml_loader_next (loader));
  *n = all->len;
  return (float *) (void *) g_array_free (all, FALSE);
}

static void
test_same_for_any_threads (void)
{
  size_t n, m;
  g_autofree float *want = collect (0, 1, 0, &n);

  for (unsigned threads = 1; threads < 6; threads++)
    for (unsigned ahead = 1; ahead < 4; ahead++) {
      g_autofree float *got = collect (threads, ahead, 0, &m);

      g_assert_cmpmem (got, m * sizeof (float), want, n * sizeof (float));
    }
}

static void
test_starts_in_the_middle (void)
{
  size_t n, m;
  g_autofree float *whole = collect (2, 2, 0, &n);
  g_autofree float *rest = collect (2, 2, 4, &m);

  g_assert_cmpmem (rest, m * sizeof (float), whole + n - m, m * sizeof (float));
}

static void
test_may_be_left_early (void)
{
  for (unsigned i = 0; i < 20; i++) {
    uint64_t expected = 0;
    const DmlLoaderOptions options = { 3, 2, BATCH, 3, plan, fill, &expected };
    g_autoptr (DmlLoader) loader = dml_loader_new (&options, 0, NULL);

    for (unsigned j = 0; j < i % 4; j++)
      g_assert_nonnull (dml_loader_next (loader));
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/loader/same-for-any-threads", test_same_for_any_threads);
  g_test_add_func ("/loader/starts-in-the-middle", test_starts_in_the_middle);
  g_test_add_func ("/loader/may-be-left-early", test_may_be_left_early);
  return g_test_run ();
}
