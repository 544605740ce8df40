/* SPDX-License-Identifier: LGPL-2.1-or-later
 * What a Gemm parsed, for the passes. */
#pragma once

#include "nn/op.h"

typedef struct {
  gboolean trans_a, trans_b;
  float alpha, beta;
} DmlGemm;
