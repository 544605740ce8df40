/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Numbers in sentences. */
#include "base/words.h"

char *
dml_words_duration (double seconds)
{
  g_autofree char *number = g_strdup_printf (
    seconds < 10 ? "%.2g" : "%.0f", seconds < 120 ? seconds : seconds / 60);

  return g_strdup_printf ("%s %s%s", number,
                          seconds < 120 ? "second" : "minute",
                          g_str_equal (number, "1") ? "" : "s");
}
