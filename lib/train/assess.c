/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Measuring an encoder: pictures read and embedded as a pipeline would, then
 * leave-one-out or gallery against queries. */
#include "train/assess.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/words.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define BATCH 32
#define CACHE_SCALE                                                            \
  4 /* nearly as found: the resizing is then the encoder's                     \
     */
#define PAIRS_MAX 50

void
dml_assess_say (const DmlAssessment *a, gboolean warning, const char *format,
                ...)
{
  g_autofree char *text = NULL;
  va_list args;

  if (a->listener == NULL || a->listener->message == NULL)
    return;
  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  a->listener->message (text, warning, a->listener->data);
}

/* ---- pictures ---- */

int32_t
dml_assess_name (DmlAssessment *a, const char *name)
{
  GPtrArray *names = a->out->names;

  for (guint i = names->len; i > 0; i--) /* they come in runs */
    if (strcmp (names->pdata[i - 1], name) == 0)
      return (int32_t) i - 1;
  g_ptr_array_add (names, g_strdup (name));
  return (int32_t) names->len - 1;
}

static void
report_progress (const DmlAssessment *a, DmlTrainStage stage, guint done,
                 guint total, double rate)
{
  const DmlTrainProgress p = {
    .stage = stage,
    .done = done,
    .total = total,
    .rate = rate,
    .seconds_left = total && rate > 0 ? (total - done) / rate : (double) NAN,
  };

  if (a->listener != NULL && a->listener->progress != NULL)
    a->listener->progress (&p, a->listener->data);
}

static void
on_read (guint n_read, gpointer data)
{
  report_progress (data, DML_TRAIN_STAGE_LOAD, n_read, 0, 0);
}

static gboolean
embed_batch (DmlSession *session, const DmlDataset *set, guint first, guint n,
             float *out, GError **error)
{
  DmlImage views[BATCH];
  const DmlImage *pointers[BATCH];
  DmlPicture *holds[BATCH] = { NULL };
  gboolean ok = TRUE;

  for (guint i = 0; i < n; i++) {
    pointers[i] = &views[i];
    ok = ok && dml_dataset_view (set, first + i, &views[i], &holds[i], error);
  }
  ok = ok && dml_session_embed (session, pointers, NULL, n, out, error);
  for (guint i = 0; i < n; i++)
    g_clear_pointer (&holds[i], dml_picture_unref);
  return ok;
}

static gboolean
embed_set (DmlAssessment *a, DmlAssessed *out, GError **error)
{
  const size_t d = dml_encoder_get_dim (a->encoder);
  g_autoptr (DmlSession) session =
    dml_encoder_session_new (a->encoder, a->options->n_threads, error);
  const double start = (double) g_get_monotonic_time ();
  double spent = 0;

  out->x = dml_mem_new (float, out->n *d, error);
  if (session == NULL || out->x == NULL)
    return FALSE;
  for (guint first = 0; first < out->n; first += BATCH) {
    const guint n = (guint) MIN (BATCH, out->n - first);

    if (!embed_batch (session, out->set, first, n, out->x + first * d, error))
      return FALSE;
    spent = ((double) g_get_monotonic_time () - start) / 1e6;
    report_progress (a, DML_TRAIN_STAGE_EVALUATE, first + n, (guint) out->n,
                     (first + n) / MAX (spent, 1e-6));
    if (g_cancellable_is_cancelled (a->cancellable))
      return dml_fail (error, CANCELLED, "stopped");
  }
  a->out->ms_each = 1e3 * spent / (double) MAX (1, out->n);
  return TRUE;
}

