/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Reading a data set: sources hand over files one by one, a batch of them is
 * decoded on all threads, what is kept goes on in the order it came. Then all
 * is sorted by label and name, and copies are found by content. */
#include "train/dataset.h"
#include "train/source.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/threads.h"

#include <math.h>
#include <string.h>

#define CHUNK 64        /* files decoded at once */
#define PACK_QUALITY 95 /* JPEG of what passes the memory bound */
#define SIDE_WITHOUT_INPUT 128
#define RATIO_MAX 8 /* longer over shorter side that is kept */

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
sample_clear (gpointer data)
{
  DmlSample *sample = data;

  g_free (sample->name);
  dml_mem_free (sample->pixels);
  g_clear_pointer (&sample->packed, g_bytes_unref);
}

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
  for (guint i = 0; i < DML_DATASET_NAMED; i++) {
    g_free (set->report.bad[i]);
    g_free (set->report.contradict[i]);
  }
  g_free (set);
}

/* ---- decoding ---- */

/* Two independent 64-bit sums in the manner of FNV-1a over 8 bytes at a time:
 * copies are found by them, nothing is secured by them. */
static void
hash_pixels (DmlSample *sample, size_t n)
{
  uint64_t a = 0xcbf29ce484222325u ^ (uint64_t) sample->width;
  uint64_t b = 0x9E3779B97F4A7C15u ^ (uint64_t) sample->height;

  for (size_t i = 0; i < n; i += 8) {
    uint64_t word = 0;

    memcpy (&word, sample->pixels + i, MIN (8, n - i));
    a = (a ^ word) * 0x100000001b3u;
    b = (b + word) * 0xBF58476D1CE4E5B9u;
    a ^= a >> 29;
    b ^= b >> 31;
  }
  sample->hash[0] = a;
  sample->hash[1] = b;
}

static void
mean_hash (DmlSample *sample)
{
  uint32_t cell[64];
  uint64_t sum = 0;

  for (int c = 0; c < 64; c++) {
    const int x0 = c % 8 * sample->width / 8, y0 = c / 8 * sample->height / 8;
    const int x1 = MAX (x0 + 1, (c % 8 + 1) * sample->width / 8);
    const int y1 = MAX (y0 + 1, (c / 8 + 1) * sample->height / 8);
    uint32_t n = 0, s = 0;

    for (int y = y0; y < y1; y++)
      for (int x = x0; x < x1; x++, n++) {
        const uint8_t *p =
          sample->pixels +
          ((size_t) y * (size_t) sample->width + (size_t) x) * sample->channels;

        s += p[0] + 2u * p[1] + p[2];
      }
    cell[c] = 16 * s / MAX (1, n);
    sum += cell[c];
  }
  for (int c = 0; c < 64; c++)
    sample->mean_hash |= (uint64_t) (64 * (uint64_t) cell[c] > sum) << c;
}

/* The part that is kept: the box with its surroundings up to a square (what
 * DML_FIT_CONTEXT would show), or all of it; panoramas are cut at both ends. */
static DmlRegion
kept_region (const Pending *pending, int width, int height)
{
  DmlRegion r = { 0, 0, (float) width, (float) height };

  if (pending->has_box) {
    const float side = MAX (pending->box.width, pending->box.height);
    const float x = pending->box.x + (pending->box.width - side) / 2;
    const float y = pending->box.y + (pending->box.height - side) / 2;
    const float x0 = CLAMP (x, 0, r.width - 1), y0 = CLAMP (y, 0, r.height - 1);

    r = (DmlRegion){ x0, y0, CLAMP (x + side - x0, 1, r.width - x0),
                     CLAMP (y + side - y0, 1, r.height - y0) };
  }
  const float longest = RATIO_MAX * MIN (r.width, r.height);

  if (r.width > longest) {
    r.x += (r.width - longest) / 2;
    r.width = longest;
  }
  if (r.height > longest) {
    r.y += (r.height - longest) / 2;
    r.height = longest;
  }
  return r;
}

