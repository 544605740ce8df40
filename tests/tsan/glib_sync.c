/* SPDX-License-Identifier: LGPL-2.1-or-later
 * GLib's locks over again on POSIX ones, preloaded for ThreadSanitizer: GLib
 * calls futex directly, which it does not see, and every datum behind a GMutex
 * would be a race. Reference counts are told to it as well: what one thread
 * wrote before it let go, the thread that frees may read. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <glib-object.h>
#include <gst/gst.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

void __tsan_acquire (void *address);
void __tsan_release (void *address);

/* ---- locks: the first pointer of each holds the POSIX one, made at first use
 */

typedef enum { PLAIN, RECURSIVE } Kind;

static pthread_mutex_t *
mutex_of (gpointer *place, Kind kind)
{
  pthread_mutex_t *m = __atomic_load_n (place, __ATOMIC_ACQUIRE);
  gpointer none = NULL;

  if (m == NULL) {
    pthread_mutexattr_t attr;

    m = malloc (sizeof *m);
    pthread_mutexattr_init (&attr);
    if (kind == RECURSIVE)
      pthread_mutexattr_settype (&attr, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init (m, &attr);
    pthread_mutexattr_destroy (&attr);
    if (!__atomic_compare_exchange_n (place, &none, m, FALSE, __ATOMIC_ACQ_REL,
                                      __ATOMIC_ACQUIRE)) {
      pthread_mutex_destroy (m);
      free (m);
      m = none;
    }
  }
  return m;
}

static void
mutex_free (gpointer *place)
{
  if (*place != NULL) {
    pthread_mutex_destroy (*place);
    free (*place);
    *place = NULL;
  }
}

void
g_mutex_init (GMutex *mutex)
{
  mutex->p = NULL;
}

void
g_mutex_clear (GMutex *mutex)
{
  mutex_free (&mutex->p);
}

void
g_mutex_lock (GMutex *mutex)
{
  pthread_mutex_lock (mutex_of (&mutex->p, PLAIN));
}

void
g_mutex_unlock (GMutex *mutex)
{
  pthread_mutex_unlock (mutex_of (&mutex->p, PLAIN));
}

gboolean
g_mutex_trylock (GMutex *mutex)
{
  return pthread_mutex_trylock (mutex_of (&mutex->p, PLAIN)) == 0;
}

void
g_rec_mutex_init (GRecMutex *mutex)
{
  mutex->p = NULL;
}

void
g_rec_mutex_clear (GRecMutex *mutex)
{
  mutex_free (&mutex->p);
}

void
g_rec_mutex_lock (GRecMutex *mutex)
{
  pthread_mutex_lock (mutex_of (&mutex->p, RECURSIVE));
}

void
g_rec_mutex_unlock (GRecMutex *mutex)
{
  pthread_mutex_unlock (mutex_of (&mutex->p, RECURSIVE));
}

gboolean
g_rec_mutex_trylock (GRecMutex *mutex)
{
  return pthread_mutex_trylock (mutex_of (&mutex->p, RECURSIVE)) == 0;
}

static pthread_cond_t *
cond_of (GCond *cond)
{
  pthread_cond_t *c = __atomic_load_n (&cond->p, __ATOMIC_ACQUIRE);
  gpointer none = NULL;

  if (c == NULL) {
    pthread_condattr_t attr;

    c = malloc (sizeof *c);
    pthread_condattr_init (&attr);
    pthread_condattr_setclock (&attr, CLOCK_MONOTONIC);
    pthread_cond_init (c, &attr);
    pthread_condattr_destroy (&attr);
    if (!__atomic_compare_exchange_n (&cond->p, &none, c, FALSE,
                                      __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
      pthread_cond_destroy (c);
      free (c);
      c = none;
    }
  }
  return c;
}

void
g_cond_init (GCond *cond)
{
  cond->p = NULL;
}

void
g_cond_clear (GCond *cond)
{
  if (cond->p != NULL) {
    pthread_cond_destroy (cond->p);
    free (cond->p);
    cond->p = NULL;
  }
}

void
g_cond_wait (GCond *cond, GMutex *mutex)
{
  pthread_cond_wait (cond_of (cond), mutex_of (&mutex->p, PLAIN));
}

gboolean
g_cond_wait_until (GCond *cond, GMutex *mutex, gint64 end_time)
{
  const struct timespec end = { end_time / G_USEC_PER_SEC,
                                end_time % G_USEC_PER_SEC * 1000 };

  return pthread_cond_timedwait (cond_of (cond), mutex_of (&mutex->p, PLAIN),
                                 &end) != ETIMEDOUT;
}

void
g_cond_signal (GCond *cond)
{
  pthread_cond_signal (cond_of (cond));
}

void
g_cond_broadcast (GCond *cond)
{
  pthread_cond_broadcast (cond_of (cond));
}

/* ---- what GLib and GStreamer go on doing, with the order of it told --------
 */

static struct {
  gboolean (*once_enter) (volatile void *);
  void (*once_leave) (volatile void *, gsize);
  void (*object_unref) (gpointer);
  void (*gst_unref) (gpointer);
  void (*mini_unref) (GstMiniObject *);
} real;

__attribute__ ((constructor)) static void
find_real (void)
{
  *(void **) &real.once_enter = dlsym (RTLD_NEXT, "g_once_init_enter");
  *(void **) &real.once_leave = dlsym (RTLD_NEXT, "g_once_init_leave");
  *(void **) &real.object_unref = dlsym (RTLD_NEXT, "g_object_unref");
  *(void **) &real.gst_unref = dlsym (RTLD_NEXT, "gst_object_unref");
  *(void **) &real.mini_unref = dlsym (RTLD_NEXT, "gst_mini_object_unref");
}

gboolean (g_once_init_enter) (volatile void *location)
{
  if (real.once_enter == NULL) /* another library's constructor */
    find_real ();
  if (real.once_enter (location))
    return TRUE;
  __tsan_acquire ((void *) location);
  return FALSE;
}

void (g_once_init_leave) (volatile void *location, gsize result)
{
  __tsan_release ((void *) location);
  real.once_leave (location, result);
}

static void
tell_unref (void *object)
{
  if (object != NULL) {
    __tsan_release (object);
    __tsan_acquire (object);
  }
}

void (g_object_unref) (gpointer object)
{
  tell_unref (object);
  real.object_unref (object);
}

void
gst_object_unref (gpointer object)
{
  tell_unref (object);
  real.gst_unref (object);
}

void
gst_mini_object_unref (GstMiniObject *object)
{
  tell_unref (object);
  real.mini_unref (object);
}

void (g_atomic_ref_count_inc) (gatomicrefcount *count)
{
  __atomic_fetch_add (count, 1, __ATOMIC_SEQ_CST);
}

gboolean (g_atomic_ref_count_dec) (gatomicrefcount *count)
{
  return __atomic_fetch_sub (count, 1, __ATOMIC_SEQ_CST) == 1;
}
