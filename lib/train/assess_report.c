/* SPDX-License-Identifier: LGPL-2.1-or-later
 * An evaluation in JSON and in words. */
#include "train/assess.h"
#include "train/figures.h"
#include "base/error.h"
#include "base/words.h"

#include <math.h>
#include <stdlib.h>

#define SCHEMA "dml-eval/1"

static const char *const protocols[] = { "leave-one-out", "gallery-query",
                                         "one-shot" };

static const char *
name_of (const DmlEvaluation *e, int32_t label)
{
  return label >= 0 && (guint) label < e->names->len ? e->names->pdata[label]
                                                     : "";
}

/* ---- JSON ---- */

static void
add_thresholds (JsonBuilder *b, const DmlEvaluation *e)
{
  dml_figures_begin_array (b, "thresholds");
  for (int i = 0; i < DML_N_FARS; i++) {
    if (e->threshold[i].false_accept_rate <= 0)
      continue;
    json_builder_begin_object (b);
    dml_figures_add_number (b, "far", e->threshold[i].false_accept_rate);
    dml_figures_add_number (b, "threshold", e->threshold[i].threshold);
    dml_figures_add_number (b, "far_here", e->far[i]);
    dml_figures_add_number (b, "right_here", e->right[i]);
    json_builder_end_object (b);
  }
  json_builder_end_array (b);
}

static void
add_tables (JsonBuilder *b, const DmlEvaluation *e)
{
  dml_figures_begin_array (b, "classes_table");
  for (size_t i = 0; i < e->n_rows; i++) {
    const DmlClassRow *row = &e->rows[i];

    json_builder_begin_object (b);
    dml_figures_add_text (b, "label", name_of (e, row->label));
    dml_figures_add_count (b, "queries", row->n);
    dml_figures_add_number (b, "recall_1", row->recall_at_1);
    dml_figures_add_number (b, "map_r", row->map_at_r);
    if (row->confused >= 0) {
      dml_figures_add_text (b, "confused_with", name_of (e, row->confused));
      dml_figures_add_count (b, "confused", row->n_confused);
    }
    json_builder_end_object (b);
  }
  json_builder_end_array (b);
  dml_figures_begin_array (b, "confused_pairs");
  for (size_t i = 0; i < e->n_pairs; i++) {
    json_builder_begin_object (b);
    dml_figures_add_text (b, "a", name_of (e, e->pairs[i].a));
    dml_figures_add_text (b, "b", name_of (e, e->pairs[i].b));
    dml_figures_add_count (b, "queries", e->pairs[i].n);
    dml_figures_add_number (b, "share", e->pairs[i].share);
    json_builder_end_object (b);
  }
  json_builder_end_array (b);
}

static void
add_suspects (JsonBuilder *b, const DmlEvaluation *e)
{
  dml_figures_add_count (b, "n_suspects", e->n_suspects);
  dml_figures_begin_array (b, "suspects");
  for (guint i = 0; i < e->suspects->len; i++) {
    const DmlSuspect *s = &g_array_index (e->suspects, DmlSuspect, i);

    json_builder_begin_object (b);
    dml_figures_add_text (b, "picture", s->picture);
    dml_figures_add_text (b, "label", name_of (e, s->label));
    dml_figures_add_text (b, "neighbours_say", name_of (e, s->other));
    dml_figures_add_count (b, "agree", s->agree);
    dml_figures_add_count (b, "neighbours", s->k);
    dml_figures_add_text (b, "nearest", s->like);
    dml_figures_add_number (b, "similarity", s->nearest);
    dml_figures_add_number (b, "similarity_own", s->own);
    json_builder_end_object (b);
  }
  json_builder_end_array (b);
  dml_figures_begin_array (b, "twins");
  for (guint i = 0; i < e->twins->len; i++) {
    const DmlTwins *t = &g_array_index (e->twins, DmlTwins, i);

    json_builder_begin_object (b);
    dml_figures_add_text (b, "a", t->a);
    dml_figures_add_text (b, "b", t->b);
    dml_figures_add_number (b, "distance", t->distance);
    json_builder_end_object (b);
  }
  json_builder_end_array (b);
}

static void
add_retrieval (JsonBuilder *b, const DmlEvaluation *e)
{
  dml_figures_add_measures (b, &e->measures);
  dml_figures_begin_object (b, "classifier");
  dml_figures_add_text (b, "name", e->prototypes ? "prototype" : "knn");
  if (!e->prototypes)
    dml_figures_add_count (b, "k", e->k);
  dml_figures_add_number (b, "accuracy",
                          dml_measures_closed (&e->measures, e->accuracy));
  dml_figures_add_interval (b, "accuracy_interval", &e->accuracy_range);
  json_builder_end_object (b);
  if (e->clustered) {
    dml_figures_add_number (b, "nmi", e->agreement.nmi);
    dml_figures_add_number (b, "ami", e->agreement.ami);
  }
  if (e->n_thresholds > 0)
    add_thresholds (b, e);
  dml_figures_add_count (b, "leaks", e->n_leaks);
  add_tables (b, e);
  if (e->suspects != NULL)
    add_suspects (b, e);
}

