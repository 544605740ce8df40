/* SPDX-License-Identifier: LGPL-2.1-or-later
 * The miner object: settings, and anchors counted, then stored. */
#include "metric/miner.h"

#include "base/error.h"
#include "base/mem.h"
#include "base/threads.h"
#include "metric/miners/miner-class.h"

#define MINER_ROWS 16 /* anchors a piece of work */

struct _DmlMiner {
  const DmlMinerClass *klass;
  char *who;
  double p[DML_PARAM_MAX];
};

size_t
dml_miner_n_members (void)
{
  return dml_miner_table_n;
}

const DmlMemberInfo *
dml_miner_member (size_t i)
{
  return &dml_miner_table[i]->info;
}

DmlMiner *
dml_miner_new (const char *spec, GError **error)
{
  g_autoptr (DmlMiner) miner = g_new0 (DmlMiner, 1);
  const char *settings;
  const int i = dml_member_find (spec, "miner", dml_miner_table_n,
                                 dml_miner_member, &settings, error);

  if (i < 0)
    return NULL;
  miner->klass = dml_miner_table[i];
  miner->who = g_strconcat ("miner ", miner->klass->info.name, NULL);
  if (!dml_param_resolve (miner->klass->info.params, miner->who, settings,
                          miner->p, error))
    return NULL;
  return g_steal_pointer (&miner);
}

void
dml_miner_free (DmlMiner *miner)
{
  if (miner == NULL)
    return;
  g_free (miner->who);
  g_free (miner);
}

void
dml_tuples_clear (DmlTuples *tuples)
{
  dml_mem_free (tuples->positive);
  dml_mem_free (tuples->negative);
  dml_mem_free (tuples->triplets);
  *tuples = (DmlTuples){ 0 };
}

typedef struct {
  DmlMinerRun *run;
  DmlPicks *picks; /* N: counts, then where to store */
  uint8_t *both;   /* N: the anchor has a positive and a negative */
  DmlRowRoom *rooms;
} Mining;

static void
mine_rows (void *data, size_t piece, unsigned worker)
{
  Mining *m = data;
  const size_t first = piece * MINER_ROWS, n = m->run->batch->n;

  for (size_t i = first; i < MIN (first + MINER_ROWS, n); i++) {
    DmlPicks *picks = &m->picks[i];
    DmlRow row;

    dml_row_read (&m->run->relation, i, &m->rooms[worker], &row);
    m->both[i] = row.n_pos > 0 && row.n_neg > 0;
    picks->anchor = (int32_t) i;
    picks->n_positive = picks->n_negative = picks->n_triplets = 0;
    m->run->klass->row (m->run, &row, m->run->pairs.s + i * m->run->pairs.m,
                        picks);
  }
}

/* Sums the counts, allocates the lists and hands each anchor its part. */
static gboolean
make_lists (const DmlMiner *miner, Mining *m, DmlTuples *t, GError **error)
{
  for (size_t i = 0; i < m->run->batch->n; i++) {
    const DmlPicks *picks = &m->picks[i];
    const size_t n = picks->n_positive + picks->n_negative + picks->n_triplets;

    t->n_positive += picks->n_positive;
    t->n_negative += picks->n_negative;
    t->n_triplets += picks->n_triplets;
    t->n_anchors += n > 0;
    t->n_empty += n == 0 && m->both[i];
  }
  const size_t n_bytes = (t->n_positive + t->n_negative) * sizeof *t->positive +
                         t->n_triplets * sizeof *t->triplets;

  if (n_bytes > DML_TUPLES_MAX_BYTES)
    return dml_fail (error, LIMIT,
                     "%s: %zu tuples need %zu MiB, more than %zu; make smaller "
                     "batches, or choose a stricter miner such as batch_hard",
                     miner->who, t->n_positive + t->n_negative + t->n_triplets,
                     n_bytes >> 20, DML_TUPLES_MAX_BYTES >> 20);
  t->positive = dml_mem_alloc (t->n_positive, sizeof *t->positive, error);
  if (t->positive != NULL)
    t->negative = dml_mem_alloc (t->n_negative, sizeof *t->negative, error);
  if (t->negative != NULL)
    t->triplets = dml_mem_alloc (t->n_triplets, sizeof *t->triplets, error);
  if (t->triplets == NULL)
    return FALSE;

  int32_t (*positive)[2] = t->positive, (*negative)[2] = t->negative;
  int32_t (*triplets)[3] = t->triplets;

  for (size_t i = 0; i < m->run->batch->n; i++) {
    DmlPicks *picks = &m->picks[i];

    picks->positive = positive;
    picks->negative = negative;
    picks->triplets = triplets;
    positive += picks->n_positive;
    negative += picks->n_negative;
    triplets += picks->n_triplets;
  }
  return TRUE;
}

static gboolean
mine (DmlMiner *miner, DmlMinerRun *run, DmlTuples *tuples, GError **error)
{
  const size_t n = run->batch->n, n_pieces = (n + MINER_ROWS - 1) / MINER_ROWS;
  const unsigned n_workers = dml_threads_max ();
  g_autofree DmlPicks *picks = g_new0 (DmlPicks, n);
  g_autofree uint8_t *both = g_new (uint8_t, n);
  g_autofree DmlRowRoom *rooms = g_new (DmlRowRoom, n_workers);
  Mining mining = { run, picks, both, rooms };

  for (unsigned w = 0; w < n_workers; w++)
    dml_row_room_init (&rooms[w], run->relation.m);
  dml_parallel_for (n_pieces, 0, mine_rows, &mining);
  const gboolean ok = make_lists (miner, &mining, tuples, error);

  if (ok)
    dml_parallel_for (n_pieces, 0, mine_rows, &mining);
  for (unsigned w = 0; w < n_workers; w++)
    dml_row_room_clear (&rooms[w]);
  return ok;
}

gboolean
dml_miner_mine (DmlMiner *miner, const DmlBatch *batch, DmlTuples *tuples,
                GError **error)
{
  const DmlMinerClass *klass = miner->klass;
  DmlMinerRun run = {
    .klass = klass,
    .p = miner->p,
    .batch = batch,
    .relation = dml_relation (batch, NULL),
  };

  dml_tuples_clear (tuples);
  tuples->is_triplets = klass->emits_triplets ? klass->emits_triplets (miner->p)
                                              : klass->is_triplets;
  if (batch->ref && klass->self_only)
    return dml_fail (error, INVALID,
                     "%s: works within a batch only; set memory=0", miner->who);
  if (!dml_pairs_init (
        &run.pairs,
        klass->distance ? klass->distance (miner->p) : DML_DISTANCE_COSINE,
        batch->x, batch->n, batch->ref, batch->n_ref, batch->d, FALSE, error))
    return FALSE;
  dml_pairs_round (&run.pairs);
  const gboolean ok = mine (miner, &run, tuples, error);

  dml_pairs_clear (&run.pairs);
  if (!ok)
    dml_tuples_clear (tuples);
  return ok;
}
