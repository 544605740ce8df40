/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Mean distances of unit rows among themselves. */
#pragma once

#include <stdint.h>

#include "metric/real.h"

/* Over pairs of the same label and of different ones; NaN where there is no
 * such pair. O(N^2 D): for a batch, not for a data set. */
void dml_mean_distances (const DmlReal *u, const int32_t *labels, size_t n,
                         size_t d, double *same, double *other);
