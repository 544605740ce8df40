/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Galleries as wholes: made again for another encoder. */
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

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DmlLostItem, dml_lost_item_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (DmlReembedReport, dml_reembed_report_free)

G_END_DECLS
