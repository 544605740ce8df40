/* SPDX-License-Identifier: LGPL-2.1-or-later
 * What one gallery has and another has not. */
#include <dml/dml-galleries.h>

#include <string.h>

#include "base/error.h"
#include "gallery/pair.h"

#define ID G_GINT64_FORMAT

typedef struct {
  const DmlMarks *a, *b;
  const char *path_a, *path_b;
  gboolean one_space; /* vectors of the two can be compared */
  GPtrArray *found;   /* DmlDifference */
} Compare;

/* Takes the text over. */
static DmlDifference *
add (Compare *c, DmlDifferenceKind kind, const char *label, char *text)
{
  DmlDifference *difference = g_new (DmlDifference, 1);

  *difference = (DmlDifference){
    .kind = kind,
    .label = g_strdup (label),
    .item = -1,
    .other_item = -1,
    .text = text,
  };
  g_ptr_array_add (c->found, difference);
  return difference;
}

static char *
describe_space (const char *path, const DmlSpace *space)
{
  g_autofree char *name = dml_error_quote (space->name);

  return g_strdup_printf (
    "%s holds %s (%.8s, %u numbers, %s)", path, name, space->fingerprint,
    space->dim, space->metric == DML_METRIC_COSINE ? "cosine" : "euclidean");
}

static void
compare_encoders (Compare *c)
{
  g_autofree char *a = NULL, *b = NULL;

  if (c->one_space)
    return;
  a = describe_space (c->path_a, &c->a->snapshot->space);
  b = describe_space (c->path_b, &c->b->snapshot->space);
  add (c, DML_DIFFERENCE_ENCODER, NULL,
       g_strdup_printf ("encoder: %s, %s; items are compared by their "
                        "photographs",
                        a, b));
}

static char *
describe_lead (const char *path, const DmlStoredLead *lead)
{
  char number[G_ASCII_DTOSTR_BUF_SIZE];

  return g_strdup_printf (
    "%s has %s over %u labels", path,
    g_ascii_formatd (number, sizeof number, "%.4f", lead->threshold.threshold),
    lead->n_labels);
}

/* The first of the leads that are not the same. */
static void
compare_leads (Compare *c, const GArray *a, const GArray *b)
{
  for (guint i = 0; i < MIN (a->len, b->len); i++) {
    const DmlStoredLead *x = &g_array_index (a, DmlStoredLead, i);
    const DmlStoredLead *y = &g_array_index (b, DmlStoredLead, i);
    g_autofree char *in_a = NULL, *in_b = NULL;
    char number[G_ASCII_DTOSTR_BUF_SIZE];

    if (x->prototype == y->prototype &&
        x->threshold.false_accept_rate == y->threshold.false_accept_rate &&
        x->threshold.threshold == y->threshold.threshold)
      continue;
    if (x->prototype != y->prototype ||
        x->threshold.false_accept_rate != y->threshold.false_accept_rate)
      break;
    in_a = describe_lead (c->path_a, x);
    in_b = describe_lead (c->path_b, y);
    add (c, DML_DIFFERENCE_CALIBRATION, NULL,
         g_strdup_printf ("calibration: for a false-accept rate of %s %s, %s",
                          g_ascii_formatd (number, sizeof number, "%g",
                                           x->threshold.false_accept_rate),
                          in_a, in_b));
    return;
  }
  if (a->len != b->len)
    add (c, DML_DIFFERENCE_CALIBRATION, NULL,
         g_strdup ("calibration: for other false-accept rates"));
}

/* Leads of two encoders are two anyway. */
static void
compare_calibrations (Compare *c)
{
  const GArray *a = c->a->snapshot->thresholds;
  const GArray *b = c->b->snapshot->thresholds;

  if ((a->len == 0) != (b->len == 0))
    add (c, DML_DIFFERENCE_CALIBRATION, NULL,
         g_strdup_printf ("calibration: only %s has one",
                          a->len > 0 ? c->path_a : c->path_b));
  else if (c->one_space)
    compare_leads (c, a, b);
}

static char *
describe_item (const DmlMarks *marks, guint32 row, const char *label)
{
  g_autofree char *shown = dml_error_quote (label);
  g_autofree char *source = dml_error_quote_long (marks->source[row], 200);

  return g_strdup_printf ("%s: item %" ID "%s%s", shown,
                          marks->snapshot->ids[row],
                          *source != '\0' ? ", " : "", source);
}

static void
add_item (Compare *c, gboolean removed, guint32 row, const char *label)
{
  const DmlMarks *marks = removed ? c->a : c->b;
  DmlDifference *d =
    add (c, removed ? DML_DIFFERENCE_ITEM_REMOVED : DML_DIFFERENCE_ITEM_ADDED,
         label, describe_item (marks, row, label));

  *(removed ? &d->item : &d->other_item) = marks->snapshot->ids[row];
  d->n_items = 1;
}

