/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The memory of former batches that some losses keep. */
#include <math.h>
#include <string.h>

#include "loss_maker.h"

/* Within the batch until the memory is warm; then both terms, added. */
static void
test_memory_warmup (void)
{
  const size_t n = 8, d = 4;
  g_autofree DmlReal *x = random_rows (n, d, 21);
  g_autofree DmlReal *dx = g_new0 (DmlReal, n * d);
  g_autofree int32_t *labels = class_labels (n, 2);
  const int32_t self[] = { 0, 1, 2, 3, 4, 5, 6, 7 };
  const DmlBatch batch = { .n = n, .d = d, .x = x, .labels = labels };
  const DmlBatch against = {
    .n = n,
    .d = d,
    .x = x,
    .labels = labels,
    .n_ref = n,
    .ref = x,
    .ref_labels = labels,
    .ref_self = self,
  };
  g_autoptr (DmlLoss) plain = make_loss ("contrastive", d);
  g_autoptr (DmlLoss) loss =
    make_loss ("contrastive:memory=8,memory_warmup=2,memory_weight=0.5", d);
  const double within = run_loss (plain, &batch, NULL).value;
  const double across = run_loss (plain, &against, dx).value;

  assert_near (run_loss (loss, &batch, NULL).value, within, 1e-7);
  assert_near (run_loss (loss, &batch, NULL).value, within, 1e-7);
  /* The ring holds exactly this batch, nobody meets itself. */
  assert_near (run_loss (loss, &batch, NULL).value, within + 0.5 * across,
               1e-6);
  assert_near (across, within, 1e-6);
  dml_loss_reset_memory (loss);
  assert_near (run_loss (loss, &batch, NULL).value, within, 1e-7);
}

/* Saved and put back into another loss, it goes on to the bit. */
static void
test_memory_resumes (void)
{
  const char *spec = "supcon:memory=20,memory_warmup=1@multi_similarity";
  const size_t n = 8, d = 4;
  g_autofree int32_t *labels = class_labels (n, 2);
  g_autoptr (DmlLoss) whole = make_loss (spec, d);
  g_autoptr (DmlLoss) resumed = make_loss (spec, d);
  size_t n_state, n_other;

  for (uint64_t step = 0; step < 12; step++) {
    g_autofree DmlReal *x = random_rows (n, d, 100 + step);
    g_autofree DmlReal *a = g_new0 (DmlReal, n * d);
    g_autofree DmlReal *b = g_new0 (DmlReal, n * d);
    const DmlBatch batch = { .n = n, .d = d, .x = x, .labels = labels };
    const double value = run_loss (whole, &batch, a).value;

    if (step < 5)
      continue;
    if (step == 5) {
      DmlLossState *from = dml_loss_state (whole, &n_state);
      DmlLossState *to = dml_loss_state (resumed, &n_other);

      g_assert_cmpuint (n_state, ==, n_other);
      for (size_t i = 0; i < n_state; i++) {
        g_assert_cmpstr (from[i].name, ==, to[i].name);
        g_assert_cmpuint (from[i].n_bytes, ==, to[i].n_bytes);
        memcpy (to[i].data, from[i].data, from[i].n_bytes);
      }
      continue;
    }
    g_assert_cmpfloat (run_loss (resumed, &batch, b).value, ==, value);
    g_assert_cmpmem (a, n * d * sizeof *a, b, n * d * sizeof *b);
  }
}

/* A batch larger than the ring leaves its last rows there; the others have no
 * entry that could be mistaken for their own. */
static void
test_memory_overrun (void)
{
  const size_t n = 6, d = 4;
  g_autofree DmlReal *x = random_rows (n, d, 41);
  g_autofree DmlReal *ring = random_rows (4, d, 0);
  g_autofree int32_t *labels = class_labels (n, 2);
  static const int32_t held[] = { 4, 5, 2, 3 }, self[] = { -1, -1, 2, 3, 0, 1 };
  int32_t ring_labels[4];
  const DmlBatch batch = { .n = n, .d = d, .x = x, .labels = labels };
  g_autoptr (DmlLoss) loss = make_loss (
    "contrastive:semantics=pml,reduction=sum,neg_margin=2,memory=4", d);
  g_autoptr (DmlLoss) given =
    make_loss ("contrastive:semantics=pml,reduction=sum,neg_margin=2", d);

  for (size_t i = 0; i < 4; i++) {
    memcpy (ring + i * d, x + (size_t) held[i] * d, d * sizeof *ring);
    ring_labels[i] = labels[held[i]];
  }
  const DmlBatch against = {
    .n = n,
    .d = d,
    .x = x,
    .labels = labels,
    .n_ref = 4,
    .ref = ring,
    .ref_labels = ring_labels,
    .ref_self = self,
  };

  assert_near (run_loss (loss, &batch, NULL).value,
               run_loss (given, &against, NULL).value, 1e-6);
}

/* A picture that comes again tells how far it has moved. */
static void
test_memory_drift (void)
{
  const size_t n = 6, d = 2;
  g_autofree int32_t *labels = class_labels (n, 2);
  DmlReal x[12] = { 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0 };
  int32_t items[6] = { 0, 1, 2, 3, 4, 5 };
  const DmlBatch batch = {
    .n = n, .d = d, .x = x, .labels = labels, .items = items
  };
  g_autoptr (DmlLoss) loss =
    make_loss ("contrastive:memory=4,memory_warmup=0", d);

  g_assert_true (isnan (run_loss (loss, &batch, NULL).drift));
  x[2 * 5] = 0; /* item 5 turns by 90 degrees, 2 to 4 stay, 0 and 1 are gone */
  x[2 * 5 + 1] = 3;
  assert_near (run_loss (loss, &batch, NULL).drift, sqrt (2) / 4, 1e-6);

  /* Held twice, the newest counts. */
  const int32_t same[2] = { 9, 9 };
  const DmlReal turning[4] = { 0, 1, 1, 0 }, now[2] = { -1, 0 };
  const DmlBatch twice = {
    .n = 2, .d = d, .x = turning, .labels = labels, .items = same
  };
  const DmlBatch again = {
    .n = 1, .d = d, .x = now, .labels = labels, .items = same
  };

  run_loss (loss, &twice, NULL);
  assert_near (run_loss (loss, &again, NULL).drift, 2, 1e-6);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/losses/memory/warm-up", test_memory_warmup);
  g_test_add_func ("/losses/memory/goes-on-to-the-bit", test_memory_resumes);
  g_test_add_func ("/losses/memory/overrun", test_memory_overrun);
  g_test_add_func ("/losses/memory/drift", test_memory_drift);
  return g_test_run ();
}
