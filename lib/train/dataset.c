/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Reading a data set: sources hand over files one by one, a batch of them is
 * decoded on all threads, what is kept goes on in the order it came. Then all
 * is sorted by label and name, and copies are found by content. */
#include "train/dataset.h"
#include "train/sample.h"
#include "train/source.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/threads.h"
#include "base/words.h"

#include <glib/gstdio.h>
#include <math.h>
#include <string.h>

#define CHUNK 64 /* files decoded at once */
#define SIDE_WITHOUT_INPUT 128

typedef struct {
  char *name, *label;
  int split; /* -1 = not said */
  gboolean has_box;
  DmlRegion box;
  GBytes *bytes;
  char *problem;
  DmlSample sample; /* what came of it */
  int side;         /* shorter one as found */
} Pending;

typedef struct {
  DmlDataset *set;
  const DmlDatasetOptions *options;
  Pending chunk[CHUNK];
  guint n_pending;
  guint32 source;
  const char *prefix; /* "" with one source */
  GHashTable *labels; /* name -> place + 1 */
  GArray *sides;      /* of int */
  DmlDatasetProgress progress;
  gpointer data;
  GCancellable *cancellable;
} Opening;

static void
label_clear (gpointer data)
{
  g_free (((DmlLabel *) data)->name);
}

void
dml_dataset_free (DmlDataset *set)
{
  if (set == NULL)
    return;
  g_array_unref (set->samples);
  g_array_unref (set->labels);
  g_ptr_array_unref (set->report.notes);
  for (guint i = 0; i < DML_DATASET_NAMED; i++) {
    g_free (set->report.bad[i]);
    g_free (set->report.contradict[i]);
  }
  g_free (set);
}

/* ---- decoding ---- */

static void
decode_task (void *data, size_t i, unsigned worker)
{
  Opening *opening = data;
  Pending *pending = &opening->chunk[i];
  g_autoptr (GError) error = NULL;

  const int input = opening->options->input;
  const double side =
    input > 0 ? opening->options->cache_scale * input : SIDE_WITHOUT_INPUT;

  if (pending->bytes != NULL &&
      !dml_sample_decode (&pending->sample, pending->bytes, pending->name,
                          pending->has_box ? &pending->box : NULL,
                          opening->options->fit, side, &pending->side, &error))
    pending->problem = g_strdup (error->message);
}

/* ---- keeping ---- */

static char *
label_name (const char *prefix, const char *label)
{
  return g_strconcat (prefix, *prefix && *label ? "/" : "", label, NULL);
}

static guint32
find_label (Opening *opening, const char *label)
{
  g_autofree char *name = label_name (opening->prefix, label);
  const gpointer found = g_hash_table_lookup (opening->labels, name);
  DmlLabel fresh = { .source = opening->source, .none = label[0] == '\0' };

  if (found != NULL)
    return GPOINTER_TO_UINT (found) - 1;
  fresh.name = g_strdup (name);
  g_array_append_val (opening->set->labels, fresh);
  g_hash_table_insert (opening->labels, g_steal_pointer (&name),
                       GUINT_TO_POINTER (opening->set->labels->len));
  return opening->set->labels->len - 1;
}

/* "photos/fruit/apple" of an archive in which all lies in "photos" becomes
 * "fruit/apple", as of the folder "photos". */
static void
drop_top (Opening *opening, const char *top)
{
  const size_t n_prefix = *opening->prefix ? strlen (opening->prefix) + 1 : 0;

  for (guint i = 0; i < opening->set->labels->len; i++) {
    DmlLabel *label = dml_dataset_label (opening->set, i);
    char *whole = label->name;
    const char *rest;

    if (label->source != opening->source)
      continue;
    rest = whole + n_prefix + strlen (top);
    label->none = *rest == '\0';
    label->name = label_name (opening->prefix, label->none ? rest : rest + 1);
    g_free (whole);
  }
}

static void
keep_bad (DmlDatasetReport *report, Pending *pending)
{
  if (report->n_bad < DML_DATASET_NAMED)
    report->bad[report->n_bad] =
      g_str_has_prefix (pending->problem, pending->name)
        ? g_strdup (pending->problem)
        : g_strdup_printf ("%s: %s", pending->name, pending->problem);
  report->n_bad++;
}

