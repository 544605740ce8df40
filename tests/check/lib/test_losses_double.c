/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The losses in double. */
#define DML_REAL_DOUBLE
#include "test_losses.c"