/* Whole pixels of a part of a picture, or the picture itself where that is all
 * of it. (transfer full) */
static DmlPicture *
cut_out (DmlPicture *picture, const DmlRegion *region, GError **error)
{
  const DmlImage *from = dml_picture_get_image (picture);
  const int x = (int) region->x, y = (int) region->y;
  const int width = MIN ((int) ceilf (region->width), from->width - x);
  const int height = MIN ((int) ceilf (region->height), from->height - y);
  const int channels = from->format == DML_PIXELS_RGBA ? 4 : 3;
  DmlPicture *part;
  uint8_t *row;
  int stride;

  if (width == from->width && height == from->height)
    return dml_picture_ref (picture);
  part = dml_picture_new_rgb (width, height, channels, error);
  if (part == NULL)
    return NULL;
  row = dml_picture_get_pixels (part, &stride);
  for (int i = 0; i < height; i++, row += stride)
    memcpy (row,
            from->plane[0] + (ptrdiff_t) (y + i) * from->stride[0] +
              (ptrdiff_t) x * channels,
            (size_t) width * (size_t) channels);
  return part;
}

static gboolean
take_pixels (DmlSample *sample, const DmlPicture *picture, GError **error)
{
  const DmlImage *image = dml_picture_get_image (picture);
  const size_t row = (size_t) image->width * sample->channels;

  sample->width = image->width;
  sample->height = image->height;
  sample->pixels = dml_mem_new (uint8_t, row * (size_t) image->height, error);
  if (sample->pixels == NULL)
    return FALSE;
  for (int y = 0; y < image->height; y++) {
    const uint8_t *in = image->plane[0] + (ptrdiff_t) y * image->stride[0];
    uint8_t *out = sample->pixels + (size_t) y * row;

    if (image->format == DML_PIXELS_RGBA && sample->channels == 3)
      for (int x = 0; x < image->width; x++)
        memcpy (out + 3 * x, in + 4 * x, 3);
    else
      memcpy (out, in, row);
  }
  hash_pixels (sample, row * (size_t) image->height);
  mean_hash (sample);
  return TRUE;
}

static gboolean
decode (Pending *pending, const DmlDatasetOptions *options, GError **error)
{
  g_autoptr (DmlPicture) picture =
    dml_picture_load_bytes (pending->bytes, pending->name, error);
  g_autoptr (DmlPicture) part = NULL, small = NULL;
  const double want = options->input > 0 ? options->cache_scale * options->input
                                         : SIDE_WITHOUT_INPUT;
  DmlRegion region;
  double shrink;
  int width, height;

  if (picture == NULL)
    return FALSE;
  region = kept_region (pending, dml_picture_get_width (picture),
                        dml_picture_get_height (picture));
  part = cut_out (picture, &region, error);
  if (part == NULL)
    return FALSE;
  width = dml_picture_get_width (part);
  height = dml_picture_get_height (part);
  pending->side = MIN (width, height);
  shrink = want / pending->side;
  if (shrink < 1)
    small = dml_picture_scale (part, MAX (1, (int) lround (width * shrink)),
                               MAX (1, (int) lround (height * shrink)), error);
  else
    small = dml_picture_ref (part);
  if (small == NULL)
    return FALSE;
  pending->sample.channels = dml_picture_has_alpha (small) ? 4 : 3;
  return take_pixels (&pending->sample, small, error);
}

static void
decode_task (void *data, size_t i, unsigned worker)
{
  Opening *opening = data;
  Pending *pending = &opening->chunk[i];
  g_autoptr (GError) error = NULL;

  if (pending->bytes != NULL && !decode (pending, opening->options, &error)) {
    pending->problem = g_strdup (error->message);
    dml_mem_free (pending->sample.pixels);
    pending->sample.pixels = NULL;
  }
}

/* ---- keeping ---- */

