/* SPDX-License-Identifier: LGPL-2.1-or-later
 * What may be wrong with the pictures of a gallery, told by their embeddings.
 *
 * Of an item in a label of three or more: `own` is its mean similarity to the
 * label's other items, `others` the mean similarity of those to each other. It
 * is an outlier where it falls short of them by far more than items of this
 * gallery do, or where another label's item is nearer than any of its own.
 *
 * Two labels are confusable where either, were it not enrolled, would be taken
 * for the other by more of a lead than a hundredth of unknown things have
 * (calibrate.c). */
#include <math.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/threads.h"
#include "gallery/calibrate.h"
#include "gallery/match.h"
#include "gallery/rows.h"

G_DEFINE_BOXED_TYPE (DmlFinding, dml_finding, dml_finding_copy,
                     dml_finding_free)
G_DEFINE_ENUM_TYPE (DmlFindingKind, dml_finding_kind,
                    G_DEFINE_ENUM_VALUE (DML_FINDING_OUTLIER, "outlier"),
                    G_DEFINE_ENUM_VALUE (DML_FINDING_CONFUSABLE, "confusable"),
                    G_DEFINE_ENUM_VALUE (DML_FINDING_DUPLICATE, "duplicate"))

#define SPREADS 4.0      /* short of the others by this many is far */
#define SPREAD_MIN 0.025 /* of similarity: below, everything is the same */
#define OWN_MAX 500      /* items of a label that one is compared with */
#define CONFUSED_RATE 0.01

DmlFinding *
dml_finding_copy (const DmlFinding *finding)
{
  DmlFinding *copy = g_new (DmlFinding, 1);

  *copy = *finding;
  copy->label = g_strdup (finding->label);
  copy->other_label = g_strdup (finding->other_label);
  copy->text = g_strdup (finding->text);
  return copy;
}

void
dml_finding_free (DmlFinding *finding)
{
  if (finding == NULL)
    return;
  g_free (finding->label);
  g_free (finding->other_label);
  g_free (finding->text);
  g_free (finding);
}

/* What is known of an item. */
typedef struct {
  double own, others;  /* mean similarities, NaN where there are too few */
  double own_best;     /* to the nearest of its own, NaN where there is none */
  double nearest;      /* to the nearest of another label, NaN likewise */
  guint32 nearest_row; /* which that is */
  double lead;         /* of that label over dml_crowd() of the others */
} Look;

typedef struct {
  const DmlSnapshot *snapshot;
  Look *looks;
  guint32 *rows; /* those that are searched for */
  guint n_crowd;
} Audit;

static double
similarity (const DmlSnapshot *snapshot, guint32 a, guint32 b)
{
  float score;

  dml_rows_score (&score, dml_snapshot_row (snapshot, a),
                  dml_snapshot_row (snapshot, b), snapshot->space.dim, 1,
                  snapshot->space.metric);
  return dml_score_similarity (score, 1.0, snapshot->space.metric);
}

/* Every item of a label against the others of it. */
static void
look_within (void *data, size_t label, unsigned worker)
{
  const Audit *audit = data;
  const DmlSnapshot *snapshot = audit->snapshot;
  const guint32 *rows = snapshot->by_label + snapshot->first[label];
  const guint n = MIN (dml_snapshot_n_of (snapshot, (guint) label), OWN_MAX);
  double pairs = 0.0;

  for (guint i = 0; i < n; i++)
    audit->looks[rows[i]].own = 0.0;
  for (guint i = 0; i < n; i++)
    for (guint j = i + 1; j < n; j++) {
      const double s = similarity (snapshot, rows[i], rows[j]);
      Look *a = &audit->looks[rows[i]], *b = &audit->looks[rows[j]];

      a->own += s;
      b->own += s;
      a->own_best = fmax (a->own_best, s); /* NaN gives way */
      b->own_best = fmax (b->own_best, s);
      pairs += s;
    }
  for (guint i = 0; i < n; i++) {
    Look *look = &audit->looks[rows[i]];

    if (n > 2)
      look->others = (pairs - look->own) / ((n - 1.0) * (n - 2.0) / 2.0);
    look->own = n > 1 ? look->own / (n - 1.0) : (double) NAN;
  }
}

