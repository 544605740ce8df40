/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The progress bar and Ctrl-C. */
#include "cli.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define REDRAW_US 100000 /* ten times a second is enough for an eye */
#define BAR_MAX 20
#define BAR_MIN 5 /* where a terminal is narrow, the bar gives way to words */

struct _CliProgress {
  char *what;
  gsize total;         /* 0 = not known */
  gint64 start, drawn; /* start: of the first call, 0 = not yet */
  gsize first;         /* done by then: no part of the rate */
  gboolean visible;    /* stderr is a terminal */
};

/* The bar that stands on the terminal's last line, or NULL. */
static CliProgress *shown;

void
cli_progress_wipe (void)
{
  if (shown == NULL)
    return;
  fprintf (stderr, "\r\033[K");
  fflush (stderr);
  shown = NULL;
}

CliProgress *
cli_progress_new (const char *what, gsize total)
{
  CliProgress *progress = g_new0 (CliProgress, 1);

  progress->what = g_strdup (what);
  progress->total = total;
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

/* "1.5/s, 0:54 left"; no rate before something has been done. (transfer full)
 */
static char *
pace (const CliProgress *progress, gsize done, gint64 now)
{
  const double spent = (double) (now - progress->start) / G_USEC_PER_SEC;
  const double rate = spent > 0 && done > progress->first
                        ? (double) (done - progress->first) / spent
                        : 0;
  g_autofree char *left = NULL;

  if (rate <= 0)
    return g_strdup ("-:-- left");
  left =
    duration ((double) (progress->total - MIN (done, progress->total)) / rate);
  return g_strdup_printf ("%.*f/s, %s left", rate < 10 ? 2 : 0, rate, left);
}

/* What does not fit is cut, between characters. */
static void
draw (CliProgress *progress, gsize done, const char *words)
{
  const int columns = terminal_columns () - 1;
  g_autofree char *count = NULL, *line = NULL;
  char bar[BAR_MAX + 1];
  glong room;
  gsize full;

  count = g_strdup_printf ("%" G_GSIZE_FORMAT "/%" G_GSIZE_FORMAT, done,
                           progress->total);
  room = columns - g_utf8_strlen (progress->what, -1) -
         (glong) (strlen (count) + strlen (" []  "));
  room = CLAMP (room - g_utf8_strlen (words, -1), BAR_MIN, BAR_MAX);
  full = MIN (done, progress->total) * (gsize) room / MAX (1, progress->total);
  memset (bar, '.', (gsize) room);
  memset (bar, '#', full);
  bar[room] = '\0';
  line =
    progress->total > 0
      ? g_strdup_printf ("%s [%s] %s, %s", progress->what, bar, count, words)
      : g_strdup_printf ("%s %" G_GSIZE_FORMAT "%s%s", progress->what, done,
                         *words ? ", " : "", words);
  if (g_utf8_validate (line, -1, NULL) && g_utf8_strlen (line, -1) > columns)
    *g_utf8_offset_to_pointer (line, columns) = '\0';
  fprintf (stderr, "\r\033[K%.*s", 4 * columns, line);
  fflush (stderr);
}

/* Whether to draw now. */
static gboolean
is_due (CliProgress *progress, gsize done, gint64 now)
{
  if (progress->start == 0) {
    progress->start = now;
    progress->first = done;
  }
  if (!progress->visible ||
      (now - progress->drawn < REDRAW_US && done != progress->total))
    return FALSE;
  progress->drawn = now;
  shown = progress; /* draw() follows */
  return TRUE;
}

void
cli_progress_set (CliProgress *progress, gsize done, const char *note)
{
  const gint64 now = g_get_monotonic_time ();
  g_autofree char *words = NULL, *how = NULL;

  if (!is_due (progress, done, now))
    return;
  how = progress->total > 0 ? pace (progress, done, now) : g_strdup ("");
  words =
    g_strdup_printf ("%s%s%s", how, *how && note ? ", " : "", note ? note : "");
  draw (progress, done, words);
}

void
cli_progress_say (CliProgress *progress, gsize done, const char *words)
{
  if (is_due (progress, done, g_get_monotonic_time ()))
    draw (progress, done, words);
}

void
cli_progress_free (CliProgress *progress)
{
  if (progress == NULL)
    return;
  if (progress == shown)
    cli_progress_wipe ();
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
