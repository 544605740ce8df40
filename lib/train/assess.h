/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The inside of an evaluation: assess.c, assess_classify.c, assess_trials.c and
 * assess_suspects.c measure, assess_report.c tells. */
#pragma once

#include "train/dataset.h"
#include "train/dml-evaluate.h"
#include "train/measures.h"

#define DML_LEAKS_NAMED 20
#define DML_ASSESS_K_MAX 100 /* neighbours that vote */

/* Pictures of one side, embedded. */
typedef struct {
  DmlDataset *set;
  float *x;        /* n x d */
  int32_t *labels; /* n: places in DmlEvaluation.names */
  size_t n;
} DmlAssessed;

#define DML_SUSPECT_K 5 /* neighbours that are asked */

/* A picture none of whose nearest ones bears its label. */
typedef struct {
  char *picture;
  int32_t label, other; /* the label that most of the neighbours bear */
  guint agree, k;       /* how many do, of how many */
  double nearest, own;  /* similarity of the nearest, and of the nearest of its
                           own label */
  char *like;           /* that nearest picture */
} DmlSuspect;

/* Two pictures under different labels that are nearly one point. */
typedef struct {
  char *a, *b;
  int32_t label_a, label_b;
  double distance;
} DmlTwins;

struct _DmlEvaluation {
  DmlProtocol protocol;
  char *encoder, *fingerprint;
  guint64 seed;
  guint k;
  gboolean prototypes;
  GPtrArray *names; /* of labels */

  guint n_gallery, n_queries, n_unknown; /* pictures */
  double ms_each; /* reading memory, preprocessing, embedding: one picture */
  DmlMeasures measures;
  double accuracy; /* of the classifier on known queries */
  DmlInterval accuracy_range;
  DmlClassRow *rows;
  size_t n_rows;
  DmlConfusedPair *pairs;
  size_t n_pairs;

  gboolean clustered;
  DmlClusterAgreement agreement; /* of k-means with the labels */

  GArray *suspects; /* of DmlSuspect, the likeliest first; NULL = not asked */
  guint n_suspects; /* there are in all */
  GArray *twins;    /* of DmlTwins, the nearest first */

  guint n_leaks;
  GPtrArray *leaks; /* the first of them: "query = gallery picture" */

  guint n_thresholds; /* the encoder's own, on these pictures */
  DmlThreshold threshold[DML_N_FARS];
  double far[DML_N_FARS], right[DML_N_FARS];

  guint n_trials; /* one shot */
  double error;   /* share of queries named wrongly */
  DmlInterval error_range;
};

typedef struct {
  DmlEncoder *encoder;
  const DmlEvaluateOptions *options;
  const DmlTrainListener *listener; /* or NULL */
  GCancellable *cancellable;
  DmlEvaluation *out;
} DmlAssessment;

/* Reads and embeds. `what` names it in messages. */
gboolean dml_assess_load (DmlAssessment *a, const char *const *sources,
                          const char *what, DmlAssessed *out, GError **error);
void dml_assessed_clear (DmlAssessed *assessed);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (DmlAssessed, dml_assessed_clear)

/* Place of a label's name, made if there is none. */
int32_t dml_assess_name (DmlAssessment *a, const char *name);

/* Fills in accuracy, over the queries that something can be found of. */
gboolean dml_assess_classify (DmlAssessment *a, const DmlRetrievalInput *input,
                              GError **error);

gboolean dml_assess_trials (DmlAssessment *a, GError **error);

/* Fills in suspects and twins. `input`: all against all. */
gboolean dml_assess_suspects (DmlAssessment *a, const DmlAssessed *all,
                              const DmlRetrievalInput *input, GError **error);
void dml_suspect_clear (gpointer suspect);
void dml_twins_clear (gpointer twins);

void dml_assess_say (const DmlAssessment *a, gboolean warning,
                     const char *format, ...) G_GNUC_PRINTF (3, 4);
