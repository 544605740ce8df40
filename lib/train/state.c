/* SPDX-License-Identifier: LGPL-2.1-or-later
 * What a run must remember to go on to the bit, to and from a checkpoint.
 *
 * The samplers' decks and every random number follow from the seed and the
 * step, so the step stands for them. The data set is held to what it was by a
 * sum over its labels and contents. */
#include "train/trainer.h"
#include "base/error.h"
#include "encoder/encoder.h"

#include <math.h>
#include <string.h>

#define STATE_VERSION 1
#define EPOCH_VERSION 1

typedef struct {
  uint64_t version, step, n_steps, n_epochs, per_epoch;
  uint64_t n_evaluated, since_best, loss_n, collapsed_for;
  double seconds, loss_sum, untrained_recall;
  uint64_t data_sum;
  DmlKept kept;
} Counters;

/* The epoch so far, as run.jsonl will tell of it, and the alarms that count
 * steps. A block of its own, which checkpoints before it do not have: such a
 * run goes on, and its broken epoch tells of its second part. */
typedef struct {
  uint64_t version, n_parts;
  DmlEpochTrain train;
  struct {
    double collapse;
    uint64_t measured, collapsed_for;
  } part[DML_MIX_MAX];
} EpochState;

static EpochState
epoch_state_of (const DmlTrainer *t)
{
  EpochState state;

  memset (&state, 0, sizeof state); /* what lies between fields is saved too */
  state.version = EPOCH_VERSION;
  state.n_parts = t->mix.n;
  state.train = t->train;
  for (size_t i = 0; i < t->mix.n; i++) {
    state.part[i].collapse = t->mix.part[i].collapse;
    state.part[i].measured = t->mix.part[i].measured != FALSE;
    state.part[i].collapsed_for = t->mix.part[i].collapsed_for;
  }
  return state;
}

static gboolean
restore_epoch (DmlTrainer *t, const DmlCheckpoint *cp, GError **error)
{
  EpochState state;
  size_t size;

  if (dml_checkpoint_get (cp, "epoch", &size) == NULL)
    return TRUE;
  if (!dml_checkpoint_copy (cp, "epoch", &state, sizeof state, error))
    return FALSE;
  if (state.version != EPOCH_VERSION || state.n_parts != t->mix.n)
    return dml_fail (error, FORMAT, "%s/last.ckpt: its epoch makes no sense",
                     t->run);
  t->train = state.train;
  for (size_t i = 0; i < t->mix.n; i++) {
    t->mix.part[i].collapse = state.part[i].collapse;
    t->mix.part[i].measured = state.part[i].measured != 0;
    t->mix.part[i].collapsed_for = (guint) state.part[i].collapsed_for;
  }
  return TRUE;
}

/* Checkpoints before keep=last do not have it: what was kept was the best. */
static gboolean
restore_top (DmlTrainer *t, const DmlCheckpoint *cp, GError **error)
{
  size_t size;

  t->top = (DmlTop){ t->kept.score, t->kept.epoch };
  return dml_checkpoint_get (cp, "top", &size) == NULL ||
         dml_checkpoint_copy (cp, "top", &t->top, sizeof t->top, error);
}

/* ---- encoders that it learns from ---- */

static const char *
origin_path (const DmlTrainer *t, int i)
{
  return i == DML_ORIGIN_INIT ? t->config->s.init : t->config->s.teacher;
}

static const char *const origin_names[DML_N_ORIGINS] = { "init", "teacher" };

/* What was read, which the checkpoint remembers: a file may be another one when
 * the run goes on, and so may the encoder that is built in. */
gboolean
dml_trainer_find_origins (DmlTrainer *t, GError **error)
{
  for (int i = 0; i < DML_N_ORIGINS; i++) {
    g_autoptr (DmlEncoder) encoder = NULL;

    g_clear_pointer (&t->origin[i], g_free);
    if (*origin_path (t, i) == '\0')
      continue;
    encoder = dml_encoder_open (origin_path (t, i), error);
    if (encoder == NULL)
      return FALSE;
    t->origin[i] = g_strdup (dml_encoder_get_fingerprint (encoder));
  }
  return TRUE;
}

static void
put_origins (const DmlTrainer *t, DmlCheckpoint *cp)
{
  for (int i = 0; i < DML_N_ORIGINS; i++) {
    g_autofree char *name = g_strconcat ("origin/", origin_names[i], NULL);

    if (t->origin[i] != NULL)
      dml_checkpoint_put_text (cp, name, t->origin[i]);
  }
}