static guint32
find_label (Opening *opening, const char *label)
{
  g_autofree char *name = opening->prefix[0] == '\0' || label[0] == '\0'
                            ? g_strconcat (opening->prefix, label, NULL)
                            : g_strconcat (opening->prefix, "/", label, NULL);
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

/* Past the memory bound: a tenth of the size at quality 95. A picture with
 * alpha stays as it is. */
static gboolean
pack (DmlSample *sample, GError **error)
{
  g_autoptr (DmlPicture) picture =
    dml_picture_new_rgb (sample->width, sample->height, 3, error);
  int stride;
  uint8_t *row;

  if (picture == NULL)
    return FALSE;
  row = dml_picture_get_pixels (picture, &stride);
  for (int y = 0; y < sample->height; y++, row += stride)
    memcpy (row, sample->pixels + (size_t) y * (size_t) sample->width * 3,
            (size_t) sample->width * 3);
  sample->packed = dml_picture_encode_jpeg (picture, 0, PACK_QUALITY, error);
  if (sample->packed == NULL)
    return FALSE;
  dml_mem_free (sample->pixels);
  sample->pixels = NULL;
  return TRUE;
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
  report->n_unlabelled += pending->label[0] == '\0';
  if (report->bytes + n > opening->options->cache_bytes &&
      sample->channels == 3) {
    if (!pack (sample, error))
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
    sample_clear (&pending->sample);
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

static void
remove_dropped (DmlDataset *set, const gboolean *drop)
{
  guint n = 0;

  for (guint i = 0; i < set->samples->len; i++) {
    DmlSample *sample = dml_dataset_sample (set, i);

    if (drop[i])
      sample_clear (sample);
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

static gboolean
put_in_order (Opening *opening, GError **error)
{
  DmlDataset *set = opening->set;
  DmlDatasetReport *report = &set->report;
  g_autofree gboolean *drop = NULL;

  if (report->n_read == 0)
    return dml_fail (error, FORMAT,
                     "no picture found (%u other files); a folder of folders "
                     "is expected, one folder a class",
                     report->n_other);
  if (report->n_bad > opening->options->bad_share * report->n_read ||
      report->n_bad == report->n_read)
    return dml_fail (error, FORMAT,
                     "%u of %u pictures cannot be read, more than the %g %% "
                     "that bad-pictures allows; the first is %s",
                     report->n_bad, report->n_read,
                     100 * opening->options->bad_share, report->bad[0]);
  g_array_sort (opening->sides, compare_ints);
  report->median_side =
    g_array_index (opening->sides, int, opening->sides->len / 2);
  sort_all (set);
  drop = g_new0 (gboolean, set->samples->len);
  find_copies (set, drop);
  settle_unlabelled (set, drop);
  if (opening->options->max_per_class > 0)
    cut_classes (set, opening->options->max_per_class, drop);
  remove_dropped (set, drop);
  find_alike (set);
  dml_dataset_count (set);
  if (set->samples->len == 0)
    return dml_fail (error, FORMAT,
                     "no picture is left: %u were copies of one "
                     "another",
                     report->n_copies + report->n_contradict);
  return TRUE;
}

DmlDataset *
dml_dataset_open (const char *const *sources, const DmlDatasetOptions *options,
                  DmlDatasetProgress progress, gpointer data,
                  GCancellable *cancellable, GError **error)
{
  g_autoptr (DmlDataset) set = g_new0 (DmlDataset, 1);
  g_autofree Opening *opening = g_new0 (Opening, 1);
  gboolean ok = TRUE;

  set->samples = g_array_new (FALSE, TRUE, sizeof (DmlSample));
  g_array_set_clear_func (set->samples, sample_clear);
  set->labels = g_array_new (FALSE, TRUE, sizeof (DmlLabel));
  g_array_set_clear_func (set->labels, label_clear);
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
    g_autofree char *prefix =
      sources[1] ? dml_source_prefix (sources[i]) : g_strdup ("");
    size_t n_other = 0;

    opening->source = i;
    opening->prefix = prefix;
    ok = dml_source_read (sources[i], on_item, opening, &n_other, error) &&
         flush (opening, error);
    set->report.n_other += (guint) n_other;
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
