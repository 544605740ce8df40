/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Looking embeddings up, each once. See answers.h. */
#include "answers.h"

#include <string.h>

typedef struct {
  GstDmlEmbedding *embedding;
  DmlMatch *match;
} Answer;

struct _GstDmlAnswers {
  GArray *answers;    /* Answer, of the last buffer with results */
  GstDmlReady *ready; /* that they are of; NULL for none */
  GArray *queries;    /* float, of the embeddings that are new */
};

static void
clear_answer (gpointer data)
{
  gst_dml_embedding_unref (((Answer *) data)->embedding);
  dml_match_unref (((Answer *) data)->match);
}

GstDmlAnswers *
gst_dml_answers_new (void)
{
  GstDmlAnswers *self = g_new0 (GstDmlAnswers, 1);

  self->answers = g_array_new (FALSE, FALSE, sizeof (Answer));
  g_array_set_clear_func (self->answers, clear_answer);
  self->queries = g_array_new (FALSE, FALSE, sizeof (float));
  return self;
}

void
gst_dml_answers_clear (GstDmlAnswers *self)
{
  g_array_set_size (self->answers, 0);
  g_clear_pointer (&self->ready, gst_dml_ready_unref);
}

void
gst_dml_answers_free (GstDmlAnswers *self)
{
  gst_dml_answers_clear (self);
  g_array_unref (self->answers);
  g_array_unref (self->queries);
  g_free (self);
}

static DmlMatch *
known_answer (const GstDmlAnswers *self, const GstDmlEmbedding *embedding)
{
  for (guint i = 0; i < self->answers->len; i++) {
    const Answer *a = &g_array_index (self->answers, Answer, i);

    if (a->embedding == embedding)
      return a->match;
  }
  return NULL;
}

/* What is answered now is what the next buffer may repeat. */
static void
keep (GstDmlAnswers *self, const GPtrArray *metas, DmlMatch **match)
{
  g_array_set_size (self->answers, 0);
  for (guint i = 0; i < metas->len; i++) {
    const GstDmlRegionMeta *meta = metas->pdata[i];
    const Answer a = { gst_dml_embedding_ref (meta->embedding),
                       dml_match_ref (match[i]) };

    g_array_append_val (self->answers, a);
  }
}

guint
gst_dml_answers_find (GstDmlAnswers *self, GstDmlReady *ready,
                      const GPtrArray *metas, GPtrArray *matches)
{
  const guint dim = dml_snapshot_get_dim (ready->snapshot);
  const guint n = metas->len, before = matches->len;
  g_autofree DmlMatch **fresh = g_new (DmlMatch *, n);
  guint n_fresh = 0, next = 0;
  DmlMatch **match;

  if (self->ready != ready) {
    gst_dml_answers_clear (self);
    self->ready = gst_dml_ready_ref (ready);
  }
  g_ptr_array_set_size (matches, (gint) (before + n));
  match = (DmlMatch **) matches->pdata + before;
  g_array_set_size (self->queries, n * dim);
  for (guint i = 0; i < n; i++) {
    const GstDmlRegionMeta *meta = metas->pdata[i];

    match[i] = known_answer (self, meta->embedding);
    if (match[i] != NULL)
      dml_match_ref (match[i]);
    else
      memcpy (&g_array_index (self->queries, float, dim *n_fresh++),
              gst_dml_embedding_get_values (meta->embedding),
              dim * sizeof (float));
  }
  if (n_fresh > 0)
    dml_matcher_match (ready->matcher,
                       (const float *) (gpointer) self->queries->data, n_fresh,
                       fresh);
  for (guint i = 0; i < n; i++)
    if (match[i] == NULL)
      match[i] = fresh[next++];
  keep (self, metas, match);
  return n - n_fresh;
}
