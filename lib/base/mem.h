/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Memory whose size comes from a file or a caller: checked products, aligned
 * blocks that may fail, an arena. Small fixed allocations use g_new. */
#pragma once

#include <glib.h>
#include <stddef.h>
#include <stdint.h>

#define DML_MEM_ALIGN 64 /* a cache line, and the widest vector */

/* Rounds up to DML_MEM_ALIGN; the caller has checked that it cannot wrap. */
static inline size_t
dml_mem_round (size_t size)
{
  return (size + DML_MEM_ALIGN - 1) & ~(size_t) (DML_MEM_ALIGN - 1);
}

/* *product = a * b, or FALSE where that does not fit. */
static inline gboolean
dml_mem_mul (size_t a, size_t b, size_t *product)
{
  return !__builtin_mul_overflow (a, b, product);
}

/* n * size bytes, aligned, not cleared; NULL and NO_MEMORY or LIMIT (product
 * does not fit) otherwise. n == 0 gives a block that may only be freed. */
void *dml_mem_alloc (size_t n, size_t size, GError **error);
void *dml_mem_alloc0 (size_t n, size_t size, GError **error);
void dml_mem_free (void *block); /* NULL is fine */

#define dml_mem_new(Type, n, error)                                            \
  ((Type *) dml_mem_alloc ((n), sizeof (Type), (error)))
#define dml_mem_new0(Type, n, error)                                           \
  ((Type *) dml_mem_alloc0 ((n), sizeof (Type), (error)))

/* Asks for huge pages behind a large block that is read often; a hint. */
void dml_mem_advise_huge (void *block, size_t size);

/* A block handed out front to back and taken back at once. Not thread-safe.
 * Sizes are summed before the one allocation, so pushing cannot fail:
 *   dml_arena_reserve (&a, bytes, &error); p = dml_arena_push (&a, bytes); */
typedef struct {
  uint8_t *base;
  size_t size, used; /* used <= size, both multiples of DML_MEM_ALIGN */
} DmlArena;

gboolean dml_arena_reserve (DmlArena *arena, size_t size, GError **error);
void *dml_arena_push (DmlArena *arena, size_t size); /* aligned */
void dml_arena_reset (DmlArena *arena);
void dml_arena_clear (DmlArena *arena);

/* Fault injection (option fault_injection; otherwise nothing ever fails on
 * purpose): the n-th dml_mem allocation from now on fails, counted from 1;
 * 0 switches it off. Returns how many were asked for since the last call. */
size_t dml_mem_fail_nth (size_t n);

typedef void DmlMem;
G_DEFINE_AUTOPTR_CLEANUP_FUNC (DmlMem, dml_mem_free)
