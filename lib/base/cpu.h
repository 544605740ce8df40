/* SPDX-License-Identifier: LGPL-2.1-or-later
 * What CPU and operating system offer together, capped by DML_CPU. */
#pragma once

#include <stdbool.h>

/* In rising order within an architecture. */
typedef enum {
  DML_CPU_C,
  DML_CPU_NEON,
  DML_CPU_AVX2,   /* with FMA and F16C */
  DML_CPU_AVX512, /* F, BW, DQ, VL */
  DML_CPU_N_LEVELS,
} DmlCpuLevel;

/* "c", "neon", "avx2", "avx512" */
const char *dml_cpu_level_name (DmlCpuLevel level);

/* The level of such a name; false and untouched where there is none. */
bool dml_cpu_level_from_name (const char *name, DmlCpuLevel *level);

/* Whether this machine can run that level at all. */
bool dml_cpu_has (DmlCpuLevel level);

/* The highest level to use: what the machine has, at most what DML_CPU names.
 * Looked up once; a name that is not a level is warned about and ignored. */
DmlCpuLevel dml_cpu_level (void);

/* Whether DML_CPU names a level. */
bool dml_cpu_is_capped (void);
