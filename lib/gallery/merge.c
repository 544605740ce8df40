/* SPDX-License-Identifier: LGPL-2.1-or-later
 * One gallery's labels and items into another, in one transaction.
 *
 * What comes is told from what is there on two snapshots, without a lock, since
 * it may take seconds; then both files are held, and where one of them is not
 * the snapshot's any more, it begins again. */
#include <dml/dml-galleries.h>

#include <string.h>

#include "base/error.h"
#include "base/threads.h"
#include "gallery/gallery.h"
#include "gallery/marks.h"
#include "gallery/pair.h"
#include "gallery/rows.h"
#include "gallery/stored_item.h"

#define ID G_GINT64_FORMAT
#define TRIES 5
#define HITS_MAX 100 /* the same picture under so many labels */

G_DEFINE_BOXED_TYPE (DmlMergeReport, dml_merge_report, dml_merge_report_copy,
                     dml_merge_report_free)

static DmlMergeReport *
report_new (void)
{
  DmlMergeReport *report = g_new0 (DmlMergeReport, 1);

  report->changes =
    g_ptr_array_new_with_free_func ((GDestroyNotify) dml_difference_free);
  report->kept =
    g_ptr_array_new_with_free_func ((GDestroyNotify) dml_difference_free);
  report->twins =
    g_ptr_array_new_with_free_func ((GDestroyNotify) dml_finding_free);
  return report;
}

static gpointer
copy_difference (gconstpointer difference, gpointer data)
{
  return dml_difference_copy (difference);
}

static gpointer
copy_finding (gconstpointer finding, gpointer data)
{
  return dml_finding_copy (finding);
}

DmlMergeReport *
dml_merge_report_copy (const DmlMergeReport *report)
{
  DmlMergeReport *copy = g_new (DmlMergeReport, 1);

  *copy = *report;
  copy->changes = g_ptr_array_copy (report->changes, copy_difference, NULL);
  copy->kept = g_ptr_array_copy (report->kept, copy_difference, NULL);
  copy->twins = g_ptr_array_copy (report->twins, copy_finding, NULL);
  return copy;
}

void
dml_merge_report_free (DmlMergeReport *report)
{
  if (report == NULL)
    return;
  g_ptr_array_unref (report->changes);
  g_ptr_array_unref (report->kept);
  g_ptr_array_unref (report->twins);
  g_free (report);
}

/* ---- what comes ---------------------------------------------------------- */

typedef struct {
  DmlGallery *to, *from;
  DmlMarks a, b;       /* of to, of from */
  gint *label;         /* of each label of from: the one of to, or -1 */
  gboolean *known;     /* of each row of from: to has it under its label */
  gint *twin;          /* the row of to that is it under another label, or -1 */
  GHashTable *content; /* "label/SHA-256" of the rows of to */
  DmlHit *hits;        /* HITS_MAX a worker */
  DmlMergeReport *report;
} Merge;

static void
merge_clear (Merge *m)
{
  dml_marks_clear (&m->a);
  dml_marks_clear (&m->b);
  g_clear_pointer (&m->label, g_free);
  g_clear_pointer (&m->known, g_free);
  g_clear_pointer (&m->twin, g_free);
  g_clear_pointer (&m->hits, g_free);
  g_clear_pointer (&m->content, g_hash_table_unref);
  g_clear_pointer (&m->report, dml_merge_report_free);
}

static char *
content_key (gint label, const char *content)
{
  return g_strdup_printf ("%d/%s", label, content);
}

static gboolean
has_content (const Merge *m, gint label, const char *content)
{
  g_autofree char *key = NULL;

  if (label < 0 || content == NULL)
    return FALSE;
  key = content_key (label, content);
  return g_hash_table_contains (m->content, key);
}

/* Whether to has a row of from already; as enrolling does, of its label by
 * similarity, and by the photograph. */
