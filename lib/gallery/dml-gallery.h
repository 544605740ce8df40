/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Galleries: labelled embeddings in one SQLite file, their snapshots, and the
 * matcher that decides over them. */
#pragma once

#include <dml/dml-match.h>
#include <math.h>

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
 *   that are not finite, items without a label
 * @error: (nullable): return location for a #GError
 *
 * Reads everything.
 *
 * Returns: %TRUE if the check could be done, whatever it found
 */
DML_API gboolean dml_gallery_verify (DmlGallery *gallery, char ***problems,
                                     GError **error);

/**
 * DmlSnapshot:
 *
 * An immutable picture of one revision with its search index: what matching
 * reads. Never half a change. Reference-counted.
 */
typedef struct _DmlSnapshot DmlSnapshot;

#define DML_TYPE_SNAPSHOT (dml_snapshot_get_type ())
DML_API GType dml_snapshot_get_type (void);

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
DML_API DmlSnapshot *dml_snapshot_ref (DmlSnapshot *snapshot);
DML_API void dml_snapshot_unref (DmlSnapshot *snapshot);
DML_API gint64 dml_snapshot_get_revision (const DmlSnapshot *snapshot);
DML_API const char *dml_snapshot_get_fingerprint (const DmlSnapshot *snapshot);
DML_API guint dml_snapshot_get_dim (const DmlSnapshot *snapshot);
DML_API DmlMetric dml_snapshot_get_metric (const DmlSnapshot *snapshot);
DML_API guint dml_snapshot_get_n_items (const DmlSnapshot *snapshot);
DML_API guint dml_snapshot_get_n_labels (const DmlSnapshot *snapshot);

/**
 * dml_snapshot_get_label:
 * @snapshot: a #DmlSnapshot
 * @i: below dml_snapshot_get_n_labels(); labels are in order of their ids
 * @n_items: (out) (optional): items it has
 * @data: (out) (optional) (transfer none) (nullable): its JSON
 *
 * Returns: (transfer none): its name
 */
DML_API const char *dml_snapshot_get_label (const DmlSnapshot *snapshot,
                                            guint i, guint *n_items,
                                            const char **data);

/**
 * dml_snapshot_find_label:
 * @snapshot: a #DmlSnapshot
 * @label: a name
 *
 * Returns: index of the label, or -1 where there is none of that name
 */
DML_API gint dml_snapshot_find_label (const DmlSnapshot *snapshot,
                                      const char *label);

/**
 * dml_snapshot_get_item:
 * @snapshot: a #DmlSnapshot
 * @i: below dml_snapshot_get_n_items(); items are in order of their ids
 * @item: (out) (optional): its id
 * @label: (out) (optional): index of its label
 *
 * Returns: (transfer none): its D floats
 */
DML_API const float *dml_snapshot_get_item (const DmlSnapshot *snapshot,
                                            guint i, gint64 *item,
                                            guint *label);

/**
 * DmlFindingKind:
 * @DML_FINDING_OUTLIER: an item unlike its label's others, or nearer to another
 *   label than to its own: a bad or wrongly labelled picture
 * @DML_FINDING_CONFUSABLE: two labels that are hard to tell apart
 * @DML_FINDING_DUPLICATE: the same picture under two labels
 */
typedef enum {
  DML_FINDING_OUTLIER,
  DML_FINDING_CONFUSABLE,
  DML_FINDING_DUPLICATE,
} DmlFindingKind;

#define DML_TYPE_FINDING_KIND (dml_finding_kind_get_type ())
DML_API GType dml_finding_kind_get_type (void);

/**
 * DmlFinding:
 * @kind: what was found
 * @item: id of the item it is about
 * @label: its label
 * @other_item: the item of another label that it is near to, or -1
 * @other_label: (nullable): that one's label
 * @similarity: to the label's others, or to @other_item
 * @expected: what it should at least be, or NaN
 * @text: a sentence for people
 *
 * Something that may be wrong with the pictures of a gallery.
 */