char *
dml_evaluation_to_json (const DmlEvaluation *e)
{
  JsonBuilder *b = json_builder_new ();

  json_builder_begin_object (b);
  dml_figures_add_text (b, "schema", SCHEMA);
  dml_figures_add_text (b, "encoder", e->encoder);
  dml_figures_add_text (b, "fingerprint", e->fingerprint);
  dml_figures_add_text (b, "protocol", protocols[e->protocol]);
  dml_figures_add_count (b, "seed", e->seed);
  dml_figures_add_count (b, "gallery", e->n_gallery);
  dml_figures_add_count (b, "queries", e->n_queries);
  if (e->protocol == DML_PROTOCOL_ONE_SHOT) {
    dml_figures_add_count (b, "trials", e->n_trials);
    dml_figures_add_number (b, "error", e->error);
    dml_figures_add_interval (b, "error_interval", &e->error_range);
  } else {
    dml_figures_add_count (b, "unknown", e->n_unknown);
    add_retrieval (b, e);
  }
  json_builder_end_object (b);
  return dml_figures_to_text (b);
}

/* ---- words ---- */

#define SHOWN_MAX 200 /* characters of a name that are shown */

/* A folder may be called anything, control characters included. (transfer
 * full) */
static char *
shown (const char *name)
{
  return dml_error_quote_long (name, SHOWN_MAX);
}

static char *
label_shown (const DmlEvaluation *e, int32_t label)
{
  return shown (name_of (e, label));
}

/* A name in a column so many places of a terminal wide: of other writing than
 * Latin a character may take two of them, or none. */
static void
column (GString *text, const char *name, int width)
{
  g_string_append (text, name);
  for (const char *p = name; *p != '\0'; p = g_utf8_next_char (p)) {
    const gunichar c = g_utf8_get_char (p);

    width -= g_unichar_iszerowidth (c) ? 0 : g_unichar_iswide (c) ? 2 : 1;
  }
  g_string_append_printf (text, "%*s", MAX (width, 0), "");
}

static void
line (GString *text, const char *what, double value, const DmlInterval *range)
{
  if (isnan (value)) {
    g_string_append_printf (text, "%-28s      -\n", what);
    return;
  }
  g_string_append_printf (text, "%-28s %6.2f %%", what, 100 * value);
  if (range != NULL && (range->low != 0 || range->high != 0))
    g_string_append_printf (text, "   (%.2f to %.2f)", 100 * range->low,
                            100 * range->high);
  g_string_append_c (text, '\n');
}

static void
write_figures (const DmlEvaluation *e, GString *text)
{
  const DmlMeasures *m = &e->measures;
  g_autofree char *by = e->prototypes
                          ? g_strdup ("right by prototypes")
                          : g_strdup_printf ("right by %u nearest", e->k);

  line (text, "recall@1",
        dml_measures_closed (m, m->retrieval.recall[DML_RECALL_AT_1]),
        &m->recall_1);
  line (text, "recall@2",
        dml_measures_closed (m, m->retrieval.recall[DML_RECALL_AT_2]), NULL);
  line (text, "recall@4",
        dml_measures_closed (m, m->retrieval.recall[DML_RECALL_AT_4]), NULL);
  line (text, "recall@8",
        dml_measures_closed (m, m->retrieval.recall[DML_RECALL_AT_8]), NULL);
  line (text, "R-precision", dml_measures_closed (m, m->retrieval.r_precision),
        NULL);
  line (text, "MAP@R", dml_measures_closed (m, m->retrieval.map_at_r),
        &m->map_r);
  line (text, "MRR", dml_measures_closed (m, m->retrieval.mrr), NULL);
  line (text, by, dml_measures_closed (m, e->accuracy), &e->accuracy_range);
  if (e->clustered) {
    line (text, "NMI of k-means", e->agreement.nmi, NULL);
    line (text, "AMI of k-means", e->agreement.ami, NULL);
  }
  if (!m->open) {
    g_string_append (text, "open set: too few classes, or no unknown query\n");
    return;
  }
  g_string_append_printf (text, "open set, %u picture%s enrolled\n",
                          m->n_enrolled, DML_S (m->n_enrolled));
  line (text, "  AUROC", m->auroc, &m->auroc_range);
  line (text, "  OSCR", m->oscr, &m->oscr_range);
  line (text, "  DIR at 1 % false alarms", m->dir_1, &m->dir_1_range);
  line (text, "  DIR at 5 % false alarms", m->dir_5, &m->dir_5_range);
  line (text, "  equal error rate", m->eer, NULL);
  line (text, "  FPR at 95 % TPR", m->fpr_95, NULL);
}

static void
write_thresholds (const DmlEvaluation *e, GString *text)
{
  for (int i = 0; i < DML_N_FARS; i++)
    if (e->threshold[i].false_accept_rate > 0 && !isnan (e->far[i]))
      g_string_append_printf (
        text,
        "threshold %.3f, meant for %g %% false accepts: here %.2f %% of "
        "unknown things pass, %.2f %% of known ones are named rightly\n",
        e->threshold[i].threshold, 100 * e->threshold[i].false_accept_rate,
        100 * e->far[i], 100 * e->right[i]);
}

