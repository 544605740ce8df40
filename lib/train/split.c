/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Which classes are held out, and what was found, in words. */
#include "train/dataset.h"
#include "train/measures.h"
#include "base/error.h"
#include "base/rng.h"
#include "base/words.h"

#include <string.h>

#define STREAM_SPLIT 0x73706c69u /* its random numbers */
#define VAL_CLASSES_LEAST 3      /* fewer say nothing of retrieval either */
#define TRAIN_SHARE_MIN 0.5

static const char *const split_names[DML_N_SPLITS] = { "train", "val", "test",
                                                       "drop" };

DmlSplit
dml_split_find (const char *name)
{
  int s = 0;

  while (s < DML_N_SPLITS && strcmp (split_names[s], name) != 0)
    s++;
  return (DmlSplit) s;
}

void
dml_dataset_count (DmlDataset *set)
{
  for (guint i = 0; i < set->labels->len; i++)
    memset (dml_dataset_label (set, i)->n, 0,
            sizeof dml_dataset_label (set, i)->n);
  for (guint i = 0; i < set->samples->len; i++) {
    const DmlSample *sample = dml_dataset_sample (set, i);

    dml_dataset_label (set, sample->label)->n[sample->split]++;
  }
}

static guint
label_size (const DmlLabel *label)
{
  guint n = 0;

  for (int s = 0; s < DML_N_SPLITS; s++)
    n += label->n[s];
  return n;
}

/* ---- by a file ---- */

typedef struct {
  DmlSplit split;
  GPatternSpec *glob;
  guint n_hits, line;
} Rule;

static void
rule_clear (gpointer rule)
{
  g_pattern_spec_free (((Rule *) rule)->glob);
}

static GArray *
read_rules (const char *file, GError **error)
{
  g_autoptr (GError) reason = NULL;
  g_autoptr (GArray) rules = g_array_new (FALSE, FALSE, sizeof (Rule));
  g_autofree char *text = NULL;
  g_auto (GStrv) lines = NULL;

  g_array_set_clear_func (rules, rule_clear);
  if (!g_file_get_contents (file, &text, NULL, &reason))
    return dml_fail_null (error, NOT_FOUND, "split: %s", reason->message);
  if (!g_utf8_validate (text, -1, NULL))
    return dml_fail_null (error, FORMAT, "%s: not UTF-8 text", file);
  lines = g_strsplit (text, "\n", -1);
  for (guint i = 0; lines[i] != NULL; i++) {
    Rule rule = { .line = i + 1 };
    char *line = g_strstrip (lines[i]);
    const size_t n = strcspn (line, " \t");

    if (*line == '\0' || *line == '#')
      continue;
    g_autofree char *word = g_strndup (line, n);

    rule.split = dml_split_find (word);
    line = g_strchug (line + n);
    if (rule.split == DML_N_SPLITS || *line == '\0')
      return dml_fail_null (error, INVALID,
                            "%s:%u: expected `train|val|test|drop GLOB`", file,
                            i + 1);
    rule.glob = g_pattern_spec_new (line);
    g_array_append_val (rules, rule);
  }
  return g_steal_pointer (&rules);
}

static gboolean
split_by_file (DmlDataset *set, const char *file, GError **error)
{
  g_autoptr (GArray) rules = read_rules (file, error);
  g_autofree guint8 *of_label = g_new0 (guint8, set->labels->len);

  if (rules == NULL)
    return FALSE;
  for (guint i = 0; i < set->labels->len; i++)
    for (guint r = 0; r < rules->len; r++) {
      Rule *rule = &g_array_index (rules, Rule, r);

      if (g_pattern_spec_match_string (rule->glob,
                                       dml_dataset_label (set, i)->name)) {
        rule->n_hits++;
        of_label[i] = (guint8) rule->split;
        break;
      }
    }
  for (guint r = 0; r < rules->len; r++)
    if (g_array_index (rules, Rule, r).n_hits == 0)
      return dml_fail (error, INVALID,
                       "%s:%u: no class fits this line, or an "
                       "earlier line took them all",
                       file, g_array_index (rules, Rule, r).line);
  for (guint i = 0; i < set->samples->len; i++) {
    DmlSample *sample = dml_dataset_sample (set, i);

    sample->split = of_label[sample->label];
  }
  return TRUE;
}

/* ---- by a share ---- */

/* Classes of a source: `n` from `first` on in the order that they were drawn
 * in. The first `val` of them choose, the next `test` test. */
typedef struct {
  guint first, n, val, test;
} Part;

static guint
part_train (const Part *part)
{
  return part->n - part->val - part->test;
}

static guint
part_val (const Part *part)
{
  return part->val;
}