static void
look_up_row (void *data, size_t i, unsigned worker)
{
  Merge *m = data;
  const DmlSnapshot *to = m->a.snapshot, *from = m->b.snapshot;
  const float *query = dml_snapshot_row (from, (guint) i);
  const gint label = m->label[from->label_of[i]];
  const DmlMetric metric = to->space.metric;
  const double inv_norm = dml_query_inv_norm (query, to->space.dim, metric);
  DmlFound found = { .hits = m->hits + (size_t) worker * HITS_MAX };

  m->twin[i] = -1;
  m->known[i] = has_content (m, label, m->b.content[i]);
  if (m->known[i])
    return;
  to->index->klass->search (to->index, query, HITS_MAX, &found);
  for (guint h = 0; h < found.n_hits; h++) {
    const DmlHit hit = found.hits[h];

    if (!(dml_score_similarity (hit.score, inv_norm, metric) >
          DML_SAME_PICTURE))
      break;
    if ((gint) to->label_of[hit.row] == label) {
      m->known[i] = TRUE;
      return;
    }
    if (m->twin[i] < 0)
      m->twin[i] = (gint) hit.row;
  }
}

static gboolean
check_joinable (const Merge *m, GError **error)
{
  const DmlSpace *a = &m->to->space, *b = &m->from->space;

  if (m->to == m->from || (m->to->store->device == m->from->store->device &&
                           m->to->store->inode == m->from->store->inode))
    return dml_fail (error, INVALID, "%s: and %s are the same gallery",
                     m->to->path, m->from->path);
  return dml_space_equal (a, b) ||
         dml_fail (error, MISMATCH,
                   "%s: holds %u-dimensional embeddings of encoder %s (%.12s, "
                   "%s), %s of %s (%.12s, %u dimensions, %s); they cannot be "
                   "joined: embed the photographs of one again with the "
                   "other's encoder",
                   m->to->path, a->dim, a->name, a->fingerprint,
                   a->metric == DML_METRIC_COSINE ? "cosine" : "euclidean",
                   m->from->path, b->name, b->fingerprint, b->dim,
                   b->metric == DML_METRIC_COSINE ? "cosine" : "euclidean");
}

/* Takes the text over. */
static void
note (GPtrArray *list, DmlDifferenceKind kind, const char *label, guint n_items,
      char *text)
{
  DmlDifference *d = g_new (DmlDifference, 1);

  *d = (DmlDifference){
    .kind = kind,
    .label = g_strdup (label),
    .item = -1,
    .other_item = -1,
    .n_items = n_items,
    .text = text,
  };
  g_ptr_array_add (list, d);
}

static void
report_label (Merge *m, guint l)
{
  const DmlSnapshot *from = m->b.snapshot;
  const DmlLabels *labels = from->labels;
  DmlMergeReport *report = m->report;
  const gint there = m->label[l];
  g_autofree char *shown = dml_error_quote (labels->name[l]);
  const char *data = there >= 0 ? m->a.snapshot->labels->data[there] : NULL;
  guint n = 0;

  for (guint k = from->first[l]; k < from->first[l + 1]; k++)
    n += !m->known[from->by_label[k]];
  report->n_items += n;
  report->n_known += dml_snapshot_n_of (from, l) - n;
  report->n_labels += there < 0;
  if (there < 0 || n > 0)
    note (report->changes,
          there < 0 ? DML_DIFFERENCE_LABEL_ADDED : DML_DIFFERENCE_ITEM_ADDED,
          labels->name[l], n,
          g_strdup_printf ("%s: %u item%s", shown, n, n == 1 ? "" : "s"));
  if (there < 0 || labels->data[l] == NULL)
    return;
  if (data == NULL)
    note (report->changes, DML_DIFFERENCE_DATA, labels->name[l], 0,
          g_strdup_printf ("%s: its data", shown));
  else if (strcmp (data, labels->data[l]) != 0)
    note (report->kept, DML_DIFFERENCE_DATA, labels->name[l], 0,
          g_strdup_printf ("%s: its data stays; %s has other", shown,
                           m->from->path));
}

