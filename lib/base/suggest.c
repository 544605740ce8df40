/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Edit distance by characters, over three rows of its table. */
#include "base/suggest.h"

#include <string.h>

#define CHARS_MAX 200 /* nobody mistypes more by hand */

typedef struct {
  gunichar at[CHARS_MAX];
  guint n;
} Folded;

static gboolean
fold (const char *word, Folded *folded)
{
  folded->n = 0;
  if (!g_utf8_validate (word, -1, NULL))
    return FALSE;
  for (const char *p = word; *p != '\0'; p = g_utf8_next_char (p)) {
    if (folded->n == CHARS_MAX)
      return FALSE;
    folded->at[folded->n++] = g_unichar_tolower (g_utf8_get_char (p));
  }
  return TRUE;
}

/* Gives up above @most. */
static guint
edit_distance (const Folded *a, const Folded *b, guint most)
{
  guint rows[3][CHARS_MAX + 1];
  guint *before = rows[0], *last = rows[1], *row = rows[2];

  for (guint j = 0; j <= b->n; j++)
    last[j] = j;
  for (guint i = 1; i <= a->n; i++) {
    guint *spare = before;
    guint least = row[0] = i;

    for (guint j = 1; j <= b->n; j++) {
      row[j] = MIN (last[j - 1] + (a->at[i - 1] != b->at[j - 1]),
                    MIN (last[j], row[j - 1]) + 1);
      if (i > 1 && j > 1 && a->at[i - 1] == b->at[j - 2] &&
          a->at[i - 2] == b->at[j - 1])
        row[j] = MIN (row[j], before[j - 2] + 1);
      least = MIN (least, row[j]);
    }
    if (least > most + 1) /* a swap looks back two rows */
      return most + 1;
    before = last;
    last = row;
    row = spare;
  }
  return last[b->n];
}

const char *
dml_suggest (const char *word, const char *const *words, gsize n)
{
  const char *nearest = NULL;
  Folded meant, other;
  guint least;

  if (!fold (word, &meant))
    return NULL;
  least = MIN (meant.n, 1 + MAX (2, meant.n / 3)); /* must stay below this */
  for (gsize i = 0; i < n && least > 0; i++) {
    guint distance;

    if (!fold (words[i], &other))
      continue;
    distance = edit_distance (&meant, &other, least - 1);
    if (distance < least) {
      least = distance;
      nearest = words[i];
    }
  }
  return nearest;
}
