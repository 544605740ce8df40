/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Lifetimes to places in one arena.
 *
 *   1. fill an array of items: how large, from which step to which
 *   2. dml_plan gives each an offset and says how large the arena has to be
 *
 * Items whose lifetimes meet never overlap. The largest are placed first, each
 * at the lowest offset that is free for as long as it lives (greedy by size;
 * Pisarchyk and Lee 2020, arXiv:2001.03288, section 4.3). Takes time in the
 * square of the number of items, which for a network is a few hundred. */
#pragma once

#include <glib.h>
#include <stddef.h>

typedef struct {
  size_t size;          /* bytes */
  unsigned first, last; /* steps during which it lives, both included */
  size_t offset;        /* out: a multiple of DML_MEM_ALIGN */
} DmlPlanItem;

/* FALSE where the arena would not fit a size_t; *size is then unset. */
gboolean dml_plan (DmlPlanItem *items, size_t n, size_t *size);
