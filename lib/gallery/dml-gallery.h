/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Galleries: labelled embeddings in one SQLite file. What is read from one is
 * a snapshot, what decides over that a matcher. */
#pragma once

#include <dml/dml-matcher.h>
#include <dml/dml-snapshot.h>

G_BEGIN_DECLS

/**
 * DmlGallery:
 *
 * An open gallery file (docs/gallery-schema.md). Several processes may have it
 * open at once. Every change is one transaction and raises the revision; when a
 * call returns %TRUE the change is on the disk. Reference-counted, locked.
 */
typedef struct _DmlGallery DmlGallery;

/**
 * DmlGalleryFlags:
 * @DML_GALLERY_READ: nothing will be changed
 * @DML_GALLERY_WRITE: changes are possible; an existing file only
 * @DML_GALLERY_CREATE: as WRITE, and make the file where there is none
 */
typedef enum {
  DML_GALLERY_READ,
  DML_GALLERY_WRITE,
  DML_GALLERY_CREATE,
} DmlGalleryFlags;

#define DML_TYPE_GALLERY (dml_gallery_get_type ())
DML_API GType dml_gallery_get_type (void);

/**
 * dml_gallery_open:
 * @path: (type filename): the file
 * @flags: how
 * @encoder: (nullable): the encoder whose embeddings it holds: checked against
 *   an existing file, written into a new one; needed to create
 * @error: (nullable): return location for a #GError
 *
 * Opens a gallery and checks it: application id, schema version, fingerprint,
 * dimension. Items are checked when they are read (dml_gallery_get_snapshot()),
 * so that a damaged gallery can be opened to be mended. A file that is moved to
 * @path later is taken up by the next call.
 *
 * Returns: (transfer full) (nullable): the gallery, or %NULL with
 *   #DML_ERROR_NOT_FOUND, #DML_ERROR_FORMAT (not SQLite, not a gallery, an
 *   empty file, damaged), #DML_ERROR_UNSUPPORTED (newer major schema),
 *   #DML_ERROR_MISMATCH (another encoder's; both are named),
 *   #DML_ERROR_READ_ONLY, #DML_ERROR_BUSY or #DML_ERROR_NO_SPACE
 */
DML_API DmlGallery *dml_gallery_open (const char *path, DmlGalleryFlags flags,
                                      DmlEncoder *encoder, GError **error);
DML_API DmlGallery *dml_gallery_ref (DmlGallery *gallery);

/* The last reference closes the file; a closed gallery is one file. */
DML_API void dml_gallery_unref (DmlGallery *gallery);

DML_API const char *dml_gallery_get_path (DmlGallery *gallery);
DML_API const char *dml_gallery_get_fingerprint (DmlGallery *gallery);
DML_API const char *dml_gallery_get_encoder_name (DmlGallery *gallery);
DML_API guint dml_gallery_get_dim (DmlGallery *gallery);
DML_API DmlMetric dml_gallery_get_metric (DmlGallery *gallery);

/**
 * dml_gallery_get_revision:
 * @gallery: a #DmlGallery
 * @revision: (out): the number, raised by every change of any process
 * @error: (nullable): return location for a #GError
 *
 * Cheap enough to ask a few times a second.
 *
 * Returns: %FALSE with #DML_ERROR_NOT_FOUND where the file is gone,
 *   #DML_ERROR_BUSY, or what opening says of another file at the path
 */
DML_API gboolean dml_gallery_get_revision (DmlGallery *gallery,
                                           gint64 *revision, GError **error);

/**
 * dml_similarity:
 * @metric: what is measured
 * @a: (array length=dim): an embedding
 * @b: (array length=dim): another one
 * @dim: numbers in each
 *
 * How alike two embeddings are, as galleries and matchers measure it.
 * Thread-safe.
 *
 * Returns: the cosine, within [-1, 1], or NaN where one of them has no
 *   direction; or 1 / (1 + distance)
 */
DML_API double dml_similarity (DmlMetric metric, const float *a, const float *b,
                               guint dim);

/**
 * DML_SAME_PICTURE:
 *
 * Similarity above which two items are the same picture: the same photograph,
 * embedded on another machine.
 */
#define DML_SAME_PICTURE 0.9995

