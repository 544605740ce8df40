/* SPDX-License-Identifier: LGPL-2.1-or-later
 * From level to table. Built without instruction-set flags and without GLib:
 * dml-check runs on bare cross-built binaries too. */
#include "kernels/tables.h"

const DmlKernels *
dml_kernels_at (DmlCpuLevel level)
{
  if (!dml_cpu_has (level))
    return NULL;
  switch (level) {
  case DML_CPU_C:
    return &dml_kernels_c;
#ifdef DML_HAVE_NEON
  case DML_CPU_NEON:
    return &dml_kernels_neon;
#endif
#ifdef DML_HAVE_AVX2
  case DML_CPU_AVX2:
    return &dml_kernels_avx2;
#endif
#ifdef DML_HAVE_AVX512
  case DML_CPU_AVX512:
    return &dml_kernels_avx512;
#endif
  default:
    return NULL;
  }
}

#ifndef DML_HAVE_ORC
bool
dml_kernels_add_orc (DmlKernels *table)
{
  return false;
}
#endif
