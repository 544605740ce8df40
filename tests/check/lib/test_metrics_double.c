/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The measures in double. */
#define DML_REAL_DOUBLE
#include "test_metrics.c"
