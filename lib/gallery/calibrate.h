/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The lead that an unknown thing reaches at a wished rate only; measured on the
 * gallery itself. Theory and measurements: docs/thresholds.md. */
#pragma once

#include <dml/dml-gallery.h>

#include "gallery/classify.h"

/* Fewer labels than this say too little about what lies between them. */
#define DML_CALIBRATE_LABELS_MIN 10
/* Labels that the best is compared with. One alone is the margin, and a
 * product's sister fills it; many are as far away as one wants. */
#define DML_CROWD 5
/* How much of their mean counts against the best: docs/thresholds.md. */
#define DML_CROWD_SHARE 0.5

/* What is seen when every label in turn is taken out of the gallery and its
 * probes (of an item without one, the item itself) are shown to the rest, as
 * unknown things. */
typedef struct {
  guint n_labels;  /* independent units */
  guint n_genuine; /* labels that `genuine` tells of */
  guint n_crowd;
  size_t n;         /* probes that were shown */
  double *impostor; /* n: lead of the best of the other labels */
  double *genuine;  /* n: lead of the own label, of an item without a probe
                     * told by its other items; -infinity where another was
                     * nearer; NaN where there is nothing to tell by */
  double *weight;   /* n: 1 / probes of its label; sums to n_labels */
} DmlLeads;

/* Searches that a calibration takes at most; in 10,000 x 256 they take a
 * second. */
#define DML_PROBES_MAX 4000
#define DML_PROBES_QUICK 400 /* while somebody waits for a matcher */

/* @klass: knn (similarity of items) or prototype. @n_probes: show no more items
 * than this, taken evenly from the labels. The snapshot has at least three
 * labels with items. Runs on the process's pool. */
gboolean dml_leads_measure (const DmlSnapshot *snapshot,
                            const DmlClassifierClass *klass, guint n_probes,
                            DmlLeads *leads, GError **error);
void dml_leads_clear (DmlLeads *leads);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (DmlLeads, dml_leads_clear)

typedef struct {
  double lead;         /* to be exceeded; the expected rate is the wished one */
  double lower, upper; /* 95 % interval of the rate that it will have */
  double sure;         /* the lead that keeps the rate with 95 % confidence;
                        * NaN where so few labels cannot show such a rate */
  double true_accept;  /* share of genuine probes that pass; NaN without any */
} DmlLeadFit;

void dml_leads_fit (const DmlLeads *leads, double false_accept_rate,
                    DmlLeadFit *fit);

/* Labels that it takes to be sure of a rate. */
guint dml_labels_needed (double false_accept_rate);

/* The rate that calibration was asked for: the one among the stored thresholds
 * (of DmlStoredLead) that is not stored anyway, if there is one. */
double dml_wished_rate (const GArray *thresholds);

/* dml_gallery_calibrate() with the encoder's threshold for the rate, or NULL
 * where it has none. */
gboolean dml_gallery_calibrate_with (DmlGallery *gallery,
                                     const DmlThreshold *encoders,
                                     double false_accept_rate,
                                     DmlThreshold *threshold,
                                     gboolean *from_gallery, GError **error);
