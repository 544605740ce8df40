/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Standard output that was lost is no success. Plain C, for dml-check, too. */
#pragma once

/* When the program ends, what it printed is written out; where that fails it is
 * told on stderr, @name () in front, and the program ends with 1. A reader that
 * is gone (EPIPE) is no news: 1 without words. */
void cli_watch_output (const char *(*name) (void) );