static void
report_twin (Merge *m, guint row)
{
  const DmlSnapshot *to = m->a.snapshot, *from = m->b.snapshot;
  const guint twin = (guint) m->twin[row];
  const char *label = from->labels->name[from->label_of[row]];
  const char *other = to->labels->name[to->label_of[twin]];
  g_autofree char *shown = dml_error_quote (label);
  g_autofree char *shown_other = dml_error_quote (other);
  DmlFinding *finding = g_new (DmlFinding, 1);

  *finding = (DmlFinding){
    .kind = DML_FINDING_DUPLICATE,
    .item = from->ids[row],
    .label = g_strdup (label),
    .other_item = to->ids[twin],
    .other_label = g_strdup (other),
    .similarity =
      dml_similarity (to->space.metric, dml_snapshot_row (from, row),
                      dml_snapshot_row (to, twin), to->space.dim),
    .expected = (double) NAN,
    .text = g_strdup_printf ("%s has the same picture under %s (item %" ID
                             ") as %s under %s (item %" ID ")",
                             m->to->path, shown_other, to->ids[twin],
                             m->from->path, shown, from->ids[row]),
  };
  g_ptr_array_add (m->report->twins, finding);
}

static gboolean
plan (Merge *m, GError **error)
{
  const DmlSnapshot *to, *from;

  merge_clear (m);
  if (!dml_marks_load (m->to, FALSE, &m->a, error) ||
      !dml_marks_load (m->from, FALSE, &m->b, error))
    return FALSE;
  to = m->a.snapshot;
  from = m->b.snapshot;
  m->report = report_new ();
  m->label = g_new (gint, from->labels->n + 1);
  m->known = g_new0 (gboolean, from->n_items + 1);
  m->twin = g_new (gint, from->n_items + 1);
  m->hits = g_new (DmlHit, (size_t) dml_threads_max () * HITS_MAX);
  m->content = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  for (guint l = 0; l < from->labels->n; l++)
    m->label[l] = dml_labels_find (to->labels, from->labels->name[l]);
  for (guint i = 0; i < to->n_items; i++)
    if (m->a.content[i] != NULL)
      g_hash_table_add (m->content,
                        content_key ((gint) to->label_of[i], m->a.content[i]));
  dml_parallel_for (from->n_items, 0, look_up_row, m);
  for (guint l = 0; l < from->labels->n; l++)
    report_label (m, l);
  for (guint i = 0; i < from->n_items; i++)
    if (!m->known[i] && m->twin[i] >= 0)
      report_twin (m, i);
  m->report->calibration_is_old =
    to->thresholds->len > 0 &&
    (m->report->n_items > 0 || m->report->n_labels > 0);
  return TRUE;
}

/* ---- taking it ----------------------------------------------------------- */

/* ids: of each label of from, in to. */
static gboolean
take_labels (Merge *m, gint64 *ids, GError **error)
{
  const DmlLabels *labels = m->b.snapshot->labels;
  DmlStore *store = m->to->store;
  g_autoptr (DmlStmt) stmt =
    dml_store_prepare (store,
                       "UPDATE label SET data = ?2"
                       " WHERE id = ?1 AND data IS NULL AND json_valid (?2)",
                       "joining", error);

  if (stmt == NULL)
    return FALSE;
  for (guint l = 0; l < labels->n; l++) {
    if (!dml_gallery_add_label (m->to, labels->name[l], &ids[l], error))
      return FALSE;
    if (labels->data[l] == NULL)
      continue;
    sqlite3_bind_int64 (stmt, 1, ids[l]);
    sqlite3_bind_text (stmt, 2, labels->data[l], -1, SQLITE_STATIC);
    if (!dml_store_run (store, stmt, "joining", error))
      return FALSE;
  }
  return TRUE;
}

