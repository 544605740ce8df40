/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Measures of embeddings: retrieval, open set, clustering, calibration. Numbers
 * in, numbers out; queries go by blocks, so memory is O(block * gallery) and
 * never N^2. Same bytes for any number of threads.
 * Definitions: docs/losses.md ("Measures"); Musgrave et al. 2020 section 3.2,
 * Phillips et al. 2011, Dhamija et al. 2018, Vinh et al. 2010. */
#pragma once

#include <glib.h>
#include <stdint.h>

#include "metric/real.h"

/* ---- neighbours --------------------------------------------------------- */

typedef struct {
  size_t d;
  size_t n_queries, n_gallery;
  const DmlReal *queries; /* N_q x D, any length: rows are normalised here */
  const int32_t *query_labels;
  const DmlReal *gallery; /* N_g x D; NULL: the gallery is the queries */
  const int32_t *gallery_labels;
  /* Query i is gallery row i and is no neighbour of itself. By index, never
   * "drop the nearest". Forms: self (gallery NULL, TRUE), gallery/query
   * (FALSE), self plus distractors (the gallery starts with the queries). */
  gboolean exclude_self;
} DmlRetrievalInput;

/* Cosine of the k nearest of each query, best first, ties to the lower index
 * after rounding to 12 (double) or 6 (float) digits. index is N_q x k, -1
 * where the gallery has fewer; score may be NULL. */
gboolean dml_metric_nearest (const DmlRetrievalInput *input, size_t k,
                             int32_t *index, DmlReal *score, GError **error);

/* ---- retrieval ---------------------------------------------------------- */

typedef enum {
  DML_TIES_INDEX,       /* equal scores: lower index first */
  DML_TIES_PESSIMISTIC, /* wrong items first */
  DML_TIES_OPTIMISTIC,  /* right items first */
} DmlTies;

enum {
  DML_RECALL_AT_1,
  DML_RECALL_AT_2,
  DML_RECALL_AT_4,
  DML_RECALL_AT_8,
  DML_N_RECALLS
};

typedef struct {
  double recall[DML_N_RECALLS]; /* some hit among the first k */
  double r_precision, map_at_r, map, mrr;
} DmlRetrievalMeasures;

typedef struct {
  DmlRetrievalMeasures mean;   /* over queries that have a relevant item */
  DmlRetrievalMeasures macro;  /* by class first, then over classes */
  DmlRetrievalMeasures *query; /* N_q; NaN where the query is left out */
  int32_t *nearest;       /* N_q: gallery row of the first hit list entry */
  DmlReal *nearest_score; /* N_q: its cosine */
  size_t n_used, n_left_out;
  size_t n_tied; /* queries with a tie across the relevant/irrelevant border */
} DmlRetrieval;

/* Clear with dml_retrieval_clear. LIMIT, NO_MEMORY, INVALID (not finite). */
gboolean dml_retrieval_run (const DmlRetrievalInput *input, DmlTies ties,
                            DmlRetrieval *out, GError **error);
void dml_retrieval_clear (DmlRetrieval *out);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (DmlRetrieval, dml_retrieval_clear)

/* ---- tables for reports ------------------------------------------------- */

/* A class and its nearest wrong class. */
typedef struct {
  int32_t label;
  size_t n;           /* its queries */
  double recall_at_1; /* of them */
  double map_at_r;
  int32_t confused; /* label most often found first by mistake, or -1 */
  size_t n_confused;
} DmlClassRow;

/* One row a class, rising label. (transfer full) *rows with g_free. */
void dml_metric_by_class (const DmlRetrievalInput *input,
                          const DmlRetrieval *result, DmlClassRow **rows,
                          size_t *n_rows);

typedef struct {
  int32_t a, b; /* labels, a < b */
  size_t n;     /* queries of one whose nearest is of the other */
  double share; /* of both classes' queries */
} DmlConfusedPair;

/* The most confused pairs first, at most @max. (transfer full) */
void dml_metric_confused_pairs (const DmlRetrievalInput *input,
                                const DmlRetrieval *result, size_t max,
                                DmlConfusedPair **pairs, size_t *n_pairs);

/* Two items of different classes that lie nearly on one point: the same thing
 * under two labels, or one picture twice. */
