/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The one pool of the process. Work is split over outputs, never inside a sum,
 * and into the same pieces whatever the number of threads, so that results do
 * not depend on it. */
#pragma once

#include <stddef.h>

/* Piece i of the work, run by worker number `worker` (0 = the caller; below
 * dml_threads_max ()), which may index scratch memory. */
typedef void (*DmlTask) (void *data, size_t i, unsigned worker);

/* Runs task for i = 0 .. n - 1 on at most n_threads threads (0 = all), the
 * caller's among them, and returns when all are done. Pieces are handed out one
 * by one in rising order. Called from inside a task, or while another thread
 * holds the pool, it runs everything in the calling thread as worker 0 of its
 * own. Locked. */
void dml_parallel_for (size_t n, unsigned n_threads, DmlTask task, void *data);

/* Size of the pool with the caller: DML_THREADS or the number of processors,
 * at least 1. Fixed at the first use of the pool. */
unsigned dml_threads_max (void);

/* Before the pool's first use only: what DML_THREADS would say. */
void dml_threads_set_max (unsigned n_threads);
