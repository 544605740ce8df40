/* SPDX-License-Identifier: LGPL-2.1-or-later
 * For qsort. */
#pragma once

/* Doubles, rising; none of them NaN. */
static inline int
dml_rising (const void *a, const void *b)
{
  const double x = *(const double *) a, y = *(const double *) b;

  return (x > y) - (x < y);
}