typedef struct {
  uint32_t a, b;   /* items, a < b */
  double distance; /* on the unit sphere */
} DmlNearPair;

/* Of each item its nearest of another class, where it is nearer than @limit;
 * nearest first, at most @max. (transfer full) Costs N^2 D, in blocks. */
gboolean dml_metric_near_pairs (const DmlReal *x, const int32_t *labels,
                                size_t n, size_t d, double limit, size_t max,
                                DmlNearPair **pairs, size_t *n_pairs,
                                GError **error);

/* ---- open set ----------------------------------------------------------- */

typedef struct {
  size_t n_known, n_unknown;
  const double *known;     /* best score of a probe whose class is enrolled */
  const uint8_t *known_ok; /* whether that best one has the right label */
  const double *unknown;   /* best score of a probe of no enrolled class */
} DmlOpenSetInput;

double dml_openset_auroc (const DmlOpenSetInput *input);
double dml_openset_oscr (const DmlOpenSetInput *input);
double dml_openset_closed_accuracy (const DmlOpenSetInput *input);
/* Share of known probes accepted (score > *threshold) and right, where at most
 * @fpir of the unknown ones are accepted; *reached is the share that is. */
double dml_openset_dir (const DmlOpenSetInput *input, double fpir,
                        double *threshold, double *reached);
/* Equal error rate; *threshold is NaN where no score separates. */
double dml_openset_eer (const DmlOpenSetInput *input, double *threshold);
double dml_openset_fpr_at_tpr (const DmlOpenSetInput *input, double tpr);

/* ---- intervals ---------------------------------------------------------- */

/* A figure of a resample: @items[0..n) are items, repeats included. */
typedef double (*DmlFigure) (const uint32_t *items, size_t n, void *data);

typedef struct {
  double low, high;
  size_t n_classes; /* units that were resampled */
} DmlInterval;

/* Percentile bootstrap over CLASSES (items of a class go together):
 * @n_resamples draws of as many classes with replacement; @level .95. Resamples
 * whose figure is NaN are left out. */
DmlInterval dml_metric_bootstrap (const int32_t *labels, size_t n,
                                  size_t n_resamples, double level,
                                  uint64_t seed, DmlFigure figure, void *data);
/* The same for a mean of values; NaN values are no part of it. */
DmlInterval dml_metric_bootstrap_mean (const double *values,
                                       const int32_t *labels, size_t n,
                                       size_t n_resamples, double level,
                                       uint64_t seed);

/* ---- bounds ------------------------------------------------------------- */

/* One-sided Clopper-Pearson bounds of k events in n at confidence 1 - delta. */
double dml_binomial_upper (size_t k, size_t n, double delta);
double dml_binomial_lower (size_t k, size_t n, double delta);

/* ---- clustering --------------------------------------------------------- */

typedef struct {
  double nmi, ami, mutual_information, expected_mutual_information;
} DmlClusterAgreement;

/* Two partitions of the same items; arithmetic mean of the entropies. */
DmlClusterAgreement dml_metric_agreement (const int32_t *labels,
                                          const int32_t *clusters, size_t n);

typedef struct {
  double inertia;
  size_t n_iterations;
} DmlKMeans;

/* Lloyd's algorithm on unit rows. @centres (k x D) holds the start and then the
 * result; @clusters N. An empty cluster takes the farthest point. */
void dml_metric_kmeans (const DmlReal *u, size_t n, size_t d, size_t k,
                        DmlReal *centres, int32_t *clusters, DmlKMeans *result);
/* k-means++ starts (10 of them), the best by inertia; then agreement. */
gboolean dml_metric_cluster (const DmlReal *x, const int32_t *labels, size_t n,
                             size_t d, uint64_t seed, DmlClusterAgreement *out,
                             GError **error);

/* ---- health of a batch -------------------------------------------------- */

typedef struct {
  double mean_d_pos,
    mean_d_neg; /* on the unit sphere; NaN without such pairs */
  double mean_norm;
  double effective_rank; /* exp of the entropy of the covariance's spectrum */
} DmlSpread;

gboolean dml_metric_spread (const DmlReal *x, const int32_t *labels, size_t n,
                            size_t d, DmlSpread *out, GError **error);
