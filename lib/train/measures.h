/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The figures of an encoder on pictures of classes that it has not seen, and
 * the thresholds that follow: embeddings and labels in, numbers out.
 *
 * Closed set: every picture looks for its nearest other one (self retrieval,
 * excluded by place; Musgrave et al. 2020).
 * Open set: half of the classes are enrolled, with up to DML_OPEN_SHOTS
 * pictures each; their other pictures are the known probes, all pictures of the
 * other half the unknown ones. Repeated DML_OPEN_DRAWS times with other halves,
 * scores pooled. A threshold holds for a gallery of that size. */
#pragma once

#include "metric/metric.h"

#include <math.h>

#define DML_OPEN_SHOTS 5
#define DML_OPEN_DRAWS 8
/* Fewer classes show nothing of the unknown: two enrolled, two not. What is
 * held out to calibrate thresholds has at least so many. */
#define DML_OPEN_CLASSES_MIN 4
#define DML_N_FARS 3 /* 10, 1 and 0.1 % */

extern const double dml_fars[DML_N_FARS];

typedef struct {
  gboolean there;      /* enough unknown probes to show such a rate */
  double far;          /* wished */
  double threshold;    /* accept above */
  double lower, upper; /* 95 % interval of the rate, classes resampled */
  guint n_genuine, n_impostor; /* probe classes */
} DmlCalibrated;

typedef struct {
  guint n_classes, n_pictures; /* of what queries are looked up in */
  guint n_queries;             /* that have a picture of their class there */
  DmlRetrievalMeasures retrieval;
  DmlInterval recall_1, map_r; /* 0 .. 0 without intervals */
  gboolean open;               /* enough classes: what follows is filled in */
  guint n_enrolled;            /* gallery pictures of a draw, on average */
  double auroc, oscr, dir_1, dir_5, closed; /* closed: right among known */
  DmlInterval auroc_range, oscr_range, dir_1_range, dir_5_range;
  double eer, fpr_95; /* of known against unknown, whatever they are called */
  DmlCalibrated calibrated[DML_N_FARS];
} DmlMeasures;

/* A figure of `retrieval`, NaN where no picture had another of its class to
 * find: nothing was measured then. */
static inline double
dml_measures_closed (const DmlMeasures *m, double value)
{
  return m->n_queries > 0 ? value : (double) NAN;
}

/* Fills in `open` and, where that is TRUE, auroc to fpr_95, without intervals.
 */
void dml_measures_open (const DmlOpenSetInput *input, DmlMeasures *out);

/* x: N x D; labels >= 0. `intervals` costs a second on 5000 pictures. */
gboolean dml_measures_run (const float *x, const int32_t *labels, size_t n,
                           size_t d, uint64_t seed, gboolean intervals,
                           DmlMeasures *out, GError **error);

/* Share of unknown probes above each of the DML_N_FARS thresholds of `from`,
 * and of known ones that are above it and right, on other pictures than `from`
 * was measured on. NaN where there is no threshold or no open set. */
gboolean dml_measures_apply (const DmlCalibrated *from, const float *x,
                             const int32_t *labels, size_t n, size_t d,
                             uint64_t seed, double far[DML_N_FARS],
                             double right[DML_N_FARS], GError **error);

/* Gallery of n_gallery rows, each its own thing; probe i of n_known shows thing
 * i; n_unknown probes show other things. */
typedef struct {
  double right, auroc, oscr, dir_1;
} DmlOneShot;

gboolean dml_measures_one_shot (const float *gallery, size_t n_gallery,
                                const float *known, const float *unknown,
                                size_t n_unknown, size_t d, DmlOneShot *out,
                                GError **error);