typedef struct {
  DmlFindingKind kind;
  gint64 item;
  char *label;
  gint64 other_item;
  char *other_label;
  double similarity, expected;
  char *text;
} DmlFinding;

#define DML_TYPE_FINDING (dml_finding_get_type ())
DML_API GType dml_finding_get_type (void);
DML_API DmlFinding *dml_finding_copy (const DmlFinding *finding);
DML_API void dml_finding_free (DmlFinding *finding);

/**
 * dml_snapshot_audit:
 * @snapshot: a #DmlSnapshot
 * @label: (nullable): say only what concerns this label, which is much faster,
 *   or %NULL for all
 * @error: (nullable): return location for a #GError
 *
 * Looks for pictures that do harm: one bad reference makes strangers match.
 * Outliers need labels of two items or more, confusable labels a gallery of ten
 * labels; docs/thresholds.md says what counts as far.
 *
 * Returns: (transfer full) (nullable) (element-type DmlFinding): what was
 * found, in order of items, or %NULL with #DML_ERROR_NOT_FOUND (no such label)
 * or #DML_ERROR_NO_MEMORY
 */
DML_API GPtrArray *dml_snapshot_audit (DmlSnapshot *snapshot, const char *label,
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

/**
 * DmlClassifier:
 * @DML_CLASSIFIER_AUTO: nearest neighbours: needs no training, points to the
 *   item that decided, and was best for products (docs/thresholds.md)
 * @DML_CLASSIFIER_KNN: k nearest neighbours, votes weighted by similarity
 * @DML_CLASSIFIER_PROTOTYPE: nearest mean of a label
 * @DML_CLASSIFIER_SVM: linear, one against rest
 * @DML_CLASSIFIER_BAYES: Gaussian naive Bayes with shrunk pooled variances
 */
typedef enum {
  DML_CLASSIFIER_AUTO,
  DML_CLASSIFIER_KNN,
  DML_CLASSIFIER_PROTOTYPE,
  DML_CLASSIFIER_SVM,
  DML_CLASSIFIER_BAYES,
} DmlClassifier;

#define DML_TYPE_CLASSIFIER (dml_classifier_get_type ())
DML_API GType dml_classifier_get_type (void);

/**
 * DML_FALSE_ACCEPT_RATE:
 *
 * The share of unknown things that may get a name where nobody says otherwise:
 * a shelf's, not a door's.
 */
#define DML_FALSE_ACCEPT_RATE 0.05

/**
 * DmlMatcher:
 *
 * Options and what was learned from one snapshot (means, SVM). Immutable: make
 * a new one, off the streaming thread, when options or snapshot change.
 * Reference-counted.
 */
typedef struct _DmlMatcher DmlMatcher;

/**
 * DmlMatcherOptions:
 * @k: neighbours, 1..100
 * @classifier: who decides the label
 * @threshold: similarity that must be exceeded; NaN = calibrated
 * @false_accept_rate: for the calibrated threshold, in (0, 1)
 * @margin: by how much the best label must lead; 0 = none asked for
 * @labels: (nullable): only these count; %NULL = all
 * @like: (nullable): what was learned for it is taken over where the snapshot,
 *   @classifier and @labels are the same: nothing is trained then
 * @cancel: (nullable): set to 1, atomically, from another thread it ends the
 *   training of an SVM, between two labels, with #DML_ERROR_CANCELLED
 */
typedef struct {
  guint k;
  DmlClassifier classifier;
  double threshold;
  double false_accept_rate;
  double margin;
  const char *const *labels;
  const DmlMatcher *like;
  const gint *cancel;
} DmlMatcherOptions;

#define DML_MATCHER_OPTIONS_INIT                                               \
  {                                                                            \
    5, DML_CLASSIFIER_AUTO, (double) NAN, DML_FALSE_ACCEPT_RATE, 0.0, NULL,    \
      NULL, NULL                                                               \
  }

#define DML_TYPE_MATCHER (dml_matcher_get_type ())
DML_API GType dml_matcher_get_type (void);

/**
 * dml_matcher_new: (skip)
 * @snapshot: what to match against
 * @encoder: (nullable): for its thresholds, used where the gallery has none
 * @options: (nullable): %NULL for the defaults
 * @error: (nullable): return location for a #GError
 *
 * Trains the classifier where it needs training. The threshold is @options',
 * else the lead that was stored by dml_gallery_calibrate(), else one that is
 * measured here in the same way on at most 400 items, else, where there are
 * fewer than ten labels, the encoder's, else 0.5.
 *
 * Returns: (transfer full) (nullable): the matcher, or %NULL with
 *   #DML_ERROR_INVALID (an option out of range; a label filter that names a
 *   label which is not there), #DML_ERROR_MISMATCH (another encoder's),
 *   #DML_ERROR_LIMIT (an SVM that would train for many minutes),
 *   #DML_ERROR_CANCELLED or #DML_ERROR_NO_MEMORY
 */
DML_API DmlMatcher *dml_matcher_new (DmlSnapshot *snapshot, DmlEncoder *encoder,
                                     const DmlMatcherOptions *options,
                                     GError **error);
DML_API DmlMatcher *dml_matcher_ref (DmlMatcher *matcher);
DML_API void dml_matcher_unref (DmlMatcher *matcher);

/**
 * dml_matcher_shares_model:
 * @matcher: a #DmlMatcher
 * @other: a #DmlMatcher
 *
 * Returns: whether both decide by what was learned once, as `like` of
 *   #DmlMatcherOptions has it
 */
DML_API gboolean dml_matcher_shares_model (const DmlMatcher *matcher,
                                           const DmlMatcher *other);

/**
 * dml_matcher_get_threshold:
 * @matcher: a #DmlMatcher
 *
 * Returns: the similarity to be exceeded; or the lead, where
 *   dml_matcher_is_relative()
 */
DML_API double dml_matcher_get_threshold (const DmlMatcher *matcher);

/**
 * dml_matcher_is_relative:
 * @matcher: a #DmlMatcher
 *
 * Whether the threshold comes from the gallery's own calibration: then it is
 * the lead that the best label must have over the mean of the next five, and
 * the similarity asked for differs from query to query
 * (dml_match_get_threshold()).
 */
DML_API gboolean dml_matcher_is_relative (const DmlMatcher *matcher);

/**
 * dml_matcher_describe_threshold:
 * @matcher: a #DmlMatcher
 *
 * Returns: (transfer none): what must be exceeded and who says so, in words
 */
DML_API const char *dml_matcher_describe_threshold (const DmlMatcher *matcher);

/**
 * dml_matcher_get_warning:
 * @matcher: a #DmlMatcher
 *
 * Returns: (transfer none) (nullable): why the threshold may be out of date: it
 *   was calibrated when there were far more or fewer labels
 */
DML_API const char *dml_matcher_get_warning (const DmlMatcher *matcher);

/**
 * dml_matcher_get_threshold_origin:
 * @matcher: a #DmlMatcher
 *
 * Returns: (transfer none): "option", "gallery", "encoder" or "default"
 */
DML_API const char *
dml_matcher_get_threshold_origin (const DmlMatcher *matcher);

/**
 * dml_matcher_match: (skip)
 * @matcher: a #DmlMatcher
 * @queries: @n x D floats, finite
 * @n: how many, at least 1
 * @matches: (out caller-allocates): room for @n; each (transfer full)
 *
 * Decides. Thread-safe: any number at once.
 */
DML_API void dml_matcher_match (const DmlMatcher *matcher, const float *queries,
                                size_t n, DmlMatch **matches);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DmlItem, dml_item_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (DmlFinding, dml_finding_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (DmlGallery, dml_gallery_unref)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (DmlSnapshot, dml_snapshot_unref)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (DmlMatcher, dml_matcher_unref)

G_END_DECLS