static gboolean
take_items (Merge *m, const gint64 *ids, GError **error)
{
  const DmlSnapshot *from = m->b.snapshot;
  DmlStore *to_store = m->to->store, *from_store = m->from->store;
  g_autoptr (DmlStmt) read = dml_stored_items (from_store, error);
  g_autoptr (DmlStmt) write = NULL;

  if (read == NULL || !(write = dml_stored_item_insert (to_store, error)))
    return FALSE;
  for (guint i = 0;; i++) {
    DmlStoredItem item;
    gboolean row;
    gint64 id;

    if (!dml_stored_item_next (from_store, read, &item, &row, error))
      return FALSE;
    if (!row && i == from->n_items)
      return TRUE;
    if (!row || i == from->n_items || item.id != from->ids[i])
      return dml_fail (error, BUSY,
                       "%s: was changed while it was joined; nothing was "
                       "taken, try again",
                       m->from->path);
    if (m->known[i])
      continue;
    id = item.id;
    item.id = 0;
    item.label_id = ids[from->label_of[i]];
    if (!dml_stored_item_add (to_store, write, &item, &item.id, error) ||
        !dml_stored_tags_copy (from_store, id, to_store, item.id, error))
      return FALSE;
  }
}

static gboolean
is_stale (DmlStore *store, const DmlSnapshot *snapshot, gboolean *stale,
          GError **error)
{
  gint64 revision;

  if (!dml_store_revision (store, &revision, error))
    return FALSE;
  *stale |= revision != snapshot->revision;
  return TRUE;
}

static gboolean
take (Merge *m, gboolean *stale, GError **error)
{
  g_autofree gint64 *ids = g_new (gint64, m->b.snapshot->labels->n + 1);

  return is_stale (m->to->store, m->a.snapshot, stale, error) &&
         is_stale (m->from->store, m->b.snapshot, stale, error) && !*stale &&
         dml_store_add_origin (m->to->store, error) &&
         take_labels (m, ids, error) && take_items (m, ids, error);
}

/* With from held. */
static gboolean
change (Merge *m, gboolean *stale, GError **error)
{
  gboolean ok;

  if (!dml_gallery_change_begin (m->to, "joining", error))
    return FALSE;
  ok = dml_store_read_begin (m->from->store, error);
  if (ok) {
    ok = take (m, stale, error);
    dml_store_read_end (m->from->store);
  }
  return dml_gallery_change_end (m->to, ok, error);
}

/* Two threads may join two galleries each into the other: both hold the same
 * one first. */
static gboolean
apply (Merge *m, gboolean *stale, GError **error)
{
  DmlGallery *first = m->to < m->from ? m->to : m->from;
  DmlGallery *second = first == m->to ? m->from : m->to;
  gboolean ok;

  *stale = FALSE;
  if (!dml_gallery_lock_current (first, error))
    return FALSE;
  ok = dml_gallery_lock_current (second, error);
  if (ok) {
    ok = change (m, stale, error);
    dml_gallery_unlock (second);
  }
  dml_gallery_unlock (first);
  return ok;
}

static gboolean
merge (Merge *m, gboolean dry_run, GError **error)
{
  gboolean stale = FALSE;

  if (!dry_run && !m->to->write)
    return dml_fail (error, READ_ONLY,
                     "%s: joining: the gallery was opened for reading only",
                     m->to->path);
  if (!check_joinable (m, error))
    return FALSE;
  for (guint i = 0; i < TRIES; i++) {
    if (!plan (m, error))
      return FALSE;
    if (dry_run || m->report->changes->len == 0 || apply (m, &stale, error))
      return TRUE;
    if (!stale)
      return FALSE;
  }
  return dml_fail (error, BUSY,
                   "%s: joining: others are changing it or %s all the time; "
                   "try again",
                   m->to->path, m->from->path);
}

gboolean
dml_gallery_merge (DmlGallery *gallery, DmlGallery *other, gboolean dry_run,
                   DmlMergeReport **report, GError **error)
{
  Merge m = { .to = gallery, .from = other };
  const gboolean ok = merge (&m, dry_run, error);

  if (report != NULL)
    *report = ok ? g_steal_pointer (&m.report) : NULL;
  merge_clear (&m);
  return ok;
}
