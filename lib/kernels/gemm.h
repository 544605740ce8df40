/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The tile of gemm_tmpl.c at the level that includes this. */
#pragma once

#define GEMM_MR (VW == 1 || VW == 8 ? 4 : 8) /* 16 registers, or 32 */
#define GEMM_NR (3 * VW)
