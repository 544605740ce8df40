/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Batches of augmented views. A row of a batch is view `row % views` of the
 * picture that the sampler put at place `row / views`. */
#include "train/trainer.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/rng.h"
#include "base/threads.h"

#include <math.h>
#include <string.h>

#define LOADERS_MAX 8
#define BATCHES_AHEAD 2

static int32_t
dense_label (GHashTable *seen, guint32 label)
{
  const gpointer key = GUINT_TO_POINTER (label + 1);
  gpointer value = g_hash_table_lookup (seen, key);

  if (value == NULL) {
    value = GUINT_TO_POINTER (g_hash_table_size (seen) + 1);
    g_hash_table_insert (seen, key, value);
  }
  return (int32_t) GPOINTER_TO_UINT (value) - 1;
}

/* Classes of one folder are relatives: "fruit/apple", "fruit/pear". One that
 * lies in no folder has none. (transfer full) */
static char *
folder_above (const char *label)
{
  const char *slash = strrchr (label, '/');

  return slash ? g_strndup (label, (gsize) (slash - label))
               : g_strconcat ("/", label, NULL);
}

/* FALSE where that would leave pair losses nothing to push apart. */
static gboolean
feed_supers (DmlFeed *feed, gboolean ignore_relatives, GError **error)
{
  g_autoptr (GHashTable) seen =
    g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);

  feed->supers = g_new (int32_t, feed->n);
  for (size_t i = 0; i < feed->n; i++) {
    const DmlSample *sample = dml_dataset_sample (feed->set, feed->items[i]);
    char *folder =
      folder_above (dml_dataset_label (feed->set, sample->label)->name);
    gpointer value = g_hash_table_lookup (seen, folder);

    if (value == NULL) {
      value = GUINT_TO_POINTER (g_hash_table_size (seen) + 1);
      g_hash_table_insert (seen, g_strdup (folder), value);
    }
    feed->supers[i] = (int32_t) GPOINTER_TO_UINT (value) - 1;
    g_free (folder);
  }
  if (ignore_relatives && g_hash_table_size (seen) == 1)
    return dml_fail (
      error, INVALID,
      "ignore-relatives: all classes lie in one folder, so there "
      "are only relatives; leave it away, or train on that "
      "folder itself");
  return TRUE;
}

/* What of one size is said in two places must be the same. */
static gboolean
agree (const char *sampler, const char *key, const char *name, uint64_t *value,
       gboolean resumed, GError **error)
{
  gboolean said;
  const double wanted = dml_sampler_setting (sampler, key, &said);

  if (!said)
    return TRUE;
  if (*value != 0 && *value != (uint64_t) wanted && !resumed)
    return dml_fail (error, INVALID,
                     "%s is %" G_GUINT64_FORMAT ", and sampler=%s says %s=%g: "
                     "a batch has one size; leave one of the two away",
                     name, *value, sampler, key, wanted);
  *value = (uint64_t) wanted;
  return TRUE;
}

gboolean
dml_feed_sizes (const DmlTrainSettings *s, gboolean resumed, uint64_t *p,
                uint64_t *k, GError **error)
{
  gboolean said, k_said;
  const double batch = dml_sampler_setting (s->sampler, "batch", &said);
  const double k_default = dml_sampler_setting (s->sampler, "k", &k_said);

  *p = s->classes_per_batch;
  *k = s->pictures_per_class;
  if (!agree (s->sampler, "p", "classes-per-batch", p, resumed, error) ||
      !agree (s->sampler, "k", "pictures-per-class", k, resumed, error))
    return FALSE;
  if (!said)
    return TRUE;
  if (*k == 0)
    *k = *p != 0             ? MAX (1, (uint64_t) batch / *p)
         : isnan (k_default) ? 1
                             : (uint64_t) k_default;
  if (*p == 0 || resumed)
    *p = MAX (1, (uint64_t) batch / *k);
  return *p * *k == (uint64_t) batch || resumed ||
         dml_fail (
           error, INVALID,
           "classes-per-batch x pictures-per-class is %" G_GUINT64_FORMAT
           " x %" G_GUINT64_FORMAT ", and sampler=%s says batch=%g: a "
           "batch has one size; leave one of the two away",
           *p, *k, s->sampler, batch);
}

/* The sampler with all that it was given; what it was not given comes from the
 * settings, which dml_feed_sizes() has held to it. */
static gboolean
feed_sampler (DmlFeed *feed, const DmlTrainSettings *s, GError **error)
{
  const struct {
    const char *key;
    uint64_t value;
  } sizes[] = {
    { "p", s->classes_per_batch },
    { "k", s->pictures_per_class },
    { "batch", s->classes_per_batch * s->pictures_per_class },
  };
  g_autoptr (GString) spec = g_string_new (s->sampler);
  DmlSamplerSetup setup = { .n = feed->n,
                            .labels = feed->labels,
                            .supers = feed->supers,
                            .seed = s->seed };

  for (size_t i = 0; i < G_N_ELEMENTS (sizes); i++) {
    gboolean said;

    if (!isnan (dml_sampler_setting (s->sampler, sizes[i].key, &said)) && !said)
      g_string_append_printf (spec, "%s%s=%" G_GUINT64_FORMAT,
                              strchr (spec->str, ':') ? "," : ":", sizes[i].key,
                              sizes[i].value);
  }
  feed->sampler = dml_sampler_new (spec->str, &setup, error);
  if (feed->sampler == NULL)
    return FALSE;
  feed->batch = dml_sampler_batch_size (feed->sampler);
  feed->per_epoch = s->batches_per_epoch
                      ? s->batches_per_epoch
                      : dml_sampler_n_batches (feed->sampler);
  return TRUE;
}

