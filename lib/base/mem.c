/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Aligned blocks that may fail, and the arena. */
#include "base/mem.h"
#include "base/error.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#ifdef DML_FAULT_INJECTION
static size_t fail_at, n_asked; /* atomic; fail_at 0 = never */

static gboolean
mem_should_fail (void)
{
  const size_t n = __atomic_add_fetch (&n_asked, 1, __ATOMIC_RELAXED);

  return n == __atomic_load_n (&fail_at, __ATOMIC_RELAXED);
}

size_t
dml_mem_fail_nth (size_t n)
{
  __atomic_store_n (&fail_at, n, __ATOMIC_RELAXED);
  return __atomic_exchange_n (&n_asked, 0, __ATOMIC_RELAXED);
}
#else
#define mem_should_fail() FALSE

size_t
dml_mem_fail_nth (size_t n)
{
  return 0;
}
#endif

void *
dml_mem_alloc (size_t n, size_t size, GError **error)
{
  size_t bytes;
  void *block = NULL;

  if (!dml_mem_mul (n, size, &bytes) || bytes > SIZE_MAX / 2)
    return dml_fail_null (
      error, LIMIT, "%zu items of %zu bytes do not fit in memory", n, size);
  bytes = bytes ? dml_mem_round (bytes) : DML_MEM_ALIGN;
  if (mem_should_fail () || posix_memalign (&block, DML_MEM_ALIGN, bytes) != 0)
    return dml_fail_null (error, NO_MEMORY, "no memory for %zu bytes", bytes);
  return block;
}

void *
dml_mem_alloc0 (size_t n, size_t size, GError **error)
{
  void *block = dml_mem_alloc (n, size, error);

  if (block != NULL)
    memset (block, 0, n * size);
  return block;
}

void
dml_mem_free (void *block)
{
  free (block);
}

void
dml_mem_advise_huge (void *block, size_t size)
{
#ifdef MADV_HUGEPAGE
  const uintptr_t huge = 2u << 20;
  const uintptr_t first = ((uintptr_t) block + huge - 1) & ~(huge - 1);
  const uintptr_t last = ((uintptr_t) block + size) & ~(huge - 1);

  if (last > first)
    madvise ((void *) first, last - first, MADV_HUGEPAGE);
#endif
}

gboolean
dml_arena_reserve (DmlArena *arena, size_t size, GError **error)
{
  size = dml_mem_round (size);
  arena->used = 0;
  if (size <= arena->size)
    return TRUE;
  dml_arena_clear (arena);
  arena->base = dml_mem_alloc (size, 1, error);
  if (arena->base == NULL)
    return FALSE;
  arena->size = size;
  return TRUE;
}

void *
dml_arena_push (DmlArena *arena, size_t size)
{
  void *block = arena->base + arena->used;

  arena->used += dml_mem_round (size);
  g_assert (arena->used <= arena->size);
  return block;
}

void
dml_arena_reset (DmlArena *arena)
{
  arena->used = 0;
}

void
dml_arena_clear (DmlArena *arena)
{
  dml_mem_free (arena->base);
  *arena = (DmlArena){ 0 };
}