static gboolean
keep (Opening *opening, Pending *pending, GError **error)
{
  DmlDatasetReport *report = &opening->set->report;
  DmlSample *sample = &pending->sample;
  const size_t n =
    (size_t) sample->width * (size_t) sample->height * sample->channels;

  report->n_read++;
  if (sample->pixels == NULL) {
    keep_bad (report, pending);
    return TRUE;
  }
  sample->name = g_steal_pointer (&pending->name);
  sample->label = find_label (opening, pending->label);
  sample->split =
    pending->split < 0 ? DML_SPLIT_TRAIN : (guint8) pending->split;
  opening->set->split_given |= pending->split >= 0;
  report->n_alpha += sample->channels == 4;
  if (report->bytes + n > opening->options->cache_bytes &&
      sample->channels == 3) {
    if (!dml_sample_pack (sample, error))
      return FALSE;
    report->n_packed++;
    report->bytes += g_bytes_get_size (sample->packed);
  } else {
    report->bytes += n;
  }
  g_array_append_val (opening->sides, pending->side);
  g_array_append_val (opening->set->samples, *sample);
  memset (sample, 0, sizeof *sample);
  return TRUE;
}

static gboolean
flush (Opening *opening, GError **error)
{
  gboolean ok = TRUE;

  dml_parallel_for (opening->n_pending, opening->options->n_threads,
                    decode_task, opening);
  for (guint i = 0; i < opening->n_pending; i++) {
    Pending *pending = &opening->chunk[i];

    ok = ok && keep (opening, pending, error);
    g_free (pending->name);
    g_free (pending->label);
    g_free (pending->problem);
    g_clear_pointer (&pending->bytes, g_bytes_unref);
    dml_sample_clear (&pending->sample);
    memset (pending, 0, sizeof *pending);
  }
  opening->n_pending = 0;
  if (opening->progress)
    opening->progress (opening->set->report.n_read, opening->data);
  if (ok && g_cancellable_is_cancelled (opening->cancellable))
    return dml_fail (error, CANCELLED, "stopped while reading pictures");
  return ok;
}

static gboolean
on_item (const DmlSourceItem *item, gpointer data, GError **error)
{
  static const char *const splits[] = { "train", "val", "test" };
  Opening *opening = data;
  Pending *pending = &opening->chunk[opening->n_pending++];

  pending->name = g_utf8_make_valid (item->name, -1);
  pending->label = g_utf8_make_valid (item->label, -1);
  pending->bytes = item->bytes ? g_bytes_ref (item->bytes) : NULL;
  pending->problem = g_strdup (item->problem);
  pending->has_box = item->has_box;
  pending->box = item->box;
  pending->split = -1;
  for (int i = 0; item->split != NULL && i < 3; i++)
    if (strcmp (item->split, splits[i]) == 0)
      pending->split = i;
  return opening->n_pending < CHUNK || flush (opening, error);
}

/* ---- putting in order ---- */

static int
compare_samples (gconstpointer a, gconstpointer b, gpointer data)
{
  const DmlSample *one = a, *two = b;
  const DmlDataset *set = data;
  const int by_label = strcmp (dml_dataset_label (set, one->label)->name,
                               dml_dataset_label (set, two->label)->name);

  return by_label ? by_label : strcmp (one->name, two->name);
}

static int
compare_labels (gconstpointer a, gconstpointer b)
{
  return strcmp (((const DmlLabel *) a)->name, ((const DmlLabel *) b)->name);
}

/* Samples by label and name, labels by name: the order of a folder's entries on
 * this file system, or of a tar's members, must not show in the result. */
