/* SPDX-License-Identifier: LGPL-2.1-or-later
 * From leads to the one that keeps a wished false-accept rate, and its place in
 * the file.
 *
 * The estimate. The best of many similarities of an unknown thing is an
 * extreme value, and the spacings between the largest ones are exponential
 * whatever the number of labels (Weissman 1978; Rényi 1953): so is the tail of
 * the lead. Of the labels' leads, let u be the median, p the share above it
 * and s their mean excess over u; then
 *
 *   rate (t) = p exp (-(t - u) / s),       t = u + s ln (p / rate)
 *
 * below p; above, the observed quantile. With m independent excesses 2 m s /
 * sigma is chi-squared of 2 m degrees, which gives the interval of the rate.
 *
 * The sure one: the smallest observed lead whose Clopper-Pearson bound stays
 * within the rate. Two labels that are each other's nearest count as one unit,
 * since what lets one in lets in the other: G labels are G / 2 units. */
#include "gallery/calibrate.h"

#include <math.h>
#include <stdlib.h>

#include "base/error.h"
#include "gallery/gallery.h"
#include "metric/metric.h"

#define TAIL 0.5   /* share of the labels that make the tail */
#define DELTA 0.05 /* 1 - confidence */

typedef struct {
  double lead, weight;
} Weighted;

static int
compare_falling (const void *a, const void *b)
{
  const Weighted *x = a, *y = b;

  return (x->lead < y->lead) - (x->lead > y->lead);
}

/* The lead that a share of the weight, counted from the largest, exceeds. */
static double
upper_quantile (const Weighted *w, size_t n, double share, double total)
{
  double sum = 0.0;
  size_t i = 0;

  /* A hair of room, for weights that do not sum exactly. */
  while (i + 1 < n && sum + w[i].weight <= share * total * (1.0 + 1e-12))
    sum += w[i++].weight;
  return w[i].lead;
}

/* Chi-squared quantile over its degrees of freedom (Wilson and Hilferty 1931),
 * z = the normal one. */
static double
chi_squared_ratio (double degrees, double z)
{
  const double v = 2.0 / (9.0 * degrees);
  const double root = MAX (1.0 - v + z * sqrt (v), 0.0);

  return root * root * root;
}

static void
fit_tail (const Weighted *w, size_t n, double total, double rate,
          DmlLeadFit *fit)
{
  const double u = upper_quantile (w, n, TAIL, total);
  double above = 0.0, excess = 0.0, p, scale;

  for (size_t i = 0; i < n && w[i].lead > u; i++) {
    above += w[i].weight;
    excess += w[i].weight * (w[i].lead - u);
  }
  p = above / total;
  if (p <= rate || excess <= 0.0) { /* no tail needed, or none there */
    const size_t units = MAX ((size_t) (total / 2.0), 1);
    const double events = rate * (double) units;

    fit->lead = upper_quantile (w, n, rate, total);
    fit->lower =
      dml_binomial_lower ((size_t) floor (events), units, DELTA / 2.0);
    fit->upper =
      dml_binomial_upper ((size_t) ceil (events), units, DELTA / 2.0);
    return;
  }
  scale = excess / above;
  fit->lead = u + scale * log (p / rate);
  /* 2 m degrees, m excesses in pairs of neighbours. */
  fit->lower = p * pow (rate / p, chi_squared_ratio (above, 1.96));
  fit->upper = p * pow (rate / p, chi_squared_ratio (above, -1.96));
}

static double
sure_lead (const Weighted *w, size_t n, double total, double rate)
{
  const size_t units = (size_t) (total / 2.0);
  double above = 0.0, sure = (double) NAN;

  for (size_t i = 0; i < n && units > 0; i++) {
    /* Above w[i].lead lie the ones before it. */
    const size_t events = (size_t) ceil (above / 2.0 - 1e-9);

    if (dml_binomial_upper (MIN (events, units), units, DELTA) > rate)
      break;
    sure = w[i].lead;
    above += w[i].weight;
  }
  return sure;
}

