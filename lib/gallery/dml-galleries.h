/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Galleries as wholes: made again for another encoder, compared, joined. */
#pragma once

#include <dml/dml-gallery.h>

G_BEGIN_DECLS

/**
 * DmlLostReason:
 * @DML_LOST_NO_PHOTOGRAPH: it came from a camera; there never was a photograph
 * @DML_LOST_GONE: the photograph is not where it was, nor among those named
 * @DML_LOST_CHANGED: another picture stands in its place
 * @DML_LOST_UNREADABLE: it is there and cannot be read
 *
 * Why an item could not be embedded again.
 */
typedef enum {
  DML_LOST_NO_PHOTOGRAPH,
  DML_LOST_GONE,
  DML_LOST_CHANGED,
  DML_LOST_UNREADABLE,
} DmlLostReason;

#define DML_TYPE_LOST_REASON (dml_lost_reason_get_type ())
DML_API GType dml_lost_reason_get_type (void);

/**
 * DmlLostItem:
 * @item: its id
 * @label: its label
 * @source: (nullable): where it came from
 * @reason: why it was left out
 * @text: a sentence for people
 *
 * An item that is not in the new gallery.
 */
typedef struct {
  gint64 item;
  char *label;
  char *source;
  DmlLostReason reason;
  char *text;
} DmlLostItem;

#define DML_TYPE_LOST_ITEM (dml_lost_item_get_type ())
DML_API GType dml_lost_item_get_type (void);
DML_API DmlLostItem *dml_lost_item_copy (const DmlLostItem *lost);
DML_API void dml_lost_item_free (DmlLostItem *lost);

/**
 * DmlReembedReport:
 * @n_items: items of the new gallery
 * @n_labels: its labels that have items
 * @n_empty: its labels that had items and have none any more
 * @n_moved: items whose photograph was found elsewhere than they say
 * @n_unchecked: items whose photograph was taken by its path alone: neither
 *   content nor thumbnail is known
 * @calibrated: thresholds were measured again, as the gallery had its own
 * @lost: (element-type DmlLostItem): items that were left out
 *
 * What dml_gallery_reembed() did.
 */
typedef struct {
  guint n_items, n_labels, n_empty, n_moved, n_unchecked;
  gboolean calibrated;
  GPtrArray *lost;
} DmlReembedReport;

#define DML_TYPE_REEMBED_REPORT (dml_reembed_report_get_type ())
DML_API GType dml_reembed_report_get_type (void);
DML_API DmlReembedReport *
dml_reembed_report_copy (const DmlReembedReport *report);
DML_API void dml_reembed_report_free (DmlReembedReport *report);

/**
 * DmlReembedProgress:
 * @done: items that were looked at
 * @n: items in all
 * @label: of the next one
 * @data: the caller's
 *
 * Returns: %FALSE to stop; nothing is written then
 */
typedef gboolean (*DmlReembedProgress) (guint done, guint n, const char *label,
                                        gpointer data);

/**
 * DmlReembedOptions:
 * @photos: (nullable): NULL-ended paths of files among which photographs are
 *   looked for by content
 * @views: of items that do not tell how many; 0 = %DML_PHOTOGRAPH_VIEWS
 * @progress: (nullable): called before each item
 * @data: for @progress
 */
typedef struct {
  const char *const *photos;
  guint views;
  DmlReembedProgress progress;
  gpointer data;
} DmlReembedOptions;

/**
 * dml_gallery_reembed: (skip)
 * @gallery: a #DmlGallery, which is only read
 * @encoder: whose embeddings the new one will hold
 * @path: (type filename): the new gallery; never written over
 * @options: (nullable): %NULL for the defaults
 * @report: (out) (optional) (transfer full): what was done, on failure too
 * @error: (nullable): return location for a #GError
 *
 * Makes a gallery of another encoder from the same photographs: labels with
 * their data, items with their ids, views, dates, quality, thumbnails and tags.
 * A photograph is where its item says it was (a relative path also counts from
 * the gallery's folder), or among `photos`; it is the one that is meant if its
 * SHA-256 is the item's or, where the item has none, its thumbnail is.
 * Items without one are left out, and told. Thresholds are measured again where
 * the gallery had its own. The file appears when it is whole.
 *
 * Returns: %FALSE with #DML_ERROR_INVALID (@path is taken),
 *   #DML_ERROR_NOT_FOUND (not one photograph is there), #DML_ERROR_CANCELLED,
 *   or what opening, reading and enrolling say; there is no new file then
 */
DML_API gboolean dml_gallery_reembed (DmlGallery *gallery, DmlEncoder *encoder,
                                      const char *path,
                                      const DmlReembedOptions *options,
                                      DmlReembedReport **report,
                                      GError **error);

/**
 * DmlDifferenceKind:
 * @DML_DIFFERENCE_ENCODER: they hold embeddings of two encoders
 * @DML_DIFFERENCE_CALIBRATION: other thresholds are stored, or only in one
 * @DML_DIFFERENCE_LABEL_REMOVED: only the first has the label
 * @DML_DIFFERENCE_LABEL_ADDED: only the other has the label
 * @DML_DIFFERENCE_DATA: another JSON stands with the label
 * @DML_DIFFERENCE_ITEM_REMOVED: only the first has the item under its label
 * @DML_DIFFERENCE_ITEM_ADDED: only the other has it
 * @DML_DIFFERENCE_EMBEDDING: the same photograph, embedded otherwise: with
 *   other views
 *
 * In what two galleries differ, on the way from the first to the other.
 */