gboolean
dml_assess_load (DmlAssessment *a, const char *const *sources, const char *what,
                 DmlAssessed *out, GError **error)
{
  int width, height;
  DmlDatasetOptions options = {
    .fit = dml_encoder_get_fit (a->encoder),
    .cache_scale = CACHE_SCALE,
    .cache_bytes = (size_t) 2 << 30,
    .bad_share = a->options->bad_pictures,
    .n_threads = a->options->n_threads,
  };
  g_autoptr (GPtrArray) lines = NULL;

  dml_encoder_get_input_size (a->encoder, &width, &height);
  options.input = MAX (width, height);
  out->set =
    dml_dataset_open (sources, &options, on_read, a, a->cancellable, error);
  if (out->set == NULL)
    return FALSE;
  if ((a->options->split != NULL || a->options->part != NULL) &&
      sources == a->options->data &&
      !dml_dataset_keep (out->set, a->options->split ? a->options->split : "",
                         a->options->part ? dml_split_find (a->options->part)
                                          : DML_SPLIT_TEST,
                         error))
    return FALSE;
  lines = dml_dataset_describe (out->set, FALSE);
  for (guint i = 0; i < lines->len; i++)
    dml_assess_say (a, FALSE, "%s%s%s", what, *what ? ": " : "",
                    (const char *) lines->pdata[i]);
  out->n = out->set->samples->len;
  out->labels = g_new (int32_t, out->n);
  for (guint i = 0; i < out->n; i++)
    out->labels[i] = dml_assess_name (
      a, dml_dataset_label (out->set, dml_dataset_sample (out->set, i)->label)
           ->name);
  return embed_set (a, out, error);
}

void
dml_assessed_clear (DmlAssessed *assessed)
{
  dml_dataset_free (assessed->set);
  dml_mem_free (assessed->x);
  g_free (assessed->labels);
  memset (assessed, 0, sizeof *assessed);
}

/* ---- tables ---- */

static gboolean
tables (DmlAssessment *a, const DmlRetrievalInput *input, GError **error)
{
  g_auto (DmlRetrieval) result = { 0 };
  DmlEvaluation *out = a->out;

  if (!dml_retrieval_run (input, DML_TIES_PESSIMISTIC, &result, error))
    return FALSE;
  out->measures.retrieval = result.mean;
  out->measures.n_queries = (guint) result.n_used;
  dml_metric_by_class (input, &result, &out->rows, &out->n_rows);
  dml_metric_confused_pairs (input, &result, PAIRS_MAX, &out->pairs,
                             &out->n_pairs);
  return TRUE;
}

/* ---- the encoder's own thresholds ---- */

static void
take_thresholds (DmlAssessment *a, DmlCalibrated calibrated[DML_N_FARS])
{
  DmlEvaluation *out = a->out;

  memset (calibrated, 0, DML_N_FARS * sizeof *calibrated);
  for (int i = 0; i < DML_N_FARS; i++) {
    DmlThreshold t;

    if (!dml_encoder_get_threshold (a->encoder, dml_fars[i], &t) ||
        fabs (t.false_accept_rate - dml_fars[i]) > 1e-9)
      continue;
    calibrated[i].there = TRUE;
    calibrated[i].far = dml_fars[i];
    calibrated[i].threshold = t.threshold;
    out->threshold[i] = t;
    out->n_thresholds++;
  }
}

/* ---- protocols ---- */

/* Pictures that no other one has the label of cannot be found by any: no figure
 * counts them. */
static gboolean
check_mates (const DmlAssessment *a, const DmlAssessed *all, GError **error)
{
  g_autofree guint *count = g_new0 (guint, a->out->names->len);
  guint n = 0;

  for (size_t i = 0; i < all->n; i++)
    count[all->labels[i]]++;
  for (guint i = 0; i < a->out->names->len; i++)
    n += count[i] == 1;
  if (n == all->n)
    return dml_fail (error, FORMAT,
                     "no class has two pictures, so none can be found by "
                     "another one of its class; name queries, or data with "
                     "one folder a class");
  if (n > 0)
    dml_assess_say (a, FALSE,
                    "%u class%s of one picture: found by none of its class, "
                    "left out of recall and the classifier's figure",
                    n, DML_ES (n));
  return TRUE;
}

