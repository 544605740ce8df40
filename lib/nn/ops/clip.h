/* SPDX-License-Identifier: LGPL-2.1-or-later
 * What a Clip parsed, for the pass that fuses it. */
#pragma once

#include "nn/ops/unary.h"

typedef struct {
  float lo, hi; /* whole after dml_graph_infer */
} DmlClip;
