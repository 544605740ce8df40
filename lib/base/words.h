/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Numbers in sentences: "1 class is", "2 classes are". */
#pragma once

#include <glib.h>

#define DML_S(n) ((n) == 1 ? "" : "s")    /* picture, pictures */
#define DML_ES(n) ((n) == 1 ? "" : "es")  /* class, classes */
#define DML_Y(n) ((n) == 1 ? "y" : "ies") /* query, queries */
#define DML_IS(n) ((n) == 1 ? "is" : "are")
#define DML_WAS(n) ((n) == 1 ? "was" : "were")
#define DML_HAS(n) ((n) == 1 ? "has" : "have")

/* "0.4 seconds", "40 seconds", "8 minutes" (transfer full) */
char *dml_words_duration (double seconds);
