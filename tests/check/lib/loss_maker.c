/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Losses and batches. */
#include "loss_maker.h"

#include "dml/dml-error.h"

int32_t *
class_labels (size_t n, size_t k)
{
  int32_t *labels = g_new (int32_t, n);

  for (size_t i = 0; i < n; i++)
    labels[i] = (int32_t) (i / k);
  return labels;
}

DmlLoss *
make_loss (const char *spec, size_t d)
{
  const DmlLossSetup setup = {
    .d = d, .n_classes = 64, .d_teacher = 6, .seed = 1
  };
  g_autoptr (GError) error = NULL;
  DmlLoss *loss = dml_loss_new (spec, &setup, &error);

  g_assert_no_error (error);
  return loss;
}

DmlLossStats
run_loss (DmlLoss *loss, const DmlBatch *batch, DmlReal *dx)
{
  g_autoptr (GError) error = NULL;
  DmlLossStats stats;

  dml_loss_run (loss, batch, dx, &stats, &error);
  g_assert_no_error (error);
  return stats;
}

void
expect_error (GError **error, int code, const char *pattern)
{
  g_assert_error (*error, DML_ERROR, code);
  if (!g_pattern_match_simple (pattern, (*error)->message))
    g_error ("\"%s\" is not like \"%s\"", (*error)->message, pattern);
  g_clear_error (error);
}

void
assert_near (double got, double expected, double tolerance)
{
  g_assert_cmpfloat_with_epsilon (got, expected, tolerance);
}
