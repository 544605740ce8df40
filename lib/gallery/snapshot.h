/* SPDX-License-Identifier: LGPL-2.1-or-later
 * What matching reads: rows, labels and thresholds of one revision. */
#pragma once

#include <dml/dml-gallery.h>

#include "gallery/index.h"
#include "gallery/store.h"

/* Names and data of the labels; matches keep it alive without the rows.
 * Immutable once filled, reference-counted. */
typedef struct {
  gint ref_count; /* atomic */
  guint n;
  gint64 *ids;       /* rising */
  const char **name; /* in text */
  const char **data; /* in text, NULL where there is none */
  GStringChunk *text;
  GHashTable *by_name; /* name -> index + 1 */
} DmlLabels;

DmlLabels *dml_labels_new (void);
void dml_labels_add (DmlLabels *labels, gint64 id, const char *name,
                     const char *data);
DmlLabels *dml_labels_ref (DmlLabels *labels);
void dml_labels_unref (DmlLabels *labels);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (DmlLabels, dml_labels_unref)

/* Which label has that name, or that id; -1 where none has. */
gint dml_labels_find (const DmlLabels *labels, const char *name);
gint dml_labels_find_id (const DmlLabels *labels, gint64 id);

/* A stored calibration: threshold.threshold is the lead to be exceeded. */
typedef struct {
  gboolean prototype; /* by similarity to prototypes, else to items */
  DmlThreshold threshold;
  guint n_crowd;      /* labels that the lead is over; at least 1 */
  double sure;        /* lead with 95 % confidence, NaN where not reachable */
  double true_accept; /* NaN where not known */
  gint64 revision;    /* what it was made for */
  guint n_labels;
} DmlStoredLead;

struct _DmlSnapshot {
  gint ref_count; /* atomic */
  char *path;
  DmlSpace space;
  gint64 revision;
  DmlLabels *labels;
  guint n_items;
  float *rows;       /* n_items x dim, in order of ids */
  gint64 *ids;       /* rising */
  guint32 *label_of; /* index into labels */
  guint n_probes;
  float *probes;       /* n_probes x dim */
  guint32 *probe_of;   /* row that each is a probe of, rising */
  gboolean all_probes; /* a row without one has none in the file either */
  guint32 *by_label;   /* row numbers, label after label ... */
  guint32 *first;      /* ... those of label l: first[l] .. first[l + 1] - 1 */
  DmlIndex *index;
  GArray *thresholds; /* of DmlStoredLead */
};

/* Room for @n_items rows, to be filled by the caller: rows, ids, label_of,
 * thresholds; then sealed. Takes the reference to @labels. Room for probes is
 * another matter: most snapshots are made to match, not to measure. */
DmlSnapshot *dml_snapshot_alloc (const char *path, const DmlSpace *space,
                                 DmlLabels *labels, guint n_items,
                                 GError **error);
gboolean dml_snapshot_alloc_probes (DmlSnapshot *snapshot, guint n_probes,
                                    GError **error);
gboolean dml_snapshot_seal (DmlSnapshot *snapshot, GError **error);

/* The rows of some labels only. @keep: one flag a label. */
DmlSnapshot *dml_snapshot_filter (const DmlSnapshot *snapshot,
                                  const gboolean *keep, GError **error);

/* A stored vector, of the row that a statement stands on, as numbers; or FALSE
 * and (transfer full) *what is wrong. */
gboolean dml_vector_column (const DmlSpace *space, DmlStmt *stmt, int column,
                            float *vector, char **what);

/* The current revision; what @last (nullable) has of it is copied from there.
 * The caller holds the gallery's lock. */
DmlSnapshot *dml_snapshot_load (DmlStore *store, const DmlSnapshot *last,
                                GError **error);

static inline const float *
dml_snapshot_row (const DmlSnapshot *snapshot, guint row)
{
  return snapshot->rows + (size_t) row * snapshot->space.dim;
}

static inline guint
dml_snapshot_n_of (const DmlSnapshot *snapshot, guint label)
{
  return snapshot->first[label + 1] - snapshot->first[label];
}
