/* SPDX-License-Identifier: LGPL-2.1-or-later
 * What a Conv parsed, for the passes. */
#pragma once

#include "nn/ops/window.h"

typedef struct {
  DmlWindow window;
  int64_t group;
  DmlWindow placed; /* for the shapes at hand: pads and kernel resolved */
} DmlConv;
