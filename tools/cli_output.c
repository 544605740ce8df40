/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Standard output, looked at when a program ends. */
#include "cli_output.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *(*program_name) (void);

static void
close_output (void)
{
  const int failed_before = ferror (stdout);
  int reason = 0;

  /* Of a failure before nobody kept the reason: it is asked for once more, with
   * a line's end behind what is torn anyway. */
  if (failed_before && write (STDOUT_FILENO, "\n", 1) < 0)
    reason = errno;
  else if (fflush (stdout) != 0 || (fclose (stdout) != 0 && errno != EBADF))
    reason = errno; /* EBADF: it was never open, and nothing was printed */
  if (reason == 0 && !failed_before)
    return;
  if (reason != EPIPE) {
    fprintf (stderr, "%s: standard output: %s\n", program_name (),
             reason != 0 ? strerror (reason)
                         : "not all of it could be written");
    fflush (stderr);
  }
  _exit (1);
}

void
cli_watch_output (const char *(*name) (void) )
{
  program_name = name;
  atexit (close_output);
}