/**
 * DmlItemInfo:
 * @quality: 0..1, or a negative number for not known
 * @source: (nullable): where it came from: a path, a camera
 * @thumbnail: (nullable): a small JPEG
 * @probe: (nullable): D floats, dml_session_embed_probe()'s: the thing as a
 *   camera may see it. Thresholds are measured with probes where there are any;
 *   an embedding that came from a camera is its own probe
 * @content: (nullable): SHA-256 of the photograph's file, 64 hexadecimal digits
 *   (dml_photograph_get_content()): by it the photograph is found again, be it
 *   moved, and told from another
 * @views: how many views of the photograph the embedding is the mean of; 0 for
 *   not known
 *
 * What is stored beside an embedding.
 */
typedef struct {
  double quality;
  const char *source;
  GBytes *thumbnail;
  const float *probe;
  const char *content;
  guint views;
} DmlItemInfo;

/**
 * dml_gallery_enroll:
 * @gallery: a #DmlGallery opened for writing
 * @label: any non-empty UTF-8 of at most 64 KiB; made where it is new
 * @vectors: (array): @n x D floats, finite, not all zero
 * @infos: (nullable) (array length=n): what to store beside each
 * @n: how many items, at least 1
 * @items: (out caller-allocates) (optional): their ids
 * @error: (nullable): return location for a #GError
 *
 * Adds items to a label, all or none. Cosine vectors are stored with unit
 * length.
 *
 * Returns: %FALSE with #DML_ERROR_INVALID, #DML_ERROR_READ_ONLY,
 *   #DML_ERROR_BUSY or #DML_ERROR_NO_SPACE; nothing has changed then
 */
DML_API gboolean dml_gallery_enroll (DmlGallery *gallery, const char *label,
                                     const float *vectors,
                                     const DmlItemInfo *infos, size_t n,
                                     gint64 *items, GError **error);

/**
 * dml_gallery_begin:
 * @gallery: a #DmlGallery opened for writing
 * @error: (nullable): return location for a #GError
 *
 * Joins the changes up to dml_gallery_commit() into one transaction of this
 * thread; others wait. Ends in commit or rollback; unref rolls back. A change
 * that fails in between undoes itself only; where the disk is full, all of it
 * is undone, and dml_gallery_commit() says so.
 *
 * Returns: %FALSE with #DML_ERROR_BUSY, #DML_ERROR_READ_ONLY or
 *   #DML_ERROR_INVALID (there is one already)
 */
DML_API gboolean dml_gallery_begin (DmlGallery *gallery, GError **error);
DML_API gboolean dml_gallery_commit (DmlGallery *gallery, GError **error);
DML_API void dml_gallery_rollback (DmlGallery *gallery);

/**
 * dml_gallery_remove_label:
 * @gallery: a #DmlGallery opened for writing
 * @label: the label
 * @n_removed: (out) (optional): items that went with it
 * @error: (nullable): return location for a #GError
 *
 * Removes a label with its items; the bytes are overwritten
 * (`secure_delete`).
 *
 * Returns: %FALSE with #DML_ERROR_NOT_FOUND where there is no such label; the
 *   message names the nearest one there is
 */
DML_API gboolean dml_gallery_remove_label (DmlGallery *gallery,
                                           const char *label, guint *n_removed,
                                           GError **error);

/**
 * dml_gallery_remove_item:
 * @gallery: a #DmlGallery opened for writing
 * @item: its id
 * @error: (nullable): return location for a #GError
 *
 * Removes one item; its label stays, be it without items.
 *
 * Returns: %FALSE with #DML_ERROR_NOT_FOUND where there is no such item
 */
DML_API gboolean dml_gallery_remove_item (DmlGallery *gallery, gint64 item,
                                          GError **error);

/**
 * dml_gallery_rename:
 * @gallery: a #DmlGallery opened for writing
 * @label: the label as it is
 * @new_label: what to call it
 * @merge: if @new_label exists, move the items there instead of failing
 * @error: (nullable): return location for a #GError
 *
 * Returns: %FALSE with #DML_ERROR_NOT_FOUND, or #DML_ERROR_INVALID where
 *   @new_label exists and @merge is %FALSE
 */
DML_API gboolean dml_gallery_rename (DmlGallery *gallery, const char *label,
                                     const char *new_label, gboolean merge,
                                     GError **error);

/**
 * dml_gallery_set_label_data:
 * @gallery: a #DmlGallery opened for writing
 * @label: the label
 * @json: (nullable): a JSON object: price, SKU, anything; %NULL clears it
 * @error: (nullable): return location for a #GError
 *
 * Returns: %FALSE with #DML_ERROR_INVALID (no JSON object) or
 *   #DML_ERROR_NOT_FOUND
 */
