/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The planner: nothing alive overlaps, and little is wasted. */
#include "base/mem.h"
#include "base/rng.h"
#include "nn/planner.h"

static void
check_plan (const DmlPlanItem *items, size_t n, size_t size)
{
  for (size_t i = 0; i < n; i++) {
    g_assert_cmpuint (items[i].offset % DML_MEM_ALIGN, ==, 0);
    g_assert_cmpuint (items[i].offset + items[i].size, <=, size);
    for (size_t k = 0; k < i; k++) {
      const DmlPlanItem *a = &items[i], *b = &items[k];

      g_assert_true (a->first > b->last || b->first > a->last ||
                     a->offset + a->size <= b->offset ||
                     b->offset + b->size <= a->offset);
    }
  }
}

/* The most that lives at any one step: no plan can be smaller. */
static size_t
least (const DmlPlanItem *items, size_t n, unsigned steps)
{
  size_t most = 0;

  for (unsigned s = 0; s < steps; s++) {
    size_t alive = 0;

    for (size_t i = 0; i < n; i++)
      if (items[i].first <= s && s <= items[i].last)
        alive += items[i].size;
    most = MAX (most, alive);
  }
  return most;
}

static void
test_random_lives_never_overlap (void)
{
  enum { STEPS = 40 };
  DmlPlanItem items[60];
  double waste = 0;
  DmlRng rng;

  dml_rng_init (&rng, 6, 0);
  for (unsigned round = 0; round < 300; round++) {
    const size_t n = dml_rng_below (&rng, G_N_ELEMENTS (items) + 1);
    size_t size;

    for (size_t i = 0; i < n; i++) {
      const unsigned a = dml_rng_below (&rng, STEPS);
      const unsigned span = dml_rng_below (&rng, round % 2 ? 4 : STEPS);

      items[i] = (DmlPlanItem){ .size = dml_rng_below (&rng, 5000),
                                .first = a,
                                .last = MIN (a + span, STEPS - 1) };
    }
    g_assert_true (dml_plan (items, n, &size));
    check_plan (items, n, size);
    if (size > 0)
      waste += (double) size / (double) least (items, n, STEPS) - 1;
  }
  g_assert_cmpfloat (waste / 300, <, 0.15);
}

/* A chain of equal values needs two places. */
static void
test_chain_needs_two_places (void)
{
  DmlPlanItem items[20];
  size_t size;

  for (unsigned i = 0; i < 20; i++)
    items[i] = (DmlPlanItem){ .size = 640, .first = i, .last = i + 1 };
  g_assert_true (dml_plan (items, 20, &size));
  g_assert_cmpuint (size, ==, 2 * 640);
}

static void
test_nothing_needs_nothing (void)
{
  DmlPlanItem item = { .size = 0, .first = 0, .last = 9 };
  size_t size = 1;

  g_assert_true (dml_plan (NULL, 0, &size));
  g_assert_cmpuint (size, ==, 0);
  g_assert_true (dml_plan (&item, 1, &size));
  g_assert_cmpuint (size, ==, 0);
}

static void
test_sizes_that_wrap_are_refused (void)
{
  DmlPlanItem items[3];
  size_t size;

  for (unsigned i = 0; i < 3; i++)
    items[i] = (DmlPlanItem){ .size = SIZE_MAX / 2 - 100 };
  g_assert_false (dml_plan (items, 3, &size));
  items[0].size = SIZE_MAX;
  g_assert_false (dml_plan (items, 1, &size));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/planner/random-lives-never-overlap",
                   test_random_lives_never_overlap);
  g_test_add_func ("/planner/chain-needs-two-places",
                   test_chain_needs_two_places);
  g_test_add_func ("/planner/nothing-needs-nothing",
                   test_nothing_needs_nothing);
  g_test_add_func ("/planner/sizes-that-wrap-are-refused",
                   test_sizes_that_wrap_are_refused);
  return g_test_run ();
}
