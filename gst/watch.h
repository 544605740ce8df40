/* SPDX-License-Identifier: LGPL-2.1-or-later
 * A gallery that may change while it is matched against: by this process or by
 * another. A thread looks at its revision, reads and trains away from the
 * streaming thread, and swaps the result in whole. */
#pragma once

#include <dml/dml.h>

G_BEGIN_DECLS

/* One revision ready for use. Immutable, reference-counted. */
typedef struct {
  gatomicrefcount refs;
  DmlSnapshot *snapshot;
  DmlMatcher *matcher;
  GHashTable *label_ids; /* name to index + 1; names belong to snapshot */
  gboolean with_encoder; /* its thresholds were at hand */
  guint64 trainings;     /* of classifiers since the gallery was opened */
} GstDmlReady;

GstDmlReady *gst_dml_ready_ref (GstDmlReady *self);
void gst_dml_ready_unref (GstDmlReady *self);

/* Index of a label in the snapshot, -1 for none. */
gint gst_dml_ready_get_label_id (const GstDmlReady *self, const char *label);

typedef struct {
  guint k;
  DmlClassifier classifier;
  double threshold; /* NaN = calibrated */
  double false_accept_rate;
  double margin;
  char **labels; /* NULL or NULL-terminated */
} GstDmlMatchOptions;

typedef struct _GstDmlWatch GstDmlWatch;

/* Both are called from the watching thread with no lock held. */
typedef struct {
  void (*changed) (gpointer data, const GstDmlReady *ready);
  /* What was there before stays in use. Once a cause. */
  void (*failed) (gpointer data, const GError *error);
  gpointer data;
} GstDmlWatchCallbacks;

/* Opens the gallery and makes the first GstDmlReady; then watches. */
GstDmlWatch *gst_dml_watch_new (const char *path,
                                const GstDmlMatchOptions *options,
                                const GstDmlWatchCallbacks *callbacks,
                                GError **error);

/* Stops the thread and waits for it; a training is given up. */
void gst_dml_watch_free (GstDmlWatch *self);

/* What to match against now (transfer full). Never waits for a disk. */
GstDmlReady *gst_dml_watch_get (GstDmlWatch *self);

/* Other options, taken up by the thread once they hold still; a training that
 * they make useless is given up. Never waits. */
void gst_dml_watch_set_options (GstDmlWatch *self,
                                const GstDmlMatchOptions *options);

/* The encoder of the first embedding: its thresholds serve where the gallery
 * has none. Nothing is trained for that, nor waited for: where there are too
 * few labels for a threshold of the gallery's own it holds from this frame on,
 * else the thread sees to it. FALSE with DML_ERROR_MISMATCH where the gallery
 * is another encoder's. */
gboolean gst_dml_watch_set_encoder (GstDmlWatch *self, DmlEncoder *encoder,
                                    GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (GstDmlReady, gst_dml_ready_unref)

G_END_DECLS
