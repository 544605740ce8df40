/* SPDX-License-Identifier: LGPL-2.1-or-later
 * One-shot trials: a gallery of one picture a class, queries of the same
 * classes. Drawn from a data set, or read from a list such as Omniglot's
 * official one turned into CSV. */
#include "train/assess.h"
#include "train/source.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/rng.h"

#include <math.h>
#include <string.h>

#define STREAM_TRIALS 0x7472696cu
#define RESAMPLES 1000

static float
dot (const float *a, const float *b, size_t d)
{
  double sum = 0;

  for (size_t i = 0; i < d; i++)
    sum += (double) a[i] * (double) b[i];
  return (float) sum;
}

/* Place in `gallery` that is nearest to the query. */
static guint
nearest (const float *x, size_t d, const GArray *gallery, guint32 query)
{
  guint best = 0;
  float highest = -2;

  for (guint i = 0; i < gallery->len; i++) {
    const float s =
      dot (x + g_array_index (gallery, guint32, i) * d, x + query * d, d);

    if (s > highest) {
      highest = s;
      best = i;
    }
  }
  return best;
}

static void
finish (DmlEvaluation *out, const GArray *wrong, const GArray *trials)
{
  const double *w = (const double *) (const void *) wrong->data;
  double sum = 0;

  for (guint i = 0; i < wrong->len; i++)
    sum += w[i];
  out->n_queries = wrong->len;
  out->error = sum / MAX (1, wrong->len);
  /* queries of a trial share its gallery: trials are what is drawn anew */
  out->error_range =
    dml_metric_bootstrap_mean (w, (const int32_t *) (const void *) trials->data,
                               wrong->len, RESAMPLES, 0.95, out->seed);
}

/* ---- drawn ---- */

/* Classes by group, each with its pictures: label -> places. */
static GPtrArray *
places_by_label (const DmlAssessed *all, guint n_labels)
{
  GPtrArray *by =
    g_ptr_array_new_with_free_func ((GDestroyNotify) g_array_unref);

  for (guint i = 0; i < n_labels; i++)
    g_ptr_array_add (by, g_array_new (FALSE, FALSE, sizeof (guint32)));
  for (guint32 i = 0; i < all->n; i++)
    g_array_append_val ((GArray *) by->pdata[all->labels[i]], i);
  return by;
}

/* Labels with two pictures or more that share `first`'s group. */
static GArray *
group_of (const DmlAssessment *a, const GPtrArray *by, guint32 first)
{
  GArray *labels = g_array_new (FALSE, FALSE, sizeof (guint32));
  const char *name = a->out->names->pdata[first], *end = NULL;

  if (a->options->group != NULL && *a->options->group != '\0')
    end = strstr (name, a->options->group);
  for (guint32 i = 0; i < by->len; i++)
    if (((GArray *) by->pdata[i])->len > 1 &&
        (end == NULL ||
         strncmp (a->out->names->pdata[i], name,
                  (size_t) (end - name) + strlen (a->options->group)) == 0))
      g_array_append_val (labels, i);
  return labels;
}

static gboolean
drawn_trial (DmlAssessment *a, const DmlAssessed *all, const GPtrArray *by,
             int32_t number, GArray *wrong, GArray *trials)
{
  const size_t d = dml_encoder_get_dim (a->encoder);
  g_autoptr (GArray) gallery = g_array_new (FALSE, FALSE, sizeof (guint32));
  g_autoptr (GArray) queries = g_array_new (FALSE, FALSE, sizeof (guint32));
  g_autoptr (GArray) labels = NULL;
  DmlRng rng;

  dml_rng_init (&rng, a->options->seed,
                dml_rng_stream (STREAM_TRIALS, (uint64_t) number));
  labels = group_of (a, by, dml_rng_below (&rng, by->len));
  if (labels->len < a->options->ways)
    return FALSE;
  dml_rng_shuffle (&rng, (uint32_t *) (void *) labels->data, labels->len);
  for (guint i = 0; i < a->options->ways; i++) {
    const GArray *own = by->pdata[g_array_index (labels, guint32, i)];
    const guint32 g = dml_rng_below (&rng, own->len);
    const guint32 q = (g + 1 + dml_rng_below (&rng, own->len - 1)) % own->len;

    g_array_append_val (gallery, g_array_index (own, guint32, g));
    g_array_append_val (queries, g_array_index (own, guint32, q));
  }
  for (guint i = 0; i < queries->len; i++) {
    const double miss =
      nearest (all->x, d, gallery, g_array_index (queries, guint32, i)) != i;

    g_array_append_val (wrong, miss);
    g_array_append_val (trials, number);
  }
  return TRUE;
}