static gboolean
leave_one_out (DmlAssessment *a, GError **error)
{
  g_auto (DmlAssessed) all = { 0 };
  const size_t d = dml_encoder_get_dim (a->encoder);
  DmlCalibrated calibrated[DML_N_FARS];
  DmlEvaluation *out = a->out;
  DmlRetrievalInput input;

  if (!dml_assess_load (a, a->options->data, "", &all, error) ||
      !check_mates (a, &all, error))
    return FALSE;
  out->n_gallery = out->n_queries = (guint) all.n;
  out->n_leaks = all.set->report.n_copies;
  if (!dml_measures_run (all.x, all.labels, all.n, d, a->options->seed, TRUE,
                         &out->measures, error))
    return FALSE;
  out->clustered = a->options->clusters;
  if (out->clustered &&
      !dml_metric_cluster (all.x, all.labels, all.n, d, a->options->seed,
                           &out->agreement, error))
    return FALSE;
  take_thresholds (a, calibrated);
  input = (DmlRetrievalInput){
    .d = d,
    .n_queries = all.n,
    .n_gallery = all.n,
    .queries = all.x,
    .query_labels = all.labels,
    .gallery = all.x,
    .gallery_labels = all.labels,
    .exclude_self = TRUE,
  };
  return dml_measures_apply (calibrated, all.x, all.labels, all.n, d,
                             a->options->seed, out->far, out->right, error) &&
         tables (a, &input, error) && dml_assess_classify (a, &input, error) &&
         (a->options->suspects == 0 ||
          dml_assess_suspects (a, &all, &input, error));
}

/* Pictures of the gallery that are among the queries, by their content. */
static void
find_leaks (DmlAssessment *a, const DmlAssessed *gallery,
            const DmlAssessed *queries)
{
  g_autoptr (GHashTable) seen = g_hash_table_new (g_int64_hash, g_int64_equal);

  for (guint i = 0; i < gallery->n; i++) {
    DmlSample *sample = dml_dataset_sample (gallery->set, i);

    g_hash_table_insert (seen, &sample->hash[0], sample);
  }
  for (guint i = 0; i < queries->n; i++) {
    const DmlSample *query = dml_dataset_sample (queries->set, i);
    const DmlSample *same = g_hash_table_lookup (seen, &query->hash[0]);

    if (same == NULL || same->hash[1] != query->hash[1])
      continue;
    if (a->out->n_leaks++ < DML_LEAKS_NAMED)
      g_ptr_array_add (a->out->leaks,
                       g_strdup_printf ("%s = %s", query->name, same->name));
  }
  if (a->out->n_leaks > 0)
    dml_assess_say (a, TRUE,
                    "%u quer%s %s in the gallery too, the very same "
                    "picture%s: the figures are too good. The first is %s",
                    a->out->n_leaks, DML_Y (a->out->n_leaks),
                    DML_IS (a->out->n_leaks), DML_S (a->out->n_leaks),
                    (char *) a->out->leaks->pdata[0]);
}

static void
open_set_of_queries (DmlAssessment *a, const DmlRetrievalInput *input,
                     const gboolean *enrolled, const int32_t *index,
                     const float *score)
{
  DmlEvaluation *out = a->out;
  g_autofree double *known = g_new (double, input->n_queries + 1);
  g_autofree double *unknown = g_new (double, input->n_queries + 1);
  g_autofree uint8_t *ok = g_new (uint8_t, input->n_queries + 1);
  DmlOpenSetInput open = { 0, 0, known, ok, unknown };

  for (size_t i = 0; i < input->n_queries; i++) {
    if (enrolled[input->query_labels[i]]) {
      known[open.n_known] = (double) score[i];
      ok[open.n_known++] =
        input->gallery_labels[index[i]] == input->query_labels[i];
    } else {
      unknown[open.n_unknown++] = (double) score[i];
    }
  }
  out->n_unknown = (guint) open.n_unknown;
  dml_measures_open (&open, &out->measures);
  if (!out->measures.open)
    return;
  out->measures.n_enrolled = (guint) input->n_gallery;
  for (int f = 0; f < DML_N_FARS; f++) {
    double n_far = 0, n_right = 0;

    for (size_t i = 0; i < open.n_unknown; i++)
      n_far += unknown[i] > out->threshold[f].threshold;
    for (size_t i = 0; i < open.n_known; i++)
      n_right += ok[i] && known[i] > out->threshold[f].threshold;
    out->far[f] = n_far / (double) open.n_unknown;
    out->right[f] = n_right / (double) open.n_known;
  }
}

