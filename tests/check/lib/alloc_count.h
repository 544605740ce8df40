/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Counts every allocation of a test program, those of OpenBLAS and GLib too:
 * glibc's own functions, replaced. Include it in one file of a program; where
 * it cannot work CAN_COUNT is 0. */
#pragma once

#include <malloc.h>
#include <stdlib.h>

#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__) &&                    \
  !defined(__SANITIZE_THREAD__)
#define CAN_COUNT 1
extern void *__libc_malloc (size_t size);
extern void *__libc_calloc (size_t n, size_t size);
extern void *__libc_realloc (void *block, size_t size);
extern void *__libc_memalign (size_t align, size_t size);
static unsigned n_allocations; /* atomic */

static void
counted (void)
{
  __atomic_fetch_add (&n_allocations, 1, __ATOMIC_RELAXED);
}

void *
malloc (size_t size)
{
  counted ();
  return __libc_malloc (size);
}

void *
calloc (size_t n, size_t size)
{
  counted ();
  return __libc_calloc (n, size);
}

void *
realloc (void *block, size_t size)
{
  counted ();
  return __libc_realloc (block, size);
}

int
posix_memalign (void **block, size_t align, size_t size)
{
  counted ();
  *block = __libc_memalign (align, size);
  return *block ? 0 : 12;
}
#else
#define CAN_COUNT 0
static unsigned n_allocations;
#endif
