/* SPDX-License-Identifier: LGPL-2.1-or-later
 * "Did you mean ...?": the word that a mistyped one is nearest to. */
#pragma once

#include <glib.h>

/* The nearest of @n @words by letters to change, add, take away or swap with
 * their neighbour (Damerau 1964, Levenshtein 1966), whatever their case; NULL
 * where none is near: at most two letters or a third of @word, and not all of
 * it. What is not UTF-8 is near to nothing. (transfer none) */
const char *dml_suggest (const char *word, const char *const *words, gsize n);