void
dml_leads_fit (const DmlLeads *leads, double rate, DmlLeadFit *fit)
{
  g_autofree Weighted *w = g_new (Weighted, leads->n);
  double genuine = 0.0, accepted = 0.0;

  for (size_t i = 0; i < leads->n; i++)
    w[i] = (Weighted){ leads->impostor[i], leads->weight[i] };
  qsort (w, leads->n, sizeof *w, compare_falling);
  fit_tail (w, leads->n, leads->n_labels, rate, fit);
  fit->sure = sure_lead (w, leads->n, leads->n_labels, rate);
  for (size_t i = 0; i < leads->n; i++)
    if (!isnan (leads->genuine[i])) {
      genuine += leads->weight[i];
      accepted += leads->genuine[i] > fit->lead ? leads->weight[i] : 0.0;
    }
  fit->true_accept = genuine > 0.0 ? accepted / genuine : (double) NAN;
}

guint
dml_labels_needed (double rate)
{
  return 2 * (guint) ceil (log (DELTA) / log1p (-rate));
}

/* ---- in the file --------------------------------------------------------- */

/* Rates that are always stored, so that a matcher may be asked for others than
 * the one that was wished. */
static const double rates[] = { 0.3,  0.2,   0.1,   0.05, 0.02,
                                0.01, 0.005, 0.002, 0.001 };

double
dml_wished_rate (const GArray *thresholds)
{
  for (guint i = 0; i < thresholds->len; i++) {
    const double rate =
      g_array_index (thresholds, DmlStoredLead, i).threshold.false_accept_rate;
    gsize r = 0;

    while (r < G_N_ELEMENTS (rates) && rates[r] != rate)
      r++;
    if (r == G_N_ELEMENTS (rates))
      return rate;
  }
  return DML_FALSE_ACCEPT_RATE;
}

static gboolean
store_fit (DmlGallery *gallery, const char *kind, double rate, gint64 revision,
           const DmlLeads *leads, const DmlLeadFit *fit, GError **error)
{
  g_autoptr (DmlStmt) stmt = dml_store_prepare (
    gallery->store,
    "INSERT OR REPLACE INTO calibration (key, value) VALUES (?1, json_object ("
    "'false_accept_rate', ?2, 'lead', ?3, 'crowd', ?4, 'share', ?12,"
    " 'lower', ?5,"
    " 'upper', ?6, 'sure', ?7, 'true_accept_rate', ?8, 'n_labels', ?9,"
    " 'n_genuine', ?10, 'revision', ?11))",
    "storing thresholds", error);
  char number[G_ASCII_DTOSTR_BUF_SIZE];
  g_autofree char *key = g_strconcat (
    kind, "/", g_ascii_formatd (number, sizeof number, "%.9g", rate), NULL);

  if (stmt == NULL)
    return FALSE;
  sqlite3_bind_text (stmt, 1, key, -1, SQLITE_STATIC);
  sqlite3_bind_double (stmt, 2, rate);
  sqlite3_bind_double (stmt, 3, fit->lead);
  sqlite3_bind_int64 (stmt, 4, leads->n_crowd);
  sqlite3_bind_double (stmt, 5, fit->lower);
  sqlite3_bind_double (stmt, 6, fit->upper);
  sqlite3_bind_double (stmt, 7, fit->sure); /* NaN is stored as NULL */
  sqlite3_bind_double (stmt, 8, fit->true_accept);
  sqlite3_bind_int64 (stmt, 9, leads->n_labels);
  sqlite3_bind_int64 (stmt, 10, leads->n_genuine);
  sqlite3_bind_int64 (stmt, 11, revision);
  sqlite3_bind_double (stmt, 12, DML_CROWD_SHARE);
  return dml_store_run (gallery->store, stmt, "storing thresholds", error);
}

