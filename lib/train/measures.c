/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Retrieval and open-set figures, thresholds. */
#include "train/measures.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/rng.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define STREAM_OPEN 0x6f70656eu
#define N_RESAMPLES 500
#define PROBES_PER_FAR 3 /* unknown probes above a threshold, at least */

const double dml_fars[DML_N_FARS] = { 0.1, 0.01, 0.001 };

/* Scores of all draws, pooled. */
typedef struct {
  GArray *known, *unknown;             /* of double: best similarity */
  GArray *known_ok;                    /* of uint8_t */
  GArray *known_label, *unknown_label; /* of int32_t: the probe's class */
  size_t n_enrolled;                   /* over all draws */
} OpenSet;

static void
openset_init (OpenSet *set)
{
  *set = (OpenSet){
    .known = g_array_new (FALSE, FALSE, sizeof (double)),
    .unknown = g_array_new (FALSE, FALSE, sizeof (double)),
    .known_ok = g_array_new (FALSE, FALSE, sizeof (uint8_t)),
    .known_label = g_array_new (FALSE, FALSE, sizeof (int32_t)),
    .unknown_label = g_array_new (FALSE, FALSE, sizeof (int32_t)),
  };
}

static void
openset_clear (OpenSet *set)
{
  g_array_unref (set->known);
  g_array_unref (set->unknown);
  g_array_unref (set->known_ok);
  g_array_unref (set->known_label);
  g_array_unref (set->unknown_label);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (OpenSet, openset_clear)

/* Pictures of a class: places[first .. first + n). */
typedef struct {
  int32_t label;
  size_t first, n;
} Class;

static int
compare_places (gconstpointer a, gconstpointer b, gpointer labels)
{
  const uint32_t i = *(const uint32_t *) a, j = *(const uint32_t *) b;
  const int32_t *of = labels;

  return of[i] != of[j] ? (of[i] > of[j]) - (of[i] < of[j]) : (i > j) - (i < j);
}

static GArray *
find_classes (const int32_t *labels, size_t n, uint32_t *places)
{
  GArray *classes = g_array_new (FALSE, FALSE, sizeof (Class));

  for (size_t i = 0; i < n; i++)
    places[i] = (uint32_t) i;
  g_qsort_with_data (places, (gint) n, sizeof *places, compare_places,
                     (gpointer) labels);
  for (size_t i = 0; i < n; i++) {
    if (i == 0 || labels[places[i]] != labels[places[i - 1]]) {
      const Class fresh = { labels[places[i]], i, 0 };

      g_array_append_val (classes, fresh);
    }
    g_array_index (classes, Class, classes->len - 1).n++;
  }
  return classes;
}

static void
gather (const float *x, size_t d, const uint32_t *rows, size_t n, float *out)
{
  for (size_t i = 0; i < n; i++)
    memcpy (out + i * d, x + rows[i] * d, d * sizeof (float));
}

/* Looks `probes` up in the gallery and adds their scores to the pool. */
static gboolean
score (const float *x, const int32_t *labels, size_t d, const GArray *gallery,
       const GArray *probes, gboolean known, OpenSet *set, GError **error)
{
  const uint32_t *g = (const uint32_t *) (const void *) gallery->data;
  const uint32_t *p = (const uint32_t *) (const void *) probes->data;
  g_autoptr (DmlMem) gx = dml_mem_new (float, gallery->len *d, error);
  g_autoptr (DmlMem) px = dml_mem_new (float, probes->len *d, error);
  g_autofree int32_t *index = g_new (int32_t, MAX (1, probes->len));
  g_autofree float *best = g_new (float, MAX (1, probes->len));
  g_autofree int32_t *gl = g_new (int32_t, MAX (1, gallery->len));
  DmlRetrievalInput input = {
    .d = d,
    .n_queries = probes->len,
    .n_gallery = gallery->len,
    .gallery_labels = gl,
  };

  if (gx == NULL || px == NULL)
    return FALSE;
  gather (x, d, g, gallery->len, gx);
  gather (x, d, p, probes->len, px);
  for (guint i = 0; i < gallery->len; i++)
    gl[i] = labels[g[i]];
  input.queries = px;
  input.gallery = gx;
  if (probes->len == 0)
    return TRUE;
  if (!dml_metric_nearest (&input, 1, index, best, error))
    return FALSE;
  for (guint i = 0; i < probes->len; i++) {
    const double s = (double) best[i];
    const int32_t label = labels[p[i]];
    const uint8_t ok = index[i] >= 0 && gl[index[i]] == label;

    g_array_append_val (known ? set->known : set->unknown, s);
    g_array_append_val (known ? set->known_label : set->unknown_label, label);
    if (known)
      g_array_append_val (set->known_ok, ok);
  }
  return TRUE;
}

/* One draw: classes in a random order, the first half enrolled. */
static gboolean
draw (const float *x, const int32_t *labels, size_t d, const GArray *classes,
      const uint32_t *places, uint64_t seed, unsigned number, OpenSet *set,
      GError **error)
{
  g_autoptr (GArray) gallery = g_array_new (FALSE, FALSE, sizeof (uint32_t));
  g_autoptr (GArray) known = g_array_new (FALSE, FALSE, sizeof (uint32_t));
  g_autoptr (GArray) unknown = g_array_new (FALSE, FALSE, sizeof (uint32_t));
  g_autofree uint32_t *order = g_new (uint32_t, classes->len);
  DmlRng rng;

  dml_rng_init (&rng, seed, dml_rng_stream (STREAM_OPEN, number));
  for (uint32_t i = 0; i < classes->len; i++)
    order[i] = i;
  dml_rng_shuffle (&rng, order, classes->len);
  for (guint i = 0; i < classes->len; i++) {
    const Class *class = &g_array_index (classes, Class, order[i]);
    const gboolean enrolled = i < classes->len / 2;
    const size_t shots = MIN (DML_OPEN_SHOTS, (class->n + 1) / 2);
    g_autofree uint32_t *own =
      g_memdup2 (places + class->first, class->n * sizeof (uint32_t));

    dml_rng_shuffle (&rng, own, class->n);
    for (size_t j = 0; j < class->n; j++)
      g_array_append_val (!enrolled   ? unknown
                          : j < shots ? gallery
                                      : known,
                          own[j]);
  }
  set->n_enrolled += gallery->len;
  return score (x, labels, d, gallery, known, TRUE, set, error) &&
         score (x, labels, d, gallery, unknown, FALSE, set, error);
}

/* FALSE without an error: too few classes. */
static gboolean
openset_run (const float *x, const int32_t *labels, size_t n, size_t d,
             uint64_t seed, OpenSet *set, GError **error)
{
  g_autofree uint32_t *places = g_new (uint32_t, MAX (1, n));
  g_autoptr (GArray) classes = find_classes (labels, n, places);

  if (classes->len < DML_OPEN_CLASSES_MIN)
    return FALSE;
  for (unsigned i = 0; i < DML_OPEN_DRAWS; i++)
    if (!draw (x, labels, d, classes, places, seed, i, set, error))
      return FALSE;
  return set->known->len > 0 && set->unknown->len > 0;
}

static DmlOpenSetInput
openset_input (const OpenSet *set)
{
  return (DmlOpenSetInput){
    .n_known = set->known->len,
    .n_unknown = set->unknown->len,
    .known = (const double *) (const void *) set->known->data,
    .known_ok = (const uint8_t *) set->known_ok->data,
    .unknown = (const double *) (const void *) set->unknown->data,
  };
}

/* ---- intervals: classes are drawn anew, known and unknown probes with them */

typedef struct {
  const OpenSet *set;
  double (*figure) (const DmlOpenSetInput *input);
} Resampled;

static double
figure_dir_1 (const DmlOpenSetInput *input)
{
  double threshold, reached;

  return dml_openset_dir (input, 0.01, &threshold, &reached);
}

static double
figure_dir_5 (const DmlOpenSetInput *input)
{
  double threshold, reached;

  return dml_openset_dir (input, 0.05, &threshold, &reached);
}

/* Items below n_known are known probes, the others unknown ones. */
static double
resampled_figure (const uint32_t *items, size_t n, void *data)
{
  const Resampled *r = data;
  const DmlOpenSetInput all = openset_input (r->set);
  g_autofree double *known = g_new (double, n + 1);
  g_autofree double *unknown = g_new (double, n + 1);
  g_autofree uint8_t *ok = g_new (uint8_t, n + 1);
  DmlOpenSetInput input = { 0, 0, known, ok, unknown };

  for (size_t i = 0; i < n; i++) {
    if (items[i] < all.n_known) {
      known[input.n_known] = all.known[items[i]];
      ok[input.n_known++] = all.known_ok[items[i]];
    } else {
      unknown[input.n_unknown++] = all.unknown[items[i] - all.n_known];
    }
  }
  return input.n_known && input.n_unknown ? r->figure (&input) : (double) NAN;
}

static DmlInterval
openset_interval (const OpenSet *set, const int32_t *labels, size_t n,
                  uint64_t seed, double (*figure) (const DmlOpenSetInput *))
{
  Resampled r = { set, figure };

  return dml_metric_bootstrap (labels, n, N_RESAMPLES, 0.95, seed,
                               resampled_figure, &r);
}

static void
openset_intervals (const OpenSet *set, uint64_t seed, DmlMeasures *out)
{
  const size_t n = set->known->len + set->unknown->len;
  g_autofree int32_t *labels = g_new (int32_t, n);

  memcpy (labels, set->known_label->data, set->known->len * sizeof (int32_t));
  memcpy (labels + set->known->len, set->unknown_label->data,
          set->unknown->len * sizeof (int32_t));
  out->auroc_range = openset_interval (set, labels, n, seed, dml_openset_auroc);
  out->oscr_range = openset_interval (set, labels, n, seed, dml_openset_oscr);
  out->dir_1_range = openset_interval (set, labels, n, seed, figure_dir_1);
  out->dir_5_range = openset_interval (set, labels, n, seed, figure_dir_5);
}

/* ---- thresholds ---- */

static int
compare_falling (const void *a, const void *b)
{
  const double x = *(const double *) a, y = *(const double *) b;

  return (x < y) - (x > y);
}

static guint
count_classes (const GArray *labels)
{
  g_autoptr (GHashTable) seen = g_hash_table_new (g_direct_hash, NULL);

  for (guint i = 0; i < labels->len; i++)
    g_hash_table_add (seen,
                      GINT_TO_POINTER (g_array_index (labels, int32_t, i)));
  return g_hash_table_size (seen);
}

/* The (floor (far U) + 1)-th largest unknown score, so that at most a share of
 * far lies above it; its interval is that of the share, classes resampled,
 * since the pictures of a class rise and fall together. */
static void
calibrate (const OpenSet *set, uint64_t seed, DmlMeasures *out)
{
  const size_t n = set->unknown->len;
  const double *scores = (const double *) (const void *) set->unknown->data;
  const int32_t *labels =
    (const int32_t *) (const void *) set->unknown_label->data;
  g_autofree double *sorted = g_memdup2 (scores, n * sizeof (double));
  g_autofree double *above = g_new (double, n);

  qsort (sorted, n, sizeof (double), compare_falling);
  for (int f = 0; f < DML_N_FARS; f++) {
    DmlCalibrated *c = &out->calibrated[f];
    const size_t allowed = (size_t) floor (dml_fars[f] * (double) n);
    DmlInterval range;

    c->far = dml_fars[f];
    c->there = allowed >= PROBES_PER_FAR;
    if (!c->there)
      continue;
    c->threshold = sorted[allowed];
    for (size_t i = 0; i < n; i++)
      above[i] = scores[i] > c->threshold;
    range =
      dml_metric_bootstrap_mean (above, labels, n, N_RESAMPLES, 0.95, seed);
    c->lower = range.low;
    c->upper = range.high;
    c->n_genuine = count_classes (set->known_label);
    c->n_impostor = count_classes (set->unknown_label);
  }
}

/* ---- all of it ---- */

static gboolean
closed_figures (const float *x, const int32_t *labels, size_t n, size_t d,
                uint64_t seed, gboolean intervals, DmlMeasures *out,
                GError **error)
{
  const DmlRetrievalInput input = {
    .d = d,
    .n_queries = n,
    .n_gallery = n,
    .queries = x,
    .query_labels = labels,
    .gallery_labels = labels,
    .exclude_self = TRUE,
  };
  g_auto (DmlRetrieval) result = { 0 };
  g_autofree double *recall = NULL, *map = NULL;

  if (!dml_retrieval_run (&input, DML_TIES_PESSIMISTIC, &result, error))
    return FALSE;
  out->retrieval = result.mean;
  out->n_queries = (guint) result.n_used;
  if (!intervals)
    return TRUE;
  recall = g_new (double, n);
  map = g_new (double, n);
  for (size_t i = 0; i < n; i++) {
    recall[i] = result.query[i].recall[DML_RECALL_AT_1];
    map[i] = result.query[i].map_at_r;
  }
  out->recall_1 =
    dml_metric_bootstrap_mean (recall, labels, n, N_RESAMPLES, 0.95, seed);
  out->map_r =
    dml_metric_bootstrap_mean (map, labels, n, N_RESAMPLES, 0.95, seed);
  return TRUE;
}

void
dml_measures_open (const DmlOpenSetInput *input, DmlMeasures *out)
{
  double threshold;

  out->open = input->n_known > 0 && input->n_unknown > 0;
  if (!out->open)
    return;
  out->auroc = dml_openset_auroc (input);
  out->oscr = dml_openset_oscr (input);
  out->closed = dml_openset_closed_accuracy (input);
  out->dir_1 = figure_dir_1 (input);
  out->dir_5 = figure_dir_5 (input);
  out->eer = dml_openset_eer (input, &threshold);
  out->fpr_95 = dml_openset_fpr_at_tpr (input, 0.95);
}

gboolean
dml_measures_run (const float *x, const int32_t *labels, size_t n, size_t d,
                  uint64_t seed, gboolean intervals, DmlMeasures *out,
                  GError **error)
{
  g_autoptr (GError) problem = NULL;
  g_auto (OpenSet) set = { 0 };
  g_autofree uint32_t *places = g_new (uint32_t, MAX (1, n));
  g_autoptr (GArray) classes = find_classes (labels, n, places);
  DmlOpenSetInput input;

  openset_init (&set);
  memset (out, 0, sizeof *out);
  out->n_pictures = (guint) n;
  out->n_classes = classes->len;
  if (!closed_figures (x, labels, n, d, seed, intervals, out, error))
    return FALSE;
  out->open = openset_run (x, labels, n, d, seed, &set, &problem);
  if (problem != NULL) {
    g_propagate_error (error, g_steal_pointer (&problem));
    return FALSE;
  }
  if (!out->open)
    return TRUE;
  input = openset_input (&set);
  out->n_enrolled = (guint) (set.n_enrolled / DML_OPEN_DRAWS);
  dml_measures_open (&input, out);
  if (intervals) {
    openset_intervals (&set, seed, out);
    calibrate (&set, seed, out);
  }
  return TRUE;
}

gboolean
dml_measures_apply (const DmlCalibrated *from, const float *x,
                    const int32_t *labels, size_t n, size_t d, uint64_t seed,
                    double far[DML_N_FARS], double right[DML_N_FARS],
                    GError **error)
{
  g_autoptr (GError) problem = NULL;
  g_auto (OpenSet) set = { 0 };
  gboolean open;

  openset_init (&set);
  open = openset_run (x, labels, n, d, seed, &set, &problem);
  if (problem != NULL) {
    g_propagate_error (error, g_steal_pointer (&problem));
    return FALSE;
  }
  for (int f = 0; f < DML_N_FARS; f++) {
    const DmlCalibrated *c = &from[f];
    guint n_far = 0, n_right = 0;

    far[f] = right[f] = (double) NAN;
    if (!open || !c->there)
      continue;
    for (guint i = 0; i < set.unknown->len; i++)
      n_far += g_array_index (set.unknown, double, i) > c->threshold;
    for (guint i = 0; i < set.known->len; i++)
      n_right += g_array_index (set.known, double, i) > c->threshold &&
                 g_array_index (set.known_ok, uint8_t, i);
    far[f] = (double) n_far / set.unknown->len;
    right[f] = (double) n_right / set.known->len;
  }
  return TRUE;
}

/* ---- one photograph a thing ---- */

static gboolean
nearest (const float *gallery, size_t n_gallery, const float *probes, size_t n,
         size_t d, int32_t *index, double *best, GError **error)
{
  g_autofree float *score = g_new (float, MAX (1, n));
  const DmlRetrievalInput input = {
    .d = d,
    .n_queries = n,
    .n_gallery = n_gallery,
    .queries = probes,
    .gallery = gallery,
  };

  if (!dml_metric_nearest (&input, 1, index, score, error))
    return FALSE;
  for (size_t i = 0; i < n; i++)
    best[i] = (double) score[i];
  return TRUE;
}

gboolean
dml_measures_one_shot (const float *gallery, size_t n_gallery,
                       const float *known, const float *unknown,
                       size_t n_unknown, size_t d, DmlOneShot *out,
                       GError **error)
{
  const size_t n = MAX (n_gallery, n_unknown);
  g_autofree int32_t *index = g_new (int32_t, n);
  g_autofree double *known_score = g_new (double, n_gallery);
  g_autofree double *unknown_score = g_new (double, n_unknown);
  g_autofree uint8_t *ok = g_new (uint8_t, n_gallery);
  const DmlOpenSetInput input = { n_gallery, n_unknown, known_score, ok,
                                  unknown_score };

  if (!nearest (gallery, n_gallery, unknown, n_unknown, d, index, unknown_score,
                error) ||
      !nearest (gallery, n_gallery, known, n_gallery, d, index, known_score,
                error))
    return FALSE;
  for (size_t i = 0; i < n_gallery; i++)
    ok[i] = index[i] == (int32_t) i;
  out->right = dml_openset_closed_accuracy (&input);
  out->auroc = dml_openset_auroc (&input);
  out->oscr = dml_openset_oscr (&input);
  out->dir_1 = figure_dir_1 (&input);
  return TRUE;
}