/* One item against the other labels. */
static void
look_around (void *data, size_t i, unsigned worker)
{
  const Audit *audit = data;
  const DmlSnapshot *snapshot = audit->snapshot;
  const guint32 row = audit->rows[i];
  const guint label = snapshot->label_of[row];
  const float *values = dml_snapshot_row (snapshot, row);
  Look *look = &audit->looks[row];
  DmlHit hit;
  DmlFound found = { .hits = &hit };
  const DmlQuery query = {
    values,
    dml_query_inv_norm (values, snapshot->space.dim, snapshot->space.metric),
    &found,
  };
  DmlNear near;
  guint first = 0;

  snapshot->index->klass->search (snapshot->index, values, 1, &found);
  dml_near_items (snapshot, &query, &near);
  while (first < near.n && near.label[first] == label)
    first++;
  if (first == near.n)
    return;
  look->nearest = near.similarity[first];
  look->nearest_row = found.best[first].row;
  dml_near_drop (&near, label);
  look->lead =
    near.similarity[0] - dml_crowd (&near, near.label[0], audit->n_crowd);
}

static int
compare_numbers (const void *a, const void *b)
{
  const double x = *(const double *) a, y = *(const double *) b;

  return (x > y) - (x < y);
}

/* How much items fall short of their label's others, usually: 1.4826 times the
 * median of the absolute shortfalls, which is a normal one's deviation. */
static double
usual_spread (const Audit *audit, double *room)
{
  size_t n = 0;

  for (guint i = 0; i < audit->snapshot->n_items; i++)
    if (!isnan (audit->looks[i].others))
      room[n++] = fabs (audit->looks[i].others - audit->looks[i].own);
  qsort (room, n, sizeof *room, compare_numbers);
  return MAX (n > 0 ? 1.4826 * room[n / 2] : 0.0, SPREAD_MIN);
}

/* ---- telling it ---------------------------------------------------------- */

static void
add_finding (const Audit *audit, DmlFindingKind kind, guint32 row, gint other,
             double found, double expected, char *text, GPtrArray *findings)
{
  const DmlSnapshot *snapshot = audit->snapshot;
  const char *const *name = snapshot->labels->name;
  DmlFinding *finding = g_new (DmlFinding, 1);

  *finding = (DmlFinding){
    .kind = kind,
    .item = snapshot->ids[row],
    .label = g_strdup (name[snapshot->label_of[row]]),
    .other_item = other < 0 ? -1 : snapshot->ids[other],
    .other_label =
      other < 0 ? NULL : g_strdup (name[snapshot->label_of[other]]),
    .similarity = found,
    .expected = expected,
    .text = text,
  };
  g_ptr_array_add (findings, finding);
}

static void
tell_outlier (const Audit *audit, guint32 row, double spread,
              GPtrArray *findings)
{
  const DmlSnapshot *snapshot = audit->snapshot;
  const char *const *name = snapshot->labels->name;
  const Look *look = &audit->looks[row];
  char a[G_ASCII_DTOSTR_BUF_SIZE], b[G_ASCII_DTOSTR_BUF_SIZE];
  g_autofree char *label = dml_error_quote (name[snapshot->label_of[row]]);

  if (look->others - look->own > SPREADS * spread) {
    g_ascii_formatd (a, sizeof a, "%.2f", look->own);
    g_ascii_formatd (b, sizeof b, "%.2f", look->others);
    add_finding (audit, DML_FINDING_OUTLIER, row, -1, look->own, look->others,
                 g_strdup_printf ("item %" G_GINT64_FORMAT " of %s is %s like "
                                  "the label's others, which are %s like each "
                                  "other",
                                  snapshot->ids[row], label, a, b),
                 findings);
  } else if (look->nearest > look->own_best) {
    g_autofree char *other =
      dml_error_quote (name[snapshot->label_of[look->nearest_row]]);

    g_ascii_formatd (a, sizeof a, "%.2f", look->nearest);
    g_ascii_formatd (b, sizeof b, "%.2f", look->own_best);
    add_finding (audit, DML_FINDING_OUTLIER, row, (gint) look->nearest_row,
                 look->nearest, look->own_best,
                 g_strdup_printf ("item %" G_GINT64_FORMAT " of %s is nearer "
                                  "to %s (item %" G_GINT64_FORMAT ", %s) than "
                                  "to any of its own label (%s)",
                                  snapshot->ids[row], label, other,
                                  snapshot->ids[look->nearest_row], a, b),
                 findings);
  }
}

