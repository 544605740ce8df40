/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Pairs by keys, one kind of key after the other, from the surest on; what is
 * left of two galleries of one encoder, by similarity: vectors of one
 * photograph differ in their last digits from machine to machine. */
#include "gallery/pair.h"

#include <string.h>

gboolean
dml_space_equal (const DmlSpace *a, const DmlSpace *b)
{
  return strcmp (a->fingerprint, b->fingerprint) == 0 && a->dim == b->dim &&
         a->metric == b->metric;
}

/* The rows of a label. */
typedef struct {
  const DmlMarks *marks;
  const guint32 *rows;
  guint n;
} Side;

static Side
side_of (const DmlMarks *marks, guint label)
{
  const DmlSnapshot *snapshot = marks->snapshot;

  return (Side){ marks, snapshot->by_label + snapshot->first[label],
                 dml_snapshot_n_of (snapshot, label) };
}

/* (transfer full) NULL where the row has none. */
typedef GBytes *(*KeyOf) (const DmlMarks *marks, guint32 row);

static GBytes *
text_key (const char *text)
{
  return text != NULL ? g_bytes_new_static (text, strlen (text)) : NULL;
}

static GBytes *
vector_key (const DmlMarks *marks, guint32 row)
{
  return g_bytes_new_static (dml_snapshot_row (marks->snapshot, row),
                             marks->snapshot->space.dim * sizeof (float));
}

static GBytes *
content_key (const DmlMarks *marks, guint32 row)
{
  return text_key (marks->content[row]);
}

static GBytes *
thumbnail_key (const DmlMarks *marks, guint32 row)
{
  return text_key (marks->thumbnail != NULL ? marks->thumbnail[row] : NULL);
}

static GBytes *
source_key (const DmlMarks *marks, guint32 row)
{
  return text_key (marks->source[row]);
}

static gboolean
differ (const char *a, const char *b)
{
  return a != NULL && b != NULL && strcmp (a, b) != 0;
}

/* A surer mark says that they are two: another picture of the same name. */
static gboolean
contradicted (const Side *a, guint32 row_a, const Side *b, guint32 row_b)
{
  return differ (a->marks->content[row_a], b->marks->content[row_b]) ||
         (a->marks->thumbnail != NULL && b->marks->thumbnail != NULL &&
          differ (a->marks->thumbnail[row_a], b->marks->thumbnail[row_b]));
}

/* @taken: rows of b, by their place in the label, that are in a pair. */
static void
pair_by (const Side *a, const Side *b, KeyOf key, gint *pair, gboolean *taken)
{
  g_autoptr (GHashTable) waiting = g_hash_table_new_full (
    g_bytes_hash, g_bytes_equal, (GDestroyNotify) g_bytes_unref, NULL);
  g_autofree guint *next = g_new0 (guint, b->n + 1); /* of the same key, + 1 */

  for (guint j = b->n; j-- > 0;) { /* the first comes to stand in front */
    GBytes *bytes = taken[j] ? NULL : key (b->marks, b->rows[j]);

    if (bytes == NULL)
      continue;
    next[j] = GPOINTER_TO_UINT (g_hash_table_lookup (waiting, bytes));
    g_hash_table_replace (waiting, bytes, GUINT_TO_POINTER (j + 1));
  }
  for (guint i = 0; i < a->n; i++) {
    g_autoptr (GBytes) bytes = pair[i] < 0 ? key (a->marks, a->rows[i]) : NULL;
    const guint first =
      bytes != NULL ? GPOINTER_TO_UINT (g_hash_table_lookup (waiting, bytes))
                    : 0;

    if (first == 0 || ((key == thumbnail_key || key == source_key) &&
                       contradicted (a, a->rows[i], b, b->rows[first - 1])))
      continue;
    pair[i] = (gint) b->rows[first - 1];
    taken[first - 1] = TRUE;
    g_hash_table_replace (waiting, g_bytes_ref (bytes),
                          GUINT_TO_POINTER (next[first - 1]));
  }
}

static void
pair_by_similarity (const Side *a, const Side *b, gint *pair, gboolean *taken)
{
  const DmlSpace *space = &a->marks->snapshot->space;

  for (guint i = 0; i < a->n; i++) {
    double best = DML_SAME_PICTURE;
    guint found = b->n;

    for (guint j = 0; pair[i] < 0 && j < b->n; j++) {
      double similarity;

      if (taken[j])
        continue;
      similarity = dml_similarity (
        space->metric, dml_snapshot_row (a->marks->snapshot, a->rows[i]),
        dml_snapshot_row (b->marks->snapshot, b->rows[j]), space->dim);
      if (similarity > best) {
        best = similarity;
        found = j;
      }
    }
    if (found < b->n) {
      pair[i] = (gint) b->rows[found];
      taken[found] = TRUE;
    }
  }
}

void
dml_pair_items (const DmlMarks *a, guint la, const DmlMarks *b, guint lb,
                gint *pair)
{
  const Side left = side_of (a, la), right = side_of (b, lb);
  g_autofree gboolean *taken = g_new0 (gboolean, right.n + 1);

  for (guint i = 0; i < left.n; i++)
    pair[i] = -1;
  if (dml_space_equal (&a->snapshot->space, &b->snapshot->space)) {
    pair_by (&left, &right, vector_key, pair, taken);
    pair_by (&left, &right, content_key, pair, taken);
    pair_by_similarity (&left, &right, pair, taken);
  } else {
    pair_by (&left, &right, content_key, pair, taken);
    pair_by (&left, &right, thumbnail_key, pair, taken);
    pair_by (&left, &right, source_key, pair, taken);
  }
}
