/* SPDX-License-Identifier: LGPL-2.1-or-later
 * What a BatchNormalization parsed, for the passes. */
#pragma once

#include "nn/op.h"

typedef struct {
  float epsilon, momentum;
} DmlBatchNorm;