static gboolean
drawn_trials (DmlAssessment *a, GArray *wrong, GArray *trials, GError **error)
{
  g_auto (DmlAssessed) all = { 0 };
  g_autoptr (GPtrArray) by = NULL;
  guint n = 0;

  if (!dml_assess_load (a, a->options->data, "", &all, error))
    return FALSE;
  by = places_by_label (&all, a->out->names->len);
  /* a group with too few classes is passed over, so try more than wanted */
  for (gint32 i = 0;
       n < a->options->n_trials && (guint) i < 50 * a->options->n_trials; i++)
    n += drawn_trial (a, &all, by, i, wrong, trials);
  a->out->n_trials = n;
  a->out->n_gallery = a->options->ways;
  if (n == 0)
    return dml_fail (error, INVALID,
                     "ways: no %s has %u classes with two pictures or more",
                     a->options->group ? "group" : "draw", a->options->ways);
  return TRUE;
}

/* ---- from a list ---- */

typedef struct {
  char *trial, *label;
  gboolean is_query;
  guint32 picture; /* row of the embeddings */
} Line;

static void
line_clear (gpointer data)
{
  g_free (((Line *) data)->trial);
  g_free (((Line *) data)->label);
}

static gboolean
embed_file (DmlAssessment *a, DmlSession *session, const char *path, float *out,
            GError **error)
{
  g_autoptr (DmlPicture) picture = dml_picture_load (path, error);
  const DmlImage *image;

  if (picture == NULL)
    return FALSE;
  image = dml_picture_get_image (picture);
  return dml_session_embed (session, &image, NULL, 1, out, error);
}

static gboolean
read_line (DmlAssessment *a, DmlSession *session, char *text, guint number,
           const char *folder, GHashTable *seen, GArray *x, GArray *lines,
           GError **error)
{
  const char *list = a->options->trials;
  const size_t d = dml_encoder_get_dim (a->encoder);
  g_autoptr (GPtrArray) fields = g_ptr_array_new ();
  g_autofree char *path = NULL;
  Line line = { 0 };
  gpointer found;

  if (!dml_source_split_line (text, fields) || fields->len < 4)
    return dml_fail (error, FORMAT, "%s:%u: expected trial,role,path,label",
                     list, number);
  line.is_query = strcmp (fields->pdata[1], "query") == 0;
  if (!line.is_query && strcmp (fields->pdata[1], "gallery") != 0)
    return dml_fail (error, FORMAT,
                     "%s:%u: role is '%s'; gallery or query is expected", list,
                     number, (char *) fields->pdata[1]);
  path = g_path_is_absolute (fields->pdata[2])
           ? g_strdup (fields->pdata[2])
           : g_build_filename (folder, fields->pdata[2], NULL);
  if (g_hash_table_lookup_extended (seen, path, NULL, &found)) {
    line.picture = GPOINTER_TO_UINT (found);
  } else {
    line.picture = x->len;
    g_array_set_size (x, x->len + 1);
    if (!embed_file (a, session, path,
                     (float *) (void *) x->data + line.picture * d, error))
      return FALSE;
    g_hash_table_insert (seen, g_steal_pointer (&path),
                         GUINT_TO_POINTER (line.picture));
  }
  line.trial = g_strdup (fields->pdata[0]);
  line.label = g_strdup (fields->pdata[3]);
  g_array_append_val (lines, line);
  return TRUE;
}

