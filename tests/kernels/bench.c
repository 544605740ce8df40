/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Timings of dml-check: batches of calls long enough for the clock, the median
 * of them and how far apart their quartiles lie. */
#include "check_private.h"

#include <stdarg.h>
#include <stdlib.h>
#include <time.h>

#define BATCH 100e-6 /* seconds */
#define WARM_UP 3    /* batches that do not count */

/* The thread's own time: on a busy machine it is not always ours to run. */
static double
now (void)
{
  struct timespec t;

  clock_gettime (CLOCK_THREAD_CPUTIME_ID, &t);
  return (double) t.tv_sec + 1e-9 * (double) t.tv_nsec;
}

void
check_print_tabs (DmlCheck *c)
{
  c->tabs = true;
}

bool
check_is_bench (const DmlCheck *c)
{
  return c->pass == PASS_BENCH;
}

void
check_timer_start (CheckTimer *t, DmlCheck *c, double n_bytes,
                   const char *format, ...)
{
  va_list args;

  *t = (CheckTimer){ .check = c, .work = n_bytes, .n_reps = 0 };
  va_start (args, format);
  vsnprintf (t->label, sizeof t->label, format, args);
  va_end (args);
}

static int
by_value (const void *a, const void *b)
{
  const double x = *(const double *) a, y = *(const double *) b;

  return (x > y) - (x < y);
}

/* What plain C took for the same call, remembered when C was timed; 0 if it
 * was not. */
static double
plain_median (CheckTimer *t, double median)
{
  DmlCheck *c = t->check;

  for (size_t i = 0; i < c->n_plain; i++)
    if (strcmp (c->plain[i].kernel, c->kernel->name) == 0 &&
        strcmp (c->plain[i].label, t->label) == 0)
      return c->plain[i].median;
  if (strcmp (c->level, "c") == 0 && c->n_plain < CHECK_N (c->plain)) {
    snprintf (c->plain[c->n_plain].kernel, sizeof c->plain[0].kernel, "%s",
              c->kernel->name);
    snprintf (c->plain[c->n_plain].label, sizeof c->plain[0].label, "%s",
              t->label);
    c->plain[c->n_plain++].median = median;
  }
  return 0;
}

static void
timer_report (CheckTimer *t)
{
  const size_t n = CHECK_N (t->seconds);
  double median, spread, plain;

  qsort (t->seconds, n, sizeof *t->seconds, by_value);
  median = t->seconds[n / 2];
  spread = (t->seconds[n * 3 / 4] - t->seconds[n / 4]) / median;
  plain = plain_median (t, median);
  if (t->check->tabs) {
    printf ("%s\t%s\t%s\t%.1f\t%.1f\n", t->check->kernel->name, t->check->level,
            t->label, 1e9 * t->seconds[0], 1e9 * median);
    fflush (stdout);
    return;
  }
  printf ("  %-20s %-7s %-22s %12.1f ns +-%4.1f %%", t->check->kernel->name,
          t->check->level, t->label, 1e9 * median, 50 * spread);
  if (t->work > 0)
    printf (" %7.1f GB/s", 1e-9 * t->work / median);
  if (plain > 0)
    printf (" %6.2f x c", plain / median);
  printf ("\n");
  fflush (stdout);
}

bool
check_timer_more (CheckTimer *t)
{
  const double end = now ();
  const double taken = end - t->start;

  if (t->n_reps == 0) {
    t->n_reps = 1;
  } else if (t->n_done == 0 && taken < BATCH) { /* still finding the length */
    t->n_reps *= taken < BATCH / 8 ? 4 : 2;
  } else {
    if (t->n_done++ >= WARM_UP)
      t->seconds[t->n_done - 1 - WARM_UP] = taken / t->n_reps;
    if (t->n_done == WARM_UP + CHECK_N (t->seconds)) {
      timer_report (t);
      return false;
    }
  }
  t->start = now ();
  return true;
}
