/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Answers over time.
 *
 * A thing has a record of its last answers. Records are bounded: a thing that
 * was away for two seconds of running time starts anew, and of more than 256
 * the one that was away longest goes. */
#include "smooth.h"

#define MAX_FRAMES 120
#define MAX_RECORDS 256
#define AWAY (2 * GST_SECOND)
#define LABEL_AWAY GST_SECOND

typedef struct {
  GstDmlIdentity identity;
  GstClockTime seen;
  DmlMatch *window[MAX_FRAMES];
  guint n, next; /* answers in window, and where the next one goes */
  DmlMatch *shown;
  DmlMatch *rival; /* what would be shown but for min_change */
  guint rival_frames;
  gboolean told; /* told_* hold what was reported last */
  DmlDecision told_decision;
  char *told_label;
} Record;

struct _GstDmlSmooth {
  GHashTable *records; /* Record by its identity */
  GHashTable *labels;  /* of things without one: GstClockTime by label */
};

static guint
identity_hash (gconstpointer key)
{
  const GstDmlIdentity *i = key;

  return g_int64_hash (&i->track) * 31 + i->roi_type * 7 + (guint) i->kind;
}

static gboolean
identity_equal (gconstpointer a, gconstpointer b)
{
  const GstDmlIdentity *x = a, *y = b;

  return x->kind == y->kind && x->roi_type == y->roi_type &&
         x->track == y->track;
}

gboolean
gst_dml_identity_of (const GstDmlRegionMeta *meta, GstDmlIdentity *identity)
{
  const gboolean listed = meta->kind == GST_DML_REGION_LIST;

  *identity = (GstDmlIdentity){ meta->kind, meta->roi_type,
                                listed ? meta->roi_id : meta->track_id };
  return meta->kind == GST_DML_REGION_FRAME ||
         meta->kind == GST_DML_REGION_CENTRE || listed || meta->track_id >= 0;
}

static void
record_reset (Record *r)
{
  for (guint i = 0; i < MAX_FRAMES; i++)
    g_clear_pointer (&r->window[i], dml_match_unref);
  r->n = r->next = 0;
  r->rival_frames = 0;
  g_clear_pointer (&r->shown, dml_match_unref);
  g_clear_pointer (&r->rival, dml_match_unref);
  r->told = FALSE;
  g_clear_pointer (&r->told_label, g_free);
}

static void
record_free (gpointer data)
{
  record_reset (data);
  g_free (data);
}

GstDmlSmooth *
gst_dml_smooth_new (void)
{
  GstDmlSmooth *self = g_new (GstDmlSmooth, 1);

  self->records =
    g_hash_table_new_full (identity_hash, identity_equal, NULL, record_free);
  self->labels =
    g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  return self;
}

void
gst_dml_smooth_free (GstDmlSmooth *self)
{
  g_hash_table_unref (self->records);
  g_hash_table_unref (self->labels);
  g_free (self);
}

void
gst_dml_smooth_clear (GstDmlSmooth *self)
{
  g_hash_table_remove_all (self->records);
  g_hash_table_remove_all (self->labels);
}

/* Forwards or backwards; unknown times count as no time at all. */
static GstClockTime
time_between (GstClockTime a, GstClockTime b)
{
  if (!GST_CLOCK_TIME_IS_VALID (a) || !GST_CLOCK_TIME_IS_VALID (b))
    return 0;
  return a > b ? a - b : b - a;
}

static void
forget_oldest (GstDmlSmooth *self, GstClockTime now)
{
  GHashTableIter iter;
  gpointer value;
  Record *oldest = NULL;

  g_hash_table_iter_init (&iter, self->records);
  while (g_hash_table_iter_next (&iter, NULL, &value)) {
    Record *r = value;

    if (oldest == NULL ||
        time_between (r->seen, now) > time_between (oldest->seen, now))
      oldest = r;
  }
  if (oldest != NULL)
    g_hash_table_remove (self->records, &oldest->identity);
}

static Record *
find_record (GstDmlSmooth *self, const GstDmlIdentity *identity,
             GstClockTime now)
{
  Record *r = g_hash_table_lookup (self->records, identity);

  if (r == NULL) {
    if (g_hash_table_size (self->records) >= MAX_RECORDS)
      forget_oldest (self, now);
    r = g_new0 (Record, 1);
    r->identity = *identity;
    g_hash_table_insert (self->records, &r->identity, r);
  } else if (time_between (r->seen, now) > AWAY) {
    record_reset (r);
  }
  r->seen = now;
  return r;
}