/* Queries of one trial, lines [from, to), against its gallery. */
static void
score_trial (DmlAssessment *a, const GArray *lines, guint from, guint to,
             const float *x, int32_t number, GArray *wrong, GArray *trials)
{
  const size_t d = dml_encoder_get_dim (a->encoder);
  g_autoptr (GArray) gallery = g_array_new (FALSE, FALSE, sizeof (guint32));
  g_autoptr (GPtrArray) labels = g_ptr_array_new ();

  for (guint i = from; i < to; i++) {
    const Line *line = &g_array_index (lines, Line, i);

    if (line->is_query)
      continue;
    g_array_append_val (gallery, line->picture);
    g_ptr_array_add (labels, line->label);
  }
  for (guint i = from; i < to && gallery->len > 0; i++) {
    const Line *line = &g_array_index (lines, Line, i);

    if (!line->is_query)
      continue;
    const guint at = nearest (x, d, gallery, line->picture);
    const double miss = strcmp (labels->pdata[at], line->label) != 0;

    g_array_append_val (wrong, miss);
    g_array_append_val (trials, number);
  }
  a->out->n_gallery = MAX (a->out->n_gallery, gallery->len);
}

static gboolean
listed_trials (DmlAssessment *a, GArray *wrong, GArray *trials, GError **error)
{
  const size_t d = dml_encoder_get_dim (a->encoder);
  g_autoptr (GError) reason = NULL;
  g_autoptr (DmlSession) session =
    dml_encoder_session_new (a->encoder, a->options->n_threads, error);
  g_autoptr (GHashTable) seen =
    g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_autoptr (GArray) x =
    g_array_new (FALSE, FALSE, (guint) (d * sizeof (float)));
  g_autoptr (GArray) lines = g_array_new (FALSE, FALSE, sizeof (Line));
  g_autofree char *folder = g_path_get_dirname (a->options->trials);
  g_autofree char *text = NULL;
  g_auto (GStrv) rows = NULL;

  g_array_set_clear_func (lines, line_clear);
  if (session == NULL)
    return FALSE;
  if (!g_file_get_contents (a->options->trials, &text, NULL, &reason))
    return dml_fail (error, NOT_FOUND, "%s", reason->message);
  rows = g_strsplit (text, "\n", -1);
  for (guint i = 0; rows[i] != NULL; i++) {
    g_strchomp (rows[i]);
    if (*rows[i] == '\0' || *rows[i] == '#' ||
        (i == 0 && g_str_has_prefix (rows[i], "trial,")))
      continue;
    if (!read_line (a, session, rows[i], i + 1, folder, seen, x, lines, error))
      return FALSE;
    if (g_cancellable_is_cancelled (a->cancellable))
      return dml_fail (error, CANCELLED, "stopped");
  }
  for (guint from = 0, to; from < lines->len; from = to) {
    const char *trial = g_array_index (lines, Line, from).trial;

    for (to = from; to < lines->len &&
                    strcmp (g_array_index (lines, Line, to).trial, trial) == 0;)
      to++;
    score_trial (a, lines, from, to, (const float *) (const void *) x->data,
                 (int32_t) a->out->n_trials++, wrong, trials);
  }
  if (wrong->len == 0)
    return dml_fail (error, FORMAT, "%s: no trial with a gallery and a query",
                     a->options->trials);
  return TRUE;
}

gboolean
dml_assess_trials (DmlAssessment *a, GError **error)
{
  g_autoptr (GArray) wrong = g_array_new (FALSE, FALSE, sizeof (double));
  g_autoptr (GArray) trials = g_array_new (FALSE, FALSE, sizeof (int32_t));

  if (!(a->options->trials ? listed_trials : drawn_trials) (a, wrong, trials,
                                                            error))
    return FALSE;
  finish (a->out, wrong, trials);
  return TRUE;
}
