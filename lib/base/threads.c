/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The pool: workers sleep on a condition, a job is a counter that all raise.
 * POSIX locks, for ThreadSanitizer sees them and not GLib's. */
#include "base/threads.h"

#include <glib.h>
#include <pthread.h>
#include <stdlib.h>

#define THREADS_LIMIT 256

typedef struct {
  DmlTask task;
  void *data;
  size_t n;
  size_t next;        /* atomic: the piece to be taken */
  unsigned n_workers; /* how many of the pool may join, without the caller */
} Job;

static struct {
  pthread_mutex_t lock; /* guards all below but the job's counter */
  pthread_cond_t wake;  /* a job is there */
  pthread_cond_t done;  /* a worker has left it */
  Job *job;             /* NULL while idle */
  guint64 serial;       /* raised with every job */
  unsigned n_in;        /* workers inside the job */
} pool = {
  .lock = PTHREAD_MUTEX_INITIALIZER,
  .wake = PTHREAD_COND_INITIALIZER,
  .done = PTHREAD_COND_INITIALIZER,
};

/* Held by the thread whose job it is. */
static pthread_mutex_t pool_user = PTHREAD_MUTEX_INITIALIZER;
static unsigned wanted; /* dml_threads_set_max, 0 = not said */
static GPrivate inside = G_PRIVATE_INIT (NULL); /* non-NULL within a task */

static void
job_work (Job *job, unsigned worker)
{
  size_t i;

  g_private_set (&inside, job);
  while ((i = __atomic_fetch_add (&job->next, 1, __ATOMIC_RELAXED)) < job->n)
    job->task (job->data, i, worker);
  g_private_set (&inside, NULL);
}

static gpointer
pool_worker (gpointer number)
{
  const unsigned worker = GPOINTER_TO_UINT (number);
  guint64 seen = 0;

  pthread_mutex_lock (&pool.lock);
  for (;;) {
    Job *job;

    while (pool.job == NULL || pool.serial == seen)
      pthread_cond_wait (&pool.wake, &pool.lock);
    seen = pool.serial;
    job = pool.job;
    if (worker > job->n_workers)
      continue;
    pool.n_in++;
    pthread_mutex_unlock (&pool.lock);
    job_work (job, worker);
    pthread_mutex_lock (&pool.lock);
    if (--pool.n_in == 0)
      pthread_cond_signal (&pool.done);
  }
  return NULL;
}

unsigned
dml_threads_max (void)
{
  static gsize once; /* the size */

  if (g_once_init_enter (&once)) {
    const char *env = g_getenv ("DML_THREADS");
    unsigned n = wanted;

    if (n == 0 && env != NULL)
      n = (unsigned) MIN (strtoul (env, NULL, 10), THREADS_LIMIT);
    if (n == 0)
      n = g_get_num_processors ();
    n = CLAMP (n, 1, THREADS_LIMIT);
    for (unsigned i = 1; i < n; i++) /* they live as long as the process */
      g_thread_unref (
        g_thread_new ("dml-pool", pool_worker, GUINT_TO_POINTER (i)));
    g_once_init_leave (&once, n);
  }
  return (unsigned) once;
}

void
dml_threads_set_max (unsigned n_threads)
{
  wanted = MIN (n_threads, THREADS_LIMIT);
}

void
dml_parallel_for (size_t n, unsigned n_threads, DmlTask task, void *data)
{
  const unsigned max = dml_threads_max ();
  Job job = { .task = task, .data = data, .n = n };

  if (n_threads == 0 || n_threads > max)
    n_threads = max;
  if (n_threads > n)
    n_threads = (unsigned) n;
  if (n_threads <= 1 || g_private_get (&inside) != NULL ||
      pthread_mutex_trylock (&pool_user) != 0) {
    gpointer outer = g_private_get (&inside);

    g_private_set (&inside, &job); /* what it calls is inside a task too */
    for (size_t i = 0; i < n; i++)
      task (data, i, 0);
    g_private_set (&inside, outer);
    return;
  }
  job.n_workers = n_threads - 1;
  pthread_mutex_lock (&pool.lock);
  pool.job = &job;
  pool.serial++;
  pthread_cond_broadcast (&pool.wake);
  pthread_mutex_unlock (&pool.lock);

  job_work (&job, 0);

  pthread_mutex_lock (&pool.lock);
  pool.job = NULL; /* nobody joins any more; wait for those inside */
  while (pool.n_in > 0)
    pthread_cond_wait (&pool.done, &pool.lock);
  pthread_mutex_unlock (&pool.lock);
  pthread_mutex_unlock (&pool_user);
}