static void
sort_all (DmlDataset *set)
{
  g_autoptr (GHashTable) place = g_hash_table_new (g_str_hash, g_str_equal);
  g_autofree guint32 *new_label = g_new (guint32, set->labels->len);
  g_autofree char **names = g_new (char *, set->labels->len);

  g_array_sort_with_data (set->samples, compare_samples, set);
  for (guint i = 0; i < set->labels->len; i++)
    names[i] = dml_dataset_label (set, i)->name;
  g_array_sort (set->labels, compare_labels);
  for (guint i = 0; i < set->labels->len; i++)
    g_hash_table_insert (place, dml_dataset_label (set, i)->name,
                         GUINT_TO_POINTER (i));
  for (guint i = 0; i < set->labels->len; i++)
    new_label[i] = GPOINTER_TO_UINT (g_hash_table_lookup (place, names[i]));
  for (guint i = 0; i < set->samples->len; i++) {
    DmlSample *sample = dml_dataset_sample (set, i);

    sample->label = new_label[sample->label];
  }
}

static guint
hash_of_sample (gconstpointer sample)
{
  return (guint) ((const DmlSample *) sample)->hash[0];
}

static gboolean
same_content (gconstpointer a, gconstpointer b)
{
  const DmlSample *one = a, *two = b;

  return one->hash[0] == two->hash[0] && one->hash[1] == two->hash[1] &&
         one->width == two->width && one->height == two->height;
}

/* A copy within a class would be the query's own answer; one under another
 * label is wrong in one of the two places, and only its owner knows which, so
 * neither is used. */
static void
find_copies (DmlDataset *set, gboolean *drop)
{
  g_autoptr (GHashTable) seen = g_hash_table_new (hash_of_sample, same_content);
  DmlDatasetReport *report = &set->report;

  for (guint i = 0; i < set->samples->len; i++) {
    DmlSample *sample = dml_dataset_sample (set, i);
    DmlSample *first = g_hash_table_lookup (seen, sample);

    if (first == NULL) {
      g_hash_table_add (seen, sample);
    } else if (first->label == sample->label) {
      drop[i] = TRUE;
      report->n_copies++;
    } else {
      const guint at = (guint) (first - dml_dataset_sample (set, 0));

      if (report->n_contradict < DML_DATASET_NAMED)
        report->contradict[report->n_contradict] =
          g_strdup_printf ("%s = %s", first->name, sample->name);
      report->n_contradict += 1u + !drop[at];
      drop[i] = drop[at] = TRUE;
    }
  }
}

void
dml_dataset_remove (DmlDataset *set, const gboolean *drop)
{
  guint n = 0;

  for (guint i = 0; i < set->samples->len; i++) {
    DmlSample *sample = dml_dataset_sample (set, i);

    if (drop[i])
      dml_sample_clear (sample);
    else
      *dml_dataset_sample (set, n++) = *sample;
  }
  for (guint i = n; i < set->samples->len; i++)
    memset (dml_dataset_sample (set, i), 0, sizeof (DmlSample));
  g_array_set_size (set->samples, n);
}

static void
find_alike (DmlDataset *set)
{
  g_autoptr (GHashTable) seen = g_hash_table_new (g_int64_hash, g_int64_equal);

  for (guint i = 0; i < set->samples->len; i++) {
    DmlSample *sample = dml_dataset_sample (set, i);
    const DmlSample *first = g_hash_table_lookup (seen, &sample->mean_hash);

    if (first == NULL)
      g_hash_table_insert (seen, &sample->mean_hash, sample);
    else
      set->report.n_alike += first->label != sample->label;
  }
}

static void
cut_classes (DmlDataset *set, guint max, gboolean *drop)
{
  guint n = 0;

  for (guint i = 0; i < set->samples->len; i++) {
    n = i > 0 && dml_dataset_sample (set, i)->label ==
                   dml_dataset_sample (set, i - 1)->label
          ? n
          : 0;
    if (drop[i])
      continue;
    if (n >= max) {
      drop[i] = TRUE;
      set->report.n_cut++;
    } else {
      n++;
    }
  }
}

/* Pictures without a folder: with none in folders, every picture becomes a
 * class of its own; beside others, they are left out. */