static gboolean
check_origins (const DmlTrainer *t, const DmlCheckpoint *cp, GError **error)
{
  for (int i = 0; i < DML_N_ORIGINS; i++) {
    g_autofree char *name = g_strconcat ("origin/", origin_names[i], NULL);
    g_autofree char *then = dml_checkpoint_get_text (cp, name, NULL);

    if (then == NULL || t->origin[i] == NULL) /* not in old ones */
      continue;
    if (strcmp (then, t->origin[i]) != 0)
      return dml_fail (error, MISMATCH,
                       "%s: the run began with another %s than %s is now%s "
                       "(fingerprint %.12s, and it was %.12s). Put that one "
                       "back, or start a new run",
                       t->run, origin_names[i], origin_path (t, i),
                       dml_encoder_names_default (origin_path (t, i))
                         ? ", in this version of dml"
                         : "",
                       t->origin[i], then);
  }
  return TRUE;
}

/* Order, labels, contents and split of all pictures. */
static uint64_t
data_sum (const DmlDataset *set)
{
  uint64_t sum = set->samples->len;

  for (guint i = 0; i < set->samples->len; i++) {
    const DmlSample *sample = dml_dataset_sample (set, i);
    const uint64_t words[] = { sample->label, sample->split, sample->hash[0],
                               sample->hash[1] };

    for (size_t w = 0; w < G_N_ELEMENTS (words); w++) {
      sum = (sum ^ words[w]) * 0x9E3779B97F4A7C15u;
      sum ^= sum >> 32;
    }
  }
  return sum;
}

static Counters
counters_of (const DmlTrainer *t)
{
  return (Counters){
    .version = STATE_VERSION,
    .step = t->step,
    .n_steps = t->n_steps,
    .n_epochs = t->n_epochs,
    .per_epoch = t->feed.per_epoch,
    .n_evaluated = t->n_evaluated,
    .since_best = t->since_best,
    .loss_n = t->loss_n,
    .collapsed_for = t->collapsed_for,
    .seconds = dml_trainer_seconds (t),
    .loss_sum = t->loss_sum,
    .data_sum = data_sum (t->set),
    .untrained_recall = t->untrained_recall,
    .kept = t->kept,
  };
}

/* A block that is trained, averaged or gathered: where, how long, its name in
 * the checkpoint. */
typedef void (*BlockFunc) (DmlTrainer *t, const char *name, void *data,
                           size_t n_bytes, gpointer user);

static void
each_block (DmlTrainer *t, BlockFunc func, gpointer user)
{
  size_t n;
  DmlStatistic *statistics = dml_train_statistics (t->model->train, &n);

  for (size_t i = 0; i < n; i++) {
    g_autofree char *name =
      g_strconcat ("statistic/", statistics[i].name, NULL);

    func (t, name, statistics[i].data, statistics[i].n * sizeof (float), user);
  }
  for (size_t i = 0; i < t->n_params; i++) {
    g_autofree char *name = g_strconcat ("weight/", t->params[i].name, NULL);

    func (t, name, t->params[i].value, t->params[i].n * sizeof (float), user);
  }
  for (size_t i = 0; i < dml_optim_n_blocks (t->optim); i++) {
    g_autofree char *name = NULL;
    float *data = dml_optim_block (t->optim, i, &n, &name);

    func (t, name, data, n * sizeof (float), user);
  }
  for (size_t i = 0; i < t->mix.n; i++) {
    DmlLossState *state = dml_loss_state (t->mix.part[i].loss, &n);

    for (size_t j = 0; j < n; j++) {
      g_autofree char *name = g_strdup_printf ("loss/%zu/%s", i, state[j].name);

      func (t, name, state[j].data, state[j].n_bytes, user);
    }
  }
}

static void
put_block (DmlTrainer *t, const char *name, void *data, size_t n_bytes,
           gpointer user)
{
  dml_checkpoint_put (user, name, data, n_bytes);
}

