/* SPDX-License-Identifier: LGPL-2.1-or-later
 * From a query to a label: one interface, one table.
 *
 * Classes are the labels that have items, in order of their ids; a model is
 * learned from a snapshot once and then only read, by any number of threads.
 * Definitions: docs/thresholds.md; golden values:
 * tests/golden/classifier_over_embeddings.json. */
#pragma once

#include <dml/dml-gallery.h>

#include "gallery/snapshot.h"

/* How a neighbour's vote weighs: 1; 1 / (distance + 1e-6);
 * exp (similarity / tau). */
typedef enum {
  DML_VOTE_UNIFORM,
  DML_VOTE_INVERSE,
  DML_VOTE_SOFTMAX,
} DmlVote;

typedef struct {
  DmlVote vote;
  double tau;            /* of softmax votes and of prototypes' confidence */
  double svm_cost;       /* C; 0 = of 0.1, 1, 10 the best by validation */
  double kappa;          /* Bayes: items the pooled variance is worth */
  gboolean count_priors; /* Bayes: frequent labels are likelier */
  const gint *cancel;    /* 1, atomically: an SVM gives up; NULL: never */
} DmlClassifyParams;

DmlClassifyParams dml_classify_params (DmlMetric metric); /* the defaults */

typedef struct {
  const float *values;   /* dim */
  double inv_norm;       /* 1 / |values| for cosine, 1 for Euclidean */
  const DmlFound *found; /* its neighbours; of kNN, k of them */
} DmlQuery;

/* The nearest labels, best first, and how near they are. */
typedef struct {
  guint n;
  guint32 label[DML_NEAREST_LABELS];
  double similarity[DML_NEAREST_LABELS];
} DmlNear;

typedef struct {
  gint label, runner_up; /* index into the snapshot's labels; -1 for none */
  double confidence;     /* of the label, 0..1 */
  gboolean tied;         /* another label has the same score */
  DmlNear near;          /* by the model's own measure; n 0: by items */
} DmlVerdict;

typedef struct {
  DmlClassifier id;
  const char *name;
  const char *kind; /* of its similarity: "item" or "prototype" */
  /* NULL and an error, or the model. The snapshot has at least one item and
   * outlives the model. */
  gpointer (*train) (const DmlSnapshot *snapshot,
                     const DmlClassifyParams *params, GError **error);
  void (*free) (gpointer model);
  void (*judge) (gconstpointer model, const DmlQuery *query,
                 DmlVerdict *verdict);
  /* Scores of classes first .. first + n - 1; larger is likelier. */
  void (*scores) (gconstpointer model, const DmlQuery *query, guint first,
                  guint n, double *scores);
} DmlClassifierClass;

/* AUTO gives what suits that many items a label. */
const DmlClassifierClass *dml_classifier_class (DmlClassifier classifier);

extern const DmlClassifierClass dml_classifier_knn;
extern const DmlClassifierClass dml_classifier_prototype;
extern const DmlClassifierClass dml_classifier_svm;
extern const DmlClassifierClass dml_classifier_bayes;

#define DML_K_MAX 100 /* neighbours */

/* ---- for the classifiers ------------------------------------------------- */

/* The prototype of a label, without row @without (-1: of all its items).
 * @sum: room for dim numbers. */
void dml_label_mean (const DmlSnapshot *snapshot, guint label, gint without,
                     double *sum, float *mean);

/* Labels that have items. */
typedef struct {
  guint n;
  guint32 *label; /* n: index into the snapshot's labels, rising */
} DmlClasses;

gboolean dml_classes_init (DmlClasses *classes, const DmlSnapshot *snapshot,
                           GError **error);
void dml_classes_clear (DmlClasses *classes);

/* The best classes of all by @klass's scores, scored in blocks on the stack;
 * confidence is the softmax of score / tau. verdict->near holds the labels with
 * their scores for similarities. */
void dml_judge_scores (const DmlClassifierClass *klass, gconstpointer model,
                       const DmlQuery *query, const DmlClasses *classes,
                       double tau, DmlVerdict *verdict);

/* The same for logits: tau is 1, and they are no similarities. */
void dml_judge_logits (const DmlClassifierClass *klass, gconstpointer model,
                       const DmlQuery *query, const DmlClasses *classes,
                       DmlVerdict *verdict);

/* The nearest labels by their nearest items. */
void dml_near_items (const DmlSnapshot *snapshot, const DmlQuery *query,
                     DmlNear *near);

/* Takes a label out of them. */
void dml_near_drop (DmlNear *near, guint label);
