/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Retrieval in double. */
#define DML_REAL_DOUBLE
#include "test_retrieval.c"