static guint
part_test (const Part *part)
{
  return part->test;
}

static guint
sum_of (const Part *parts, guint32 n, guint (*size) (const Part *part))
{
  guint sum = 0;

  for (guint32 i = 0; i < n; i++)
    sum += size (&parts[i]);
  return sum;
}

static Part *
largest (Part *parts, guint32 n, guint (*size) (const Part *part))
{
  Part *best = parts;

  for (guint32 i = 1; i < n; i++)
    if (size (&parts[i]) > size (best))
      best = &parts[i];
  return best;
}

/* Small sources leave too few to measure by, each for itself; what counts is
 * how many there are of all. Those who test are asked to choose first, then
 * those who train. */
static void
balance (Part *parts, guint32 n_parts)
{
  guint n = 0, n_val, want;
  gboolean spared;

  for (guint32 i = 0; i < n_parts; i++)
    n += parts[i].n;
  const guint most = (guint) ((1 - TRAIN_SHARE_MIN) * n);

  n_val = sum_of (parts, n_parts, part_val);
  want = MAX (n_val, DML_OPEN_CLASSES_MIN);
  spared = want <= most;
  if (!spared) /* as many as can be spared, if they say something */
    want = most < VAL_CLASSES_LEAST ? 0 : most;
  for (; n_val > want; n_val--)
    largest (parts, n_parts, part_val)->val--;
  for (; n_val < want; n_val++) {
    Part *part = largest (parts, n_parts, part_test);

    if (part->test > 0)
      part->test--;
    else
      part = largest (parts, n_parts, part_train);
    part->val++;
  }
  if (!spared || sum_of (parts, n_parts, part_test) < DML_OPEN_CLASSES_MIN)
    for (guint32 i = 0; i < n_parts; i++)
      parts[i].test = 0;
}

/* Of every source its share, so that none is only trained or only tested. */
static void
split_by_share (DmlDataset *set, double share, uint64_t seed)
{
  g_autofree guint8 *of_label = g_new0 (guint8, set->labels->len);
  g_autofree uint32_t *order = g_new (uint32_t, set->labels->len);
  g_autofree Part *parts = NULL;
  guint32 n_sources = 0;
  guint end = 0;
  DmlRng rng;

  for (guint i = 0; i < set->labels->len; i++)
    n_sources = MAX (n_sources, dml_dataset_label (set, i)->source + 1);
  parts = g_new0 (Part, MAX (1, n_sources));
  dml_rng_init (&rng, seed, STREAM_SPLIT);
  for (guint32 source = 0; source < n_sources; source++) {
    Part *part = &parts[source];

    part->first = end;
    for (guint32 i = 0; i < set->labels->len; i++)
      if (dml_dataset_label (set, i)->source == source &&
          label_size (dml_dataset_label (set, i)) > 1)
        order[end++] = i;
    part->n = end - part->first;
    part->val = (guint) (share / 2 * part->n + 0.5);
    part->test = (guint) (share * part->n + 0.5) - part->val;
    dml_rng_shuffle (&rng, order + part->first, part->n);
  }
  balance (parts, n_sources);
  for (guint32 source = 0; source < n_sources; source++) {
    const Part *part = &parts[source];

    for (guint i = 0; i < part->val + part->test; i++)
      of_label[order[part->first + i]] =
        i < part->val ? DML_SPLIT_VAL : DML_SPLIT_TEST;
  }
  for (guint i = 0; i < set->samples->len; i++) {
    DmlSample *sample = dml_dataset_sample (set, i);

    sample->split = of_label[sample->label];
  }
}

gboolean
dml_dataset_split (DmlDataset *set, const char *file, double share,
                   uint64_t seed, GError **error)
{
  dml_dataset_count (set);
  if (*file != '\0') {
    if (!split_by_file (set, file, error))
      return FALSE;
  } else if (!set->split_given && !set->unlabelled && share > 0) {
    split_by_share (set, share, seed);
  }
  dml_dataset_count (set);
  for (guint i = 0; i < set->samples->len; i++)
    if (dml_dataset_sample (set, i)->split == DML_SPLIT_TRAIN)
      return TRUE;
  return dml_fail (error, INVALID, "no picture is left to train on");
}

