/* SPDX-License-Identifier: LGPL-2.1-or-later
 * dml-check: buffers between guard zones, comparisons by rule, timings. Knows
 * neither GLib nor libdml's upper floors, so that it also runs cross-built.
 *
 * A check looks at one kernel of one level. It is called once a pass; a pass
 * decides what lies around the buffers. In it, a case takes buffers, calls the
 * kernel, compares, and ends with check_end (). */
#pragma once

#include "kernels/kernels.h"

#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define CHECK_N(a) (sizeof (a) / sizeof *(a))

typedef struct DmlCheck DmlCheck;

typedef enum { CHECK_EXACT, CHECK_ULP, CHECK_SUM } CheckRule;

/* A row of kernels.def, as the checks see it. */
typedef struct {
  const char *name;
  CheckRule rule;
  unsigned ulps;
  size_t offset; /* of the pointer in DmlKernels */
  void (*check) (DmlCheck *c, const DmlKernels *ref, const DmlKernels *kern);
} CheckKernel;

/* A check a row, or the program does not link. */
#define DML_KERNEL(name, rule)                                                 \
  void check_##name (DmlCheck *c, const DmlKernels *ref,                       \
                     const DmlKernels *kern);
#include "kernels/kernels.def"

/* --- buffers --- */

typedef enum {
  CHECK_IN,  /* must not change */
  CHECK_OUT, /* filled with the pattern; between the rows it must stay */
  CHECK_IO,  /* read and written */
} CheckUse;

/* What fills a buffer of floats. */
typedef enum {
  CHECK_PLAIN,   /* normal, mean 0, variance 1 */
  CHECK_SPECIAL, /* one in three a NaN, infinity, zero, denormal or bound */
  CHECK_TINY,    /* denormals */
  CHECK_WIDE,    /* any finite float, all exponents alike */
} CheckFill;

/* n_rows rows of width bytes, stride bytes apart; the first one begins shift
 * bytes into a cache line, or the last one ends at an inaccessible page where
 * the pass wants that. Valid until check_end (). */
void *check_rows (DmlCheck *c, CheckUse use, size_t n_rows, size_t width,
                  size_t stride, size_t shift);

const float *check_in_f32 (DmlCheck *c, CheckFill fill, size_t n, size_t shift);
float *check_io_f32 (DmlCheck *c, CheckFill fill, size_t n, size_t shift);
float *check_out_f32 (DmlCheck *c, size_t n, size_t shift);
/* Sets floats of a CHECK_IN or CHECK_IO buffer; before the kernel is called. */
void check_fill_f32 (DmlCheck *c, CheckFill fill, float *x, size_t n);
void check_fill_bytes (DmlCheck *c, void *p, size_t n);
/* The inputs are what they should be now: remember that. */
void check_seal (DmlCheck *c);

/* A copy of n floats that lives until check_end (). */
float *check_copy_f32 (DmlCheck *c, const float *x, size_t n);

/* Looks at guard zones and inputs and lets the buffers go. */
void check_end (DmlCheck *c);

/* Shifts to try in this pass: every 4 (or step) bytes within a cache line, or
 * one where the page decides. */
#define CHECK_SHIFTS(c, shift, step)                                           \
  for (size_t shift = 0; shift < check_shift_limit (c); shift += (step))
size_t check_shift_limit (const DmlCheck *c);

/* --- random numbers, from the seed, the kernel and the pass --- */

uint32_t check_random (DmlCheck *c);
size_t check_random_below (DmlCheck *c, size_t n);
float check_normal (DmlCheck *c);

/* --- comparisons; the rest of the arguments says which case it is --- */

#define CHECK_FORMAT(f, a) __attribute__ ((format (printf, f, a)))

/* Bit for bit, except that any NaN equals any NaN. */
void check_same_f32 (DmlCheck *c, const float *got, const float *want, size_t n,
                     const char *format, ...) CHECK_FORMAT (5, 6);
void check_same_bytes (DmlCheck *c, const void *got, const void *want,
                       size_t n_bytes, const char *format, ...)
  CHECK_FORMAT (5, 6);
/* At most the row's ulps from a value in double. */
void check_ulp (DmlCheck *c, float got, double exact, const char *format, ...)
  CHECK_FORMAT (4, 5);
/* Within bound of exact; where exact is no finite number, the same. */
void check_near (DmlCheck *c, double got, double exact, double bound,
                 const char *format, ...) CHECK_FORMAT (5, 6);
void check_fail (DmlCheck *c, const char *format, ...) CHECK_FORMAT (2, 3);

/* n u / (1 - n u), u = 2^-24: the growth of rounding over n operations (Higham
 * 2002, "Accuracy and Stability of Numerical Algorithms", section 3.1). */
double check_gamma (size_t n);
/* The same for sums that are kept in double. */
double check_gamma_double (size_t n);

/* Terms of sums. */
static inline double
check_term_dot (double a, double b)
{
  return a * b;
}

static inline double
check_term_sqdist (double a, double b)
{
  return (a - b) * (a - b);
}

/* --- element by element: a scalar expression and the call that must match it
 * --- */

typedef struct {
  void (*run) (const DmlKernels *k, float *y, const float *a, const float *b,
               const float *p, size_t n);
  float (*naive) (float y, float a, float b, const float *p);
  unsigned n_in; /* arrays read beside y: a, b */
  bool adds;     /* y is read as well */
  bool in_place; /* y may be a or b */
  const float (*params)[4];
  size_t n_params;
} CheckMap;

void check_map (DmlCheck *c, const DmlKernels *ref, const DmlKernels *kern,
                const CheckMap *map);

/* --- timing --- */

typedef struct {
  DmlCheck *check;
  char label[48];
  double work; /* bytes moved, 0 where that says nothing */
  unsigned n_reps, n_done;
  double start, seconds[31];
} CheckTimer;

/* True in the pass that times; buffers are then plain and aligned. */
bool check_is_bench (const DmlCheck *c);

void check_timer_start (CheckTimer *t, DmlCheck *c, double n_bytes,
                        const char *format, ...) CHECK_FORMAT (4, 5);
bool check_timer_more (CheckTimer *t);

/* check_bench (c, n_bytes, ("n=%d", n), call) times a call, prints the median
 * and the spread, and how that compares with plain C. */
#define CHECK_UNPACK(...) __VA_ARGS__
#define check_bench(c, n_bytes, label, ...)                                    \
  do {                                                                         \
    CheckTimer timer_;                                                         \
    check_timer_start (&timer_, c, n_bytes, CHECK_UNPACK label);               \
    while (check_timer_more (&timer_))                                         \
      for (unsigned rep_ = 0; rep_ < timer_.n_reps; rep_++)                    \
        __VA_ARGS__;                                                           \
  } while (0)

/* --- for main.c --- */

typedef enum {
  PASS_PATTERN_A,
  PASS_PATTERN_B,
  PASS_FLUSH_END,   /* buffers end where an inaccessible page begins */
  PASS_FLUSH_START, /* buffers begin where one ends */
  N_CHECK_PASSES,
  PASS_BENCH = N_CHECK_PASSES,
} CheckPass;

DmlCheck *check_new (uint64_t seed);
void check_print_tabs (DmlCheck *c); /* timings as a program reads them */
void check_free (DmlCheck *c);
/* Runs one kernel at one level through all passes, and the bench if wanted;
 * false when something was wrong. */
bool check_kernel (DmlCheck *c, const CheckKernel *kernel, const char *level,
                   const DmlKernels *ref, const DmlKernels *kern, bool bench);