/* Whether two answers say the same to a user: the same label, or none. */
static gboolean
says_same (const DmlMatch *a, const DmlMatch *b)
{
  const DmlDecision x = dml_match_get_decision (a);

  if (x != dml_match_get_decision (b))
    return FALSE;
  return x != DML_DECISION_KNOWN ||
         g_strcmp0 (dml_match_get_label (a), dml_match_get_label (b)) == 0;
}

/* The newest of the answers that most of the window agrees with; of equals the
 * one that is shown, else the newest. */
static DmlMatch *
majority (const Record *r)
{
  DmlMatch *best = NULL;
  guint best_votes = 0;

  for (guint back = 1; back <= r->n; back++) {
    DmlMatch *m = r->window[(r->next + MAX_FRAMES - back) % MAX_FRAMES];
    guint votes = 0;

    for (guint i = 1; i <= r->n; i++)
      votes +=
        says_same (m, r->window[(r->next + MAX_FRAMES - i) % MAX_FRAMES]);
    if (votes > best_votes ||
        (votes == best_votes && r->shown != NULL && says_same (m, r->shown) &&
         !says_same (best, r->shown))) {
      best = m;
      best_votes = votes;
    }
  }
  return best;
}

static void
set_match (DmlMatch **to, DmlMatch *match)
{
  dml_match_ref (match);
  if (*to != NULL)
    dml_match_unref (*to);
  *to = match;
}

/* The window is a ring whose n newest entries count. */
static void
record_push (Record *r, DmlMatch *match, guint frames)
{
  while (r->n >= frames) {
    const guint oldest = (r->next + MAX_FRAMES - r->n) % MAX_FRAMES;

    g_clear_pointer (&r->window[oldest], dml_match_unref);
    r->n--;
  }
  r->window[r->next] = dml_match_ref (match);
  r->next = (r->next + 1) % MAX_FRAMES;
  r->n++;
}

DmlMatch *
gst_dml_smooth_push (GstDmlSmooth *self, const GstDmlRegionMeta *meta,
                     DmlMatch *match, guint frames, guint min_change,
                     GstClockTime running_time)
{
  GstDmlIdentity identity;
  DmlMatch *best;
  Record *r;

  if (frames < 2 || !gst_dml_identity_of (meta, &identity))
    return dml_match_ref (match);

  r = find_record (self, &identity, running_time);
  record_push (r, match, MIN (frames, MAX_FRAMES));
  best = majority (r);
  if (r->shown == NULL || says_same (best, r->shown)) {
    r->rival_frames = 0;
    set_match (&r->shown, best);
  } else {
    if (r->rival == NULL || !says_same (best, r->rival))
      r->rival_frames = 0;
    set_match (&r->rival, best);
    if (++r->rival_frames >= min_change) {
      r->rival_frames = 0;
      set_match (&r->shown, best);
    }
  }
  return dml_match_ref (r->shown);
}

static gboolean
label_is_news (GstDmlSmooth *self, const char *label, GstClockTime now)
{
  GstClockTime *seen = g_hash_table_lookup (self->labels, label);
  const gboolean news = seen == NULL || time_between (*seen, now) > LABEL_AWAY;

  if (seen == NULL) {
    if (g_hash_table_size (self->labels) >= MAX_RECORDS)
      g_hash_table_remove_all (self->labels);
    seen = g_new (GstClockTime, 1);
    g_hash_table_insert (self->labels, g_strdup (label), seen);
  }
  *seen = now;
  return news;
}

gboolean
gst_dml_smooth_is_news (GstDmlSmooth *self, const GstDmlRegionMeta *meta,
                        GstClockTime running_time)
{
  const char *label = gst_dml_region_meta_get_label (meta);
  GstDmlIdentity identity;
  DmlDecision decision;
  Record *r;

  if (meta->match == NULL)
    return FALSE;
  if (!gst_dml_identity_of (meta, &identity))
    return label_is_news (
      self, label != NULL ? label : gst_dml_region_meta_get_decision (meta),
      running_time);

  decision = dml_match_get_decision (meta->match);
  r = find_record (self, &identity, running_time);
  if (r->told && r->told_decision == decision &&
      g_strcmp0 (r->told_label, label) == 0)
    return FALSE;
  r->told = TRUE;
  r->told_decision = decision;
  g_free (r->told_label);
  r->told_label = g_strdup (label);
  return TRUE;
}
