/* SPDX-License-Identifier: LGPL-2.1-or-later
 * One revision of a gallery in memory: its labels and items, and what may be
 * wrong with them. */
#pragma once

#include <dml/dml-encoder.h>

G_BEGIN_DECLS

/**
 * DmlSnapshot:
 *
 * An immutable picture of one revision with its search index: what matching
 * reads. Never half a change. Reference-counted.
 */
typedef struct _DmlSnapshot DmlSnapshot;

#define DML_TYPE_SNAPSHOT (dml_snapshot_get_type ())
DML_API GType dml_snapshot_get_type (void);

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

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DmlFinding, dml_finding_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (DmlSnapshot, dml_snapshot_unref)

G_END_DECLS