typedef enum {
  DML_DIFFERENCE_ENCODER,
  DML_DIFFERENCE_CALIBRATION,
  DML_DIFFERENCE_LABEL_REMOVED,
  DML_DIFFERENCE_LABEL_ADDED,
  DML_DIFFERENCE_DATA,
  DML_DIFFERENCE_ITEM_REMOVED,
  DML_DIFFERENCE_ITEM_ADDED,
  DML_DIFFERENCE_EMBEDDING,
} DmlDifferenceKind;

#define DML_TYPE_DIFFERENCE_KIND (dml_difference_kind_get_type ())
DML_API GType dml_difference_kind_get_type (void);

/**
 * DmlDifference:
 * @kind: what differs
 * @label: (nullable): the label it is about
 * @item: id in the first gallery, or -1
 * @other_item: id in the other, or -1
 * @n_items: items that it is about
 * @text: words for people
 *
 * One thing in which two galleries differ.
 */
typedef struct {
  DmlDifferenceKind kind;
  char *label;
  gint64 item, other_item;
  guint n_items;
  char *text;
} DmlDifference;

#define DML_TYPE_DIFFERENCE (dml_difference_get_type ())
DML_API GType dml_difference_get_type (void);
DML_API DmlDifference *dml_difference_copy (const DmlDifference *difference);
DML_API void dml_difference_free (DmlDifference *difference);

/**
 * dml_gallery_compare:
 * @gallery: a #DmlGallery
 * @other: another one
 * @error: (nullable): return location for a #GError
 *
 * What two galleries have not in common: encoder, calibration, labels, their
 * data, their items. Items are compared by what they are of, not by number or
 * date: the same embedding (a similarity above %DML_SAME_PICTURE) or the same
 * photograph; in galleries of two encoders the same photograph, else the same
 * thumbnail, else the same source.
 *
 * Returns: (transfer full) (nullable) (element-type DmlDifference): the
 *   differences, none where the galleries are equal, or %NULL as
 *   dml_gallery_get_snapshot() says
 */
DML_API GPtrArray *dml_gallery_compare (DmlGallery *gallery, DmlGallery *other,
                                        GError **error);

/**
 * DmlMergeReport:
 * @n_labels: labels that are new
 * @n_items: items that come
 * @n_known: items that were there already, under their label
 * @calibration_is_old: thresholds are stored, of before: calibrate again
 * @changes: (element-type DmlDifference): what comes: a label that is new, or
 *   items of one that was there (`n_items` of them), or data for one that had
 *   none
 * @kept: (element-type DmlDifference): labels whose data is not the other's and
 *   stays
 * @twins: (element-type DmlFinding): items that come although another label has
 *   the same picture: `item` and `label` are the other gallery's, `other_item`
 *   and `other_label` this one's
 *
 * What dml_gallery_merge() did, or would do.
 */
typedef struct {
  guint n_labels, n_items, n_known;
  gboolean calibration_is_old;
  GPtrArray *changes;
  GPtrArray *kept;
  GPtrArray *twins;
} DmlMergeReport;

#define DML_TYPE_MERGE_REPORT (dml_merge_report_get_type ())
DML_API GType dml_merge_report_get_type (void);
DML_API DmlMergeReport *dml_merge_report_copy (const DmlMergeReport *report);
DML_API void dml_merge_report_free (DmlMergeReport *report);

/**
 * dml_gallery_merge:
 * @gallery: a #DmlGallery opened for writing; for a dry run, reading will do
 * @other: one of the same encoder, which is only read
 * @dry_run: only say what would be done
 * @report: (out) (optional) (transfer full): what was done
 * @error: (nullable): return location for a #GError
 *
 * Takes another gallery's labels, data and items into this one, in one
 * transaction: all or nothing. An item is there already, and is not doubled, if
 * its label here has the same photograph or the same picture (a similarity
 * above %DML_SAME_PICTURE). Items get new ids and keep the rest. Where both
 * have data for a label, this one's stays. Not within a transaction of
 * dml_gallery_begin().
 *
 * Returns: %FALSE with #DML_ERROR_MISMATCH (another encoder's),
 *   #DML_ERROR_INVALID (the same file; a transaction is open),
 *   #DML_ERROR_FORMAT (one of them is damaged), #DML_ERROR_READ_ONLY,
 *   #DML_ERROR_BUSY or #DML_ERROR_NO_SPACE; nothing has changed then
 */
DML_API gboolean dml_gallery_merge (DmlGallery *gallery, DmlGallery *other,
                                    gboolean dry_run, DmlMergeReport **report,
                                    GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DmlMergeReport, dml_merge_report_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (DmlDifference, dml_difference_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (DmlLostItem, dml_lost_item_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (DmlReembedReport, dml_reembed_report_free)

G_END_DECLS
