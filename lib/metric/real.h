/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The number type of lib/metric. The library is built with float; the tests
 * build the same sources a second time with double (DML_REAL_DOUBLE), so that
 * formulas are checked to rounding and not to a float's patience. */
#pragma once

#ifdef DML_REAL_DOUBLE
typedef double DmlReal;
#else
typedef float DmlReal;
#endif
