/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Every allocation of something fails in turn:
 *
 *   for (MemoryFault fault = { .least = 1 }; memory_fault_left (&fault);) {
 *     memory_fault_arm (&fault);
 *     ok = something (&error);
 *     memory_fault_check (&fault, ok, error);
 *   } */
#pragma once

#include "base/mem.h"
#include "dml/dml-error.h"

typedef struct {
  size_t least;   /* allocations that it is known to make */
  size_t n;       /* the one that fails, counted from 1 */
  gboolean whole; /* it was done, as there was none such */
} MemoryFault;

/* FALSE where nothing can be made to fail: the test is skipped. */
static inline gboolean
memory_can_fail (void)
{
  dml_mem_fail_nth (0);
  dml_mem_free (dml_mem_alloc (1, 1, NULL));
  if (dml_mem_fail_nth (0) > 0)
    return TRUE;
  g_test_skip ("built without -Dfault_injection=true");
  return FALSE;
}

static inline gboolean
memory_fault_left (const MemoryFault *fault)
{
  return !fault->whole && (fault->n > 0 || memory_can_fail ());
}

static inline void
memory_fault_arm (MemoryFault *fault)
{
  dml_mem_fail_nth (++fault->n);
}

/* No failure is passed over, and nothing else goes wrong. */
static inline void
memory_fault_check (MemoryFault *fault, gboolean ok, const GError *error)
{
  fault->whole = dml_mem_fail_nth (0) < fault->n;
  g_assert_cmpint (ok, ==, fault->whole);
  if (fault->whole) {
    g_assert_no_error (error);
    g_assert_cmpuint (fault->n, >, fault->least);
  } else
    g_assert_error (error, DML_ERROR, DML_ERROR_NO_MEMORY);
}
