/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Names of things: what may be one, and which one was meant. */
#include "gallery/gallery.h"

#include <string.h>

#include "base/error.h"

gboolean
dml_label_check (const char *label, const char *path, GError **error)
{
  const gsize n = strlen (label);
  const char *end;

  if (n == 0)
    return dml_fail (error, INVALID, "%s: a label may not be empty", path);
  if (n > STORE_LABEL_MAX)
    return dml_fail (error, INVALID,
                     "%s: a label of %" G_GSIZE_FORMAT
                     " bytes; at most %d are possible",
                     path, n, STORE_LABEL_MAX);
  if (!g_utf8_validate (label, (gssize) n, &end))
    return dml_fail (error, INVALID,
                     "%s: a label must be UTF-8; this one is not from byte "
                     "%" G_GSIZE_FORMAT " on",
                     path, (gsize) (end - label));
  return TRUE;
}

/* Levenshtein's distance by characters, without case; gives up above @most. */
static guint
edit_distance (const gunichar *a, glong n, const gunichar *b, glong m,
               guint most, guint *row)
{
  for (glong j = 0; j <= m; j++)
    row[j] = (guint) j;
  for (glong i = 1; i <= n; i++) {
    guint above_left = row[0], least = row[0] = (guint) i;

    for (glong j = 1; j <= m; j++) {
      const guint above = row[j];

      row[j] =
        MIN (above_left + (a[i - 1] != b[j - 1]), 1 + MIN (above, row[j - 1]));
      least = MIN (least, row[j]);
      above_left = above;
    }
    if (least > most)
      return most + 1;
  }
  return row[m];
}

static gunichar *
fold (const char *label, glong *n)
{
  gunichar *wide = g_utf8_to_ucs4_fast (label, -1, n);

  for (glong i = 0; i < *n; i++)
    wide[i] = g_unichar_tolower (wide[i]);
  return wide;
}

#define NEAREST_MAX 200 /* characters: nobody mistypes more by hand */

const char *
dml_label_nearest (const char *label, const char *const *labels, gsize n)
{
  const char *nearest = NULL;
  glong n_wide;
  g_autofree gunichar *wide = fold (label, &n_wide);
  guint least = 1 + MAX (2, (guint) n_wide / 3);
  guint row[NEAREST_MAX + 1];

  if (n_wide > NEAREST_MAX)
    return NULL;
  for (gsize i = 0; i < n; i++) {
    if (strlen (labels[i]) <= NEAREST_MAX) {
      glong n_other;
      g_autofree gunichar *other = fold (labels[i], &n_other);
      const guint distance =
        edit_distance (wide, n_wide, other, n_other, least - 1, row);

      if (distance < least) {
        least = distance;
        nearest = labels[i];
      }
    }
  }
  return nearest;
}