/* A pair that one encoder saw: by other views, or in another version of the
 * same photograph that it tells apart. */
static void
compare_vectors (Compare *c, guint32 row_a, guint32 row_b, const char *label)
{
  const DmlSnapshot *a = c->a->snapshot, *b = c->b->snapshot;
  g_autofree char *text = NULL;
  DmlDifference *d;

  if (!c->one_space ||
      dml_similarity (a->space.metric, dml_snapshot_row (a, row_a),
                      dml_snapshot_row (b, row_b),
                      a->space.dim) > DML_SAME_PICTURE)
    return;
  text = describe_item (c->a, row_a, label);
  d = add (c, DML_DIFFERENCE_EMBEDDING, label,
           g_strdup_printf ("%s, is embedded otherwise than item %" ID " of %s",
                            text, b->ids[row_b], c->path_b));
  d->item = a->ids[row_a];
  d->other_item = b->ids[row_b];
  d->n_items = 1;
}

static void
compare_items (Compare *c, guint la, guint lb, const char *label)
{
  const DmlSnapshot *a = c->a->snapshot, *b = c->b->snapshot;
  const guint n = dml_snapshot_n_of (a, la);
  g_autofree gint *pair = g_new (gint, n + 1);
  g_autoptr (GHashTable) paired = g_hash_table_new (NULL, NULL);

  dml_pair_items (c->a, la, c->b, lb, pair);
  for (guint i = 0; i < n; i++) {
    const guint32 row = a->by_label[a->first[la] + i];

    if (pair[i] < 0) {
      add_item (c, TRUE, row, label);
      continue;
    }
    g_hash_table_add (paired, GINT_TO_POINTER (pair[i]));
    compare_vectors (c, row, (guint32) pair[i], label);
  }
  for (guint k = b->first[lb]; k < b->first[lb + 1]; k++)
    if (!g_hash_table_contains (paired, GINT_TO_POINTER (b->by_label[k])))
      add_item (c, FALSE, b->by_label[k], label);
}

static void
add_label (Compare *c, DmlDifferenceKind kind, const DmlSnapshot *snapshot,
           guint label)
{
  const char *name = snapshot->labels->name[label];
  const guint n = dml_snapshot_n_of (snapshot, label);
  g_autofree char *shown = dml_error_quote (name);

  add (c, kind, name,
       g_strdup_printf ("%s: %u item%s", shown, n, n == 1 ? "" : "s"))
    ->n_items = n;
}

static void
compare_labels (Compare *c)
{
  const DmlSnapshot *a = c->a->snapshot, *b = c->b->snapshot;

  for (guint l = 0; l < a->labels->n; l++)
    if (dml_labels_find (b->labels, a->labels->name[l]) < 0)
      add_label (c, DML_DIFFERENCE_LABEL_REMOVED, a, l);
  for (guint l = 0; l < b->labels->n; l++)
    if (dml_labels_find (a->labels, b->labels->name[l]) < 0)
      add_label (c, DML_DIFFERENCE_LABEL_ADDED, b, l);
  for (guint l = 0; l < a->labels->n; l++) {
    const char *name = a->labels->name[l];
    const gint other = dml_labels_find (b->labels, name);

    if (other < 0)
      continue;
    if (g_strcmp0 (a->labels->data[l], b->labels->data[other]) != 0) {
      g_autofree char *shown = dml_error_quote (name);

      add (c, DML_DIFFERENCE_DATA, name,
           g_strdup_printf ("%s: its data", shown));
    }
    compare_items (c, l, (guint) other, name);
  }
}

GPtrArray *
dml_gallery_compare (DmlGallery *gallery, DmlGallery *other, GError **error)
{
  g_auto (DmlMarks) a = { 0 }, b = { 0 };
  Compare c = {
    &a,    &b,  dml_gallery_get_path (gallery), dml_gallery_get_path (other),
    FALSE, NULL
  };
  gboolean by_thumbnail;

  c.one_space = strcmp (dml_gallery_get_fingerprint (gallery),
                        dml_gallery_get_fingerprint (other)) == 0;
  by_thumbnail = !c.one_space;
  if (!dml_marks_load (gallery, by_thumbnail, &a, error) ||
      !dml_marks_load (other, by_thumbnail, &b, error))
    return NULL;
  c.one_space = dml_space_equal (&a.snapshot->space, &b.snapshot->space);
  c.found =
    g_ptr_array_new_with_free_func ((GDestroyNotify) dml_difference_free);
  compare_encoders (&c);
  compare_calibrations (&c);
  compare_labels (&c);
  return c.found;
}