/* Queries of enrolled labels, moved to the front of x and labels. */
static size_t
known_first (DmlAssessed *queries, const gboolean *enrolled, size_t d)
{
  g_autofree float *row = g_new (float, d);
  size_t n = 0;

  for (size_t i = 0; i < queries->n; i++) {
    const int32_t label = queries->labels[i];

    if (!enrolled[label])
      continue;
    memcpy (row, queries->x + n * d, d * sizeof (float));
    memcpy (queries->x + n * d, queries->x + i * d, d * sizeof (float));
    memcpy (queries->x + i * d, row, d * sizeof (float));
    queries->labels[i] = queries->labels[n];
    queries->labels[n++] = label;
  }
  return n;
}

static gboolean
gallery_against_queries (DmlAssessment *a, GError **error)
{
  g_auto (DmlAssessed) gallery = { 0 }, queries = { 0 };
  const size_t d = dml_encoder_get_dim (a->encoder);
  DmlCalibrated calibrated[DML_N_FARS];
  DmlEvaluation *out = a->out;
  g_autofree gboolean *enrolled = NULL;
  g_autofree int32_t *index = NULL;
  g_autofree float *score = NULL;
  DmlRetrievalInput input = { .d = d };

  if (!dml_assess_load (a, a->options->data, "gallery", &gallery, error) ||
      !dml_assess_load (a, a->options->queries, "queries", &queries, error))
    return FALSE;
  find_leaks (a, &gallery, &queries);
  take_thresholds (a, calibrated);
  enrolled = g_new0 (gboolean, out->names->len);
  for (size_t i = 0; i < gallery.n; i++) {
    out->measures.n_classes += !enrolled[gallery.labels[i]];
    enrolled[gallery.labels[i]] = TRUE;
  }
  out->n_gallery = out->measures.n_pictures = (guint) gallery.n;
  out->n_queries = (guint) queries.n;
  index = g_new (int32_t, queries.n);
  score = g_new (float, queries.n);
  input.gallery = gallery.x;
  input.gallery_labels = gallery.labels;
  input.n_gallery = gallery.n;
  input.n_queries = known_first (&queries, enrolled, d);
  input.queries = queries.x;
  input.query_labels = queries.labels;
  if (input.n_queries == 0)
    dml_assess_say (a, TRUE,
                    "no label of the queries is in the gallery, so all are "
                    "unknown things; the gallery has %s, the queries have %s",
                    (const char *) out->names->pdata[gallery.labels[0]],
                    (const char *) out->names->pdata[queries.labels[0]]);
  if (input.n_queries > 0 &&
      (!tables (a, &input, error) || !dml_assess_classify (a, &input, error)))
    return FALSE;
  input.n_queries = queries.n;
  if (!dml_metric_nearest (&input, 1, index, score, error))
    return FALSE;
  open_set_of_queries (a, &input, enrolled, index, score);
  return TRUE;
}

/* ---- public ---- */

