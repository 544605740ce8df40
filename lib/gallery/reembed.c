/* SPDX-License-Identifier: LGPL-2.1-or-later
 * A gallery of another encoder from the same photographs.
 *
 * What the old one says of its labels and items is read first, in moments, and
 * the old file is left to others; then each photograph is found and embedded,
 * for as long as that takes, into a file without a name; thresholds are
 * measured; then the file gets its name. One transaction, none of it kept
 * where anything fails. */
#include <dml/dml-galleries.h>
#include <dml/dml-photograph.h>

#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "gallery/calibrate.h"
#include "gallery/finder.h"
#include "gallery/gallery.h"
#include "gallery/snapshot.h"
#include "gallery/stored_item.h"

G_DEFINE_ENUM_TYPE (DmlLostReason, dml_lost_reason,
                    G_DEFINE_ENUM_VALUE (DML_LOST_NO_PHOTOGRAPH,
                                         "no-photograph"),
                    G_DEFINE_ENUM_VALUE (DML_LOST_GONE, "gone"),
                    G_DEFINE_ENUM_VALUE (DML_LOST_CHANGED, "changed"),
                    G_DEFINE_ENUM_VALUE (DML_LOST_UNREADABLE, "unreadable"))
G_DEFINE_BOXED_TYPE (DmlLostItem, dml_lost_item, dml_lost_item_copy,
                     dml_lost_item_free)
G_DEFINE_BOXED_TYPE (DmlReembedReport, dml_reembed_report,
                     dml_reembed_report_copy, dml_reembed_report_free)

#define ID G_GINT64_FORMAT

DmlLostItem *
dml_lost_item_copy (const DmlLostItem *lost)
{
  DmlLostItem *copy = g_new (DmlLostItem, 1);

  *copy = *lost;
  copy->label = g_strdup (lost->label);
  copy->source = g_strdup (lost->source);
  copy->text = g_strdup (lost->text);
  return copy;
}

void
dml_lost_item_free (DmlLostItem *lost)
{
  if (lost == NULL)
    return;
  g_free (lost->label);
  g_free (lost->source);
  g_free (lost->text);
  g_free (lost);
}

static DmlReembedReport *
report_new (void)
{
  DmlReembedReport *report = g_new0 (DmlReembedReport, 1);

  report->lost =
    g_ptr_array_new_with_free_func ((GDestroyNotify) dml_lost_item_free);
  return report;
}

DmlReembedReport *
dml_reembed_report_copy (const DmlReembedReport *report)
{
  DmlReembedReport *copy = report_new ();
  GPtrArray *lost = copy->lost;

  *copy = *report;
  copy->lost = lost;
  for (guint i = 0; i < report->lost->len; i++)
    g_ptr_array_add (lost,
                     dml_lost_item_copy (g_ptr_array_index (report->lost, i)));
  return copy;
}

void
dml_reembed_report_free (DmlReembedReport *report)
{
  if (report == NULL)
    return;
  g_ptr_array_unref (report->lost);
  g_free (report);
}

/* ---- what the old one says ----------------------------------------------- */

typedef struct {
  DmlStoredItem row; /* vector, probe, thumbnail: only whether there is one */
  char *source, *added, *content;
} Old;

static void
old_clear (gpointer data)
{
  Old *old = data;

  g_free (old->source);
  g_free (old->added);
  g_free (old->content);
}

static GArray *
read_old (DmlStore *store, GError **error)
{
  g_autoptr (GArray) olds = g_array_new (FALSE, TRUE, sizeof (Old));
  g_autoptr (DmlStmt) stmt = dml_stored_items (store, error);
  gboolean row;

  g_array_set_clear_func (olds, old_clear);
  if (stmt == NULL)
    return NULL;
  for (;;) {
    Old old = { 0 };

    if (!dml_stored_item_next (store, stmt, &old.row, &row, error))
      return NULL;
    if (!row)
      return g_steal_pointer (&olds);
    old.row.source = old.source = g_strdup (old.row.source);
    old.row.added = old.added = g_strdup (old.row.added);
    old.row.content = old.content = g_strdup (old.row.content);
    g_array_append_val (olds, old);
  }
}

/* The highest number that was ever an item's or a label's. */
static gint64
last_number (DmlStore *store, const char *table)
{
  g_autoptr (DmlStmt) stmt = dml_store_prepare (
    store, "SELECT max (seq) FROM sqlite_sequence WHERE name = ?", "reading",
    NULL);

  if (stmt == NULL) /* a file made by other hands may do without */
    return 0;
  sqlite3_bind_text (stmt, 1, table, -1, SQLITE_STATIC);
  return sqlite3_step (stmt) == SQLITE_ROW ? sqlite3_column_int64 (stmt, 0) : 0;
}

