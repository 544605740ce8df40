/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The miners in double. */
#define DML_REAL_DOUBLE
#include "test_miners.c"