static int
compare_rows (const void *a, const void *b)
{
  const DmlClassRow *one = a, *two = b;

  return (one->recall_at_1 > two->recall_at_1) -
         (one->recall_at_1 < two->recall_at_1);
}

static void
write_tables (const DmlEvaluation *e, guint n_rows, GString *text)
{
  g_autofree DmlClassRow *rows =
    g_memdup2 (e->rows, e->n_rows * sizeof *e->rows);

  qsort (rows, e->n_rows, sizeof *rows, compare_rows);
  g_string_append_printf (text, "\n%-40s %7s %7s %7s  %s\n", "worst classes",
                          "queries", "R@1", "MAP@R", "taken for");
  for (size_t i = 0; i < MIN (n_rows, e->n_rows); i++) {
    g_autofree char *label = label_shown (e, rows[i].label);
    g_autofree char *other = label_shown (e, rows[i].confused);

    column (text, label, 40);
    g_string_append_printf (text, " %7zu %7.3f %7.3f  %s\n", rows[i].n,
                            rows[i].recall_at_1, rows[i].map_at_r, other);
  }
  if (e->n_pairs > 0)
    g_string_append_printf (text, "\n%-60s %7s %7s\n", "confused pairs",
                            "queries", "share");
  for (size_t i = 0; i < MIN (n_rows, e->n_pairs); i++) {
    g_autofree char *a = label_shown (e, e->pairs[i].a);
    g_autofree char *b = label_shown (e, e->pairs[i].b);
    g_autofree char *pair = g_strdup_printf ("%s, %s", a, b);

    column (text, pair, 60);
    g_string_append_printf (text, " %7zu %6.1f%%\n", e->pairs[i].n,
                            100 * e->pairs[i].share);
  }
}

static void
write_suspects (const DmlEvaluation *e, GString *text)
{
  g_string_append_printf (text,
                          "\n%u picture%s %s no neighbour of the same label; "
                          "the likeliest wrong labels:\n",
                          e->n_suspects, DML_S (e->n_suspects),
                          DML_HAS (e->n_suspects));
  for (guint i = 0; i < e->suspects->len; i++) {
    const DmlSuspect *s = &g_array_index (e->suspects, DmlSuspect, i);
    g_autofree char *picture = shown (s->picture), *like = shown (s->like);
    g_autofree char *label = label_shown (e, s->label);
    g_autofree char *other = label_shown (e, s->other);

    g_string_append_printf (text,
                            "  %s\n    labelled %s, %u of %u neighbours say "
                            "%s: like %s (%.3f; own label %.3f)\n",
                            picture, label, s->agree, s->k, other, like,
                            s->nearest, s->own);
  }
  if (e->twins->len > 0)
    g_string_append (text, "\nnearly one picture under two labels:\n");
  for (guint i = 0; i < e->twins->len; i++) {
    const DmlTwins *t = &g_array_index (e->twins, DmlTwins, i);
    g_autofree char *one = shown (t->a), *two = shown (t->b);

    g_string_append_printf (text, "  %s = %s (distance %.3f)\n", one, two,
                            t->distance);
  }
}

char *
dml_evaluation_to_text (const DmlEvaluation *e, guint n_rows)
{
  GString *text = g_string_new (NULL);

  g_string_append_printf (text, "%s (%.12s), %s\n", e->encoder, e->fingerprint,
                          protocols[e->protocol]);
  if (e->protocol == DML_PROTOCOL_ONE_SHOT) {
    g_string_append_printf (text, "%u trial%s, %u quer%s, gallery of %u\n",
                            e->n_trials, DML_S (e->n_trials), e->n_queries,
                            DML_Y (e->n_queries), e->n_gallery);
    line (text, "error", e->error, &e->error_range);
    return g_string_free (text, FALSE);
  }
  g_string_append_printf (text, "%u quer%s, gallery of %u, %u label%s\n",
                          e->n_queries, DML_Y (e->n_queries), e->n_gallery,
                          e->measures.n_classes, DML_S (e->measures.n_classes));
  write_figures (e, text);
  write_thresholds (e, text);
  if (e->n_leaks > 0 && e->protocol == DML_PROTOCOL_LEAVE_ONE_OUT)
    g_string_append_printf (text, "%u exact cop%s %s left out\n", e->n_leaks,
                            DML_Y (e->n_leaks), DML_WAS (e->n_leaks));
  else if (e->n_leaks > 0)
    g_string_append_printf (text, "%u quer%s %s in the gallery too\n",
                            e->n_leaks, DML_Y (e->n_leaks),
                            DML_IS (e->n_leaks));
  for (guint i = 0; i < e->leaks->len; i++) {
    g_autofree char *leak = shown (e->leaks->pdata[i]);

    g_string_append_printf (text, "  %s\n", leak);
  }
  if (e->n_rows > 0 && n_rows > 0)
    write_tables (e, n_rows, text);
  if (e->suspects != NULL)
    write_suspects (e, text);
  return g_string_free (text, FALSE);
}