typedef struct {
  DmlGallery *gallery; /* the old one */
  DmlSnapshot *snapshot;
  GArray *olds; /* Old */
  gint64 last_label, last_item;
  const DmlReembedOptions *options;
  DmlFinder *finder;
  DmlSession *session;
  DmlGallery *fresh;   /* the new one ... */
  DmlStmt *insert;     /* ... */
  float *vector;       /* D, as it comes and ... */
  float *blobs;        /* ... 2 D, as it is stored, and the probe */
  guint32 *n_of_label; /* items that each label got */
  DmlReembedReport *report;
} Reembed;

static gboolean
read_gallery (Reembed *r, GError **error)
{
  DmlStore *store;
  gboolean ok;

  r->snapshot = dml_gallery_get_snapshot (r->gallery, error);
  if (r->snapshot == NULL || !dml_gallery_lock_current (r->gallery, error))
    return FALSE;
  store = r->gallery->store;
  ok = dml_store_read_begin (store, error);
  if (ok) {
    r->olds = read_old (store, error);
    r->last_label = last_number (store, "label");
    r->last_item = last_number (store, "item");
    dml_store_read_end (store);
  }
  dml_gallery_unlock (r->gallery);
  return r->olds != NULL;
}

/* ---- the new one --------------------------------------------------------- */

static gboolean
write_labels (Reembed *r, GError **error)
{
  const DmlLabels *labels = r->snapshot->labels;
  g_autoptr (DmlStmt) stmt = dml_store_prepare (
    r->fresh->store,
    "INSERT INTO label (id, name, data)"
    " VALUES (?1, ?2, CASE json_valid (?3) WHEN 1 THEN ?3 END)",
    "copying labels", error);

  if (stmt == NULL)
    return FALSE;
  for (guint l = 0; l < labels->n; l++) {
    sqlite3_bind_int64 (stmt, 1, labels->ids[l]);
    sqlite3_bind_text (stmt, 2, labels->name[l], -1, SQLITE_STATIC);
    sqlite3_bind_text (stmt, 3, labels->data[l], -1, SQLITE_STATIC);
    if (!dml_store_run (r->fresh->store, stmt, "copying labels", error))
      return FALSE;
  }
  return TRUE;
}

/* A number that was removed never names something else, here neither. */
static gboolean
write_last_numbers (Reembed *r, GError **error)
{
  g_autofree char *sql = g_strdup_printf (
    "DELETE FROM sqlite_sequence;"
    "INSERT INTO sqlite_sequence (name, seq) VALUES ('label',"
    " max (%" ID ", (SELECT ifnull (max (id), 0) FROM label))),"
    " ('item', max (%" ID ", (SELECT ifnull (max (id), 0) FROM item)))",
    r->last_label, r->last_item);

  return dml_store_exec (r->fresh->store, sql, "copying labels", error);
}

/* What dmlgallery says of a frame, and what no source is said of. */
static gboolean
is_of_camera (const DmlStoredItem *row)
{
  return row->content == NULL &&
         (row->source == NULL || strcmp (row->source, "camera") == 0 ||
          g_str_has_prefix (row->source, "stream, "));
}

static void
lose (Reembed *r, const DmlStoredItem *row, const char *label,
      DmlLostReason reason, const char *why)
{
  g_autofree char *shown = dml_error_quote (label);
  g_autofree char *source = dml_error_quote_long (row->source, 200);
  DmlLostItem *lost = g_new0 (DmlLostItem, 1);

  lost->item = row->id;
  lost->label = g_strdup (label);
  lost->source = g_strdup (row->source);
  lost->reason = reason;
  if (reason == DML_LOST_NO_PHOTOGRAPH)
    lost->text = g_strdup_printf ("item %" ID " of %s came from a camera; "
                                  "there is no photograph of it",
                                  row->id, shown);
  else if (reason == DML_LOST_UNREADABLE)
    lost->text =
      g_strdup_printf ("item %" ID " of %s: %s", row->id, shown, why);
  else
    lost->text = g_strdup_printf (
      "item %" ID " of %s: %s %s", row->id, shown, source,
      reason == DML_LOST_GONE ? "is gone" : "is another picture now");
  g_ptr_array_add (r->report->lost, lost);
}

