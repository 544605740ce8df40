/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Galleries as wholes: made again for another encoder, compared. */
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

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DmlDifference, dml_difference_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (DmlLostItem, dml_lost_item_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (DmlReembedReport, dml_reembed_report_free)

G_END_DECLS
