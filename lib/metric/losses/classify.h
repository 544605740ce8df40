/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Cross-entropy over class weights: what the softmax family shares.
 *
 *   z_c from the similarities of the sample and the K weight rows of class c
 *   q_c = smoothing / C, and 1 - smoothing more for the sample's class
 *   LSE_c z_c - sum_c q_c z_c */
#pragma once

#include "metric/losses/loss-class.h"

#define DML_CLASSIFY_MAX_K 64 /* weight rows a class */

/* z of a class from its K similarities; @slope (K, or NULL) gets dz/ds. */
typedef double (*DmlClassLogit) (const double *p, const DmlReal *s, size_t k,
                                 gboolean is_target, double *slope);

/* The sample's term and its row of G. */
void dml_classify_row (const DmlLossRun *run, size_t i, double smoothing,
                       DmlClassLogit logit, const DmlReal *s, DmlReal *g,
                       DmlTerms *terms);

#define DML_CLASSIFY_SMOOTHING                                                 \
  DML_PARAM_NUMBER ("smoothing", 0, 0.999, 0, 0,                               \
                    "share of the target spread over all classes")