gboolean
dml_trainer_save (DmlTrainer *t, GError **error)
{
  g_autoptr (DmlCheckpoint) cp = dml_checkpoint_new ();
  g_autofree char *path = g_build_filename (t->run, "last.ckpt", NULL);
  g_autofree char *config = dml_train_config_to_text (t->config);
  g_autofree char *sources = g_strjoinv ("\n", t->sources);
  const Counters counters = counters_of (t);
  const EpochState epoch = epoch_state_of (t);

  dml_checkpoint_put_text (cp, "config", config);
  dml_checkpoint_put_text (cp, "sources", sources);
  dml_checkpoint_put (cp, "counters", &counters, sizeof counters);
  dml_checkpoint_put_u64 (cp, "optimiser/steps",
                          dml_optim_get_steps (t->optim));
  dml_checkpoint_put_u64 (cp, "evaluation-due", t->evaluation_due != FALSE);
  dml_checkpoint_put (cp, "epoch", &epoch, sizeof epoch);
  dml_checkpoint_put (cp, "top", &t->top, sizeof t->top);
  dml_checkpoint_put_u64 (cp, "packed", t->set->report.n_packed);
  put_origins (t, cp);
  each_block (t, put_block, cp);
  if (!dml_checkpoint_write (cp, path, error))
    return FALSE;
  t->last_checkpoint = (double) g_get_monotonic_time () / 1e6;
  return TRUE;
}

typedef struct {
  const DmlCheckpoint *cp;
  GError *error; /* the first one */
} Restoring;

static void
get_block (DmlTrainer *t, const char *name, void *data, size_t n_bytes,
           gpointer user)
{
  Restoring *r = user;

  if (r->error == NULL)
    dml_checkpoint_copy (r->cp, name, data, n_bytes, &r->error);
}

gboolean
dml_trainer_restore (DmlTrainer *t, const DmlCheckpoint *cp, GError **error)
{
  g_autofree char *encoder = g_build_filename (t->run, "encoder.onnx", NULL);
  Restoring r = { .cp = cp };
  uint64_t optim_steps, due = 0, n_packed = t->set->report.n_packed;
  Counters c;

  if (!dml_checkpoint_copy (cp, "counters", &c, sizeof c, error) ||
      !dml_checkpoint_get_u64 (cp, "optimiser/steps", &optim_steps, error))
    return FALSE;
  if (c.version != STATE_VERSION || c.per_epoch == 0 || c.n_epochs == 0 ||
      c.n_epochs > UINT64_MAX / c.per_epoch ||
      c.n_steps != c.n_epochs * c.per_epoch || c.step > c.n_steps)
    return dml_fail (error, FORMAT, "%s/last.ckpt: its counters make no sense",
                     t->run);
  if (c.data_sum != data_sum (t->set) || c.per_epoch != t->feed.per_epoch)
    return dml_fail (error, MISMATCH,
                     "%s: the pictures are not those that the run began with; "
                     "put them back (or, where they moved, name where: "
                     "--resume %s DATA), or start a new run from its "
                     "encoder.onnx with --init",
                     t->run, t->run);
  dml_checkpoint_get_u64 (cp, "packed", &n_packed, NULL); /* not in old ones */
  if (n_packed != t->set->report.n_packed)
    return dml_fail (error, MISMATCH,
                     "%s: cache-memory keeps %u pictures as JPEG here, and the "
                     "run began with %u: other pixels would be learned. Give "
                     "it as it was, or a --cache-memory that holds %s",
                     t->run, t->set->report.n_packed, (guint) n_packed,
                     n_packed ? "as many decoded" : "all of them decoded");
  if (!check_origins (t, cp, error) || !restore_epoch (t, cp, error))
    return FALSE;
  each_block (t, get_block, &r);
  if (r.error != NULL) {
    g_propagate_error (error, r.error);
    return FALSE;
  }
  dml_optim_set_steps (t->optim, optim_steps);
  dml_checkpoint_get_u64 (cp, "evaluation-due", &due,
                          NULL); /* not in old ones */
  t->evaluation_due = due != 0;
  t->step = c.step;
  t->n_steps = c.n_steps;
  t->n_epochs = c.n_epochs;
  t->n_evaluated = c.n_evaluated;
  t->since_best = c.since_best;
  t->loss_n = c.loss_n;
  t->collapsed_for = c.collapsed_for;
  t->seconds = c.seconds;
  t->loss_sum = c.loss_sum;
  t->untrained_recall = c.untrained_recall;
  t->kept = c.kept;
  if (!restore_top (t, cp, error))
    return FALSE;
  if (!g_file_test (encoder, G_FILE_TEST_EXISTS)) {
    t->kept.score = (double) NAN; /* the next evaluation writes it again */
    t->top.score = (double) NAN;  /* and is the best of those to come */
  }
  return TRUE;
}