gboolean
dml_feed_init (DmlFeed *feed, const DmlTrainer *t, GError **error)
{
  const DmlTrainSettings *s = &t->config->s;
  g_autoptr (GArray) members = dml_dataset_members (t->set, DML_SPLIT_TRAIN);
  g_autoptr (GHashTable) seen = g_hash_table_new (g_direct_hash, NULL);

  feed->set = t->set;
  feed->seed = s->seed;
  feed->views = s->views;
  feed->n = members->len;
  feed->items = (uint32_t *) (void *) g_array_steal (members, NULL);
  feed->labels = g_new (int32_t, feed->n);
  for (size_t i = 0; i < feed->n; i++)
    feed->labels[i] =
      dense_label (seen, dml_dataset_sample (t->set, feed->items[i])->label);
  feed->n_classes = g_hash_table_size (seen);
  return feed_supers (feed, s->ignore_relatives != 0, error) &&
         feed_sampler (feed, s, error);
}

void
dml_feed_clear (DmlFeed *feed)
{
  for (size_t i = 0; i < feed->n_augmenters; i++)
    dml_augmenter_free (feed->augmenters[i]);
  g_free (feed->augmenters);
  dml_sampler_free (feed->sampler);
  g_free (feed->items);
  g_free (feed->labels);
  g_free (feed->supers);
  memset (feed, 0, sizeof *feed);
}

/* The sampler's decks go on, however long the run's own epochs are: cutting
 * them off would leave the same pictures out each time. */
static size_t
draw (DmlFeed *feed, uint64_t number, uint32_t *pictures)
{
  const size_t n_batches = dml_sampler_n_batches (feed->sampler);

  return dml_sampler_draw (feed->sampler, number / n_batches,
                           number % n_batches, pictures);
}

/* What was drawn before a resume is in no checkpoint: it is drawn again. */
size_t
dml_feed_n_never_shown (DmlFeed *feed, uint64_t n_batches)
{
  g_autofree uint32_t *pictures = g_new (uint32_t, feed->batch);

  if (n_batches == 0)
    return feed->n;
  draw (feed, n_batches - 1, pictures);
  return dml_sampler_n_never_drawn (feed->sampler);
}

static size_t
feed_plan (gpointer data, uint64_t number, uint32_t *items)
{
  DmlFeed *feed = data;
  g_autofree uint32_t *pictures = g_new (uint32_t, feed->batch);
  size_t n = draw (feed, number, pictures);

  /* the last batch of a uniform order is filled up from its own beginning */
  for (size_t i = n; i < feed->batch; i++)
    pictures[i] = pictures[i % n];
  for (size_t i = 0; i < feed->batch; i++)
    for (size_t v = 0; v < feed->views; v++)
      items[i * feed->views + v] = pictures[i];
  return feed->batch * feed->views;
}

void
dml_feed_view (DmlFeed *feed, uint64_t stream, uint64_t place, guint32 sample,
               unsigned worker, float *out)
{
  g_autoptr (DmlPicture) hold = NULL, behind_hold = NULL;
  DmlImage view, behind;
  DmlRng rng;

  dml_rng_init (&rng, feed->seed, dml_rng_stream (stream, place));
  const uint32_t other = dml_rng_below (&rng, (uint32_t) feed->n);

  if (!dml_dataset_view (feed->set, sample, &view, &hold, NULL) ||
      !dml_dataset_view (feed->set, feed->items[other], &behind, &behind_hold,
                         NULL) ||
      !dml_augmenter_run (feed->augmenters[worker], &view, &behind, &rng, out,
                          NULL))
    memset (out, 0,
            sizeof (float) * (size_t) feed->preprocess.width *
              (size_t) feed->preprocess.height *
              (size_t) feed->preprocess.channels);
}

static void
feed_fill (gpointer data, uint64_t number, size_t place, uint32_t item,
           unsigned worker, float *out)
{
  DmlFeed *feed = data;

  dml_feed_view (feed, dml_rng_stream (DML_STREAM_VIEWS, number), place,
                 feed->items[item], worker, out);
}

DmlLoader *
dml_feed_start (DmlFeed *feed, unsigned n_loaders, uint64_t step,
                GError **error)
{
  const DmlLoaderOptions options = {
    .n_threads = n_loaders ? n_loaders : MIN (dml_threads_max (), LOADERS_MAX),
    .n_ahead = BATCHES_AHEAD,
    .batch_max = feed->batch * feed->views,
    .item_size = (size_t) feed->preprocess.width *
                 (size_t) feed->preprocess.height *
                 (size_t) feed->preprocess.channels,
    .plan = feed_plan,
    .fill = feed_fill,
    .data = feed,
  };

  return dml_loader_new (&options, step, error);
}
