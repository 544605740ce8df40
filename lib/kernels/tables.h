/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The tables that were built: DML_HAVE_<ISA> come from meson. */
#pragma once

#include "kernels/kernels.h"

extern const DmlKernels dml_kernels_c;
extern const DmlKernels dml_kernels_avx2;
extern const DmlKernels dml_kernels_avx512;
extern const DmlKernels dml_kernels_neon;