static gboolean
embed (Reembed *r, DmlPhotograph *photograph, DmlStoredItem *row,
       GError **error)
{
  const guint dim = r->fresh->space.dim;
  DmlPicture *picture = dml_photograph_get_picture (photograph);
  const guint views =
    r->options->views > 0 ? r->options->views : DML_PHOTOGRAPH_VIEWS;

  if (row->views == 0)
    row->views = views;
  if (!dml_session_embed_enrolment (r->session, picture, row->views, r->vector,
                                    error) ||
      !dml_vector_pack (r->fresh->store, r->vector, (size_t) row->id, r->blobs,
                        error))
    return FALSE;
  row->vector = r->blobs;
  if (row->probe == NULL)
    return TRUE;
  row->probe = r->blobs + dim;
  return dml_session_embed_probe (r->session, picture, r->vector, error) &&
         dml_vector_pack (r->fresh->store, r->vector, (size_t) row->id,
                          r->blobs + dim, error);
}

static gboolean
copy_tags (Reembed *r, gint64 item, GError **error)
{
  gboolean ok;

  if (!dml_gallery_lock_current (r->gallery, error))
    return FALSE;
  ok = dml_stored_tags_copy (r->gallery->store, item, r->fresh->store, item,
                             error);
  dml_gallery_unlock (r->gallery);
  return ok;
}

/* FALSE only where nothing can go on; an item may be lost. */
static gboolean
reembed_item (Reembed *r, const Old *old, guint label, GError **error)
{
  const char *name = r->snapshot->labels->name[label];
  g_autoptr (GBytes) thumbnail = NULL;
  g_autoptr (DmlPhotograph) photograph = NULL;
  g_autoptr (GError) failure = NULL;
  g_autofree char *path = NULL, *source = NULL, *why = NULL;
  DmlStoredItem row = old->row;
  DmlLostReason reason;
  DmlWanted wanted = { row.source, row.content, NULL };

  if (row.thumbnail != NULL) /* gone with the item, since: no harm */
    thumbnail = dml_gallery_get_thumbnail (r->gallery, row.id, NULL);
  wanted.thumbnail = thumbnail;
  if (is_of_camera (&row) && row.probe == NULL) {
    lose (r, &row, name, DML_LOST_NO_PHOTOGRAPH, NULL);
    return TRUE;
  }
  photograph = dml_finder_find (r->finder, &wanted, &path, &reason, &why);
  if (photograph == NULL) {
    if (is_of_camera (&row))
      reason = DML_LOST_NO_PHOTOGRAPH;
    lose (r, &row, name, reason, why);
    return TRUE;
  }
  if (!embed (r, photograph, &row, &failure)) {
    if (!g_error_matches (failure, DML_ERROR, DML_ERROR_INVALID) &&
        !g_error_matches (failure, DML_ERROR, DML_ERROR_FORMAT)) {
      g_propagate_error (error, g_steal_pointer (&failure));
      return FALSE;
    }
    lose (r, &row, name, DML_LOST_UNREADABLE, failure->message);
    return TRUE;
  }
  r->report->n_unchecked += row.content == NULL && thumbnail == NULL;
  r->report->n_moved += g_strcmp0 (path, row.source) != 0;
  source = g_utf8_make_valid (path, -1);
  row.source = source;
  row.content = dml_photograph_get_content (photograph);
  row.thumbnail = NULL;
  if (thumbnail != NULL)
    row.thumbnail = g_bytes_get_data (thumbnail, &row.n_thumbnail);
  if (!dml_stored_item_add (r->fresh->store, r->insert, &row, NULL, error) ||
      !copy_tags (r, row.id, error))
    return FALSE;
  r->report->n_items++;
  r->n_of_label[label]++;
  return TRUE;
}

static gboolean
fill (Reembed *r, GError **error)
{
  const DmlReembedOptions *options = r->options;
  const guint n = r->olds->len;

  r->insert = dml_stored_item_insert (r->fresh->store, error);
  if (r->insert == NULL || !write_labels (r, error))
    return FALSE;
  for (guint i = 0; i < n; i++) {
    const Old *old = &g_array_index (r->olds, Old, i);
    const gint label =
      dml_labels_find_id (r->snapshot->labels, old->row.label_id);

    if (label < 0) /* came with a label, since the snapshot was taken */
      continue;
    if (options->progress != NULL &&
        !options->progress (i, n, r->snapshot->labels->name[label],
                            options->data))
      return dml_fail (error, CANCELLED,
                       "%s: stopped at item %u of %u; nothing was written",
                       r->fresh->path, i, n);
    if (!reembed_item (r, old, (guint) label, error))
      return FALSE;
  }
  if (n > 0 && r->report->n_items == 0)
    return dml_fail (error, NOT_FOUND,
                     "%s: no photograph of its %u item%s was found; nothing "
                     "was written",
                     r->gallery->path, n, n == 1 ? "" : "s");
  return write_last_numbers (r, error);
}