gboolean
dml_dataset_keep (DmlDataset *set, const char *file, DmlSplit split,
                  GError **error)
{
  g_autofree gboolean *drop = g_new (gboolean, set->samples->len + 1);

  if (*file != '\0' && !split_by_file (set, file, error))
    return FALSE;
  if (*file == '\0' && !set->split_given)
    return dml_fail (error, INVALID,
                     "part: nothing says which pictures are of the part '%s'; "
                     "name a split file, or a table with a column split",
                     split_names[split]);
  for (guint i = 0; i < set->samples->len; i++)
    drop[i] = dml_dataset_sample (set, i)->split != split;
  dml_dataset_remove (set, drop);
  dml_dataset_count (set);
  if (set->samples->len == 0)
    return dml_fail (error, FORMAT, "no picture is of the part '%s'",
                     split_names[split]);
  return TRUE;
}

/* ---- in words ---- */

static void say (GPtrArray *lines, const char *format, ...)
  G_GNUC_PRINTF (2, 3);

static void
say (GPtrArray *lines, const char *format, ...)
{
  va_list args;

  va_start (args, format);
  g_ptr_array_add (lines, g_strdup_vprintf (format, args));
  va_end (args);
}

static void
say_skipped (const DmlDatasetReport *r, GPtrArray *lines)
{
  if (r->n_bad > 0)
    say (lines, "%u cannot be read and %s skipped:", r->n_bad,
         DML_IS (r->n_bad));
  for (guint i = 0; i < MIN (r->n_bad, DML_DATASET_NAMED); i++)
    say (lines, "  %s", r->bad[i]);
  if (r->n_bad > DML_DATASET_NAMED)
    say (lines, "  and %u more", r->n_bad - DML_DATASET_NAMED);
  for (guint i = 0; i < r->notes->len; i++)
    say (lines, "%s", (const char *) r->notes->pdata[i]);
  if (r->n_contradict > 0)
    say (lines,
         "%u %s the same picture under different labels and %s left out:",
         r->n_contradict, DML_IS (r->n_contradict), DML_IS (r->n_contradict));
  for (guint i = 0; i < DML_DATASET_NAMED && r->contradict[i] != NULL; i++)
    say (lines, "  %s", r->contradict[i]);
  if (r->n_copies > 0)
    say (lines,
         r->n_copies == 1
           ? "%u is an exact copy within its class and is left out"
           : "%u are exact copies within their class and are left out",
         r->n_copies);
  if (r->n_cut > 0)
    say (lines, "%u %s past max-per-class and %s left out", r->n_cut,
         DML_IS (r->n_cut), DML_IS (r->n_cut));
  if (r->n_other > 0)
    say (lines,
         r->n_other == 1 ? "%u file is no picture and was passed over"
                         : "%u files are no pictures and were passed over",
         r->n_other);
}

GPtrArray *
dml_dataset_describe (const DmlDataset *set, gboolean training)
{
  const DmlDatasetReport *r = &set->report;
  GPtrArray *lines = g_ptr_array_new_with_free_func (g_free);
  g_autofree char *sizes = NULL;
  guint smallest = G_MAXUINT, largest = 0, n_single = 0, n_named = 0;

  for (guint i = 0; i < set->labels->len; i++) {
    const guint n = label_size (dml_dataset_label (set, i));

    if (n == 0)
      continue;
    n_named++;
    smallest = MIN (smallest, n);
    largest = MAX (largest, n);
    n_single += n == 1;
  }
  sizes = smallest < largest ? g_strdup_printf ("%u to %u", smallest, largest)
                             : g_strdup_printf ("%u", largest);
  if (set->unlabelled)
    say (lines, "%u picture%s without a label: each is its own class",
         set->samples->len, DML_S (set->samples->len));
  else
    say (lines,
         "%u picture%s in %u class%s, %s in a class, shorter side %d "
         "pixels (median)",
         set->samples->len, DML_S (set->samples->len), n_named,
         DML_ES (n_named), sizes, r->median_side);
  if (!set->unlabelled && n_single > 0)
    say (lines, "%u class%s %s one picture%s", n_single, DML_ES (n_single),
         DML_HAS (n_single),
         training ? ": its views are its positives"
                  : ", which no other of it can find");
  if (!set->unlabelled && r->n_unlabelled > 0)
    say (lines,
         r->n_unlabelled == 1
           ? "%u lies in no folder or has no label: left out"
           : "%u lie in no folder or have no label: left out",
         r->n_unlabelled);
  say_skipped (r, lines);
  if (r->n_alpha > 0)
    say (lines, "%u %s transparency%s", r->n_alpha, DML_HAS (r->n_alpha),
         training ? ": laid upon other pictures in training" : "");
  if (r->n_alike > 0)
    say (lines, "%u look%s much like one of another class (mean hash)",
         r->n_alike, r->n_alike == 1 ? "s" : "");
  say (lines, "%zu MiB of pixels in memory%s", r->bytes >> 20,
       r->n_packed ? ", some packed as JPEG to keep cache-memory" : "");
  return lines;
}
