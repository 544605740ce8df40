/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The progress bar and Ctrl-C. */
#include "cli.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define REDRAW_US 100000 /* ten times a second is enough for an eye */

struct _CliProgress {
  char *what;
  gsize total; /* 0 = not known */
  gint64 start, drawn;
  gboolean visible; /* stderr is a terminal */
};

CliProgress *
cli_progress_new (const char *what, gsize total)
{
  CliProgress *progress = g_new0 (CliProgress, 1);

  progress->what = g_strdup (what);
  progress->total = total;
  progress->start = g_get_monotonic_time ();
  progress->visible = isatty (STDERR_FILENO);
  return progress;
}

static int
terminal_columns (void)
{
  struct winsize size;

  if (ioctl (STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 20)
    return size.ws_col;
  return 80;
}

/* "1:05" or "2:03:07" */
static char *
duration (double seconds)
{
  const guint s = (guint) MAX (seconds, 0);

  if (s >= 3600)
    return g_strdup_printf ("%u:%02u:%02u", s / 3600, s / 60 % 60, s % 60);
  return g_strdup_printf ("%u:%02u", s / 60, s % 60);
}

void
cli_progress_set (CliProgress *progress, gsize done, const char *note)
{
  const gint64 now = g_get_monotonic_time ();
  const double spent = (double) (now - progress->start) / G_USEC_PER_SEC;
  g_autofree char *left = NULL, *line = NULL;
  char bar[21];

  if (!progress->visible ||
      (now - progress->drawn < REDRAW_US && done != progress->total))
    return;
  progress->drawn = now;
  if (progress->total > 0) {
    const gsize full = MIN (done, progress->total) * 20 / progress->total;

    memset (bar, '.', 20);
    memset (bar, '#', full);
    bar[20] = '\0';
    left =
      done == 0
        ? g_strdup ("-:--")
        : duration (spent / (double) done * (double) (progress->total - done));
    line = g_strdup_printf ("%s [%s] %" G_GSIZE_FORMAT "/%" G_GSIZE_FORMAT
                            ", %.4g/s, %s left%s%s",
                            progress->what, bar, done, progress->total,
                            spent > 0 ? (double) done / spent : 0.0, left,
                            note ? ", " : "", note ? note : "");
  } else
    line = g_strdup_printf ("%s %" G_GSIZE_FORMAT "%s%s", progress->what, done,
                            note ? ", " : "", note ? note : "");
  fprintf (stderr, "\r\033[K%.*s", terminal_columns () - 1, line);
  fflush (stderr);
}

void
cli_progress_free (CliProgress *progress)
{
  if (progress == NULL)
    return;
  if (progress->visible && progress->drawn != 0)
    fprintf (stderr, "\r\033[K");
  g_free (progress->what);
  g_free (progress);
}

static volatile sig_atomic_t interrupted;

static void
on_interrupt (int number)
{
  interrupted = 1;
  signal (number, SIG_DFL); /* the second one ends the program */
}

void
cli_catch_interrupt (void)
{
  signal (SIGINT, on_interrupt);
  signal (SIGTERM, on_interrupt);
}

gboolean
cli_interrupted (void)
{
  return interrupted != 0;
}

static gpointer
watch_interrupt (gpointer cancellable)
{
  while (!cli_interrupted ())
    g_usleep (50000);
  g_cancellable_cancel (cancellable);
  g_object_unref (cancellable);
  return NULL;
}

void
cli_cancel_on_interrupt (GCancellable *cancellable)
{
  cli_catch_interrupt ();
  g_thread_unref (
    g_thread_new ("interrupt", watch_interrupt, g_object_ref (cancellable)));
}
