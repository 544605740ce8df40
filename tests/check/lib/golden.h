/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Reading tests/golden/<file>.json (its README.md has the schema). Anything
 * that is not as the schema says ends the test. */
#pragma once

#include <json-glib/json-glib.h>
#include <stdint.h>

#include "metric/real.h"

typedef struct {
  size_t rows, cols; /* of rank 1: cols is 1 */
  double *data;      /* rows x cols */
} GoldenTensor;

typedef struct {
  const char *id, *data, *semantics;
  JsonObject *params, *inputs, *expected;
} GoldenCase;

typedef void (*GoldenCheck) (const GoldenCase *golden, void *data);

/* Calls @check for every case of @file ("loss_triplet"); fails without one. */
void golden_each (const char *file, GoldenCheck check, void *data);

/* Aborts where @object has no such member. (transfer full) */
GoldenTensor *golden_tensor (JsonObject *object, const char *name);
int32_t *golden_ints (JsonObject *object, const char *name, size_t *n);
double golden_number (JsonObject *object, const char *name);
void golden_tensor_free (GoldenTensor *tensor);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (GoldenTensor, golden_tensor_free)

/* A case's parameter as a setting: name=value. */
void golden_add_setting (GString *spec, const char *name, JsonNode *value);

/* |got - expected| <= atol + rtol |expected|, or the test ends with both. */
void golden_near (const char *id, const char *what, size_t i, double got,
                  double expected, double rtol, double atol);

/* golden_tensor as what the tested code takes. (transfer full) */
static inline DmlReal *
golden_reals (JsonObject *object, const char *name, size_t *rows, size_t *cols)
{
  g_autoptr (GoldenTensor) t = golden_tensor (object, name);
  DmlReal *x = g_new (DmlReal, t->rows * t->cols);

  for (size_t i = 0; i < t->rows * t->cols; i++)
    x[i] = (DmlReal) t->data[i];
  *rows = t->rows;
  *cols = t->cols;
  return x;
}