static void
settle_unlabelled (DmlDataset *set, gboolean *drop)
{
  for (guint i = 0; i < set->samples->len; i++)
    set->report.n_unlabelled +=
      dml_dataset_label (set, dml_dataset_sample (set, i)->label)->none;
  if (set->report.n_unlabelled == 0)
    return;
  if (set->report.n_unlabelled == set->samples->len) {
    set->unlabelled = TRUE;
    g_array_set_size (set->labels, 0);
    for (guint i = 0; i < set->samples->len; i++) {
      DmlLabel label = { .name = g_strdup (dml_dataset_sample (set, i)->name) };

      dml_dataset_sample (set, i)->label = i;
      g_array_append_val (set->labels, label);
    }
    return;
  }
  for (guint i = 0; i < set->samples->len; i++) {
    const DmlLabel *label =
      dml_dataset_label (set, dml_dataset_sample (set, i)->label);

    drop[i] |= label->none;
  }
}

static int
compare_ints (gconstpointer a, gconstpointer b)
{
  return *(const int *) a - *(const int *) b;
}

/* Too many unreadable ones: which, and how to go on all the same. */
static gboolean
fail_bad (const Opening *opening, GError **error)
{
  const DmlDatasetReport *report = &opening->set->report;
  const double share = (double) report->n_bad / report->n_read;
  g_autoptr (GString) names = g_string_new (NULL);

  for (guint i = 0; i < MIN (report->n_bad, DML_DATASET_NAMED); i++)
    g_string_append_printf (names, "\n  %s", report->bad[i]);
  if (report->n_bad > DML_DATASET_NAMED)
    g_string_append_printf (names, "\n  and %u more",
                            report->n_bad - DML_DATASET_NAMED);
  if (report->n_bad == report->n_read)
    return dml_fail (error, FORMAT, "%u of %u picture%s cannot be read:%s",
                     report->n_bad, report->n_read, DML_S (report->n_read),
                     names->str);
  return dml_fail (
    error, FORMAT,
    "%u of %u picture%s cannot be read, more than the %g %% that "
    "bad-pictures allows (--bad-pictures=%g goes on without "
    "them):%s",
    report->n_bad, report->n_read, DML_S (report->n_read),
    100 * opening->options->bad_share, ceil (100 * share) / 100, names->str);
}

static gboolean
put_in_order (Opening *opening, GError **error)
{
  DmlDataset *set = opening->set;
  DmlDatasetReport *report = &set->report;
  g_autofree gboolean *drop = NULL;

  if (report->n_read == 0)
    return dml_fail (error, FORMAT,
                     "no picture found (%u other file%s); a folder of folders "
                     "is expected, one folder a class",
                     report->n_other, DML_S (report->n_other));
  if (report->n_bad > opening->options->bad_share * report->n_read ||
      report->n_bad == report->n_read)
    return fail_bad (opening, error);
  g_array_sort (opening->sides, compare_ints);
  report->median_side =
    g_array_index (opening->sides, int, opening->sides->len / 2);
  sort_all (set);
  drop = g_new0 (gboolean, set->samples->len);
  find_copies (set, drop);
  settle_unlabelled (set, drop);
  if (opening->options->max_per_class > 0)
    cut_classes (set, opening->options->max_per_class, drop);
  dml_dataset_remove (set, drop);
  find_alike (set);
  dml_dataset_count (set);
  if (set->samples->len == 0)
    return dml_fail (error, FORMAT,
                     "no picture is left: %u were copies of one another"
                     "%s%s",
                     report->n_copies + report->n_contradict,
                     report->contradict[0] ? " under different labels, as "
                                           : "",
                     report->contradict[0] ? report->contradict[0] : "");
  return TRUE;
}

/* What stands before the labels of each source: nothing where there is one,
 * else its name, with a number where an earlier one has that. */
