/* SPDX-License-Identifier: LGPL-2.1-or-later
 * From a classifier's verdict to known, ambiguous or unknown.
 *
 *   unknown    the best label's similarity is not above the threshold
 *   ambiguous  it is, but its lead over the runner-up is below the margin, or
 *              the two cannot be told apart at all
 *   known      otherwise
 *
 * A gallery that was calibrated has no threshold but a lead: the threshold of
 * an answer is half of what the next n_crowd labels reach on average, plus the
 * lead. Light, blur and background move a picture towards or away from
 * everything at once; what they do to the best label they do to the others
 * (docs/thresholds.md).
 *
 * Allocates the answer and nothing else. */
#include "gallery/calibrate.h"
#include "gallery/match.h"
#include "gallery/rows.h"

/* A lead over a near crowd may ask for more than there is. The very picture
 * that was enrolled is known whatever the rate. */
#define DML_THRESHOLD_MOST 0.99

/* Similarity of the nearest item of a label, and which it is. */
static double
nearest_of (const DmlSnapshot *snapshot, const DmlQuery *query, guint label,
            gint64 *item)
{
  const DmlFound *found = query->found;
  const guint dim = snapshot->space.dim;
  const DmlMetric metric = snapshot->space.metric;
  DmlHit nearest = { -INFINITY, G_MAXUINT32 };

  for (guint b = 0; b < found->n_best; b++) /* mostly one of these */
    if (snapshot->label_of[found->best[b].row] == label)
      nearest = found->best[b];
  if (nearest.row == G_MAXUINT32)
    for (guint i = snapshot->first[label]; i < snapshot->first[label + 1];
         i++) {
      const guint32 row = snapshot->by_label[i];
      float score;

      dml_rows_score (&score, query->values, dml_snapshot_row (snapshot, row),
                      dim, 1, metric);
      if (nearest.row == G_MAXUINT32 || score > nearest.score)
        nearest = (DmlHit){ score, row };
    }
  *item = snapshot->ids[nearest.row];
  return dml_score_similarity (nearest.score, query->inv_norm, metric);
}

static void
fill_hits (DmlMatch *match, const DmlSnapshot *snapshot, const DmlQuery *query)
{
  for (guint h = 0; h < match->n_hits; h++) {
    const DmlHit hit = query->found->hits[h];

    match->hits[h] = (DmlMatchHit){
      snapshot->label_of[hit.row],
      snapshot->ids[hit.row],
      dml_score_similarity (hit.score, query->inv_norm, snapshot->space.metric),
    };
  }
}

static void
settle (DmlMatch *match, gboolean tied)
{
  if (!(match->similarity > match->threshold)) {
    match->decision = DML_DECISION_UNKNOWN;
    match->reason = DML_REASON_BELOW_THRESHOLD;
  } else if (match->runner_up >= 0 &&
             (tied || match->margin < match->least_margin)) {
    match->decision = DML_DECISION_AMBIGUOUS;
    match->reason = DML_REASON_BELOW_MARGIN;
  } else {
    match->decision = DML_DECISION_KNOWN;
    match->reason = DML_REASON_ACCEPTED;
  }
}

double
dml_crowd (const DmlNear *near, guint label, guint n_crowd)
{
  double sum = 0.0;
  guint n = 0;

  for (guint i = 0; i < near->n && n < n_crowd; i++)
    if (near->label[i] != label) {
      sum += near->similarity[i];
      n++;
    }
  return n > 0 ? DML_CROWD_SHARE * sum / n : 0.0;
}

/* The similarities of the two labels, and the threshold that this answer is
 * held against. */
static void
weigh (DmlMatch *match, const DmlMatcher *matcher, const DmlQuery *query,
       DmlVerdict *verdict)
{
  const DmlSnapshot *snapshot = matcher->snapshot;
  const guint label = (guint) verdict->label;
  DmlNear *near = &verdict->near;
  double runner_up = 0.0;
  gint64 item;

  match->label = verdict->label;
  match->runner_up = verdict->runner_up;
  match->confidence = verdict->confidence;
  match->prototype = near->n > 0;
  match->similarity = nearest_of (snapshot, query, label, &match->item);
  if (match->prototype) {
    match->similarity = near->similarity[0];
    runner_up = near->similarity[1];
  } else {
    dml_near_items (snapshot, query, near);
    if (verdict->runner_up >= 0)
      runner_up =
        nearest_of (snapshot, query, (guint) verdict->runner_up, &item);
  }
  match->margin = match->similarity;
  if (verdict->runner_up >= 0)
    match->margin -= runner_up;
  if (matcher->n_crowd > 0)
    match->threshold =
      MIN (dml_crowd (near, label, matcher->n_crowd) + matcher->lead,
           DML_THRESHOLD_MOST);
}

/* A query of a length at which products of floats run over or under; no encoder
 * makes one. (transfer full): it with unit length */
static float *
tame (const float *values, guint dim, double inv_norm)
{
  float *unit = g_new (float, dim);

  for (guint i = 0; i < dim; i++)
    unit[i] = (float) ((double) values[i] * inv_norm);
  return unit;
}

DmlMatch *
dml_decide (const DmlMatcher *matcher, const float *values)
{
  const DmlSnapshot *snapshot = matcher->snapshot;
  DmlHit hits[DML_K_MAX];
  DmlFound found = { .hits = hits };
  const DmlQuery query = {
    values,
    dml_query_inv_norm (values, snapshot->space.dim, snapshot->space.metric),
    &found,
  };
  DmlVerdict verdict = { .label = -1 };
  DmlMatch *match;

  if (snapshot->space.metric == DML_METRIC_COSINE && query.inv_norm > 0.0 &&
      (query.inv_norm < 1e-15 || query.inv_norm > 1e15)) {
    g_autofree float *unit = tame (values, snapshot->space.dim, query.inv_norm);

    return dml_decide (matcher, unit);
  }
  if (snapshot->n_items > 0 && query.inv_norm > 0.0)
    snapshot->index->klass->search (snapshot->index, values, matcher->k,
                                    &found);
  match = dml_match_alloc (snapshot->labels, found.n_hits);
  match->threshold = matcher->threshold;
  match->least_margin = matcher->margin;
  match->origin = matcher->origin;
  match->edge = matcher->edge;
  match->reason =
    snapshot->n_items == 0 ? DML_REASON_EMPTY_GALLERY : DML_REASON_NO_EMBEDDING;
  if (found.n_hits == 0)
    return match;
  fill_hits (match, snapshot, &query);
  matcher->klass->judge (matcher->model, &query, &verdict);
  weigh (match, matcher, &query, &verdict);
  settle (match, verdict.tied);
  return match;
}
