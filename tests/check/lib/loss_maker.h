/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Losses and batches for tests. */
#pragma once

#include "metric/loss.h"
#include "reals.h"

/* 0 0 .. 1 1 .. : k rows a class. (transfer full) */
int32_t *class_labels (size_t n, size_t k);

/* A loss of embeddings of d numbers, 64 classes and a teacher's 6 numbers. */
DmlLoss *make_loss (const char *spec, size_t d);

/* Fails where the loss does. */
DmlLossStats run_loss (DmlLoss *loss, const DmlBatch *batch, DmlReal *dx);

/* Fails unless *error is of that code and like that pattern; clears it. */
void expect_error (GError **error, int code, const char *pattern);

void assert_near (double got, double expected, double tolerance);