static char **
make_prefixes (const char *const *sources, GError **error)
{
  const guint n = g_strv_length ((char **) sources);
  g_auto (GStrv) prefixes = g_new0 (char *, n + 1);
  g_autofree GStatBuf *status = g_new0 (GStatBuf, n + 1);

  for (guint i = 0; i < n; i++) {
    g_autofree char *base =
      n > 1 ? dml_source_prefix (sources[i]) : g_strdup ("");
    char *prefix = g_strdup (base);

    if (g_stat (sources[i], &status[i]) == 0)
      for (guint j = 0; j < i; j++)
        if (status[j].st_ino == status[i].st_ino &&
            status[j].st_dev == status[i].st_dev) {
          g_free (prefix);
          return strcmp (sources[i], sources[j]) == 0
                   ? dml_fail_null (error, INVALID, "%s: is named twice",
                                    sources[i])
                   : dml_fail_null (error, INVALID, "%s: the same data as %s",
                                    sources[i], sources[j]);
        }
    for (guint k = 2; g_strv_contains ((const char *const *) prefixes, prefix);
         k++) {
      g_free (prefix);
      prefix = g_strdup_printf ("%s-%u", base, k);
    }
    prefixes[i] = prefix;
  }
  return g_steal_pointer (&prefixes);
}

DmlDataset *
dml_dataset_open (const char *const *sources, const DmlDatasetOptions *options,
                  DmlDatasetProgress progress, gpointer data,
                  GCancellable *cancellable, GError **error)
{
  g_autoptr (DmlDataset) set = g_new0 (DmlDataset, 1);
  g_autofree Opening *opening = g_new0 (Opening, 1);
  g_auto (GStrv) prefixes = make_prefixes (sources, error);
  gboolean ok = prefixes != NULL;

  set->samples = g_array_new (FALSE, TRUE, sizeof (DmlSample));
  g_array_set_clear_func (set->samples, dml_sample_clear);
  set->labels = g_array_new (FALSE, TRUE, sizeof (DmlLabel));
  g_array_set_clear_func (set->labels, label_clear);
  set->report.notes = g_ptr_array_new_with_free_func (g_free);
  *opening = (Opening){
    .set = set,
    .options = options,
    .labels = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL),
    .sides = g_array_new (FALSE, FALSE, sizeof (int)),
    .progress = progress,
    .data = data,
    .cancellable = cancellable,
  };
  for (guint32 i = 0; ok && sources[i] != NULL; i++) {
    g_auto (DmlSourceSummary) summary = { 0 };

    opening->source = i;
    opening->prefix = prefixes[i];
    ok = dml_source_read (sources[i], on_item, opening, &summary, error) &&
         flush (opening, error);
    if (ok && summary.top != NULL)
      drop_top (opening, summary.top);
    set->report.n_other += (guint) summary.n_other;
    g_ptr_array_extend_and_steal (set->report.notes,
                                  g_steal_pointer (&summary.notes));
  }
  opening->n_pending = ok ? 0 : opening->n_pending;
  ok = ok && put_in_order (opening, error);
  for (guint i = 0; i < opening->n_pending; i++) { /* after a failure */
    g_free (opening->chunk[i].name);
    g_free (opening->chunk[i].label);
    g_free (opening->chunk[i].problem);
    g_clear_pointer (&opening->chunk[i].bytes, g_bytes_unref);
  }
  g_hash_table_unref (opening->labels);
  g_array_unref (opening->sides);
  return ok ? g_steal_pointer (&set) : NULL;
}

gboolean
dml_dataset_view (const DmlDataset *set, guint i, DmlImage *view,
                  DmlPicture **hold, GError **error)
{
  const DmlSample *sample = dml_dataset_sample (set, i);

  *hold = NULL;
  if (sample->pixels == NULL) {
    *hold = dml_picture_load_bytes (sample->packed, sample->name, error);
    if (*hold == NULL)
      return FALSE;
    *view = *dml_picture_get_image (*hold);
    return TRUE;
  }
  *view = (DmlImage){
    .format = sample->channels == 4 ? DML_PIXELS_RGBA : DML_PIXELS_RGB,
    .width = sample->width,
    .height = sample->height,
    .plane = { sample->pixels },
    .stride = { sample->width * sample->channels },
    .outside = sample->channels == 4 ? DML_OUTSIDE_CLEAR : DML_OUTSIDE_EDGE,
  };
  return TRUE;
}

GArray *
dml_dataset_members (const DmlDataset *set, DmlSplit split)
{
  GArray *members = g_array_new (FALSE, FALSE, sizeof (guint32));

  for (guint32 i = 0; i < set->samples->len; i++)
    if (dml_dataset_sample (set, i)->split == split)
      g_array_append_val (members, i);
  return members;
}