static void
count_labels (Reembed *r)
{
  for (guint l = 0; l < r->snapshot->labels->n; l++) {
    r->report->n_labels += r->n_of_label[l] > 0;
    r->report->n_empty +=
      r->n_of_label[l] == 0 && dml_snapshot_n_of (r->snapshot, l) > 0;
  }
}

/* As the old one was. */
static gboolean
calibrate (Reembed *r, DmlEncoder *encoder, GError **error)
{
  g_autoptr (GError) why = NULL;

  if (r->snapshot->thresholds->len == 0)
    return TRUE;
  if (dml_gallery_calibrate (r->fresh, encoder,
                             dml_wished_rate (r->snapshot->thresholds), NULL,
                             &r->report->calibrated, &why) ||
      g_error_matches (why, DML_ERROR, DML_ERROR_NOT_FOUND))
    return TRUE; /* or there are too few labels, now */
  g_propagate_error (error, g_steal_pointer (&why));
  return FALSE;
}

static gboolean
make (Reembed *r, DmlEncoder *encoder, const char *name, const char *path,
      GError **error)
{
  const guint dim = dml_encoder_get_dim (encoder);

  r->fresh = dml_gallery_open_unnamed (name, path, error);
  if (r->fresh == NULL ||
      !(r->session = dml_encoder_session_new (encoder, 0, error)))
    return FALSE;
  r->vector = g_new (float, dim);
  r->blobs = g_new (float, 2 * (size_t) dim);
  r->n_of_label = g_new0 (guint32, r->snapshot->labels->n + 1);
  if (!dml_gallery_change_begin (r->fresh, "enrolling", error) ||
      !dml_gallery_change_end (r->fresh, fill (r, error), error))
    return FALSE;
  count_labels (r);
  return calibrate (r, encoder, error);
}

static gboolean
fail_taken (const char *path, GError **error)
{
  return dml_fail (error, INVALID,
                   "%s: is there already and is not written over; choose "
                   "another name",
                   path);
}

static void
reembed_clear (Reembed *r)
{
  g_clear_pointer (&r->insert, sqlite3_finalize);
  g_clear_pointer (&r->session, dml_session_free);
  g_clear_pointer (&r->fresh, dml_gallery_unref);
  g_clear_pointer (&r->finder, dml_finder_free);
  g_clear_pointer (&r->olds, g_array_unref);
  g_clear_pointer (&r->snapshot, dml_snapshot_unref);
  g_clear_pointer (&r->n_of_label, g_free);
  g_clear_pointer (&r->vector, g_free);
  g_clear_pointer (&r->blobs, g_free);
}

static gboolean
reembed (Reembed *r, DmlEncoder *encoder, const char *path, GError **error)
{
  const DmlSpace space = dml_space_of (encoder);
  g_autofree char *folder = NULL;
  gboolean ok, taken = FALSE;
  struct stat st;
  char *name;

  if (lstat (path, &st) == 0)
    return fail_taken (path, error);
  if (!read_gallery (r, error))
    return FALSE;
  folder = g_path_get_dirname (r->gallery->store->file);
  r->finder = dml_finder_new (folder, r->options->photos);
  name = dml_store_create_unnamed (path, &space, error);
  if (name == NULL)
    return FALSE;
  ok = make (r, encoder, name, path, error);
  reembed_clear (r); /* closes it: from here on it is one file */
  ok = ok && dml_store_name (path, name, &taken, error);
  dml_store_drop_name (name);
  return ok && (!taken || fail_taken (path, error));
}

gboolean
dml_gallery_reembed (DmlGallery *gallery, DmlEncoder *encoder, const char *path,
                     const DmlReembedOptions *options,
                     DmlReembedReport **report, GError **error)
{
  static const DmlReembedOptions defaults = { 0 };
  g_autoptr (DmlReembedReport) own = report_new ();
  Reembed r = { .gallery = gallery, .report = own };
  gboolean ok;

  g_return_val_if_fail (encoder != NULL && path != NULL, FALSE);
  g_return_val_if_fail (options == NULL || options->views <= DML_VIEWS_MAX,
                        FALSE);
  r.options = options != NULL ? options : &defaults;
  ok = reembed (&r, encoder, path, error);
  reembed_clear (&r);
  if (report != NULL)
    *report = g_steal_pointer (&own);
  return ok;
}