static void
tell_confusable (const Audit *audit, guint32 row, double lead,
                 GPtrArray *findings)
{
  const DmlSnapshot *snapshot = audit->snapshot;
  const char *const *name = snapshot->labels->name;
  const Look *look = &audit->looks[row];
  const gboolean same = look->nearest > DML_SAME_PICTURE;
  char number[G_ASCII_DTOSTR_BUF_SIZE];
  g_autofree char *label = NULL, *other = NULL;

  if (isnan (look->nearest) || (!same && !(look->lead > lead)))
    return;
  label = dml_error_quote (name[snapshot->label_of[row]]);
  other = dml_error_quote (name[snapshot->label_of[look->nearest_row]]);
  g_ascii_formatd (number, sizeof number, "%.2f", look->nearest);
  add_finding (
    audit, same ? DML_FINDING_DUPLICATE : DML_FINDING_CONFUSABLE, row,
    (gint) look->nearest_row, look->nearest, (double) NAN,
    same ? g_strdup_printf ("item %" G_GINT64_FORMAT " of %s and item "
                            "%" G_GINT64_FORMAT " of %s are the same picture",
                            snapshot->ids[row], label,
                            snapshot->ids[look->nearest_row], other)
         : g_strdup_printf ("%s is easily taken for %s: item %" G_GINT64_FORMAT
                            " is %s like item %" G_GINT64_FORMAT
                            ", far more than like anything else",
                            label, other, snapshot->ids[row], number,
                            snapshot->ids[look->nearest_row]),
    findings);
}

/* The lead above which labels are confusable: what a hundredth of them exceeds
 * where leads are exponential, told by their middle half alone, which pairs of
 * sisters do not touch. Infinite where there are too few to say. */
static gboolean
confusing_lead (const DmlSnapshot *snapshot, guint n_classes, guint n_probes,
                double *lead, GError **error)
{
  g_auto (DmlLeads) leads = { 0 };
  double middle, upper;

  *lead = (double) INFINITY;
  if (n_classes < DML_CALIBRATE_LABELS_MIN)
    return TRUE;
  if (!dml_leads_measure (snapshot, &dml_classifier_knn, n_probes, &leads,
                          error))
    return FALSE;
  qsort (leads.impostor, leads.n, sizeof (double), compare_numbers);
  middle = leads.impostor[leads.n / 2];
  upper = leads.impostor[leads.n * 3 / 4];
  *lead = middle + (upper - middle) / log (2.0) * log (0.5 / CONFUSED_RATE);
  return TRUE;
}

static gboolean
look_at_all (Audit *audit, gint label, guint n_classes, GPtrArray *findings,
             GError **error)
{
  const DmlSnapshot *snapshot = audit->snapshot;
  const guint n = snapshot->n_items;
  g_autoptr (DmlMem) looks = dml_mem_new (Look, n, error);
  g_autoptr (DmlMem) rows = dml_mem_new (guint32, n, error);
  g_autoptr (DmlMem) room = dml_mem_new (double, n, error);
  double lead, spread;
  guint n_rows = 0;

  if (looks == NULL || rows == NULL || room == NULL ||
      !confusing_lead (snapshot, n_classes,
                       label < 0 ? DML_PROBES_MAX : DML_PROBES_QUICK, &lead,
                       error))
    return FALSE;
  audit->looks = looks;
  audit->rows = rows;
  for (guint i = 0; i < n; i++) {
    audit->looks[i] =
      (Look){ (double) NAN, (double) NAN, (double) NAN, (double) NAN, 0,
              (double) NAN };
    if (label < 0 || snapshot->label_of[i] == (guint) label)
      audit->rows[n_rows++] = i;
  }
  dml_parallel_for (snapshot->labels->n, 0, look_within, audit);
  dml_parallel_for (n_rows, 0, look_around, audit);
  spread = usual_spread (audit, room);
  for (guint i = 0; i < n_rows; i++) {
    tell_outlier (audit, audit->rows[i], spread, findings);
    tell_confusable (audit, audit->rows[i], lead, findings);
  }
  return TRUE;
}

GPtrArray *
dml_snapshot_audit (DmlSnapshot *snapshot, const char *label, GError **error)
{
  g_autoptr (GPtrArray) findings =
    g_ptr_array_new_with_free_func ((GDestroyNotify) dml_finding_free);
  Audit audit = { .snapshot = snapshot };
  guint n_classes = 0;
  gint place = -1;

  if (label != NULL) {
    place = dml_snapshot_find_label (snapshot, label);
    if (place < 0) {
      g_autofree char *shown = dml_error_quote (label);

      return dml_fail_null (error, NOT_FOUND, "%s: no label %s", snapshot->path,
                            shown);
    }
  }
  for (guint l = 0; l < snapshot->labels->n; l++)
    n_classes += dml_snapshot_n_of (snapshot, l) > 0;
  audit.n_crowd = MIN (DML_CROWD, n_classes > 2 ? n_classes - 2 : 0);
  if (snapshot->n_items > 0 &&
      !look_at_all (&audit, place, n_classes, findings, error))
    return NULL;
  return g_steal_pointer (&findings);
}