DML_API gboolean dml_gallery_set_label_data (DmlGallery *gallery,
                                             const char *label,
                                             const char *json, GError **error);

/**
 * DmlItem:
 * @id: of the item
 * @label: its label
 * @added: when, UTC, ISO 8601
 * @source: (nullable): where it came from
 * @quality: 0..1, negative for not known
 * @content: (nullable): SHA-256 of its photograph's file
 * @views: of the photograph, 0 for not known
 *
 * One enrolled item without its vector.
 */
typedef struct {
  gint64 id;
  char *label;
  char *added;
  char *source;
  double quality;
  char *content;
  guint views;
} DmlItem;

#define DML_TYPE_ITEM (dml_item_get_type ())
DML_API GType dml_item_get_type (void);
DML_API DmlItem *dml_item_copy (const DmlItem *item);
DML_API void dml_item_free (DmlItem *item);

/**
 * dml_gallery_get_items:
 * @gallery: a #DmlGallery
 * @label: (nullable): of this label only, or %NULL for all
 * @error: (nullable): return location for a #GError
 *
 * Returns: (transfer full) (nullable) (element-type DmlItem): the items in
 *   order of their ids, or %NULL with #DML_ERROR_NOT_FOUND where there is no
 *   such label
 */
DML_API GPtrArray *dml_gallery_get_items (DmlGallery *gallery,
                                          const char *label, GError **error);

/**
 * dml_gallery_get_thumbnail:
 * @gallery: a #DmlGallery
 * @item: its id
 * @error: (nullable): return location for a #GError
 *
 * Returns: (transfer full) (nullable): a JPEG, or %NULL with @error unset where
 *   none is stored
 */
DML_API GBytes *dml_gallery_get_thumbnail (DmlGallery *gallery, gint64 item,
                                           GError **error);

/**
 * dml_gallery_verify:
 * @gallery: a #DmlGallery
 * @problems: (out) (transfer full) (array zero-terminated=1): a sentence for
 *   each thing that is wrong: damaged pages, blobs of a wrong length, numbers
 *   that are not finite, items without a label, thumbnails that are no
 *   pictures
 * @error: (nullable): return location for a #GError
 *
 * Reads everything.
 *
 * Returns: %TRUE if the check could be done, whatever it found
 */
DML_API gboolean dml_gallery_verify (DmlGallery *gallery, char ***problems,
                                     GError **error);

/**
 * dml_gallery_get_snapshot:
 * @gallery: a #DmlGallery
 * @error: (nullable): return location for a #GError
 *
 * The snapshot of the current revision; the same one again while nothing
 * changes.
 *
 * Returns: (transfer full) (nullable): the snapshot, or %NULL with
 *   #DML_ERROR_FORMAT (a damaged item is named), #DML_ERROR_BUSY or
 *   #DML_ERROR_NO_MEMORY
 */
DML_API DmlSnapshot *dml_gallery_get_snapshot (DmlGallery *gallery,
                                               GError **error);

/**
 * dml_gallery_calibrate:
 * @gallery: a #DmlGallery opened for writing
 * @encoder: (nullable): for its own thresholds, used where the gallery has too
 *   few labels
 * @false_accept_rate: wished share of unknown things that get a name, in
 *   (0, 1)
 * @threshold: (out caller-allocates) (optional): what was found and stored
 * @from_gallery: (out) (optional): %FALSE where it is the encoder's
 * @error: (nullable): return location for a #GError
 *
 * Takes every label in turn out of the gallery, shows its items to the rest as
 * unknown things, and stores by how much the best of the other labels may lead
 * those behind it, at this and at other rates, with the revision it was made
 * for. With @from_gallery @threshold's `threshold` is that lead, its `lower`
 * and `upper` the 95 % interval of the rate; otherwise it is the encoder's
 * similarity, and is not stored. At least ten labels with items are needed; one
 * item each is enough. docs/thresholds.md says why a lead, and what it
 * guarantees.
 *
 * Returns: %FALSE with #DML_ERROR_NOT_FOUND where neither has enough to go by,
 *   #DML_ERROR_INVALID for a rate out of range, #DML_ERROR_MISMATCH for another
 *   encoder, or what enrolling says
 */
DML_API gboolean dml_gallery_calibrate (DmlGallery *gallery,
                                        DmlEncoder *encoder,
                                        double false_accept_rate,
                                        DmlThreshold *threshold,
                                        gboolean *from_gallery, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DmlItem, dml_item_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (DmlGallery, dml_gallery_unref)

G_END_DECLS
