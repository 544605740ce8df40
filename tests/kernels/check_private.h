/* SPDX-License-Identifier: LGPL-2.1-or-later
 * What check.c, buffer.c and bench.c share. */
#pragma once

#include "check.h"

#include <setjmp.h>

#define SLOT_SIZE (512u << 10)
#define GUARD 256 /* bytes of pattern on either side */

typedef struct {
  uint8_t *memory; /* SLOT_SIZE bytes between inaccessible pages */
  uint8_t *copy;   /* of low .. high as it was before the call */
  CheckUse use;
  uint8_t *data, *low, *high; /* buffer; what is watched */
  size_t n_rows, width, stride;
} CheckSlot;

struct DmlCheck {
  uint64_t seed;
  const CheckKernel *kernel;
  const char *level;
  CheckPass pass;
  uint64_t random; /* state of the generator */
  CheckSlot slots[16];
  unsigned n_slots;
  float scratch[64 << 10];
  size_t scratch_used;
  unsigned n_failed; /* of this kernel at this level */
  unsigned long long n_compared;
  sigjmp_buf fault; /* where a SIGSEGV, SIGBUS or SIGILL goes on */
  struct {
    char kernel[32], label[48];
    double median;
  } plain[256]; /* what C took, for the bench */
  size_t n_plain;
  bool tabs; /* timings for another program to read */
};

void check_slots_init (DmlCheck *c);
void check_slots_free (DmlCheck *c);
