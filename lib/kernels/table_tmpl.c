/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The table of one level. A kernel that the list names and no template defines
 * is a link error. */
#include "kernels/gemm.h"
#include "kernels/kernels.h"
#include "kernels/tables.h"
#include "kernels/vec.h"
#include "kernels/kernels.def"

#undef DML_KERNEL
#define DML_KERNEL(name, rule) .name = DML_K (name),

const DmlKernels VEC_CAT (dml_kernels, DML_ISA) = {
#include "kernels/kernels.def"
  .gemm_mr = GEMM_MR,
  .gemm_nr = GEMM_NR,
};