static gboolean
check_options (const DmlEvaluateOptions *o, GError **error)
{
  if (o->part != NULL && dml_split_find (o->part) >= DML_SPLIT_DROP)
    return dml_fail (error, INVALID,
                     "part: '%s' is not one of train, val, test", o->part);
  if (!(o->bad_pictures >= 0 && o->bad_pictures <= 1))
    return dml_fail (error, INVALID, "bad-pictures: %g is outside 0 to 1",
                     o->bad_pictures);
  if (o->queries != NULL && o->protocol != DML_PROTOCOL_GALLERY_QUERY)
    return dml_fail (error, INVALID,
                     "queries: only the protocol gallery-query looks them up; "
                     "leave them out, or choose that");
  if (o->trials != NULL && o->protocol != DML_PROTOCOL_ONE_SHOT)
    return dml_fail (error, INVALID,
                     "trials: only the protocol one-shot has them");
  if (o->group != NULL && o->protocol != DML_PROTOCOL_ONE_SHOT)
    return dml_fail (error, INVALID,
                     "group: only the trials of the protocol one-shot are "
                     "drawn in groups");
  if (o->suspects > 0 && o->protocol != DML_PROTOCOL_LEAVE_ONE_OUT)
    return dml_fail (error, INVALID,
                     "suspects are looked for leave-one-out only");
  if (o->clusters && o->protocol != DML_PROTOCOL_LEAVE_ONE_OUT)
    return dml_fail (error, INVALID, "clusters are made leave-one-out only");
  if (o->protocol == DML_PROTOCOL_ONE_SHOT && o->trials != NULL)
    return TRUE;
  if (o->data == NULL || o->data[0] == NULL)
    return dml_fail (error, INVALID,
                     "no data: name a folder of folders, a tar "
                     "file or a table (.csv)");
  if (o->protocol == DML_PROTOCOL_GALLERY_QUERY &&
      (o->queries == NULL || o->queries[0] == NULL))
    return dml_fail (error, INVALID,
                     "gallery against queries: name the queries too");
  if (o->k < 1 || o->k > DML_ASSESS_K_MAX)
    return dml_fail (error, INVALID, "k: %u is outside 1 to %d", o->k,
                     DML_ASSESS_K_MAX);
  if (o->protocol == DML_PROTOCOL_ONE_SHOT && (o->ways < 2 || o->n_trials < 1))
    return dml_fail (error, INVALID,
                     "a trial needs 2 classes or more; %u %s asked for",
                     o->ways, DML_IS (o->ways));
  return TRUE;
}

DmlEvaluation *
dml_evaluate (DmlEncoder *encoder, const DmlEvaluateOptions *options,
              const DmlTrainListener *listener, GCancellable *cancellable,
              GError **error)
{
  g_autoptr (DmlEvaluation) out = g_new0 (DmlEvaluation, 1);
  DmlAssessment a = { encoder, options, listener, cancellable, out };
  gboolean ok = FALSE;

  g_return_val_if_fail (encoder != NULL && options != NULL, NULL);
  if (!check_options (options, error))
    return NULL;
  out->protocol = options->protocol;
  out->encoder = g_strdup (dml_encoder_get_name (encoder));
  out->fingerprint = g_strdup (dml_encoder_get_fingerprint (encoder));
  out->names = g_ptr_array_new_with_free_func (g_free);
  out->leaks = g_ptr_array_new_with_free_func (g_free);
  out->seed = options->seed;
  out->k = options->k;
  out->prototypes = options->prototypes;
  for (int i = 0; i < DML_N_FARS; i++)
    out->far[i] = out->right[i] = (double) NAN;
  switch (options->protocol) {
  case DML_PROTOCOL_LEAVE_ONE_OUT:
    ok = leave_one_out (&a, error);
    break;
  case DML_PROTOCOL_GALLERY_QUERY:
    ok = gallery_against_queries (&a, error);
    break;
  case DML_PROTOCOL_ONE_SHOT:
    ok = dml_assess_trials (&a, error);
    break;
  }
  return ok ? g_steal_pointer (&out) : NULL;
}

void
dml_evaluation_free (DmlEvaluation *e)
{
  if (e == NULL)
    return;
  g_free (e->encoder);
  g_free (e->fingerprint);
  g_clear_pointer (&e->names, g_ptr_array_unref);
  g_clear_pointer (&e->leaks, g_ptr_array_unref);
  g_clear_pointer (&e->suspects, g_array_unref);
  g_clear_pointer (&e->twins, g_array_unref);
  g_free (e->rows);
  g_free (e->pairs);
  g_free (e);
}