static gboolean
store_kind (DmlGallery *gallery, const char *kind, double wished,
            gint64 revision, const DmlLeads *leads, GError **error)
{
  DmlLeadFit fit;

  for (gsize r = 0; r < G_N_ELEMENTS (rates); r++) {
    dml_leads_fit (leads, rates[r], &fit);
    if (!store_fit (gallery, kind, rates[r], revision, leads, &fit, error))
      return FALSE;
  }
  dml_leads_fit (leads, wished, &fit);
  return store_fit (gallery, kind, wished, revision, leads, &fit, error);
}

/* NULL leads: none of the gallery's own any more. */
static gboolean
store_all (DmlGallery *gallery, double wished, gint64 revision,
           const DmlLeads *items, const DmlLeads *prototypes, GError **error)
{
  return dml_store_exec (gallery->store,
                         "DELETE FROM calibration WHERE key GLOB 'item/*'"
                         " OR key GLOB 'prototype/*'",
                         "storing thresholds", error) &&
         (items == NULL || (store_kind (gallery, dml_classifier_knn.kind,
                                        wished, revision, items, error) &&
                            store_kind (gallery, dml_classifier_prototype.kind,
                                        wished, revision, prototypes, error)));
}

static gboolean
calibrate_on_gallery (DmlGallery *gallery, const DmlSnapshot *snapshot,
                      double rate, DmlThreshold *threshold, GError **error)
{
  g_auto (DmlLeads) items = { 0 }, prototypes = { 0 };
  DmlLeadFit fit;

  if (!dml_leads_measure (snapshot, &dml_classifier_knn, DML_PROBES_MAX, &items,
                          error) ||
      !dml_leads_measure (snapshot, &dml_classifier_prototype, DML_PROBES_MAX,
                          &prototypes, error))
    return FALSE;
  dml_leads_fit (&items, rate, &fit);
  if (threshold != NULL)
    *threshold = (DmlThreshold){ rate,           fit.lead,  items.n_genuine,
                                 items.n_labels, fit.lower, fit.upper };
  if (!dml_gallery_change_begin (gallery, "calibrating", error))
    return FALSE;
  return dml_gallery_change_end (
    gallery,
    store_all (gallery, rate, snapshot->revision, &items, &prototypes, error),
    error);
}

/* What was stored when there were more labels would be used for ever. */
static gboolean
forget_own (DmlGallery *gallery, const DmlSnapshot *snapshot, GError **error)
{
  if (snapshot->thresholds->len == 0)
    return TRUE;
  if (!dml_gallery_change_begin (gallery, "calibrating", error))
    return FALSE;
  return dml_gallery_change_end (
    gallery, store_all (gallery, 0.0, 0, NULL, NULL, error), error);
}

gboolean
dml_gallery_calibrate_with (DmlGallery *gallery, const DmlThreshold *encoders,
                            double rate, DmlThreshold *threshold,
                            gboolean *from_gallery, GError **error)
{
  g_autoptr (DmlSnapshot) snapshot = NULL;
  guint n_labels = 0;

  if (!(rate > 0.0 && rate < 1.0))
    return dml_fail (error, INVALID,
                     "false-accept rate is %g; it must lie between 0 and 1, "
                     "without these",
                     rate);
  snapshot = dml_gallery_get_snapshot (gallery, error);
  if (snapshot == NULL)
    return FALSE;
  for (guint l = 0; l < snapshot->labels->n; l++)
    n_labels += dml_snapshot_n_of (snapshot, l) > 0;
  if (from_gallery != NULL)
    *from_gallery = n_labels >= DML_CALIBRATE_LABELS_MIN;
  if (n_labels >= DML_CALIBRATE_LABELS_MIN)
    return calibrate_on_gallery (gallery, snapshot, rate, threshold, error);
  if (!forget_own (gallery, snapshot, error))
    return FALSE;
  if (encoders == NULL)
    return dml_fail (
      error, NOT_FOUND,
      "%s: %u label%s with items: too few to calibrate with (%d are needed), "
      "and the encoder has no thresholds of its own",
      gallery->path, n_labels, n_labels == 1 ? "" : "s",
      DML_CALIBRATE_LABELS_MIN);
  if (threshold != NULL)
    *threshold = *encoders;
  return TRUE;
}
